"""Which member works in a failover: one alone, and another one where that could not be asked."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.failover_turns import failover_turns

NAMES = ["f1", "f2", "f3"]
SKIPPED = {"skipped": True, "changed": False}
FAILED = {"failed": True, "msg": "refused"}
AWAY = {"unreachable": True, "msg": "ssh"}
DONE = {"failed": False, "changed": True}


def said(state: str = "closed", epoch: int = 1, active: str = "f1") -> dict[str, Any]:
    known = {"epoch": epoch, "active": active} if epoch else None
    return {"epoch": known, "members": [{"state": state}]}


def turns(
    own: dict[str, Any], results: dict[str, Any] | None = None, to: str = ""
) -> dict[str, dict[str, bool]]:
    hostvars: dict[str, dict[str, Any]] = {name: {} for name in NAMES}
    for name, one in own.items():
        hostvars[name]["dbrw_own"] = one
    for name, one in (results or {}).items():
        hostvars[name]["dbrw_failed_over"] = one
    return {name: failover_turns(NAMES, hostvars, name, to) for name in NAMES}


def those(found: dict[str, dict[str, bool]], turn: str) -> list[str]:
    return [name for name in NAMES if found[name][turn]]


@pytest.mark.parametrize(
    ("own", "first"),
    [
        ({"f1": said("unreachable", 0), "f2": said(), "f3": said()}, ["f2"]),
        ({"f1": AWAY, "f2": said(), "f3": said()}, ["f2"]),
        # Of itself alone each knows that another one comes first.
        ({"f3": said()}, []),
        ({"f2": said("unreachable", 0), "f3": said()}, []),
        # The active writer answers: the first of the others asks the module, which refuses.
        ({"f1": said("active"), "f2": said(), "f3": said()}, ["f2"]),
        ({"f1": said(active="f3"), "f2": said(active="f3")}, ["f1"]),
        # One without an epoch is asked as others are.
        ({"f1": said(epoch=0), "f2": said(epoch=0), "f3": said(epoch=0)}, ["f1"]),
        ({}, []),
    ],
)
def test_who_works_first(own: dict[str, Any], first: list[str]) -> None:
    assert those(turns(own), "first") == first


def test_a_survivor_that_is_named_works_alone() -> None:
    found = turns({}, to="f3")
    assert those(found, "first") == ["f3"]
    assert those(found, "second") == []


@pytest.mark.parametrize(
    ("own", "results", "second"),
    [
        ({"f1": AWAY, "f2": AWAY, "f3": said()}, {"f3": SKIPPED}, ["f3"]),
        ({"f2": said("unreachable", 0), "f3": said()}, {}, ["f3"]),
        # It became unreachable after it had answered, before the module ran: it goes on.
        ({"f2": said(), "f3": said()}, {"f2": AWAY, "f3": SKIPPED}, ["f2"]),
        # One has worked, and nobody works after it, whatever came of it.
        ({"f2": said(), "f3": said()}, {"f2": DONE, "f3": SKIPPED}, []),
        ({"f2": said(), "f3": said()}, {"f2": FAILED, "f3": SKIPPED}, []),
        # The newest epoch counts, also where the first that answers knows an older one.
        ({"f2": said(active="f1"), "f3": said(epoch=2, active="f2")}, {}, ["f3"]),
        ({"f1": said()}, {}, []),
        ({}, {}, []),
    ],
)
def test_who_works_second(own: dict[str, Any], results: dict[str, Any], second: list[str]) -> None:
    assert those(turns(own, results), "second") == second


@pytest.mark.parametrize(
    ("results", "tried", "done"),
    [
        ({}, False, False),
        ({"f2": SKIPPED, "f3": AWAY}, False, False),
        ({"f2": FAILED, "f3": SKIPPED}, True, False),
        ({"f2": DONE, "f3": SKIPPED}, True, True),
        # The module does not say so itself.
        ({"f2": {"changed": False}}, True, True),
    ],
)
def test_what_has_come_of_it(results: dict[str, Any], tried: bool, done: bool) -> None:
    (found,) = {(one["tried"], one["done"]) for one in turns({}, results).values()}
    assert found == (tried, done)
