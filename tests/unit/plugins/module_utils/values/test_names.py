"""How servers compare names, and which schemas are their own."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    DesiredAccount,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    is_system_schema,
    named_twice,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    Filters,
)

LOWER, EXACT = Names(ignores_case=True), Names()


def test_a_name_as_it_is_stored() -> None:
    assert LOWER.stored("Usage_Data.Calls") == "usage_data.calls"
    assert EXACT.stored("Usage_Data.Calls") == "Usage_Data.Calls"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mysql", True),
        ("MySQL", True),
        ("sys", True),
        ("INFORMATION_SCHEMA", True),
        ("performance_schema", True),
        ("mysql_usage", False),
        ("", False),
    ],
)
def test_schemas_of_the_server_itself(name: str, expected: bool) -> None:
    assert is_system_schema(name) == expected
    assert len(system_schema_problems("schema", name, "usage")) == expected


def test_what_is_said_of_them() -> None:
    assert system_schema_problems("check_schemas", "Sys") == [
        "check_schemas: Sys is a system schema; name one of your own."
    ]


def test_scopes_of_privileges() -> None:
    parsed = [Scope.parse(text) for text in ("*.*", "Usage_Data.*", "Usage_Data.Calls")]
    assert [scope.named(EXACT) for scope in parsed] == parsed
    assert [str(scope.named(LOWER)) for scope in parsed] == [
        "*.*",
        "usage_data.*",
        "usage_data.calls",
    ]


def test_privileges_of_one_schema_in_two_spellings_are_put_together() -> None:
    account = Account("a", "%")
    asked = DesiredAccount(
        account,
        privileges={Scope.parse("A.*"): ("SELECT",), Scope.parse("a.*"): ("INSERT", "UPDATE")},
    )
    assert asked.named(EXACT) == asked
    assert asked.named(LOWER).privileges == {Scope("a"): ("SELECT", "INSERT", "UPDATE")}
    assert DesiredAccount(account).named(LOWER) == DesiredAccount(account)


def test_filters() -> None:
    filters = Filters.of(
        {
            "do_databases": ["B", "a", "b"],
            "do_tables": ["A.T"],
            "wild_ignore_tables": [r"A\\_%.T_"],
            "rewrite_databases": [{"from": "Old", "to": "New"}],
        }
    )
    assert filters.named(EXACT) == filters
    named = filters.named(LOWER)
    assert named.do_databases == ("a", "b") and named.do_tables == ("a.t",)
    assert named.rewrite_databases == (("old", "new"),)
    assert named.wild_ignore_tables == (r"a\\_%.t_",)


def test_what_is_named_twice_is_told_once() -> None:
    assert named_twice("tables", ["s.a", "s.b"]) == []
    assert named_twice("tables", iter(["s.b", "s.a", "s.b", "s.b", "s.a"])) == [
        "tables: s.b is named 3 times; name it once.",
        "tables: s.a is named 2 times; name it once.",
    ]
