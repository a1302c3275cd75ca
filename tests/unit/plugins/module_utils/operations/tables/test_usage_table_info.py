"""What mysql_usage_table_info refuses before it asks any server, and how it logs in at sources."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.usage_table_info import (
    Desired,
    UsageTableInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from tests.support import options


def desired(*sources: dict[str, Any], **given: Any) -> Desired:
    asked: dict[str, Any] = {"schema": "s", "compare_with": list(sources)}
    if "tables" not in given:
        asked["name"] = "calls"
    return options.desired(UsageTableInfo(), **{**asked, **given})


def test_a_source_s_login() -> None:
    own = {"server": "w1", "login_host": "h1", "login_user": "checker"}
    asked = desired(
        own,
        {"login_host": "h2", "login_port": 3307, "login_password": "theirs"},
        {"login_unix_socket": "/w3.sock"},
        login_host="here",
        login_user="root",
        login_password="ours",
    )
    assert list(asked.sources) == ["w1", "h2:3307", "/w3.sock"]
    logins = list(asked.sources.values())
    assert [(login.host, login.user) for login in logins] == [
        ("h1", "checker"),
        ("h2", "root"),
        ("localhost", "root"),
    ]
    # A password goes with its user, and to no one else.
    assert [login.password for login in logins] == [None, Secret("theirs"), Secret("ours")]


def test_every_mistake_is_told_at_once() -> None:
    there = {"server": "w1", "login_host": "h1"}
    with pytest.raises(Refused) as refused:
        desired({"server": "w1"}, there, there, schema="mysql")
    told = ["mysql is a system schema", "number 1 has neither login_host", "w1 is listed twice"]
    problems = refused.value.problems
    assert len(problems) == 3
    for said, problem in zip(told, problems, strict=True):
        assert said in problem


def test_tables_of_a_list() -> None:
    asked = desired(tables=[{"schema": None, "name": "a"}, {"schema": "own", "name": "a"}])
    assert list(map(str, asked.tables)) == ["s.a", "own.a"] and asked.listed
    assert list(map(str, desired().tables)) == ["s.calls"] and not desired().listed
    with pytest.raises(Refused) as refused:
        desired(tables=[{"schema": "sys", "name": name} for name in "aba"])
    assert refused.value.problems == [
        "tables: sys.a is named 2 times; name it once.",
        *(f"sys.{name}: schema: sys is a system schema; name one of your own." for name in "aba"),
    ]
    with pytest.raises(Refused, match="b has no schema; give it there, or once for all tables"):
        desired(tables=[{"schema": None, "name": "b"}], schema=None)
