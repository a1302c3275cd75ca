"""mysql_month_partition and mysql_month_partition_info with several tables in one call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.lines import TestServer
from tests.integration.tables.test_mysql_month_partition import MODULE, NOW, binary_log

BEFORE = ["a 2013-11-01", "b 2013-12-01"]


@pytest.fixture
def options(server: TestServer, schema: str) -> dict[str, Any]:
    """Two tables with a row before December each; the module's options for both."""
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        for name in ("calls", "events"):
            cursor.execute(
                f"CREATE TABLE {schema}.{name} (id BIGINT NOT NULL, at DATETIME NOT NULL, "
                "PRIMARY KEY (id, at)) PARTITION BY RANGE COLUMNS (at) ("
                "PARTITION a VALUES LESS THAN ('2013-11-01'), "
                "PARTITION b VALUES LESS THAN ('2013-12-01'))"
            )
            cursor.execute(f"INSERT INTO {schema}.{name} VALUES (1, '2013-10-05')")
    tables = [{"table": "events", "months_ahead": 2}, {"table": "calls", "months_kept": 1}]
    return {"schema": schema, "now": NOW, "months_ahead": 1, "tables": tables}


def partitions(server: TestServer, schema: str) -> dict[str, list[str]]:
    """Names and boundaries of every table as the server describes them."""
    found: dict[str, list[str]] = {}
    for row in server.rows(
        "SELECT TABLE_NAME AS t, PARTITION_NAME AS name, PARTITION_DESCRIPTION AS below "
        "FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = %s "
        "ORDER BY TABLE_NAME, PARTITION_ORDINAL_POSITION",
        schema,
    ):
        below = str(row["below"]).strip("'")[:10]
        found.setdefault(row["t"], []).append(f"{row['name']} {below}")
    return found


def test_two_tables(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    before, log = partitions(server, schema), binary_log(server)
    assert before == {"calls": BEFORE, "events": BEFORE}

    predicted = run_module(MODULE, server, check=True, **options)
    assert predicted["changed"] and partitions(server, schema) == before, predicted
    assert all("seconds" not in step for one in predicted["tables"] for step in one["steps"])

    done = run_module(MODULE, server, **options)
    months = ["p2013m12 2014-01-01", "p2014m01 2014-02-01", "p2014m02 2014-03-01"]
    after = {"calls": [BEFORE[1], *months[:2]], "events": [*BEFORE, *months]}
    assert done["changed"] and partitions(server, schema) == after, done
    assert done["statements"] == predicted["statements"] and len(done["statements"]) == 3
    assert done["diff"] == predicted["diff"]
    assert set(done["diff"]["after"]) == {f"{schema}.calls", f"{schema}.events"}
    assert "steps" not in done and "partitions" not in done and done["now"][:10] == NOW
    assert [(one["schema"], one["table"]) for one in done["tables"]] == [
        (schema, "events"),
        (schema, "calls"),
    ]
    assert [[step["action"] for step in one["steps"]] for one in done["tables"]] == [
        ["add partitions"],
        ["add partitions", "drop partitions"],
    ]
    assert all(step["seconds"] > 0 for one in done["tables"] for step in one["steps"])
    for one, told in zip(done["tables"], predicted["tables"], strict=True):
        assert one["partitions"] == told["partitions"]
        assert [part["name"] for part in one["partitions"]] == [
            name.split()[0] for name in after[one["table"]]
        ]

    again = run_module(MODULE, server, **options)
    assert not again["changed"] and again["statements"] == [], again
    assert [one["steps"] for one in again["tables"]] == [[], []]
    assert binary_log(server) == log


def test_one_table_has_the_same_results_at_both_places(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    alone = {**options, "table": "calls"}
    del alone["tables"]
    done = run_module(MODULE, server, **alone)
    assert done["changed"] and done["tables"] == [
        {
            "schema": schema,
            "table": "calls",
            "steps": done["steps"],
            "partitions": done["partitions"],
        }
    ], done


@pytest.mark.parametrize("check", [True, False])
def test_one_that_is_wrong_leaves_the_others_untouched(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any], check: bool
) -> None:
    """Whether it is seen when it is read, or only when its months are planned; and all at once."""
    before = partitions(server, schema)
    events, calls = options["tables"]
    tables = [events, {"table": "missing"}, {**calls, "months_kept": 0, "max_drops": 0}]
    refused = run_module(MODULE, server, check=check, **{**options, "tables": tables})
    assert refused["failed"] and not refused["changed"], refused
    missing, drops = refused["problems"]
    assert f"table {schema}.missing: there is no such table" in missing
    assert f"{schema}.calls: 2 partitions are older" in drops
    assert partitions(server, schema) == before


def test_two_tables_are_not_archived_into_one(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    before = partitions(server, schema)
    options |= {"months_kept": 1, "past": "archive", "archive_table": "old_{month}"}
    refused = run_module(MODULE, server, **options)
    assert refused["failed"], refused
    (problem,) = refused["problems"]
    assert f"would be archived into {schema}.old_2013m10, and so would one of" in problem
    assert partitions(server, schema) == before

    options["archive_table"] = "old_{table}_{month}"
    assert run_module(MODULE, server, **options)["changed"]
    for name in ("calls", "events"):
        assert server.value(f"SELECT COUNT(*) FROM {schema}.old_{name}_2013m10") == 1
    assert not run_module(MODULE, server, **options)["changed"]


def test_no_table_at_all(server: TestServer, run_module: Any) -> None:
    result = run_module(MODULE, server, tables=[])
    assert not result["changed"] and result["tables"] == [] and "failed" not in result


def test_info(server: TestServer, schema: str, run_module: Any, options: dict[str, Any]) -> None:
    module = f"{MODULE}_info"
    del options["tables"][1]["months_kept"]
    tables = options["tables"]
    found = run_module(module, server, **options)
    assert [(one["schema"], one["table"]) for one in found["tables"]] == [
        (schema, "events"),
        (schema, "calls"),
    ]
    assert not found["ok"] and not found["changed"]
    assert "p2014m02" in str(found["tables"][0]["problems"])
    assert "p2014m02" not in str(found["tables"][1]["problems"])

    assert run_module(MODULE, server, **options)["changed"]
    assert run_module(module, server, **options)["ok"]

    options["tables"] = [*tables, {"table": "missing"}, {"table": "nowhere"}]
    refused = run_module(module, server, **options)
    assert refused["failed"] and len(refused["problems"]) == 2, refused
