"""A write server that would give ids which a read server has: mysql_autoinc_offset asks."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import forget_pair, outside_binary_log, own_schema, running
from tests.integration.lines import TestServer, Topology

MODULE = "mysql_autoinc_offset"
PASSWORD = "monitor of r1"
# Ids of offset 2 that the read server has: 2, 22, ... 19982.
HELD = 1000
WRITE = "CREATE TABLE {} (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, at DATETIME, b INT)"
READ = (
    "CREATE TABLE {} (id BIGINT UNSIGNED, at DATETIME, b INT, PRIMARY KEY (id, at)) "
    "PARTITION BY RANGE COLUMNS (at) (PARTITION p1 VALUES LESS THAN ('2026-02-01'), "
    "PARTITION p2 VALUES LESS THAN ('2026-03-01'))"
)


def rows_of(table: str, number: int, first: int, increment: int, at: str = "2026-01-01") -> str:
    """Return the INSERT of that many rows with ids ``increment`` apart."""
    return (
        f"INSERT INTO {table} (id, at, b) WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL "
        f"SELECT i + 1 FROM n WHERE i < 999) SELECT {first} + {increment} * (m.i * 1000 + n.i), "
        f"'{at}', 1 FROM n JOIN n AS m WHERE m.i * 1000 + n.i < {number}"
    )


@pytest.fixture
def reader(bare: Topology) -> TestServer:
    return bare.server("r1")


@pytest.fixture
def table(server: TestServer, reader: TestServer) -> Iterator[str]:
    """A usage table on w1 with 20 and 2 and no row, and on r1 with what w1 and w3 have made."""
    with own_schema(server) as schema:
        name = f"{schema}.calls"
        outside_binary_log(server, WRITE.format(name))
        outside_binary_log(
            reader,
            f"CREATE SCHEMA {schema}",
            READ.format(name),
            rows_of(name, HELD, 2, 20),
            rows_of(name, 3 * HELD, 3, 20, "2026-02-01"),
            f"CREATE USER monitor IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT ON {schema}.* TO monitor",
        )
        yield name
        outside_binary_log(reader, f"DROP SCHEMA {schema}", "DROP USER monitor")


@pytest.fixture
def asked(
    server: TestServer, reader: TestServer, table: str, pair: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Options with which w1 asks r1."""
    yield {
        **pair,
        "offset": 2,
        "force": True,
        "usage_tables": [dict(zip(("schema", "name"), table.split("."), strict=True))],
        "read_servers": [{"name": "r1", "host": reader.address, "port": reader.port}],
        "read_server_user": "monitor",
        "read_server_password": PASSWORD,
    }
    forget_pair(server)


def insert(server: TestServer, table: str) -> int:
    with (
        server.admin(init_command="SET SESSION sql_log_bin = 0") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO {table} (at, b) VALUES ('2026-01-01', 1)")
        return int(cursor.lastrowid)


def refusal(table: str, next_id: int, highest: int, residue: int = 2) -> str:
    return (
        f"{table}: this server's next id is {next_id}, and ids of its class ({residue} modulo "
        f"20) exist already up to {highest} on read server r1. It would give them again, and read "
        "servers would store two rows with one id. The server has come back empty or from a "
        "backup, the table was truncated, or the offset belonged to another server. Give it an "
        f"unused offset and an unused server id; or let it continue above them, with "
        f"next_id_above: {{{table}: {highest}}}."
    )


def unknown(result: dict[str, Any]) -> list[str]:
    return [
        text
        for text in result["warnings"]
        if text.startswith("It is unknown whether all read servers are free of")
    ]


def test_an_empty_write_server_is_refused_until_it_begins_above(
    server: TestServer, table: str, run_module: Any, asked: dict[str, Any]
) -> None:
    highest = 2 + 20 * (HELD - 1)
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **asked)
        assert refused["failed"] and not refused["changed"], refused
        assert refused["problems"] == [refusal(table, 2, highest)]
        assert running(server) == (1, 1)
    # What the refusal says, and no less.
    less = run_module(MODULE, server, **asked, next_id_above={table: highest - 20})
    assert less["problems"] == [refusal(table, highest, highest)]
    done = run_module(MODULE, server, **asked, next_id_above={table: highest})
    assert done["changed"] and not unknown(done), done
    assert insert(server, table) == highest + 20
    again = run_module(MODULE, server, **asked, next_id_above={table: highest})
    assert not again["changed"] and not run_module(MODULE, server, **asked)["changed"]

    # Emptied later, by a TRUNCATE that no read server has seen.
    outside_binary_log(server, f"TRUNCATE {table}")
    assert run_module(MODULE, server, **asked)["problems"] == [refusal(table, 2, highest)]


def test_a_table_that_is_not_there_yet_begins_with_its_first_id(
    server: TestServer, table: str, run_module: Any, asked: dict[str, Any]
) -> None:
    highest = 2 + 20 * (HELD - 1)
    outside_binary_log(server, f"DROP TABLE {table}")
    assert run_module(MODULE, server, **asked)["problems"] == [refusal(table, 2, highest)]
    floor = {**asked, "next_id_above": {table: highest}}
    # The table is made by a later task, and then the floor counts.
    assert run_module(MODULE, server, **floor)["changed"]
    outside_binary_log(server, WRITE.format(table))
    assert run_module(MODULE, server, **floor)["changed"]
    assert insert(server, table) == highest + 20
    misspelt = run_module(MODULE, server, **asked, next_id_above={table: highest, f"{table}x": 1})
    assert f"no table {table}x" in misspelt["problems"][0]


def test_one_that_was_restored_or_is_another_is_refused(
    server: TestServer, reader: TestServer, table: str, run_module: Any, asked: dict[str, Any]
) -> None:
    highest = 2 + 20 * (HELD - 1)
    # From a backup: its counter is in the middle of what it has made.
    outside_binary_log(server, rows_of(table, HELD // 2, 2, 20))
    half = 2 + 20 * (HELD // 2)
    assert run_module(MODULE, server, **asked)["problems"] == [refusal(table, half, highest)]
    outside_binary_log(server, f"TRUNCATE {table}")
    # An offset that was another's: w3's, and the last one, whose residue is 0.
    other = run_module(MODULE, server, **{**asked, "offset": 3})
    assert other["problems"] == [refusal(table, 3, 3 + 20 * (3 * HELD - 1), 3)]
    outside_binary_log(reader, rows_of(table, 5, 20, 20))
    last = run_module(MODULE, server, **{**asked, "offset": 20})
    assert last["problems"] == [refusal(table, 20, 100, 0)]

    # Multiplied, w3 has left half of its class to a server with offset 23, which must not
    # begin where w3 has been. w2 goes on.
    doubled = {**asked, "increment": 40, "earlier_increment": 20}
    fresh = run_module(MODULE, server, **{**doubled, "offset": 23})
    assert "ids of its class (23 modulo 40) exist already up to 59983" in fresh["msg"]
    outside_binary_log(server, rows_of(table, HELD, 2, 20))
    assert run_module(MODULE, server, **doubled)["changed"]


def test_a_month_that_was_dropped_hides_nothing(
    server: TestServer, reader: TestServer, table: str, run_module: Any, asked: dict[str, Any]
) -> None:
    """Of an emptied server the oldest ids are gone; slower and quicker servers are around it."""
    outside_binary_log(
        reader,
        f"TRUNCATE {table}",
        rows_of(table, 30_000, 1 + 20 * 50_000, 20),
        rows_of(table, 10_000, 2 + 20 * 400_000, 20),
        rows_of(table, 30_000, 3 + 20 * 900_000, 20),
    )
    highest = 2 + 20 * (400_000 + 9_999)
    assert run_module(MODULE, server, **asked)["problems"] == [refusal(table, 2, highest)]
    # It has numbered some rows since, which nobody had.
    for one in (server, reader):
        outside_binary_log(one, rows_of(table, 100, 2, 20))
    assert run_module(MODULE, server, **asked)["problems"] == [refusal(table, 2002, highest)]


def test_a_healthy_server_and_a_fresh_one_pass(
    server: TestServer, reader: TestServer, table: str, run_module: Any, asked: dict[str, Any]
) -> None:
    fresh = {**asked, "offset": 5}
    assert run_module(MODULE, server, **fresh)["changed"]
    outside_binary_log(server, rows_of(table, HELD, 2, 20))
    healthy = run_module(MODULE, server, **asked)
    assert healthy["changed"] and not unknown(healthy)
    # Rows of its own that only it has, and rows that it has purged.
    outside_binary_log(server, f"DELETE FROM {table} WHERE id < 15000")
    assert [insert(server, table) for _number in range(2)] == [20002, 20022]
    assert not run_module(MODULE, server, **asked)["changed"]
    # A read server that is new has no ids.
    outside_binary_log(reader, f"DROP TABLE {table}")
    new = run_module(MODULE, server, **asked)
    assert not new["changed"] and not unknown(new)


def test_rows_that_arrive_meanwhile_are_no_reason(
    server: TestServer, reader: TestServer, table: str, run_module: Any, asked: dict[str, Any]
) -> None:
    """The read server gets each row at once, which is ahead of a counter read before."""
    outside_binary_log(server, rows_of(table, HELD, 2, 20))
    assert run_module(MODULE, server, **asked)["changed"]
    stopped, made = threading.Event(), []

    def write() -> None:
        quiet = {"init_command": "SET SESSION sql_log_bin = 0"}
        with (
            server.admin(**quiet) as writer,
            reader.admin(**quiet) as applier,
            writer.cursor() as writing,
            applier.cursor() as applying,
        ):
            while not stopped.is_set():
                writing.execute(f"INSERT INTO {table} (at, b) VALUES ('2026-01-01', 1)")
                made.append(writing.lastrowid)
                applying.execute(f"INSERT INTO {table} VALUES (%s, '2026-01-01', 1)", (made[-1],))

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for _number in range(10):
            before = len(made)
            result = run_module(MODULE, server, **asked)
            assert not result.get("failed") and not result["changed"], result
            assert len(made) > before
    finally:
        stopped.set()
        writing.join()


def test_what_is_not_known_is_a_warning(
    bare: Topology,
    server: TestServer,
    reader: TestServer,
    table: str,
    run_module: Any,
    asked: dict[str, Any],
) -> None:
    def told(**options: Any) -> str:
        result = run_module(MODULE, server, **{**asked, "connect_timeout": 2, **options})
        assert not result.get("failed"), result
        (warning,) = unknown(result)
        assert PASSWORD not in str(result)
        return warning

    denied = told(read_server_password="another")
    assert "r1: server " in denied and "Access denied" in denied and f"({table})" in denied
    gone = [{"name": "r9", "host": reader.address, "port": 1}]
    assert "r9: server " in told(read_servers=gone)
    # One that answers is enough to refuse.
    both = run_module(MODULE, server, **{**asked, "read_servers": asked["read_servers"] + gone})
    assert both["failed"] and "on read server r1" in both["msg"]

    outside_binary_log(reader, f"REVOKE SELECT ON {table.split('.')[0]}.* FROM monitor")
    assert "SELECT command denied" in told()
    bare.host.run("sh", "-c", f"kill -{signal.SIGSTOP.value} {reader.pid}")
    try:
        started = time.monotonic()
        assert "r1: server " in told()
        assert time.monotonic() - started < 10
    finally:
        bare.host.run("sh", "-c", f"kill -{signal.SIGCONT.value} {reader.pid}")


def test_a_question_is_bounded_in_time(
    server: TestServer, reader: TestServer, table: str, run_module: Any, asked: dict[str, Any]
) -> None:
    """A month is dropped, or an index is made: the table is locked."""
    with reader.admin() as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {table} WRITE")
        started = time.monotonic()
        result = run_module(MODULE, server, **asked)
        assert time.monotonic() - started < 10
        cursor.execute("UNLOCK TABLES")
    (warning,) = unknown(result)
    assert "r1: server " in warning and f"({table})" in warning, warning
