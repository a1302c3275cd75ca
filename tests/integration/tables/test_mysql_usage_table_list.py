"""mysql_usage_table and mysql_usage_table_info with several tables in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer, Topology

MODULE, INFO = "mysql_usage_table", "mysql_usage_table_info"


def table(name: str, *columns: str, **more: Any) -> dict[str, Any]:
    lines = ["id BIGINT AUTO_INCREMENT PRIMARY KEY", "at DATETIME NOT NULL", *columns]
    return {"name": name, "definition": f"CREATE TABLE {name} ({', '.join(lines)})", **more}


CALLS = table("calls", "caller VARCHAR(20)")
TEXTS = table("texts", "length INT", first_month="2013-12", months_ahead=1)
CALLER = {"name": "caller", "columns": ["caller", "at"]}
LENGTH = {"name": "length", "columns": ["length"]}


@pytest.fixture
def options(schema: str) -> dict[str, Any]:
    return {
        "schema": schema,
        "time_column": "at",
        "shape": "read",
        "first_month": "2013-11",
        "now": "2013-12-15",
    }


def tables(server: TestServer, schema: str) -> list[str]:
    rows = server.rows(
        "SELECT TABLE_NAME AS name FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s ORDER BY 1",
        schema,
    )
    return [row["name"] for row in rows]


def partitions(server: TestServer, schema: str, name: str) -> list[str]:
    rows = server.rows(
        "SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY PARTITION_ORDINAL_POSITION",
        schema,
        name,
    )
    return [row["name"] for row in rows]


def connections(server: TestServer) -> int:
    (row,) = server.rows("SHOW GLOBAL STATUS LIKE 'Connections'")
    return int(row["Value"])


def test_one_rhythm(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    # The module makes the schema, once for both.
    outside_binary_log(server, f"DROP SCHEMA {schema}")
    options["tables"] = [TEXTS, CALLS]
    predicted = run_module(MODULE, server, check=True, **options)
    assert predicted["changed"] and server.rows("SHOW DATABASES LIKE %s", schema) == [], predicted
    before = connections(server)
    done = run_module(MODULE, server, **options)
    assert connections(server) == before + 1
    for told in (predicted, done):
        assert [(one["schema"], one["name"], one["created"]) for one in told["tables"]] == [
            (schema, "texts", True),
            (schema, "calls", True),
        ]
        assert list(told["diff"]["after"]) == [schema, f"{schema}.texts", f"{schema}.calls"]
        assert "columns" not in told and "created" not in told
    assert done["changed"] and done["statements"] == predicted["statements"], done
    assert done["statements"][1:] == [one["create_statement"] for one in done["tables"]]
    assert done["diff"] == predicted["diff"]
    assert partitions(server, schema, "texts") == ["p2013m12", "p2014m01"]
    assert partitions(server, schema, "calls") == [
        *("p2013m11", "p2013m12", "p2014m01", "p2014m02", "p2014m03")
    ]
    again = run_module(MODULE, server, **options)
    assert not again["changed"] and again["statements"] == [], again
    assert [(one["created"], one["differences"]) for one in again["tables"]] == [(False, [])] * 2
    # One alone returns the same, and in tables as well.
    del options["tables"]
    alone = run_module(MODULE, server, **options, **CALLS)
    (listed,) = alone["tables"]
    assert not alone["changed"] and listed == again["tables"][1], alone
    assert all(alone[key] == listed[key] for key in listed if key not in ("schema", "name"))


def test_one_that_is_wrong_leaves_all_as_they_are(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    assert run_module(MODULE, server, **options, tables=[CALLS])["changed"]
    outside_binary_log(
        server,
        f"ALTER TABLE {schema}.calls MODIFY caller VARCHAR(30)",
        f"CREATE VIEW {schema}.seen AS SELECT 1 AS id",
    )
    wrong = [CALLS, table("seen"), table("odd", "at INT"), table("other", "KEY k (at)")]
    for check in (True, False):
        result = run_module(MODULE, server, check=check, **options, tables=[TEXTS, *wrong])
        assert result["failed"] and not result["changed"], result
        calls, seen, odd, other = sorted(
            result["problems"], key=lambda text: [one["name"] in text for one in wrong].index(True)
        )
        assert calls.startswith(f"{schema}.calls is not what its description says"), calls
        assert f"{schema}.seen exists already and is not a table but a VIEW" in seen, seen
        assert odd.startswith(f"{schema}.odd: definition: ") and "error 1060" in odd, odd
        assert other.startswith(f"{schema}.other: definition: it has KEY k (at)"), other
        assert tables(server, schema) == ["calls", "seen"]


def test_a_missing_schema_is_said_of_each_table(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    options |= {"schema": f"{schema}_not", "tables": [CALLS, TEXTS], "create_schema": False}
    result = run_module(MODULE, server, **options)
    assert result["failed"], result
    told = [problem.partition("; ")[0] for problem in result["problems"]]
    assert told == [
        f"{schema}_not.{name}: the schema {schema}_not does not exist"
        for name in ("calls", "texts")
    ]


def test_indexes_are_added_to_those_that_lack_them(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    assert run_module(MODULE, server, **options, tables=[CALLS, TEXTS])["changed"]
    options["add_indexes"] = True
    options["tables"] = [
        {**CALLS, "indexes": [CALLER]},
        table("new", "n INT"),
        {**TEXTS, "indexes": [LENGTH]},
    ]
    predicted = run_module(MODULE, server, check=True, **options)
    done = run_module(MODULE, server, **options)
    assert done["statements"] == predicted["statements"] and len(done["statements"]) == 3, done
    for told, taken in ((predicted, False), (done, True)):
        calls, new, texts = told["tables"]
        assert calls["added_indexes"]["indexes"] == ["KEY caller (caller, at)"]
        assert texts["added_indexes"]["indexes"] == ["KEY length (length)"]
        assert new["created"] and new["added_indexes"] is None
        for one in (calls, texts):
            assert (one["added_indexes"]["seconds"] is not None) == taken
    assert not run_module(MODULE, server, **options)["changed"]


def test_no_table_is_no_work(server: TestServer, run_module: Any, options: dict[str, Any]) -> None:
    result = run_module(MODULE, server, **options, tables=[])
    assert not result["changed"] and result["tables"] == [], result


@pytest.fixture
def compared(
    bare: Topology, schema: str, run_module: Any, options: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Two tables on w1 and r1, and how r1's are compared with w1's."""
    writer, reader = bare.server("w1"), bare.server("r1")
    options["tables"] = [CALLS, TEXTS]
    for server, shape in ((writer, "write"), (reader, "read")):
        made = run_module(MODULE, server, **{**options, "shape": shape})
        assert made["changed"], made
    outside_binary_log(
        writer,
        "CREATE USER checker IDENTIFIED BY 'hidden'",
        f"GRANT SELECT ON {schema}.* TO checker",
    )
    yield {
        "schema": schema,
        "compare_with": [
            {
                "server": "w1",
                "login_host": writer.address,
                "login_port": writer.port,
                "login_user": "checker",
                "login_password": "hidden",
            }
        ],
    }
    outside_binary_log(reader, f"DROP SCHEMA {schema}")
    outside_binary_log(writer, "DROP USER checker")


def test_tables_are_compared_over_one_connection(
    compared: dict[str, Any], bare: Topology, run_module: Any
) -> None:
    writer, reader, schema = bare.server("w1"), bare.server("r1"), compared["schema"]
    outside_binary_log(writer, f"ALTER TABLE {schema}.texts MODIFY length BIGINT")
    compared["tables"] = [{"name": "calls"}, {"name": "texts"}]
    before = connections(writer), connections(reader)
    found = run_module(INFO, reader, **compared)
    assert (connections(writer), connections(reader)) == (before[0] + 1, before[1] + 1), found
    assert not found["ok"] and "servers" not in found and "table" not in found, found
    calls, texts = found["tables"]
    assert (calls["ok"], calls["problems"], calls["name"]) == (True, [], "calls")
    assert texts["servers"][0]["differences"][0]["column"] == "length"
    assert found["problems"] == texts["problems"] and f"w1, {schema}.texts" in texts["problems"][0]
    del compared["tables"]
    alone = run_module(INFO, reader, **compared, name="texts")
    assert alone["tables"] == [texts] and alone["servers"] == texts["servers"], alone
    assert alone["table"] == texts["table"] and not alone["ok"]


def test_all_that_cannot_be_compared_is_told_at_once(
    compared: dict[str, Any], bare: Topology, run_module: Any
) -> None:
    for name in ("w1", "r1"):
        outside_binary_log(
            bare.server(name),
            *(f"CREATE VIEW {compared['schema']}.{view} AS SELECT 1 AS id" for view in "ab"),
        )
    outside_binary_log(bare.server("w1"), f"GRANT SHOW VIEW ON {compared['schema']}.* TO checker")
    found = run_module(
        INFO, bare.server("r1"), **compared, tables=[{"name": name} for name in "ab"]
    )
    assert found["failed"], found
    assert ["w1: " in problem for problem in found["problems"]] == [False, False, True, True]
    assert [
        f".{view} exists already" in problem for view, problem in zip("abab", found["problems"])
    ] == [True] * 4
