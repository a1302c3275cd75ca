"""What the servers do with partitions: the facts that mysql_month_partition is built on.

A version of a server that changes one of these is caught here, not in a table.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import Host, TestServer, wait_until

pytestmark = pytest.mark.lines("later")

MONTHS = ("2013-10-01", "2013-11-01", "2013-12-01", "2014-01-01")

# Column, PARTITION BY, a boundary, and how a query names a day.
SCHEMES = {
    "date": ("DATE", "RANGE COLUMNS (at)", "'{}'", "'{}'"),
    "datetime": ("DATETIME", "RANGE COLUMNS (at)", "'{}'", "'{}'"),
    "timestamp": (
        "TIMESTAMP",
        "RANGE (UNIX_TIMESTAMP(at))",
        "UNIX_TIMESTAMP('{} 00:00:00')",
        "'{}'",
    ),
    "epoch": (
        "BIGINT",
        "RANGE (at)",
        "UNIX_TIMESTAMP('{} 00:00:00')",
        "UNIX_TIMESTAMP('{} 00:00:00')",
    ),
    "to_days": ("DATETIME", "RANGE (TO_DAYS(at))", "TO_DAYS('{}')", "'{}'"),
}
# Partitions: a below October 2013, b October, c November, d December, e everything later.
RANGES = {
    "at >= {:2013-11-01} AND at < {:2013-12-01}": "c",
    "at >= {:2013-11-05} AND at < {:2013-11-06}": "c",
    "at >= {:2013-10-05} AND at < {:2013-12-05}": "b,c,d",
    "at = {:2013-11-05}": "c",
    "at >= {:2013-12-01}": "d,e",
    "at > {:2013-12-31}": "d,e",
    "at < {:2013-11-01}": "a,b",
    "at >= {:2013-11-01} AND at < {:2014-02-01} AND id = 7": "c,d,e",
}
EVERY = "a,b,c,d,e"


class Day:
    """Formats {:2013-11-01} as a scheme's queries name the day."""

    def __init__(self, literal: str) -> None:
        self.literal = literal

    def __format__(self, day: str) -> str:
        return self.literal.format(day)


def create(schema: str, kind: str, tail: bool = True) -> str:
    column, by, boundary, _rest = SCHEMES[kind]
    said = [
        f"PARTITION {name} VALUES LESS THAN ({boundary.format(below)})"
        for name, below in zip("abcd", MONTHS, strict=True)
    ]
    if tail:
        said.append(
            f"PARTITION e VALUES LESS THAN {'(MAXVALUE)' if 'COLUMNS' in by else 'MAXVALUE'}"
        )
    return (
        f"CREATE TABLE {schema}.{kind} (id BIGINT NOT NULL, at {column} NOT NULL, v INT, "
        f"PRIMARY KEY (id, at)) PARTITION BY {by} ({', '.join(said)})"
    )


@pytest.fixture(scope="module")
def explained(host: Host, bare: Any) -> Iterator[Any]:
    """Tell which partitions a query on a table of each scheme reads."""
    server: TestServer = bare.server("w1")
    schema = "test_pruning"
    outside_binary_log(server, f"CREATE SCHEMA {schema}")
    words = "FORMAT=TRADITIONAL" if server.flavour == "mysql" else "PARTITIONS"
    connection = server.admin(cursorclass=pymysql.cursors.DictCursor)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0, time_zone = '+00:00'")
        for kind, (*_rest, literal) in SCHEMES.items():
            cursor.execute(create(schema, kind))
            # MySQL reads a table of one row while it plans, and then shows no partition.
            for number, below in enumerate((*MONTHS, "2015-01-01")):
                day = " - 86400" if kind == "epoch" else " - INTERVAL 1 DAY"
                cursor.execute(
                    f"INSERT INTO {schema}.{kind} (id, at) "
                    f"VALUES ({number}, {literal.format(below)}{day}), "
                    f"({number + 10}, {literal.format(below)}{day})"
                )

        def partitions(kind: str, where: str) -> str:
            day = Day(SCHEMES[kind][3])
            where = where.format(*[day] * where.count("{"))
            cursor.execute(f"EXPLAIN {words} SELECT v FROM {schema}.{kind} WHERE {where}")
            (row,) = cursor.fetchall()
            return str(row["partitions"])

        yield partitions
    outside_binary_log(server, f"DROP SCHEMA {schema}")


@pytest.mark.parametrize("kind", ["date", "datetime", "timestamp", "epoch"])
def test_the_chosen_expressions_prune_exactly(explained: Any, kind: str) -> None:
    found = {where: explained(kind, where) for where in RANGES}
    assert found == RANGES


def test_to_days_reads_the_first_partition_too(explained: Any) -> None:
    assert explained("to_days", "at >= {:2013-11-01} AND at < {:2013-12-01}") == "a,c"
    assert explained("to_days", "at >= {:2013-12-01}") == "a,d,e"


def test_what_does_not_prune(explained: Any, bare: Any) -> None:
    # MariaDB 11.8 turns these into ranges where the column is in a key, as it is here.
    turned = is_new_mariadb(bare.server("w1"))
    for kind in ("date", "datetime"):
        assert explained(kind, "id = 7") == EVERY
        assert explained(kind, "DATE(at) = '2013-11-05'") == ("c" if turned else EVERY)
        assert explained(kind, "YEAR(at) = 2014") == ("e" if turned else EVERY)


def is_new_mariadb(server: TestServer) -> bool:
    return server.flavour == "mariadb" and not server.version.startswith("10.11.")


def refused(server: TestServer, sql: str, number: int) -> None:
    with pytest.raises(pymysql.MySQLError) as error:
        server.rows(sql)
    assert error.value.args[0] == number, error.value


def test_what_a_table_with_partitions_cannot_be(server: TestServer, schema: str) -> None:
    mysql = server.flavour == "mysql"
    table, by = f"{schema}.t", "PARTITION BY RANGE COLUMNS (at) (PARTITION p VALUES LESS THAN"
    columns = "id BIGINT NOT NULL, at DATETIME NOT NULL"
    below = f"{by} ('2014-01-01'))"
    refused(server, f"CREATE TABLE {table} ({columns}, PRIMARY KEY (id)) {below}", 1503)
    refused(server, f"CREATE TABLE {table} ({columns}, UNIQUE KEY (id)) {below}", 1503)
    stamped = "at TIMESTAMP NOT NULL"
    refused(server, f"CREATE TABLE {table} ({stamped}) {below}", 1659)
    server.rows(f"CREATE TABLE {schema}.plain (id BIGINT PRIMARY KEY)")
    key = f"CONSTRAINT fk FOREIGN KEY (id) REFERENCES {schema}.plain (id)"
    refused(server, f"CREATE TABLE {table} ({columns}, {key}) {below}", 1506)
    # MariaDB calls it another thing when the table is there already.
    server.rows(f"CREATE TABLE {table} ({columns}, {key})")
    refused(server, f"ALTER TABLE {table} {below}", 1506 if mysql else 1217)
    server.rows(f"DROP TABLE {table}")
    words = f"CREATE TABLE {table} ({columns}, said TEXT, FULLTEXT KEY (said)) {below}"
    if mysql:
        refused(server, words, 1214)
    else:
        server.rows(words)
        server.rows(f"DROP TABLE {table}")
    place = f"CREATE TABLE {table} ({columns}, place POINT NOT NULL) {below}"
    if is_new_mariadb(server):
        server.rows(place)
    else:
        refused(server, place, 1178)


def test_whether_a_timestamp_with_a_fraction_has_partitions(
    server: TestServer, schema: str
) -> None:
    by = "PARTITION BY RANGE (UNIX_TIMESTAMP(at)) (PARTITION p VALUES LESS THAN (2000000000))"
    server.rows(f"CREATE TABLE {schema}.t (at TIMESTAMP(3) NOT NULL)")
    if server.flavour == "mysql":
        refused(server, f"ALTER TABLE {schema}.t {by}", 1491)
    else:
        server.rows(f"ALTER TABLE {schema}.t {by}")


def test_where_rows_of_no_month_lie(server: TestServer, schema: str) -> None:
    """In the first partition, whatever months it is for."""
    for kind in SCHEMES:
        server.rows(
            create(schema, kind)
            .replace(" NOT NULL, v", " NULL, v")
            .replace("PRIMARY KEY (id, at)", "KEY (id)")
        )
        server.rows(f"INSERT INTO {schema}.{kind} VALUES (1, NULL, 1)")
        assert server.value(f"SELECT COUNT(*) FROM {schema}.{kind} PARTITION (a)") == 1


def test_whether_what_is_generated_can_be_not_null(server: TestServer, schema: str) -> None:
    made = f"CREATE TABLE {schema}.t (b DATE, at DATE GENERATED ALWAYS AS (b) STORED NOT NULL)"
    if server.flavour == "mysql":
        server.rows(made)
    else:
        refused(server, made, 1064)


def test_what_boundaries_cannot_be(server: TestServer, schema: str) -> None:
    table = f"{schema}.datetime"
    server.rows(create(schema, "datetime"))
    later = "(PARTITION f VALUES LESS THAN ('2015-01-01'))"
    # Above a MAXVALUE partition nothing can be added.
    refused(server, f"ALTER TABLE {table} ADD PARTITION {later}", 1493)
    # A name is taken whatever its case, and whatever its boundary.
    server.rows(f"ALTER TABLE {table} DROP PARTITION e")
    taken = "(PARTITION {} VALUES LESS THAN ('2015-01-01'))"
    refused(server, f"ALTER TABLE {table} ADD PARTITION {taken.format('A')}", 1517)
    guarded = f"ALTER TABLE {table} ADD PARTITION IF NOT EXISTS {taken.format('a')}"
    if server.flavour == "mysql":
        refused(server, guarded, 1064)
    else:
        # By name only: nothing is added, and the missing month stays missing.
        server.rows(guarded)
        assert "2015" not in server.rows(f"SHOW CREATE TABLE {table}")[0]["Create Table"]
    # A row with no partition.
    refused(server, f"INSERT INTO {table} VALUES (1, '2014-02-01', 1)", 1526)
    refused(server, f"ALTER TABLE {table} DROP PARTITION a, b, c, d", 1508)


def test_the_limit_of_partitions(server: TestServer, schema: str) -> None:
    """8192; only the refusal is tried, which makes no files."""
    said = ", ".join(f"PARTITION p{n} VALUES LESS THAN ({n})" for n in range(8193))
    by = f"PARTITION BY RANGE (id) ({said})"
    refused(server, f"CREATE TABLE {schema}.t (id INT) {by}", 1499)


def test_where_the_words_of_online_ddl_stand(server: TestServer, schema: str) -> None:
    table = f"{schema}.datetime"
    server.rows(create(schema, "datetime", tail=False))
    add = "ADD PARTITION (PARTITION {} VALUES LESS THAN ('{}'))"
    split = (
        "REORGANIZE PARTITION a INTO (PARTITION a1 VALUES LESS THAN ('2013-01-01'), "
        "PARTITION a VALUES LESS THAN ('2013-10-01'))"
    )
    before = f"ALTER TABLE {table} ALGORITHM=INPLACE, LOCK=NONE, "
    after = f"ALTER TABLE {table} DROP PARTITION a, ALGORITHM=INPLACE, LOCK=NONE"
    refused(server, after, 1064)
    if server.flavour == "mysql":
        server.rows(before + add.format("e", "2014-02-01"))
        # Splitting moves rows, and cannot let others write meanwhile.
        refused(server, before + split, 1845)
        server.rows(before.replace("NONE", "SHARED") + split)
        server.rows(before + "DROP PARTITION a1")
    else:
        refused(server, before + add.format("e", "2014-02-01"), 1064)
        server.rows(f"ALTER TABLE {table} {add.format('e', '2014-02-01')}")


def test_where_a_partitions_file_may_lie(server: TestServer, schema: str) -> None:
    """MySQL only takes known directories; MariaDB ignores the words in REORGANIZE."""
    table = f"{schema}.datetime"
    server.rows(create(schema, "datetime"))
    move = (
        f"ALTER TABLE {table} REORGANIZE PARTITION a INTO (PARTITION a "
        "VALUES LESS THAN ('2013-10-01') DATA DIRECTORY = '/tmp/nowhere')"
    )
    if server.flavour == "mysql":
        refused(server, move, 3121)
        return
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        cursor.execute(move)
        assert [number for _rest, number, _rest in connection.show_warnings()] == [1982]
    assert "DIRECTORY" not in server.rows(f"SHOW CREATE TABLE {table}")[0]["Create Table"]


def test_exchange_and_instant_columns(server: TestServer, schema: str) -> None:
    """MySQL does not exchange a partition once a column was added instantly; MariaDB does."""
    table, other = f"{schema}.datetime", f"{schema}.other"
    server.rows(create(schema, "datetime"))
    server.rows(f"ALTER TABLE {table} ADD COLUMN late INT DEFAULT 5, ALGORITHM=INSTANT")
    server.rows(f"CREATE TABLE {other} LIKE {table}")
    server.rows(f"ALTER TABLE {other} REMOVE PARTITIONING")
    exchange = f"ALTER TABLE {table} EXCHANGE PARTITION a WITH TABLE {other}"
    if server.flavour == "mysql":
        refused(server, exchange, 1731)
        server.rows(f"ALTER TABLE {table} FORCE")
    server.rows(exchange)


def test_how_often_an_alter_waits(server: TestServer, schema: str) -> None:
    """MariaDB's ALTER of partitions waits twice when it cannot get the table."""
    table = f"{schema}.datetime"
    server.rows(create(schema, "datetime"))
    waited = []

    def alter() -> None:
        with server.admin() as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0, lock_wait_timeout = 1")
            started = time.monotonic()
            with pytest.raises(pymysql.MySQLError, match="1205"):
                cursor.execute(f"ALTER TABLE {table} DROP PARTITION a")
            waited.append(time.monotonic() - started)

    with server.admin() as holder, holder.cursor() as cursor:
        holder.autocommit(False)
        cursor.execute(f"SELECT * FROM {table}")
        changer = threading.Thread(target=alter)
        changer.start()
        wait_until(
            lambda: server.value(
                "SELECT COUNT(*) FROM information_schema.PROCESSLIST "
                "WHERE STATE LIKE 'Waiting for table metadata lock'"
            ),
            10,
            "the ALTER does not queue",
        )
        changer.join()
    times = 1 if server.flavour == "mysql" else 2
    assert times <= waited[0] < times + 0.95
    # The default would be a day or a year.
    assert server.value("SELECT @@GLOBAL.lock_wait_timeout") >= 86400
