from __future__ import annotations

from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.retention import (
    plan,
    reader_findings,
    replica_findings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.retention import (
    OldRows,
    Outlook,
    ReaderStanding,
    Replica,
    Retention,
)

CUT = datetime(2024, 5, 3)


def old(name: str, rows: int) -> OldRows:
    return OldRows(Retention("usage_data", name, "id", "at", 7), CUT, rows=rows, oldest=CUT)


def test_a_step_for_each_table_with_old_rows() -> None:
    made = plan([old("calls", 5), old("events", 0), old("hits", 7)], None)
    assert [(step.target, step.after) for step in made.steps] == [
        ("usage_data.calls", {"rows": 0}),
        ("usage_data.hits", {"rows": 0}),
    ]
    assert [step.value.limit for step in made.steps] == [None, None]
    assert not plan([old("events", 0)], None).changed


def test_no_more_rows_than_asked_for() -> None:
    made = plan([old("calls", 5), old("hits", 7), old("events", 3)], 8)
    assert [(step.value.limit, step.after) for step in made.steps] == [
        (8, {"rows": 0}),
        (3, {"rows": 4}),
    ]
    assert [step.value.rows for step in made.steps] == [5, 3]


def test_each_read_server_that_may_lack_rows_is_named() -> None:
    found = reader_findings(
        "w1",
        [
            ReaderStanding("r1"),
            ReaderStanding("r2", unknown="no answer within 10.0 s"),
            ReaderStanding("r3", stopped="it has no such channel"),
            ReaderStanding("r4", left_out=("usage_data.calls",)),
        ],
        {"r2": datetime(2024, 5, 1, 3)},
        Outlook(5 << 30, 512 << 20),
    )
    assert [(one.code, one.where) for one in found] == [
        ("retention.reader_unknown", "r2"),
        ("retention.reader_stopped", "r3"),
        ("retention.rows_filtered", "r4"),
    ]
    assert str(found[1]) == (
        "r3: its channel from w1 does not run, so nothing is purged: it has no such channel. No purge "
        "has found it in order yet. Its disk has 5,120 MiB left, some 10 days at the present rate of "
        "512.0 MiB a day. Put the channel right."
    )
    assert "It was last in order at 2024-05-01 03:00:00 UTC." in str(found[0])


def test_somebody_else_who_reads_the_log() -> None:
    known, other = Replica("replication_r1", "10.0.0.1"), Replica("backup", "10.0.0.9")
    (found,) = replica_findings([known, other, other], ["replication_r1"], ["replication_r1"])
    assert (found.code, found.where) == ("retention.replica_unknown", "10.0.0.9")
    (hidden,) = replica_findings([], ["replication_r1"], ["replication_r1"])
    assert not replica_findings([], ["replication_r1"], [])
    assert (hidden.code, hidden.where) == ("retention.replica_hidden", "replication_r1")
