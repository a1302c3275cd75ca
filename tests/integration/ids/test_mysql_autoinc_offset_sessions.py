"""Sessions from before a change: reported, waited for, ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.integration.conftest import (
    forget_binary_logs,
    forget_pair,
    outside_binary_log,
    persist_file,
    restart,
)
from tests.integration.lines import TestServer, Topology, wait_until

MODULE = "mysql_autoinc_offset"

# The change of these tests: what 3 and 1 number is numbered by 6 and 4 too.
OLD, NEW = {"increment": 3, "offset": 1}, {"increment": 6, "offset": 4}


@pytest.fixture
def calls(server: TestServer, schema: str) -> str:
    table = f"{schema}.calls"
    outside_binary_log(
        server, f"CREATE TABLE {table} (id BIGINT AUTO_INCREMENT PRIMARY KEY, who CHAR(8))"
    )
    return table


@pytest.fixture
def old(server: TestServer, run_module: Any, pair: dict[str, Any]) -> dict[str, Any]:
    """Options of a change, on a server that has the pair before it."""
    before = run_module(MODULE, server, **{**pair, **OLD}, check_ids=False)
    assert before["changed"], before
    # The tests' own connection would count as an application's.
    server.close()
    return {**pair, **NEW, "check_ids": False}


@pytest.fixture
def pooled(server: TestServer, old: Any) -> Iterator[Any]:
    """A session from before the change."""
    connection = quiet(server)
    yield connection
    # Ended by its server already, in some of the tests.
    if connection.open:
        connection._force_close()


def quiet(server: TestServer) -> Any:
    """Return a new connection, outside the binary log."""
    return server.admin(init_command="SET SESSION sql_log_bin = 0")


def insert(connection: Any, table: str) -> int:
    """Insert a row as an application does and return its id."""
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} (who) VALUES ('x')")
        return int(cursor.lastrowid)


def fresh_id(server: TestServer, table: str) -> int:
    with closing(quiet(server)) as connection:
        return insert(connection, table)


def ids(sessions: list[dict[str, Any]]) -> list[int]:
    return [session["id"] for session in sessions]


def test_reports_whoever_numbers_on_as_before(
    server: TestServer, run_module: Any, old: dict[str, Any], pooled: Any, calls: str
) -> None:
    predicted = run_module(MODULE, server, check=True, **old)
    assert pooled.thread_id() in ids(predicted["stale_sessions"])
    assert str(pooled.thread_id()) in predicted["warnings"][0]

    done = run_module(MODULE, server, **old)
    assert done["changed"] and done["ended_sessions"] == []
    (found,) = [one for one in done["stale_sessions"] if one["id"] == pooled.thread_id()]
    assert found["user"] == "root" and found["host"] == "localhost" and found["seconds"] >= 0
    assert any(f"{pooled.thread_id()} (root@localhost)" in text for text in done["warnings"])

    # What the report is about: the session leaves the new class, others do not.
    numbered = [insert(pooled, calls) for _number in range(4)]
    assert {one % 3 for one in numbered} == {1} and {one % 6 for one in numbered} == {1, 4}
    assert [fresh_id(server, calls) % 6 for _number in range(3)] == [4, 4, 4]

    # A session of after the change is none of them, and the old one is not forgotten.
    with closing(quiet(server)) as young:
        again = run_module(MODULE, server, **old)
        assert not again["changed"] and again["statements"] == []
        assert pooled.thread_id() in ids(again["stale_sessions"])
        assert young.thread_id() not in ids(again["stale_sessions"])
        pooled.close()
        last = run_module(MODULE, server, **old)
        assert not last["changed"] and pooled.thread_id() not in ids(last["stale_sessions"])


def test_ends_them_and_proves_it(
    server: TestServer, run_module: Any, old: dict[str, Any], pooled: Any, calls: str
) -> None:
    insert(pooled, calls)
    with pooled.cursor() as cursor:
        cursor.execute("BEGIN")
    insert(pooled, calls)
    number = pooled.thread_id()
    options = {**old, "stale_sessions": "end"}
    server.close()

    predicted = run_module(MODULE, server, check=True, **options)
    assert f"KILL CONNECTION {number}" in predicted["statements"]
    assert predicted["diff"]["before"][f"session {number}"] == {
        "user": "root",
        "host": "localhost",
    }
    assert number in ids(predicted["ended_sessions"]) and predicted["stale_sessions"] == []
    assert server.value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %s", number)
    server.close()

    done = run_module(MODULE, server, **options)
    assert number in ids(done["ended_sessions"]) and done["stale_sessions"] == []
    assert done["warnings"] == []
    with pytest.raises(pymysql.MySQLError):
        insert(pooled, calls)
    # Its open transaction is undone, and every id from now on is of the new class.
    assert server.value(f"SELECT COUNT(*) FROM {calls}") == 1
    assert {fresh_id(server, calls) % 6 for _number in range(4)} == {4}

    # Nothing is left to end, not even those who have come since.
    with closing(quiet(server)) as young:
        again = run_module(MODULE, server, **options)
        assert not again["changed"] and again["ended_sessions"] == []
        assert insert(young, calls) % 6 == 4


@pytest.mark.flavour("mariadb")
def test_a_session_that_takes_long_to_end_is_told(
    server: TestServer, schema: str, run_module: Any, old: dict[str, Any], pooled: Any
) -> None:
    """Its large transaction is rolled back, and until that is done it is there."""
    options = {**old, "stale_sessions": "end"}
    table, number = f"{schema}.large", pooled.thread_id()
    outside_binary_log(
        server,
        f"CREATE TABLE {table} (id BIGINT AUTO_INCREMENT PRIMARY KEY, a CHAR(56), b CHAR(56), "
        "KEY (a), KEY (b))",
    )
    with pooled.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            f"INSERT INTO {table} (a, b) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL "
            "SELECT i + 1 FROM n WHERE i < 600) SELECT SHA2(n.i * 1000 + m.i, 224), "
            "SHA2(n.i - m.i * 1000, 224) FROM n JOIN n AS m"
        )
    server.close()
    failed = run_module(MODULE, server, **options, stale_sessions_timeout_seconds=1)
    assert failed["failed"] and failed["changed"], failed
    assert (
        f"after 1 s there are sessions that may still give ids with other values: {number} (root@"
        in (failed["msg"])
    )
    assert (
        "they have been ended and are rolling their transactions back; give them more"
        in failed["msg"]
    )
    server.close()
    done = run_module(MODULE, server, **options, stale_sessions_timeout_seconds=120)
    assert "failed" not in done and done["stale_sessions"] == [], done
    assert server.value(f"SELECT COUNT(*) FROM {table}") == 0


def test_waits_for_them_and_does_not_forget(
    server: TestServer, run_module: Any, old: dict[str, Any], pooled: Any, calls: str
) -> None:
    options = {**old, "stale_sessions": "wait", "stale_sessions_timeout_seconds": 1}
    failed = run_module(MODULE, server, **options)
    assert failed["failed"] and failed["changed"]
    assert (
        "after 1 s there are sessions" in failed["msg"]
        and "use stale_sessions: end" in (failed["msg"])
    )
    assert f"{pooled.thread_id()} (root@localhost)" in failed["msg"]
    # The run that failed has set the pair. The next one still knows whom to wait for.
    assert insert(pooled, calls) % 3 == 1
    failed = run_module(MODULE, server, **options)
    assert failed["failed"] and not failed["changed"]
    assert f"{pooled.thread_id()} (root@localhost)" in failed["msg"]

    leaving = threading.Timer(1.5, pooled.close)
    leaving.start()
    started = time.monotonic()
    waited = run_module(MODULE, server, **{**options, "stale_sessions_timeout_seconds": 30})
    leaving.join()
    assert not waited.get("failed"), waited
    assert time.monotonic() - started >= 1 and waited["stale_sessions"] == []
    assert not waited["changed"] and waited["ended_sessions"] == []
    assert {fresh_id(server, calls) % 6 for _number in range(3)} == {4}


def test_a_session_with_values_of_its_own(
    server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    options = {**pair, "check_ids": False}
    run_module(MODULE, server, **options)
    with closing(quiet(server)) as own, own.cursor() as cursor:
        cursor.execute("SET SESSION auto_increment_offset = 3")
        found = ids(run_module(MODULE, server, **options)["stale_sessions"])
    # MySQL knows; MariaDB cannot, which is why ids are checked.
    assert (own.thread_id() in found) == (server.flavour == "mysql")


@pytest.mark.flavour("mariadb")
def test_a_restart_ends_what_is_noted(
    server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    run_module(MODULE, server, **pair)
    file = Path(pair["persist_file"])
    text = file.read_text()
    (note,) = [line for line in text.splitlines() if line.startswith("# Connections")]
    with closing(quiet(server)) as young:
        # As if the change had been made now, and as if the server had started since.
        started = note.split("start at ")[1].split()[0]
        everyone = f"# Connections up to 999999 of the start at {started} may"
        file.write_text(text.replace(note, note.replace(note.split(" may")[0] + " may", everyone)))
        now = run_module(MODULE, server, **pair)
        assert not now["changed"] and young.thread_id() in ids(now["stale_sessions"])
        file.write_text(file.read_text().replace(started, str(int(started) - 3600)))
        later = run_module(MODULE, server, **pair)
        assert not later["changed"] and later["stale_sessions"] == []


def test_replication_and_events_are_never_ended(
    bare: Topology, run_module: Any, pair: dict[str, Any]
) -> None:
    source, replica = bare.server("w1"), bare.server("w2")
    mysql = source.flavour == "mysql"
    forget_binary_logs(source, replica)
    outside_binary_log(
        source,
        "CREATE USER copies@'%' IDENTIFIED BY 'copies'",
        "GRANT REPLICATION SLAVE ON *.* TO copies@'%'",
    )
    scheduler = source.value("SELECT @@GLOBAL.event_scheduler")
    source.rows("SET GLOBAL event_scheduler = ON")
    login = (
        f"{'SOURCE' if mysql else 'MASTER'}_HOST='{source.address}', "
        f"{'SOURCE' if mysql else 'MASTER'}_PORT={source.port}, "
        f"{'SOURCE' if mysql else 'MASTER'}_USER='copies', "
        f"{'SOURCE' if mysql else 'MASTER'}_PASSWORD='copies'"
    )
    threads = (
        "SELECT ID AS id FROM information_schema.PROCESSLIST "
        "WHERE USER IN ('system user', 'event_scheduler') OR COMMAND LIKE 'Binlog Dump%'"
    )
    dumps = "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'"

    def dumping() -> set[int]:
        return {row["id"] for row in source.rows(dumps)}

    # MariaDB keeps those of replicas that have gone until it has something to send, or one
    # with the same server_id comes: they end whatever the module does.
    left = dumping()
    try:
        if mysql:
            replica.rows(
                f"CHANGE REPLICATION SOURCE TO {login}, GET_SOURCE_PUBLIC_KEY=1, "
                "SOURCE_AUTO_POSITION=1 FOR CHANNEL 'ends'"
            )
            replica.rows("START REPLICA FOR CHANNEL 'ends'")
        else:
            replica.rows(f"CHANGE MASTER 'ends' TO {login}, MASTER_USE_GTID=slave_pos")
            replica.rows("START SLAVE 'ends'")
        wait_until(lambda: dumping() - left, 10, "the replica does not connect")
        for server, gone in ((source, left), (replica, set())):
            before = {row["id"] for row in server.rows(threads)} - gone
            assert before
            server.close()
            options = {**pair, "persist_file": str(persist_file(server))}
            done = run_module(MODULE, server, **options, stale_sessions="end", check_ids=False)
            assert done["changed"] and not before & set(ids(done["ended_sessions"])), done
            assert before <= {row["id"] for row in server.rows(threads)}
    finally:
        if mysql:
            replica.rows("STOP REPLICA FOR CHANNEL 'ends'")
            replica.rows("RESET REPLICA ALL FOR CHANNEL 'ends'")
        else:
            replica.rows("STOP SLAVE 'ends'")
            replica.rows("RESET SLAVE 'ends' ALL")
        forget_pair(replica)
        source.rows(f"SET GLOBAL event_scheduler = {scheduler}")
        outside_binary_log(source, "DROP USER copies@'%'")


@pytest.mark.flavour("mysql")
def test_mysql_that_does_not_know_their_values_tells_all_of_before(
    bare: Topology, server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    """Without performance_schema it is asked as MariaDB is, by the run that makes the change."""
    config = server.work_dir / "conf.d" / "sessions.cnf"
    config.write_text("[mysqld]\nperformance_schema = OFF\n")
    restart(bare, server)
    try:
        run_module(MODULE, server, **{**pair, **OLD}, check_ids=False)
        server.close()
        with closing(quiet(server)) as pooled:
            options = {**pair, **NEW, "check_ids": False}
            done = run_module(MODULE, server, **options)
            assert done["changed"] and pooled.thread_id() in ids(done["stale_sessions"]), done
            # What the server cannot tell, the next run does not know.
            again = run_module(MODULE, server, **options)
            assert not again["changed"] and again["stale_sessions"] == [], again
    finally:
        config.unlink()
        restart(bare, server)


def test_who_cannot_see_other_sessions_is_told(
    server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    """None would be found, and that would be taken for proof that there is none."""
    right = "SYSTEM_VARIABLES_ADMIN" if server.flavour == "mysql" else "SUPER"
    outside_binary_log(
        server,
        "CREATE USER half IDENTIFIED BY 'hushed'",
        f"GRANT {right} ON *.* TO half",
    )
    login = {"login_user": "half", "login_password": "hushed"}
    try:
        result = run_module(MODULE, server, **pair, **login, stale_sessions="report")
    finally:
        outside_binary_log(server, "DROP USER half")
    assert "cannot see the sessions of others" in result["msg"], result
    assert "; grant the login user PROCESS, and on MySQL SELECT on perf" in result["msg"], result
    assert "hushed" not in str(result)
