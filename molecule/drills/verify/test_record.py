"""Every acknowledged row is everywhere once, as it was acknowledged last; and nobody waited."""

from __future__ import annotations

import pytest
from lab.record import CHANNEL_SECONDS, Run, content, problems, runs, written
from lab.servers import Server, application, read_servers, wait_until, write_servers
from lab.writer import INSERTING

RUNS = runs()
LAST = RUNS[-1]
APPLY_SECONDS = 10
PAUSE_SECONDS = 2

each_reader = pytest.mark.parametrize("reader", read_servers(), ids=lambda reader: reader.name)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_applications_have_settled_everything(run: Run) -> None:
    assert set(run.applications) == {writer.datacenter for writer in write_servers()}
    assert run.events("failure", "unsettled") == []
    assert len(run.events("stop")) == len(run.applications)


def test_nobody_waited() -> None:
    pauses = LAST.longest_pauses()
    assert len(pauses) == INSERTING * len(LAST.applications)
    assert {name: pause for name, pause in pauses.items() if pause >= PAUSE_SECONDS} == {}


@each_reader
def test_channels_ran_soon_after_the_fault(reader: Server) -> None:
    seen = [(one["at"] - LAST.fault_end, one) for one in LAST.events("channels")]
    since = LAST.running_since(reader)
    assert since is not None, seen
    assert since < LAST.fault_end + CHANNEL_SECONDS, seen


def test_ids_are_of_their_servers() -> None:
    increment = application().increment
    residues = {
        one.name: {row["id"] % increment for row in content(one)} for one in write_servers()
    }
    assert residues == {one.name: {one.offset} for one in write_servers()}


@each_reader
def test_every_acknowledged_row_is_there_once(reader: Server) -> None:
    rows = written()
    wait_until(
        lambda: content(reader) == rows,
        APPLY_SECONDS,
        f"{reader.name} has not what the write servers have",
    )
    assert problems(rows, RUNS, application().increment) == []
