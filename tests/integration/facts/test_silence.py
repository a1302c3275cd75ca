"""Settings with which rows are left out, cut or turned round while every channel stays green.

Each fact is one that a rule of mysql_server_info rests on: the rows are seen to be gone, and the
module is seen to tell of it. The next version of a server is caught changing it here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pymysql
import pytest

from tests.integration.conftest import outside_binary_log, restart, setting
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import channels, control, follow, followed, ids, status

pytestmark = pytest.mark.lines("later")

MODULE = "mysql_server_info"
# What inventories/local gives each server.
SETTINGS = {"innodb_buffer_pool_size": "96M"}


def judged(server: TestServer, kind: str, **options: Any) -> dict[str, list[str]]:
    """Return problems and risks, each by the name that it begins with."""
    told = run_module(MODULE, server, serves_as=kind, **options)
    assert "failed" not in told, told
    return {part: [one.split(" is ")[0] for one in told[part]] for part in ("problems", "risks")}


def all_is_well(server: TestServer, kind: str, **options: Any) -> bool:
    return judged(server, kind, **options) == {"problems": [], "risks": []}


@contextmanager
def started_with(bare: Topology, name: str, **settings: str) -> Iterator[TestServer]:
    """A server that was started with settings of its own; afterwards it has the usual ones."""
    server = bare.server(name)
    bare.playbook("servers.yml", "--limit", name, mysqld_settings={**SETTINGS, **settings})
    try:
        yield server
    finally:
        bare.playbook("servers.yml", "--limit", name)


@contextmanager
def stopped(replica: TestServer, *names: str) -> Iterator[None]:
    """Stop channels while the block runs."""
    for name in names:
        control(replica, "STOP", name)
    yield
    for name in names:
        control(replica, "START", name)


@contextmanager
def applying_with(replica: TestServer, **settings: Any) -> Iterator[None]:
    """Change global variables, which takes that no channel runs, for a while."""
    with ExitStack() as stack:
        with stopped(replica, "w1", "w2"):
            for name, value in settings.items():
                stack.enter_context(setting(replica, name, value))
        try:
            yield
        finally:
            for name in ("w1", "w2"):
                control(replica, "STOP", name)
    for name in ("w1", "w2"):
        control(replica, "START", name)


@contextmanager
def application(server: TestServer, schema: str) -> Iterator[Any]:
    """Give a cursor of an account that may do no more than an application."""
    outside_binary_log(
        server,
        "CREATE USER application IDENTIFIED BY 'of the application'",
        f"GRANT SELECT, INSERT, UPDATE ON {schema}.* TO application",
    )
    try:
        with (
            server.login(
                "application", "of the application", ssl_disabled=server_is_old(server)
            ) as session,
            session.cursor() as cursor,
        ):
            yield cursor
    finally:
        outside_binary_log(server, "DROP USER application")


def server_is_old(server: TestServer) -> bool:
    """Whether the server logs in without TLS."""
    return server.flavour == "mariadb"


@pytest.fixture
def sources(bare: Topology) -> list[TestServer]:
    return [bare.server("w1"), bare.server("w2")]


@pytest.fixture
def replica(bare: Topology) -> TestServer:
    return bare.server("r1")


@pytest.fixture
def schema(replica: TestServer, sources: list[TestServer]) -> Iterator[str]:
    """A schema on two sources and on the replica, which follows both."""
    name = f"test_{secrets.token_hex(4)}"
    table = "t (id INT PRIMARY KEY AUTO_INCREMENT, a INT)"
    with followed(replica, sources, name, table):
        made = follow(replica, *sources, wait=True)
        assert "failed" not in made, made
        yield name


def all_applied(replica: TestServer, *sources: TestServer) -> None:
    """See that the module finds nothing wrong: it waits, and all that was sent is applied."""
    waited = follow(replica, *sources, wait=True, check_sources=False)
    assert "failed" not in waited and all(one["applied"] for one in waited["waited"]), waited
    assert all(one["running"] for one in channels(replica).values())


def test_an_applier_that_goes_on_over_errors(
    bare: Topology, replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """And a server that does not start its channels."""
    w1, _w2 = sources
    mysql = replica.flavour == "mysql"
    word = "replica" if mysql else "slave"
    with started_with(
        bare, "r1", **{f"{word}_skip_errors": "1032,1062", f"skip_{word}_start": "ON"}
    ):
        # MariaDB has no variable that would tell of the second, and tells no error either: it is
        # read in the option file.
        assert judged(replica, "read_server") == {
            "problems": [f"{word}_skip_errors"],
            "risks": [f"skip_{word}_start"],
        }
        assert mysql or replica.rows("SHOW VARIABLES LIKE 'skip_%start'") == []
        told = channels(replica)
        assert not any(one["io_running"] or one["sql_running"] for one in told.values()), told
        assert not any(one["explanation"] for one in told.values()), told
        assert judged(replica, "write_server")["problems"] == []
        made = follow(replica, *sources, wait=True)
        assert made["changed"] and "failed" not in made, made
        outside_binary_log(replica, f"INSERT INTO {schema}.t VALUES (1, 100)")
        w1.rows(f"INSERT INTO {schema}.t VALUES (1, 1), (2, 1)")
        all_applied(replica, *sources)
        # Two of the source's rows: one is another here.
        assert replica.value(f"SELECT a FROM {schema}.t WHERE id = 1") == 100
        outside_binary_log(replica, f"DELETE FROM {schema}.t WHERE id = 2")
        w1.rows(f"UPDATE {schema}.t SET a = 2 WHERE id = 2")
        all_applied(replica, *sources)
        assert 2 not in ids(replica, schema) and 2 in ids(w1, schema)
    assert all_is_well(replica, "read_server")


def test_a_value_that_is_cut(replica: TestServer, sources: list[TestServer], schema: str) -> None:
    w1, _w2 = sources
    name = f"{'replica' if replica.flavour == 'mysql' else 'slave'}_type_conversions"
    outside_binary_log(replica, f"ALTER TABLE {schema}.t MODIFY a SMALLINT")
    with setting(replica, name, "ALL_NON_LOSSY"):
        assert all_is_well(replica, "read_server")
    with setting(replica, name, "ALL_LOSSY,ALL_NON_LOSSY"):
        assert judged(replica, "read_server") == {"problems": [name], "risks": []}
        with stopped(replica, "w1"):
            w1.rows(f"INSERT INTO {schema}.t VALUES (1, 70000)")
        all_applied(replica, *sources)
        assert replica.value(f"SELECT a FROM {schema}.t") != 70000


def test_a_channel_that_is_told_to_leave_something_out(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """Once, and nothing tells of it afterwards. MySQL passes over it where GTIDs are used."""
    w1, _w2 = sources
    mysql = replica.flavour == "mysql"
    with stopped(replica, "w1"):
        with replica.admin() as session, session.cursor() as cursor:
            if mysql:
                cursor.execute("SET GLOBAL sql_replica_skip_counter = 1")
            else:
                cursor.execute("SET default_master_connection = 'w1'")
                cursor.execute("SET GLOBAL sql_slave_skip_counter = 1")
        told = run_module(MODULE, replica, serves_as="read_server")
        assert [one.split(",")[0] for one in told["problems"]] == (
            [] if mysql else ["channel w1: sql_slave_skip_counter is 1"]
        )
        for number in (1, 2):
            w1.rows(f"INSERT INTO {schema}.t VALUES ({number}, 1)")
    # As long as the counter is above 0 the module refuses.
    wait_until(lambda: 2 in ids(replica, schema), 30, "the second row has not come")
    all_applied(replica, *sources)
    assert ids(replica, schema) == ([1, 2] if mysql else [2])
    assert all_is_well(replica, "read_server")
    if mysql:
        replica.rows("SET GLOBAL sql_replica_skip_counter = 0")


@pytest.mark.flavour("mariadb")
def test_rows_that_a_session_marks_as_not_for_replicas(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """Any account may mark them."""
    w1, _w2 = sources
    with application(w1, schema) as cursor:
        cursor.execute("SET skip_replication = 1")
        cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 1)")
        all_applied(replica, *sources)
        assert ids(replica, schema) == [1]
        name = "replicate_events_marked_for_skip"
        for number, value in ((2, "FILTER_ON_SLAVE"), (4, "FILTER_ON_MASTER")):
            with applying_with(replica, **{name: value}):
                assert judged(replica, "read_server") == {"problems": [name], "risks": []}
                cursor.execute(f"INSERT INTO {schema}.t VALUES ({number}, 1)")
                w1.rows(f"INSERT INTO {schema}.t VALUES ({number + 1}, 1)")
                all_applied(replica, *sources)
        assert ids(w1, schema) == [1, 2, 3, 4, 5] and ids(replica, schema) == [1, 3, 5]
    assert all_is_well(replica, "read_server")


@pytest.mark.flavour("mariadb")
def test_duplicates_of_a_domain_that_are_none(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """Two sources that write in one domain; without the setting all rows come, for the moment."""
    w1, w2 = sources
    name = "gtid_ignore_duplicates"
    with applying_with(replica, gtid_ignore_duplicates=1):
        assert judged(replica, "read_server") == {"problems": [], "risks": [name]}
        with w2.admin() as session, session.cursor() as cursor:
            cursor.execute("SET gtid_domain_id = 1")
            for number in (1, 3, 5):
                w1.rows(f"INSERT INTO {schema}.t VALUES ({number}, 1)")
                all_applied(replica, w1)
                cursor.execute(f"INSERT INTO {schema}.t VALUES ({number + 1}, 2)")
        w2.rows(f"INSERT INTO {schema}.t VALUES (7, 2)")
        all_applied(replica, *sources)
        assert ids(replica, schema) == [1, 3, 5, 7]
        # What has been received tells of it.
        refused = follow(replica, *sources)
        assert "channels w1, w2 have sources with the same gtid_domain_id, 1" in refused["msg"], (
            refused
        )
    assert all_is_well(replica, "read_server")


def shown_while_another_is_locked(replica: TestServer, schema: str, write: Any) -> list[int]:
    """Return the ids that appear while the first row of what is written waits for a lock here."""
    with replica.admin() as session, session.cursor() as cursor:
        cursor.execute("BEGIN")
        # The row that comes first is not there yet; its place is.
        cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 0)")
        write()
        locked = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
        wait_until(lambda: replica.value(locked), 20, "no applier waits for the lock")
        behind = (
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'system user' "
            "AND STATE REGEXP 'Waiting for (prior|preceding) transaction'"
        )
        wait_until(
            lambda: ids(replica, schema) or replica.value(behind),
            20,
            f"the second row neither comes nor waits: {replica.rows('SHOW PROCESSLIST')}",
        )
        shown = ids(replica, schema)
        session.rollback()
    return shown


@pytest.mark.flavour("mysql")
def test_appliers_that_commit_in_another_order(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    w1, _w2 = sources

    def write() -> None:
        # One after another on the source.
        for number in (1, 2):
            w1.rows(f"INSERT INTO {schema}.t VALUES ({number}, 1)")

    def begin() -> None:
        # Nothing goes side by side with the first of a log, nor with the first after a start.
        w1.rows(f"INSERT INTO {schema}.t VALUES (3, 1)")
        all_applied(replica, *sources)
        for server in (w1, replica):
            outside_binary_log(server, f"DELETE FROM {schema}.t")

    begin()
    assert shown_while_another_is_locked(replica, schema, write) == []
    begin()
    with applying_with(replica, replica_preserve_commit_order=0):
        assert judged(replica, "read_server") == {
            "problems": [],
            "risks": ["replica_preserve_commit_order"],
        }
        with setting(replica, "replica_parallel_workers", 1):
            assert all_is_well(replica, "read_server")
        begin()
        assert shown_while_another_is_locked(replica, schema, write) == [2]
        all_applied(replica, *sources)
        assert ids(replica, schema) == [1, 2]


@pytest.mark.flavour("mariadb")
def test_parallel_appliers_keep_the_order_of_a_domain(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """In each of the modes; it is another domain in the source's log that overtakes."""
    w1, _w2 = sources
    with w1.admin() as session, session.cursor() as other:
        other.execute("SET gtid_domain_id = 9")

        def write() -> None:
            w1.rows(f"INSERT INTO {schema}.t VALUES (1, 1)")
            w1.rows(f"INSERT INTO {schema}.t VALUES (2, 1)")

        def write_in_two() -> None:
            w1.rows(f"INSERT INTO {schema}.t VALUES (1, 1)")
            other.execute(f"INSERT INTO {schema}.t VALUES (2, 1)")

        def seen(wrote: Any) -> list[int]:
            shown = shown_while_another_is_locked(replica, schema, wrote)
            all_applied(replica, *sources)
            for server in (w1, replica):
                assert ids(server, schema) == [1, 2]
                outside_binary_log(server, f"DELETE FROM {schema}.t")
            return shown

        for mode in ("aggressive", "optimistic", "conservative", "minimal"):
            with applying_with(replica, slave_parallel_threads=4, slave_parallel_mode=mode):
                assert seen(write) == [], mode
        assert all_is_well(replica, "read_server")
        with applying_with(replica, slave_parallel_threads=4):
            assert all_is_well(replica, "read_server")
            assert seen(write_in_two) == [2]
            assert judged(replica, "read_server") == {
                "problems": [],
                "risks": ["channel w1: slave_parallel_threads"],
            }
    assert all_is_well(replica, "read_server")


def test_a_log_that_leaves_out_a_schema(
    bare: Topology, replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """Of rows the schema of their own table decides, whatever the session's is."""
    w1, _w2 = sources
    other = f"{schema}_other"
    for server in (w1, replica):
        outside_binary_log(
            server, f"CREATE SCHEMA {other}", f"CREATE TABLE {other}.t LIKE {schema}.t"
        )
    try:
        for name, lost in (("binlog_do_db", schema), ("binlog_ignore_db", other)):
            with started_with(bare, "w1", **{name: other}):
                for number, used in enumerate((schema, other)):
                    with w1.admin(database=used) as session, session.cursor() as cursor:
                        for written in (schema, other):
                            cursor.execute(f"INSERT INTO {written}.t (id) VALUES ({number + 1})")
                expected = {"problems": [name], "risks": []}
                assert judged(w1, "write_server", check_schemas=[lost]) == expected
                assert judged(w1, "write_server") == expected
                fine = ({schema, other} - {lost}).pop()
                assert all_is_well(w1, "write_server", check_schemas=[fine])
                assert judged(w1, "read_server")["problems"] == []
                # The other rows arrive, and these do not.
                all_applied(replica, *sources)
                assert (ids(w1, lost), ids(replica, lost)) == ([1, 2], []), name
                assert ids(w1, fine) == ids(replica, fine) == [1, 2], name
                pair = {"increment": 20, "offset": 1, "persist_file": f"{w1.work_dir}/pair.cnf"}
                refused = run_module(
                    "mysql_autoinc_offset",
                    w1,
                    check=True,
                    check_settings=True,
                    check_schemas=[lost],
                    **pair,
                )
                assert refused["failed"] and f"{name} is {other}: the binary" in refused["msg"]
            for server in (w1, replica):
                outside_binary_log(server, f"DELETE FROM {schema}.t", f"DELETE FROM {other}.t")
            assert all_is_well(w1, "write_server", check_schemas=[schema, other])
    finally:
        for server in (w1, replica):
            outside_binary_log(server, f"DROP SCHEMA {other}")


def test_a_log_that_the_server_has_turned_off(
    bare: Topology, replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """As an error of its disk does it; log_bin is ON all the while."""
    w1, _w2 = sources
    logs = w1.work_dir / "logs"
    w1.host.run("mkdir", "--mode", "777", str(logs))
    mysql = w1.flavour == "mysql"
    settings = {"log_bin": f"{logs}/binlog"}
    if mysql:
        settings["binlog_error_action"] = "IGNORE_ERROR"
    with started_with(bare, "w1", **settings):
        risks = ["binlog_error_action"] if mysql else []
        assert judged(w1, "write_server") == {"problems": [], "risks": risks}
        away = logs.with_name("away")
        w1.host.run("mv", str(logs), str(away))
        with pytest.raises(pymysql.MySQLError):
            w1.rows("FLUSH BINARY LOGS")
        w1.rows(f"INSERT INTO {schema}.t VALUES (1, 1)")
        assert w1.value("SELECT @@log_bin") == 1
        told = run_module(MODULE, w1, serves_as="write_server")
        (problem,) = told["problems"]
        assert problem.startswith("The server has turned its binary log off after an error"), told
        assert ids(w1, schema) == [1] and ids(replica, schema) == []
        w1.host.run("mv", str(away), str(logs))
        restart(bare, w1)
    assert all_is_well(w1, "write_server")
    w1.host.run("rm", "-r", str(logs))


def test_a_statement_that_each_application_begins_with(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    w1, _w2 = sources
    for number, statement in enumerate(
        (
            "SET auto_increment_increment = 7, auto_increment_offset = 5",
            *(("SET skip_replication = 1",) if w1.flavour == "mariadb" else ()),
        )
    ):
        with setting(w1, "init_connect", statement):
            assert judged(w1, "write_server") == {"problems": ["init_connect"], "risks": []}
            assert judged(w1, "read_server")["problems"] == []
            with application(w1, schema) as cursor:
                cursor.execute(f"INSERT INTO {schema}.t (a) VALUES ({number})")
    assert ids(w1, schema)[0] == 5
    with setting(w1, "init_connect", "SET NAMES utf8mb4"):
        assert all_is_well(w1, "write_server")


@pytest.mark.flavour("mysql")
def test_sessions_that_log_otherwise_than_their_server(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """As those that were open when the server was put right. MariaDB does not tell of them."""
    w1, _w2 = sources
    assert all_is_well(w1, "write_server")
    with w1.admin() as session, session.cursor() as cursor:
        for name, value in (
            ("binlog_format", "STATEMENT"),
            ("binlog_row_image", "MINIMAL"),
            ("sql_log_bin", "OFF"),
        ):
            cursor.execute(f"SET SESSION {name} = {value}")
        cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 1)")
        told = run_module(MODULE, w1, serves_as="write_server")
        number = session.thread_id()
        assert [one.split(" and must")[0] for one in told["risks"]] == [
            "binlog_format is STATEMENT",
            "binlog_row_image is MINIMAL",
            "sql_log_bin is OFF",
        ]
        assert all(f" in sessions {number} (root@localhost)" in one for one in told["risks"]), told
        assert told["problems"] == [] and told["warnings"] == told["risks"]
        assert judged(w1, "read_server")["problems"] == []
    all_applied(replica, *sources)
    assert ids(replica, schema) == []
    wait_until(lambda: all_is_well(w1, "write_server"), 10, "the session is still told")
    assert status(replica, "w1")["last_sql_error"] == ""
