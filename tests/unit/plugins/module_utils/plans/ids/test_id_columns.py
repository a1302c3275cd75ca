"""What ids say, and counters from any place to above their floor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.id_columns import (
    floor_problems,
    foreign_ids,
    plan_floors,
    range_problems,
    unread,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import (
    IdColumn,
    IdLimits,
)

LIMITS = IdLimits(True, (), 1000, 90, False)
CALLS = IdColumn("usage_data", "calls", "id", "bigint(20)", 43, "PRIMARY", 42, 3)
NAME = "usage_data.calls"

pairs = st.integers(1, 50).flatmap(
    lambda increment: st.integers(1, increment).map(lambda offset: Autoinc(increment, offset))
)


@given(pairs, st.integers(1, 500), st.none() | st.integers(1, 500), st.integers(0, 1000))
def test_the_next_id_is_above_the_floor_and_no_counter_is_lowered(
    pair: Autoinc, counter: int, highest: int | None, floor: int
) -> None:
    column = replace(CALLS, counter=counter, highest=highest)
    before = column.next_id(pair)
    assert pair.owns(before) and before >= counter and before > (highest or 0)
    steps, problems = plan_floors({NAME: floor}, [column], pair)
    assert problems == []
    assert bool(steps) == (before <= floor)
    after = column
    for step in steps:
        assert step.value[0] == column and step.target == NAME
        after = replace(column, counter=step.value[1])
        assert step.before == {"next_id": before}
        assert step.after == {"next_id": after.next_id(pair)}
    assert after.next_id(pair) > floor and after.next_id(pair) >= before
    # The nearest such id: the one before it is not above the floor, or not free.
    assert after.next_id(pair) - pair.increment <= max(floor, before - 1)
    assert plan_floors({NAME: floor}, [after], pair) == ([], [])


def test_floors_that_cannot_be() -> None:
    tiny = replace(CALLS, table="tiny", type="tinyint unsigned")
    floors = {"usage_data.absent": 1, "usage_data.tiny": 253, NAME: 1}
    steps, problems = plan_floors(floors, [CALLS, tiny], Autoinc(20, 2))
    assert steps == []
    absent, beyond = map(str, problems)
    assert "no table usage_data.absent with an AUTO_INCREMENT column exists" in absent
    assert "tiny: 262, the next id of this server above 253, is beyond 255" in beyond
    # One that a later task makes is left to a later call.
    floors = {"usage_data.absent": 1}
    assert plan_floors(floors, [CALLS], Autoinc(20, 2), ["usage_data.absent"]) == ([], [])
    # A type whose limit is not known limits nothing.
    odd = replace(CALLS, type="decimal(30,0)")
    assert len(plan_floors({NAME: 10**20}, [odd], Autoinc(20, 2))[0]) == 1


@pytest.mark.parametrize("name", ["calls", ".calls", "usage_data.", ""])
def test_a_floors_name_is_a_table(name: str) -> None:
    assert floor_problems({name: 1}) == [
        f"next_id_above: {name} is not a table; write schema.table."
    ]


@pytest.mark.parametrize("floor", [-1, "x", None, 1.5, True])
def test_a_floor_is_an_id(floor: object) -> None:
    (problem,) = floor_problems({NAME: floor})
    assert f"{NAME}: {floor!r} is not an id" in problem
    assert floor_problems({NAME: 0}) == []


@pytest.mark.parametrize(
    ("counter", "highest", "fails"),
    [(230, 229, False), (231, 229, True), (1, 230, True), (1, None, False), (256, 255, True)],
)
def test_a_column_that_runs_full_fails(counter: int, highest: int | None, fails: bool) -> None:
    # 90 % of 255 is 229.5.
    tiny = replace(CALLS, type="tinyint unsigned", counter=counter, highest=highest)
    problems = [str(one) for one in range_problems([tiny, CALLS], LIMITS, Autoinc(20, 2))]
    assert len(problems) == fails
    for problem in problems:
        assert f"the highest id is {highest} of 255" in problem and "column id" in problem
    assert not range_problems([replace(CALLS, type="decimal(9,0)")], LIMITS, Autoinc(1, 1))


def test_an_emptied_table_that_has_run_full_fails_too() -> None:
    tiny = replace(CALLS, type="tinyint", counter=127, highest=None)
    (problem,) = map(str, range_problems([tiny], LIMITS, Autoinc(1, 1)))
    assert "the highest id is 126 of 127, 1 ids are left" in problem


def test_foreign_and_unread_columns_are_told() -> None:
    odd = replace(CALLS, foreign=2, sample=(41, 21))
    (found,) = foreign_ids([CALLS, odd], Autoinc(20, 20), "warning")
    assert (found.code, found.severity, found.where) == ("ids.of_other_servers", "warning", NAME)
    told = str(found)
    assert "2 of the 3 newest ids of column id are not 0 modulo 20, for example 41, 21." in told
    (told,) = map(str, unread([CALLS, replace(CALLS, index=None)]))
    assert "no index begins with column id" in told
