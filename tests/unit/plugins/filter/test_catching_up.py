"""A member that was restarted is waited for, unless it has to be put right first."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.catching_up import catching_up

FOLLOWS = {"running": True, "seconds_behind_source": 0}
CONNECTING = {"running": False, "seconds_behind_source": None}
STOPPED = {"running": False, "seconds_behind_source": None, "error": "Error 1062: Duplicate entry."}


def result(member: dict[str, Any], *codes: str, where: str = "f2") -> dict[str, Any]:
    found = [
        {
            "code": f"replica_set.{code}",
            "where": where,
            "text": f"It is {code}.",
            "todo": "Mend it.",
        }
        for code in codes
    ]
    own = {"name": "f2", "state": "closed", "error": None, **member}
    return {"members": [{"name": "f1", "state": "active"}, own], "diagnosis": found}


@pytest.mark.parametrize(
    ("given", "done", "problems"),
    [
        (result({"state": "active", **CONNECTING}), True, []),
        (result(FOLLOWS), True, []),
        (result({"running": True, "seconds_behind_source": 9}, "member_lagging"), False, []),
        (result({"running": True, "seconds_behind_source": None}), False, []),
        (result(CONNECTING, "member_stopped"), False, []),
        (result(CONNECTING, "member_does_not_follow"), False, []),
        (result(STOPPED, "member_stopped"), False, ["f2: It is member_stopped. Mend it."]),
        (result(CONNECTING, "member_diverged"), False, ["f2: It is member_diverged. Mend it."]),
        # It follows, and has what nobody else has.
        (result(FOLLOWS, "member_diverged"), False, ["f2: It is member_diverged. Mend it."]),
        (result(CONNECTING, "member_new"), False, ["f2: It is member_new. Mend it."]),
        # Another one has nothing to do with it.
        (result(FOLLOWS, "member_diverged", where="f3"), True, []),
        (result(FOLLOWS, "not_super_read_only"), True, []),
    ],
)
def test_how_far_it_is(given: dict[str, Any], done: bool, problems: list[str]) -> None:
    assert catching_up(given, "f2") == {"done": done, "problems": problems}
