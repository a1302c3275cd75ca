"""What the modules partition by: which months queries read, and what a time zone changes of it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pymysql
import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer
from tests.integration.tables.test_mysql_month_partition import MODULE, NOW, make

# A column's type, and how a time in UTC is written into it.
WRITTEN = {
    "DATE": "'{}'",
    "DATETIME": "'{}'",
    "DATETIME(3)": "'{}'",
    "TIMESTAMP": "'{}'",
    "TIMESTAMP(3)": "'{}'",
    "INT UNSIGNED": "UNIX_TIMESTAMP('{}')",
    "BIGINT": "UNIX_TIMESTAMP('{}') * 1000",
}
MONTHS = ["p2013m10", "p2013m11", "p2013m12", "p2014m01"]
# What a query asks for, and the months that it may read: no others.
ASKED = {
    "at >= [2013-11-01] AND at < [2013-12-01]": MONTHS[1:2],
    "at >= [2013-11-05] AND at < [2013-11-06]": MONTHS[1:2],
    "at = [2013-11-05]": MONTHS[1:2],
    "at >= [2013-10-05] AND at < [2013-12-05]": MONTHS[:3],
    "at BETWEEN [2013-12-31] AND [2014-01-02]": MONTHS[2:],
    "at >= [2013-12-01]": MONTHS[2:],
    "at < [2013-11-01]": MONTHS[:1],
    "id = 3 AND at >= [2014-01-01]": MONTHS[3:],
}


def in_words(column: str, asked: str) -> str:
    """Write the days of a query as the column's type wants them."""
    before, after = WRITTEN[column].split("{}")
    return asked.replace("[", before).replace("]", after)


def fill(server: TestServer, table: str, column: str) -> None:
    """Two rows a month: MySQL reads a table of one row while it plans, and shows no partition."""
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0, time_zone = '+00:00'")
        for number, month in enumerate(("2013-10", "2013-11", "2013-12", "2014-01")):
            for day in ("05", "06"):
                at = WRITTEN[column].format(f"{month}-{day}")
                cursor.execute(f"INSERT INTO {table} SET id = {number * 40 + int(day)}, at = {at}")


def read_of(server: TestServer, table: str, column: str) -> dict[str, list[str]]:
    """Return the partitions that the server says each query reads."""
    explain = "FORMAT=TRADITIONAL" if server.flavour == "mysql" else "PARTITIONS"
    found = {}
    connection = server.admin(cursorclass=pymysql.cursors.DictCursor)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        for asked in ASKED:
            cursor.execute(
                f"EXPLAIN {explain} SELECT id FROM {table} WHERE {in_words(column, asked)}"
            )
            (row,) = cursor.fetchall()
            found[asked] = str(row["partitions"]).split(",")
    return found


def make_read_table(run_module: Any, server: TestServer, schema: str, column: str) -> None:
    made = run_module(
        "mysql_usage_table",
        server,
        schema=schema,
        name="calls",
        definition=f"CREATE TABLE calls (id BIGINT AUTO_INCREMENT PRIMARY KEY, "
        f"at {column} NOT NULL)",
        shape="read",
        time_column="at",
        first_month="2013-10",
        months_ahead=1,
        now=NOW,
    )
    assert made.get("changed"), made


@pytest.mark.parametrize("column", [kind for kind in WRITTEN if kind != "TIMESTAMP(3)"])
def test_a_table_that_the_module_has_partitioned_prunes_exactly(
    server: TestServer, schema: str, run_module: Any, column: str
) -> None:
    table = f"{schema}.calls"
    server.rows(f"CREATE TABLE {table} (id BIGINT, at {column} NOT NULL, PRIMARY KEY (id, at))")
    fill(server, table, column)
    done = run_module(
        MODULE,
        server,
        schema=schema,
        table="calls",
        time_column="at",
        epoch_unit="milliseconds" if column == "BIGINT" else "seconds",
        partition_plain_table=True,
        months_ahead=1,
        now=NOW,
    )
    assert [part["name"] for part in done["partitions"]] == MONTHS, done
    assert read_of(server, table, column) == ASKED


@pytest.mark.flavour("mariadb")
def test_a_timestamp_with_a_fraction_prunes_exactly(
    server: TestServer, schema: str, run_module: Any
) -> None:
    """MySQL does not partition by one."""
    test_a_table_that_the_module_has_partitioned_prunes_exactly(
        server, schema, run_module, "TIMESTAMP(3)"
    )


@pytest.mark.parametrize("column", ["DATE", "DATETIME", "DATETIME(3)", "TIMESTAMP"])
def test_a_read_servers_table_prunes_exactly(
    server: TestServer, schema: str, run_module: Any, column: str
) -> None:
    make_read_table(run_module, server, schema, column)
    fill(server, f"{schema}.calls", column)
    assert read_of(server, f"{schema}.calls", column) == ASKED


def boundaries(server: TestServer, schema: str, column: str) -> list[int]:
    """Return the seconds since 1970 that the server itself keeps as boundaries."""
    rows = server.rows(
        "SELECT PARTITION_DESCRIPTION AS below FROM information_schema.PARTITIONS "
        "WHERE TABLE_SCHEMA = %s ORDER BY PARTITION_ORDINAL_POSITION",
        schema,
    )
    return [int(row["below"]) // (1000 if column == "BIGINT" else 1) for row in rows]


# The first of November to the first of February, in UTC.
FIRSTS = [
    int(datetime(*month, 1, tzinfo=UTC).timestamp())
    for month in ((2013, 11), (2013, 12), (2014, 1), (2014, 2))
]


@pytest.mark.usefixtures("ahead_of_utc")
@pytest.mark.parametrize("column", ["TIMESTAMP", "INT UNSIGNED", "BIGINT"])
def test_months_are_those_of_utc_whatever_the_sessions_zone(
    server: TestServer, schema: str, run_module: Any, column: str
) -> None:
    """The first and the last hour of a month lie in others by the server's clock."""
    assert server.value("SELECT @@SESSION.time_zone") == "+02:00"
    table = f"{schema}.calls"
    server.rows(f"CREATE TABLE {table} (id BIGINT, at {column} NOT NULL, PRIMARY KEY (id, at))")
    held = ["2013-10-31 23:00:00", "2013-11-30 22:30:00", "2013-12-01 00:00:00"]
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0, time_zone = '+00:00'")
        for number, at in enumerate(held):
            written = WRITTEN[column].format(at)
            cursor.execute(f"INSERT INTO {table} VALUES ({number}, {written})")
    options = {
        "schema": schema,
        "table": "calls",
        "time_column": "at",
        "epoch_unit": "milliseconds" if column == "BIGINT" else "seconds",
        "partition_plain_table": True,
        "months_ahead": 1,
    }
    done = run_module(MODULE, server, **options, now="2013-11-15")
    assert [part["below"] for part in done["partitions"]] == [
        "2013-11-01",
        "2013-12-01",
        "2014-01-01",
    ], done
    assert boundaries(server, schema, column) == FIRSTS[:3]
    later = run_module(MODULE, server, **options, now=NOW)
    assert [step["partitions"] for step in later["steps"]] == [["p2014m01"]], later
    assert boundaries(server, schema, column) == FIRSTS
    ids = [server.value(f"SELECT MAX(id) FROM {table} PARTITION ({month})") for month in MONTHS[:3]]
    assert ids == [0, 1, 2]


@pytest.mark.usefixtures("ahead_of_utc")
def test_a_new_read_table_has_months_of_utc(
    server: TestServer, schema: str, run_module: Any
) -> None:
    make_read_table(run_module, server, schema, "TIMESTAMP")
    assert boundaries(server, schema, "TIMESTAMP") == FIRSTS


@pytest.mark.usefixtures("ahead_of_utc")
def test_now_is_utc(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, "a 2013-12-01", "tail MAX", column="TIMESTAMP")
    del options["now"]
    before = server.value("SELECT UTC_TIMESTAMP()")
    told = run_module(MODULE, server, check=True, **options, first_month="2013-12")["now"]
    assert str(before) <= told <= str(server.value("SELECT UTC_TIMESTAMP()"))


def first_second(number: int, zone: tzinfo) -> int:
    """Return when a month begins in a zone, in seconds since 1970; month 0 is January 2013."""
    return int(datetime(2013 + number // 12, number % 12 + 1, 1, tzinfo=zone).timestamp())


@pytest.mark.parametrize("column", ["TIMESTAMP", "INT UNSIGNED", "BIGINT"])
def test_months_that_somebody_has_cut_at_local_midnight_go_on(
    server: TestServer, schema: str, run_module: Any, column: str
) -> None:
    """A run a month, for fourteen months, in which the clock is changed twice."""
    berlin = ZoneInfo("Europe/Berlin")
    unit = 1000 if column == "BIGINT" else 1
    by, value = "clock", "%s"
    if column == "TIMESTAMP":
        by, value = "UNIX_TIMESTAMP(clock)", "FROM_UNIXTIME(%s)"
    cut = [first_second(number, berlin) for number in range(1, 8)]
    partitions = ", ".join(f"PARTITION old{at} VALUES LESS THAN ({at * unit})" for at in cut)
    outside_binary_log(
        server,
        f"CREATE TABLE {schema}.calls (id BIGINT, clock {column} NOT NULL, "
        f"PRIMARY KEY (id, clock)) PARTITION BY RANGE ({by}) ({partitions})",
    )
    options = {
        "schema": schema,
        "table": "calls",
        "epoch_unit": "milliseconds" if unit == 1000 else "seconds",
        "months_kept": 3,
    }
    written: set[int] = set()
    for number in range(4, 18):
        now = f"{datetime.fromtimestamp(first_second(number, UTC) + 1, UTC):%Y-%m-%d %H:%M:%S}"
        done = run_module(MODULE, server, **options, now=now)
        assert [step["action"] for step in done["steps"]] == ["add partitions", "drop partitions"]
        ends = boundaries(server, schema, column)
        # Three months that are kept, the current one and three ahead; the old ones end where they
        # ended, and the new ones with the month of UTC.
        months = range(number - 2, number + 5)
        assert ends == [first_second(end, berlin if end < 8 else UTC) for end in months]
        for at in (first_second(number, berlin), first_second(number, UTC)):
            for second in (at - 1, at):
                outside_binary_log(
                    server,
                    f"INSERT IGNORE INTO {schema}.calls "
                    f"VALUES ({second}, {value % (second * unit)})",
                )
                written.add(second)
        since = first_second(number - 3, berlin if number - 3 < 8 else UTC)
        kept = {row["id"] for row in server.rows(f"SELECT id FROM {schema}.calls")}
        assert kept == {second for second in written if second >= since}
        assert run_module(MODULE, server, **options, now=now)["changed"] is False
    given = {"schema": schema, "epoch_unit": options["epoch_unit"], "now": now}
    assert run_module("mysql_month_partition_info", server, **given)["ok"]
