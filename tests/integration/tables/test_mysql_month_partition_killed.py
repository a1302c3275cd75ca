"""mysql_month_partition that is killed at any of its statements, and run again (rule 12)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log, own_schema
from tests.integration.lines import TestServer, Topology
from tests.integration.tables.test_mysql_month_partition import MODULE, NOW
from tests.support.crash import killed_everywhere

COLUMNS = "id BIGINT NOT NULL, at DATETIME NOT NULL, PRIMARY KEY (id, at)"
# What is older than a server needs: a month and what was before it.
OLD = "PARTITION a VALUES LESS THAN ('2013-11-01'), PARTITION b VALUES LESS THAN ('2013-12-01')"
REST = "PARTITION rest VALUES LESS THAN (MAXVALUE)"


def table(name: str, *partitions: str) -> list[str]:
    """Return what makes a table with a row in each of three months; {} is its schema."""
    by_month = f" PARTITION BY RANGE COLUMNS (at) ({', '.join(partitions)})" if partitions else ""
    times = [
        "2013-10-06",
        "2013-11-07",
        *(["2013-12-08", "2014-01-09"] if REST in by_month else []),
    ]
    rows = ", ".join(f"({number}, '{time}')" for number, time in enumerate(times))
    return [
        f"CREATE TABLE {{}}.{name} ({COLUMNS}){by_month}",
        f"INSERT INTO {{}}.{name} VALUES {rows}",
    ]


CASES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "dropped": (
        table("calls", OLD),
        {"table": "calls", "months_kept": 0, "max_drops": 2, "past": "drop"},
    ),
    "dropped and archived": (
        [*table("calls", OLD), *table("events", OLD)],
        {
            "tables": [
                {"table": "events", "months_kept": 0, "max_drops": 2, "past": "archive"},
                {"table": "calls", "months_kept": 1},
            ]
        },
    ),
    "rows in the rest": (
        table("calls", OLD, REST),
        {"table": "calls", "months_ahead": 2, "split_tail_with_rows": True},
    ),
    "not partitioned": (
        table("calls"),
        {"table": "calls", "time_column": "at", "partition_plain_table": True},
    ),
}


def names(server: TestServer, schema: str) -> list[str]:
    return [str(*row.values()) for row in server.rows(f"SHOW TABLES FROM {schema}")]


def kill(server: TestServer, schema: str, made: list[str], asked: dict[str, Any]) -> int:
    """Kill the module everywhere; return how often."""

    def reset() -> None:
        there = ", ".join(f"{schema}.`{name}`" for name in names(server, schema))
        outside_binary_log(
            server,
            *([f"DROP TABLE {there}"] if there else []),
            *(statement.format(schema) for statement in made),
        )

    def look() -> Any:
        """Every table as its server shows it, and its rows."""
        return {
            name: (
                server.rows(f"SHOW CREATE TABLE {schema}.`{name}`"),
                server.rows(f"SELECT * FROM {schema}.`{name}` ORDER BY id"),
            )
            for name in names(server, schema)
        }

    arguments = {"schema": schema, "now": NOW, "months_ahead": 1, **asked}
    return killed_everywhere(MODULE, server, arguments, reset, look)


@pytest.mark.usefixtures("nothing_is_logged")
@pytest.mark.parametrize("case", CASES)
def test_months(server: TestServer, schema: str, case: str) -> None:
    assert kill(server, schema, *CASES[case]) >= 4


def test_a_month_that_is_moved_to_another_disk(bare: Topology, cold_directory: str) -> None:
    """MariaDB moves its rows by a table beside it, which an interrupted move leaves."""
    server = bare.server("r1")
    asked = {
        "table": "calls",
        "cold_after_months": 1,
        "cold_data_directory": cold_directory,
        "max_moves": 2,
    }
    with own_schema(server) as schema:
        assert kill(server, schema, table("calls", OLD), asked) >= 4
