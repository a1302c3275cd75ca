"""After a third data centre has joined: nobody was disturbed, and it takes part."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from grow.watch import NEWCOMER, WATCHED
from lab.record import Run
from lab.servers import FOLDER, write_servers

ALL = ["w1", "w2", "w3", "w4", "w5"]
LONGEST_PAUSE = 2.0


@pytest.fixture(scope="module")
def watched() -> Any:
    return json.loads(WATCHED.read_text())


def test_no_channel_has_restarted(watched: Any) -> None:
    before, after = watched["threads_before"], watched["threads_after"]
    assert {reader: len(threads) for reader, threads in before.items()} == {"r1": 4, "r2": 4}
    for reader, threads in before.items():
        assert set(threads) < set(after[reader])
    assert {reader: len(threads) for reader, threads in after.items()} == {
        "r1": 5,
        "r2": 5,
        "r3": 5,
    }


def test_applications_hear_of_it_when_every_read_server_follows_it(watched: Any) -> None:
    assert watched["followed_when_told"] == {"r1": ALL, "r2": ALL, "r3": ALL}


def test_no_pause_for_the_writers() -> None:
    pauses = Run(FOLDER / "record/grow").longest_pauses()
    assert pauses and max(pauses.values()) < LONGEST_PAUSE, pauses


def test_another_run_changes_nothing(watched: Any) -> None:
    assert watched["changed_again"] == []


def test_the_newcomer_takes_rows() -> None:
    before, after = (
        Counter(event["server"] for event in Run(FOLDER / "record" / name).events("insert"))
        for name in ("grow", "grown")
    )
    assert before[NEWCOMER] == 0 and after[NEWCOMER] > 0, (before, after)
    assert [server.name for server in write_servers()] == ALL
