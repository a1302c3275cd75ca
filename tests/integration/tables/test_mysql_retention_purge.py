"""Old rows leave a write server once every read server has them, and never before."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.throttle import Throttle
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Login, connect
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import retention
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.retention import (
    Retention,
)
from tests.integration.conftest import logged, outside_binary_log, setting
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.crash import killed_everywhere
from tests.support.replication import USER, control, follow, followed

MODULE = "mysql_retention_purge"
SCHEMA = "usage_purged"
TABLE = f"{SCHEMA}.t"
MADE = "t (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME NOT NULL, v INT NOT NULL DEFAULT 0)"
MONITOR = "purge_monitor"
PASSWORD = "hushed"
NOW = "2024-05-10 12:00:00"
OLD, YOUNG = "2024-05-01 10:00:00", "2024-05-09 10:00:00"
RULE = {"schema": SCHEMA, "name": "t", "time_column": "at", "days_kept": 7}


@pytest.fixture
def writer(bare: Topology) -> TestServer:
    return bare.server("w1")


@pytest.fixture
def reader(bare: Topology) -> TestServer:
    return bare.server("r1")


@pytest.fixture(autouse=True)
def replicated(writer: TestServer, reader: TestServer) -> Iterator[None]:
    with followed(reader, [writer], SCHEMA, MADE):
        outside_binary_log(
            reader,
            f"DROP USER IF EXISTS {MONITOR}",
            f"CREATE USER {MONITOR} IDENTIFIED BY '{PASSWORD}'",
            f"GRANT REPLICATION CLIENT ON *.* TO {MONITOR}",
            f"GRANT SELECT ON {SCHEMA}.* TO {MONITOR}",
        )
        outside_binary_log(
            writer,
            f"DROP USER IF EXISTS {MONITOR}",
            f"CREATE USER {MONITOR} IDENTIFIED BY '{PASSWORD}'",
            f"GRANT PROCESS ON *.* TO {MONITOR}",
        )
        if reader.flavour == "mariadb":
            outside_binary_log(reader, f"GRANT SLAVE MONITOR ON *.* TO {MONITOR}")
        made = follow(reader, writer)
        assert "failed" not in made, made
        try:
            yield
        finally:
            outside_binary_log(reader, f"DROP USER {MONITOR}")
            outside_binary_log(writer, f"DROP USER {MONITOR}", "DROP SCHEMA IF EXISTS dbrw")


def fill(writer: TestServer, *moments: str) -> None:
    """Insert rows, with ids as a server with an increment of 20 gives them."""
    highest = max(ids(writer), default=-19)
    values = [f"({highest + 20 * number}, '{at}')" for number, at in enumerate(moments, 1)]
    writer.rows(f"INSERT INTO {TABLE} (id, at) VALUES {', '.join(values)}")


def ids(server: TestServer) -> list[int]:
    return [row["id"] for row in server.rows(f"SELECT id FROM {TABLE} ORDER BY id")]


def options(writer: TestServer, reader: TestServer, **given: Any) -> dict[str, Any]:
    readers = [
        {
            "name": reader.name,
            "host": reader.address,
            "port": reader.port,
            "replication_user": USER,
        }
    ]
    return {
        "server": "w1",
        "server_host": writer.address,
        "server_port": writer.port,
        "tables": [RULE],
        "read_servers": readers,
        "read_server_user": MONITOR,
        "read_server_password": PASSWORD,
        "read_server_ssl": False,
        "now": NOW,
        **given,
    }


def purge(writer: TestServer, reader: TestServer, check: bool = False, **given: Any) -> Any:
    told = run_module(MODULE, writer, check=check, **options(writer, reader, **given))
    assert PASSWORD not in str({**told, "invocation": ""})
    return told


def test_old_rows_go_and_the_read_server_keeps_them(writer: TestServer, reader: TestServer) -> None:
    # Times that are in no order: the first and the last of the old stand among young ones.
    fill(writer, YOUNG, OLD, OLD, YOUNG, *[OLD] * 20, YOUNG, OLD)
    before = logged(writer)
    all_of_them = ids(writer)
    told = purge(writer, reader, check=True, chunk_rows=3)
    assert told["changed"] and told["tables"][0]["rows"] == 23
    assert ids(writer) == all_of_them
    told = purge(writer, reader, chunk_rows=3)
    assert told["changed"], told
    (table,) = told["tables"]
    assert (
        table.items()
        >= {
            **{"schema": SCHEMA, "table": "t", "older_than": "2024-05-03 00:00:00", "rows": 23},
            **{"rows_left": 0, "held": 0, "oldest_left": YOUNG},
        }.items()
    )
    assert len(ids(writer)) == 3 and ids(reader) == all_of_them
    # Nothing of it is in the log, and ids go on.
    assert logged(writer) == before
    writer.rows(f"INSERT INTO {TABLE} (at) VALUES ('{YOUNG}')")
    assert ids(writer)[-1] > all_of_them[-1]
    again = purge(writer, reader)
    assert not again["changed"] and again["tables"][0]["rows"] == 0


def test_a_row_at_the_border_stays(writer: TestServer, reader: TestServer) -> None:
    fill(writer, "2024-05-02 23:59:59", "2024-05-03 00:00:00")
    told = purge(writer, reader)
    assert told["tables"][0]["oldest_left"] == "2024-05-03 00:00:00", told
    # It is the third in that time zone for a day more.
    fill(writer, "2024-05-02 23:59:59")
    rule = {**RULE, "time_zone": "-12:30"}
    assert purge(writer, reader, tables=[rule])["tables"][0]["older_than"] == "2024-05-02 00:00:00"
    assert len(ids(writer)) == 2


def test_a_read_server_that_may_lack_them(writer: TestServer, reader: TestServer) -> None:
    fill(writer, *[OLD] * 5)

    def refused(code: str, **given: Any) -> str:
        for check in (True, False):
            told = purge(writer, reader, check=check, **given)
            assert told["failed"] and not told["changed"], told
            assert code in [one["code"] for one in told["findings"]], told
            assert len(ids(writer)) == 5
        return str(told["msg"])

    control(reader, "STOP", "w1")
    told = refused("retention.reader_stopped")
    assert (
        "r1: its channel from w1 does not run" in told and "No purge has found it in order" in told
    )
    assert re.search(r"Its disk has [0-9,]+ MiB left, .* at the present rate", told)
    control(reader, "START", "w1")
    wait_until(lambda: len(ids(reader)) == 5, 20, "the rows arrive")
    readers = options(writer, reader)["read_servers"]
    gone = {"name": "r2", "host": "127.0.0.1", "port": 1, "replication_user": USER}
    told = refused("retention.reader_unknown", read_servers=[*readers, gone])
    assert "r2: it cannot be told what it has of w1" in told
    refused("retention.reader_stopped", server="w9")
    unknown = [{**readers[0], "replication_user": "somebody_else"}]
    told = refused("retention.replica_unknown", read_servers=unknown)
    assert f"{USER} reads the binary log from" in told
    # Who sees nobody knows of nobody.
    refused("retention.replica_hidden", read_servers=unknown)
    outside_binary_log(writer, f"REVOKE PROCESS ON *.* FROM {MONITOR}")
    refused("retention.replica_hidden")
    outside_binary_log(writer, f"GRANT PROCESS ON *.* TO {MONITOR}")
    # It tells since when.
    fill(writer, OLD)
    assert purge(writer, reader, max_rows=1, chunk_rows=1)["tables"][0]["rows"] == 1
    control(reader, "STOP", "w1")
    assert re.search(r"It was last in order at \d{4}-", refused("retention.reader_stopped"))
    control(reader, "START", "w1")
    # Nothing is old, so nobody is needed.
    assert not purge(writer, reader, now="2024-05-05", server="w9").get("failed")


def test_one_that_is_behind_is_waited_for(writer: TestServer, reader: TestServer) -> None:
    fill(writer, OLD)
    wait_until(lambda: len(ids(reader)) == 1, 20, "the row arrives")
    with in_the_way(reader, f"LOCK TABLES {TABLE} READ"):
        fill(writer, OLD)
        told = purge(writer, reader, read_server_timeout_seconds=1)
        assert told["failed"] and "r1" in told["msg"] and "nothing is purged" in told["msg"]
        assert len(ids(writer)) == 2
    assert purge(writer, reader)["tables"][0]["rows"] == 2
    assert len(ids(reader)) == 2


@contextmanager
def in_the_way(server: TestServer, *statements: str) -> Iterator[None]:
    """Another session that has run these statements."""
    other = server.admin()
    try:
        with other.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield
    finally:
        other.close()


def test_a_locked_row_waits_for_the_next_run(writer: TestServer, reader: TestServer) -> None:
    fill(writer, *[OLD] * 6)
    second = ids(writer)[1]
    lock = f"SELECT * FROM {TABLE} WHERE id = {second} FOR UPDATE"
    with in_the_way(writer, "START TRANSACTION", lock):
        told = purge(writer, reader, chunk_rows=2)
    assert (told["tables"][0]["rows"], told["tables"][0]["held"]) == (4, 2), told
    assert "2 old rows were left" in str(told["warnings"])
    assert purge(writer, reader)["tables"][0]["rows"] == 2


def test_a_row_that_has_come_since_stays(writer: TestServer) -> None:
    """It has an old time and an id among the others: no read server was waited for it."""
    fill(writer, *[OLD] * 4)
    rule = Retention(SCHEMA, "t", "id", "at", 7)
    server = connect(Login(unix_socket=str(writer.socket), user="root"))
    try:
        server.leave_binary_log()
        retention.prepare(server)
        cut = retention.cut_of(server, rule, datetime.datetime(2024, 5, 10))
        assert cut is not None
        found = retention.find_old(server, rule, cut, 2)
        first = ids(writer)[0]
        writer.rows(f"INSERT INTO {TABLE} (id, at) VALUES ({first + 1}, '{OLD}')")
        retention.make_own_table(server)
        probe = retention.Probe(server)
        limits, throttle = retention.Limits(), Throttle([], 1)
        *_before, done = retention.purge(server, found, limits, throttle, probe)
        assert (done.rows, done.held) == (2, 2)
        assert ids(writer)[:2] == [first, first + 1]
    finally:
        server.close()


def test_no_more_than_asked_for(writer: TestServer, reader: TestServer) -> None:
    fill(writer, *[OLD] * 10)
    assert purge(writer, reader, check=True, max_rows=3)["tables"][0]["rows"] == 3
    told = purge(writer, reader, chunk_rows=2, max_rows=3)
    assert (told["tables"][0]["rows"], told["tables"][0]["rows_left"]) == (4, 6)
    assert purge(writer, reader, max_seconds=0)["tables"][0]["rows"] == 0
    assert purge(writer, reader)["tables"][0]["rows"] == 6


def test_compared_with_the_read_server(writer: TestServer, reader: TestServer) -> None:
    fill(writer, *[OLD] * 4)
    wait_until(lambda: len(ids(reader)) == 4, 20, "the rows arrive")
    # Of another write server.
    outside_binary_log(reader, f"INSERT INTO {TABLE} VALUES (2, '{OLD}', 0)")
    last = ids(writer)[-1]
    outside_binary_log(reader, f"UPDATE {TABLE} SET v = 1 WHERE id = {last}")
    with setting(writer, "auto_increment_increment", 20):
        told = purge(writer, reader, chunk_rows=2, verify=True)
    assert told["failed"] and "with other values" in told["msg"], told
    assert told["purged"][TABLE]["rows"] == 2 and told["changed"] and len(ids(writer)) == 2
    outside_binary_log(reader, f"UPDATE {TABLE} SET v = 0 WHERE id = {last}")
    with setting(writer, "auto_increment_increment", 20):
        assert purge(writer, reader, verify=True)["tables"][0]["rows"] == 2


def test_what_cannot_be_purged(writer: TestServer, reader: TestServer) -> None:
    outside_binary_log(
        writer,
        f"CREATE TABLE {SCHEMA}.odd (a INT PRIMARY KEY, id INT, at INT)",
        f"CREATE TRIGGER {SCHEMA}.odd_gone AFTER DELETE ON {SCHEMA}.odd FOR EACH ROW SET @a = 1",
    )
    told = purge(
        writer,
        reader,
        tables=[{**RULE, "name": "odd"}, {**RULE, "name": "missing"}, {**RULE, "time_zone": "X/Y"}],
    )
    for said in (
        "at is int; it must be DATE, DATETIME or TIMESTAMP",
        "primary key does not begin with id",
        "trigger odd_gone",
        f"{SCHEMA}.missing is not there",
        "time zone X/Y is not known",
    ):
        assert said in told["msg"], told
    assert "nobody would have the rows" in purge(writer, reader, read_servers=[])["msg"]


@pytest.mark.lines("later")
def test_killed_at_any_statement(writer: TestServer, reader: TestServer) -> None:
    def reset() -> None:
        outside_binary_log(writer, f"DELETE FROM {TABLE}")
        writer.rows(f"INSERT INTO {TABLE} (at) VALUES ('{OLD}'), ('{OLD}'), ('{YOUNG}'), ('{OLD}')")

    def look() -> Any:
        # What no read server has is lost; each reset adds four.
        here, there = set(ids(writer)), ids(reader)
        return len(here), here <= set(there), len(there) % 4

    arguments = options(writer, reader, chunk_rows=2)
    assert killed_everywhere(MODULE, writer, arguments, reset, look, every=5) > 4
