"""What stops a channel, or should and does not, on each server, and how it is explained.

Each fact is one that the design answers to: the next version of a server is caught
changing it here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.conftest import forget_binary_logs, outside_binary_log
from tests.integration.lines import TestServer, Topology, wait_until
from tests.support.replication import (
    channels,
    control,
    follow,
    followed,
    status,
    wait_for_error,
)

pytestmark = pytest.mark.lines("later")

MONTHS = (
    "PARTITION BY RANGE COLUMNS (started) (PARTITION p1 VALUES LESS THAN ('2026-01-01'), "
    "PARTITION p2 VALUES LESS THAN ('2026-02-01'))"
)


@dataclass
class Pair:
    """Two sources and a replica that follows both."""

    sources: list[TestServer]
    replica: TestServer
    schema: str

    @property
    def source(self) -> TestServer:
        return self.sources[0]

    def here(self, *statements: str) -> None:
        """Run statements on the replica, {s} being the schema."""
        outside_binary_log(self.replica, *(one.format(s=self.schema) for one in statements))

    def on_source(self, *statements: str, logged: bool = True) -> None:
        """Run statements on the first source."""
        texts = [one.format(s=self.schema) for one in statements]
        if not logged:
            outside_binary_log(self.source, *texts)
            return
        for text in texts:
            self.source.rows(text)

    def carry_on(self) -> None:
        """Start the applier again, and see that it has nothing to complain of any more."""
        control(self.replica, "START", "w1", "SQL_THREAD")
        wait_until(
            lambda: (
                (found := status(self.replica, "w1"))["replica_sql_running"] == "Yes"
                and found["exec_source_log_pos"] == found["read_source_log_pos"]
            ),
            20,
            f"w1 does not carry on: {status(self.replica, 'w1')}",
        )


@pytest.fixture(scope="module")
def pair(bare: Topology) -> Iterator[Pair]:
    sources = [bare.server("w1"), bare.server("w2")]
    replica = bare.server("r1")
    schema = f"test_{secrets.token_hex(4)}"
    with followed(replica, sources, schema, "t (id INT PRIMARY KEY, a INT)"):
        made = Pair(sources, replica, schema)
        calls = "CREATE TABLE {s}.calls (id INT, started DATETIME, a INT, PRIMARY KEY "
        made.on_source(
            calls + "(id))",
            "CREATE TABLE {s}.lacking (id INT PRIMARY KEY)",
            logged=False,
        )
        made.here(calls + f"(id, started)) {MONTHS}")
        result = follow(replica, *sources, wait=True)
        assert "failed" not in result, result
        yield made


@dataclass(frozen=True)
class Stop:
    """What is done here and on the source, the error by flavour, and how it is undone here.

    ``cause`` and ``remedy`` are parts of what a person reads.
    """

    here: tuple[str, ...]
    on_source: tuple[str, ...]
    numbers: dict[str, int]
    # event, schema, table, key as the info module tells them.
    parts: tuple[str | None, str | None, str | None, str | None]
    cause: str
    remedy: str
    undo: tuple[str, ...]


def both(number: int) -> dict[str, int]:
    return {"mariadb": number, "mysql": number}


STOPS = {
    "duplicate row": Stop(
        ("INSERT INTO {s}.t VALUES (7, 0)",),
        ("INSERT INTO {s}.t VALUES (7, 1)",),
        both(1062),
        ("insert", "{s}", "t", "PRIMARY = 7"),
        "another one with this key, exists on this server already",
        "compare the two rows",
        ("DELETE FROM {s}.t",),
    ),
    "missing row": Stop(
        ("DELETE FROM {s}.t",),
        ("UPDATE {s}.t SET a = 2 WHERE id = 7",),
        both(1032),
        ("update", "{s}", "t", None),
        "the row that the source changed does not exist on this server",
        "mysqlbinlog",
        ("INSERT INTO {s}.t VALUES (7, 1)",),
    ),
    "missing table": Stop(
        (),
        ("INSERT INTO {s}.lacking VALUES (1)",),
        both(1146),
        (None, "{s}", "lacking", None),
        "this server does not have the table",
        "mysql_usage_table",
        ("CREATE TABLE {s}.lacking (id INT PRIMARY KEY)",),
    ),
    "missing month": Stop(
        (),
        ("INSERT INTO {s}.calls VALUES (1, '2026-02-10', 0)",),
        both(1526),
        ("insert", "{s}", "calls", None),
        "has no partition for the row's month",
        "mysql_month_partition",
        ("ALTER TABLE {s}.calls ADD PARTITION (PARTITION p3 VALUES LESS THAN ('2026-03-01'))",),
    ),
    # The row is looked for in the oldest month that is left.
    "dropped oldest month": Stop(
        (
            "ALTER TABLE {s}.calls ADD PARTITION (PARTITION p4 VALUES LESS THAN ('2026-04-01'))",
            "ALTER TABLE {s}.calls DROP PARTITION p1, p2, p3",
        ),
        ("UPDATE {s}.calls SET a = 1 WHERE id = 1",),
        both(1032),
        ("update", "{s}", "calls", None),
        "the row that the source changed does not exist on this server",
        "retention",
        ("INSERT INTO {s}.calls VALUES (1, '2026-02-10', 0)",),
    ),
    # There is no month to look in.
    "dropped newest month": Stop(
        (
            "DELETE FROM {s}.calls",
            "ALTER TABLE {s}.calls REORGANIZE PARTITION p4 INTO (PARTITION p1 VALUES LESS THAN "
            "('2026-01-01'), PARTITION p3 VALUES LESS THAN ('2026-04-01'))",
            "ALTER TABLE {s}.calls DROP PARTITION p3",
        ),
        ("UPDATE {s}.calls SET a = 2 WHERE id = 1",),
        both(1030),
        ("update", "{s}", "calls", None),
        "month has no partition on this server any more",
        "mysql_month_partition_info",
        (
            "ALTER TABLE {s}.calls ADD PARTITION (PARTITION p3 VALUES LESS THAN ('2026-04-01'))",
            "INSERT INTO {s}.calls VALUES (1, '2026-02-10', 1)",
        ),
    ),
    "missing schema": Stop(
        ("DROP SCHEMA IF EXISTS {s}x",),
        ("INSERT INTO {s}x.t VALUES (1)",),
        {"mariadb": 1146, "mysql": 1049},
        (None, "{s}x", None, None),
        "this server does not have the ",
        "mysql_usage_table",
        ("CREATE SCHEMA {s}x", "CREATE TABLE {s}x.t (id INT PRIMARY KEY)"),
    ),
    # MariaDB by itself would apply it as CREATE OR REPLACE, see below.
    "leaked table": Stop(
        ("CREATE TABLE {s}.leaked (id INT PRIMARY KEY)",),
        ("CREATE TABLE {s}.leaked (id INT PRIMARY KEY)",),
        both(1050),
        ("CREATE TABLE", "{s}", "leaked", None),
        "a statement that changes schemas or tables came through the channel",
        "sql_log_bin",
        ("DROP TABLE {s}.leaked",),
    ),
    "other type": Stop(
        ("ALTER TABLE {s}.t MODIFY a BIGINT",),
        ("INSERT INTO {s}.t VALUES (8, 1)",),
        {"mariadb": 1677, "mysql": 13146},
        (None, "{s}", "t", None),
        "the source's column has a type that this server's table cannot take",
        "give the table the same type on both servers, outside the binary log",
        ("ALTER TABLE {s}.t MODIFY a INT",),
    ),
}


def test_what_stops_a_channel_and_how_it_is_explained(pair: Pair) -> None:
    replica, flavour = pair.replica, pair.replica.flavour
    pair.on_source("CREATE SCHEMA {s}x", "CREATE TABLE {s}x.t (id INT PRIMARY KEY)", logged=False)
    for name, stop in STOPS.items():
        pair.here(*stop.here)
        pair.on_source(*stop.on_source)
        wait_for_error(replica, "w1")
        told = channels(replica)
        error, parts = told["w1"]["last_sql_error"], told["w1"]["explanation"]
        assert error["number"] == stop.numbers[flavour], (name, error)
        # Only MySQL tells when; both say the whole message, not where to read it.
        assert (error["time"] is not None) == (flavour == "mysql"), (name, error)
        assert "for more details" not in error["message"], (name, error)
        event, schema, table, key = (one and one.format(s=pair.schema) for one in stop.parts)
        assert (parts["event"], parts["schema"]) == (event, schema), (name, parts)
        if table or flavour == "mysql":
            assert parts["table"] == table, (name, parts)
        assert key is None or (key.split(" = ")[1] in parts["key"]), (name, parts)
        assert stop.cause in parts["meaning"], (name, parts)
        assert any(stop.remedy in one for one in parts["remedies"]), (name, parts)
        assert parts["source_log_file"] == status(replica, "w1")["relay_source_log_file"], name
        assert parts["source_log_position"] > 0, (name, parts)
        assert (parts["gtid"] is not None) == (flavour == "mysql"), (name, parts)
        assert told["w2"]["running"] and told["w2"]["explanation"] is None, name
        pair.here(*stop.undo)
        pair.carry_on()
    assert channels(replica)["w1"]["explanation"] is None
    outside_binary_log(pair.source, f"DROP SCHEMA {pair.schema}x")
    pair.here("DROP SCHEMA {s}x")


def test_a_row_that_is_locked_here(pair: Pair) -> None:
    """The module that starts the channel says so too, as long as the lock is held."""
    replica, table = pair.replica, f"{pair.schema}.t"
    retries = f"{'replica' if replica.flavour == 'mysql' else 'slave'}_transaction_retries"
    before = {
        name: replica.value(f"SELECT @@GLOBAL.{name}")
        for name in ("innodb_lock_wait_timeout", retries)
    }
    pair.on_source("INSERT INTO {s}.t VALUES (700, 0)")
    assert "failed" not in follow(replica, *pair.sources, wait=True)
    # A session takes the timeout as it is when it begins; the applier's begins anew.
    replica.rows("SET GLOBAL innodb_lock_wait_timeout = 1")
    replica.rows(f"SET GLOBAL {retries} = 0")
    control(replica, "STOP", "w1", "SQL_THREAD")
    control(replica, "START", "w1", "SQL_THREAD")
    try:
        with replica.admin() as session, session.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"SELECT a FROM {table} WHERE id = 700 FOR UPDATE")
            pair.on_source("UPDATE {s}.t SET a = 1 WHERE id = 700")
            wait_for_error(replica, "w1")
            told = channels(replica)["w1"]
            assert told["last_sql_error"]["number"] == told["explanation"]["number"] == 1205, told
            refused = follow(replica, *pair.sources, wait=True)
        assert refused["failed"] and "channel w1 from" in refused["msg"], refused
        assert "cannot apply: error 1205: " in refused["msg"], refused
        assert refused["msg"].endswith(
            f"the update of {table}: the row was locked for too long on this server. What can be "
            "done: look for long transactions on this server, end them, and start the channel "
            "again (mysql_replication_channel, state: started)."
        ), refused
        # The lock is gone: what the text says to do is enough.
        assert "failed" not in follow(replica, *pair.sources, wait=True)
        assert replica.value(f"SELECT a FROM {table} WHERE id = 700") == 1
    finally:
        for name, value in before.items():
            replica.rows(f"SET GLOBAL {name} = {value}")
        control(replica, "STOP", "w1", "SQL_THREAD")
        control(replica, "START", "w1", "SQL_THREAD")


def test_accounts_from_two_sources_stop_a_channel(pair: Pair) -> None:
    servers = (*pair.sources, pair.replica)
    try:
        for source in pair.sources:
            source.rows("CREATE USER leaked IDENTIFIED BY 'of a leaked account'")
        stopped = wait_until(
            lambda: [
                one
                for one in channels(pair.replica).values()
                if one["last_sql_error"]["number"] == 1396
            ],
            20,
            "no channel has stopped",
        )
        assert len(stopped) == 1 and stopped[0]["explanation"]["event"] == "CREATE USER", stopped
        # What the message quotes of the statement ends before the password.
        assert "IDENTIFIED ********" in stopped[0]["last_sql_error"]["message"], stopped
        assert "of a leaked account" not in str(stopped), stopped
        pair.here("DROP USER leaked")
        control(pair.replica, "START", stopped[0]["channel"], "SQL_THREAD")
        wait_until(
            lambda: all(one["running"] for one in channels(pair.replica).values()),
            20,
            "it does not carry on",
        )
    finally:
        for server in servers:
            outside_binary_log(server, "DROP USER IF EXISTS leaked")


def test_a_row_image_that_lacks_the_time(pair: Pair) -> None:
    """The replica's key holds a column that the source's does not."""
    pair.here("DELETE FROM {s}.calls")
    pair.on_source("INSERT INTO {s}.calls VALUES (9, '2026-02-11', 0)")
    with pair.source.admin() as session, session.cursor() as cursor:
        cursor.execute("SET SESSION binlog_row_image = MINIMAL")
        cursor.execute(f"UPDATE {pair.schema}.calls SET a = 5 WHERE id = 9")
    if pair.replica.flavour == "mysql":
        # It scans the table instead.
        wait_until(
            lambda: (
                pair.replica.value(f"SELECT COUNT(*) FROM {pair.schema}.calls WHERE a = 5") == 1
            ),
            20,
            "the row has not changed",
        )
        return
    wait_for_error(pair.replica, "w1")
    told = channels(pair.replica)["w1"]["explanation"]
    assert told["number"] == 1032 and any("row_image" in one for one in told["remedies"]), told
    # The row is there: a key that begins with the id alone lets it be found.
    pair.here(
        "ALTER TABLE {s}.calls REMOVE PARTITIONING",
        "ALTER TABLE {s}.calls DROP PRIMARY KEY, ADD PRIMARY KEY (id)",
    )
    pair.carry_on()


def test_a_leaked_table_replaces_the_one_that_is_there(pair: Pair) -> None:
    """MariaDB's default; the read server's setting STRICT is proved above (1050)."""
    if pair.replica.flavour == "mysql":
        assert pair.replica.rows("SHOW VARIABLES LIKE 'slave_ddl_exec_mode'") == []
        return
    pair.here("CREATE TABLE {s}.merged (id INT PRIMARY KEY)", "INSERT INTO {s}.merged VALUES (1)")
    pair.replica.rows("SET GLOBAL slave_ddl_exec_mode = IDEMPOTENT")
    try:
        control(pair.replica, "STOP", "w1", "SQL_THREAD")
        control(pair.replica, "START", "w1", "SQL_THREAD")
        pair.on_source("CREATE TABLE {s}.merged (id INT PRIMARY KEY)")
        wait_until(
            lambda: pair.replica.value(f"SELECT COUNT(*) FROM {pair.schema}.merged") == 0,
            20,
            "the table was not replaced",
        )
        assert channels(pair.replica)["w1"]["running"]
    finally:
        pair.replica.rows("SET GLOBAL slave_ddl_exec_mode = STRICT")
        control(pair.replica, "STOP", "w1", "SQL_THREAD")
        control(pair.replica, "START", "w1", "SQL_THREAD")


def test_an_idempotent_channel_overwrites_and_skips_in_silence(pair: Pair) -> None:
    """What slave_exec_mode=IDEMPOTENT does; with STRICT both stop the channel (above)."""
    replica, table = pair.replica, f"{pair.schema}.t"
    mode = "replica_exec_mode" if replica.flavour == "mysql" else "slave_exec_mode"
    assert replica.value(f"SELECT @@GLOBAL.{mode}") == "STRICT"
    # 801 is here already with another value; 802 is not here when the source updates it.
    pair.on_source("INSERT INTO {s}.t VALUES (802, 1)")
    assert "failed" not in follow(replica, *pair.sources, wait=True)
    pair.here("INSERT INTO {s}.t VALUES (801, 7)", "DELETE FROM {s}.t WHERE id = 802")
    replica.rows(f"SET GLOBAL {mode} = IDEMPOTENT")
    try:
        control(replica, "STOP", "w1", "SQL_THREAD")
        control(replica, "START", "w1", "SQL_THREAD")
        pair.on_source(
            "INSERT INTO {s}.t VALUES (801, 1)",
            "UPDATE {s}.t SET a = 2 WHERE id = 802",
            "INSERT INTO {s}.t VALUES (803, 1)",
        )
        there = f"SELECT id, a FROM {table} WHERE id > 800 ORDER BY id"
        wait_until(
            lambda: replica.rows(f"SELECT 1 FROM {table} WHERE id = 803"),
            20,
            f"the last row has not come: {status(replica, 'w1')}",
        )
        assert replica.rows(there) == [{"id": 801, "a": 1}, {"id": 803, "a": 1}]
        assert {"id": 802, "a": 2} in pair.source.rows(there)
        told = channels(replica)["w1"]
        assert told["running"] and told["explanation"] is None, told
        assert told["last_sql_error"]["number"] == 0, told
    finally:
        replica.rows(f"SET GLOBAL {mode} = STRICT")
        control(replica, "STOP", "w1", "SQL_THREAD")
        control(replica, "START", "w1", "SQL_THREAD")


@pytest.mark.parametrize("word", ["TRUNCATE TABLE", "DELETE FROM"])
def test_a_logged_purge_takes_other_sources_rows_too(pair: Pair, word: str) -> None:
    """A TRUNCATE is a statement without rows: it empties whatever is there. A DELETE is
    logged row by row, and takes those rows that look like its own."""
    replica, (one, two) = pair.replica, pair.sources
    table = f"{pair.schema}.purged"
    for server in (one, two, replica):
        outside_binary_log(server, f"CREATE TABLE {table} (id INT PRIMARY KEY)")
    try:
        one.rows(f"INSERT INTO {table} VALUES (1)")
        two.rows(f"INSERT INTO {table} VALUES (2)")
        wait_until(lambda: len(replica.rows(f"SELECT id FROM {table}")) == 2, 20, "no rows come")
        one.rows(f"{word} {table}")
        left = [] if word == "TRUNCATE TABLE" else [2]
        ids = f"SELECT id FROM {table} ORDER BY id"
        wait_until(
            lambda: [row["id"] for row in replica.rows(ids)] == left,
            20,
            f"{replica.rows(ids)} is left",
        )
        assert two.rows(ids) == [{"id": 2}]
        assert all(channel["running"] for channel in channels(replica).values())
    finally:
        for server in (one, two, replica):
            outside_binary_log(server, f"DROP TABLE {table}")


def test_an_applier_that_was_stopped_tells_no_error(pair: Pair) -> None:
    """As an interrupted dump of a replica leaves it: look at the threads, not at errors."""
    control(pair.replica, "STOP", "w1", "SQL_THREAD")
    told = channels(pair.replica)["w1"]
    assert told["last_sql_error"]["number"] == 0 and told["last_sql_error"]["message"] == ""
    assert told["io_running"] and not told["sql_running"] and not told["running"]
    assert told["explanation"] is None and told["seconds_behind_source"] is None
    pair.carry_on()


def test_a_source_that_starts_anew(pair: Pair) -> None:
    """Its binary logs are gone. MySQL stops the channel; so does MariaDB, until the source
    has numbered as many transactions as before: then it leaves those out, silently."""
    replica, source = pair.replica, pair.source
    mariadb = replica.flavour == "mariadb"
    pair.on_source("INSERT INTO {s}.t VALUES (900, 1)", "INSERT INTO {s}.t VALUES (901, 1)")
    assert "failed" not in follow(replica, *pair.sources, wait=True)
    position = replica.value("SELECT @@GLOBAL.gtid_slave_pos") if mariadb else ""
    control(replica, "STOP", "w1")
    forget_binary_logs(source)
    pair.on_source("INSERT INTO {s}.t VALUES (1000, 1)")
    control(replica, "START", "w1")
    wait_for_error(replica, "w1", "IO")
    told = channels(replica)["w1"]
    assert told["last_io_error"]["number"] == (1236 if mariadb else 13114), told
    assert (told["last_io_error"]["time"] is None) == mariadb, told
    assert "source does not have" in told["explanation"]["meaning"], told
    if not mariadb:
        return
    (last,) = (int(gtid.split("-")[2]) for gtid in position.split(",") if gtid.startswith("1-1-"))
    for number in range(last):
        source.rows(f"INSERT INTO {pair.schema}.t VALUES (%s, 1)", 1001 + number)
    control(replica, "START", "w1")
    there = f"SELECT COUNT(*) FROM {pair.schema}.t WHERE id >= 1000"
    wait_until(lambda: replica.value(there) == 1, 20, "the last row has not come")
    assert channels(replica)["w1"]["running"] and source.value(there) == last + 1


def test_a_position_is_taken_only_while_no_channel_runs(pair: Pair) -> None:
    """MySQL adds to what it knows at any time."""
    replica = pair.replica
    if replica.flavour == "mysql":
        uuid = "aaaaaaaa-0000-0000-0000-000000000000"
        replica.rows(f"SET GLOBAL gtid_purged = '+{uuid}:1-5'")
        assert f"{uuid}:1-5" in replica.value("SELECT @@GLOBAL.gtid_executed")
        return
    with pytest.raises(Exception, match="1198"):
        replica.rows("SET GLOBAL gtid_slave_pos = '77-7-7'")
