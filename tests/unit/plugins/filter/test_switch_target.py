"""Which member of a pair takes over, by what each says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.switch_target import switch_target


def said(state: str, epoch: int = 0, active: str = "") -> dict[str, Any]:
    known = {"epoch": epoch, "active": active} if epoch else None
    return {"changed": False, "epoch": known, "members": [{"state": state}]}


@pytest.mark.parametrize(
    ("f1", "f2", "name", "problem"),
    [
        (said("active", 1, "f1"), said("closed", 1, "f1"), "f2", ""),
        (said("lifted", 2, "f2"), said("active", 2, "f2"), "f1", ""),
        # The writer is down; the module says what to do.
        ({"unreachable": True}, said("closed", 1, "f1"), "f2", ""),
        # Both take writes: the module closes the one with the older epoch.
        (said("active", 1, "f1"), said("active", 2, "f2"), "f2", ""),
        (said("active", 1, "f1"), said("open", 1, "f1"), "f1", ""),
        (said("active", 10, "f1"), said("active", 9, "f2"), "f1", ""),
        (said("open"), said("open"), "", "f1 and f2 take writes at once, and no epoch says"),
        (said("open", 3, "f9"), said("open", 3, "f9"), "", "take writes at once, and no epoch"),
        (said("closed", 1, "f1"), said("closed", 1, "f1"), "", "f1 and f2 are closed, and nobody"),
        (said("active", 1, "f1"), said("unreachable"), "", "f2 does not answer, and f1 takes"),
        (None, said("active", 2, "f2"), "", "f1 does not answer, and f2 takes"),
        (None, said("unreachable"), "", "f1 and f2 do not answer, and nobody knows"),
    ],
)
def test_who_takes_over(
    f1: dict[str, Any] | None, f2: dict[str, Any], name: str, problem: str
) -> None:
    found = switch_target(
        ["f1", "f2"], {"f1": {"dbrw_own": f1} if f1 else {}, "f2": {"dbrw_own": f2}}
    )
    assert found["name"] == name
    assert problem in found["problem"] and bool(problem) == bool(found["problem"])
