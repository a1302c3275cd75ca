"""mysql_month_partition and mysql_month_partition_info on real servers."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.lines import TestServer, wait_until

MODULE = "mysql_month_partition"
NOW = "2013-12-15"

# By RANGE COLUMNS where the column allows it, by a function where it does not.
SCHEMES = {
    "DATE": ("RANGE COLUMNS (at)", "'{}'"),
    "DATETIME": ("RANGE COLUMNS (at)", "'{}'"),
    "DATETIME(3)": ("RANGE COLUMNS (at)", "'{}'"),
    "TIMESTAMP": ("RANGE (UNIX_TIMESTAMP(at))", "UNIX_TIMESTAMP('{} 00:00:00')"),
    "DATETIME NOT NULL, x INT": ("RANGE (TO_DAYS(at))", "TO_DAYS('{}')"),
    "INT UNSIGNED": ("RANGE (at)", "UNIX_TIMESTAMP('{} 00:00:00')"),
    "BIGINT": ("RANGE (at)", "UNIX_TIMESTAMP('{} 00:00:00') * 1000"),
}

# How a day is written into a column of a kind that takes no day, and read from it.
EPOCHS = {
    "INT UNSIGNED": ("UNIX_TIMESTAMP(%s)", "FROM_UNIXTIME(at)"),
    "BIGINT": ("UNIX_TIMESTAMP(%s) * 1000", "FROM_UNIXTIME(at / 1000)"),
}


def make(
    server: TestServer,
    schema: str,
    *partitions: str,
    column: str = "DATETIME",
) -> dict[str, Any]:
    """Create schema.calls with partitions like 'p1 2013-12-01'; return the module's options."""
    method, literal = SCHEMES[column]
    said = []
    for partition in partitions:
        name, below = partition.split()
        bare = "MAXVALUE" if "COLUMNS" not in method else "(MAXVALUE)"
        value = bare if below == "MAX" else f"({literal.format(below)})"
        said.append(f"PARTITION `{name}` VALUES LESS THAN {value}")
    typed = column if "," in column else f"{column} NOT NULL"
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0, time_zone = '+00:00'")
        cursor.execute(
            f"CREATE TABLE {schema}.calls (id BIGINT NOT NULL, at {typed}, PRIMARY KEY (id, at)) "
            f"PARTITION BY {method} ({', '.join(said)})"
        )
    unit = {"epoch_unit": "milliseconds"} if column == "BIGINT" else {}
    return {"schema": schema, "table": "calls", "now": NOW, "months_ahead": 1, **unit}


def insert(server: TestServer, schema: str, *days: str, column: str = "DATETIME") -> None:
    value, _rest = EPOCHS.get(column, ("%s", ""))
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0, time_zone = '+00:00'")
        for number, day in enumerate(days):
            cursor.execute(
                f"INSERT INTO {schema}.calls (id, at) VALUES (%s, {value})", (number * 20 + 1, day)
            )


@pytest.fixture
def ansi_quotes(server: TestServer) -> Iterator[None]:
    """A server whose administrator wants other quotes around names than most do."""
    before = server.value("SELECT @@GLOBAL.sql_mode")
    server.rows("SET GLOBAL sql_mode = 'ANSI_QUOTES'")
    yield
    server.rows("SET GLOBAL sql_mode = %s", before)


def days(server: TestServer, schema: str, column: str = "DATETIME") -> list[str]:
    _rest, at = EPOCHS.get(column, ("", "at"))
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        cursor.execute(f"SELECT DATE({at}) FROM {schema}.calls ORDER BY at, id")
        return [str(day) for (day,) in cursor.fetchall()]


def partitions(server: TestServer, schema: str) -> list[str]:
    """Names and boundaries as the server describes them."""
    rows = server.rows(
        "SELECT PARTITION_NAME AS name, PARTITION_DESCRIPTION AS below "
        "FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = 'calls' "
        "ORDER BY PARTITION_ORDINAL_POSITION",
        schema,
    )
    return [f"{row['name']} {str(row['below']).strip(chr(39))[:10]}" for row in rows]


def binary_log(server: TestServer) -> Any:
    statement = "BINARY LOG" if server.flavour == "mysql" else "MASTER"
    (row,) = server.rows(f"SHOW {statement} STATUS")
    return row["File"], row["Position"]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "there is no such table"),
        ("(id INT, at DATETIME)", "has no partitions. mysql_usage_table creates"),
        ("(id INT, at DATETIME) PARTITION BY HASH (id) PARTITIONS 2", "partitioned by HASH"),
        (
            "(id INT, at DATETIME) PARTITION BY RANGE (YEAR(at)) "
            "(PARTITION p VALUES LESS THAN (2013))",
            "from which months cannot be derived; supported are RANGE COLUMNS",
        ),
        (
            "(id INT, at DATETIME) PARTITION BY RANGE COLUMNS (id) "
            "(PARTITION p VALUES LESS THAN (2013))",
            "RANGE COLUMNS (id), which is int",
        ),
        (
            "(at INT) PARTITION BY RANGE (at) (PARTITION p VALUES LESS THAN (2013))",
            "the boundary 2013 of partition p is not a time in epoch seconds",
        ),
        (
            "(id INT, at DATETIME) PARTITION BY RANGE COLUMNS (at, id) "
            "(PARTITION p VALUES LESS THAN ('2013-01-01', 5))",
            "from which months cannot be derived",
        ),
        (
            "(id INT, `when` DATETIME) PARTITION BY RANGE COLUMNS (`when`) "
            "(PARTITION p VALUES LESS THAN ('2013-01-01'))",
            "is partitioned by when, not by at",
        ),
    ],
)
def test_refuses_what_has_no_months(
    server: TestServer, schema: str, run_module: Any, table: str | None, said: str, check: bool
) -> None:
    column = "id" if "(id)" in said else "at"
    if table:
        server.rows(f"CREATE TABLE {schema}.calls {table}")
    result = run_module(
        MODULE, server, check=check, schema=schema, table="calls", time_column=column, now=NOW
    )
    assert result["failed"] and said in result["msg"], result
    assert not result["changed"]


def test_one_rhythm(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, "a 2013-11-01", "b 2013-12-01")
    insert(server, schema, "2013-10-05", "2013-11-06")
    before, log = partitions(server, schema), binary_log(server)

    predicted = run_module(MODULE, server, check=True, **options)
    assert predicted["changed"] and partitions(server, schema) == before
    assert "seconds" not in predicted["steps"][0]

    done = run_module(MODULE, server, **options)
    new = ["p2013m12 2014-01-01", "p2014m01 2014-02-01"]
    assert done["changed"] and partitions(server, schema) == [*before, *new], done
    assert done["statements"] == predicted["statements"] != []
    assert done["diff"] == predicted["diff"]
    assert done["partitions"] == predicted["partitions"]
    assert done["steps"][0]["seconds"] > 0
    assert done["diff"]["after"][f"{schema}.calls"]["partitions"]["p2014m01"] == (
        "from 2014-01-01 below 2014-02-01"
    )

    again = run_module(MODULE, server, **options)
    assert not again["changed"] and again["statements"] == again["steps"] == []

    ahead = run_module(MODULE, server, **{**options, "months_ahead": 3})
    assert ahead["steps"][0]["partitions"] == ["p2014m02", "p2014m03"]

    refused = run_module(MODULE, server, **options, months_kept=0)
    assert refused["failed"] and "a (below 2013-11-01), b (below 2013-12-01)" in refused["msg"]
    assert days(server, schema) == ["2013-10-05", "2013-11-06"]

    server.rows(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {schema}.calls")
    dropped = run_module(MODULE, server, **options, months_kept=1)
    (step,) = dropped["steps"]
    assert (step["action"], step["partitions"], step["rows"]) == ("drop partitions", ["a"], 1)
    assert step["bytes"] >= 16384 and step["seconds"] > 0
    assert days(server, schema) == ["2013-11-06"]
    assert run_module(MODULE, server, **options, months_kept=1)["steps"] == []
    assert binary_log(server) == log


@pytest.mark.parametrize("column", list(SCHEMES))
def test_every_kind_of_time(server: TestServer, schema: str, run_module: Any, column: str) -> None:
    options = make(server, schema, "a 2013-11-01", "tail MAX", column=column)
    insert(server, schema, "2013-10-05", column=column)
    options["months_kept"] = 1
    done = run_module(MODULE, server, **options)
    assert done["changed"], done
    assert [part["below"] for part in done["partitions"]] == [
        "2013-12-01",
        "2014-01-01",
        "2014-02-01",
        None,
    ]
    assert [step["action"] for step in done["steps"]] == ["split partition", "drop partitions"]
    assert days(server, schema, column) == []

    # Rows find the month that the boundaries tell.
    held = ["2013-11-30", "2013-12-01", "2013-12-31", "2014-01-01", "2014-02-01"]
    insert(server, schema, *held, column=column)
    by_name = {
        part["name"]: server.value(
            f"SELECT COUNT(*) FROM {schema}.calls PARTITION ({part['name']})"
        )
        for part in done["partitions"]
    }
    assert by_name == {"p2013m11": 1, "p2013m12": 2, "p2014m01": 1, "tail": 1}
    assert run_module(MODULE, server, **options)["steps"] == []

    late = run_module(MODULE, server, **{**options, "now": "2014-01-15"})
    assert late["failed"] and "partition tail (from 2014-02-01 on) holds 1 row," in late["msg"]
    assert days(server, schema, column) == held


def test_the_servers_own_clock(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, "a 2013-12-01", "tail MAX")
    del options["now"]
    options["first_month"] = str(server.value("SELECT UTC_DATE()"))[:7]
    result = run_module(MODULE, server, check=True, **options)
    assert result["now"][:7] == options["first_month"]


def test_boundaries_not_names(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, "p2013m12 2013-12-01", "P2014M01 2013-12-20")
    done = run_module(MODULE, server, **options)
    assert done["changed"], done
    assert partitions(server, schema) == [
        "p2013m12 2013-12-01",
        "P2014M01 2013-12-20",
        "p2013m12_2 2014-01-01",
        "p2014m01_2 2014-02-01",
    ]
    assert run_module(MODULE, server, **options)["steps"] == []


def test_names_of_every_kind(server: TestServer, schema: str, run_module: Any) -> None:
    odd = "q'%s`%"
    options = make(server, schema, "a 2013-11-01", f"{odd.replace('`', '``')} 2014-02-01")
    done = run_module(MODULE, server, **options)
    assert done["steps"][0]["split"] == odd, done
    options = {**options, "now": "2014-03-01", "months_kept": 0, "max_drops": 9}
    assert run_module(MODULE, server, **options)["changed"]


@pytest.mark.usefixtures("ansi_quotes")
def test_an_administrator_with_other_quotes(
    server: TestServer, schema: str, run_module: Any
) -> None:
    options = make(server, schema, "p2013m12 2014-01-01")
    for changed in (True, False):
        result = run_module(MODULE, server, **options, time_column="at")
        assert result["changed"] is changed, result


def test_other_widths(server: TestServer, schema: str, run_module: Any) -> None:
    """Several months and weeks, made by hand, are left alone: what is missing follows them."""
    by_hand = [
        "early 2013-07-01",
        "q3 2013-10-01",
        "w1 2013-12-08",
        "w2 2013-12-15",
        "w3 2013-12-22",
        "w4 2014-01-05",
    ]
    options = make(server, schema, *by_hand) | {"months_kept": 2}
    insert(server, schema, "2013-06-01", "2013-07-05", "2013-09-05", "2013-10-05", "2013-12-16")
    done = run_module(MODULE, server, **options, max_drops=2)
    # What is wholly past goes with all its months; w1 begins in what is kept.
    assert [step["partitions"] for step in done["steps"]] == [["p2014m01"], ["early", "q3"]], done
    assert partitions(server, schema) == [*by_hand[2:], "p2014m01 2014-02-01"]
    assert days(server, schema) == ["2013-10-05", "2013-12-16"]
    again = run_module(MODULE, server, **options)
    assert again["steps"] == [], again


def test_gaps(server: TestServer, schema: str, run_module: Any) -> None:
    """Empty ones are filled; one with rows is left alone."""
    options = make(server, schema, "a 2013-07-01", "empty 2013-10-01", "full 2013-12-01")
    insert(server, schema, "2013-10-02", "2013-11-02")
    done = run_module(MODULE, server, **options)
    assert partitions(server, schema) == [
        "a 2013-07-01",
        "p2013m07 2013-08-01",
        "p2013m08 2013-09-01",
        "p2013m09 2013-10-01",
        "full 2013-12-01",
        "p2013m12 2014-01-01",
        "p2014m01 2014-02-01",
    ]
    (warning,) = done["warnings"]
    assert "partition full (from 2013-10-01 below 2013-12-01) holds 2 rows" in warning
    again = run_module(MODULE, server, **options)
    assert again["steps"] == [] and again["warnings"] == [warning]
    assert days(server, schema) == ["2013-10-02", "2013-11-02"]


def test_a_table_that_is_held(server: TestServer, schema: str, run_module: Any) -> None:
    """An open transaction: the module gives up in time, and says why; others go on."""
    options = make(server, schema, "a 2013-12-01")
    insert(server, schema, "2013-11-01")
    options |= {"lock_wait_timeout_seconds": 2, "lock_wait_retries": 1}
    waits: list[float] = []
    stop = threading.Event()

    def read_all_the_time() -> None:
        with server.admin() as connection, connection.cursor() as cursor:
            while not stop.is_set():
                started = time.monotonic()
                cursor.execute(f"SELECT COUNT(*) FROM {schema}.calls")
                cursor.fetchall()
                waits.append(time.monotonic() - started)
                time.sleep(0.01)

    reader = threading.Thread(target=read_all_the_time)
    with server.admin() as holder, holder.cursor() as cursor:
        holder.autocommit(False)
        cursor.execute(f"SELECT * FROM {schema}.calls")
        reader.start()
        started = time.monotonic()
        failed = run_module(MODULE, server, **options)
        took = time.monotonic() - started
        stop.set()
        reader.join()
        assert failed["failed"] and failed["error_number"] == 1205, failed
        assert f"gave up after 2 tries of 2 s to get table {schema}.calls" in failed["msg"]
        # Only the holder must be named: on MySQL others may have the table at that moment too.
        assert re.search(
            "a session that has used it in a transaction that is still open, or a statement on it "
            "that is still running, holds it; look at these sessions: "
            rf"(\d+ \(root@localhost\), )*{holder.thread_id()} \(root@localhost\)"
            r"(, \d+ \(root@localhost\))*\. Let it end, or end it \(KILL\), and run this again",
            failed["msg"],
        ), failed
        assert not failed["changed"] and partitions(server, schema) == ["a 2013-12-01"]
        # Two tries of two seconds, one between, and starting Python.
        assert 5 <= took < 8
        # MariaDB's ALTER queues once more to clean up; the two together are one try.
        once = 2 if server.flavour == "mysql" else 1
        # One that a busy machine lets begin late stands in the queue for less than its time.
        long = [wait for wait in waits if wait > once / 2]
        assert len(long) == 4 / once, f"others queued not at all, or more than the tries: {long}"
        assert max(long) < once + 0.7, f"others queued longer than lock_wait_timeout_seconds {long}"
        assert len(waits) > 20 + len(long), "others did not get in between"

        # The transaction ends while the module waits.
        result: dict[str, Any] = {}
        runner = threading.Thread(
            target=lambda: result.update(run_module(MODULE, server, **options))
        )
        runner.start()
        wait_until(
            lambda: server.value(
                "SELECT COUNT(*) FROM information_schema.PROCESSLIST "
                "WHERE STATE LIKE 'Waiting for table metadata lock'"
            ),
            10,
            "the module does not queue for the table",
        )
        holder.commit()
        runner.join()
    assert result.get("changed"), result


def test_drops_nothing_when_months_cannot_be_made(
    server: TestServer, schema: str, run_module: Any
) -> None:
    options = make(server, schema, "a 2013-09-01", "b 2013-12-01", "tail MAX")
    insert(server, schema, "2013-08-01", "2013-12-05")
    before = partitions(server, schema)
    result = run_module(MODULE, server, **options, months_kept=0, max_drops=1)
    assert result["failed"]
    assert "partition tail (from 2013-12-01 on) holds 1 row," in result["msg"]
    assert "set max_drops to 2" in result["msg"]
    assert partitions(server, schema) == before
    assert days(server, schema) == ["2013-08-01", "2013-12-05"]


@pytest.mark.parametrize("column", ["DATE", "DATETIME", "TIMESTAMP"])
def test_queries_read_only_their_month(
    server: TestServer, schema: str, run_module: Any, column: str
) -> None:
    options = make(server, schema, "a 2013-11-01", column=column)
    run_module(MODULE, server, **options)
    explain = "FORMAT=TRADITIONAL" if server.flavour == "mysql" else "PARTITIONS"
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        cursor.execute(
            f"EXPLAIN {explain} SELECT * FROM {schema}.calls "
            "WHERE at >= '2013-12-01' AND at < '2014-01-01'"
        )
        (row,) = cursor.fetchall()
        (read,) = (
            value
            for value, column in zip(row, cursor.description, strict=True)
            if column[0] == "partitions"
        )
    assert read == "p2013m12"


def test_the_server_takes_no_range_columns_of_timestamp(server: TestServer, schema: str) -> None:
    with pytest.raises(Exception, match="1659"):
        server.rows(
            f"CREATE TABLE {schema}.calls (at TIMESTAMP NOT NULL) PARTITION BY RANGE COLUMNS (at) "
            "(PARTITION p VALUES LESS THAN ('2013-01-01'))"
        )


def test_info(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, "a 2013-10-01", "b 2013-12-01", "c 2014-01-01", "d 2014-02-01")
    insert(server, schema, "2013-10-05", "2013-12-06", "2013-12-07")
    server.rows(f"CREATE TABLE {schema}.plain (id INT PRIMARY KEY)")
    server.rows(f"CREATE TABLE {schema}.zhash (id INT) PARTITION BY HASH (id) PARTITIONS 2")
    server.rows(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {schema}.calls")
    module = f"{MODULE}_info"

    result = run_module(module, server, check=True, **options)
    assert result["ok"] and not result["changed"] and result["statements"] == [], result
    (table,) = result["tables"]
    assert table["ok"] and table["problems"] == [] and table["time_column"] == "at"
    assert [
        (part["name"], part["from"], part["below"], part["time"], part["rows"])
        for part in table["partitions"]
    ] == [
        ("a", None, "2013-10-01", "past", 0),
        ("b", "2013-10-01", "2013-12-01", "past", 1),
        ("c", "2013-12-01", "2014-01-01", "current", 2),
        ("d", "2014-01-01", "2014-02-01", "ahead", 0),
    ]
    assert all(part["data_bytes"] > 0 for part in table["partitions"])

    late = run_module(module, server, **{**options, "now": "2014-01-02"})
    assert not late["ok"]
    assert "would add partitions: p2014m02" in late["tables"][0]["problems"][0]

    missing = run_module(module, server, schema=schema, table="nothing", now=NOW)
    assert missing["failed"] and "there is no such table" in missing["msg"]

    every = run_module(module, server, schema=schema, now=NOW, months_ahead=1)
    assert [table["table"] for table in every["tables"]] == ["calls", "zhash"]
    assert not every["ok"] and "partitioned by HASH" in every["tables"][1]["problems"][0]
