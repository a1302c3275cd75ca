"""A move on paper: what is in the way, and that it goes on from wherever it was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants import move as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants import tenant as tenants
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants.move import (
    World,
    old_places,
    phase,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import Account
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.move import (
    End,
    SchemaFacts,
    WantedMove,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    KnownTenant,
    Owned,
    Place,
    SchemaSize,
    Shard,
    Stamp,
)

NOW = datetime(2026, 11, 27, 12)
C1, ROOT = Account("c1", "%"), Account("root", "localhost")
KNOWN = KnownTenant("T", "t", "s1")
FACTS = SchemaFacts("utf8mb4", "utf8mb4_bin", frozenset({C1, ROOT}), (), frozenset({"utf8mb4_bin"}))
TO_S2 = WantedMove("T", "start", "s2")
COMPLETE, CANCEL = WantedMove("T", "complete", keep_days=0), WantedMove("T", "cancel")


def end(place: Place, **more: Any) -> End:
    given = {
        "flavour": "mariadb",
        "version": (11, 8, 1),
        "accounts": frozenset({ROOT}),
        "collations": frozenset({"utf8mb4_bin"}),
        **more,
    }
    return End(place, **given)


SOURCE = end(
    Place(
        "p1",
        {"T": Stamp(1, "here")},
        {"t": SchemaSize(3, 2**30)},
        {"T": [Owned(C1, sessions=1), Owned(Account("c1", "noted"), exists=False)]},
        events={"t": ["tick"]},
    ),
    facts=FACTS,
    accounts=frozenset({ROOT, C1}),
)
TARGET = end(Place("p2"))
BEGIN = World(NOW, KNOWN, {"s1": Shard("s1"), "s2": Shard("s2")}, {"s1": SOURCE, "s2": TARGET})


def changed(shard: str, **changes: Any) -> World:
    """Return the beginning with something else at one of its ends."""
    before = BEGIN.ends[shard]
    of_place = {name: one for name, one in changes.items() if name in Place.__dataclass_fields__}
    of_end = {name: one for name, one in changes.items() if name not in of_place}
    ends = {**BEGIN.ends, shard: replace(before, place=replace(before.place, **of_place), **of_end)}
    return replace(BEGIN, ends=ends)


def refused(wanted: WantedMove, world: World) -> str:
    with pytest.raises(Refused) as refusal:
        plan(wanted, world)
    return " ".join(map(str, refusal.value.reasons))


def actions(wanted: WantedMove, world: World) -> list[str]:
    return [step.action for step in plan(wanted, world).steps]


def test_the_whole_of_it() -> None:
    steps = plan(TO_S2, BEGIN).steps
    assert [(step.action, step.server) for step in steps] == [
        ("stamp", "p1"),
        ("lock account", "p1"),
        ("turn off events", "p1"),
        ("end sessions", "p1"),
        ("make stamps", "p2"),
        ("stamp", "p2"),
        ("note account", "p2"),
        ("copy account", "p2"),
        ("copy schema", "p2"),
        ("note events", "p2"),
        ("compare schema", "p2"),
        ("write down the new place", "directory"),
        ("stamp", "p1"),
        ("turn on events", "p2"),
        ("unlock account", "p2"),
        ("stamp", "p2"),
    ]
    told = [step.after for step in steps if step.action == "stamp"]
    assert told == [
        {"epoch": 1, "stamp": "fenced", "reason": "move"},
        {"epoch": 2, "stamp": "fenced", "reason": "arriving"},
        {"epoch": 2, "stamp": "moved", "moved_to": "s2"},
        {"epoch": 2, "stamp": "here"},
    ]
    assert actions(replace(TO_S2, to="s1"), BEGIN) == []
    assert phase(BEGIN) == phase(replace(BEGIN, known=None)) == "none"


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (replace(BEGIN, known=None), "The directory has no tenant T"),
        (replace(BEGIN, known=replace(KNOWN, drop_after=NOW)), "T is gone"),
        (replace(BEGIN, problems=["There is no directory here."]), "There is no directory here."),
        (replace(BEGIN, shards={"s1": Shard("s1"), "s22": Shard("s22")}), "did you mean s22?"),
        (replace(BEGIN, shards={"x": Shard("x")}, ends={"s1": SOURCE}), "no shard s2; it has x."),
        (replace(BEGIN, shards={**BEGIN.shards, "s2": Shard("s2", "full")}), "it is full"),
        (replace(BEGIN, ends={"s1": SOURCE}), "s2 is not in shards; list it"),
        (replace(BEGIN, ends={"s2": TARGET}, unknown={"s1": "no member of s1"}), "no member of s1"),
        (changed("s1", stamps={}), "its stamp on s1 is missing; run tenants.yml"),
        (changed("s1", stamps={"T": Stamp(1, "fenced", "new")}), "says fenced new in epoch 1"),
        (changed("s1", facts=None), "there is no schema t on s1"),
        (
            changed("s1", facts=replace(FACTS, crossing=("t.a refers to u.b",))),
            "t.a refers to u.b; it would be cut",
        ),
        (
            changed("s1", prepared=("the XA transaction x is prepared",)),
            "on s1 the XA transaction x",
        ),
        (changed("s1", writers={"t": ["x@%"]}), "x@% on s1 can write into t"),
        (changed("s2", writers={"t": ["x@%"]}), "x@% on s2 can write into t"),
        (
            changed("s2", schemas={"t": SchemaSize()}),
            "s2 has a schema t, which is not this tenant's",
        ),
        (
            changed("s2", schemas={"t": SchemaSize()}, stamps={"T": Stamp(1, "moved")}),
            "an earlier copy is kept on s2",
        ),
        (changed("s2", accounts=frozenset({ROOT, C1})), "s2 has an account c1@% already"),
        (changed("s2", flavour="mysql"), "s1 is mariadb, and s2 is mysql"),
        (changed("s2", version=(10, 11, 9)), "s2 is of the older version 10.11.9 (s1: 11.8.1)"),
        (
            replace(BEGIN, shards={**BEGIN.shards, "s2": Shard("s2", capacity_gib=1)}),
            None,
        ),
        (
            replace(
                changed("s2", schemas={"u": SchemaSize(1, 2**30)}),
                shards={**BEGIN.shards, "s2": Shard("s2", capacity_gib=1)},
            ),
            "s2 holds 1.00 GiB of 1, and 1.00 GiB would be too much",
        ),
        (
            changed("s2", accounts=frozenset()),
            "run as root@localhost, which s2 does not have",
        ),
        (changed("s2", collations=frozenset()), "s2 lacks the collations utf8mb4_bin"),
    ],
)
def test_what_is_in_the_way(world: World, said: str | None) -> None:
    if said is None:
        assert plan(TO_S2, world).steps
    else:
        assert said in refused(TO_S2, world)


def test_a_move_that_has_begun_goes_nowhere_else() -> None:
    moving = changed("s1", stamps={"T": Stamp(1, "fenced", "move")})
    assert phase(moving) == "moving"
    assert "it is on s1, fenced by a move to elsewhere" in refused(replace(TO_S2, to="s1"), moving)
    begun = changed("s2", stamps={"T": Stamp(2, "fenced", "arriving")})
    begun = replace(
        moving,
        shards={**moving.shards, "s3": Shard("s3")},
        ends={"s1": moving.ends["s1"], "s2": begun.ends["s2"], "s3": end(Place("p3"))},
    )
    assert "it is moving to s2" in refused(replace(TO_S2, to="s3"), begun)
    flipped = replace(begun, known=replace(KNOWN, shard="s2", epoch=2))
    assert phase(flipped) == "flipped"
    assert "its move to s2 is not over" in refused(replace(TO_S2, to="s3"), flipped)
    assert "the directory has it on s2 already" in refused(CANCEL, flipped)
    hidden = replace(moving, unknown={"s9": "no member of s9 takes writes."})
    assert "no member of s9" in refused(CANCEL, hidden)
    # The name of the one that is lost, of a tenant whose shard is not known at all.
    lost = replace(BEGIN, ends={"s2": TARGET})
    assert "s1 is not in shards" in refused(TO_S2, lost)


def test_nothing_is_dropped_while_it_may_be_needed() -> None:
    old = replace(
        SOURCE,
        place=replace(
            SOURCE.place,
            stamps={"T": Stamp(2, "moved", moved_to="s2")},
            owned={"T": [Owned(C1, locked=True), Owned(ROOT, exists=False)]},
        ),
        stamped_at=NOW - timedelta(days=7),
    )
    new = end(Place("p2", {"T": Stamp(2, "here")}, {"t": SchemaSize(3)}))
    world = World(NOW, replace(KNOWN, shard="s2", epoch=2), BEGIN.shards, {"s1": old, "s2": new})
    assert phase(world) == "moved"
    assert actions(replace(COMPLETE, keep_days=7), world) == ["drop account", "drop schema"]
    assert actions(replace(COMPLETE, keep_days=8), world) == []
    unknown_age = replace(world, ends={"s1": replace(old, stamped_at=None), "s2": new})
    assert actions(replace(COMPLETE, keep_days=8), unknown_age) == ["drop account", "drop schema"]
    assert actions(COMPLETE, BEGIN) == []
    empty = replace(world, ends={"s1": old, "s2": end(Place("p2", {"T": Stamp(2, "here")}))})
    assert "where there is no schema t; nothing is dropped" in refused(COMPLETE, empty)
    for stamps in ({}, {"T": Stamp(1, "here")}, {"T": Stamp(2, "fenced", "move")}):
        under_way = end(Place("p2", stamps, {"t": SchemaSize()}))
        said = refused(COMPLETE, replace(world, ends={"s1": old, "s2": under_way}))
        assert "a move is under way" in said
    away = replace(world, ends={"s1": old})
    assert "s2 is not in shards" in refused(COMPLETE, away)
    away = replace(away, unknown={"s2": "no member of s2 can be asked."})
    assert "no member of s2" in refused(COMPLETE, away)


def take(world: World, step: Step) -> World:
    """Do a step, as the servers would."""
    known = world.known
    assert known is not None
    if step.action == planning.FLIP:
        return replace(world, known=replace(known, shard="s2", epoch=2))
    shard = "s1" if step.server == "p1" else "s2"
    place = world.ends[shard].place
    if step.action == planning.COPY_ACCOUNT:
        world = replace(world, accounts=world.accounts | {(step.server, step.target)})
        place = _owned(place, exists=True, locked=True)
    elif step.action == planning.COPY:
        world = replace(world, copied=step.server)
        place = replace(place, schemas={"t": SchemaSize(3)})
    elif step.action == planning.COMPARE:
        world = replace(world, compared=step.server)
    elif step.action == planning.KEEP_EVENTS:
        place = replace(place, kept_events={"t": step.value[1]})
    elif step.action == tenants.STAMP:
        place = replace(place, stamps={"T": step.value[1]})
    elif step.action == tenants.MAKE_STAMPS:
        place = replace(place, stamps={})
    elif step.action == tenants.NOTE_ACCOUNT:
        one = Owned(step.value[1], exists=False)
        place = replace(place, owned={"T": [one]})
    elif step.action in (tenants.LOCK_ACCOUNT, tenants.UNLOCK_ACCOUNT):
        place = _owned(place, locked=step.action == tenants.LOCK_ACCOUNT)
    elif step.action == tenants.END_SESSIONS:
        place = _owned(place, sessions=0)
    elif step.action == tenants.EVENTS_OFF:
        place = replace(place, events={}, kept_events=place.events)
    elif step.action == tenants.EVENTS_ON:
        place = replace(place, kept_events={}, events=place.kept_events)
    elif step.action == tenants.DROP_ACCOUNT:
        place = replace(place, owned={})
    elif step.action == tenants.DROP_SCHEMA:
        place = replace(place, schemas={}, kept_events={})
    else:
        assert step.action == tenants.FORGET
        place = replace(place, stamps={}, owned={}, kept_events={})
    return replace(world, ends={**world.ends, shard: replace(world.ends[shard], place=place)})


def _owned(place: Place, **changes: Any) -> Place:
    owned: Mapping[str, Any] = {
        "T": [replace(one, **changes) if one.account == C1 else one for one in place.owned["T"]]
    }
    return replace(place, owned=owned)


def open_at(world: World) -> list[str]:
    """Return where an account of the tenant could log in, and find its schema."""
    return [
        name
        for name, one in world.ends.items()
        if "t" in one.place.schemas
        and any(each.exists and not each.locked for each in one.place.owned.get("T", ()))
    ]


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("then", ["start", "cancel"])
def test_it_goes_on_or_back_from_every_step(locked: bool, then: str) -> None:
    stopped = BEGIN
    if locked:
        place = replace(
            _owned(SOURCE.place, locked=True, sessions=0),
            stamps={"T": Stamp(1, "fenced", "locked")},
            events={},
            kept_events={"t": ["tick"]},
        )
        stopped = replace(
            BEGIN,
            known=replace(KNOWN, locked=True),
            ends={"s1": replace(SOURCE, place=place), "s2": TARGET},
        )
    wanted = TO_S2 if then == "start" else CANCEL
    while True:
        world = stopped
        assert len(open_at(world)) < 2
        if then == "cancel" and phase(world) == "flipped":
            assert "completes the move" in refused(wanted, world)
        else:
            for _step in range(30):
                steps = plan(wanted, world).steps
                if not steps:
                    break
                world = take(world, steps[0])
                assert len(open_at(world)) < 2
            _is_reached(world, locked, then)
        left = plan(TO_S2, stopped).steps
        if not left:
            return
        stopped = take(stopped, left[0])


def test_what_a_cancel_has_dropped_is_copied_and_compared_again() -> None:
    """The journal still has the copy, as a cancel that was killed has not ended the move."""
    moving = BEGIN
    while plan(TO_S2, moving).steps[0].action != planning.FLIP:
        moving = take(moving, plan(TO_S2, moving).steps[0])
    kinds = (planning.COPY_ACCOUNT, planning.COPY, planning.COMPARE)
    assert not {*kinds} & {*actions(TO_S2, moving)}
    for _step in range(3):
        # The account, the schema and the stamp at the new place.
        moving = take(moving, plan(CANCEL, moving).steps[0])
        again = actions(TO_S2, moving)
        assert planning.COPY_ACCOUNT in again
        if "t" not in moving.ends["s2"].place.schemas:
            assert again.index(planning.COPY) < again.index(planning.COMPARE)
            assert again.index(planning.COMPARE) < again.index(planning.FLIP)


def test_after_a_failover_of_its_new_shard_it_is_copied_again() -> None:
    moving = BEGIN
    while plan(TO_S2, moving).steps[0].action != planning.FLIP:
        moving = take(moving, plan(TO_S2, moving).steps[0])
    other = moving.ends["s2"]
    other = replace(other, place=replace(other.place, member="p4"))
    again = actions(TO_S2, replace(moving, ends={**moving.ends, "s2": other}))
    assert {planning.COPY_ACCOUNT, planning.COPY, planning.COMPARE} <= {*again}


def _is_reached(world: World, locked: bool, then: str) -> None:
    known = world.known
    assert known is not None
    place = world.ends[known.shard].place
    stamp = Stamp(known.epoch, "fenced", "locked") if locked else Stamp(known.epoch, "here")
    assert (place.stamps or {})["T"] == stamp
    assert open_at(world) == ([] if locked else [known.shard])
    events = place.kept_events if locked else place.events
    assert [*events["t"]] == ["tick"]
    other = "s2" if known.shard == "s1" else "s1"
    if known.shard == "s2":
        assert phase(world) == "moved" and old_places(known, world) == ["s1"]
        assert world.stamp("s1", "T") == Stamp(2, "moved", moved_to="s2")
    else:
        assert then == "cancel" or not plan(CANCEL, world).steps
        assert "t" not in world.ends[other].place.schemas
