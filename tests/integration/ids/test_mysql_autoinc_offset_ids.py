"""What mysql_autoinc_offset says of ids, and where it makes them begin."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from pymysql.cursors import DictCursor

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer

MODULE = "mysql_autoinc_offset"
LARGE, BOUND = 20_000, 500


def quiet(server: TestServer) -> Any:
    """Return a new connection, outside the binary log."""
    return server.admin(init_command="SET SESSION sql_log_bin = 0", cursorclass=DictCursor)


def column(result: dict[str, Any], table: str) -> dict[str, Any]:
    (found,) = [one for one in result["id_columns"] if f"{one['schema']}.{one['table']}" == table]
    return found


def insert(server: TestServer, table: str) -> int:
    with closing(quiet(server)) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} (b) VALUES (1)")
        return int(cursor.lastrowid)


def logged(server: TestServer) -> list[dict[str, Any]]:
    """Return where the server's binary log ends."""
    words = "BINARY LOG" if server.flavour == "mysql" else "BINLOG"
    return server.rows(f"SHOW {words} STATUS")


def counter(server: TestServer, table: str) -> Any:
    """Ask the server itself, which MySQL answers from a cache otherwise."""
    (row,) = server.rows(f"SHOW CREATE TABLE {table}")
    text = row["Create Table"]
    return int(text.split("AUTO_INCREMENT=")[1].split()[0]) if "AUTO_INCREMENT=" in text else 1


@pytest.fixture
def made(server: TestServer, schema: str, run_module: Any, pair: dict[str, Any]) -> dict[str, Any]:
    """Options for a server with 20 and 2 that has some tables with rows."""
    options = {**pair, "offset": 2, "check_schemas": [schema]}
    assert run_module(MODULE, server, **options)["changed"]
    outside_binary_log(
        server,
        f"CREATE TABLE {schema}.calls (id BIGINT AUTO_INCREMENT PRIMARY KEY, b INT)",
        f"CREATE TABLE {schema}.empty (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, b INT)",
        f"CREATE TABLE {schema}.`od%d` (b INT, `i``d` INT AUTO_INCREMENT, KEY `k%y` (`i``d`))",
        f"CREATE TABLE {schema}.tiny (id TINYINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, b INT)",
        f"CREATE TABLE {schema}.plain (id INT PRIMARY KEY, b INT)",
        f"CREATE VIEW {schema}.seen AS SELECT * FROM {schema}.calls",
        f"INSERT INTO {schema}.tiny VALUES (202, 1)",
        f"INSERT INTO {schema}.`od%d` VALUES (1, 22)",
    )
    for _number in range(3):
        insert(server, f"{schema}.calls")
    return options


def test_tells_each_columns_ids(
    server: TestServer, schema: str, run_module: Any, made: dict[str, Any]
) -> None:
    result = run_module(MODULE, server, **made)
    assert not result["changed"] and not [t for t in result["warnings"] if schema in t], result
    tables = [one["table"] for one in result["id_columns"]]
    assert tables == ["calls", "empty", "od%d", "tiny"]
    calls = column(result, f"{schema}.calls")
    assert calls.pop("type").startswith("bigint")
    assert calls == {
        **{"schema": schema, "table": "calls", "column": "id", "highest_id": 42, "next_id": 62},
        **{"used_percent": 0.0, "ids_left": (2**63 - 1 - 62) // 20 + 1},
        **{"ids_checked": 3, "foreign_ids": 0, "foreign_sample": []},
    }
    empty = column(result, f"{schema}.empty")
    assert (empty["highest_id"], empty["next_id"], empty["ids_checked"]) == (None, 2, 0)
    assert column(result, f"{schema}.od%d")["highest_id"] == 22
    tiny = column(result, f"{schema}.tiny")
    # 222 and 242 are left of 1 to 255.
    assert (tiny["highest_id"], tiny["next_id"], tiny["ids_left"]) == (202, 222, 2)
    assert tiny["used_percent"] in (79.2, 86.6)  # by the counter: 203 or 222, the next of its own

    # Every schema but the server's own, and none that is not there.
    everything = run_module(MODULE, server, **{**made, "check_schemas": []})
    schemas = {one["schema"] for one in everything["id_columns"]}
    assert schema in schemas and not schemas & {"mysql", "sys", "performance_schema"}
    missing = run_module(MODULE, server, **{**made, "check_schemas": [schema, "no", "nor"]})
    assert missing["failed"] and len(missing["problems"]) == 2
    assert "no schema nor" in missing["msg"]
    # One that is made later has no ids yet; alone, it does not stand for every schema.
    later = {**made, "require_schemas": False}
    told = run_module(MODULE, server, **{**later, "check_schemas": [schema, "no"]})
    assert told["id_columns"] == run_module(MODULE, server, **made)["id_columns"]
    assert run_module(MODULE, server, **{**later, "check_schemas": ["no"]})["id_columns"] == []
    # Rows that are gone have used the range all the same.
    outside_binary_log(server, f"DELETE FROM {schema}.calls")
    gone = column(run_module(MODULE, server, **made), f"{schema}.calls")
    assert (gone["highest_id"], gone["next_id"]) == (None, 62)


def test_tells_foreign_ids(
    server: TestServer, schema: str, run_module: Any, made: dict[str, Any]
) -> None:
    # As a session with values of its own does, which no privilege prevents.
    with closing(quiet(server)) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION auto_increment_increment = 1")
        for _number in range(8):
            cursor.execute(f"INSERT INTO {schema}.calls (b) VALUES (1)")
        cursor.execute(f"SELECT id FROM {schema}.calls ORDER BY id DESC")
        everyone = [row["id"] for row in cursor.fetchall()]
    foreign = [one for one in everyone if one % 20 != 2]
    assert len(foreign) >= 7
    told = run_module(MODULE, server, check=True, **made)
    calls = column(told, f"{schema}.calls")
    assert calls["foreign_ids"] == len(foreign) and calls["foreign_sample"] == foreign[:5]
    (warning,) = [text for text in told["warnings"] if f"{schema}.calls" in text]
    assert f"{len(foreign)} of the {len(everyone)} newest ids" in warning
    assert "are not 2 modulo 20, for example " + str(foreign[0]) in warning

    for check in (True, False):
        failed = run_module(MODULE, server, check=check, **made, fail_on_foreign_ids=True)
        assert failed["failed"] and warning in failed["problems"]
    # Only the newest are looked at.
    few = run_module(MODULE, server, **made, ids_checked_per_table=3)
    assert column(few, f"{schema}.calls")["ids_checked"] == 3
    none = run_module(MODULE, server, **made, check_ids=False)
    assert none["id_columns"] == [] and not [t for t in none["warnings"] if schema in t]


def test_ids_from_before_a_multiplication_are_not_foreign(
    server: TestServer, schema: str, run_module: Any, made: dict[str, Any]
) -> None:
    doubled = {**made, "increment": 40}
    # 22 is of the old class only, 2 and 42 of both; the change itself knows the old pair.
    change = run_module(MODULE, server, **doubled, fail_on_foreign_ids=True)
    assert change["changed"] and column(change, f"{schema}.calls")["foreign_ids"] == 0
    again = run_module(MODULE, server, **doubled)
    assert column(again, f"{schema}.calls")["foreign_sample"] == [22]
    known = run_module(MODULE, server, **doubled, earlier_increment=20, fail_on_foreign_ids=True)
    assert not known["changed"] and column(known, f"{schema}.calls")["foreign_ids"] == 0


def test_fails_before_a_type_is_full(
    server: TestServer, schema: str, run_module: Any, made: dict[str, Any]
) -> None:
    outside_binary_log(server, f"INSERT INTO {schema}.tiny VALUES (242, 1)")
    for check in (True, False):
        failed = run_module(MODULE, server, check=check, **{**made, "increment": 40})
        (problem,) = failed["problems"]
        assert f"{schema}.tiny: " in problem and "column id (tinyint" in problem
        assert "the highest id is 242 of 255, 0 ids are left" in problem
        assert "larger type" in problem
    # Nothing was changed: the pair is the one before.
    assert server.value("SELECT @@GLOBAL.auto_increment_increment") == 20
    assert not run_module(MODULE, server, **made, fail_when_used_percent=100).get("failed")


def test_a_large_table_costs_what_is_asked_for(
    server: TestServer, schema: str, run_module: Any, made: dict[str, Any]
) -> None:
    outside_binary_log(
        server,
        f"CREATE TABLE {schema}.large (id BIGINT AUTO_INCREMENT PRIMARY KEY, b INT)",
        f"INSERT INTO {schema}.large (b) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL "
        f"SELECT i + 1 FROM n WHERE i < 1000) SELECT 1 FROM n JOIN "
        f"(SELECT i FROM n WHERE i <= {LARGE // 1000}) AS m",
    )
    assert server.value(f"SELECT COUNT(*) FROM {schema}.large") == LARGE

    def rows_read() -> tuple[int, int]:
        """Return how many entries of indexes were read, and how many rows without one."""
        counts = {
            row["Variable_name"]: int(row["Value"])
            for row in server.rows("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
        }
        scanned = counts.pop("Handler_read_rnd_next")
        return sum(
            counts[f"Handler_read_{way}"] for way in ("prev", "next", "last", "first")
        ), scanned

    def cost(**options: Any) -> tuple[int, int]:
        before = rows_read()
        result = run_module(MODULE, server, **{**made, **options})
        assert column(result, f"{schema}.large")["foreign_ids"] == 0
        after = rows_read()
        return after[0] - before[0], after[1] - before[1]

    small, scanned = cost(ids_checked_per_table=1)
    bounded, scanned_bounded = cost(ids_checked_per_table=BOUND)
    assert small < BOUND and BOUND <= bounded < small + 2 * BOUND
    # Without an index it reads descriptions of tables, and what the index has given it.
    assert scanned < LARGE / 4 and scanned_bounded < scanned + 2 * BOUND
    assert cost(ids_checked_per_table=2 * LARGE)[0] >= LARGE


def test_an_index_that_does_not_begin_with_the_column(
    server: TestServer, schema: str, run_module: Any, made: dict[str, Any]
) -> None:
    outside_binary_log(
        server,
        f"CREATE TABLE {schema}.grouped (g INT, id INT AUTO_INCREMENT, PRIMARY KEY (g, id)) "
        "ENGINE=MyISAM",
        f"INSERT INTO {schema}.grouped VALUES (1, 3)",
    )
    told = run_module(MODULE, server, **made)
    grouped = column(told, f"{schema}.grouped")
    assert grouped["highest_id"] is None and grouped["ids_checked"] == 0
    assert any(f"{schema}.grouped: no index begins with column id" in t for t in told["warnings"])


def test_begins_above_a_floor(
    server: TestServer, schema: str, run_module: Any, made: dict[str, Any]
) -> None:
    calls, empty = f"{schema}.calls", f"{schema}.empty"
    floors = {**made, "next_id_above": {calls: 41, empty: 1000}}
    log = logged(server)
    predicted = run_module(MODULE, server, check=True, **floors)
    assert predicted["changed"] and counter(server, empty) == 1
    done = run_module(MODULE, server, **floors)
    assert done["statements"] == predicted["statements"]
    assert done["statements"] == [f"ALTER TABLE `{schema}`.`empty` AUTO_INCREMENT = 1002"]
    assert done["diff"] == predicted["diff"]
    assert done["diff"]["after"] == {empty: {"next_id": 1002}}
    assert done["diff"]["before"] == {empty: {"next_id": 2}}
    assert column(done, empty)["next_id"] == column(predicted, empty)["next_id"] == 1002
    again = run_module(MODULE, server, **floors)
    assert not again["changed"] and again["statements"] == []
    # It would have been 2; and the ALTER has not entered the binary log.
    assert (insert(server, calls), insert(server, empty)) == (62, 1002)
    assert logged(server) == log

    # Never lowered, also where the rows are gone; raised again after a TRUNCATE.
    outside_binary_log(server, f"DELETE FROM {empty}")
    lower = run_module(MODULE, server, **{**made, "next_id_above": {empty: 5}})
    assert not lower["changed"] and insert(server, empty) == 1022
    outside_binary_log(server, f"TRUNCATE {empty}")
    raised = run_module(MODULE, server, **floors)
    assert raised["changed"] and insert(server, empty) == 1002
    # Just above the floor, and a floor as text, as a template gives it.
    outside_binary_log(server, f"TRUNCATE {empty}")
    run_module(MODULE, server, **{**made, "check_ids": False, "next_id_above": {empty: "1001"}})
    assert insert(server, empty) == 1002


def test_refuses_floors_that_cannot_be(
    server: TestServer, schema: str, run_module: Any, made: dict[str, Any]
) -> None:
    floors = {
        **{f"{schema}.absent": 1, f"{schema}.plain": 1, f"{schema}.seen": 1},
        **{f"{schema}.tiny": 243, f"{schema}.empty": 50},
    }
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **made, next_id_above=floors)
        assert refused["failed"] and not refused["changed"]
        absent, plain, seen, tiny = refused["problems"]
        assert f"no table {schema}.absent with an AUTO_INCREMENT column exists" in absent
        assert f"{schema}.plain" in plain and f"{schema}.seen" in seen
        assert "tiny: 262, the next id of this server above 243, is beyond 255" in tiny
    assert counter(server, f"{schema}.empty") == 1
