"""mysql_usage_table that is killed at any of its statements, and run again (rule 12)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer
from tests.integration.modules import run_module
from tests.support.crash import killed_everywhere

MODULE = "mysql_usage_table"
TABLE = """
CREATE TABLE {} (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at DATETIME NOT NULL,
  caller VARCHAR(20)
)
"""
NAMES = ("calls", "texts")


def names(server: TestServer, schema: str) -> list[str]:
    return [str(*row.values()) for row in server.rows(f"SHOW TABLES FROM {schema}")]


def shown(server: TestServer, schema: str) -> dict[str, str]:
    """Return the schema and all of its tables, as their server shows them."""
    told = server.rows(f"SHOW CREATE SCHEMA {schema}")[0]["Create Database"]
    return {"": str(told)} | {
        name: str(server.rows(f"SHOW CREATE TABLE {schema}.{name}")[0]["Create Table"])
        for name in names(server, schema)
    }


@pytest.mark.usefixtures("nothing_is_logged")
@pytest.mark.parametrize("before", ["an empty schema", "no schema", "tables without an index"])
def test_tables_with_their_months(server: TestServer, schema: str, before: str) -> None:
    arguments: dict[str, Any] = {
        "schema": schema,
        "tables": [{"name": name, "definition": TABLE.format(name)} for name in NAMES],
        "time_column": "at",
        "shape": "read",
        "indexes": [{"name": "caller", "columns": ["caller", "at"]}],
        "create_schema": True,
        "add_indexes": True,
        "months_ahead": 2,
        "now": "2013-12-15",
    }
    statements = [f"DROP SCHEMA IF EXISTS {schema}"]
    if before != "no schema":
        statements.append(f"CREATE SCHEMA {schema} DEFAULT CHARACTER SET utf8mb4")
    if before == "tables without an index":
        assert run_module(MODULE, server, **{**arguments, "indexes": []})["changed"]
        there = shown(server, schema)
        statements += [f"USE {schema}", *(there[name] for name in NAMES)]
    kills = killed_everywhere(
        MODULE,
        server,
        arguments,
        lambda: outside_binary_log(server, *statements),
        lambda: shown(server, schema),
    )
    assert kills > 5
