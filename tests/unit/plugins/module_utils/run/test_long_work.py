"""The loop of long work, in a world that can be stopped everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongOperation,
    Noted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import (
    Progress,
    Stuck,
    drive,
    refuse_others,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import ServerError
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.journal import JournalTable
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import (
    DONE,
    FAILED,
    INTENT,
    INTERRUPTED,
    Entry,
    Journal,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.pin import Pin
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from tests.support.numbered_rows import SOURCE, Current, fingerprint, plan_of


class Killed(BaseException):
    """The process ends here."""


@dataclass
class World:
    """The servers and the journal. The process ends after ``left`` more changes (None: never)."""

    source: dict[int, str]
    target: dict[int, str] | None = None
    moved: bool = False
    entries: tuple[Entry, ...] = ()
    left: int | None = None
    changes: int = 0
    written: list[str] = field(default_factory=list)

    def change(self, make: Callable[[], Any]) -> None:
        """Change something, and be killed before or after it."""
        for moment in (0, 1):
            if self.left is not None and self.left == 2 * self.changes + moment:
                raise Killed
            if not moment:
                make()
        self.changes += 1


class Table:
    """A journal in memory."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def journal(self) -> Journal:
        return Journal(self.world.entries)

    def begin(self, step: Step, pin: Pin, detail: Mapping[str, Any]) -> Entry:
        before = tuple(
            replace(one, state=INTERRUPTED) if one.state == INTENT else one
            for one in self.world.entries
        )
        entry = Entry(
            *(len(before) + 1, step.action, step.target, step.server, INTENT, pin),
            begun=datetime(2026, 1, 1),
            detail=detail,
        )
        self._set((*before, entry))
        return entry

    def end(
        self, entry: Entry, state: str, detail: Mapping[str, Any], pin: Pin | None = None
    ) -> None:
        noted = {**entry.detail, **detail}
        ended = replace(entry, state=state, detail=noted, pin=pin or entry.pin)
        self._set((*self.world.entries[:-1], ended))

    def close(self) -> None:
        self._set(())

    def _set(self, entries: tuple[Entry, ...]) -> None:
        self.world.change(lambda: setattr(self.world, "entries", entries))


class Simulated:
    """What the loop asks of a fleet, in the world."""

    pins = {name: Pin({"server_id": name}) for name in ("here", SOURCE)}
    servers: Mapping[str, Any] = {}

    def __init__(self, world: World) -> None:
        self.world = world
        self.looked = 0

    def __getitem__(self, name: str) -> Any:
        return SimpleNamespace(address=name, executed=[])

    def verify(self) -> None:
        self.looked += 1


def fleet_of(world: World) -> Fleet:
    return cast(Fleet, Simulated(world))


def simulated(fleet: object) -> Simulated:
    """Return a fleet as what it is here."""
    assert isinstance(fleet, Simulated)
    return fleet


class Move(LongOperation[World, Current]):
    """The tests' own operation, in the world."""

    work = "move"

    def current(self, fleet: Fleet, journal: Journal, desired: World) -> Current:
        verified = journal.last("verify")
        return Current(
            dict(desired.source),
            None if desired.target is None else dict(desired.target),
            verified.detail["rows"] if verified else None,
            desired.moved,
        )

    def plan(self, desired: World, current: Current) -> Plan:
        return plan_of("s", current)

    def intent(self, desired: World, current: Current, step: Step) -> Noted:
        return {"rows_before": len(current.target or {})}

    def perform(self, fleet: Fleet, step: Step) -> Noted:
        world = simulated(fleet).world
        world.written.append(step.action)
        target = {} if world.target is None else world.target
        if step.action == "create":
            world.change(lambda: setattr(world, "target", {}))
        elif step.action == "copy":
            number, text = step.value
            world.change(lambda: target.update({number: ""}))
            world.change(lambda: target.update({number: text}))
        elif step.action == "remove":
            world.change(lambda: target.pop(step.value[0]))
        elif step.action == "verify":
            return {"rows": fingerprint(target)}
        else:
            world.change(lambda: setattr(world, "moved", True))
        return None


def work_on(
    world: World,
    operation: LongOperation[World, Current] | None = None,
    run_seconds: float | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    fleet: Any = None,
) -> Progress[Current]:
    world.changes = 0
    progress: Progress[Current] = Progress()
    drive(
        operation or Move(),
        world,
        fleet or fleet_of(world),
        cast(JournalTable, Table(world)),
        progress,
        run_seconds,
        clock,
    )
    return progress


rows = st.dictionaries(st.integers(1, 4), st.sampled_from(["", "one", "two"]), max_size=4)


@given(rows, st.none() | rows, st.lists(st.integers(0, 60), max_size=4), st.booleans())
def test_from_any_state_and_stopped_anywhere_it_reaches_the_target(
    source: dict[int, str], target: dict[int, str] | None, kills: list[int], moved: bool
) -> None:
    world = World(dict(source), target, moved and target == source)
    for left in kills:
        world.left = left
        try:
            work_on(world)
        except Killed:
            continue
        assert world.moved
    world.left = None
    ended = work_on(world)
    assert ended.done and world.moved and world.target == source and world.entries == ()
    again = work_on(world)
    assert again.done and again.taken == []


def test_stopped_at_each_of_its_changes_it_reaches_the_target() -> None:
    for left in range(200):
        world = World({1: "one", 2: "two"}, {2: "other", 3: "three"}, left=left)
        try:
            work_on(world)
        except Killed:
            world.left = None
            assert work_on(world).done
            assert world.moved and world.target == world.source and world.entries == ()
        else:
            assert left > 30
            return
    raise AssertionError("it does not end")


@given(rows, rows, st.floats(0, 3))
def test_calls_of_any_length_do_the_same_steps(
    source: dict[int, str], target: dict[int, str], run_seconds: float
) -> None:
    whole, parts = World(dict(source), dict(target)), World(dict(source), dict(target))
    work_on(whole)
    for _call in range(40):
        now = iter(range(1000))
        call = work_on(parts, run_seconds=run_seconds, clock=lambda now=now: float(next(now)))
        assert call.taken
        if call.done:
            break
    assert parts.written == whole.written and parts.target == source and parts.moved


def test_a_step_is_written_down_before_it_is_taken_and_after() -> None:
    seen = []

    class Looks(Move):
        def perform(self, fleet: Fleet, step: Step) -> Noted:
            here = simulated(fleet)
            seen.append((here.world.entries[-1].state, here.looked))
            return super().perform(fleet, step)

    world = World({1: "one"}, {1: "one"})
    ended = work_on(world, Looks())
    assert seen == [("intent", 1), ("intent", 2)]
    assert ended.taken[0].detail == {"rows_before": 1, "rows": "1=one"}


@pytest.mark.parametrize(
    ("number", "state"), [(1062, FAILED), (0, INTENT), (2006, INTENT), (2013, INTENT)]
)
def test_what_nobody_knows_the_end_of_stays_an_intent(number: int, state: str) -> None:
    class Fails(Move):
        def perform(self, fleet: Fleet, step: Step) -> Noted:
            raise ServerError("w1", "no", number)

    world = World({1: "one"})
    with pytest.raises(ServerError):
        work_on(world, Fails())
    (entry,) = world.entries
    assert entry.state == state
    assert work_on(world).done


def test_a_step_that_sets_its_server_back_leaves_what_it_is_now_in_the_journal() -> None:
    class SetsBack(Move):
        def perform(self, fleet: Fleet, step: Step) -> Noted:
            noted = super().perform(fleet, step)
            here = simulated(fleet)
            here.pins = {**here.pins, step.server: Pin({"server_id": "set back"})}
            return noted

    world = World({1: "one"})
    work_on(world, SetsBack(), run_seconds=0)
    (entry,) = world.entries
    assert entry.state == DONE and entry.pin == Pin({"server_id": "set back"})


def test_after_a_defect_in_a_step_nobody_knows_how_it_ended() -> None:
    class Fails(Move):
        def perform(self, fleet: Fleet, step: Step) -> Noted:
            raise KeyError("a password")

    world = World({1: "one"})
    with pytest.raises(KeyError):
        work_on(world, Fails())
    assert world.entries[0].state == INTENT
    assert world.entries[0].detail == {"rows_before": 0}


def test_a_step_on_a_server_that_cannot_be_reached_is_not_begun() -> None:
    world = World({1: "one"}, {1: "one"})

    class Away(Simulated):
        def __getitem__(self, name: str) -> Any:
            if name == SOURCE:
                raise ServerError(name, "source cannot be reached")
            return super().__getitem__(name)

    with pytest.raises(ServerError, match="cannot be reached"):
        work_on(world, fleet=Away(world))
    assert [entry.state for entry in world.entries] == [DONE] and not world.moved


@pytest.mark.parametrize("plans", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_steps_that_come_nowhere_are_an_error(plans: list[str]) -> None:
    taken = []

    class Turns(Move):
        def plan(self, desired: World, current: Current) -> Plan:
            return Plan((Step(plans[len(taken) % len(plans)], "x"),))

        def perform(self, fleet: Fleet, step: Step) -> Noted:
            taken.append(step.action)
            return None

    with pytest.raises(Stuck, match="a x on here: the step was taken 2 times"):
        work_on(World({}), Turns())
    assert len(taken) == 2 * len(plans)


def test_another_server_than_the_one_that_the_work_was_begun_on_is_refused() -> None:
    before = {"a": Pin({"server_id": "1"}), "b": Pin({"server_id": "2"}), "c": Pin({})}
    now = {"a": Pin({"server_id": "3"}), "b": Pin({"server_id": "4"})}
    with pytest.raises(Refused) as refusal:
        refuse_others(before, now, ())
    assert len(refusal.value.problems) == 2 and "replaced_servers" in str(refusal.value)
    refuse_others(before, now, ("a", "b"))
    refuse_others(before, {}, ())
