"""Heartbeats on real servers: a row a second in the binary log, and nothing else of the module's."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import (
    forget_binary_logs,
    logged_beside_heartbeats,
    logged_transactions,
    outside_binary_log,
    setting,
)
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.replication.test_replication_channel_watch import hanging
from tests.support.replication import channels, follow, followed, status, wait_for_error

MODULE = "mysql_heartbeat"
TABLE = "dbrw.heartbeat"
MISSING_ROW = 1032


@pytest.fixture
def reader(bare: Topology) -> TestServer:
    return bare.server("r1")


@pytest.fixture(autouse=True)
def nothing_is_left(server: TestServer, reader: TestServer) -> Iterator[None]:
    """Servers run events, and have no schema of the collection's before and after a test."""
    assert server.value("SELECT @@GLOBAL.event_scheduler") == "ON"
    yield
    for one in (server, reader):
        outside_binary_log(one, "DROP SCHEMA IF EXISTS dbrw")
    # Who follows it next lacks their row.
    forget_binary_logs(server, reader)


def written(server: TestServer, of: TestServer | None = None) -> str:
    """Return the newest heartbeat that a server has of another one, or of itself."""
    number = (of or server).value("SELECT @@GLOBAL.server_id")
    return str(server.value(f"SELECT ts FROM {TABLE} WHERE server_id = %s", number))


def goes_on(server: TestServer, of: TestServer | None = None) -> None:
    before = written(server, of)
    wait_until(lambda: written(server, of) > before, 20, "no heartbeat has come")


def exists(server: TestServer) -> tuple[int, int]:
    """Return how many tables and events of heartbeats a server has."""
    (found,) = server.rows(
        "SELECT (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'dbrw') AS t, "
        "(SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'dbrw') AS e"
    )
    return found["t"], found["e"]


def test_a_write_server_writes_each_second_and_a_second_run_changes_nothing(
    server: TestServer, run_module: Any
) -> None:
    before = logged_beside_heartbeats(server)
    told = run_module(MODULE, server, check=True, event=True)
    assert told["changed"] and told["server_ids"] == [1] and told["writes"], told
    assert exists(server) == (0, 0)
    made = run_module(MODULE, server, event=True)
    assert made["statements"] == told["statements"] and len(made["statements"]) == 4
    assert made["diff"]["after"]["dbrw.heartbeat"] == {"server_ids": [1]}
    assert exists(server) == (1, 1)
    goes_on(server)
    # As pt-heartbeat writes it with --utc.
    late = server.value(
        f"SELECT TIMESTAMPDIFF(MICROSECOND, ts, UTC_TIMESTAMP(6)) FROM {TABLE} WHERE server_id = 1"
    )
    assert len(written(server)) == 26 and written(server)[10] == "T" and 0 <= late < 10_000_000
    # It logs its rows, and nothing of what has made it.
    assert logged_beside_heartbeats(server) == before
    assert any(f"({TABLE})" in one for one in logged_transactions(server))
    again = run_module(MODULE, server, event=True)
    assert (again["changed"], again["statements"]) == (False, [])


def test_what_was_turned_off_or_changed_is_put_right(server: TestServer, run_module: Any) -> None:
    run_module(MODULE, server, event=True)
    for change in ("DISABLE", "ON SCHEDULE EVERY 1 HOUR", "DO SELECT 1"):
        outside_binary_log(server, f"ALTER EVENT {TABLE} {change}")
        mended = run_module(MODULE, server, event=True)
        assert mended["changed"] and len(mended["statements"]) == 1, (change, mended)
        goes_on(server)
        assert not run_module(MODULE, server, event=True)["changed"], change
    outside_binary_log(server, f"DELETE FROM {TABLE}")
    assert run_module(MODULE, server, event=True)["changed"]
    goes_on(server)


def test_what_is_not_wanted_any_more_goes(server: TestServer, run_module: Any) -> None:
    run_module(MODULE, server, event=True)
    kept = run_module(MODULE, server)
    assert kept["changed"] and exists(server) == (1, 0) and not kept["writes"]
    run_module(MODULE, server, event=True)
    before = logged_beside_heartbeats(server)
    assert run_module(MODULE, server, check=True, state="absent")["changed"]
    assert exists(server) == (1, 1)
    gone = run_module(MODULE, server, state="absent")
    assert gone["changed"] and exists(server) == (0, 0)
    assert not run_module(MODULE, server, state="absent")["changed"]
    assert logged_beside_heartbeats(server) == before


def test_events_that_are_off_stay_so_with_a_warning(server: TestServer, run_module: Any) -> None:
    with setting(server, "event_scheduler", "OFF"):
        made = run_module(MODULE, server, event=True)
        assert made["changed"] and made["writes"] is False
        assert any("event_scheduler is OFF" in one for one in made["warnings"]), made
        assert server.value("SELECT @@GLOBAL.event_scheduler") == "OFF"
        assert written(server) == ""


def test_another_table_of_that_name_is_refused(server: TestServer, run_module: Any) -> None:
    outside_binary_log(server, "CREATE SCHEMA dbrw", f"CREATE TABLE {TABLE} (id INT PRIMARY KEY)")
    refused = run_module(MODULE, server, event=True)
    assert refused["failed"] and "dbrw.heartbeat has the columns id " in refused["msg"]
    assert exists(server) == (1, 0)
    wrong = run_module(MODULE, server, server_ids=[0])
    assert wrong["failed"] and "server_ids has 0" in wrong["msg"]


def test_writes_that_must_wait_do_not_queue(server: TestServer, run_module: Any) -> None:
    """A backup's lock keeps one session of the event waiting, not one a second."""
    run_module(MODULE, server, event=True)
    goes_on(server)
    # An event's session is in its schema; how its statement is shown differs.
    waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'dbrw' AND time > 0"
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {TABLE} READ")
        wait_until(lambda: server.value(waiting), 10, "no heartbeat waits")
        time.sleep(3)
        assert server.value(waiting) == 1
        cursor.execute("UNLOCK TABLES")
    goes_on(server)


def test_a_heartbeat_arrives_and_tells_of_a_source_that_hangs(
    server: TestServer, reader: TestServer, run_module: Any
) -> None:
    with followed(reader, [server], f"test_{secrets.token_hex(4)}"):
        made = run_module(MODULE, reader, server_ids=[1])
        assert made["server_ids"] == [1] and exists(reader) == (1, 0)
        follow(reader, server, wait=True)
        run_module(MODULE, server, event=True)
        # The row waits for its first one.
        goes_on(reader, server)
        with hanging(server):

            def told() -> dict[str, Any]:
                return channels(reader, heartbeat_table=TABLE)["w1"]

            wait_until(lambda: told()["heartbeat_lag_seconds"] > 3, 20, "its age is not told")
            said = told()
            assert said["running"] and said["seconds_behind_source"] == 0, said
        goes_on(reader, server)
        # Whatever follows from another server is not written by this one.
        assert not run_module(MODULE, reader, server_ids=[1])["changed"]
        run_module(MODULE, server, state="absent")
        follow(reader, server, wait=True)
        assert status(reader, "w1")["last_sql_errno"] == 0


def test_a_heartbeat_without_its_row_stops_a_channel(
    server: TestServer, reader: TestServer, run_module: Any
) -> None:
    """So rows are made on read servers first, and the event comes last."""
    with followed(reader, [server], f"test_{secrets.token_hex(4)}"):
        run_module(MODULE, reader)
        follow(reader, server, wait=True)
        run_module(MODULE, server, event=True)
        stopped = wait_for_error(reader, "w1")
        assert stopped["last_sql_errno"] == MISSING_ROW
        # The row is all that it lacks.
        assert run_module(MODULE, reader, server_ids=[1])["changed"]
        follow(reader, server, wait=True)
        goes_on(reader, server)
        run_module(MODULE, server, state="absent")
        follow(reader, server, wait=True)
