"""mysql_usage_table and what a server gives a table without being asked.

Servers of other versions, and with other settings, give something else. A table that
was right when it was made stays right, and one description gives one table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer

MODULE = "mysql_usage_table"
CALLS = """
CREATE TABLE calls (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  started DATETIME NOT NULL,
  changed TIMESTAMP,
  caller VARCHAR(20),
  name VARCHAR(20) CHARACTER SET utf8mb4,
  plain VARCHAR(20) CHARACTER SET utf8,
  old VARCHAR(20) CHARACTER SET latin1,
  doc JSON,
  CHECK (caller <> 'its')
)
"""
# What texts have on servers of some version that nobody has told otherwise.
DEFAULTS = {
    "mariadb": ["utf8mb4_general_ci", "utf8mb4_uca1400_ai_ci"],
    "mysql": ["utf8mb4_general_ci", "utf8mb4_0900_ai_ci"],
}
# What every server of a flavour gives, whatever its version and its settings.
GIVEN = {"mariadb": "utf8mb4_general_ci", "mysql": "utf8mb4_0900_ai_ci"}
# Settings that an administrator may have, and older versions have by default.
SETTINGS = {
    "mysql": {
        "default_collation_for_utf8mb4": "utf8mb4_general_ci",
        "collation_server": "utf8mb4_unicode_ci",
        "innodb_default_row_format": "compact",
        "innodb_strict_mode": "OFF",
        "explicit_defaults_for_timestamp": "OFF",
        "sql_mode": "ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
    },
    "mariadb": {
        "character_set_collations": "utf8mb4=utf8mb4_bin,latin1=latin1_bin",
        "collation_server": "utf8mb4_unicode_ci",
        "innodb_default_row_format": "compact",
        "innodb_strict_mode": "OFF",
        "explicit_defaults_for_timestamp": "OFF",
        "innodb_compression_default": "ON",
        "old_mode": "",
        "sql_mode": "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,NO_FIELD_OPTIONS",
    },
}


@pytest.fixture
def options(schema: str) -> dict[str, Any]:
    return {
        "schema": schema,
        "name": "calls",
        "definition": CALLS,
        "time_column": "started",
        "indexes": [{"name": "caller", "columns": ["caller", "started"]}],
        "first_month": "2026-01",
        "now": "2026-02-15",
    }


@contextmanager
def settings(server: TestServer) -> Iterator[None]:
    """Give a server other defaults, and take them back."""
    before = {}
    for name, value in SETTINGS[server.flavour].items():
        found = server.rows("SHOW GLOBAL VARIABLES LIKE %s", name)
        if found:
            before[name] = found[0]["Value"]
            server.rows(f"SET GLOBAL {name} = %s", value)
    server.close()
    try:
        yield
    finally:
        for name, value in before.items():
            server.rows(f"SET GLOBAL {name} = %s", value)
        server.close()


def text(server: TestServer, schema: str) -> str:
    return str(server.rows(f"SHOW CREATE TABLE {schema}.calls")[0]["Create Table"])


def collations(server: TestServer, schema: str) -> dict[str, str]:
    rows = server.rows(
        "SELECT COLUMN_NAME AS name, COLLATION_NAME AS collation FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND COLLATION_NAME IS NOT NULL",
        schema,
    )
    return {row["name"]: row["collation"] for row in rows}


@pytest.mark.parametrize("shape", ["write", "read"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_table_from_another_version_is_right(
    server: TestServer,
    schema: str,
    run_module: Any,
    options: dict[str, Any],
    shape: str,
    which: int,
) -> None:
    options["shape"] = shape
    collation = DEFAULTS[server.flavour][which]
    said = CALLS.replace("CHARACTER SET utf8mb4", f"CHARACTER SET utf8mb4 COLLATE {collation}")
    said += f"DEFAULT CHARSET=utf8mb4 COLLATE={collation}"
    assert run_module(MODULE, server, **{**options, "definition": said})["changed"]
    assert collations(server, schema)["caller"] == collation
    before = text(server, schema)

    found = run_module(MODULE, server, **options)
    assert not found["changed"] and "failed" not in found, found
    if collation == GIVEN[server.flavour]:
        assert found["differences"] == [] == found["warnings"], found
    else:
        (difference,) = found["differences"]
        what = "collation of the table, caller, name, which the definition does not name"
        assert difference["what"] == what and difference["effect"] == "none"
        (warning,) = found["warnings"]
        assert f"name a collation in the definition (COLLATE {collation})" in warning
    # And said, it is what is demanded.
    named = run_module(MODULE, server, **{**options, "definition": said})
    assert not named["changed"] and named["warnings"] == [], named
    other = said.replace(collation, DEFAULTS[server.flavour][1 - which])
    refused = run_module(MODULE, server, **{**options, "definition": other})
    assert refused["failed"] and "column caller, collation: expected" in refused["msg"], refused
    assert text(server, schema) == before

    if shape == "read":
        table = {"schema": schema, "table": "calls", "now": "2026-05-15", "months_ahead": 1}
        months = run_module("mysql_month_partition", server, **table)
        assert months["changed"] and "failed" not in months, months


@pytest.mark.parametrize("shape", ["write", "read"])
def test_one_description_gives_one_table(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any], shape: str
) -> None:
    options["shape"] = shape
    assert run_module(MODULE, server, **options)["changed"]
    made = text(server, schema)
    found = collations(server, schema)
    assert found["caller"] == found["name"] == GIVEN[server.flavour]
    assert (found["plain"], found["old"]) == ("utf8mb3_general_ci", "latin1_swedish_ci")
    with settings(server):
        again = run_module(MODULE, server, **options)
        assert not again["changed"] and again["differences"] == [], again
        outside_binary_log(server, f"DROP TABLE {schema}.calls")
        anew = run_module(MODULE, server, **options)
        assert anew["changed"] and anew["create_statement"] == again["create_statement"], anew
        assert not run_module(MODULE, server, **options)["changed"]
    here = text(server, schema)
    # What nobody asks for a server may give: it is said, and nobody has to make the table anew.
    assert here.replace(" `PAGE_COMPRESSED`='ON'", "") == made
    found = run_module(MODULE, server, **options)
    assert not found["changed"] and "failed" not in found, found


@pytest.mark.parametrize(
    ("alter", "what"),
    [
        ("ROW_FORMAT=COMPACT", "table option ROW_FORMAT"),
        ("STATS_PERSISTENT=1", "table option STATS_PERSISTENT"),
        ("MODIFY seconds INT(5)", "column seconds, type"),
    ],
)
def test_what_does_no_harm_is_told(
    server: TestServer,
    schema: str,
    run_module: Any,
    options: dict[str, Any],
    alter: str,
    what: str,
) -> None:
    options |= {"shape": "read", "definition": CALLS.replace("doc JSON", "doc JSON, seconds INT")}
    assert run_module(MODULE, server, **options)["changed"]
    outside_binary_log(server, f"ALTER TABLE {schema}.calls {alter}")
    found = run_module(MODULE, server, **options)
    # MySQL has forgotten how wide integers are shown.
    expected = [] if "INT(5)" in alter and server.flavour == "mysql" else [what]
    assert [one["what"] for one in found["differences"]] == expected, found
    assert not found["changed"] and len(found["warnings"]) == len(expected)


def test_a_table_of_another_session(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    """MySQL writes the character set of a session's texts into the table's checks."""
    with server.admin(database=schema) as connection, connection.cursor() as cursor:
        cursor.execute("SET NAMES latin1")
        cursor.execute(f"{CALLS} DEFAULT CHARSET=utf8mb4 COLLATE={GIVEN[server.flavour]}")
    found = run_module(MODULE, server, **options, shape="write")
    assert not found["changed"] and "failed" not in found, found
