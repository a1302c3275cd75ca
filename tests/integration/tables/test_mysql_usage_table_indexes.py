"""mysql_usage_table adds indexes to a table that holds rows, while a channel brings more."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import forget_binary_logs, outside_binary_log
from tests.integration.lines import TestServer, Topology, wait_until
from tests.support.replication import MODULE as CHANNEL
from tests.support.replication import USER, follow, make_account

MODULE = "mysql_usage_table"
# So many that building an index takes long enough to look at.
DOUBLINGS = 17
CALLS = """
CREATE TABLE calls (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  started DATETIME NOT NULL,
  caller VARCHAR(20),
  seconds INT
)
"""
CALLER = {"name": "caller", "columns": ["caller", "started"]}
SECONDS = {"name": "seconds", "columns": ["seconds"]}


@pytest.fixture(scope="module")
def options() -> dict[str, Any]:
    return {
        "schema": f"test_{secrets.token_hex(4)}",
        "name": "calls",
        "definition": CALLS,
        "time_column": "started",
        "first_month": "2026-01",
        "now": "2026-02-15",
    }


@pytest.fixture(scope="module")
def writer(bare: Topology, options: dict[str, Any], run_module: Any) -> Iterator[TestServer]:
    """A write server with the table, empty."""
    server = bare.server("w1")
    forget_binary_logs(server)
    assert run_module(MODULE, server, **options, shape="write")["changed"]
    make_account(server)
    yield server
    outside_binary_log(server, f"DROP SCHEMA {options['schema']}", f"DROP USER {USER}")


@pytest.fixture(scope="module")
def reader(
    bare: Topology, writer: TestServer, options: dict[str, Any], run_module: Any
) -> Iterator[TestServer]:
    """A read server with the table in partitions and many rows, which follows the writer."""
    server, schema = bare.server("r1"), options["schema"]
    forget_binary_logs(server)
    assert run_module(MODULE, server, **options, shape="read")["changed"]
    columns = f"INSERT INTO {schema}.calls (started, caller, seconds) "
    outside_binary_log(
        server,
        # Ids that the writer does not come to.
        f"ALTER TABLE {schema}.calls AUTO_INCREMENT = 1000000",
        f"{columns} VALUES ('2026-01-20', 'somebody', 1)",
        *(
            f"{columns} SELECT '2026-01-05' + INTERVAL FLOOR(RAND() * 50) DAY, "
            f"LEFT(RAND() * 1000000000, 12), RAND() * 1000 FROM {schema}.calls"
            for _number in range(DOUBLINGS)
        ),
        f"ANALYZE TABLE {schema}.calls",
    )
    started = follow(server, writer, wait=True)
    assert "failed" not in started, started
    yield server
    run_module(CHANNEL, server, channel="w1", state="absent")
    outside_binary_log(server, f"DROP SCHEMA {schema}")


@pytest.fixture(autouse=True)
def no_indexes(reader: TestServer, options: dict[str, Any]) -> Iterator[None]:
    yield
    for name in indexes(reader, options):
        outside_binary_log(reader, f"ALTER TABLE {options['schema']}.calls DROP INDEX {name}")


def indexes(server: TestServer, options: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in server.rows(f"SHOW KEYS FROM {options['schema']}.calls"):
        if row["Key_name"] != "PRIMARY":
            found.setdefault(row["Key_name"], []).append(row["Column_name"])
    return found


def index_bytes(server: TestServer, options: dict[str, Any]) -> int:
    if server.flavour == "mysql":
        server.rows("SET SESSION information_schema_stats_expiry = 0")
    outside_binary_log(server, f"ANALYZE TABLE {options['schema']}.calls")
    return int(
        server.value(
            "SELECT INDEX_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
            options["schema"],
        )
    )


def binary_log(server: TestServer) -> str:
    return str([row["Info"] for row in server.rows("SHOW BINLOG EVENTS")])


def altering(server: TestServer) -> list[dict[str, Any]]:
    return server.rows(
        "SELECT ID AS id, STATE AS state FROM information_schema.PROCESSLIST "
        "WHERE INFO LIKE 'ALTER TABLE `test_%%' AND USER = %s",
        "root",
    )


class Writing:
    """Calls that the write server takes one after the other, and how they arrive meanwhile."""

    def __init__(self, writer: TestServer, reader: TestServer, schema: str) -> None:
        self.writer, self.reader, self.schema = writer.admin(), reader.admin(), schema
        self.written = self.applied_while_altering = 0
        self.errors: list[str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writing:
        self._thread.start()
        return self

    def __exit__(self, *_rest: Any) -> None:
        self._end.set()
        self._thread.join()
        self.writer.close()
        self.reader.close()

    def _write(self) -> None:
        with self.writer.cursor() as there, self.reader.cursor() as here:
            while not self._end.is_set():
                try:
                    before = self._altering(here)
                    there.execute(
                        f"INSERT INTO {self.schema}.calls (started, caller) "
                        "VALUES ('2026-02-01', 'x')"
                    )
                    number, self.written = there.lastrowid, self.written + 1
                    end = time.monotonic() + 10
                    while time.monotonic() < end:
                        here.execute(f"SELECT 1 FROM {self.schema}.calls WHERE id = {number}")
                        if here.fetchall():
                            break
                    else:
                        raise AssertionError(f"row {number} does not arrive")
                    if before and before == self._altering(here):
                        self.applied_while_altering += 1
                except Exception as error:
                    self.errors.append(repr(error))
                    return

    @staticmethod
    def _altering(cursor: Any) -> Any:
        cursor.execute(
            "SELECT ID FROM information_schema.PROCESSLIST "
            "WHERE INFO LIKE 'ALTER TABLE `test_%' AND STATE LIKE '%alter%'"
        )
        return cursor.fetchall()


def test_one_rhythm_while_rows_arrive(
    writer: TestServer, reader: TestServer, options: dict[str, Any], run_module: Any
) -> None:
    options = {**options, "shape": "read", "indexes": [CALLER, SECONDS]}
    unasked = run_module(MODULE, reader, **options)
    assert unasked["failed"] and len(unasked["problems"]) == 2, unasked
    assert "would correct it, as add_indexes does" in unasked["problems"][0]

    options["add_indexes"] = True
    before = index_bytes(reader, options)
    predicted = run_module(MODULE, reader, check=True, **options)
    assert predicted["changed"] and indexes(reader, options) == {}, predicted
    told = predicted["added_indexes"]
    assert predicted["created"] is False
    assert told["indexes"] == ["KEY caller (caller, started)", "KEY seconds (seconds)"]
    assert told["seconds"] is None and told["expected_seconds"] > 0
    rows = 2**DOUBLINGS
    assert rows / 2 < told["rows"] < rows * 2 and told["data_bytes"] > rows * 30, told
    assert "expected_cost" in predicted["diff"]["after"][f"{options['schema']}.calls"]

    with Writing(writer, reader, options["schema"]) as writing:
        wait_until(lambda: writing.written or writing.errors, 10, "nothing is written")
        done = run_module(MODULE, reader, **options)
    assert done["changed"] and done["statements"] == predicted["statements"], done
    assert indexes(reader, options) == {"caller": ["caller", "started"], "seconds": ["seconds"]}
    assert done["added_indexes"]["seconds"] > 0 and done["differences"] == []
    # The channel's rows were applied while the indexes were built.
    assert writing.errors == [] and writing.applied_while_altering > 0, vars(writing)
    assert len(done["statements"]) == 1 and "LOCK=NONE" in done["statements"][0]
    assert "ADD KEY" not in binary_log(reader)
    grown = index_bytes(reader, options) - before
    assert grown / 2 < told["index_bytes"] < grown * 2, (told, grown)

    again = run_module(MODULE, reader, **options)
    assert not again["changed"] and again["statements"] == [], again
    assert again["added_indexes"] is None
    # One less in the description: it is told, and stays.
    fewer = run_module(MODULE, reader, **{**options, "indexes": [CALLER]})
    assert not fewer["changed"] and "seconds" in fewer["warnings"][0], fewer
    assert "seconds" in indexes(reader, options)
    # Another one of a name that is taken: nothing is dropped for it.
    taken = {"name": "seconds", "columns": ["seconds", "caller"]}
    refused = run_module(MODULE, reader, **{**options, "indexes": [CALLER, taken]})
    assert refused["failed"] and "KEY seconds (seconds) already has its name" in refused["msg"], (
        refused
    )
    assert writer.value(f"SELECT COUNT(*) FROM {options['schema']}.calls") == writing.written


def test_waits_no_longer_than_told_and_carries_on(
    writer: TestServer, reader: TestServer, options: dict[str, Any], run_module: Any
) -> None:
    options = {**options, "shape": "read", "indexes": [CALLER], "add_indexes": True}
    with reader.admin() as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT id FROM {options['schema']}.calls LIMIT 1")
        for seconds in (3, 1):
            started = time.monotonic()
            refused = run_module(
                MODULE, reader, **options, lock_wait_timeout_seconds=seconds, lock_wait_retries=0
            )
            # It is not halved, as that of a change of partitions is on MariaDB.
            assert seconds <= time.monotonic() - started < seconds + 4
            assert refused["failed"] and f"gave up after 1 try of {seconds} s" in refused["msg"]
        assert f" {holder.thread_id()} (root@" in refused["msg"]
        # The applier did not wait for the transaction, only for the module.
        writer.rows(
            f"INSERT INTO {options['schema']}.calls (started, caller) VALUES ('2026-02-02', 'y')"
        )
        wait_until(
            lambda: reader.value(
                f"SELECT COUNT(*) FROM {options['schema']}.calls WHERE started = '2026-02-02'"
            ),
            5,
            "the row does not arrive",
        )
    assert indexes(reader, options) == {}
    assert run_module(MODULE, reader, **options)["changed"]


def test_an_interrupted_run_is_run_again(
    reader: TestServer, options: dict[str, Any], run_module: Any
) -> None:
    options = {**options, "shape": "read", "indexes": [CALLER, SECONDS], "add_indexes": True}
    results: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: results.append(run_module(MODULE, reader, **options)))
    thread.start()
    (found,) = wait_until(lambda: altering(reader), 10, "the module adds no indexes")
    reader.rows(f"KILL {found['id']}")
    thread.join()
    (result,) = results
    assert result["failed"] and "ALTER TABLE" in result["msg"], result
    assert indexes(reader, options) == {}
    done = run_module(MODULE, reader, **options)
    assert done["changed"] and set(indexes(reader, options)) == {"caller", "seconds"}


def test_duplicates_are_told(reader: TestServer, options: dict[str, Any], run_module: Any) -> None:
    unique = {"name": "once", "columns": ["seconds", "started"], "unique": True}
    options = {**options, "shape": "read", "indexes": [CALLER, unique], "add_indexes": True}
    result = run_module(MODULE, reader, **options)
    assert result["failed"] and "1062" in result["msg"] and not result["changed"], result
    assert indexes(reader, options) == {}
