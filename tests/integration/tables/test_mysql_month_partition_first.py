"""mysql_month_partition on tables without partitions: what its cures leave of a column."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer
from tests.integration.tables.test_mysql_month_partition import MODULE, NOW

# A definition of the column ``at``, and a value that must stay what it is.
NULLABLE = {
    "DATETIME(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3) "
    "COMMENT 'it''s NULL, DEFAULT NULL'": "2013-12-01 12:00:00.123",
    "DATE NULL DEFAULT '2013-11-05' INVISIBLE": "2013-12-01",
    "TIMESTAMP NULL DEFAULT NULL": "2013-12-01 12:00:00",
    "INT UNSIGNED NULL DEFAULT 7 COMMENT 'seconds'": "1385899200",
    "BIGINT UNSIGNED NULL CHECK (at IS NULL OR at > 5)": "1385899200",
}


def options_of(schema: str) -> dict[str, Any]:
    return {
        "schema": schema,
        "table": "calls",
        "time_column": "at",
        "now": NOW,
        "months_ahead": 1,
        "partition_plain_table": True,
    }


def column(server: TestServer, schema: str) -> dict[str, Any]:
    """All that the server knows of the column ``at``, and the checks of its table."""
    rows = server.rows(
        "SELECT * FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND COLUMN_NAME = 'at'",
        schema,
    )
    checks = server.rows(
        "SELECT CHECK_CLAUSE AS clause FROM information_schema.CHECK_CONSTRAINTS "
        "WHERE CONSTRAINT_SCHEMA = %s",
        schema,
    )
    found = {**rows[0], "checks": [row["clause"] for row in checks]}
    # MariaDB writes the default that is none as a word.
    found["COLUMN_DEFAULT"] = None if found["COLUMN_DEFAULT"] == "NULL" else found["COLUMN_DEFAULT"]
    return found


@pytest.mark.parametrize("definition", list(NULLABLE))
def test_a_column_that_was_nullable_is_else_as_before(
    server: TestServer, schema: str, run_module: Any, definition: str
) -> None:
    outside_binary_log(
        server,
        f"CREATE TABLE {schema}.calls (id BIGINT, at {definition})",
        f"INSERT INTO {schema}.calls (id, at) VALUES (1, '{NULLABLE[definition]}')",
    )
    before = column(server, schema)
    assert before["IS_NULLABLE"] == "YES"
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **options_of(schema))
        (problem,) = refused["problems"]
        assert "at can be NULL, and such rows would be dropped with the first month" in problem
    (cure,) = re.findall(r"ALTER TABLE [^;]*;", problem)
    outside_binary_log(server, cure)
    assert column(server, schema) == {**before, "IS_NULLABLE": "NO"}
    value = server.value(f"SELECT CAST(at AS CHAR) FROM {schema}.calls")
    assert value == NULLABLE[definition]
    assert run_module(MODULE, server, **options_of(schema))["changed"]
    assert run_module(MODULE, server, **options_of(schema))["steps"] == []


def test_a_generated_column_that_can_be_null(
    server: TestServer, schema: str, run_module: Any
) -> None:
    generated = "DATETIME(3) GENERATED ALWAYS AS (IF(b IS NULL, NULL, b + INTERVAL 1 DAY))"
    outside_binary_log(
        server,
        f"CREATE TABLE {schema}.calls (b DATETIME(3), at {generated} STORED COMMENT 'c')",
        f"INSERT INTO {schema}.calls (b) VALUES ('2013-12-01 12:00:00.123')",
    )
    before = column(server, schema)
    (problem,) = run_module(MODULE, server, **options_of(schema))["problems"]
    cures = re.findall(r"ALTER TABLE [^;]*;", problem)
    if server.flavour == "mariadb":
        assert (
            cures == [] and "at is generated, and can be NULL, which cannot be changed" in problem
        )
        return
    outside_binary_log(server, *cures)
    assert column(server, schema) == {**before, "IS_NULLABLE": "NO"}
    assert run_module(MODULE, server, **options_of(schema))["changed"]


@pytest.mark.flavour("mysql")
@pytest.mark.usefixtures("ahead_of_utc")
@pytest.mark.parametrize("nullable", [False, True])
def test_a_timestamp_with_a_fraction_becomes_a_datetime_of_utc(
    server: TestServer, schema: str, run_module: Any, nullable: bool
) -> None:
    null = "NULL" if nullable else "NOT NULL"
    outside_binary_log(
        server,
        f"CREATE TABLE {schema}.calls (id BIGINT, "
        f"at TIMESTAMP(3) {null} DEFAULT CURRENT_TIMESTAMP(3) COMMENT 'c')",
        f"INSERT INTO {schema}.calls VALUES (1, '2013-12-01 01:00:00.123')",
    )
    before = column(server, schema)
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **options_of(schema))
        (problem,) = refused["problems"]
        assert "at is a TIMESTAMP with a fraction" in problem
        assert ("in which it is NULL a time" in problem) is nullable
    outside_binary_log(server, *re.findall(r"(?:SET time_zone = |ALTER TABLE )[^;]*;", problem))
    after = column(server, schema)
    differ = {name for name in before if before[name] != after[name]} - {"IS_NULLABLE"}
    assert differ == {"DATA_TYPE", "COLUMN_TYPE"}
    assert (after["COLUMN_TYPE"], after["IS_NULLABLE"]) == ("datetime(3)", "NO")
    value = server.value(f"SELECT CAST(at AS CHAR) FROM {schema}.calls")
    assert value == "2013-11-30 23:00:00.123"
    done = run_module(MODULE, server, **options_of(schema))
    assert [part["below"] for part in done["partitions"]][0] == "2013-12-01", done
    assert run_module(MODULE, server, **options_of(schema))["steps"] == []


def test_a_table_of_another_engine(server: TestServer, schema: str, run_module: Any) -> None:
    outside_binary_log(
        server,
        f"CREATE TABLE {schema}.calls (id BIGINT, at DATETIME NOT NULL) ENGINE = MyISAM",
        f"INSERT INTO {schema}.calls VALUES (1, '2013-12-01')",
    )
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **options_of(schema))
        (problem,) = refused["problems"]
        assert f"{schema}.calls is MyISAM" in problem
    (cure,) = re.findall(r"ALTER TABLE [^;]*;", problem)
    outside_binary_log(server, cure)
    assert run_module(MODULE, server, **options_of(schema))["changed"]
    engine = server.value(
        "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s", schema
    )
    assert engine == "InnoDB" and server.value(f"SELECT COUNT(*) FROM {schema}.calls") == 1
    assert run_module(MODULE, server, **options_of(schema))["steps"] == []
