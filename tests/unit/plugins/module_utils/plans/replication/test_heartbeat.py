"""From any state of heartbeats one run reaches what is wanted, and a second changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.heartbeat import (
    ADD_ROWS,
    CHANGE_EVENT,
    DROP_EVENT,
    DROP_TABLE,
    MAKE_EVENT,
    MAKE_SCHEMA,
    MAKE_TABLE,
    Wanted,
    plan,
    rows_after,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.heartbeat import (
    COLUMNS,
    KEY,
    HeartbeatEvent,
    Heartbeats,
    HeartbeatTable,
)

EACH_SECOND = HeartbeatEvent(True, "1 SECOND", "UPDATE t")
OFF = replace(EACH_SECOND, enabled=False)
WRITER = Wanted(event=EACH_SECOND)
READER = Wanted(frozenset({1, 2}))
NOTHING = Heartbeats(1, "ON")


def table(*server_ids: int) -> HeartbeatTable:
    return HeartbeatTable(COLUMNS, KEY, frozenset(server_ids))


def taken(current: Heartbeats, step: Step) -> Heartbeats:
    """Return what a server has after a step."""
    before = current.table
    if step.action == ADD_ROWS:
        # A row has a table, and a table a schema.
        assert before
        return replace(current, table=table(*before.server_ids, *step.value))
    if step.action == MAKE_TABLE:
        assert current.has_schema
    if step.action in (MAKE_EVENT, CHANGE_EVENT):
        # What it updates is there.
        assert before and current.server_id in before.server_ids
        assert (current.event is None) == (step.action == MAKE_EVENT)
    return {
        MAKE_SCHEMA: replace(current, has_schema=True),
        MAKE_TABLE: replace(current, table=table()),
        MAKE_EVENT: replace(current, event=step.value),
        CHANGE_EVENT: replace(current, event=step.value),
        DROP_EVENT: replace(current, event=None),
        DROP_TABLE: replace(current, table=None),
    }[step.action]


IDS = st.frozensets(st.integers(1, 4))
EVENTS = st.sampled_from([None, EACH_SECOND, OFF])
WANTED = st.builds(
    Wanted, IDS, st.sampled_from([None, EACH_SECOND]), st.sampled_from([True, True, False])
)
STATES = st.one_of(
    st.just(NOTHING),
    st.builds(
        Heartbeats,
        st.just(1),
        st.sampled_from(["ON", "OFF", "DISABLED"]),
        st.just(True),
        st.one_of(st.none(), IDS.map(lambda ids: table(*ids))),
        EVENTS,
    ),
)


@given(WANTED, STATES)
def test_any_state_is_reached_once(wanted: Wanted, current: Heartbeats) -> None:
    world = current
    for step in plan(wanted, current).steps:
        world = taken(world, step)
    assert plan(wanted, world).steps == ()
    assert world.event == (wanted.event if wanted.present else None)
    assert (world.table is not None) == wanted.present
    assert (world.table.server_ids if world.table else frozenset()) == rows_after(wanted, current)


@given(WANTED, STATES, st.integers(0, 5))
def test_one_that_was_interrupted_goes_on(wanted: Wanted, current: Heartbeats, after: int) -> None:
    world = current
    for step in plan(wanted, current).steps[:after]:
        world = taken(world, step)
    for step in plan(wanted, world).steps:
        world = taken(world, step)
    assert plan(wanted, world).steps == ()


def test_a_write_server_on_which_there_is_nothing() -> None:
    planned = plan(WRITER, NOTHING)
    actions = [step.action for step in planned.steps]
    assert actions == [MAKE_SCHEMA, MAKE_TABLE, ADD_ROWS, MAKE_EVENT]
    assert planned.diff()["after"] == {
        "schema dbrw": {"exists": True},
        "dbrw.heartbeat": {"server_ids": [1]},
        "event dbrw.heartbeat": {"enabled": True, "every": "1 SECOND", "does": "UPDATE t"},
    }
    assert planned.warnings == ()


def test_an_event_that_somebody_has_turned_off_is_turned_on() -> None:
    current = Heartbeats(1, "ON", True, table(1), OFF)
    (step,) = plan(WRITER, current).steps
    assert (step.action, step.value) == (CHANGE_EVENT, EACH_SECOND)
    assert step.before and step.before["enabled"] is False


def test_a_read_server_gets_rows_and_keeps_those_of_others() -> None:
    current = Heartbeats(101, "OFF", True, table(2, 9))
    planned = plan(READER, current)
    (step,) = planned.steps
    assert (step.action, step.value) == (ADD_ROWS, (1,))
    assert step.after == {"server_ids": [1, 2, 9]}
    # It runs no event.
    assert planned.warnings == ()


def test_a_write_server_that_is_to_write_none_any_more() -> None:
    current = Heartbeats(1, "OFF", True, table(1), EACH_SECOND)
    kept = plan(Wanted(), current).steps
    assert [step.action for step in kept] == [DROP_EVENT]
    gone = plan(Wanted(present=False), current)
    assert [step.action for step in gone.steps] == [DROP_EVENT, DROP_TABLE]
    assert gone.diff()["after"] == {"event dbrw.heartbeat": None, "dbrw.heartbeat": None}
    assert plan(Wanted(present=False), NOTHING).steps == ()


@pytest.mark.parametrize("scheduler", ["OFF", "DISABLED"])
def test_events_that_do_not_run_are_a_warning_and_stay_so(scheduler: str) -> None:
    current = Heartbeats(1, scheduler, True, table(1), EACH_SECOND)
    planned = plan(WRITER, current)
    assert planned.steps == ()
    (warning,) = planned.warnings
    assert warning.startswith(
        f"event_scheduler is {scheduler}, and the server writes no heartbeats"
    )


@pytest.mark.parametrize(
    "other", [HeartbeatTable(("server_id", "ts"), KEY), HeartbeatTable(COLUMNS, ("ts",))]
)
def test_another_table_of_that_name_is_refused(other: HeartbeatTable) -> None:
    current = Heartbeats(1, "ON", True, other)
    for wanted in (WRITER, READER):
        with pytest.raises(Refused) as refusal:
            plan(wanted, current)
        (problem,) = refusal.value.problems
        assert "dbrw.heartbeat has the columns" in problem and "sql_log_bin = 0" in problem
