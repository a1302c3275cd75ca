"""What a user writes of accounts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.account import Account, Scope
from ansible_collections.dbrw.sharding.plugins.module_utils.values.account_options import (
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
        ({"name": "mysql.sys", "host": "localhost"}, "mysql.sys@localhost belongs to the server"),
        ({"name": "app", "password": ""}, "app@%: an empty password lets anyone in"),
        ({"name": "app", "password": "s3cret\0"}, "app@%: a password with a NUL character"),
        ({"name": "app", "privileges": {"s.*": "SELECT"}}, "privileges on 's.*' are no list"),
        ({"name": "app", "privileges": {"s.*": [1]}}, "privileges on 's.*' are no list"),
        ({"name": "app", "privileges": {"s": ["SELECT"]}}, "app@%: 's' is no object of a grant"),
    ],
)
def test_what_cannot_be_asked_for(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refusal:
        desired_accounts([{**NOTHING_SAID, **options}])
    assert len(refusal.value.problems) == 1 and said in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        desired_accounts(
            [
                {**NOTHING_SAID, "name": "app", "password": ""},
                {**NOTHING_SAID, "name": "app", "host": "%", "privileges": {"s": 1, "t": []}},
            ]
        )
    assert [problem.split(":")[0] for problem in refusal.value.problems[:3]] == ["app@%"] * 3
    assert refusal.value.problems[3] == "app@% is listed twice; make it one entry."
    with pytest.raises(Refused, match="The list of accounts is empty; name at least one."):
        desired_accounts([])
