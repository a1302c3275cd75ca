"""From when on a channel counts as one that runs."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_start import (
    AGAIN,
    APPLY,
    CATCH_UP,
    CONNECT,
    LATE,
    RECEIVE,
    RUNS,
    ChannelStart,
)

WORKS = ChannelStatus("w1", io_running=True, connected=True, sql_running=True)
TRIES = replace(WORKS, connected=False)
DENIED = replace(TRIES, io_fault=Fault(1045, "x"))


def gtids(received: str, applied: str, status: ChannelStatus = WORKS) -> ChannelStatus:
    return replace(status, gtid_received=received, gtid_applied=applied)


def verdicts(start: ChannelStart, *looks: tuple[ChannelStatus, float]) -> list[str]:
    """Return the verdict of each look in turn, at a status after so many seconds."""
    found = []
    for status, seconds in looks:
        start = start.look(status, seconds)
        found.append(start.verdict)
    return found


def test_one_that_has_stopped_or_is_refused_is_not_waited_for() -> None:
    full = replace(WORKS, io_state="Waiting for disk space")
    for status in (
        DENIED,
        replace(WORKS, io_running=False),
        replace(WORKS, sql_running=False),
        full,
    ):
        assert verdicts(ChannelStart("1-1-9", started=True), (status, 0)) == [RUNS]


def test_one_that_tries_to_connect_gets_some_time_and_is_no_fault() -> None:
    assert verdicts(
        ChannelStart("1-1-9", started=True),
        (TRIES, 0),
        (replace(TRIES, io_fault=Fault(2003, "x")), CONNECT - 0.1),
        # What its source has it cannot have; what it has received before it has applied.
        (gtids("1-1-8", "1-1-8", TRIES), CONNECT),
    ) == [AGAIN, AGAIN, RUNS]


def test_one_that_cannot_connect_may_have_received_something() -> None:
    assert verdicts(
        ChannelStart(),
        (gtids("1-1-8", "1-1-7", TRIES), CONNECT),
        (gtids("1-1-8", "1-1-8", TRIES), CONNECT + 0.1),
    ) == [AGAIN, RUNS]


def test_what_the_source_had_has_to_be_applied() -> None:
    assert verdicts(
        ChannelStart("1-1-9", started=True),
        (gtids("1-1-9", "1-1-8,2-2-50"), 0),
        (gtids("1-1-12", "1-1-10,2-2-51"), 0.1),
    ) == [AGAIN, RUNS]
    assert verdicts(ChannelStart("", started=True), (WORKS, 0)) == [RUNS]


def test_one_that_runs_already_has_to_apply_what_it_has_received() -> None:
    assert verdicts(ChannelStart(), (gtids("1-1-8", "1-1-8"), 0)) == [RUNS]
    assert verdicts(
        ChannelStart(),
        (gtids("1-1-9", "1-1-8"), 0),
        # More comes all the time; what there was at the first look is enough.
        (gtids("1-1-99", "1-1-9"), 0.1),
    ) == [AGAIN, RUNS]


def test_one_that_was_started_and_whose_source_was_not_asked_gets_time_to_receive() -> None:
    assert verdicts(
        ChannelStart(started=True),
        (TRIES, 0),
        (WORKS, 0.5),
        (gtids("1-1-9", "1-1-8"), 0.5 + RECEIVE),
        (gtids("1-1-9", "1-1-9"), 0.6 + RECEIVE),
    ) == [AGAIN, AGAIN, AGAIN, RUNS]


def test_one_that_goes_on_applying_is_enough() -> None:
    # Of other sources more is applied meanwhile, which says nothing.
    idle = [
        (gtids("", f"1-1-8,2-2-{seconds * 10:.0f}"), seconds)
        for seconds in (0.0, CATCH_UP, APPLY - 0.1)
    ]
    start = ChannelStart("1-1-900", started=True)
    assert verdicts(start, *idle, (gtids("", "1-1-9"), APPLY)) == [AGAIN, AGAIN, AGAIN, RUNS]
    assert verdicts(
        start,
        (gtids("", "1-1-8"), 0),
        (gtids("", "1-1-9"), CATCH_UP - 0.1),
        (gtids("", "1-1-10"), CATCH_UP),
    ) == [AGAIN, AGAIN, RUNS]


def test_what_was_applied_before_the_first_look_counts() -> None:
    for before, said in (("1-1-7,2-2-3", RUNS), ("", RUNS), ("1-1-8,2-2-3", AGAIN)):
        start = ChannelStart("1-1-900", started=True, before=before)
        status = gtids("", "1-1-8,2-2-4")
        assert verdicts(start, (status, 0), (status, CATCH_UP)) == [AGAIN, said]


def test_one_that_applies_nothing_is_late() -> None:
    start, status = ChannelStart("1-1-900", started=True), gtids("", "1-1-8")
    assert verdicts(start, (status, 0), (status, APPLY)) == [AGAIN, LATE]


def test_a_delay_is_what_was_asked_for() -> None:
    delayed = replace(WORKS, settings=Settings(source_delay_seconds=60))
    assert verdicts(ChannelStart("1-1-9"), (delayed, 0)) == [RUNS]


def test_without_gtids_places_are_compared() -> None:
    by_place = replace(
        WORKS,
        settings=Settings(auto_position=False),
        received_log_file="binlog.1000000",
        received_log_position=200,
        source_log_file="binlog.999999",
        source_log_position=9000,
    )
    further = replace(by_place, source_log_position=9001)
    assert verdicts(ChannelStart(), (by_place, 0), (further, CATCH_UP)) == [AGAIN, RUNS]
    reached = replace(by_place, source_log_file="binlog.1000000", source_log_position=200)
    assert verdicts(ChannelStart(), (by_place, 0), (reached, 0.1)) == [AGAIN, RUNS]
    assert verdicts(ChannelStart(), (by_place, 0), (by_place, APPLY)) == [AGAIN, LATE]
