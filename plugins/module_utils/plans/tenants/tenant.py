# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the tenants that a directory and its shards have to those that they shall have."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts import (
    accounts as account_planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    CurrentAccounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import HERE as DIRECTORY
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    CurrentAccount,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    DROPPED,
    FENCED,
    HERE,
    LOCKED,
    MOVED,
    NEW,
    KnownTenant,
    Owned,
    Place,
    Shard,
    Stamp,
    WantedTenant,
    scope_of,
)

REGISTER, UNREGISTER = "register tenant", "take tenant out of the directory"
SET_LOCKED, SET_DROP = "write down the lock", "write down when the schema goes"
MAKE_STAMPS, STAMP, FORGET = "make stamps", "stamp", "remove stamp"
MAKE_SCHEMA, DROP_SCHEMA = "create schema", "drop schema"
NOTE_ACCOUNT, CHANGE_ACCOUNT, ALLOW = "note account", "change account", "let account ask the stamp"
LOCK_ACCOUNT, UNLOCK_ACCOUNT, DROP_ACCOUNT = "lock account", "unlock account", "drop account"
EVENTS_OFF, EVENTS_ON, END_SESSIONS = "turn off events", "turn on events", "end sessions"

# What a fence of this module is for. Another reason is a move's.
_OWN_REASONS = (NEW, LOCKED, DROPPED)
_MIB = 1024**2


@dataclass(frozen=True)
class World:
    """What the directory and the shards say.

    ``places`` has of each shard what its active writer has, ``unknown`` in a sentence why that is
    not known, and ``accounts`` what it has of the accounts asked for. ``now`` is in UTC.
    """

    now: datetime
    tenants: Mapping[str, KnownTenant] = field(default_factory=dict)
    shards: Mapping[str, Shard] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, CurrentAccounts] = field(default_factory=dict)
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class Choice:
    """A shard, and why it was chosen for a new tenant."""

    shard: str
    reason: str


def plan(wanted: Sequence[WantedTenant], world: World) -> Plan:
    """Return the steps to all tenants as they are wanted, one tenant after the other.

    Raises ``Refused`` with all that keeps any of them from being done.
    """
    refuse_if_any(world.problems)
    choices = choose(wanted, world)
    found: list[Step] = []
    warnings: list[str] = []
    problems: list[Reason] = []
    # A shard's table of stamps is made once, for its first tenant.
    made: set[str] = set()
    for one in wanted:
        known = world.tenants.get(one.name)
        if known is None and not one.present:
            continue
        wrong = [*_problems(one, known, choices.get(one.name), world)]
        problems += wrong
        if wrong:
            continue
        if known is None:
            known = KnownTenant(one.name, one.schema, choices[one.name].shard)
        place = world.places[known.shard]
        try:
            steps, more = _steps(one, known, place, world, known.shard not in made)
        except Refused as refusal:
            problems += refusal.reasons
            continue
        if one.name not in world.tenants:
            found.append(_registered(known))
        found += steps
        warnings += more
        made.add(known.shard)
    refuse_if_any(problems)
    return Plan(tuple(found), tuple(dict.fromkeys(warnings)))


def choose(wanted: Sequence[WantedTenant], world: World) -> dict[str, Choice]:
    """Return the shard of each tenant that is new: the one named, or the one with the least load.

    The load is what the shard holds by its weight, in steps of 0.01 GiB, and then the number of its
    tenants by its weight, those chosen before included. A tenant for which there is none is not in it.
    """
    counts = dict.fromkeys(world.shards, 0)
    for known in world.tenants.values():
        counts[known.shard] = counts.get(known.shard, 0) + 1
    found: dict[str, Choice] = {}
    for one in wanted:
        if one.name in world.tenants or not one.present:
            continue
        if one.shard is not None:
            found[one.name] = Choice(one.shard, "named")
        else:
            choice = _least_loaded(counts, world)
            if choice is None:
                continue
            found[one.name] = choice
        shard = found[one.name].shard
        counts[shard] = counts.get(shard, 0) + 1
    return found


def _least_loaded(counts: Mapping[str, int], world: World) -> Choice | None:
    loads = {}
    for name, shard in world.shards.items():
        place = world.places.get(name)
        if place is None or shard.state != "open" or shard.weight <= 0:
            continue
        if shard.capacity_gib is None or place.gib < shard.capacity_gib:
            loads[name] = (round(place.gib / shard.weight, 2), counts[name] / shard.weight)
    if not loads:
        return None
    best = min(loads, key=lambda name: (*loads[name], name))
    return Choice(
        best,
        f"{world.places[best].gib:.2f} GiB and {counts[best]} tenants at weight {world.shards[best].weight:g}, "
        f"the least of {len(loads)} that take new ones",
    )


def _problems(
    wanted: WantedTenant, known: KnownTenant | None, choice: Choice | None, world: World
) -> Iterator[str]:
    """Say what keeps a tenant from being worked on."""
    name = wanted.name
    for other in world.tenants.values():
        if other.name != name and other.schema == wanted.schema:
            yield f"{name}: schema {wanted.schema} is that of {other.name}; choose another."
    if known is None:
        yield from _problems_of_choice(wanted, choice, world)
        shard = choice.shard if choice else ""
    else:
        shard = known.shard
        if known.schema != wanted.schema:
            yield (
                f"{name}: its schema is {known.schema}, and {wanted.schema} is asked for; no server "
                f"can rename a schema. Write schema: {known.schema}."
            )
        if wanted.shard not in (None, shard):
            yield (
                f"{name}: it is on {shard}, and shard says {wanted.shard}; a tenant gets there by a move. "
                "Leave shard out, or name the present one."
            )
    if not wanted.present:
        for old, elsewhere in world.places.items():
            stamps = elsewhere.stamps or {}
            if old != shard and name in stamps and wanted.schema in elsewhere.schemas:
                yield (
                    f"{name}: an earlier copy is kept on {old}; drop it first: tenant_move.yml "
                    f"-e tenant='{name}' -e verb=complete -e keep_days=0."
                )
    place = world.places.get(shard)
    if shard in world.unknown:
        yield f"{name}: {world.unknown[shard]}"
    elif place is not None:
        yield from _problems_there(wanted, known, place, shard)
    elif known is not None:
        yield f"{name}: it is on {shard}, which is not in shards; list it."


def _problems_of_choice(wanted: WantedTenant, choice: Choice | None, world: World) -> Iterator[str]:
    if choice is None:
        said = [f"{shard.name}: {_why_not(shard, world)}" for shard in world.shards.values()]
        yield (
            f"{wanted.name}: no shard takes new tenants ({'; '.join(said) or 'there is none'}); name "
            "one, or open one."
        )
        return
    shard = world.shards.get(choice.shard)
    if shard is None:
        close = difflib.get_close_matches(choice.shard, world.shards, 1)
        hint = (
            f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(world.shards))}."
        )
        yield f"{wanted.name}: the directory has no shard {choice.shard}; {hint}"
    elif shard.state != "open":
        yield f"{wanted.name}: {shard.name} takes no new tenants: it is {shard.state}."
    elif choice.shard not in (*world.places, *world.unknown):
        yield f"{wanted.name}: {shard.name} is not in shards, so that it cannot be reached; list it."


def _why_not(shard: Shard, world: World) -> str:
    if shard.state != "open":
        return f"it is {shard.state}"
    if shard.weight <= 0:
        return "its weight is 0"
    place = world.places.get(shard.name)
    if place is None:
        return world.unknown.get(shard.name, "it is not in shards")
    return f"it holds {place.gib:.2f} GiB of {shard.capacity_gib}"


def _problems_there(
    wanted: WantedTenant, known: KnownTenant | None, place: Place, shard: str
) -> Iterator[str]:
    """Say what is in the way on the shard."""
    name, schema = wanted.name, wanted.schema
    stamp = (place.stamps or {}).get(name)
    if stamp is not None and stamp.state == MOVED:
        yield (
            f"{name}: the directory has it on {shard}, whose stamp says that it has moved to "
            f"{stamp.moved_to}; nothing is changed until that is settled."
        )
    elif stamp is not None and stamp.state == FENCED and stamp.reason not in _OWN_REASONS:
        yield (
            f"{name}: it is fenced on {shard} ({stamp.reason}); tenant_move.yml -e tenant='{name}' goes on with "
            "its move, or cancels it."
        )
    if wanted.present and stamp and stamp.reason != NEW and schema not in place.schemas:
        yield (
            f"{name}: the stamp on {shard} says that it is there ({stamp.state}), and there is no schema "
            f"{schema}; an empty one is not put in its place. Restore it, or let the tenant go with "
            "state: absent."
        )
    if known is None and schema in place.schemas and stamp is None:
        yield (
            f"{name}: {shard} has a schema {schema} already, and nobody has said whose it is; register "
            f"the tenant (CALL fabric.register_tenant), or choose another schema."
        )
    for owner, accounts in place.owned.items():
        taken = {one.account for one in accounts} & {one.account for one in wanted.accounts}
        if owner != name and taken:
            yield (
                f"{name}: {', '.join(sorted(map(str, taken)))} on {shard} is an account of {owner}; give "
                "each tenant its own."
            )
    locks = wanted.locked or not wanted.present
    if locks and place.writers.get(schema):
        yield (
            f"{name}: {', '.join(place.writers[schema])} on {shard} can write into {schema} and "
            f"{'is' if len(place.writers[schema]) == 1 else 'are'} not the tenant's, so that closing its "
            "accounts would not keep everybody out; take that right away, or name them in operators."
        )
    size = place.schemas.get(schema)
    pending = known is not None and known.drop_after is not None
    if not wanted.present and size and size.tables and not wanted.delete_data and not pending:
        yield (
            f"{name}: {schema} on {shard} has {size.tables} tables, {size.size / _MIB:.1f} MiB; "
            "delete_data=true lets it go."
        )


def _registered(known: KnownTenant) -> Step:
    told = {"shard": known.shard, "schema": known.schema}
    return Step(REGISTER, known.name, None, told, known, DIRECTORY)


def _steps(
    wanted: WantedTenant, known: KnownTenant, place: Place, world: World, makes_stamps: bool
) -> tuple[list[Step], Sequence[str]]:
    if not wanted.present:
        return [*_to_absence(wanted, known, place, world, makes_stamps)], ()
    locked = known.locked if wanted.locked is None else wanted.locked
    if known.drop_after is not None:
        # It comes back as it was before it was to go: open, unless asked otherwise.
        locked = bool(wanted.locked)
    made = Plan()
    if wanted.accounts:
        current = world.accounts[known.shard]
        made = account_planning.plan(wanted.accounts, current)
        refuse_if_any([*_too_mighty(wanted, current)])
    return [*_to_presence(wanted, known, place, locked, made, makes_stamps)], made.warnings


def _to_presence(
    wanted: WantedTenant,
    known: KnownTenant,
    place: Place,
    locked: bool,
    made: Plan,
    makes_stamps: bool,
) -> Iterator[Step]:
    name, schema, member = wanted.name, wanted.schema, place.member
    if known.drop_after is not None:
        # Before it is open: nothing that it writes from then on is to go.
        yield _locked(known, locked)
        known = replace(known, locked=locked, drop_after=None)
    yield from _stamps(place, known.shard, makes_stamps)
    stamp = (place.stamps or {}).get(name)
    if stamp is None:
        stamp = Stamp(known.epoch, FENCED, NEW)
        yield stamped(name, None, stamp, member)
    if schema not in place.schemas:
        yield Step(MAKE_SCHEMA, schema, None, {"tenant": name}, schema, member)
    owned = {one.account: one for one in place.owned.get(name, ())}
    for one in wanted.accounts:
        if one.account not in owned:
            # First: a call that is killed after it finds the account that it was about to make.
            yield Step(NOTE_ACCOUNT, str(one.account), value=(name, one.account), server=member)
    for step in made.steps:
        yield Step(CHANGE_ACCOUNT, step.target, step.before, step.after, step, member)
    for one in wanted.accounts:
        if one.account not in owned or not owned[one.account].may_ask_stamp:
            yield Step(ALLOW, str(one.account), value=one.account, server=member)
    there = [one for one in owned.values() if one.exists]
    known_there = {one.account for one in there}
    new = [Owned(one.account) for one in wanted.accounts if one.account not in known_there]
    everyone = [*there, *new]
    if locked:
        closed = Stamp(known.epoch, FENCED, LOCKED)
        if stamp != closed:
            # First: whoever opens another member of the shard keeps out whom it names.
            yield stamped(name, stamp, closed, member)
        yield from closing(name, schema, place, everyone)
    else:
        yield from opening(schema, place, everyone)
        open_now = Stamp(known.epoch, HERE)
        if stamp != open_now:
            yield stamped(name, stamp, open_now, member)
    if known.locked != locked:
        yield _locked(known, locked)


def _locked(known: KnownTenant, locked: bool) -> Step:
    before = {"locked": known.locked, "drop_after": text(known.drop_after)}
    after = {"locked": locked, "drop_after": None}
    return Step(SET_LOCKED, known.name, before, after, (known.name, locked), DIRECTORY)


def _to_absence(
    wanted: WantedTenant, known: KnownTenant, place: Place, world: World, makes_stamps: bool
) -> Iterator[Step]:
    name, schema, member = wanted.name, wanted.schema, place.member
    stamp = (place.stamps or {}).get(name)
    owned = [one for one in place.owned.get(name, ()) if one.exists]
    if schema in place.schemas:
        yield from _stamps(place, known.shard, makes_stamps)
        fenced = Stamp(known.epoch, FENCED, DROPPED)
        if stamp != fenced:
            yield stamped(name, stamp, fenced, member)
            stamp = fenced
        yield from closing(name, schema, place, owned)
        empty = not place.schemas[schema].tables
        due = known.drop_after
        if due is None:
            due = world.now if empty else world.now + timedelta(days=wanted.keep_days)
            yield Step(
                SET_DROP,
                name,
                {"drop_after": None},
                {"drop_after": text(due)},
                (name, due),
                DIRECTORY,
            )
        if due > world.now and not (empty or wanted.delete_data and wanted.keep_days == 0):
            return
    for one in owned:
        yield Step(DROP_ACCOUNT, str(one.account), {"tenant": name}, None, one.account, member)
    if schema in place.schemas:
        yield Step(DROP_SCHEMA, schema, {"tenant": name}, None, schema, member)
    if stamp is not None:
        yield Step(FORGET, name, stamp.told(), None, (name, schema), member)
    told = {"shard": known.shard, "schema": known.schema}
    yield Step(UNREGISTER, name, told, None, name, DIRECTORY)


def _stamps(place: Place, shard: str, makes_stamps: bool) -> Iterator[Step]:
    if place.stamps is None and makes_stamps:
        yield Step(MAKE_STAMPS, f"stamps of {shard}", None, {"shard": shard}, None, place.member)


def stamped(name: str, before: Stamp | None, after: Stamp, member: str) -> Step:
    """Return the step that writes a tenant's stamp."""
    told = before.told() if before else None
    return Step(STAMP, name, told, after.told(), (name, after), member)


def closing(name: str, schema: str, place: Place, accounts: Sequence[Owned]) -> Iterator[Step]:
    """Close a tenant: nobody logs in, nothing runs by itself, and nobody is left."""
    for one in accounts:
        if not one.locked:
            yield Step(
                LOCK_ACCOUNT,
                str(one.account),
                {"locked": False},
                {"locked": True},
                one.account,
                place.member,
            )
    events = place.events.get(schema, ())
    if events:
        told = {"events": sorted(events)}
        yield Step(EVENTS_OFF, schema, told, {"events": []}, (schema, tuple(events)), place.member)
    staying = [one for one in accounts if one.sessions]
    if staying:
        names = tuple(sorted({one.account.name for one in staying}))
        yield Step(END_SESSIONS, name, value=names, server=place.member)


def opening(schema: str, place: Place, accounts: Sequence[Owned]) -> Iterator[Step]:
    """Let a tenant in: its events run, and its accounts log in."""
    kept = place.kept_events.get(schema, ())
    if kept:
        told = {"events": sorted(kept)}
        yield Step(EVENTS_ON, schema, {"events": []}, told, (schema, tuple(kept)), place.member)
    for one in accounts:
        if one.locked:
            yield Step(
                UNLOCK_ACCOUNT,
                str(one.account),
                {"locked": True},
                {"locked": False},
                one.account,
                place.member,
            )


def _too_mighty(wanted: WantedTenant, current: CurrentAccounts) -> Iterator[str]:
    """Name what an account of a tenant may do outside of its schema."""
    for one in wanted.accounts:
        found = current.accounts.get(one.account)
        beyond = [
            f"{', '.join(sorted(words))} on {scope}"
            for scope, words in (found.grants.items() if found else ())
            if not _ends_there(scope, wanted.schema)
        ]
        if beyond or (found and found.roles):
            said = [*beyond, *(f"the role {role}" for role in _roles(found))]
            yield (
                f"{wanted.name}: {one.account} is there with {'; '.join(sorted(said))}, and the rights of a "
                "tenant's account end at its schema; take it away, or choose another name."
            )


def _roles(found: CurrentAccount | None) -> list[str]:
    return sorted(map(str, found.roles)) if found else []


def _ends_there(scope: Scope, schema: str) -> bool:
    if scope.schema is None:
        return False
    if scope.is_schema:
        return scope == Scope.parse(scope_of(schema))
    return scope.schema in (schema, "dbrw_tenants")


def text(moment: datetime | None) -> str | None:
    """Return a moment as results have it."""
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
