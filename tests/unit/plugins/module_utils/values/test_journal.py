"""What is read from a journal."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import (
    DONE,
    FAILED,
    INTENT,
    Entry,
    Journal,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.pin import Pin

AT = datetime(2026, 5, 1, 12)


def entry(number: int, step: str, state: str, server: str = "here", target: str = "a") -> Entry:
    return Entry(number, step, target, server, state, Pin({"server_id": str(number)}), AT)


def test_an_empty_one() -> None:
    assert Journal().interrupted is None and Journal().pins == {} and Journal().last("a") is None


def test_only_the_last_step_can_be_interrupted() -> None:
    begun = entry(2, "copy", INTENT, "target")
    assert Journal((entry(1, "copy", DONE), begun)).interrupted == begun
    assert begun.sentence == "copy a on target, begun 2026-05-01 12:00:00 UTC"
    assert Journal((begun, entry(3, "copy", DONE))).interrupted is None


def test_the_last_of_an_action_that_is_done() -> None:
    entries = (
        entry(1, "copy", DONE),
        entry(2, "copy", DONE, target="b"),
        entry(3, "copy", FAILED),
        entry(4, "check", DONE),
    )
    assert Journal(entries).last("copy") == entries[1]
    assert Journal(entries).last("copy", "a") == entries[0]
    assert Journal(entries).last("copy", "c") is None


def test_a_server_is_known_by_what_it_was_last() -> None:
    entries = (entry(1, "copy", DONE), entry(2, "copy", DONE, "x"), entry(3, "copy", INTENT))
    assert Journal(entries).pins == {"here": entries[2].pin, "x": entries[1].pin}
