"""mysql_usage_table_info on real servers.

What it says of each difference is in test_engine_facts_tables.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.replicated_table import (
    CHANGES,
    HARMLESS,
    STOPS,
)
from tests.integration.conftest import outside_binary_log
from tests.integration.lines import Topology

MODULE = "mysql_usage_table_info"


@pytest.fixture
def calls(bare: Topology, run_module: Any) -> Iterator[dict[str, Any]]:
    """A usage table on w1 and w2 in the write shape and on r1 in the read shape."""
    schema = f"test_{secrets.token_hex(4)}"
    servers = {name: bare.server(name) for name in ("w1", "w2", "r1")}
    definition = (
        "CREATE TABLE calls (id BIGINT AUTO_INCREMENT PRIMARY KEY, started DATETIME NOT NULL, "
        "caller VARCHAR(20), seconds INT DEFAULT 0)"
    )
    for name, server in servers.items():
        made = run_module(
            "mysql_usage_table",
            server,
            schema=schema,
            name="calls",
            definition=definition,
            time_column="started",
            shape="read" if name == "r1" else "write",
            indexes=[{"name": "caller", "columns": ["caller", "started"]}],
        )
        assert made["changed"], made
        if name != "r1":
            outside_binary_log(
                server,
                "DROP USER IF EXISTS checker",
                "CREATE USER checker IDENTIFIED BY 'hid''den'",
                f"GRANT SELECT ON {schema}.* TO checker",
            )
    sources = [
        {
            "server": name,
            "login_host": servers[name].address,
            "login_port": servers[name].port,
            "login_user": "checker",
            "login_password": "hid'den",
        }
        for name in ("w1", "w2")
    ]
    yield {"schema": schema, "name": "calls", "compare_with": sources}
    for name, server in servers.items():
        outside_binary_log(server, f"DROP SCHEMA {schema}")
        if name != "r1":
            outside_binary_log(server, "DROP USER checker")


def test_every_source_that_does_not_answer_is_told(
    calls: dict[str, Any], bare: Topology, run_module: Any
) -> None:
    one, other = calls["compare_with"]
    sources = [{**one, "login_port": 13999}, {**other, "login_password": "hid"}]
    result = run_module(MODULE, bare.server("r1"), **{**calls, "compare_with": sources})
    assert result["failed"] and "hid" not in result["msg"], result
    first, second = result["problems"]
    assert f"w1: server {one['login_host']}:13999: error 2003" in first, first
    assert "error 1045" in second, second


def test_servers_are_compared(calls: dict[str, Any], bare: Topology, run_module: Any) -> None:
    read_server, w2, table = bare.server("r1"), bare.server("w2"), f"{calls['schema']}.calls"
    same = run_module(MODULE, read_server, **calls)
    assert not same["changed"] and same["ok"] and same["problems"] == [], same
    assert same["servers"] == [
        {"server": "w1", "ok": True, "differences": []},
        {"server": "w2", "ok": True, "differences": []},
    ]
    assert same["table"]["primary_key"] == ["id", "started"] and same["table"]["partitioned"]
    assert same["table"]["indexes"] == ["KEY caller (caller, started)"]
    assert [column["name"] for column in same["table"]["columns"]][2:] == ["caller", "seconds"]
    assert same["type_conversions"] == ""

    outside_binary_log(
        w2, f"ALTER TABLE {table} MODIFY caller VARCHAR(30), MODIFY seconds INT DEFAULT 1"
    )
    outside_binary_log(read_server, f"ALTER TABLE {table} MODIFY seconds INT NOT NULL DEFAULT 0")
    result = run_module(MODULE, read_server, check=True, **calls)
    assert not result["changed"] and not result["ok"], result
    assert "hid'den" not in str(result)
    told = {
        one["server"]: [
            (found["column"], found["what"], found["effect"]) for found in one["differences"]
        ]
        for one in result["servers"]
    }
    assert told == {
        "w1": [("seconds", "NULL", CHANGES)],
        "w2": [("caller", "type", STOPS), ("seconds", "NULL", CHANGES)],
    }
    assert result["problems"][1] == (
        f"w2, {table}, column caller, type: varchar(30) CHARACTER SET utf8mb4 there, varchar(20) "
        "CHARACTER SET utf8mb4 here; the first row stops the channel, which does not convert."
    )
    alone = run_module(MODULE, read_server, schema=calls["schema"], name="calls")
    assert alone["ok"] and alone["servers"] == [] and alone["table"], alone


def test_a_table_that_is_missing(calls: dict[str, Any], bare: Topology, run_module: Any) -> None:
    read_server, w2 = bare.server("r1"), bare.server("w2")
    outside_binary_log(w2, f"DROP TABLE {calls['schema']}.calls")
    result = run_module(MODULE, read_server, **calls)
    (found,) = result["servers"][1]["differences"]
    assert result["ok"] and (found["what"], found["effect"]) == ("table", HARMLESS), result
    outside_binary_log(read_server, f"DROP TABLE {calls['schema']}.calls")
    result = run_module(MODULE, read_server, **calls)
    assert not result["ok"] and result["table"] is None, result
    assert "error 1146" in result["problems"][0] and len(result["problems"]) == 1


def test_conversions_are_told(calls: dict[str, Any], bare: Topology, run_module: Any) -> None:
    read_server = bare.server("r1")
    # Each line has this name; MySQL calls it old.
    read_server.rows("SET GLOBAL slave_type_conversions = 'ALL_NON_LOSSY'")
    try:
        result = run_module(MODULE, read_server, **calls)
    finally:
        read_server.rows("SET GLOBAL slave_type_conversions = ''")
    assert result["type_conversions"] == "ALL_NON_LOSSY", result
    (warning,) = result["warnings"]
    assert "converts types (ALL_NON_LOSSY)" in warning
