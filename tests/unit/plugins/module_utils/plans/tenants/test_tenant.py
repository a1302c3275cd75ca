"""Tenants on paper: where they go, what is in the way, and every way from one state to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    CurrentAccounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants import tenant as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants.tenant import (
    World,
    choose,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    CurrentAccount,
    DesiredAccount,
    Scope,
    Vocabulary,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    KnownTenant,
    Owned,
    Place,
    SchemaSize,
    Shard,
    Stamp,
    WantedTenant,
    scope_of,
)

NOW = datetime(2026, 11, 27, 12)
GIB = 1024**3
C1 = Account("c1", "%")
WORDS = Vocabulary("any", {"SELECT": "SELECT", "INSERT": "INSERT"})
NOBODY = CurrentAccounts({}, WORDS, Account("root", "localhost"), "plugin")
HERE, NEW = Stamp(1, "here"), Stamp(1, "fenced", "new")
LOCKED, DROPPED = Stamp(1, "fenced", "locked"), Stamp(1, "fenced", "dropped")
WANTED = WantedTenant("T", "t")
KNOWN = KnownTenant("T", "t", "s1")


def world(place: Place | None = None, *known: KnownTenant, **more: Any) -> World:
    return World(
        NOW,
        {one.name: one for one in known},
        {"s1": Shard("s1")},
        {"s1": place or Place("p1")},
        accounts={"s1": NOBODY},
        **more,
    )


def settled(stamp: Stamp = HERE, **more: Any) -> Place:
    return Place("p1", {"T": stamp}, {"t": SchemaSize()}, **more)


def actions(wanted: WantedTenant, found: World) -> list[str]:
    return [step.action for step in plan([wanted], found).steps]


def refused(found: World, *wanted: WantedTenant) -> list[str]:
    with pytest.raises(Refused) as refusal:
        plan(wanted, found)
    return list(map(str, refusal.value.reasons))


def test_a_new_tenant() -> None:
    made = plan([WANTED], world())
    assert [(step.action, step.server) for step in made.steps] == [
        ("register tenant", "here"),
        ("make stamps", "p1"),
        ("stamp", "p1"),
        ("create schema", "p1"),
        ("stamp", "p1"),
    ]
    assert [step.after for step in made.steps if step.action == "stamp"] == [
        {"epoch": 1, "stamp": "fenced", "reason": "new"},
        {"epoch": 1, "stamp": "here"},
    ]
    # The table of stamps is made once for a shard.
    other = WantedTenant("U", "u")
    made = plan([WANTED, other], world())
    assert [step.action for step in made.steps].count("make stamps") == 1
    assert actions(WANTED, world(settled(), KNOWN)) == []


def test_its_accounts() -> None:
    account = DesiredAccount(
        C1, password=Secret("x"), privileges={Scope.parse(scope_of("t")): ("SELECT",)}
    )
    wanted = replace(WANTED, accounts=(account,))
    before = settled()
    assert actions(wanted, world(before, KNOWN)) == [
        "note account",
        "change account",
        "change account",
        "let account ask the stamp",
    ]
    (noted,) = [Owned(C1, exists=False, may_ask_stamp=False)]
    found = world(replace(before, owned={"T": [noted]}), KNOWN)
    assert actions(wanted, found)[0] == "change account"
    there = CurrentAccount(
        "plugin",
        True,
        grants={
            Scope("t"): frozenset({"SELECT"}),
            Scope("dbrw_tenants", "f", "FUNCTION"): frozenset({"EXECUTE"}),
        },
    )
    has = replace(NOBODY, accounts={C1: there})
    found = replace(world(replace(before, owned={"T": [Owned(C1)]}), KNOWN), accounts={"s1": has})
    assert actions(wanted, found) == []
    # A locked tenant's new account is made and kept out.
    locked = actions(replace(wanted, locked=True), world(before, KNOWN))
    assert locked[-3:] == ["stamp", "lock account", "write down the lock"]
    for beyond in (
        {"grants": {Scope(): frozenset({"SELECT"})}},
        {"grants": {Scope("u"): frozenset({"SELECT"})}},
        {"roles": frozenset({Account("r", "")})},
    ):
        mighty = replace(NOBODY, accounts={C1: replace(there, **beyond)})
        (said,) = refused(replace(found, accounts={"s1": mighty}), wanted)
        assert "rights of a tenant's account end at its schema" in said
    (said,) = refused(world(replace(before, owned={"U": [Owned(C1)]}), KNOWN), wanted)
    assert "c1@% on s1 is an account of U" in said


def test_the_shard_that_is_chosen() -> None:
    def place(size: float) -> Place:
        return Place("p", {}, {"x": SchemaSize(1, int(size * GIB))})

    found = World(
        NOW,
        {"A": KnownTenant("A", "a", "s1")},
        {
            "s1": Shard("s1"),
            "s2": Shard("s2", weight=2),
            "s3": Shard("s3", weight=0),
            "s4": Shard("s4", "draining"),
            "s5": Shard("s5", capacity_gib=1),
            "s6": Shard("s6"),
        },
        {"s1": place(2), "s2": place(4), "s3": place(0), "s4": place(0), "s5": place(1)},
        {"s6": "no member of s6 can be asked."},
    )
    wanted = [WantedTenant(name, name.lower()) for name in "BCDE"]
    chosen = choose(wanted, found)
    # By what they hold both are even; then the tenants count, by the weight.
    assert [chosen[one.name].shard for one in wanted] == ["s2", "s2", "s1", "s2"]
    assert chosen["B"].reason == (
        "4.00 GiB and 0 tenants at weight 2, the least of 2 that take new ones"
    )
    full = replace(found, places={"s5": place(1)})
    (said,) = refused(full, WANTED)
    assert said == (
        "T: no shard takes new tenants (s1: it is not in shards; s2: it is not in shards; s3: its "
        "weight is 0; s4: it is draining; s5: it holds 1.00 GiB of 1; s6: no member of s6 can be "
        "asked.); name one, or open one."
    )
    assert "(there is none)" in refused(World(NOW), WANTED)[0]
    # A tenant that goes needs none.
    assert choose([replace(WANTED, present=False)], found) == {}
    assert plan([replace(WANTED, present=False)], found).steps == ()


@pytest.mark.parametrize(
    ("wanted", "known", "place", "said"),
    [
        (replace(WANTED, schema="u"), KNOWN, settled(), "its schema is t, and u is asked for"),
        (replace(WANTED, shard="s2"), KNOWN, settled(), "it is on s1, and shard says s2"),
        (replace(WANTED, shard="s"), None, None, "has no shard s; did you mean s1?"),
        (replace(WANTED, shard="x"), None, None, "has no shard x; it has s1."),
        (WANTED, KnownTenant("U", "t", "s1"), None, "schema t is that of U"),
        (WANTED, replace(KNOWN, shard="s9"), None, "on s9, which is not in shards"),
        (
            WANTED,
            KNOWN,
            settled(Stamp(2, "moved", moved_to="s2")),
            "whose stamp says that it has moved to s2",
        ),
        (
            WANTED,
            KNOWN,
            settled(Stamp(1, "fenced", "move")),
            "it is fenced on s1 (move); tenant_move.yml",
        ),
        (WANTED, None, Place("p1", None, {"t": SchemaSize()}), "has a schema t already"),
        (WANTED, KNOWN, Place("p1", {"T": HERE}), "an empty one is not put in its place"),
        (
            replace(WANTED, locked=True),
            KNOWN,
            settled(writers={"t": ["x@%"]}),
            "x@% on s1 can write into t and is not",
        ),
        (
            replace(WANTED, present=False),
            KNOWN,
            settled(writers={"t": ["x@%", "y@%"]}),
            "x@%, y@% on s1 can write into t and are not",
        ),
        (
            replace(WANTED, present=False),
            KNOWN,
            Place("p1", {"T": HERE}, {"t": SchemaSize(3, 2**20)}),
            "has 3 tables, 1.0 MiB; delete_data=true",
        ),
    ],
)
def test_what_is_in_the_way(
    wanted: WantedTenant, known: KnownTenant | None, place: Place | None, said: str
) -> None:
    found = world(place, *([known] if known else []))
    assert said in " ".join(refused(found, wanted))


def test_a_tenant_goes_only_without_an_earlier_copy() -> None:
    gone = replace(WANTED, present=False)
    old = Place("p2", {"T": Stamp(1, "moved", moved_to="s1")}, {"t": SchemaSize()})
    found = world(settled(), KNOWN)
    found = replace(found, places={**found.places, "s2": old})
    assert "an earlier copy is kept on s2; drop it first" in refused(found, gone)[0]
    assert actions(WANTED, found) == []
    found = replace(found, places={**found.places, "s2": replace(old, schemas={})})
    assert actions(gone, found)


def test_all_that_is_in_the_way_is_said_at_once() -> None:
    unknown = replace(world(None, KNOWN), places={}, unknown={"s1": "no member takes writes."})
    other = WantedTenant("U", "u", "s9")
    said = refused(unknown, WANTED, other)
    assert said[0] == "T: no member takes writes." and "no shard s9" in said[1]
    full = replace(world(), shards={"s1": Shard("s1", "full")})
    assert "takes no new tenants: it is full" in refused(full, replace(WANTED, shard="s1"))[0]
    apart = replace(world(), places={})
    assert "s1 is not in shards" in refused(apart, replace(WANTED, shard="s1"))[0]
    assert refused(replace(world(), problems=["There is no directory."])) == [
        "There is no directory."
    ]
    # An account that the server would not take.
    nameless = DesiredAccount(C1, privileges={Scope("t"): ("SELECT",)})
    assert refused(world(), replace(WANTED, accounts=(nameless,)), other)


def test_locking_and_unlocking() -> None:
    place = settled(
        owned={"T": [Owned(C1, sessions=2), Owned(Account("c1", "h"), exists=False)]},
        events={"t": ["tick"]},
    )
    steps = plan([replace(WANTED, locked=True)], world(place, KNOWN)).steps
    assert [step.action for step in steps] == [
        "stamp",
        "lock account",
        "turn off events",
        "end sessions",
        "write down the lock",
    ]
    assert steps[3].value == ("c1",)
    locked = replace(KNOWN, locked=True)
    closed = settled(LOCKED, owned={"T": [Owned(C1, locked=True)]}, kept_events={"t": ["tick"]})
    for same in (WANTED, replace(WANTED, locked=True)):
        assert actions(same, world(closed, locked)) == []
    assert actions(replace(WANTED, locked=False), world(closed, locked)) == [
        "turn on events",
        "unlock account",
        "stamp",
        "write down the lock",
    ]


def test_a_tenant_goes_at_once_or_later() -> None:
    gone = replace(WANTED, present=False)
    assert actions(gone, world(settled(owned={"T": [Owned(C1)]}), KNOWN)) == [
        "stamp",
        "lock account",
        "write down when the schema goes",
        "drop account",
        "drop schema",
        "remove stamp",
        "take tenant out of the directory",
    ]
    full = Place("p1", {"T": HERE}, {"t": SchemaSize(3)})
    kept = replace(gone, delete_data=True)
    (*_before, step) = plan([kept], world(full, KNOWN)).steps
    assert step.action == "write down when the schema goes"
    assert step.value == ("T", NOW + timedelta(days=7))
    at_once = actions(replace(kept, keep_days=0), world(full, KNOWN))
    assert at_once[-1] == "take tenant out of the directory"
    waiting = replace(KNOWN, locked=True, drop_after=NOW + timedelta(days=1))
    closed = replace(full, stamps={"T": DROPPED})
    assert actions(gone, world(closed, waiting)) == []
    assert "drop schema" in actions(replace(kept, keep_days=0), world(closed, waiting))
    due = replace(waiting, drop_after=NOW)
    assert actions(gone, world(closed, due))[0] == "drop schema"
    # One of which nothing is left but its row.
    assert actions(gone, world(Place("p1"), KNOWN)) == ["take tenant out of the directory"]
    unstamped = Place("p1", None, {"t": SchemaSize()})
    assert actions(gone, world(unstamped, KNOWN))[0] == "make stamps"
    back = plan([WANTED], world(closed, waiting)).steps
    # First of all it is not to go any more.
    assert [step.action for step in back] == ["write down the lock", "stamp"]
    assert back[0].before == {"locked": True, "drop_after": "2026-11-28 12:00:00"}


def take(found: World, step: Step) -> World:
    """Do a step, as the servers would."""
    place = found.places["s1"]
    known = dict(found.tenants)
    if step.action == planning.REGISTER:
        known["T"] = step.value
    elif step.action == planning.UNREGISTER:
        del known["T"]
    elif step.action == planning.SET_LOCKED:
        known["T"] = replace(known["T"], locked=step.value[1], drop_after=None)
    elif step.action == planning.SET_DROP:
        known["T"] = replace(known["T"], locked=True, drop_after=step.value[1])
    elif step.action == planning.MAKE_STAMPS:
        place = replace(place, stamps={})
    elif step.action == planning.STAMP:
        place = replace(place, stamps={"T": step.value[1]})
    elif step.action == planning.FORGET:
        place = replace(place, stamps={}, owned={})
    elif step.action == planning.MAKE_SCHEMA:
        place = replace(place, schemas={"t": SchemaSize()})
    elif step.action == planning.DROP_SCHEMA:
        place = replace(place, schemas={}, events={}, kept_events={})
    elif step.action in (planning.LOCK_ACCOUNT, planning.UNLOCK_ACCOUNT):
        place = _changed(place, locked=step.action == planning.LOCK_ACCOUNT)
    elif step.action == planning.END_SESSIONS:
        place = _changed(place, sessions=0)
    elif step.action == planning.DROP_ACCOUNT:
        place = _changed(place, exists=False, locked=False)
    elif step.action == planning.EVENTS_OFF:
        place = replace(place, events={}, kept_events=place.events)
    else:
        assert step.action == planning.EVENTS_ON
        place = replace(place, kept_events={}, events=place.kept_events)
    return replace(found, tenants=known, places={"s1": place})


def _changed(place: Place, **changes: Any) -> Place:
    owned: Mapping[str, Sequence[Owned]] = {
        name: [replace(one, **changes) for one in mine] for name, mine in place.owned.items()
    }
    return replace(place, owned=owned)


STATES = {
    "nothing": world(),
    "registered by hand": world(None, KNOWN),
    "there": world(settled(owned={"T": [Owned(C1, sessions=1)]}, events={"t": ["tick"]}), KNOWN),
    "with tables": world(Place("p1", {"T": HERE}, {"t": SchemaSize(3)}, {"T": [Owned(C1)]}), KNOWN),
}
WISHES = {
    "open": replace(WANTED, locked=False),
    "locked": replace(WANTED, locked=True),
    "as it is": WANTED,
    "gone": replace(WANTED, present=False, delete_data=True, keep_days=0),
    "kept": replace(WANTED, present=False, delete_data=True),
}


@pytest.mark.parametrize("began", STATES)
@pytest.mark.parametrize("first", WISHES)
@pytest.mark.parametrize("then", WISHES)
def test_from_wherever_a_call_was_killed_another_reaches_what_it_wants(
    began: str, first: str, then: str
) -> None:
    stopped = STATES[began]
    while True:
        found = stopped
        place = found.places["s1"]
        if (
            then in ("open", "as it is", "locked")
            and place.stamps == {"T": DROPPED}
            and not place.schemas
        ):
            # It is half gone by then, and only goes.
            assert "an empty one is not put in its place" in refused(found, WISHES[then])[0]
            return
        for _step in range(30):
            steps = plan([WISHES[then]], found).steps
            if not steps:
                break
            found = take(found, steps[0])
            _is_safe(found)
        assert not plan([WISHES[then]], found).steps
        _is_reached(found, then)
        steps = plan([WISHES[first]], stopped).steps
        if not steps:
            return
        stopped = take(stopped, steps[0])


def _is_safe(found: World) -> None:
    """What is dropped was closed before; what is open for its accounts has no stamp against it."""
    place, known = found.places["s1"], found.tenants.get("T")
    stamp = (place.stamps or {}).get("T")
    if known and known.drop_after:
        assert all(one.locked or not one.exists for one in place.owned.get("T", ()))
    if stamp and stamp.state == "here":
        assert "t" in place.schemas and not any(one.locked for one in place.owned.get("T", ()))


def _is_reached(found: World, wish: str) -> None:
    place, known = found.places["s1"], found.tenants.get("T")
    if wish == "gone" or (wish == "kept" and known is None):
        assert known is None and not place.schemas and not place.stamps
        return
    assert known is not None and place.stamps is not None
    stamp = place.stamps["T"]
    if wish == "kept":
        assert known.drop_after and stamp == DROPPED and not place.events
    else:
        locked = known.locked if wish == "as it is" else wish == "locked"
        assert known.locked == locked
        assert stamp == (LOCKED if locked else HERE)
        there = [one for one in place.owned.get("T", ()) if one.exists]
        assert all(one.locked == locked for one in there)
        assert not place.events if locked else not place.kept_events
