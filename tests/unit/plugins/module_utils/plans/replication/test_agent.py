"""What an agent does after a restart: every reason to stay closed, and a set that is walked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.agent import (
    CLOSE,
    FOLLOW,
    IN_SERVICE,
    OPEN,
    STAY,
    Decision,
    Seen,
    decide,
    decide_alone,
    decide_open,
    silent_members,
    still_open,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    ASYNCHRONOUS,
    AVAILABLE,
    STRICT,
    Epoch,
    MemberState,
    SemiSync,
    SetState,
)

JUST_STARTED = Seen(1000.0, 7)
STOPPED = ChannelStatus("fabric", Settings(source_host="10.0.0.1", source_port=3306))
RUNS = replace(STOPPED, io_running=True, connected=True, sql_running=True)
F1 = Epoch(3, "f1")


def member(name: str, **said: Any) -> MemberState:
    given = {"epoch": F1, "executed": "1-1-10", "uptime_seconds": 100, **said}
    return MemberState(name, **given)


def state(*members: MemberState) -> SetState:
    return SetState({one.name: one for one in members})


WRITER = member("f1", channel=STOPPED, source="f2", semi_sync=SemiSync(clients=1))
FOLLOWER = member("f2", channel=RUNS, source="f1")


def test_the_active_writer_is_opened_where_every_other_member_follows_it() -> None:
    assert decide("f1", state(WRITER, FOLLOWER)).action == OPEN
    connecting = replace(FOLLOWER, channel=replace(RUNS, connected=False))
    assert decide("f1", state(WRITER, connecting)).action == OPEN


def test_an_open_server_is_closed_when_another_has_become_the_active_writer() -> None:
    open_one = replace(WRITER, closed=False)
    later = Epoch(1003, "f2", forced=True)
    newer = replace(FOLLOWER, epoch=later, closed=False)
    assert decide_open("f1", state(open_one, newer)).action == CLOSE
    # In its own epoch, or where nobody knows better, it stays as it is.
    for other in (FOLLOWER, replace(newer, unreachable="x"), replace(FOLLOWER, epoch=None)):
        assert decide_open("f1", state(open_one, other)).action == IN_SERVICE
    adopted = replace(open_one, epoch=None)
    assert decide_open("f1", state(adopted, newer)).action == IN_SERVICE
    assert decide_open("f2", state(open_one, newer)).action == IN_SERVICE


def test_a_set_of_one_member_is_opened_at_once() -> None:
    alone = replace(WRITER, semi_sync=SemiSync(), uptime_seconds=0, channel=None, source="")
    assert decide("f1", state(alone)).action == OPEN


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (MemberState("f2", unreachable="no answer"), "f2 does not answer (no answer)"),
        (replace(FOLLOWER, closed=False), "f2 is open"),
        (replace(FOLLOWER, channel=STOPPED), "f2 does not follow it (its channel is from f1"),
        (replace(FOLLOWER, channel=None, source=""), "f2 does not follow it (it has no channel"),
        (
            replace(FOLLOWER, channel=replace(STOPPED, sql_fault=Fault(1062, "Duplicate entry"))),
            "f2 does not follow it (channel fabric from 10.0.0.1:3306 cannot apply: error 1062",
        ),
        (replace(FOLLOWER, source="f3"), "f2 does not follow it (its channel is from f3"),
        (replace(FOLLOWER, executed="1-1-11"), "f2 has transactions that it lacks (1-1-11)"),
        (replace(FOLLOWER, executed="1-1-10,2-2-1"), "f2 has transactions that it lacks (2-2-1)"),
        # Received is more than applied.
        (
            replace(FOLLOWER, channel=replace(RUNS, gtid_received="1-1-12")),
            "f2 has transactions that it lacks (1-1-12)",
        ),
        (
            replace(FOLLOWER, epoch=Epoch(4, "f1")),
            "it does not know epoch 4, which another member knows",
        ),
    ],
)
def test_the_active_writer_stays_closed(other: MemberState, reason: str) -> None:
    said = decide("f1", state(WRITER, other))
    assert said.action == STAY
    assert said.reason.startswith(reason)


def test_every_reason_is_told() -> None:
    half = replace(WRITER, channel=replace(STOPPED, sql_running=True))
    said = decide("f1", state(half, MemberState("f2", unreachable="x"), member("f3", closed=False)))
    assert said == Decision(
        STAY,
        "only one of the two threads of its channel is running; f2 does not answer (x); f3 is open",
    )


@pytest.mark.parametrize(
    ("durability", "uptime", "action"),
    [
        (ASYNCHRONOUS, 0, OPEN),
        (AVAILABLE, 19, STAY),
        (AVAILABLE, 20, OPEN),
        (STRICT, 1000, STAY),
    ],
)
def test_without_a_member_that_acknowledges(durability: str, uptime: int, action: str) -> None:
    epoch = Epoch(3, "f1", durability)
    own = replace(WRITER, epoch=epoch, semi_sync=SemiSync(), uptime_seconds=uptime)
    assert decide("f1", state(own, replace(FOLLOWER, epoch=epoch))).action == action


def test_without_an_epoch_nothing_is_done() -> None:
    own, other = replace(WRITER, epoch=None), replace(FOLLOWER, epoch=None)
    assert decide("f1", state(own, other)).reason == "no member that answers knows an epoch"


RETURNS = replace(FOLLOWER, channel=STOPPED)
OPENED = replace(WRITER, closed=False)
THIRD = member("f3", channel=RUNS, source="f1")


@pytest.mark.parametrize("active", [WRITER, OPENED])
def test_a_member_follows_again(active: MemberState) -> None:
    assert decide("f2", state(active, RETURNS, THIRD)).action == FOLLOW
    # No connection is no difference.
    lost = replace(RETURNS, channel=replace(STOPPED, io_fault=Fault(2003, "no route")))
    assert decide("f2", state(active, lost, THIRD)).action == FOLLOW


def test_an_open_writer_suffices_to_be_followed() -> None:
    assert decide("f2", state(OPENED, RETURNS, MemberState("f3", unreachable="x"))).action == FOLLOW


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ((MemberState("f1", unreachable="x"), RETURNS), "f1, the active writer, does not answer"),
        (
            (WRITER, RETURNS, MemberState("f3", unreachable="x")),
            "f1 is closed, and f3 does not answer",
        ),
        (
            (OPENED, RETURNS, replace(THIRD, closed=False)),
            "f3 is open, and f1 is the active writer",
        ),
        ((OPENED, replace(RETURNS, source="f3")), "its channel is from f3, and f1 is"),
        ((OPENED, replace(RETURNS, source="", channel=None)), "it has no channel, and f1 is"),
        ((OPENED, replace(RETURNS, executed="2-2-1")), "it has transactions that f1 lacks (2-2-1)"),
        (
            (OPENED, replace(RETURNS, channel=replace(STOPPED, io_running=True))),
            "only one of the two threads",
        ),
        (
            (OPENED, replace(RETURNS, channel=replace(STOPPED, io_fault=Fault(1236, "gone")))),
            "its channel has stopped: channel fabric",
        ),
        ((replace(OPENED, epoch=Epoch(4, "f9")), RETURNS), "epoch 4 names f9, which is no member"),
    ],
)
def test_a_member_does_not_follow(members: tuple[MemberState, ...], reason: str) -> None:
    said = decide("f2", state(*members))
    assert said.action == STAY
    assert said.reason.startswith(reason)


def test_a_former_writer_that_returns_follows_the_new_one() -> None:
    newer = Epoch(1003, "f2")
    new = member("f2", closed=False, epoch=newer, executed="1-1-10,2-2-5")
    assert decide("f1", state(WRITER, new)) == Decision(
        FOLLOW, "f2 is the active writer of epoch 1003"
    )
    more = replace(WRITER, executed="1-1-11")
    assert decide("f1", state(more, new)) == Decision(
        STAY, "it has transactions that f2 lacks (1-1-11)"
    )


def test_a_server_in_service_needs_no_other() -> None:
    assert decide_alone(OPENED, JUST_STARTED) == Decision(IN_SERVICE, "it is open")
    # Each change of the reason is a line of the log, which so tells since when.
    semi_sync = SemiSync(available=True, source_on=True, working=False)
    alone = replace(OPENED, semi_sync=semi_sync)
    for decision in (
        decide_alone(alone, JUST_STARTED),
        decide_open("f1", SetState({"f1": alone})),
    ):
        assert decision and decision.action == IN_SERVICE
        assert "what it acknowledges is on it alone" in decision.reason
    waits = replace(OPENED, semi_sync=replace(semi_sync, working=True))
    assert decide_alone(waits, JUST_STARTED) == Decision(IN_SERVICE, "it is open")
    assert decide_alone(FOLLOWER, JUST_STARTED) == Decision(IN_SERVICE, "it follows f1")
    assert decide_alone(WRITER, JUST_STARTED) is None
    assert decide_alone(RETURNS, JUST_STARTED) is None


def test_who_could_not_be_asked_is_told() -> None:
    # It may have taken over, and the one here would not know.
    hidden = SetState({"f1": OPENED, "f2": MemberState("f2", unreachable="Permission denied")})
    assert decide_open("f1", hidden) == Decision(
        IN_SERVICE, "it is open; f2 does not answer (Permission denied)"
    )
    assert still_open(OPENED, silent_members(hidden)) == decide_open("f1", hidden)
    assert still_open(OPENED, ()) == Decision(IN_SERVICE, "it is open")


def test_what_was_in_service_since_its_start_is_left_to_whoever_has_stopped_it() -> None:
    since = replace(JUST_STARTED, in_service=True)
    faulty = replace(RETURNS, channel=replace(STOPPED, sql_fault=Fault(1062, "Duplicate")))
    for own in (WRITER, RETURNS, faulty, replace(RETURNS, channel=None)):
        said = decide_alone(own, since)
        assert said and said.action == STAY
        assert ("1062" in said.reason) is (own is faulty)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Seen(1001.0, 7), True),
        (Seen(1001.0, 8), False),
        (Seen(1001.0, None), True),
        (Seen(1005.0, 7), False),
        (Seen(1005.0, None), False),
    ],
)
def test_a_restart_is_told_by_process_and_time(other: Seen, same: bool) -> None:
    assert JUST_STARTED.is_same_start(other) is same
    assert other.is_same_start(JUST_STARTED) is same


@dataclass
class Box:
    """A member as it is. ``has`` is the last number of each domain that it has."""

    domain: int
    epoch: Epoch | None
    source: str = ""
    up: bool = True
    open: bool = False
    runs: bool = False
    in_service: bool = False
    has: dict[int, int] = field(default_factory=dict)

    @property
    def executed(self) -> str:
        return ",".join(f"{domain}-{domain}-{number}" for domain, number in self.has.items())

    def takes(self, other: Box) -> None:
        for domain, number in other.has.items():
            self.has[domain] = max(number, self.has.get(domain, 0))


class World:
    """Three members, their agents, and an operator who fails over."""

    def __init__(self) -> None:
        first = Epoch(1, "f1")
        self.boxes = {
            "f1": Box(1, first, "f2", open=True, has={1: 1}),
            "f2": Box(2, first, "f1", runs=True, has={1: 1}),
            "f3": Box(3, first, "f1", runs=True, has={1: 1}),
        }

    @property
    def epoch(self) -> Epoch:
        found = [box.epoch for box in self.boxes.values() if box.epoch]
        return max(found, key=lambda epoch: epoch.number)

    def write(self, name: str) -> None:
        box = self.boxes[name]
        if box.open:
            box.has[box.domain] = box.has.get(box.domain, 0) + 1

    def write_by_force(self, name: str) -> None:
        box = self.boxes[name]
        if box.up and not box.open:
            box.has[box.domain] = box.has.get(box.domain, 0) + 1

    def apply(self, name: str) -> None:
        box = self.boxes[name]
        source = self.boxes.get(box.source)
        if box.up and box.runs and source and source.up:
            box.takes(source)
            known = source.epoch.number if source.epoch else 0
            if box.epoch is None or box.epoch.number < known:
                box.epoch = source.epoch

    def kill(self, name: str) -> None:
        box = self.boxes[name]
        box.up = box.open = box.runs = box.in_service = False

    def start(self, name: str) -> None:
        self.boxes[name].up = True

    def fail_over(self, to: str) -> None:
        """As the module does it: the writer is dead, and all others that answer follow it."""
        old, new = self.boxes[self.epoch.active], self.boxes[to]
        others = [box for box in self.boxes.values() if box is not old and box.up]
        followed = all(box.runs and box.source == self.epoch.active for box in others)
        if old.up or new not in others or not followed:
            return
        for box in others:
            new.takes(box)
        for box in others:
            box.takes(new)
            box.source = to
        old_name = self.epoch.active
        new.epoch = Epoch(self.epoch.number + 1000, to)
        new.source, new.runs, new.open = old_name, False, True

    def incident(self, to: str, gone: frozenset[str]) -> None:
        """The writer and others die, another takes over, and all return."""
        dead = {self.epoch.active, *gone} - {to}
        for name in dead:
            self.kill(name)
        self.fail_over(to)
        for name in dead:
            self.start(name)

    def see(self, name: str, hidden: frozenset[str]) -> SetState:
        return SetState(
            {
                one: self._member(one)
                if box.up and (one == name or one not in hidden)
                else MemberState(one, unreachable="no answer")
                for one, box in self.boxes.items()
            }
        )

    def _member(self, name: str) -> MemberState:
        box = self.boxes[name]
        clients = [one for one in self.boxes.values() if one.up and one.runs and one.source == name]
        return MemberState(
            name,
            closed=not box.open,
            epoch=box.epoch,
            executed=box.executed,
            channel=RUNS if box.runs else STOPPED,
            source=box.source,
            semi_sync=SemiSync(clients=len(clients)),
            uptime_seconds=60,
        )

    def turn(self, name: str, hidden: frozenset[str] = frozenset()) -> None:
        box = self.boxes[name]
        if not box.up:
            return
        seen = self.see(name, hidden)
        own = seen.members[name]
        decision = decide_alone(own, replace(JUST_STARTED, in_service=box.in_service))
        decision = decision or decide(name, seen)
        if decision.action == OPEN:
            assert self.epoch.active == name
            assert all(other.up and not other.open for other in self.boxes.values())
            box.open = True
        elif decision.action == FOLLOW:
            # Whoever it follows is the writer, whatever it has not been told.
            assert self.epoch.active == box.source
            box.runs = True
        elif decision.action == IN_SERVICE:
            box.in_service = True

    def check(self) -> None:
        opened = [name for name, box in self.boxes.items() if box.open]
        assert opened in ([], [self.epoch.active])


MEMBERS = st.sampled_from(["f1", "f2", "f3"])
EVENTS = st.one_of(
    st.tuples(st.just("turn"), MEMBERS, st.frozensets(MEMBERS)),
    st.tuples(st.just("incident"), MEMBERS, st.frozensets(MEMBERS)),
    st.tuples(st.sampled_from(["write", "apply", "kill", "start", "fail_over", "turn"]), MEMBERS),
)


@given(st.lists(st.one_of(EVENTS, st.tuples(st.just("write_by_force"), MEMBERS)), max_size=40))
def test_only_the_active_writer_of_the_newest_epoch_is_ever_open(events: list[Any]) -> None:
    world = World()
    for event, *given_ in events:
        getattr(world, event)(*given_)
        world.check()


@given(st.lists(EVENTS, max_size=40))
def test_once_every_server_is_restarted_the_set_is_in_service(events: list[Any]) -> None:
    world = World()
    for event, *given_ in events:
        getattr(world, event)(*given_)
    epoch = world.epoch
    # Whom a failover has left behind with rows of its own, or without a channel, is not the agents'.
    active = world.boxes[epoch.active]
    left_behind = any(
        box is not active
        and (
            box.source != epoch.active
            or any(number > active.has.get(domain, 0) for domain, number in box.has.items())
        )
        for box in world.boxes.values()
    )
    for name in world.boxes:
        world.kill(name)
    for name in world.boxes:
        world.start(name)
    for _round in range(2):
        for name in world.boxes:
            world.turn(name)
            world.check()
    assert active.open is not left_behind
    if active.open:
        assert all(box.runs for box in world.boxes.values() if box is not active)
