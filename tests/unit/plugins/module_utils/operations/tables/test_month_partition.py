"""What mysql_month_partition refuses before it asks any server, and what it plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.month_partition import (
    Current,
    Desired,
    MonthPartition,
    Seen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.month_archive import (
    Archive,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.months import Beside
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    Partition,
    PartitionedTable,
)
from tests.support import options


def desired(**given: Any) -> Desired:
    table = {} if "tables" in given else {"table": "t"}
    return options.desired(MonthPartition(), **{"schema": "s", **table, **given})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"schema": "s"}, "one of the following is required: table, tables"),
        ({"table": "t"}, "required by 'table': schema"),
        ({"schema": "s", "table": "t", "tables": []}, "mutually exclusive: table|tables"),
    ],
)
def test_which_options_go_together(given: dict[str, Any], said: str) -> None:
    (refused,) = options.refusals(MonthPartition(), **given)
    assert said in refused


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"months_ahead": 0}, "months_ahead 0 would leave rows"),
        ({"months_kept": -1}, "months_kept -1 is outside"),
        ({"max_drops": -1}, "max_drops -1 is no number"),
        ({"first_month": "2013-13"}, "first_month: there is no month 13"),
        ({"first_month": "May"}, "write it as YYYY-MM"),
        ({"now": "noon"}, "write it as YYYY-MM-DD"),
        ({"lock_wait_timeout_seconds": 0}, "lock_wait_timeout_seconds is 0"),
        ({"lock_wait_retries": -1}, "lock_wait_retries is -1"),
        ({"archive_table": "old"}, "gives every partition's archive the same name"),
        ({"archive_table": "{table}_{year}"}, "something other than table, month or partition"),
        ({"archive_table": "{month"}, "something other than table, month or partition"),
        ({"cold_after_months": 3}, "need each other"),
        ({"cold_data_directory": "/srv"}, "need each other"),
        (
            {"cold_after_months": -1, "cold_data_directory": "/srv"},
            "cold_after_months -1 is no age",
        ),
        ({"cold_after_months": 1, "cold_data_directory": "srv"}, "srv is no absolute path"),
        ({"max_moves": -1}, "max_moves -1 is no number"),
        ({"schema": "mysql"}, "schema: mysql is a system schema"),
        ({"archive_schema": "sys"}, "archive_schema: sys is a system schema"),
    ],
)
def test_what_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        desired(**given)
    (problem,) = refused.value.problems
    assert said in problem


def test_everything_is_refused_at_once() -> None:
    with pytest.raises(Refused) as refused:
        desired(schema="mysql", months_ahead=0, max_moves=-1, now="noon", lock_wait_retries=-1)
    assert len(refused.value.problems) == 5


def test_what_becomes_of_the_past() -> None:
    assert MonthPartition.options["past"]["choices"] == ["drop", "archive", "keep"]


def test_a_table_of_a_list_has_the_modules_options_where_it_has_none() -> None:
    calls, events = desired(
        months_kept=24,
        archive_schema="old",
        tables=[{"table": "calls"}, {"schema": "other", "table": "events", "months_kept": 0}],
    ).tables
    assert (calls.schema, calls.table, calls.policy.months_kept) == ("s", "calls", 24)
    assert (events.schema, events.table, events.policy.months_kept) == ("other", "events", 0)
    assert calls.archive_schema == events.archive_schema == "old"
    assert calls.policy.months_ahead == 3 and calls.archive_table == "{table}_{month}"


def test_no_table_at_all() -> None:
    assert desired(tables=[]).tables == ()


def test_every_table_of_a_list_is_refused_at_once() -> None:
    with pytest.raises(Refused) as refused:
        desired(
            schema=None,
            now="noon",
            tables=[
                {"table": "nowhere"},
                {"schema": "s", "table": "calls", "months_ahead": 0, "max_moves": -1},
                {"schema": "s", "table": "events"},
                {"schema": "mysql", "table": "events", "archive_table": "old"},
                {"schema": "s", "table": "events"},
            ],
        )
    twice, now, without, *wrong = refused.value.problems
    assert twice == "tables: s.events is named 2 times; name it once."
    assert now.startswith("now: ")
    assert without.startswith("tables: nowhere has no schema; give it there")
    assert [problem.partition(" ")[0] for problem in wrong] == [
        "s.calls:",
        "s.calls:",
        "mysql.events:",
        "mysql.events:",
    ]


def test_two_names_of_one_table() -> None:
    two = desired(tables=[{"table": "Calls"}, {"table": "calls"}])
    named = MonthPartition().named(two, Names)
    assert [one.table for one in named.tables] == ["Calls", "calls"]
    with pytest.raises(Refused, match=r"s\.calls is named 2 times"):
        MonthPartition().named(two, lambda: Names(ignores_case=True))


def table(name: str, *names: str) -> PartitionedTable:
    """Return s.name with a partition for each month from October on."""
    partitions = tuple(
        Partition(partition, Month(2013, 10 + number).end, counted=0)
        for number, partition in enumerate(names)
    )
    return PartitionedTable("s", name, "at", "range columns", partitions)


def planned(tables: list[dict[str, Any]], *seen: Seen | list[str], **given: Any) -> Plan:
    asked = desired(months_ahead=1, tables=tables, **given)
    return MonthPartition().plan(asked, Current(datetime(2013, 12, 15), seen))


CALLS = Seen(table("calls", "a", "b", "c"), Beside())
EVENTS = Seen(table("events", "a", "b"), Beside())
BOTH = [{"table": "calls"}, {"table": "events"}]


def test_steps_are_in_the_order_of_the_tables() -> None:
    plan = planned(BOTH, CALLS, EVENTS, months_kept=1)
    assert [(step.target, step.action) for step in plan.steps] == [
        ("s.calls", "add partitions"),
        ("s.calls", "drop partitions"),
        ("s.events", "add partitions"),
        ("s.events", "drop partitions"),
    ]
    assert set(plan.diff()["before"]) == {"s.calls", "s.events"}
    assert [step.target for step in planned(BOTH[::-1], EVENTS, CALLS).steps] == [
        "s.events",
        "s.calls",
    ]


def test_refusals_of_all_tables_come_at_once() -> None:
    with pytest.raises(Refused) as refused:
        planned(BOTH, ["s.calls is not there."], EVENTS, months_kept=0, max_drops=1)
    missing, dropped = refused.value.problems
    assert missing == "s.calls is not there."
    assert dropped.startswith("s.events: 2 partitions are older")


@pytest.mark.parametrize(
    ("archive", "other", "said"),
    [
        ("old", "old", "s.events: partition a would be archived into s.old, and so would one of"),
        ("calls_a", "calls", "which is one of the tables whose months are managed"),
    ],
)
def test_two_tables_with_one_archive(archive: str, other: str, said: str) -> None:
    """Each of them would be refused by the other's rows, but only once the first is done."""
    seen = [
        replace(one, beside=Beside((Archive("a", "s", name),)))
        for one, name in ((CALLS, archive), (EVENTS, other))
    ]
    with pytest.raises(Refused) as refused:
        planned(BOTH, *seen, past="archive", months_kept=1)
    (problem,) = refused.value.problems
    assert said in problem
