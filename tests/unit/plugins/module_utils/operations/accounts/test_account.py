"""What mysql_account refuses before it asks any server."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.accounts.account import (
    Accounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import Account
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from tests.support.options import desired, refusals


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "one of the following is required: name, accounts"),
        ({"name": "a", "accounts": [{"name": "b"}]}, "accounts|name"),
        ({"state": "absent", "accounts": [{"name": "b"}]}, "accounts|state"),
        ({"accounts": [{"host": "%"}]}, "missing required arguments: name"),
    ],
)
def test_options_that_exclude_or_require_each_other(options: dict[str, Any], said: str) -> None:
    (told,) = refusals(Accounts(), **options)
    assert said in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"accounts": []}, "The list of accounts is empty"),
        ({"name": ""}, "An account has no name"),
        ({"name": "a", "password": ""}, "a@%: an empty password lets anyone log in"),
        ({"name": "a", "privileges": {"s": ["SELECT"]}}, "a@%: 's' is not an object of a grant"),
        ({"name": "a", "privileges": {"*.*": "SELECT"}}, "the privileges on '*.*' are not a list"),
        ({"accounts": [{"name": "a"}, {"name": "a", "host": "%"}]}, "a@% is listed twice"),
        (
            {"name": "mysql.sys", "host": "localhost"},
            "mysql.sys@localhost is an internal account of the server",
        ),
        ({"name": "a\nb"}, "the name is 'a\\nb': it has a line break"),
        ({"name": "a", "host": "10.%,192.%"}, "an account has one pattern"),
        ({"name": "a", "host": "10.1.2.3/255.255.0.0"}, "with no bit outside"),
        ({"revoke_unlisted": True}, "a@%: revoke_unlisted needs privileges or roles"),
        ({"host": "%", "hosts": ["x"]}, "a: host and hosts exclude each other"),
        ({"hosts": []}, "a: hosts is empty"),
        ({"hosts": ["x", "X"]}, "a@x is listed twice"),
        ({"kind": "role", "password": "x", "locked": True}, "leave out password, locked"),
        ({"roles": ["@x"]}, "a@%: roles: An account has no name"),
        ({"resource_limits": {"max_user_connections": -1}}, "max_user_connections -1 is out of"),
    ],
)
def test_refuses_before_any_sql(options: dict[str, Any], said: str) -> None:
    given = options if {"name", "accounts"} & set(options) else {"name": "a", **options}
    with pytest.raises(Refused) as refused:
        desired(Accounts(), **given)
    assert said in str(refused.value)


def test_one_account_and_a_list_of_it_are_the_same() -> None:
    one = {"name": "app", "hosts": ["10.%", "localhost"], "privileges": {"S.t": ["SELECT"]}}
    alone, listed = (desired(Accounts(), **given) for given in (one, {"accounts": [one]}))
    assert alone == listed
    assert [wanted.account for wanted in alone.accounts] == [
        Account("app", "10.%"),
        Account("app", "localhost"),
    ]
    for ignores_case, schema in ((True, "s"), (False, "S")):
        for wanted in Accounts().named(alone, partial(Names, ignores_case)).accounts:
            assert [scope.schema for scope in wanted.privileges or ()] == [schema]
