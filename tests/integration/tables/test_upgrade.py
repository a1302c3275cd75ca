"""A usage table whose server has been upgraded to the next version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.lines import LINES, Host, Line, host_of, running_topology

BY_NAME = {line.name: line for line in LINES}
CALLS = """
CREATE TABLE calls (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  started DATETIME NOT NULL,
  caller VARCHAR(20),
  kind ENUM('a', 'b') NOT NULL DEFAULT 'a',
  doc JSON,
  twice VARCHAR(40) AS (CONCAT(caller, 'x', caller)) STORED,
  CHECK (caller <> 'it''s')
)
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            BY_NAME["mariadb-10.11"],
            BY_NAME["mariadb-11.8"],
            id="mariadb-11.8",
            marks=pytest.mark.xdist_group("mariadb-11.8 test_upgrade"),
        )
    ],
)
def test_tables_are_right_after_an_upgrade(before: Line, after: Line, run_module: Any) -> None:
    options = {
        "schema": "usage_data",
        "name": "calls",
        "definition": CALLS,
        "time_column": "started",
        "indexes": [{"name": "caller", "columns": ["caller", "started"]}],
        "now": "2026-02-15",
    }
    shapes = {"w1": "write", "r1": "read"}
    # One folder for both, which the container of the newer line sees too.
    with host_of(after) as new_host:
        old_host = Host(before, new_host.work_dir)
        with running_topology(old_host, "upgraded") as old:
            old.playbook("servers.yml", "--limit", "w1,r1")
            for name, shape in shapes.items():
                made = run_module("mysql_usage_table", old.server(name), **options, shape=shape)
                assert made["changed"], made
                assert old.server(name).version.startswith(before.version_starts)
                old.server(name).close()
        with running_topology(new_host, "upgraded") as new:
            new.playbook("servers.yml", "--limit", "w1,r1")
            for name, shape in shapes.items():
                server = new.server(name)
                assert server.version.startswith(after.version_starts), server.version
                found = run_module("mysql_usage_table", server, **options, shape=shape)
                assert not found["changed"] and "failed" not in found, found
                assert found["differences"] == [] == found["warnings"], found
            months = run_module(
                "mysql_month_partition",
                new.server("r1"),
                schema="usage_data",
                table="calls",
                now="2026-06-15",
            )
            assert months["changed"] and "failed" not in months, months
            # And a server that is new beside them gets the same table.
            texts = []
            for schema in ("usage_data", "anew"):
                server = new.server("w1")
                run_module(
                    "mysql_usage_table", server, **{**options, "schema": schema}, shape="write"
                )
                texts.append(server.rows(f"SHOW CREATE TABLE {schema}.calls")[0]["Create Table"])
            assert texts[0] == texts[1]
