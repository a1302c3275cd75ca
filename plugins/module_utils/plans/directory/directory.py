# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a directory gets what the inventory says, and keeps what only it knows."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    FABRIC,
    JOINING,
    MEMBER,
    ONLINE,
    RETIRED,
    TOPOLOGY,
    WRITE,
    Contents,
    DirectoryServer,
    Found,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any

# UPGRADE: make the schema of a version. PUT_...: write a row of the inventory's, which is there or
# not. POINT: copy who is active. ANNOUNCE: a server that joins is online.
UPGRADE, PUT_SET, PUT_SERVER, PUT_TABLE, DROP_TABLE, POINT, ANNOUNCE = (
    "upgrade",
    "put replica set",
    "put server",
    "put usage table",
    "drop usage table",
    "point",
    "announce",
)


def plan(
    wanted: Contents,
    announce: Collection[str],
    found: Found,
    newest: int,
    confirmed: Collection[str] = (),
    expected: tuple[int, int] | None = None,
) -> Plan:
    """Return the steps from what is there to what the inventory says.

    ``announce`` are servers that all read servers follow by now. ``newest`` is the version of the
    schema that this collection makes. ``confirmed`` are servers that say themselves that they are
    what is wanted: another kind, set or offset in the directory is a mistake there, if the
    collection has written it as wanted before.
    ``expected`` is the version that was looked at, where what is wanted comes from there.
    Raises ``Refused`` with all that keeps it from being done.
    """
    refuse_if_any(
        [
            *_problems(wanted, announce, confirmed),
            *_problems_there(wanted, found, newest, confirmed),
            *_changed_since(expected, found.version),
        ]
    )
    has = found.contents
    steps = [
        Step(
            UPGRADE,
            "directory",
            {"schema_version": version - 1 or None},
            {"schema_version": version},
            version,
        )
        for version in range(found.schema_version + 1, newest + 1)
    ]
    # A server's set is there before it, and its active writer after it.
    for name, given in wanted.sets.items():
        before = has.sets.get(name)
        replica_set = given.with_what_is_there(before)
        if before != replica_set:
            steps.append(
                Step(
                    PUT_SET,
                    f"replica set {name}",
                    before.told() if before else None,
                    replica_set.told(),
                    replica_set,
                )
            )
    for name, server in wanted.servers.items():
        steps += _server(server, has.servers.get(name), name in announce, found.states.get(name))
    steps += [
        Step(PUT_TABLE, f"usage table {name}", None, {"name": name}, name)
        for name in sorted(wanted.usage_tables - has.usage_tables)
    ]
    steps += [
        Step(DROP_TABLE, f"usage table {name}", {"name": name}, None, name)
        for name in sorted(has.usage_tables - wanted.usage_tables)
    ]
    steps += [
        Step(
            POINT,
            f"active writer of {name}",
            {"active": has.active.get(name)},
            {"active": active},
            (name, active),
        )
        for name, active in wanted.active.items()
        if has.active.get(name) != active
    ]
    return Plan(tuple(steps), tuple(_gone(wanted, found)))


def _server(
    server: DirectoryServer, before: DirectoryServer | None, announced: bool, state: str | None
) -> Iterator[Step]:
    if before != server:
        yield Step(
            PUT_SERVER,
            f"server {server.name}",
            before.told() if before else None,
            server.told(),
            server,
        )
    if announced and state in (None, JOINING):
        yield Step(
            ANNOUNCE,
            f"state of {server.name}",
            {"state": JOINING},
            {"state": ONLINE},
            server.name,
        )


def _problems(
    wanted: Contents, announce: Collection[str], confirmed: Collection[str]
) -> Iterator[str]:
    for server in wanted.servers.values():
        yield from server.problems()
        if server.replica_set and server.replica_set not in wanted.sets:
            yield f"servers: {server.name}: its replica set {server.replica_set} is none of sets."
    for option, names in (("announce", announce), ("confirmed", confirmed)):
        for name in names:
            if name not in wanted.servers:
                yield f"{option} names {name}, which is none of servers."
    for name, active in wanted.active.items():
        member = wanted.servers.get(active)
        if name == FABRIC:
            yield f"sets: {name}: its own epochs say who is active; leave active out."
        elif member is None or member.replica_set != name:
            yield f"sets: {name}: active names {active}, which is no member of it."


def _problems_there(
    wanted: Contents, found: Found, newest: int, confirmed: Collection[str]
) -> Iterator[str]:
    if found.closed:
        yield (
            "This member does not take writes; the directory is changed on the active writer of "
            f"{FABRIC}."
        )
    if found.schema_version > newest:
        yield (
            f"The directory's schema is of version {found.schema_version}, and this collection knows "
            f"up to {newest}. Install a newer collection here; nothing has been changed."
        )
    others = [name for name in found.topologies if name != TOPOLOGY]
    if others:
        yield f"The directory holds the topology {', '.join(others)}; each has one of its own."
    yield from _taken(wanted, found)
    yield from _moved(wanted.servers, found, confirmed)


def _changed_since(expected: tuple[int, int] | None, version: tuple[int, int]) -> Iterator[str]:
    if expected not in (None, version):
        yield (
            f"The directory has changed since it was looked at: its version was {expected}, and is "
            f"{version}. Nothing has been touched. Look at it again."
        )


def _taken(wanted: Contents, found: Found) -> Iterator[str]:
    """Say which offset, address or number somebody has who is not in the inventory any more."""
    gone = {n: s for n, s in found.contents.servers.items() if n not in wanted.servers}
    addresses = {(s.host, s.port): n for n, s in found.contents.servers.items()}
    for name, server in wanted.servers.items():
        for other, former in gone.items():
            if _give_same_ids(server, former):
                yield (
                    f"servers: {name}: its id_offset {server.id_offset} gives ids that {other} has "
                    "given, which would be taken for its own. Choose another one."
                )
        owner = addresses.get((server.host, server.port), name)
        if owner != name:
            how = (
                f"Let {owner} have another one first, in a run of its own."
                if owner in wanted.servers
                else f"Give the row {owner} of fabric.servers another host by hand; it has gone."
            )
            yield (
                f"servers: {name}: its address {server.host}:{server.port} is that of {owner} in the "
                f"directory. {how}"
            )
    numbers = {
        s.shard_number: n
        for n, s in found.contents.sets.items()
        if n not in wanted.sets and s.shard_number is not None
    }
    for name, replica_set in wanted.sets.items():
        if replica_set.shard_number in numbers:
            yield (
                f"sets: {name}: the shard number {replica_set.shard_number} was given to "
                f"{numbers[replica_set.shard_number]}, and is never used again. Choose another one."
            )
    for name, replica_set in wanted.sets.items():
        before = found.contents.sets.get(name)
        number = before.shard_number if before else None
        if number is not None and replica_set.shard_number not in (None, number):
            yield (
                f"sets: {name}: its shard_number was {number} and is {replica_set.shard_number}; keys "
                "that are on it would be looked for on another one. Put it back."
            )


def _give_same_ids(one: DirectoryServer, other: DirectoryServer) -> bool:
    """Whether two write servers have ids in common."""
    if not (one.id_increment and one.id_offset and other.id_increment and other.id_offset):
        return False
    distance = math.gcd(one.id_increment, other.id_increment)
    return one.id_offset % distance == other.id_offset % distance


def _moved(
    wanted: Mapping[str, DirectoryServer], found: Found, confirmed: Collection[str]
) -> Iterator[str]:
    """Say whose identity has changed: its ids and its rows stay where they were written."""
    has = found.contents.servers
    for name, server in wanted.items():
        before = has.get(name)
        if before is None:
            continue
        if name in confirmed and found.has_been(server):
            for other, row in has.items():
                if other != name and other in wanted and _give_same_ids(server, row):
                    yield (
                        f"servers: {name}: its id_offset {server.id_offset} gives ids of {other} in the "
                        f"directory. Correct both rows of {FABRIC}.servers by hand."
                    )
            continue
        if before.kind != server.kind or before.replica_set != server.replica_set:
            was = f"a member of {before.replica_set}" if before.kind == MEMBER else before.kind
            now = f"a member of {server.replica_set}" if server.kind == MEMBER else server.kind
            yield (
                f"servers: {name}: it is {was} in the directory, and {now} in the inventory. Give the "
                "new one a name of its own."
            )
        pairs = [(one.id_increment, one.id_offset) for one in (before, server)]
        if pairs[0] != pairs[1] and before.kind == server.kind == WRITE:
            yield (
                f"servers: {name}: its id_increment and id_offset were {pairs[0][0]} and "
                f"{pairs[0][1]}, and are {pairs[1][0]} and {pairs[1][1]}; ids that it has given would "
                "be taken for another server's. Put them back."
            )


def _gone(wanted: Contents, found: Found) -> Iterator[str]:
    """Warn of what the directory has and the inventory has not; it is left as it is."""
    for name in found.contents.servers:
        if name not in wanted.servers and found.states.get(name) != RETIRED:
            yield (
                f"The directory has the server {name} ({found.states.get(name)}), which is not in the "
                "inventory. It is left as it is; applications are told of it as long as it is online."
            )
