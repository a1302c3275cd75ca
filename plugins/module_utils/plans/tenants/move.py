# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's move to another shard: what is in the way, and the steps from wherever it is.

The tenant is closed, copied, compared, and opened at its new place. Until the directory says that it is
there, only the old place may be opened; from then on, only the new one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants.tenant import (
    DROP_ACCOUNT,
    DROP_SCHEMA,
    FORGET,
    MAKE_STAMPS,
    NOTE_ACCOUNT,
    closing,
    opening,
    stamped,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.move import (
    ARRIVING,
    CANCEL,
    COMPLETE,
    LEAVING,
    START,
    End,
    WantedMove,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    FENCED,
    HERE,
    LOCKED,
    MOVED,
    KnownTenant,
    Owned,
    Place,
    Shard,
    Stamp,
)

COPY_ACCOUNT, COPY, COMPARE = "copy account", "copy schema", "compare schema"
FLIP, KEEP_EVENTS = "write down the new place", "note events"
# The name of the server with the directory.
DIRECTORY = "directory"
# How far a move is.
NONE, MOVING, FLIPPED, MOVED_AWAY = "none", "moving", "flipped", "moved"
_GIB = 1024**3


@dataclass(frozen=True)
class World:
    """What the directory, the shards and the journal say. ``now`` is in UTC.

    ``known`` is the tenant as the directory has it, None: it has none of that name. Of a shard
    that is not in ``ends``, ``unknown`` says why. ``accounts``, ``copied`` and ``compared`` are what the
    journal has of the move that is under way: each account with the member that has it, and the member
    that has the rows, and has the same rows. Another member, after a failover, may lack some.
    """

    now: datetime
    known: KnownTenant | None = None
    shards: Mapping[str, Shard] = field(default_factory=dict)
    ends: Mapping[str, End] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    accounts: frozenset[tuple[str, str]] = frozenset()
    copied: str = ""
    compared: str = ""
    problems: Sequence[str] = ()

    def stamp(self, shard: str, tenant: str) -> Stamp | None:
        """Return what a shard says of a tenant."""
        end = self.ends.get(shard)
        return (end.place.stamps or {}).get(tenant) if end else None

    def stamped_as(self, tenant: str, *wanted: Stamp) -> list[str]:
        """Return the shards on which a tenant has one of these stamps."""
        return [name for name in self.ends if self.stamp(name, tenant) in wanted]


def plan(wanted: WantedMove, world: World) -> Plan:
    """Return the steps that are left. Raises ``Refused`` with all that is in the way."""
    known = world.known
    refuse_if_any(world.problems)
    if known is None:
        raise Refused([f"The directory has no tenant {wanted.tenant}; name one that it has."])
    if known.drop_after is not None:
        raise Refused([f"{known.name} is gone, and only its schema is kept; bring it back first."])
    steps = {START: _start, COMPLETE: _complete, CANCEL: _cancel}[wanted.verb]
    return Plan(tuple(steps(wanted, known, world)))


def phase(world: World) -> str:
    """Say how far the tenant's move is."""
    known = world.known
    if known is None:
        return NONE
    here = world.stamp(known.shard, known.name)
    if here == Stamp(known.epoch, FENCED, LEAVING):
        return MOVING
    if here == Stamp(known.epoch, FENCED, ARRIVING):
        return FLIPPED
    return MOVED_AWAY if old_places(known, world) else NONE


def old_places(known: KnownTenant, world: World) -> list[str]:
    """Return the shards on which an earlier copy of the schema is kept."""
    return [
        name
        for name, end in world.ends.items()
        for stamp in [world.stamp(name, known.name)]
        if name != known.shard
        and stamp is not None
        and stamp.state == MOVED
        and known.schema in end.place.schemas
    ]


def _start(wanted: WantedMove, known: KnownTenant, world: World) -> Iterator[Step]:
    how_far = phase(world)
    if how_far == FLIPPED:
        refuse_if_any(
            [
                f"{known.name}: its move to {known.shard} is not over; complete it with to={known.shard}."
            ]
            if wanted.to != known.shard
            else []
        )
        yield from _after(known, world)
        return
    if wanted.to == known.shard and how_far != MOVING:
        return
    refuse_if_any([*_in_the_way(wanted, known, world)])
    yield from _before(known, wanted.to, world)


def _before(known: KnownTenant, to: str, world: World) -> Iterator[Step]:
    """Yield what is to be done until the directory says that the tenant is at its new place."""
    name, schema = known.name, known.schema
    source, target = world.ends[known.shard].place, world.ends[to].place
    leaving = Stamp(known.epoch, FENCED, LEAVING)
    before = world.stamp(known.shard, name)
    if before != leaving:
        yield stamped(name, before, leaving, source.member)
    owned = [one for one in source.owned.get(name, ()) if one.exists]
    yield from closing(name, schema, source, owned)
    if target.stamps is None:
        yield Step(MAKE_STAMPS, f"stamps of {to}", None, {"shard": to}, None, target.member)
    arriving = Stamp(known.epoch + 1, FENCED, ARRIVING)
    before = world.stamp(to, name)
    if before != arriving:
        # From here on what is there of the tenant was made by this move.
        yield stamped(name, before, arriving, target.member)
    there = target.owned.get(name, ())
    noted = {one.account for one in there}
    existing = {one.account for one in there if one.exists}
    for one in owned:
        if one.account not in noted:
            whose = (name, one.account)
            yield Step(NOTE_ACCOUNT, str(one.account), value=whose, server=target.member)
        # One that is there may lack what a call that was killed has not given it.
        done = (target.member, str(one.account)) in world.accounts
        if not (done and one.account in existing):
            told = {"tenant": name, "locked": True}
            what = (source.member, one.account)
            yield Step(COPY_ACCOUNT, str(one.account), None, told, what, target.member)
    both = (source.member, schema)
    # What a cancel that was killed has dropped is to be copied again, and compared again.
    copied = world.copied == target.member and before == arriving and schema in target.schemas
    if not copied:
        yield Step(COPY, schema, None, {"tenant": name}, both, target.member)
    events = tuple(sorted({*source.kept_events.get(schema, ()), *source.events.get(schema, ())}))
    if events != tuple(sorted(target.kept_events.get(schema, ()))):
        yield Step(KEEP_EVENTS, schema, value=(schema, events), server=target.member)
    if not (copied and world.compared == target.member):
        yield Step(COMPARE, schema, value=both, server=target.member)
    moved = replace(known, shard=to, epoch=known.epoch + 1)
    there_now = {"shard": known.shard, "epoch": known.epoch}
    there_then = {"shard": to, "epoch": moved.epoch}
    yield Step(FLIP, name, there_now, there_then, (known, to), DIRECTORY)
    # What comes then, as check mode shows it.
    arrived = replace(
        target,
        stamps={name: arriving},
        owned={name: [replace(one, locked=True, sessions=0) for one in owned]},
        kept_events={schema: events} if events else {},
    )
    left = replace(source, stamps={name: leaving})
    ends = {
        known.shard: replace(world.ends[known.shard], place=left),
        to: replace(world.ends[to], place=arrived),
    }
    yield from _after(moved, replace(world, ends=ends))


def _after(known: KnownTenant, world: World) -> Iterator[Step]:
    """Yield what is left once the directory has the tenant at its new place."""
    name = known.name
    leaving = Stamp(known.epoch - 1, FENCED, LEAVING)
    for shard in world.stamped_as(name, leaving):
        away = Stamp(known.epoch, MOVED, moved_to=known.shard)
        yield stamped(name, leaving, away, world.ends[shard].place.member)
    yield from _opened(known, world, Stamp(known.epoch, FENCED, ARRIVING))


def _opened(known: KnownTenant, world: World, before: Stamp) -> Iterator[Step]:
    """Open a tenant where the directory has it, unless an operator has locked it."""
    place = world.ends[known.shard].place
    if known.locked:
        yield stamped(known.name, before, Stamp(known.epoch, FENCED, LOCKED), place.member)
        return
    accounts = [one for one in place.owned.get(known.name, ()) if one.exists]
    yield from opening(known.schema, place, accounts)
    yield stamped(known.name, before, Stamp(known.epoch, HERE), place.member)


def _cancel(_wanted: WantedMove, known: KnownTenant, world: World) -> Iterator[Step]:
    how_far = phase(world)
    refuse_if_any(
        [
            f"{known.name}: the directory has it on {known.shard} already, and only that may be opened; "
            f"start with to={known.shard} completes the move."
        ]
        if how_far == FLIPPED
        else []
    )
    if how_far != MOVING:
        return
    refuse_if_any([*_unknown_ends(known, world)])
    arriving = Stamp(known.epoch + 1, FENCED, ARRIVING)
    for shard in world.stamped_as(known.name, arriving):
        place = world.ends[shard].place
        yield from _dropped(known, place, place.owned.get(known.name, ()))
        what = (known.name, known.schema)
        yield Step(FORGET, known.name, arriving.told(), None, what, place.member)
    yield from _opened(known, world, Stamp(known.epoch, FENCED, LEAVING))


def _unknown_ends(known: KnownTenant, world: World) -> Iterator[str]:
    """Say of which shard it is not known whether something of the move is there."""
    for why in world.unknown.values():
        yield f"{known.name}: {why}"


def _dropped(known: KnownTenant, place: Place, owned: Sequence[Owned]) -> Iterator[Step]:
    for one in owned:
        if one.exists:
            told = {"tenant": known.name}
            yield Step(DROP_ACCOUNT, str(one.account), told, None, one.account, place.member)
    if known.schema in place.schemas:
        told = {"tenant": known.name}
        yield Step(DROP_SCHEMA, known.schema, told, None, known.schema, place.member)


def _complete(wanted: WantedMove, known: KnownTenant, world: World) -> Iterator[Step]:
    old = old_places(known, world)
    if not old:
        return
    refuse_if_any([*_not_settled(known, world)])
    for shard in old:
        end = world.ends[shard]
        if due(end, wanted.keep_days, world.now):
            yield from _dropped(known, end.place, end.place.owned.get(known.name, ()))


def due(end: End, keep_days: int, now: datetime) -> bool:
    """Whether an earlier copy has been kept for so many days."""
    # A stamp is of the shard's clock, and has parts of a second.
    if keep_days == 0 or end.stamped_at is None:
        return True
    return end.stamped_at + timedelta(days=keep_days) <= now


def _not_settled(known: KnownTenant, world: World) -> Iterator[str]:
    """Say why no copy may be dropped: one that is in use must be elsewhere."""
    here = world.stamp(known.shard, known.name)
    end = world.ends.get(known.shard)
    if end is None:
        yield f"{known.name}: {world.unknown.get(known.shard, f'{known.shard} is not in shards')}"
    elif known.schema not in end.place.schemas:
        yield (
            f"{known.name}: the directory has it on {known.shard}, where there is no schema {known.schema}; "
            "nothing is dropped elsewhere."
        )
    elif here is None or here.epoch != known.epoch or here.reason in (LEAVING, ARRIVING):
        yield f"{known.name}: a move is under way; complete or cancel it first."


def _in_the_way(wanted: WantedMove, known: KnownTenant, world: World) -> Iterator[str]:
    """Say all that keeps a move from being begun, or gone on with before the directory has it."""
    name = known.name
    shard = world.shards.get(wanted.to)
    if shard is None:
        close = difflib.get_close_matches(wanted.to, world.shards, 1)
        hint = (
            f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(world.shards))}."
        )
        yield f"{name}: the directory has no shard {wanted.to or '(to is not given)'}; {hint}"
    elif wanted.to == known.shard:
        yield f"{name}: it is on {known.shard}, fenced by a move to elsewhere; go on with that, or cancel it."
    elif shard.state != "open":
        yield f"{name}: {shard.name} takes no tenants: it is {shard.state}."
    arriving = Stamp(known.epoch + 1, FENCED, ARRIVING)
    for other in world.stamped_as(name, arriving):
        if other != wanted.to:
            yield f"{name}: it is moving to {other}; go on with that, or cancel it."
    for end in dict.fromkeys((known.shard, wanted.to)):
        if end in world.unknown:
            yield f"{name}: {world.unknown[end]}"
        elif end not in world.ends and end in world.shards:
            yield f"{name}: {end} is not in shards; list it."
    source, target = world.ends.get(known.shard), world.ends.get(wanted.to)
    if source:
        yield from _at_source(known, source, world)
    if source and target and wanted.to != known.shard:
        yield from _at_target(known, source, target, wanted.to, world)


def _at_source(known: KnownTenant, source: End, world: World) -> Iterator[str]:
    name, schema = known.name, known.schema
    stamp = world.stamp(known.shard, name)
    good = (
        Stamp(known.epoch, HERE),
        Stamp(known.epoch, FENCED, LOCKED),
        Stamp(known.epoch, FENCED, LEAVING),
    )
    if stamp not in good:
        said = (
            f"says {stamp.state} {stamp.reason} in epoch {stamp.epoch}" if stamp else "is missing"
        )
        yield f"{name}: its stamp on {known.shard} {said}; run tenants.yml, which settles it, first."
    if source.facts is None:
        yield f"{name}: there is no schema {schema} on {known.shard}; restore it first."
    else:
        for one in source.facts.crossing:
            yield f"{name}: {one}; it would be cut. Change that first."
    for one in source.prepared:
        yield f"{name}: on {known.shard} {one}; commit it or roll it back."
    yield from _writers(known, source, known.shard)


def _writers(known: KnownTenant, end: End, shard: str) -> Iterator[str]:
    strangers = end.place.writers.get(known.schema, ())
    if strangers:
        yield (
            f"{known.name}: {', '.join(strangers)} on {shard} can write into {known.schema}, and would not be "
            "kept out; take that right away, or name them in operators."
        )


def _at_target(
    known: KnownTenant, source: End, target: End, to: str, world: World
) -> Iterator[str]:
    name, schema = known.name, known.schema
    stamp = world.stamp(to, name)
    ours = stamp == Stamp(known.epoch + 1, FENCED, ARRIVING)
    if schema in target.place.schemas and not ours:
        yield (
            f"{name}: an earlier copy is kept on {to}; drop it: verb=complete, keep_days=0."
            if stamp and stamp.state == MOVED
            else f"{name}: {to} has a schema {schema}, which is not this tenant's; it is in the way."
        )
    mine = {one.account for one in source.place.owned.get(name, ()) if one.exists}
    noted = {one.account for one in target.place.owned.get(name, ())} if ours else set()
    taken = sorted(map(str, (mine & target.accounts) - noted))
    if taken:
        yield f"{name}: {to} has an account {', '.join(taken)} already; drop or rename it there."
    if source.flavour != target.flavour:
        yield f"{name}: {known.shard} is {source.flavour}, and {to} is {target.flavour}; name a shard that is."
    elif source.version[:2] > target.version[:2]:
        yield (
            f"{name}: {to} is of the older version {'.'.join(map(str, target.version))} "
            f"({known.shard}: {'.'.join(map(str, source.version))}); upgrade it first."
        )
    shard = world.shards[to] if to in world.shards else Shard(to)
    size = source.place.schemas[schema].size / _GIB if schema in source.place.schemas else 0.0
    if shard.capacity_gib is not None and target.place.gib + size > shard.capacity_gib:
        yield (
            f"{name}: {to} holds {target.place.gib:.2f} GiB of {shard.capacity_gib}, and {size:.2f} GiB would be "
            "too much."
        )
    if source.facts:
        strangers = sorted(map(str, source.facts.definers - target.accounts - mine))
        if strangers:
            yield (
                f"{name}: views, routines, triggers or events of {schema} run as {', '.join(strangers)}, "
                f"which {to} does not have; make them the tenant's."
            )
        lacking = sorted(source.facts.collations - target.collations)
        if lacking:
            yield f"{name}: {to} lacks the collations {', '.join(lacking)}."
    yield from _writers(known, target, to)
