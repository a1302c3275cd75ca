"""From any state of a set to the one that is asked for; a walk through a world of broken servers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import (
    replica_set as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set import (
    ADOPT,
    CLOSE,
    FAILOVER,
    FOLLOW,
    FORGET,
    OPEN,
    PROMISE,
    READY,
    SEMI_SYNC,
    SWITCH,
    Wanted,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set_diagnosis import (
    Promise,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import joined, missing
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    DURABILITIES,
    Epoch,
    Member,
    MemberState,
    SemiSync,
    SetState,
    Witness,
    Writing,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.set_events import (
    Event,
    Events,
)
from tests.support.set_states import EPOCH, closed, follower, pair, writer

MEMBERS = tuple(Member(name, f"10.0.0.{name[1]}") for name in ("f1", "f2", "f3"))


def wanted(names: int = 2, durability: str = "available", **more: Any) -> Wanted:
    return Wanted(Promise("fabric", durability), MEMBERS[:names], **more)


def state(*members: MemberState) -> SetState:
    return SetState({member.name: member for member in members})


def steps(of: Wanted, at: SetState) -> list[str]:
    return [f"{step.action} {step.target}" for step in plan(of, at).steps]


def refusals(of: Wanted, at: SetState) -> list[str]:
    with pytest.raises(Refused) as refused:
        plan(of, at)
    return refused.value.problems


def new(name: str) -> MemberState:
    """A member that nobody has used."""
    return MemberState(name, flavour="mariadb", semi_sync=SemiSync(available=True, replica_on=True))


def test_nothing_to_do() -> None:
    assert steps(wanted(), pair()) == []
    assert steps(wanted(to="f1"), pair()) == []


def test_a_new_set_opens_its_first_member_when_the_others_follow() -> None:
    at = state(new("f1"), new("f2"), new("f3"))
    assert steps(wanted(3), at) == [
        "follow f2 from f1",
        "follow f3 from f1",
        "open f1",
        "make ready f1 for f2",
    ]
    assert refusals(wanted(3, to="f2"), at)
    assert refusals(wanted(3), state(new("f1"), replace(new("f2"), unreachable="x"), new("f3")))
    assert refusals(wanted(), state(new("f1"), replace(new("f2"), executed="2-2-1")))
    assert refusals(wanted(failover=True), state(new("f1"), new("f2")))


def test_a_planned_switch() -> None:
    assert steps(wanted(to="f2"), pair()) == ["make ready f1 for f2", "switch f1 to f2"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (replace(follower("f2"), unreachable="gone"), "f2: it cannot be reached (gone)"),
        (follower("f2", lag=9, executed="1-1-8"), "it is 9 s behind"),
        (follower("f2", connected=False), "it does not follow the active writer f1 now"),
        (follower("f2", source="f3"), "it does not follow the active writer f1 now"),
        (follower("f2", executed="1-1-10,2-2-1"), "It has 1 transaction that"),
        (replace(follower("f2"), semi_sync=SemiSync()), "it has no semi-synchronous replication"),
    ],
)
def test_a_switch_is_refused_before_anything_is_closed(target: MemberState, said: str) -> None:
    (problem,) = refusals(wanted(to="f2"), state(writer("f1"), target))
    assert said in problem


def test_a_switch_is_refused_while_a_statement_writes() -> None:
    writing = (Writing(9, "7 (app, 9 s: UPDATE t)"), Writing(2, "8 (app, 2 s: UPDATE t)"))
    busy = state(replace(writer("f1"), writing=writing), follower("f2"))
    assert "7 (app, 9 s: UPDATE t), 8 (app, 2 s" in refusals(wanted(to="f2"), busy)[0]
    (patient,) = refusals(wanted(to="f2", max_pause_seconds=9), busy)
    assert "7 (app" in patient and "8 (app" not in patient
    assert steps(wanted(to="f2", max_pause_seconds=10), busy)[-1] == "switch f1 to f2"


def test_check_mode_names_the_price_of_a_switch() -> None:
    at = state(replace(writer("f1"), open_transactions=3), follower("f2", executed="1-1-8"))
    assert [one[:25] for one in plan(wanted(to="f2"), at).warnings] == [
        "3 open transactions that ",
        "Applications wait until f",
    ]
    assert plan(wanted(to="f2"), pair()).warnings == ()


def test_two_writers_come_first_whatever_is_asked_for() -> None:
    later = replace(EPOCH, number=2, active="f2")
    older = state(writer("f1"), replace(follower("f2"), closed=False, epoch=later))
    alike = state(writer("f1"), replace(follower("f2"), closed=False))
    for asked in (wanted(), wanted(to="f2"), wanted(failover=True)):
        assert steps(asked, older) == ["close f1"]
        assert steps(asked, alike) == ["close f1, f2"]


def test_a_set_without_a_writer_is_opened_on_demand_alone() -> None:
    at = state(closed(writer("f1")), follower("f2"))
    assert "-e to=f1" in refusals(wanted(), at)[0]
    assert steps(wanted(to="f1"), at) == ["open f1"]
    # Interrupted after the fence: the other one gets the rest first.
    behind = state(closed(writer("f1")), follower("f2", executed="1-1-8"))
    assert steps(wanted(to="f2"), behind) == ["follow f2 from f1", "open f2"]
    (_follow, opening) = plan(wanted(to="f2"), behind).steps
    assert opening.value.former == "f1" and not opening.value.followed
    stuck = follower("f2", executed="1-1-8", sql_fault=Fault(1062, "twice"))
    (said,) = refusals(wanted(to="f2"), state(closed(writer("f1")), stuck))
    assert "f2: it lacks transactions of f1" in said and "1062" in said
    prepared = state(replace(closed(writer("f1")), prepared_xa=("x",)), follower("f2"))
    assert "prepared XA transactions (x)" in refusals(wanted(to="f2"), prepared)[0]
    assert steps(wanted(to="f1"), prepared) == ["open f1"]
    # What only the other one has is not fetched by itself.
    ahead = state(closed(writer("f1")), follower("f2", executed="1-1-12"))
    assert "it has transactions that f1" in refusals(wanted(to="f1"), ahead)[0]


def test_who_follows_later_keeps_nobody_from_writing() -> None:
    at = state(closed(writer("f1")), follower("f2"), follower("f3", source=""), new("f4"))
    four = replace(wanted(3), members=(*MEMBERS, Member("f4", "10.0.0.4")), to="f1")
    assert steps(four, at) == ["open f1", "follow f3 from f1"]
    strict = replace(four, promise=Promise("fabric", "strict"))
    epoch = replace(EPOCH, durability="strict")
    known = [replace(one, epoch=epoch) for one in (at.members["f1"], at.members["f2"])]
    strictly = SetState({**at.members, **{one.name: one for one in known}})
    assert steps(strict, strictly) == ["follow f3 from f1", "open f1"]
    # Alone is a promise that is not kept, and has an epoch of its own.
    opening = plan(replace(strict, alone=True), strictly).steps[0].value
    assert (opening.epoch.number, opening.epoch.durability) == (2, "available")


def test_who_writes_against_the_newest_epoch_is_closed_first() -> None:
    wrong = replace(follower("f2", executed="1-1-10,2-2-1"), closed=False)
    at = state(closed(writer("f1")), wrong)
    assert steps(wanted(to="f1"), at) == ["close f2"]


def test_what_a_set_promises_its_active_writer_knows_best() -> None:
    strict, now = replace(EPOCH, durability="strict"), replace(EPOCH, durability="available")
    older = replace(follower("f1"), epoch=replace(strict, active="f2"))
    writes = replace(writer("f2"), epoch=replace(now, active="f2"))
    assert state(older, writes).epoch == writes.epoch
    # Where it does not answer, the weakest that anybody knows.
    at = state(older, replace(older, name="f3", epoch=writes.epoch))
    assert at.epoch == writes.epoch


def test_a_commit_of_the_writer_may_be_seen_elsewhere_first() -> None:
    owns = replace(writer("f1"), own="1")
    assert state(owns, follower("f2", executed="1-1-11")).in_flight
    # What is another's own does not come by waiting.
    assert not state(owns, follower("f2", executed="1-1-10,2-2-1")).in_flight
    assert not state(owns, follower("f2", executed="1-1-9")).in_flight
    assert not state(closed(owns), follower("f2", executed="1-1-11")).in_flight


def test_what_only_the_log_tells_is_seen() -> None:
    # A third server has written in the domain since, so that the position alone is no sign.
    own = replace(follower("f2", executed="1-3-12"), logged="1-1-10,1-2-11,1-3-12")
    at = state(replace(writer("f1", executed="1-3-12"), logged="1-1-10,1-2-9,1-3-12"), own)
    assert "f2" not in " ".join(steps(wanted(), at))
    assert at.errant("f2") == "1-2-11"


def test_a_member_that_is_away_may_be_a_writer_elsewhere() -> None:
    at = state(closed(writer("f1")), follower("f2"), replace(follower("f3"), unreachable="x"))
    (said,) = refusals(wanted(3, to="f1"), at)
    assert "may have been made the active writer meanwhile" in said
    assert steps(wanted(3, to="f1", confirm_fenced="f3"), at)[-1] == "open f1"


def lost(*others: MemberState, durability: str = "available") -> SetState:
    """f1, the active writer, does not answer."""
    gone = MemberState("f1", unreachable="gone")
    epoch = replace(EPOCH, durability=durability)
    return state(gone, *(replace(one, epoch=epoch) for one in others))


def alone(name: str, **more: Any) -> MemberState:
    """A survivor whose source has gone."""
    return follower(name, connected=False, io_fault=Fault(2003, "gone"), **more)


def test_a_failover_opens_the_survivor_that_has_received_most() -> None:
    assert steps(wanted(failover=True), lost(alone("f2"))) == ["fail over f1 to f2"]
    most = lost(alone("f2"), alone("f3", gtid_received="1-1-12"))
    assert steps(wanted(3, failover=True), most) == ["fail over f1 to f3"]
    assert steps(wanted(3, failover=True, to="f2"), most) == ["fail over f1 to f2"]
    (step,) = plan(wanted(failover=True), lost(alone("f2"))).steps
    assert step.after == {"active": "f2", "epoch": 1001}
    assert "1-1-10" in plan(wanted(failover=True), lost(alone("f2"))).warnings[0]


@pytest.mark.parametrize(
    ("survivor", "said"),
    [
        (alone("f2", io_running=False), "had stopped receiving before"),
        (replace(alone("f2"), was_connected=False), "could not be reached any more"),
        (alone("f2", sql_fault=Fault(1062, "twice")), "could not apply (error 1062)"),
        (
            alone("f2", sql_running=False, gtid_received="1-1-12"),
            "has stopped with something unapplied",
        ),
        (replace(alone("f2"), channel=None), "did not follow f1"),
    ],
)
def test_a_survivor_that_may_lack_something(survivor: MemberState, said: str) -> None:
    (problem,) = refusals(wanted(failover=True), lost(survivor))
    assert said in problem and "allow_loss=true" in problem
    assert steps(wanted(failover=True, allow_loss=True), lost(survivor)) == ["fail over f1 to f2"]
    # Another one has it all; in a strict set nobody knows which one it is.
    with_another = lost(survivor, alone("f3"))
    assert steps(wanted(3, failover=True), with_another) == ["fail over f1 to f3"]
    (problem,) = refusals(wanted(3, failover=True, to="f2"), with_another)
    assert said in problem and "name f3, or allow the loss" in problem
    strict = lost(survivor, alone("f3"), durability="strict")
    assert refusals(wanted(3, durability="strict", failover=True), strict)
    # It was to be strict, and is not: the epoch's promise counts.
    assert steps(wanted(3, durability="strict", failover=True), with_another)


def failover(of: Wanted, at: SetState) -> planning.Failover:
    (step,) = plan(of, at).steps
    assert isinstance(step.value, planning.Failover)
    return step.value


def test_who_gives_the_new_writer_what_it_has_received() -> None:
    asked = wanted(3, failover=True)
    restarted = replace(alone("f3", gtid_received="1-1-9"), was_connected=False)
    made = failover(asked, lost(alone("f2"), restarted))
    assert (made.epoch.active, made.survivors, made.givers) == ("f2", ("f2", "f3"), ("f2", "f3"))
    # What followed nobody may have anything; it is kept from following the lost writer all the same.
    stranger = replace(alone("f3"), channel=None, source="")
    made = failover(asked, lost(alone("f2"), stranger))
    assert (made.epoch.active, made.survivors, made.givers) == ("f2", ("f2", "f3"), ("f2",))
    # A failover that was interrupted has let it follow another survivor.
    moved = replace(alone("f3", io_running=False, source="f2"), stopped_in_epoch=1)
    made = failover(asked, lost(replace(alone("f2"), stopped_in_epoch=1), moved))
    assert made.givers == ("f2", "f3")


def test_a_survivor_with_transactions_of_its_own_is_not_chosen_and_gives_nothing() -> None:
    asked = wanted(3, failover=True)
    diverged = replace(alone("f2", executed="1-1-10,2-2-1"), own="2")
    at = lost(diverged, replace(alone("f3", gtid_received="1-1-9"), own="3"))
    made = failover(asked, at)
    assert (made.epoch.active, made.givers) == ("f3", ("f3",))
    (problem,) = refusals(wanted(3, failover=True, to="f2"), at)
    assert "it has transactions that nobody else has (2-2-1)" in problem
    # What it wrote as the active writer of an earlier epoch, one that lags may not have yet.
    late = replace(alone("f3"), own="3")
    older = SetState({**at.members, "f3": replace(late, epoch=replace(EPOCH, number=0))})
    assert failover(asked, older).epoch.active == "f2"


def test_a_failover_that_ended_before_it_opened_goes_on() -> None:
    epoch = replace(EPOCH, number=1002, active="f2", forced=True)
    about = replace(closed(writer("f2", epoch=epoch)), stopped_in_epoch=2)
    at = state(MemberState("f1", unreachable="gone"), about)
    assert steps(wanted(failover=True), at) == ["open f2"]
    assert steps(wanted(failover=True, to="f2"), at) == ["open f2"]
    # What another failover has noted is none of this one's.
    earlier = state(MemberState("f1", unreachable="gone"), replace(about, stopped_in_epoch=1))
    assert "and is closed" in refusals(wanted(failover=True), earlier)[0]
    opened_before = state(replace(about, closed=False), follower("f3", source="f2"))
    assert steps(wanted(), opened_before)[0] == "forget f2"
    # It was started again since: nobody knows what has happened meanwhile.
    restarted = state(MemberState("f1", unreachable="gone"), replace(about, stopped_in_epoch=0))
    assert "and is closed" in refusals(wanted(failover=True), restarted)[0]
    opened = state(closed(writer("f1")), replace(about, closed=False), follower("f3"))
    assert "open f2" not in steps(wanted(3), opened)


def test_what_an_interrupted_failover_has_noted_is_forgotten() -> None:
    noted = state(writer("f1"), replace(follower("f2"), stopped_in_epoch=1))
    assert steps(wanted(), noted) == ["forget f2"]
    doubted = state(writer("f1"), replace(follower("f2"), doubted_in_epoch=1))
    assert steps(wanted(), doubted) == ["follow f2 from f1"]


def test_what_was_noted_does_not_count_once_the_lost_writer_answers() -> None:
    stopped = replace(alone("f2", io_running=False), stopped_in_epoch=1)
    # It takes writes again, and nobody has let the other one follow.
    back = state(writer("f1"), stopped)
    made = plan(wanted(failover=True), back)
    assert [f"{step.action} {step.target}" for step in made.steps] == ["forget f2"]
    assert "A planned switch loses nothing" in made.warnings[0]
    # Opened again in the same epoch: first of all.
    at = state(closed(writer("f1")), stopped)
    assert steps(wanted(to="f1"), at) == ["forget f2", "open f1", "follow f2 from f1"]
    # One whose channel shows an error is not started, and forgets all the same.
    broken = replace(stopped, channel=replace(stopped.channel, sql_fault=Fault(1062, "twice")))
    assert steps(wanted(), state(writer("f1"), broken)) == ["forget f2"]
    # What was noted for an earlier writer says nothing of this one.
    older = state(writer("f1"), replace(follower("f2"), stopped_in_epoch=7))
    assert steps(wanted(), older) == ["follow f2 from f1"]
    unknown = replace(EPOCH, active="f9")
    gone = state(*(replace(one, epoch=unknown) for one in (closed(writer("f1")), stopped)))
    assert refusals(wanted(), gone)


def test_a_channel_that_a_failover_has_started_is_no_proof() -> None:
    """It was killed while it tried; what it started runs, and does not tell that it had stopped."""
    doubted = replace(alone("f2"), doubted_in_epoch=1)
    (problem,) = refusals(wanted(failover=True), lost(doubted))
    assert "had stopped receiving before a failover that was interrupted" in problem
    made = failover(wanted(3, failover=True, allow_loss=True), lost(doubted, alone("f3")))
    assert (made.epoch.active, made.complete) == ("f3", ("f3",))
    # That it cannot apply is another matter: what it has received is all there is.
    broken = alone("f2", sql_fault=Fault(1062, "twice"))
    assert failover(wanted(failover=True, allow_loss=True), lost(broken)).complete == ("f2",)


def lonely(*others: MemberState) -> SetState:
    """f1 is open and strict, and nobody acknowledges."""
    strict = replace(EPOCH, durability="strict")
    own = writer("f1", epoch=strict)
    waits = replace(own.semi_sync, clients=0, timeout_ms=planning.TIMEOUTS["strict"])
    return state(
        replace(own, semi_sync=waits),
        *(
            replace(one, epoch=one.epoch and replace(one.epoch, durability="strict"))
            for one in others
        ),
    )


def test_an_open_strict_writer_that_no_member_reaches_goes_on_alone() -> None:
    """Its members answer the control node, and not it."""
    cut = follower("f2", connected=False, io_fault=Fault(2003, "no route"))
    asked = wanted(durability="strict", to="f1", alone=True)
    made = plan(asked, lonely(cut))
    # Who could take over knows before anything is acknowledged that is on one server alone.
    assert [f"{step.action} {step.target}" for step in made.steps] == [
        "promise f2",
        "set semi-synchronous f1",
        "promise f1",
    ]
    assert [step.value.durability for step in (made.steps[0], made.steps[2])] == ["available"] * 2
    assert made.steps[1].after == {"source": False}
    # Interrupted after the first step, it goes on; after the last one nothing is left.
    told = replace(cut, epoch=EPOCH)
    at = lonely(cut)
    between = SetState({**at.members, "f2": told})
    assert steps(asked, between) == ["set semi-synchronous f1", "promise f1"]
    off = replace(at.members["f1"].semi_sync, source_on=False)
    done = SetState({"f1": replace(at.members["f1"], epoch=EPOCH, semi_sync=off), "f2": told})
    assert steps(asked, done) == []
    # Once it reaches the writer, the set is strict again by itself.
    again = SetState({**done.members, "f2": follower("f2")})
    assert steps(wanted(durability="strict"), again) == ["set semi-synchronous f1", "promise f1"]
    # Who says that it is connected, and is not heard of.
    assert steps(asked, lonely(follower("f2")))[0] == "promise f2"
    # Unasked, nothing is acknowledged on one server alone.
    assert "set semi-synchronous f1" not in steps(wanted(durability="strict"), lonely(cut))
    # Nor where somebody acknowledges.
    followed = lonely(follower("f2"))
    hears = replace(followed.members["f1"].semi_sync, clients=1)
    well = SetState({**followed.members, "f1": replace(followed.members["f1"], semi_sync=hears)})
    assert steps(asked, well) == []


def test_commits_that_have_fallen_back_wait_again_once_a_member_keeps_up() -> None:
    fallen = writer("f1", working=False)
    assert [
        (one.target, one.after) for one in plan(wanted(), state(fallen, follower("f2"))).steps
    ] == [
        ("f1", {"source": False}),
        ("f1", {"source": True}),
    ]
    # They would only wait for it, and fall back once more.
    for late in (follower("f2", lag=6), follower("f2", sql_running=False)):
        assert "set semi-synchronous f1" not in steps(wanted(), state(fallen, late))
    unheard = replace(fallen, semi_sync=replace(fallen.semi_sync, clients=0))
    assert steps(wanted(), state(unheard, follower("f2"))) == []


def test_nobody_goes_on_alone_while_another_may_have_become_the_writer() -> None:
    asked = wanted(3, durability="strict", to="f1", alone=True)
    cut = follower("f2", connected=False)
    away = replace(follower("f3"), unreachable="x")
    (said,) = refusals(asked, lonely(cut, away))
    assert "f3: it cannot be reached (x), and may have been made the active writer" in said
    assert steps(replace(asked, confirm_fenced="f3"), lonely(cut, away))[0] == "promise f2"
    (said,) = refusals(asked, lonely(cut, follower("f3", epoch=None, connected=False)))
    assert "f3: it has not applied epoch 1 yet" in said


def test_a_failover_that_was_interrupted_goes_on() -> None:
    stopped = replace(alone("f2", io_running=False), stopped_in_epoch=1)
    assert steps(wanted(failover=True), lost(stopped)) == ["fail over f1 to f2"]


def test_a_strict_set_fails_over_with_every_other_member() -> None:
    asked = wanted(3, durability="strict", failover=True)
    away = replace(alone("f3"), unreachable="x")
    said = refusals(asked, lost(alone("f2"), away, durability="strict"))
    assert "any one member may be the only one" in said[0]
    assert "confirm_fenced=f1" in said[1]
    assert steps(asked, lost(alone("f2"), alone("f3"), durability="strict"))
    two = wanted(durability="strict", failover=True)
    assert "alone=true" in refusals(two, lost(alone("f2"), durability="strict"))[0]
    assert steps(replace(two, alone=True), lost(alone("f2"), durability="strict"))


@pytest.mark.parametrize(
    ("witness", "said"),
    [
        (Witness("r1", ("10.0.0.1", 3306), True), "r1 still reaches f1, so that is running"),
        (Witness("r1", ("10.0.0.1", 3306)), "r1 could not be asked whether it still reaches f1"),
        (Witness("r1"), "r1 could not be asked whether it still reaches f1"),
    ],
)
def test_a_writer_that_lives_for_others_is_not_failed_over(witness: Witness, said: str) -> None:
    asked = wanted(failover=True, witnesses=[witness])
    (problem,) = refusals(asked, lost(alone("f2")))
    assert said in problem and "confirm_fenced=f1" in problem
    assert steps(replace(asked, confirm_fenced="f1"), lost(alone("f2"))) == ["fail over f1 to f2"]
    # Two strict members: the writer acknowledges nothing alone, and who sees it is told all the same.
    strict = wanted(durability="strict", failover=True, alone=True, witnesses=[witness])
    at = lost(alone("f2"), durability="strict")
    assert bool(refusals(strict, at) if witness.sees else not steps(strict, at)) is bool(
        witness.sees
    )


def test_witnesses_that_do_not_see_the_lost_writer_or_follow_another() -> None:
    witnesses = [
        Witness("r1", ("10.0.0.1", 3306), False),
        Witness("r2", ("10.0.0.2", 3306), True),
        Witness("r3", ("10.0.0.2", 3306)),
    ]
    asked = wanted(failover=True, witnesses=witnesses)
    assert steps(asked, lost(alone("f2"))) == ["fail over f1 to f2"]


def test_a_writer_that_answers_is_switched_and_not_failed_over() -> None:
    assert "A planned switch loses nothing" in refusals(wanted(failover=True), pair())[0]
    at = state(closed(writer("f1")), follower("f2"))
    assert "and is closed" in refusals(wanted(failover=True), at)[0]


def test_a_strict_set_becomes_strict_again_once_a_second_member_follows() -> None:
    asked = wanted(durability="strict")
    off = SemiSync(available=True, replica_on=True)
    lonely = state(replace(writer("f1"), semi_sync=off), replace(follower("f2"), unreachable="x"))
    assert steps(asked, lonely) == []
    followed = state(replace(writer("f1"), semi_sync=off), follower("f2"))
    assert steps(asked, followed) == ["set semi-synchronous f1", "promise f1"]


def test_adopts_what_others_have_made() -> None:
    at = state(
        replace(writer("f1", epoch=None), rows_in="shop.t"),
        replace(follower("f2", epoch=None), rows_in="shop.t"),
    )
    assert "-e adopt=f1" in refusals(wanted(), at)[0]
    assert steps(wanted(adopt="f1"), at) == ["adopt f1"]
    assert len(refusals(wanted(adopt="f2"), at)) == 3
    stopped = state(*at.members.values())
    stopped = SetState(
        {**stopped.members, "f2": replace(at.members["f2"], source="", channel=None)}
    )
    assert "does not follow f1" in refusals(wanted(adopt="f1"), stopped)[0]


def test_what_keeps_a_set_from_being_adopted() -> None:
    one = replace(writer("f1", epoch=None), rows_in="shop.t")
    other = replace(follower("f2", epoch=None), rows_in="shop.t")
    assert "no member of fabric" in refusals(wanted(adopt="f9"), state(one, other))[0]
    (both,) = refusals(wanted(adopt="f1"), state(one, replace(other, executed="1-1-10,2-2-1")))
    assert "it has transactions that f1 has not (2-2-1)" in both


def test_names_that_are_none_of_a_members() -> None:
    assert "to names f9, which is no member" in refusals(wanted(to="f9"), pair())[0]
    gone = refusals(wanted(failover=True, to="f9"), lost(alone("f2")))
    assert "to names f9" in gone[0] and "f9 cannot be reached" in gone[-1]
    nobody = state(writer("f1"), replace(follower("f2"), unreachable="x"))
    said = refusals(wanted(failover=True, to="f2"), nobody)
    assert "No other member can be reached." in said
    assert "f2 cannot be reached, or is the active writer that is lost." in said
    (silent,) = refusals(wanted(failover=True), lost(replace(alone("f2"), unreachable="x")))
    assert "No member that answers knows an epoch of fabric" in silent


def test_what_is_put_right_around_an_active_writer() -> None:
    event = Event("shop", "daily")
    runs = replace(writer("f1"), events=Events(on=frozenset({event})))
    lifted = replace(follower("f2"), lifted=True)
    stranger = follower("f3", source="", epoch=None)
    at = state(runs, lifted, stranger)
    # A new member gets a copy first, which is another command's.
    assert steps(wanted(3), at) == ["events f1", "close f2"]
    without = state(writer("f1"), replace(follower("f2"), semi_sync=SemiSync()))
    assert steps(wanted(), without) == []
    off = replace(SemiSync(available=True), waits_without_replica=False)
    loose = state(
        replace(
            writer("f1"), semi_sync=replace(writer("f1").semi_sync, waits_without_replica=False)
        ),
        replace(follower("f2"), semi_sync=off),
    )
    first, second = plan(wanted(), loose).steps
    assert first.after == {"waits_without_replica": True} and second.after == {"replica": True}


def test_one_member_alone_cannot_promise_what_two_do() -> None:
    opening = plan(wanted(1, durability="strict"), state(new("f1"))).steps[0].value
    assert opening.epoch.durability == "available"


def test_how_commits_wait_in_an_epoch() -> None:
    found = {one: planning.source_settings(Epoch(1, "f1", one)) for one in DURABILITIES}
    assert {one: settings.get("timeout") for one, settings in found.items()} == {
        **{"available": 2000, "strict": 2**32 - 1},
        "asynchronous": None,
    }


@dataclass
class Simulated:
    """A server of the walk: what it has on disk, and what runs on it."""

    name: str
    domain: int
    up: bool = True
    open: bool = False
    epoch: Epoch | None = None
    written: dict[int, int] = field(default_factory=dict)
    source: str = ""
    receiving: bool = False
    connected: bool = False
    stopped_in_epoch: int = 0

    @property
    def executed(self) -> str:
        return ",".join(f"{d}-{d}-{n}" for d, n in sorted(self.written.items()) if n)


class World(RuleBasedStateMachine):
    """Members are killed, started, and written to, and calls end after any of their steps."""

    def __init__(self) -> None:
        super().__init__()
        self.servers = {f"f{n}": Simulated(f"f{n}", n) for n in (1, 2, 3)}
        self.acknowledged: set[tuple[int, int]] = set()
        self.take(wanted(3), 99)

    def state(self) -> SetState:
        for server in self.servers.values():
            source = self.servers.get(server.source)
            server.connected = bool(server.up and server.receiving and source and source.up)
        return SetState({one.name: self.member(one) for one in self.servers.values()})

    def member(self, one: Simulated) -> MemberState:
        if not one.up:
            return MemberState(one.name, unreachable="down")
        channel = None
        if one.source:
            channel = ChannelStatus(
                "fabric",
                io_running=one.receiving,
                connected=one.connected,
                sql_running=one.receiving,
                seconds_behind_source=0,
                gtid_received=one.executed,
            )
        return MemberState(
            one.name,
            flavour="mariadb",
            closed=not one.open,
            epoch=one.epoch,
            executed=one.executed,
            channel=channel,
            source=one.source,
            was_connected=True,
            stopped_in_epoch=one.stopped_in_epoch,
            semi_sync=SemiSync(
                available=True,
                replica_on=True,
                source_on=one.open,
                timeout_ms=2000,
                wait_point="AFTER_SYNC",
                clients=1,
                working=True,
            ),
        )

    def flow(self) -> None:
        """Let everybody who is connected have what its source has."""
        self.state()
        for _round in self.servers:
            for one in self.servers.values():
                if one.connected:
                    self.fetch(one, self.servers[one.source])

    def fetch(self, one: Simulated, source: Simulated) -> None:
        for domain, number in source.written.items():
            one.written[domain] = max(one.written.get(domain, 0), number)
        if source.epoch and (one.epoch is None or source.epoch.number > one.epoch.number):
            one.epoch = source.epoch

    def take(self, asked: Wanted, most: int) -> None:
        for _step in range(most):
            try:
                made = plan(asked, self.state())
            except Refused:
                return
            if not made.steps:
                return
            self.perform(made.steps[0])
            self.flow()

    def perform(self, step: Step) -> None:
        server, value = self.servers[step.server], step.value
        if step.action == CLOSE:
            for name in value:
                self.servers[name].open = False
        elif step.action == FOLLOW:
            source, _own, until = value
            server.source, server.receiving, server.stopped_in_epoch = source.name, True, 0
            if until:
                self.flow()
                assert not missing(until, server.executed)
        elif step.action == READY:
            source, _own, start = value
            server.source, server.receiving = source.name, start
        elif step.action == OPEN:
            assert not value.former or not missing(
                self.servers[value.former].executed, server.executed
            )
            self.become(server, value.epoch)
            server.stopped_in_epoch = 0
        elif step.action == FORGET:
            server.stopped_in_epoch = 0
        elif step.action == ADOPT:
            self.become(server, value)
        elif step.action == SWITCH:
            old, epoch, _pause = value
            self.servers[old].open = False
            self.flow()
            self.become(server, epoch)
        elif step.action == FAILOVER:
            for name in value.survivors:
                self.servers[name].receiving = False
                self.servers[name].stopped_in_epoch = value.lost.number
            for name in value.givers:
                self.fetch(server, self.servers[name])
            server.source = ""
            self.become(server, value.epoch)
            server.stopped_in_epoch = 0
        else:
            assert step.action in (SEMI_SYNC, PROMISE)

    def become(self, server: Simulated, epoch: Epoch) -> None:
        server.receiving = False
        if server.epoch is None or server.epoch.number < epoch.number:
            self.write(server)
            server.epoch = epoch
        server.open = True

    def write(self, server: Simulated) -> None:
        server.written[server.domain] = server.written.get(server.domain, 0) + 1

    @rule(name=st.sampled_from(["f1", "f2", "f3"]))
    def kill(self, name: str) -> None:
        server = self.servers[name]
        server.up = server.open = server.receiving = server.connected = False

    @rule(name=st.sampled_from(["f1", "f2", "f3"]))
    def start(self, name: str) -> None:
        self.servers[name].up = True

    @rule()
    def clients_write(self) -> None:
        """A row is acknowledged where another member gets it, as semi-synchronously."""
        for server in self.servers.values():
            if server.open:
                self.write(server)
                before = (server.domain, server.written[server.domain])
                self.flow()
                if any(
                    one.written.get(before[0], 0) >= before[1]
                    for one in self.servers.values()
                    if one is not server
                ):
                    self.acknowledged.add(before)

    @rule(most=st.integers(1, 6))
    def settle(self, most: int) -> None:
        self.take(wanted(3), most)

    @rule(to=st.sampled_from(["f1", "f2", "f3"]), most=st.integers(1, 6))
    def switch(self, to: str, most: int) -> None:
        self.take(wanted(3, to=to), most)

    @rule(most=st.integers(1, 6))
    def fail_over(self, most: int) -> None:
        self.take(wanted(3, failover=True), most)

    @precondition(lambda self: sum(one.open for one in self.servers.values()) == 1)
    @rule(name=st.sampled_from(["f1", "f2", "f3"]))
    def somebody_opens_another(self, name: str) -> None:
        """By hand; the next call that changes something closes one."""
        server = self.servers[name]
        if server.up and not server.open:
            server.open = True
            self.take(wanted(3), 1)

    @invariant()
    def at_most_one_is_open(self) -> None:
        assert sum(one.open for one in self.servers.values()) <= 1

    @invariant()
    def the_writer_has_what_was_acknowledged(self) -> None:
        at = self.state()
        if at.writer is None or at.unreachable:
            return
        open_one = self.servers[at.writer.name]
        for domain, number in self.acknowledged:
            assert open_one.written.get(domain, 0) >= number


World.TestCase.settings = hypothesis_settings(stateful_step_count=30, deadline=None)
TestWorld = World.TestCase


def test_positions_of_the_walk_are_like_the_servers() -> None:
    assert joined("1-1-3,2-2-1", "1-1-4") == "1-1-4,2-2-1"
    assert planning.TIMEOUTS["strict"] == 4294967295
