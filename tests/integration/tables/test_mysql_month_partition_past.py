"""mysql_month_partition: what is past, what is cold, and what was never partitioned."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log, own_schema
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.tables.test_mysql_month_partition import (
    EPOCHS,
    MODULE,
    NOW,
    binary_log,
    days,
    insert,
    make,
    partitions,
)

FIVE = ("a 2013-10-01", "b 2013-11-01", "c 2013-12-01", "p2013m12 2014-01-01", "z 2014-02-01")
USER = "months@localhost"
HELD = ["2013-09-05", "2013-10-06", "2013-10-07", "2013-11-08", "2013-12-09"]


def tables(server: TestServer, schema: str) -> list[str]:
    rows = server.rows(
        "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s "
        "ORDER BY 1",
        schema,
    )
    return [row["name"] for row in rows]


def held(server: TestServer, table: str) -> list[str]:
    return [
        str(row["day"]) for row in server.rows(f"SELECT DATE(at) AS day FROM {table} ORDER BY at")
    ]


def test_archives_without_copying(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, *FIVE)
    insert(server, schema, *HELD)
    server.rows(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {schema}.calls")
    log, before = binary_log(server), partitions(server, schema)
    options |= {"months_kept": 1, "past": "archive"}

    kept = run_module(MODULE, server, **{**options, "past": "keep"})
    assert kept["steps"] == [] and partitions(server, schema) == before, kept

    refused = run_module(MODULE, server, **options)
    assert refused["failed"] and "set max_drops to 2" in refused["msg"], refused
    options["max_drops"] = 2

    predicted = run_module(MODULE, server, check=True, **options)
    assert predicted["changed"] and tables(server, schema) == ["calls"]
    assert partitions(server, schema) == before

    done = run_module(MODULE, server, **options)
    assert done["changed"] and done["statements"] == predicted["statements"], done
    assert partitions(server, schema) == before[2:]
    assert held(server, f"{schema}.calls_2013m09") == HELD[:1]
    assert held(server, f"{schema}.calls_2013m10") == HELD[1:3]
    assert days(server, schema) == HELD[3:]
    assert [step["action"] for step in done["steps"]] == ["archive partition"] * 2
    assert [step["archive"] for step in done["steps"]] == [
        f"{schema}.calls_2013m09",
        f"{schema}.calls_2013m10",
    ]
    assert [step["rows"] for step in done["steps"]] == [1, 2]
    # Each step tells what it took: one of 16 KiB pages at least, and a time of its own.
    assert all(step["bytes"] >= 16384 and 0 < step["seconds"] < 10 for step in done["steps"])
    # Nothing copies rows, and no row can come between the exchange and the drop.
    said = " ".join(done["statements"])
    assert not re.search(r"INSERT|SELECT", said)
    assert len(re.findall(r"LOCK TABLES `.*?EXCHANGE .*?DROP PARTITION .*?UNLOCK", said)) == 2
    assert run_module(MODULE, server, **options)["steps"] == []
    assert binary_log(server) == log


@pytest.mark.parametrize(
    ("column", "at_once"),
    [
        ("DATE", False),
        ("DATETIME", False),
        ("DATETIME NOT NULL, x INT", False),
        ("TIMESTAMP", True),
        ("INT UNSIGNED", True),
    ],
)
def test_the_last_month_is_past_when_it_has_ended_in_every_zone(
    server: TestServer, schema: str, run_module: Any, column: str, at_once: bool
) -> None:
    """A DATETIME of a server behind UTC is still in November when UTC is in December."""
    options = make(server, schema, *FIVE, column=column) | {"months_kept": 0, "max_drops": 3}
    insert(server, schema, "2013-10-05", "2013-11-30", column=column)
    options["now"] = "2013-12-01 13:59:59"
    predicted = run_module(MODULE, server, check=True, **options)
    early = run_module(MODULE, server, **options)
    (step,) = early["steps"]
    assert step["partitions"] == ["a", "b", "c"][: 3 if at_once else 2], early
    assert early["statements"] == predicted["statements"]
    assert days(server, schema, column) == ["2013-11-30"][at_once:]
    assert run_module(MODULE, server, **options)["steps"] == []
    options["now"] = "2013-12-01 14:00:00"
    later = run_module(MODULE, server, **options)
    assert [step["partitions"] for step in later["steps"]] == [["c"]][at_once:], later
    assert days(server, schema, column) == []
    assert run_module(MODULE, server, **options)["steps"] == []


NONSENSE = {
    "DATE": ("RANGE COLUMNS (at)", "('1000-01-01')", "('{}')", "'0000-00-00'"),
    "DATETIME": ("RANGE COLUMNS (at)", "('0000-00-00')", "('{}')", "NULL"),
    "DATETIME(3)": ("RANGE (TO_DAYS(at))", "(0)", "(TO_DAYS('{}'))", "NULL"),
    "TIMESTAMP": (
        "RANGE (UNIX_TIMESTAMP(at))",
        "(0)",
        "(UNIX_TIMESTAMP('{} 00:00:00'))",
        "NULL",
    ),
    "INT UNSIGNED": ("RANGE (at)", "(0)", "(UNIX_TIMESTAMP('{} 00:00:00'))", "NULL"),
    "BIGINT": ("RANGE (at)", "(0)", "(UNIX_TIMESTAMP('{} 00:00:00'))", "-5"),
}


def make_nullable(server: TestServer, schema: str, column: str, catches: bool) -> dict[str, Any]:
    """Create schema.calls as FIVE, with or without a partition for nonsense; a row of it is 77."""
    method, catch_all, boundary, nonsense = NONSENSE[column]
    bounds = {"PNULL": catch_all} if catches else {}
    # A name that the module would choose, too.
    first, *others = FIVE
    for part in (first if catches else first.replace("a", "PNULL"), *others):
        name, below = part.split()
        bounds[name] = boundary.format(below)
    said = ", ".join(f"PARTITION {name} VALUES LESS THAN {b}" for name, b in bounds.items())
    with server.admin(sql_mode="") as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0, time_zone = '+00:00'")
        cursor.execute(
            f"CREATE TABLE {schema}.calls (id BIGINT, at {column} NULL) "
            f"PARTITION BY {method} ({said})"
        )
        cursor.execute(f"INSERT INTO {schema}.calls VALUES (77, {nonsense if catches else 'NULL'})")
    written = {"BIGINT": "INT UNSIGNED"}.get(column, column)
    insert(server, schema, *HELD, column=written)
    return {"schema": schema, "table": "calls", "now": NOW, "months_ahead": 1}


def ids(server: TestServer, schema: str) -> list[int]:
    return [int(row["id"]) for row in server.rows(f"SELECT id FROM {schema}.calls ORDER BY id")]


@pytest.mark.parametrize(("column", "past"), zip(NONSENSE, cycle(["drop", "archive"])))
def test_what_catches_nonsense_is_never_past(
    server: TestServer, schema: str, run_module: Any, column: str, past: str
) -> None:
    options = make_nullable(server, schema, column, catches=True)
    options |= {"months_kept": 1, "max_drops": 2, "past": past}
    done = run_module(MODULE, server, **options)
    assert done["changed"] and done["warnings"] == [], done
    assert [part.split()[0] for part in partitions(server, schema)] == [
        "PNULL",
        "c",
        "p2013m12",
        "z",
    ]
    assert ids(server, schema) == [61, 77, 81]
    assert ("calls_2013m10" in tables(server, schema)) is (past == "archive")
    again = run_module(MODULE, server, **options)
    assert again["steps"] == [] and again["warnings"] == [], again


def test_what_catches_nonsense_is_never_moved(
    bare: Topology, cold_directory: str, run_module: Any
) -> None:
    server = bare.server("r1")
    with own_schema(server) as schema:
        options = make_nullable(server, schema, "DATETIME(3)", catches=True)
        options |= {"cold_after_months": 2, "cold_data_directory": cold_directory, "max_moves": 9}
        done = run_module(MODULE, server, **options)
        assert [step["partitions"] for step in done["steps"]] == [["a"]], done
        moved = [file for file in files(server, schema) if file.startswith(cold_directory)]
        assert len(moved) == 1 and "#p#a." in moved[0].lower()
        assert run_module(MODULE, server, **options)["steps"] == []


@pytest.mark.parametrize(("column", "past"), zip(NONSENSE, cycle(["drop", "archive"])))
def test_rows_without_a_time_are_kept_until_they_are_parted_from_a_month(
    server: TestServer, schema: str, run_module: Any, column: str, past: str
) -> None:
    options = make_nullable(server, schema, column, catches=False)
    options |= {"months_kept": 1, "max_drops": 2, "past": past}
    for check in (True, False):
        done = run_module(MODULE, server, check=check, **options)
        assert [step["partitions"] for step in done["steps"]] == [["b"]], done
        (warning,) = done["warnings"]
        assert (
            f"{schema}.calls: partition PNULL has expired, but is kept: at can be NULL" in warning
        )
    assert ids(server, schema) == [1, 61, 77, 81]
    again = run_module(MODULE, server, **options)
    assert again["steps"] == [] and again["warnings"] == [warning], again

    (cure,) = re.findall(r"ALTER TABLE [^;]*", warning)
    outside_binary_log(server, cure)
    assert partitions(server, schema)[0].startswith("pnull_2 ")
    cured = run_module(MODULE, server, **options)
    assert [step["partitions"] for step in cured["steps"]] == [["PNULL"]], cured
    assert cured["warnings"] == [] and ids(server, schema) == [61, 77, 81]
    assert run_module(MODULE, server, **options)["steps"] == []


def test_archives_into_another_schema(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, *FIVE)
    insert(server, schema, *HELD)
    other = f"{schema}_old"
    options |= {"months_kept": 1, "past": "archive", "max_drops": 2, "archive_schema": other}
    missing = run_module(MODULE, server, check=True, **options)
    assert missing["failed"] and f"no schema {other} exists" in missing["msg"], missing
    outside_binary_log(server, f"CREATE SCHEMA {other}")
    try:
        same = run_module(MODULE, server, **options, archive_table="{month}x" * 11)
        assert same["failed"] and "a table's can have 64" in same["msg"], same
        # With the privileges that the documentation names, and no others.
        scoped = "ALTER, CREATE, DROP, INSERT, SELECT, LOCK TABLES"
        admin = "SESSION_VARIABLES_ADMIN" if server.flavour == "mysql" else "BINLOG ADMIN"
        outside_binary_log(
            server,
            f"CREATE USER {USER} IDENTIFIED BY 'pw'",
            f"GRANT {scoped} ON {schema}.* TO {USER}",
            f"GRANT {scoped} ON {other}.* TO {USER}",
            f"GRANT {admin} ON *.* TO {USER}",
        )
        options |= {"login_user": "months", "login_password": "pw"}
        done = run_module(MODULE, server, **options, archive_table="{partition}_of_{table}")
        assert done["changed"] and tables(server, other) == ["a_of_calls", "b_of_calls"], done
        assert held(server, f"{other}.b_of_calls") == HELD[1:3]
    finally:
        outside_binary_log(server, f"DROP SCHEMA {other}", f"DROP USER IF EXISTS {USER}")


@pytest.mark.parametrize("reached", ["created", "plain", "exchanged"])
def test_finishes_an_interrupted_archive(
    server: TestServer, schema: str, run_module: Any, reached: str
) -> None:
    """Whatever statement was the last one, the next run finishes, and every row is somewhere."""
    options = make(server, schema, *FIVE)
    insert(server, schema, *HELD)
    table, archive = f"{schema}.calls", f"{schema}.calls_2013m09"
    server.rows(f"CREATE TABLE {archive} LIKE {table}")
    if reached != "created":
        server.rows(f"ALTER TABLE {archive} REMOVE PARTITIONING")
    if reached == "exchanged":
        server.rows(f"ALTER TABLE {table} EXCHANGE PARTITION a WITH TABLE {archive}")
    done = run_module(MODULE, server, **options, months_kept=2, past="archive")
    assert done["changed"] and held(server, archive) == HELD[:1], done
    assert days(server, schema) == HELD[1:]
    assert [name.split()[0] for name in partitions(server, schema)] == ["b", "c", "p2013m12", "z"]


def test_a_row_that_comes_while_an_archive_is_finished_goes_there_too(
    server: TestServer, schema: str, run_module: Any
) -> None:
    """The partition is empty when it is counted, and its last row commits before it is dropped."""
    options = make(server, schema, *FIVE)
    insert(server, schema, *HELD)
    table, archive = f"{schema}.calls", f"{schema}.calls_2013m09"
    server.rows(f"CREATE TABLE {archive} LIKE {table}")
    server.rows(f"ALTER TABLE {archive} REMOVE PARTITIONING")
    server.rows(f"ALTER TABLE {table} EXCHANGE PARTITION a WITH TABLE {archive}")
    late = "2013-09-02"
    waits = "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table%%'"
    with closing(server.admin()) as writer, ThreadPoolExecutor(1) as pool:
        with writer.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"INSERT INTO {table} (id, at) VALUES (99, '{late}')")
        running = pool.submit(run_module, MODULE, server, **options, months_kept=2, past="archive")
        try:
            wait_until(lambda: server.rows(waits), 10, "the module does not wait for the writer")
        finally:
            writer.commit()
        done = running.result()
    assert done["changed"], done
    assert held(server, archive) == sorted([HELD[0], late]), done
    assert days(server, schema) == HELD[1:]


def test_never_touches_a_table_with_rows(server: TestServer, schema: str, run_module: Any) -> None:
    """Neither somebody else's nor, when rows came late, the archive itself."""
    options = make(server, schema, "a 2013-10-08", *FIVE[1:])
    insert(server, schema, *HELD)
    options |= {"months_kept": 1, "past": "archive", "max_drops": 2}
    collide = run_module(MODULE, server, check=True, **options)
    assert "partitions a and b would both be archived into" in collide["msg"], collide
    server.rows(f"CREATE TABLE {schema}.calls_a (at DATETIME)")
    server.rows(f"INSERT INTO {schema}.calls_a VALUES ('2001-01-01')")
    before = partitions(server, schema)
    taken = run_module(MODULE, server, **options, archive_table="{table}_{partition}")
    assert taken["failed"] and "which holds rows already" in taken["msg"], taken
    assert partitions(server, schema) == before and days(server, schema) == HELD
    assert tables(server, schema) == ["calls", "calls_a"]

    # Columns that were added instantly: found before anything is made.
    server.rows(f"ALTER TABLE {schema}.calls ADD COLUMN late INT, ALGORITHM=INSTANT")
    options["archive_table"] = "{partition}"
    if server.flavour == "mysql":
        instant = run_module(MODULE, server, check=True, **options)
        assert instant["failed"] and "were added instantly" in instant["msg"], instant
        outside_binary_log(server, *re.findall(r"ALTER TABLE [^;]*;", instant["msg"]))
    assert run_module(MODULE, server, **options)["changed"]
    assert held(server, f"{schema}.a") == HELD[:3]


# What somebody else may have under an archive's name, and how it differs.
FITS = "id BIGINT NOT NULL DEFAULT 7, at DATETIME NOT NULL, PRIMARY KEY (id, at)"
STRANGERS = {
    "(at DATETIME NOT NULL)": "has column at datetime NOT NULL in place of column id bigint",
    f"({FITS.replace('TIME', 'TIME(3)')})": "has column at datetime(3) NOT NULL in place of",
    f"({FITS}, v INT)": "has column v int NULL in place of ",
    f"({FITS}) ENGINE = MyISAM": "has engine MyISAM in place of engine InnoDB",
    f"({FITS}) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (1000))": (
        "has partitions by RANGE ("
    ),
}


@pytest.mark.parametrize("has_rows", [True, False])
@pytest.mark.parametrize("stranger", list(STRANGERS))
def test_a_table_of_somebody_else_is_no_archive(
    server: TestServer, schema: str, run_module: Any, stranger: str, has_rows: bool
) -> None:
    """Neither when the past partition is empty, as after an exchange, nor when the table is."""
    options = make(server, schema, *FIVE) | {"months_kept": 2, "past": "archive"}
    insert(server, schema, *HELD[has_rows:])
    other = f"{schema}.calls_2013m09"
    outside_binary_log(server, f"CREATE TABLE {other} {stranger}")
    if has_rows:
        outside_binary_log(server, f"INSERT INTO {other} (at) VALUES ('2001-01-01')")
    before = server.rows(f"SHOW CREATE TABLE {other}"), partitions(server, schema)
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **options)
        (problem,) = refused["problems"]
        assert (
            f"partition a cannot be archived into {other}: a different table of that name"
            in problem
        )
        assert STRANGERS[stranger] in re.sub(r"int\(\d+\)", "int", problem)
    assert (server.rows(f"SHOW CREATE TABLE {other}"), partitions(server, schema)) == before
    assert held(server, other) == ["2001-01-01"] * has_rows
    assert days(server, schema) == HELD[has_rows:]


def test_a_table_that_an_exchange_would_not_take(
    server: TestServer, schema: str, run_module: Any
) -> None:
    """An empty one of the same columns, with another index; and a view."""
    options = make(server, schema, *FIVE) | {"months_kept": 2, "past": "archive"}
    insert(server, schema, *HELD)
    other = f"{schema}.calls_2013m09"
    outside_binary_log(
        server,
        f"CREATE TABLE {other} (id BIGINT NOT NULL, at DATETIME NOT NULL, PRIMARY KEY (id, at), "
        "KEY z (at))",
    )
    refused = run_module(MODULE, server, check=True, **options)
    assert "has KEY z (at) in place of nothing more" in refused["msg"], refused
    outside_binary_log(
        server,
        f"DROP TABLE {other}",
        f"CREATE VIEW {other} AS SELECT * FROM {schema}.calls WHERE id < 0",
    )
    refused = run_module(MODULE, server, check=True, **options)
    assert f"{other} exists already and is not a table but a VIEW" in refused["msg"], refused
    assert days(server, schema) == HELD


def files(server: TestServer, schema: str) -> list[str]:
    """Where the server itself says that a table's partitions lie."""
    words = (
        ("FILES", "FILE_NAME")
        if server.flavour == "mysql"
        else ("INNODB_SYS_TABLESPACES", "FILENAME")
    )
    rows = server.rows(
        f"SELECT {words[1]} AS file FROM information_schema.{words[0]} "
        f"WHERE {words[1]} LIKE '%%{schema}/%%' ORDER BY SUBSTRING_INDEX({words[1]}, '/', -1)"
    )
    return [row["file"] for row in rows]


def test_moves_old_months_to_another_disk(
    bare: Topology, cold_directory: str, run_module: Any
) -> None:
    server, directory = bare.server("r1"), cold_directory
    with own_schema(server) as schema:
        options = make(server, schema, *FIVE)
        insert(server, schema, *HELD)
        server.rows(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {schema}.calls")
        options |= {"cold_after_months": 1, "cold_data_directory": directory}
        before = partitions(server, schema)

        predicted = run_module(MODULE, server, check=True, **options)
        assert predicted["changed"], predicted
        assert not any(file.startswith(directory) for file in files(server, schema))

        done = run_module(MODULE, server, **options)
        assert done["changed"] and done["statements"] == predicted["statements"], done
        (step,) = done["steps"]
        assert step["action"] == "move partition" and step["data_directory"] == directory
        assert step["partitions"] == ["a"] and step["rows"] == 1
        assert step["bytes"] >= 16384 and step["seconds"] > 0
        (warning,) = [said for said in done["warnings"] if "max_moves allows 1" in said]
        assert "are left for later runs" in warning
        assert partitions(server, schema) == before and days(server, schema) == HELD
        assert [file.startswith(directory) for file in files(server, schema)] == [True] + [
            False
        ] * 4
        assert [part["data_directory"] for part in done["partitions"]] == [directory] + [None] * 4

        # A move that was interrupted after it was done leaves a copy behind.
        outside_binary_log(
            server, f"CREATE TABLE {schema}.`calls#moving` AS SELECT * FROM {schema}.calls"
        )
        second = run_module(MODULE, server, **options)
        assert [step["action"] for step in second["steps"]] == [
            "remove what an interrupted move left",
            "move partition",
        ], second
        assert [file.startswith(directory) for file in files(server, schema)] == [True] * 2 + [
            False
        ] * 3
        again = run_module(MODULE, server, **options)
        assert again["steps"] == [] and again["warnings"] == [], again
        assert tables(server, schema) == ["calls"] and days(server, schema) == HELD
        told = run_module(f"{MODULE}_info", server, schema=schema, now=NOW, months_ahead=1)
        assert told["tables"][0]["partitions"][1]["data_directory"] == directory, told

        # What is past leaves the other disk too.
        options |= {"months_kept": 2, "past": "archive"}
        archived = run_module(MODULE, server, **options)
        assert archived["changed"], archived
        assert held(server, f"{schema}.calls_2013m09") == HELD[:1]
        dropped = run_module(MODULE, server, **{**options, "months_kept": 1, "past": "drop"})
        assert dropped["changed"] and days(server, schema) == HELD[3:], dropped


def test_a_directory_that_the_server_does_not_know(
    server: TestServer, schema: str, run_module: Any
) -> None:
    options = make(server, schema, *FIVE)
    result = run_module(
        MODULE, server, check=True, **options, cold_after_months=1, cold_data_directory="/srv/cold"
    )
    if server.flavour == "mysql":
        assert "Set innodb_directories = /srv/cold" in result["msg"], result
    else:
        assert result["changed"]


def test_splits_a_tail_with_rows_when_told_to(
    server: TestServer, schema: str, run_module: Any
) -> None:
    options = make(server, schema, "a 2013-10-01", "tail MAX")
    insert(server, schema, *HELD, "2014-07-01")
    server.rows(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {schema}.calls")
    refused = run_module(MODULE, server, check=True, **options)
    assert refused["failed"] and "Set split_tail_with_rows to true" in refused["msg"], refused
    assert re.search(r"about 5 rows, \d{5,} bytes with indexes; expect about 1 s", refused["msg"])
    assert partitions(server, schema) == ["a 2013-10-01", "tail MAXVALUE"]

    options["split_tail_with_rows"] = True
    predicted = run_module(MODULE, server, check=True, **options)
    done = run_module(MODULE, server, **options)
    assert predicted["warnings"] == done["warnings"], done
    assert "holds 5 rows, and splitting it moves them" in done["warnings"][0]
    assert done["steps"][0]["rows"] == 5 and done["steps"][0]["bytes"] >= 16384
    assert partitions(server, schema) == [
        "a 2013-10-01",
        "p2013m10 2013-11-01",
        "p2013m11 2013-12-01",
        "p2013m12 2014-01-01",
        "p2014m01 2014-02-01",
        "tail MAXVALUE",
    ]
    assert days(server, schema) == [*HELD, "2014-07-01"]
    again = run_module(MODULE, server, **options)
    assert again["steps"] == [] and again["warnings"] == []


@pytest.mark.parametrize("column", ["DATE", "DATETIME(3)", "TIMESTAMP", "INT UNSIGNED", "BIGINT"])
def test_partitions_a_plain_table_when_told_to(
    server: TestServer, schema: str, run_module: Any, column: str
) -> None:
    options = make(server, schema, "a 2015-01-01", column=column) | {"time_column": "at"}
    server.rows(f"ALTER TABLE {schema}.calls REMOVE PARTITIONING")
    insert(server, schema, *HELD, column=column)
    server.rows(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {schema}.calls")
    log = binary_log(server)
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **options)
        assert refused["failed"] and "set partition_plain_table to true" in refused["msg"], refused
        assert re.search(
            r"about 5 rows, \d{5,} bytes with indexes; expect about 1 s", refused["msg"]
        )
    options |= {"partition_plain_table": True, "months_kept": 2}

    predicted = run_module(MODULE, server, check=True, **options)
    assert predicted["changed"] and partitions(server, schema) == ["None None"], predicted
    done = run_module(MODULE, server, **options)
    assert done["changed"] and done["statements"] == predicted["statements"], done
    (step,) = done["steps"]
    assert step["rows"] == 5 and step["bytes"] >= 16384 and step["seconds"] > 0
    assert "is partitioned for the first time" in done["warnings"][0]
    assert [part["below"] for part in done["partitions"]] == [
        "2013-11-01",
        "2013-12-01",
        "2014-01-01",
        "2014-02-01",
    ]
    assert days(server, schema, column) == HELD
    again = run_module(MODULE, server, **options)
    assert again["steps"] == [] and again["partitions"] == done["partitions"], again
    assert binary_log(server) == log


@pytest.mark.lines("every")
def test_what_stands_against_partitions_is_told_with_its_cure(
    server: TestServer, schema: str, run_module: Any
) -> None:
    """Running the statements of the message, in their order, makes the table fit."""
    fulltext = ", FULLTEXT KEY words (said)" if server.flavour == "mysql" else ""
    server.rows(f"CREATE TABLE {schema}.other (id INT PRIMARY KEY)")
    server.rows(
        f"CREATE TABLE {schema}.calls (id BIGINT AUTO_INCREMENT PRIMARY KEY, at VARCHAR(30), "
        "code INT NOT NULL, said TEXT, place POINT NOT NULL, other INT, "
        "UNIQUE KEY `one code` (code, said(20)), SPATIAL KEY places (place), "
        f"CONSTRAINT to_other FOREIGN KEY (other) REFERENCES other (id){fulltext})"
    )
    server.rows(
        f"CREATE TABLE {schema}.child (id BIGINT, "
        "CONSTRAINT from_child FOREIGN KEY (id) REFERENCES calls (id))"
    )
    options = {
        "schema": schema,
        "table": "calls",
        "time_column": "at",
        "now": NOW,
        "partition_plain_table": False,
    }
    refused = run_module(MODULE, server, check=True, **options)
    options["partition_plain_table"] = True
    takes_geometry = server.flavour == "mariadb" and not server.version.startswith("10.11.")
    problems = 6 + bool(fulltext) - takes_geometry
    assert len(refused["problems"]) == problems, refused["problems"]
    for check in (True, False):
        again = run_module(MODULE, server, check=check, **options)
        assert again["problems"] == refused["problems"][1:], again
    cures = re.findall(r"ALTER TABLE [^;]*;", refused["msg"])
    outside_binary_log(server, *cures)
    done = run_module(MODULE, server, **options)
    assert done["changed"], done
    keys = server.rows(f"SHOW INDEX FROM {schema}.calls WHERE Non_unique = 0")
    assert [(key["Key_name"], key["Column_name"], key["Sub_part"]) for key in keys] == [
        ("PRIMARY", "id", None),
        ("PRIMARY", "at", None),
        ("one code", "code", None),
        ("one code", "said", 20),
        ("one code", "at", None),
    ]
    assert run_module(MODULE, server, **options)["steps"] == []


def test_what_a_plain_tables_rows_say(server: TestServer, schema: str, run_module: Any) -> None:
    server.rows(f"CREATE TABLE {schema}.calls (id INT, at DATETIME DEFAULT CURRENT_TIMESTAMP)")
    options = {
        "schema": schema,
        "table": "calls",
        "time_column": "when",
        "now": NOW,
        "partition_plain_table": True,
    }
    assert "does not have the column" in run_module(MODULE, server, **options)["msg"]
    options["time_column"] = "at"
    nullable = run_module(MODULE, server, **options)
    assert f"ALTER TABLE `{schema}`.`calls` MODIFY `at` datetime NOT NULL" in nullable["msg"]
    assert re.search(r"datetime NOT NULL DEFAULT CURRENT_TIMESTAMP(\(\))?;", nullable["msg"], re.I)
    server.rows(
        f"ALTER TABLE {schema}.calls MODIFY at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, "
        "ADD n BIGINT NOT NULL DEFAULT 1385856000000"
    )
    server.rows(f"INSERT INTO {schema}.calls (id, at) VALUES (1, '2019-01-05')")
    late = run_module(MODULE, server, **options)
    assert "the latest row is of 2019-01-05 00:00:00, later than 2014-03" in late["msg"], late
    server.rows(f"UPDATE {schema}.calls SET at = '0001-01-01'")
    old = run_module(MODULE, server, **options)
    assert "Choose a later first_month" in old["msg"], old
    unit = run_module(MODULE, server, **{**options, "time_column": "n"})
    assert "n holds 1385856000000, which is not a time in epoch seconds; correct" in unit["msg"], (
        unit
    )
    zero = f"UPDATE {schema}.calls SET at = '0000-00-00'"
    with server.admin(sql_mode="") as session, session.cursor() as cursor:
        cursor.execute(zero)
    never = run_module(MODULE, server, **options)
    assert "at holds 0000-00-00 00:00:00, which is not a time." in never["msg"], never
    server.rows(f"UPDATE {schema}.calls SET at = '0001-01-01'")
    zone = server.value("SELECT @@GLOBAL.time_zone")
    server.rows("SET GLOBAL time_zone = '+02:00'")
    try:
        trapped = run_module(MODULE, server, check=True, **options, first_month="2013-11")
    finally:
        server.rows("SET GLOBAL time_zone = %s", zone)
    assert trapped["changed"], trapped
    assert "is filled by the server's clock, which is 7200 s ahead of UTC" in trapped["warnings"][1]


def test_epochs_are_those_of_the_table(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, "a 2013-12-01", column="BIGINT")
    assert EPOCHS["BIGINT"]
    del options["epoch_unit"]
    wrong = run_module(MODULE, server, **options)
    assert "is not a time in epoch seconds" in wrong["msg"], wrong
    assert "Correct epoch_unit" in wrong["msg"]
