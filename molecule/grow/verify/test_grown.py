"""After a third data centre has joined: nobody was disturbed, and it takes part."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from grow.watch import NEWCOMER, WATCHED
from lab.record import Run
from lab.servers import FOLDER, write_servers
from lab.writer import INSERTING

ALL = ["w1", "w2", "w3", "w4", "w5"]
LONGEST_PAUSE = 2.0


@pytest.fixture(scope="module")
def watched() -> Any:
    return json.loads(WATCHED.read_text())


def test_no_channel_has_restarted(watched: Any) -> None:
    # Of each channel one thread receives and one applies.
    before, after = watched["threads_before"], watched["threads_after"]
    assert {reader: len(threads) for reader, threads in before.items()} == {"r1": 8, "r2": 8}
    for reader, threads in before.items():
        assert set(threads) < set(after[reader])
    assert {reader: len(threads) for reader, threads in after.items()} == {
        "r1": 10,
        "r2": 10,
        "r3": 10,
    }


def test_applications_hear_of_it_when_every_read_server_follows_it(watched: Any) -> None:
    assert watched["followed_when_told"] == {"r1": ALL, "r2": ALL, "r3": ALL}


def test_no_pause_for_the_writers() -> None:
    run = Run(FOLDER / "record/grow")
    pauses = run.longest_pauses()
    assert len(pauses) == INSERTING * len(run.applications) == INSERTING * 3
    assert max(pauses.values()) < LONGEST_PAUSE, pauses


def test_another_run_changes_nothing(watched: Any) -> None:
    assert watched["changed_again"] == []


def test_the_newcomer_takes_rows() -> None:
    before, after = (
        Counter(event["server"] for event in Run(FOLDER / "record" / name).events("insert"))
        for name in ("grow", "grown")
    )
    assert before[NEWCOMER] == 0 and after[NEWCOMER] > 0, (before, after)
    assert [server.name for server in write_servers()] == ALL
