"""What mysql_usage_table refuses before it asks any server, and what it plans and returns."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Taken
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.usage_table import (
    Current,
    Desired,
    UsageTableOperation,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import (
    usage_table as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_indexes import (
    TableSize,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    Column,
    TableShape,
)
from tests.support import options

OPERATION = UsageTableOperation()
ID, TIME, KEY = "id BIGINT AUTO_INCREMENT", "time_hour DATETIME NOT NULL", "PRIMARY KEY (id)"
CARRIER = {"name": "carrier_time", "columns": ["carrier", "time_hour"], "unique": False}
NOW = datetime(2013, 12, 15)
SHAPE = TableShape(
    (
        Column("id", "bigint", "bigint NOT NULL", "NOT NULL", None, False, True),
        Column("time_hour", "datetime", "datetime NOT NULL", "NOT NULL", None, False),
        Column("carrier", "char(2)", "char(2)", "", "utf8mb4_general_ci"),
    ),
    ("id",),
    options=(("ENGINE", "InnoDB"), ("CHARSET", "utf8mb4")),
)


def body(*lines: str, name: str = "flights", tail: str = "") -> str:
    return f"CREATE TABLE {name} ({', '.join(lines)}) {tail}"


def desired(**given: Any) -> Desired:
    asked = {"schema": "s", "time_column": "time_hour", "shape": "read"}
    if "tables" not in given:
        asked |= {"name": "flights", "definition": body(ID, TIME, "carrier CHAR(2)", KEY)}
    return options.desired(OPERATION, **{**asked, **given})


def one_of(name: str, **given: Any) -> dict[str, Any]:
    """Return a table of a list, as Ansible gives it."""
    definition = body(ID, TIME, "carrier CHAR(2)", KEY, name=name)
    return {"name": name, "definition": definition, **given}


def refusals(**given: Any) -> list[str]:
    with pytest.raises(Refused) as refused:
        desired(**given)
    return refused.value.problems


def found(existing: TableShape | None = None, **given: Any) -> planning.Current:
    return planning.Current(SHAPE, existing, **{"schema_exists": True, **given})


def test_what_is_asked_for() -> None:
    asked = desired(now="2013-12-15", first_month="2013-01", indexes=[CARRIER])
    (one,) = asked.tables
    assert (str(one.table), one.table.id_column, asked.now) == ("s.flights", "id", NOW)
    assert [str(index) for index in one.table.indexes] == ["KEY carrier_time (carrier, time_hour)"]
    assert OPERATION.read_timeout(asked) == 60
    # Building indexes takes as long as it takes.
    assert OPERATION.read_timeout(desired(add_indexes=True)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"definition": "DROP TABLE flights"}, "does not begin with CREATE TABLE"),
        (
            {"definition": "CREATE OR REPLACE TABLE flights (id INT)"},
            "begins with CREATE OR; write CREATE TABLE",
        ),
        ({"definition": "CREATE TABLE flights LIKE other"}, "no table's name but"),
        ({"definition": "CREATE TABLE other (id INT)"}, "names table other, but name is flights"),
        ({"definition": "CREATE TABLE x.flights (id INT)"}, "names schema x, but schema is"),
        ({"definition": "CREATE TABLE flights (id INT"}, "parentheses that are closed again"),
        ({"definition": f"{body(ID)}; DROP TABLE flights"}, "more than one statement"),
        ({"definition": body(ID, TIME, KEY, tail="AS SELECT 1")}, "only table options may follow"),
        (
            {"definition": body(ID, TIME, KEY, tail="PARTITION BY HASH (id)")},
            "it has partitions; leave them out",
        ),
        ({"indexes": [{**CARRIER, "name": "a", "columns": []}]}, "a has no columns"),
        ({"indexes": [CARRIER, CARRIER]}, "carrier_time is listed twice"),
        (
            {"indexes": [{"name": "u", "columns": ["carrier"], "unique": True}]},
            "u is unique and lacks time_hour",
        ),
        ({"id_column": "time_hour"}, "id_column and time_column are both time_hour"),
        ({"months_ahead": 0}, "months_ahead 0"),
        ({"schema": "mysql"}, "mysql is a system schema"),
        ({"first_month": "13-1"}, "first_month: "),
        ({"now": "today"}, "now: "),
        ({"lock_wait_timeout_seconds": 0}, "lock_wait_timeout_seconds is 0"),
        ({"lock_wait_retries": -1}, "lock_wait_retries is -1"),
    ],
)
def test_refuses_before_any_server_is_asked(change: dict[str, Any], said: str) -> None:
    (problem,) = refusals(**change)
    assert said in problem


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "one of the following is required: name, tables"),
        ({"name": "calls", "tables": []}, "mutually exclusive: name|tables"),
        ({"name": "calls", "definition": body(ID), "schema": None}, "'name': schema"),
        ({"tables": [{"name": "calls"}]}, "definition found in tables"),
    ],
)
def test_what_goes_together(given: dict[str, Any], said: str) -> None:
    beside = {"schema": "s", "time_column": "time_hour", "shape": "read"}
    assert said in "; ".join(options.refusals(OPERATION, **{**beside, **given}))


def test_every_mistake_is_told_at_once() -> None:
    problems = refusals(
        lock_wait_timeout_seconds=0,
        lock_wait_retries=-1,
        months_ahead=0,
        now="today",
        definition="SELECT 1",
        indexes=[CARRIER, CARRIER],
    )
    assert len(problems) == 6, problems


def test_a_table_that_is_missing_is_made_with_its_schema() -> None:
    asked, current = desired(), Current((found(schema_exists=False),), NOW)
    plan = OPERATION.plan(asked, current)
    assert [step.target for step in plan.steps] == ["s", "s.flights"]
    assert list(plan.steps[1].after["partitions"]) == [
        *("p2013m12", "p2014m01", "p2014m02", "p2014m03")
    ]


def test_how_long_adding_indexes_took_is_told_when_it_was_done() -> None:
    asked = desired(add_indexes=True, indexes=[CARRIER])
    there = replace(SHAPE, primary_key=("id", "time_hour"), partitioned=True)
    current = Current((found(there, size=TableSize(400_000, 4_000_000)),), NOW)
    plan = OPERATION.plan(asked, current)
    server: Any = None
    predicted = OPERATION.result(server, asked, current, plan, None)
    assert predicted["created"] is False and predicted["differences"] == []
    assert predicted["added_indexes"]["seconds"] is None
    done = OPERATION.result(server, asked, current, plan, [Taken(plan.steps[0], 9.0, 1.23456)])
    assert done["added_indexes"] == {**predicted["added_indexes"], "seconds": 1.235}
    assert done["added_indexes"]["expected_seconds"] == 1.0
    assert done["tables"] == [
        {"schema": "s", "name": "flights", **{key: done[key] for key in done if key != "tables"}}
    ]


def test_what_a_table_of_a_list_does_not_say_the_module_says() -> None:
    asked = desired(
        tables=[one_of("a", schema="own", first_month="2013-02"), one_of("b", months_ahead=1)],
        first_month="2013-01",
        months_ahead=2,
        indexes=[CARRIER],
    )
    assert [str(one.table) for one in asked.tables] == ["own.a", "s.b"]
    assert [(str(one.policy.first_month), one.policy.months_ahead) for one in asked.tables] == [
        ("2013-02", 2),
        ("2013-01", 1),
    ]
    assert [len(one.table.indexes) for one in asked.tables] == [1, 1]
    assert len(desired(tables=[one_of("a", indexes=[])], indexes=[CARRIER]).tables) == 1
    assert desired(tables=[]).tables == ()


def test_the_mistakes_of_all_tables_are_told_at_once_each_with_its_table() -> None:
    problems = refusals(
        tables=[
            one_of("a", months_ahead=0, id_column="time_hour"),
            one_of("b", definition="SELECT 1"),
            one_of("c"),
        ],
        lock_wait_retries=-1,
    )
    told = [
        "s.a: id_column and time_column are both",
        "s.a: months_ahead 0",
        "s.b: definition: ",
        "lock_wait_retries is -1",
    ]
    assert len(problems) == len(told)
    assert all(map(str.startswith, problems, told)), problems


def test_a_table_of_a_list_has_a_schema_and_a_time_column_from_somewhere() -> None:
    problems = refusals(tables=[one_of("a"), one_of("b", schema="s")], schema=None)
    assert problems == [
        "tables: a has no schema; give it there, or once for all tables at the module's own level."
    ]


def test_a_table_is_named_once() -> None:
    twice = [one_of("a"), one_of("b"), one_of("a")]
    assert refusals(tables=twice) == ["tables: s.a is named 2 times; name it once."]
    # A server may take two names for one.
    asked = OPERATION.named(
        desired(tables=[one_of("a"), one_of("A")]), lambda: Names(ignores_case=True)
    )
    with pytest.raises(Refused, match=r"s\.a is named 2 times"):
        OPERATION.plan(asked, Current((found(), found()), NOW))


def test_a_schema_is_made_once_and_the_tables_in_their_order() -> None:
    asked = desired(tables=[one_of("b"), one_of("a", schema="other"), one_of("c")])
    current = Current((found(schema_exists=False),) * 3, NOW)
    plan = OPERATION.plan(asked, current)
    assert [step.target for step in plan.steps] == ["s", "s.b", "other", "other.a", "s.c"]
    server: Any = None
    result = OPERATION.result(server, asked, current, plan, None)
    assert list(result) == ["tables"]
    assert [(one["name"], one["created"]) for one in result["tables"]] == [
        ("b", True),
        ("a", True),
        ("c", True),
    ]


def test_one_that_is_refused_leaves_all_as_they_are() -> None:
    asked = desired(tables=[one_of(name) for name in "abc"])
    differs = replace(SHAPE, columns=SHAPE.columns[:2], partitioned=True)
    current = Current((found(), Refused(["definition: no."]), found(differs)), NOW)
    with pytest.raises(Refused) as refused:
        OPERATION.plan(asked, current)
    first, *others = refused.value.problems
    assert first == "s.b: definition: no."
    assert others and all(problem.startswith("s.c is not what its") for problem in others)
