"""What a user writes of accounts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account_options import (
    account_privileges,
    desired_accounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

NOTHING_SAID: dict[str, Any] = dict.fromkeys(
    (
        "host",
        "hosts",
        "kind",
        "password",
        "update_password",
        "old_password",
        "privileges",
        "roles",
        "default_roles",
        "revoke_unlisted",
        "require_tls",
        "resource_limits",
        "locked",
        "state",
    )
)


def test_what_is_asked_for() -> None:
    (plain,) = desired_accounts([{**NOTHING_SAID, "name": "app"}])
    assert plain.account == Account("app", "%") and plain.present and plain.update_password
    assert (plain.password, plain.require_tls, plain.privileges) == (None, None, None)
    (full,) = desired_accounts(
        [
            {
                **NOTHING_SAID,
                "name": "App",
                "host": "LocalHost",
                "password": "s3cret",
                "update_password": "on_create",
                "privileges": {r"a_b.*": ["SELECT"], r"a\_b.*": ["INSERT"], "*.*": []},
                "require_tls": False,
                "state": "absent",
            }
        ]
    )
    assert full.account == Account("App", "localhost") and str(full.account) == "App@localhost"
    assert full.password is not None and full.password.reveal() == "s3cret"
    assert not full.present and not full.update_password and full.require_tls is False
    assert full.privileges == {Scope(r"a\_b"): ("SELECT", "INSERT"), Scope(): ()}
    assert "s3cret" not in repr(full)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": ""}, "An account has no name"),
        ({"name": "app", "host": ""}, "app@: an empty host; write '%' for any."),
        (
            {"name": "mysql.sys", "host": "localhost"},
            "mysql.sys@localhost is an internal account of the server",
        ),
        ({"name": "app", "password": ""}, "app@%: an empty password lets anyone log in"),
        ({"name": "app", "password": "s3cret\0"}, "app@%: the password has a NUL character"),
        ({"name": "app", "privileges": {"s.*": "SELECT"}}, "privileges on 's.*' are not a list"),
        ({"name": "app", "privileges": {"s.*": [1]}}, "privileges on 's.*' are not a list"),
        (
            {"name": "app", "privileges": {"s": ["SELECT"]}},
            "app@%: 's' is not an object of a grant",
        ),
    ],
)
def test_what_cannot_be_asked_for(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refusal:
        desired_accounts([{**NOTHING_SAID, **options}])
    assert len(refusal.value.problems) == 1 and said in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_more_that_is_asked_for() -> None:
    one, two = desired_accounts(
        [
            {
                **NOTHING_SAID,
                "name": "app",
                "hosts": ["10.1.%", "LocalHost"],
                "revoke_unlisted": True,
                "roles": ["reader", "odd@name@LocalHost", "reader@%"],
                "default_roles": [],
                "resource_limits": {"max_user_connections": 0, "max_queries_per_hour": None},
                "locked": False,
                "old_password": "keep",
            }
        ]
    )
    assert (one.account, two.account) == (Account("app", "10.1.%"), Account("app", "localhost"))
    assert one.roles == two.roles == (Account("reader", "%"), Account("odd@name", "localhost"))
    assert (one.default_roles, one.limits) == ((), {"max_user_connections": 0})
    assert (one.locked, one.old_password, one.revoke_unlisted) == (False, "keep", True)
    # A role and a user may have one name on MariaDB.
    user, role = ({**NOTHING_SAID, "name": "r", "kind": kind} for kind in ("user", "role"))
    assert [wanted.is_role for wanted in desired_accounts([user, role])] == [False, True]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "a", "hosts": ["b"]}, "app: host and hosts exclude each other; put all into"),
        ({"hosts": []}, "app: hosts is empty; name at least one, or leave it out."),
        ({"hosts": ["a", "A"]}, "app@a is listed twice"),
        ({"hosts": ["a", "b"], "password": ""}, "app: an empty password lets anyone log in"),
        (
            {"kind": "role", "password": "x", "hosts": ["b"], "locked": False},
            "app@b: a role cannot log in; leave out hosts, password, locked.",
        ),
        ({"revoke_unlisted": True}, "app@%: revoke_unlisted needs privileges or roles; list"),
        ({"roles": ["@%"]}, "app@%: roles: An account has no name"),
        ({"default_roles": ["r@"]}, "app@%: default_roles: r@: an empty host; write '%' for any."),
        (
            {"resource_limits": {"max_user_connections": 2147483648}},
            "app@%: max_user_connections 2147483648 is out of range; choose 0 (no limit) to",
        ),
        (
            {"resource_limits": {"max_statement_time_seconds": 0.0000001}},
            "app@%: max_statement_time_seconds 1e-07 is finer than a microsecond; round it.",
        ),
    ],
)
def test_more_that_cannot_be_asked_for(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refusal:
        desired_accounts([{**NOTHING_SAID, "name": "app", **options}])
    assert len(refusal.value.problems) == 1 and refusal.value.problems[0].startswith(said), (
        refusal.value.problems
    )


def test_all_mistakes_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        desired_accounts(
            [
                {**NOTHING_SAID, "name": "app", "password": ""},
                {**NOTHING_SAID, "name": "app", "host": "%", "privileges": {"s": 1, "t": []}},
            ]
        )
    assert [problem.split(":")[0] for problem in refusal.value.problems[:3]] == ["app@%"] * 3
    assert refusal.value.problems[3] == "app@% is listed twice; merge the two entries."
    with pytest.raises(Refused, match="The list of accounts is empty; name at least one."):
        desired_accounts([])


def test_privileges_of_one_account_alone() -> None:
    asked = {"*.*": ["PROCESS"], "s.t": ["SELECT", "INSERT"], "s.u": []}
    assert account_privileges(asked) == {
        Scope(): ("PROCESS",),
        Scope("s", "t"): ("SELECT", "INSERT"),
        Scope("s", "u"): (),
    }
    with pytest.raises(Refused) as refusal:
        account_privileges({"s": ["SELECT"], "*.*": "SELECT"})
    assert [problem[:20] for problem in refusal.value.problems] == [
        "'s' is not an object",
        "the privileges on '*",
    ]
