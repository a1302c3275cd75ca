"""Old rows purged by the module and by pt-archiver, and what inserts feel of it."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier, Event
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from benchmarks.measure import Sample, Table, part, ratio
from benchmarks.servers import PORT, READER, Failed, Servers, called, inventory
from demo.report import Report

MODULE = "mysql_retention_purge"
WRITER = "w1"
ROWS = 300_000
# Rows that are not old, a part of the old ones.
KEPT_PART = 10
CHUNK_ROWS = 1000
# A way that is slower is measured by what it has done until then; then it is ended in earnest.
LONGEST_SECONDS = 20
PATIENCE_SECONDS = 120.0
# Clients that insert a row each, and what each has to do otherwise before it inserts the next.
CLIENTS, THINK_SECONDS = 4, 0.01
# How long they are measured with nothing beside them.
QUIET_SECONDS = 5.0
# Rows a second by the peer's, and p99 of an insert by what it is otherwise.
RATE_AIM, P99_AIM = 3.0, 2.0

OURS = MODULE
# The one statement for each chunk is what somebody who knows pt-archiver well asks for.
BULK, SINGLE = "pt-archiver, a DELETE for each chunk", "pt-archiver, a DELETE for each row"
WAYS = (OURS, BULK, SINGLE)

SCHEMA, TABLE = "benchmark", "calls"
CREATE = """
CREATE TABLE benchmark.calls (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  request_id BIGINT UNSIGNED NOT NULL,
  started DATETIME NOT NULL,
  seconds INT UNSIGNED NULL,
  caller VARCHAR(20) NOT NULL,
  callee VARCHAR(20) NOT NULL,
  PRIMARY KEY ({key})
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
"""
# Ids as the write server gives them itself; each part of the rows spreads over its days.
FILL = """
INSERT INTO benchmark.calls (id, request_id, started, seconds, caller, callee)
SELECT 20 * (seq + %(below)s) + 1, seq * 2654435761 MOD 4294967296,
  %(begin)s + INTERVAL FLOOR(seq * %(days)s * 86400 / (%(rows)s + 1)) SECOND, seq MOD 900,
  CONCAT('+49', 1000000000 + seq * 7919 MOD 999983),
  CONCAT('+49', 1000000000 + seq * 104729 MOD 999979)
FROM (SELECT seq FROM benchmark.{sequence}) numbers
"""
NOW, DAYS_KEPT = "2026-02-10", 7
OLD = "started < '2026-02-03'"
COUNT_OLD = "SELECT COUNT(*) FROM benchmark.calls WHERE started < '2026-02-03'"
COUNT = "SELECT COUNT(*) FROM benchmark.calls"
HIGHEST = "SELECT MAX(id) FROM benchmark.calls"
INSERT = (
    "INSERT INTO benchmark.calls (request_id, started, seconds, caller, callee) "
    "VALUES (%s, '2026-02-09 12:00:00', 60, '+491000000000', '+491000000001')"
)


@dataclass
class Purge:
    """What a number of old rows has shown."""

    rows: int
    # Rows a second by way: the whole process, with nothing beside it and with clients that insert.
    alone: dict[str, list[float]] = field(default_factory=dict)
    beside: dict[str, list[float]] = field(default_factory=dict)
    # The same of ours without start, search and wait for the read server, as its result says.
    inside: list[float] = field(default_factory=list)
    # Seconds that ours paused to let inserts pass.
    paused: list[float] = field(default_factory=list)
    # Seconds of each insert: before a purge, and during one by way.
    undisturbed: list[float] = field(default_factory=list)
    inserts: dict[str, list[float]] = field(default_factory=dict)

    @property
    def times(self) -> float:
        """Return our rows a second by those of the peer's faster way."""
        ours = Sample(tuple(self.alone[OURS]))
        return min(ratio(ours, Sample(tuple(self.alone[way]))) for way in (BULK, SINGLE))

    def growth(self, way: str) -> float:
        """Return p99 of an insert during a purge by what it is otherwise."""
        return part(self.inserts[way], 0.99) / part(self.undisturbed, 0.99)


@dataclass
class Inserts:
    """Each insert of the clients: when it began, and its seconds."""

    each: list[tuple[float, float]] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[float]:
        """Return the seconds of those that began within a time."""
        return [seconds for began, seconds in self.each if begin <= began < end]


def measure(servers: Servers, rows: int, repetitions: int, report: Report) -> Purge:
    """Purge the write server's table by turns, alone and beside inserts.

    The servers are as site.yml makes them.
    """
    measured = Purge(rows)
    with servers.session(WRITER) as writer, servers.session(READER) as reader:
        for cursor, key in ((reader, "id, started"), (writer, "id")):
            cursor.execute("CREATE SCHEMA benchmark DEFAULT CHARACTER SET utf8mb4")
            cursor.execute(CREATE.format(key=key))
        try:
            _fill(reader, rows)
            for repetition in range(1, repetitions + 1):
                for way in WAYS if repetition == 1 else WAYS[:-1]:
                    _by_turns(servers, measured, way, writer, reader)
                    report.say(
                        f"purge, run {repetition} of {repetitions}: {way}: "
                        f"{measured.alone[way][-1]:,.0f} rows a second, "
                        f"{measured.beside[way][-1]:,.0f} beside inserts"
                    )
        finally:
            for cursor in (writer, reader):
                cursor.execute("DROP SCHEMA benchmark")
    return measured


def _by_turns(servers: Servers, measured: Purge, way: str, writer: Cursor, reader: Cursor) -> None:
    """Purge by one way, alone and then beside inserts."""
    make(writer, reader, measured.rows)
    rate, told = purged(servers, way, writer)
    measured.alone.setdefault(way, []).append(rate)
    if way == OURS:
        measured.inside.append(float(told["rows_per_second"]))

    make(writer, reader, measured.rows)
    with inserting(servers.socket(WRITER)) as inserts:
        began = time.monotonic()
        time.sleep(QUIET_SECONDS)
        begun = time.monotonic()
        rate, told = purged(servers, way, writer)
        ended = time.monotonic()
    measured.beside.setdefault(way, []).append(rate)
    if way == OURS:
        measured.paused.append(float(told["paused_seconds"]))
    measured.undisturbed += inserts.between(began, begun)
    measured.inserts.setdefault(way, []).extend(inserts.between(begun, ended))

    kept = _number(writer, COUNT) - _number(writer, COUNT_OLD)
    wanted = measured.rows // KEPT_PART + len(inserts.each)
    if kept != wanted:
        raise Failed(f"{way}: {kept} rows that are not old are left and not {wanted}")
    _wait_for(writer, reader)
    if (there := _number(reader, COUNT_OLD)) != measured.rows:
        raise Failed(f"{way}: the read server has {there} old rows and not {measured.rows}")


def purged(servers: Servers, way: str, writer: Cursor) -> tuple[float, dict[str, Any]]:
    """Purge by one way; return the rows a second, and what the module says of the table."""
    before = _number(writer, COUNT_OLD)
    if way == OURS:
        seconds, said = called(MODULE, options(servers), PATIENCE_SECONDS)
        told: dict[str, Any] = said["tables"][0]
    else:
        seconds, told = archived(archiver(servers.socket(WRITER), way)), {}
    gone = before - _number(writer, COUNT_OLD)
    if not gone or told.get("rows", gone) != gone:
        raise Failed(f"{way} removed {gone} rows of {before}, and says: {told}")
    return gone / seconds, told


def options(servers: Servers) -> dict[str, Any]:
    """Return the module's options, as the playbook gives them."""
    children = inventory(servers.net, 1)["all"]["children"]
    writer = children["write_servers"]["hosts"][WRITER]
    reader = children["read_servers"]["hosts"][READER]
    return {
        "login_unix_socket": servers.socket(WRITER),
        "login_user": "root",
        "server": WRITER,
        "server_host": writer["dbrw_address"],
        "server_port": PORT,
        "tables": [
            {"schema": SCHEMA, "name": TABLE, "time_column": "started", "days_kept": DAYS_KEPT}
        ],
        "read_servers": [
            {
                "name": READER,
                "host": reader["dbrw_address"],
                "port": PORT,
                "replication_user": f"replication_{READER}",
            }
        ],
        "read_server_user": "monitor",
        "read_server_password": (servers.folder / "secrets" / "monitor").read_text().strip(),
        "read_server_ssl": False,
        "now": NOW,
        "chunk_rows": CHUNK_ROWS,
        "max_seconds": LONGEST_SECONDS,
    }


def archiver(socket: str, way: str) -> list[str]:
    """Return the command of the peer's for the same work, outside the binary log (``b``) as well."""
    return [
        *("pt-archiver", "--config", os.devnull, "--no-version-check"),
        *("--source", f"S={socket},u=root,D={SCHEMA},t={TABLE},A=utf8mb4,b=1"),
        *("--where", OLD, "--purge", "--primary-key-only"),
        *("--limit", str(CHUNK_ROWS), "--commit-each", "--run-time", f"{LONGEST_SECONDS}s"),
        *(["--bulk-delete"] if way == BULK else []),
    ]


def archived(command: Sequence[str]) -> float:
    """Run the peer; return its seconds."""
    started = time.perf_counter()
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise Failed(f"pt-archiver has failed: {done.stdout}{done.stderr}")
    return seconds


def make(writer: Cursor, reader: Cursor, rows: int) -> None:
    """Make the write server's table afresh; it gives ids above all that the read server has."""
    highest = _number(reader, HIGHEST)
    writer.execute("DROP TABLE benchmark.calls")
    writer.execute(CREATE.format(key="id"))
    _fill(writer, rows)
    writer.execute("ALTER TABLE benchmark.calls AUTO_INCREMENT = %s", (highest + 1,))


def _fill(cursor: Cursor, rows: int) -> None:
    """Fill a table with the old rows, and with some that are not."""
    kept = rows // KEPT_PART
    for below, begin, days, number_of in (
        (0, "2026-01-01", 28, rows),
        (rows, "2026-02-04", 5, kept),
    ):
        cursor.execute(
            FILL.format(sequence=f"seq_1_to_{number_of}"),
            {"below": below, "begin": begin, "days": days, "rows": number_of},
        )
    if (found := _number(cursor, COUNT_OLD)) != rows:
        raise Failed(f"the table has {found} old rows and not {rows}")


def _wait_for(writer: Cursor, reader: Cursor) -> None:
    """Wait until the read server has applied what the write server has."""
    writer.execute("SELECT @@GLOBAL.gtid_binlog_pos")
    (position,) = writer.fetchone() or ("",)
    reader.execute("SELECT MASTER_GTID_WAIT(%s, %s)", (position, PATIENCE_SECONDS))
    if reader.fetchone() != (0,):
        raise Failed(f"{READER} has not applied {position} of {WRITER}")


def _number(cursor: Cursor, statement: str) -> int:
    cursor.execute(statement)
    (found,) = cursor.fetchone() or (None,)
    return int(found or 0)


# --- Clients that insert -----------------------------------------------------


@contextmanager
def inserting(socket: str) -> Iterator[Inserts]:
    """Let clients insert at once, each a process of its own; what they measured is there afterwards."""
    context = multiprocessing.get_context("spawn")
    barrier, stop = context.Barrier(CLIENTS + 1), context.Event()
    inserts = Inserts()
    with context.Pool(CLIENTS, _begin, (barrier, stop)) as pool:
        told = pool.map_async(_client, [socket] * CLIENTS, chunksize=1)
        try:
            barrier.wait(PATIENCE_SECONDS)
            yield inserts
        finally:
            stop.set()
            inserts.each += [one for each in told.get(PATIENCE_SECONDS) for one in each]


_shared: list[tuple[Barrier, Event]] = []


def _begin(barrier: Barrier, stop: Event) -> None:
    _shared.append((barrier, stop))


def _client(socket: str) -> list[tuple[float, float]]:
    """Insert a row and another until it is over; return when each began, and its seconds."""
    ((barrier, stop),) = _shared
    each: list[tuple[float, float]] = []
    with (
        closing(pymysql.connect(unix_socket=socket, user="root", autocommit=True)) as connection,
        connection.cursor() as cursor,
    ):
        barrier.wait(PATIENCE_SECONDS)
        while not stop.is_set():
            # Of one clock for all processes.
            began = time.monotonic()
            cursor.execute(INSERT, (len(each),))
            each.append((began, time.monotonic() - began))
            time.sleep(THINK_SECONDS)
    return each


# --- What is made of it ------------------------------------------------------


def rates(values: Sequence[float]) -> str:
    """Return the median of rates, with the smallest and the largest where there are several."""
    shown = f"{Sample(tuple(values)).median:,.0f}"
    return shown if len(values) == 1 else f"{shown} ({min(values):,.0f}–{max(values):,.0f})"


def table(measured: Purge) -> Table:
    """Return the ways side by side."""
    ours = Sample(tuple(measured.alone[OURS]))
    rows = [
        [
            f"{way}, the whole process" if way == OURS else way,
            rates(measured.alone[way]),
            f"{ratio(ours, Sample(tuple(measured.alone[way]))):.1f}",
            rates(measured.beside[way]),
        ]
        for way in measured.alone
    ]
    inside = ["its chunks alone, as its result says", rates(measured.inside), "", ""]
    return Table(
        f"{measured.rows:,} old rows in chunks of {CHUNK_ROWS:,}: rows a second, median (min–max)",
        ("way", "rows a second", "the module by it", f"beside {CLIENTS} clients that insert"),
        [rows[0], inside, *rows[1:]],
    )


def inserts_table(measured: Purge) -> Table:
    """Return what inserts felt of each way."""

    def row(name: str, each: Sequence[float], growth: float) -> list[str]:
        parts = [f"{1e3 * part(each, share):.2f}" for share in (0.5, 0.99, 1.0)]
        return [name, f"{len(each):,}", *parts, f"{growth:.1f}"]

    return Table(
        f"An insert of one row, {CLIENTS} clients: milliseconds",
        ("meanwhile", "inserts", "p50", "p99", "the longest", "p99 by that with no purge"),
        [
            row("no purge", measured.undisturbed, 1.0),
            *(row(way, each, measured.growth(way)) for way, each in measured.inserts.items()),
        ],
    )


def judged(measured: Purge) -> Sequence[str]:
    """Return each aim with whether it is met, as sentences."""
    faster = max((BULK, SINGLE), key=lambda way: Sample(tuple(measured.alone[way])).median)
    times, growth = measured.times, measured.growth(OURS)
    return [
        f"A purge removes {RATE_AIM:.0f} times the rows a second of pt-archiver: "
        f"**{'met' if times >= RATE_AIM else 'missed'}**, {times:.1f} times those of its faster way, "
        f"{rates(measured.alone[OURS])} and {rates(measured.alone[faster])}.",
        f"An insert beside a purge: p99 at most {P99_AIM:.0f} times what it is otherwise: "
        f"**{'met' if growth <= P99_AIM else 'missed'}**, {growth:.1f} times; "
        f"beside pt-archiver {measured.growth(faster):.1f} times.",
    ]
