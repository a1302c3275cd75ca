"""A month dropped through the module, by the bare statement, and with DELETE."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from pymysql.cursors import Cursor

from benchmarks.measure import Sample, Table, number, ratio
from benchmarks.servers import READER, Failed, Servers, called
from demo.report import Report

MODULE = "mysql_month_partition"
# Longer than a drop takes on any machine; a run that hangs must not hang for ever.
MODULE_SECONDS = 120.0
# Rows of the month after the one that goes; they must stay.
KEPT_ROWS = 1000

CREATE = """
CREATE TABLE calls (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  request_id BIGINT UNSIGNED NOT NULL,
  started DATETIME NOT NULL,
  seconds INT UNSIGNED NULL,
  caller VARCHAR(20) NOT NULL,
  callee VARCHAR(20) NOT NULL,
  PRIMARY KEY (id, started)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
PARTITION BY RANGE COLUMNS (started) (
  PARTITION p2026m01 VALUES LESS THAN ('2026-02-01'),
  PARTITION p2026m02 VALUES LESS THAN ('2026-03-01'),
  PARTITION p2026m03 VALUES LESS THAN ('2026-04-01'),
  PARTITION p2026m04 VALUES LESS THAN ('2026-05-01')
)
"""
# A month of ids of one residue class, spread over 28 days; callers come in no order.
FILL = """
INSERT INTO calls (id, request_id, started, seconds, caller, callee)
SELECT 20 * seq + %(residue)s, seq * 2654435761 MOD 4294967296,
  %(month)s + INTERVAL FLOOR(seq * 2419200 / (%(rows)s + 1)) SECOND, seq MOD 900,
  CONCAT('+49', 1000000000 + seq * 7919 MOD 999983),
  CONCAT('+49', 1000000000 + seq * 104729 MOD 999979)
FROM (SELECT seq FROM {sequence}) numbers
"""
# Added when the rows are there, which takes a third of the time.
INDEXES = """
ALTER TABLE calls ADD KEY request_id (request_id), ADD KEY caller (caller, started),
  ADD KEY callee (callee, started)
"""
DROP = "ALTER TABLE calls DROP PARTITION p2026m01"
DELETE = "DELETE FROM calls WHERE started < '2026-02-01'"


@dataclass
class Month:
    """Seconds that the ways took; ``inside`` is what the module says of its statement."""

    rows: int
    bytes: int
    process: list[float]
    inside: list[float]
    bare: list[float]
    delete: list[float]


def measure(servers: Servers, rows: int, repetitions: int, report: Report) -> Month:
    """Drop a month on the read server, by turns, each time from a table made afresh."""
    month = Month(rows, 0, [], [], [], [])
    with servers.session(READER) as cursor:
        cursor.execute("CREATE SCHEMA benchmark DEFAULT CHARACTER SET utf8mb4")
        cursor.execute("USE benchmark")
        try:
            for repetition in range(1, repetitions + 1):
                report.say(f"a month of {rows:,} rows, run {repetition} of {repetitions}")
                month.bytes = _make(cursor, rows)
                process, inside = _by_module(servers)
                _ensure_gone(cursor)
                month.process.append(process)
                month.inside.append(inside)
                report.say(
                    f"  through the module: {number(process)} s, its statement {number(inside)} s"
                )
                _make(cursor, rows)
                month.bare.append(_timed(cursor, DROP))
                _ensure_gone(cursor)
                report.say(f"  the bare statement: {number(month.bare[-1])} s")
            _make(cursor, rows)
            month.delete.append(_timed(cursor, DELETE))
            _ensure_gone(cursor)
            report.say(f"  DELETE: {number(month.delete[-1])} s")
        finally:
            cursor.execute("DROP SCHEMA benchmark")
    return month


def _make(cursor: Cursor, rows: int) -> int:
    """Make the table with the month that goes and one that stays; return the month's bytes."""
    cursor.execute("DROP TABLE IF EXISTS calls")
    cursor.execute(CREATE)
    for residue, month, count in ((1, "2026-01-01", rows), (2, "2026-02-01", KEPT_ROWS)):
        statement = FILL.format(sequence=f"seq_1_to_{count}")
        cursor.execute(statement, {"residue": residue, "month": month, "rows": count})
    cursor.execute(INDEXES)
    found = _value(cursor, "SELECT COUNT(*) FROM calls PARTITION (p2026m01)")
    if found != rows:
        raise Failed(f"the month has {found} rows and not {rows}")
    return int(
        _value(
            cursor,
            "SELECT FILE_SIZE FROM information_schema.INNODB_SYS_TABLESPACES"
            " WHERE NAME = 'benchmark/calls#P#p2026m01'",
        )
    )


def _by_module(servers: Servers) -> tuple[float, float]:
    """Run the module as Ansible does, as a process; return its seconds and its statement's."""
    arguments = {
        "login_unix_socket": servers.socket(READER),
        "login_user": "root",
        "schema": "benchmark",
        "table": "calls",
        "time_column": "started",
        "months_ahead": 1,
        "months_kept": 1,
        "now": "2026-03-15",
    }
    seconds, said = called(MODULE, arguments, MODULE_SECONDS)
    steps: list[dict[str, Any]] = said["steps"]
    if [(step["action"], step["partitions"]) for step in steps] != [
        ("drop partitions", ["p2026m01"])
    ]:
        raise Failed(f"the module did something else: {steps}")
    return seconds, float(steps[0]["seconds"])


def _timed(cursor: Cursor, statement: str) -> float:
    started = time.perf_counter()
    cursor.execute(statement)
    return time.perf_counter() - started


def _ensure_gone(cursor: Cursor) -> None:
    found = _value(cursor, "SELECT COUNT(*) FROM calls")
    if found != KEPT_ROWS:
        raise Failed(f"{found} rows are left and not {KEPT_ROWS}")


def _value(cursor: Cursor, statement: str) -> Any:
    cursor.execute(statement)
    row = cursor.fetchone()
    if row is None:
        raise Failed(f"no row: {statement}")
    return row[0]


def table(month: Month) -> Table:
    """Return the ways side by side."""
    bare = Sample(tuple(month.bare))
    ways = [
        ("ALTER TABLE ... DROP PARTITION, bare", bare),
        ("the module's statement, as its result says", Sample(tuple(month.inside))),
        ("mysql_month_partition, the whole process", Sample(tuple(month.process))),
        ("DELETE of the same rows, once", Sample(tuple(month.delete))),
    ]
    return Table(
        f"A month of {month.rows:,} rows, {month.bytes / 2**20:.0f} MiB with three indexes",
        ("way", "seconds, median (min–max)", "by the bare statement"),
        [[name, str(sample), f"{ratio(sample, bare):.1f}"] for name, sample in ways],
    )
