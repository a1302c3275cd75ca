# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the directory differs from the inventory and from what servers say, and which side is right.

The inventory owns what servers are, and the servers who is their active writer. What the directory
owns, states, marks, tenants and placements, is compared with nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    FABRIC,
    JOINING,
    MEMBER,
    READ,
    RETIRED,
    WRITE,
    Contents,
    DirectoryServer,
    DirectorySet,
    Found,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)

# The side that is taken over. By hand: neither may be, or nobody knows which one is right.
SERVERS, INVENTORY, BY_HAND = "servers", "inventory", ""
DIRECTIONS = (SERVERS, INVENTORY)
_TAKE = {one: f"run it with -e direction={one}." for one in DIRECTIONS}
_Pair = tuple[Optional[int], Optional[int]]


@dataclass(frozen=True)
class Said:
    """What a server says of itself; without ``answers`` nothing but ``why`` it does not.

    ``epoch`` is the newest that a member knows (None: it knows none), and ``epoch_active`` who is
    active in it. ``channels`` are those of a server that is no member.
    """

    answers: bool = False
    why: str = "it was not asked"
    increment: int | None = None
    offset: int | None = None
    takes_writes: bool = False
    channels: Sequence[str] = ()
    epoch: int | None = None
    epoch_active: str = ""

    @property
    def kind(self) -> str | None:
        """What it is by its own account; None where it does not show."""
        if self.epoch is not None:
            return MEMBER
        if self.channels:
            return READ
        return WRITE if self.takes_writes and (self.increment or 1) > 1 else None


@dataclass(frozen=True)
class Difference:
    """What differs, and by which direction it is resolved."""

    finding: Finding
    direction: str = BY_HAND

    def told(self) -> dict[str, Any]:
        """Return it as a part of a result."""
        return {**self.finding.told(), "direction": self.direction}


@dataclass(frozen=True)
class Comparison:
    """All differences, the worst first, and what resolves them.

    ``confirmed`` are servers that are by their own account what the inventory says, and that the
    directory has been told so before, or has never been told of. ``active`` has
    who takes writes in sets, as far as that is known; the directory's own set is not among them.
    """

    differences: Sequence[Difference] = ()
    confirmed: Sequence[str] = ()
    active: Mapping[str, str] = field(default_factory=dict)

    def by(self, direction: str) -> list[Difference]:
        """Return what a direction resolves."""
        return [one for one in self.differences if one.direction == direction]


def request_problems(
    direction: str, servers: Sequence[str], has_directory: bool, hosts: Collection[str]
) -> list[str]:
    """Return why it cannot be compared as asked for, before a server is.

    ``servers`` are those of the inventory; ``hosts`` are those that --limit has left.
    """
    found = []
    if not has_directory:
        found.append(
            f"The inventory has no replica set {FABRIC}, which would hold a directory; put its members "
            "into the group fabric_servers."
        )
    if direction and direction not in DIRECTIONS:
        found.append(
            f"direction is {direction}; it must be {' or '.join(DIRECTIONS)}. Without it the playbook "
            "only reports."
        )
    left_out = [name for name in servers if name not in hosts]
    if left_out:
        found.append(
            f"--limit leaves out {', '.join(left_out)}, which would have to be asked; run it without."
        )
    return found


def writer(members: Mapping[str, Said]) -> tuple[str, str]:
    """Return who takes writes in a set, or why that is not known; the other one is empty."""
    takers = [name for name, one in members.items() if one.takes_writes]
    epochs = [one for one in members.values() if one.epoch is not None]
    newest = max(epochs, key=lambda one: one.epoch or 0, default=None)
    if len(takers) > 1:
        return "", f"{' and '.join(takers)} take writes"
    if newest is None:
        silent = [f"{name}: {one.why}" for name, one in members.items() if not one.answers]
        told = f" ({'; '.join(silent)})" if silent else ""
        return "", f"no member knows an epoch{told}"
    if not takers:
        return "", f"no member takes writes; in epoch {newest.epoch} it was {newest.epoch_active}"
    if newest.epoch_active != takers[0]:
        return "", (
            f"{takers[0]} takes writes, and in epoch {newest.epoch} the active writer is "
            f"{newest.epoch_active}"
        )
    return takers[0], ""


def compare(found: Found, newest: int, inventory: Contents, said: Mapping[str, Said]) -> Comparison:
    """Compare the directory with the inventory and with what servers say.

    ``newest`` is the version of the schema that this collection makes. ``said`` is by the names of
    the inventory.
    """
    writers = {
        name: writer({one.name: said.get(one.name, Said()) for one in _members(inventory, name)})
        for name in inventory.sets
    }
    confirmed = [
        name
        for name, server in inventory.servers.items()
        if _confirms(server, said.get(name, Said()), inventory) and _was(server, found)
    ]
    differences = [
        *_schema(found, newest),
        *_silent(inventory, said),
        *_servers_themselves(inventory, said),
    ]
    if 0 < found.schema_version <= newest:
        differences += _servers(found, inventory, said, confirmed)
        differences += _sets(found, inventory)
        differences += _tables(found.contents, inventory)
        differences += _epochs(found, inventory, said)
    differences += _active(found, newest, inventory, writers)
    return Comparison(
        sorted(differences, key=lambda one: one.finding.severity != CRITICAL),
        confirmed,
        {name: active for name, (active, _why) in writers.items() if active and name != FABRIC},
    )


def notes(found: Found, direction: str) -> list[str]:
    """Say what a directory that was made anew does not have."""
    if found.schema_version or direction != INVENTORY:
        return []
    return [
        f"The directory is made anew. Applications are given no server that is {JOINING}, and each is "
        "until site.yml has seen that every read server follows it. States, marks, tenants and "
        "placements were in the directory alone: set them again, or take them from a backup. So were "
        "the offsets of servers that are gone: give them to no other."
    ]


def _members(inventory: Contents, name: str) -> list[DirectoryServer]:
    return [one for one in inventory.servers.values() if one.replica_set == name]


def _confirms(server: DirectoryServer, said: Said, inventory: Contents) -> bool:
    if said.kind != server.kind:
        return False
    if server.kind == WRITE:
        return (said.increment, said.offset) == _ids(server)
    if server.kind == MEMBER:
        members = _members(inventory, str(server.replica_set))
        return said.epoch_active in [one.name for one in members]
    return True


def _was(server: DirectoryServer, found: Found) -> bool:
    """Whether nothing speaks against an identity in the directory itself, or only a change by hand."""
    has = found.contents.servers.get(server.name, server)
    return has.identity == server.identity or found.has_been(server)


def _schema(found: Found, newest: int) -> Iterator[Difference]:
    if not found.schema_version:
        yield Difference(
            Finding(
                "directory.missing",
                CRITICAL,
                "",
                f"There is no directory: the schema {FABRIC} is not there, or not complete.",
                f"To make it of the inventory and of what servers say, {_TAKE[INVENTORY]}",
            ),
            INVENTORY,
        )
    elif found.schema_version > newest:
        yield Difference(
            Finding(
                "directory.schema_newer",
                CRITICAL,
                "",
                f"The directory's schema is of version {found.schema_version}, and this collection "
                f"knows up to {newest}.",
                "Nothing in it has been compared. Install a newer collection here.",
            )
        )
    elif found.schema_version < newest:
        yield Difference(
            Finding(
                "directory.schema_older",
                WARNING,
                "",
                f"The directory's schema is of version {found.schema_version}, and this collection "
                f"makes {newest}",
                _TAKE[INVENTORY],
            ),
            INVENTORY,
        )


def _silent(inventory: Contents, said: Mapping[str, Said]) -> Iterator[Difference]:
    for name in inventory.servers:
        one = said.get(name, Said())
        if not one.answers:
            yield Difference(
                Finding(
                    "directory.server_silent",
                    WARNING,
                    name,
                    f"It does not say what it is ({one.why}).",
                    "What the directory has of it was compared with the inventory alone.",
                )
            )


def _servers_themselves(inventory: Contents, said: Mapping[str, Said]) -> Iterator[Difference]:
    """Compare servers with the inventory, which the directory follows."""
    for name, server in inventory.servers.items():
        one = said.get(name, Said())
        if one.kind is not None and one.kind != server.kind:
            yield Difference(
                Finding(
                    "directory.server_of_other_kind",
                    CRITICAL,
                    name,
                    f"the inventory has it as {_what(server)}, and by its own account it is "
                    f"{_KINDS[one.kind]}",
                    "the directory follows the inventory, so correct one of these two.",
                )
            )
        elif one.answers and server.kind == WRITE and (one.increment, one.offset) != _ids(server):
            yield Difference(
                Finding(
                    "directory.server_with_other_ids",
                    CRITICAL,
                    name,
                    f"the inventory has its ids as {_told(_ids(server))}, and it gives itself "
                    f"{_told((one.increment, one.offset))}",
                    "the directory follows the inventory: correct that, or let site.yml set the server.",
                )
            )


def _servers(
    found: Found, inventory: Contents, said: Mapping[str, Said], confirmed: Collection[str]
) -> Iterator[Difference]:
    has = found.contents.servers
    for name, server in inventory.servers.items():
        if name not in has:
            yield Difference(
                Finding(
                    "directory.server_missing",
                    CRITICAL,
                    name,
                    f"the inventory has it ({_what(server)}, {server.host}:{server.port}), and the "
                    "directory has not",
                    _TAKE[INVENTORY],
                ),
                INVENTORY,
            )
            continue
        own = said.get(name, Said())
        yield from _identity(has[name], server, own, name in confirmed)
        sides = _sides(has[name], server, "datacenter", "host", "port", "weight")
        if sides:
            yield Difference(
                Finding("directory.server_differs", WARNING, name, sides, _TAKE[INVENTORY]),
                INVENTORY,
            )
    for name, server in has.items():
        if name not in inventory.servers and found.states.get(name) != RETIRED:
            yield Difference(
                Finding(
                    "directory.server_unknown",
                    WARNING,
                    name,
                    f"the directory has it ({_what(server)}, {found.states.get(name)}), and the "
                    "inventory has not",
                    f"put it back there, or, if it is gone, set its state in {FABRIC}.servers to "
                    f"{RETIRED}: docs/directory.md.",
                )
            )


def _identity(
    has: DirectoryServer, wanted: DirectoryServer, said: Said, confirmed: bool
) -> Iterator[Difference]:
    """Compare what nobody may change of a server that has given ids, or holds rows."""
    name = wanted.name
    if _what(has) != _what(wanted):
        own = f"by its own account it is {_KINDS[said.kind]}" if said.kind else "it does not say"
        yield Difference(
            Finding(
                "directory.kind_differs",
                CRITICAL,
                name,
                f"the directory has it as {_what(has)}, the inventory as {_what(wanted)}, and {own}",
                _TAKE[INVENTORY]
                if confirmed
                else "correct the inventory; a new server has a new name.",
            ),
            INVENTORY if confirmed else BY_HAND,
        )
    elif _ids(has) != _ids(wanted):
        own = f"it gives itself {_told((said.increment, said.offset))}" if said.answers else ""
        yield Difference(
            Finding(
                "directory.ids_differ",
                CRITICAL,
                name,
                f"the directory has its ids as {_told(_ids(has))}, the inventory as "
                f"{_told(_ids(wanted))}, and {own or 'it does not say'}",
                _TAKE[INVENTORY]
                if confirmed
                else "ids that it has given must not be taken for another server's: correct the "
                "inventory, or let site.yml set the server.",
            ),
            INVENTORY if confirmed else BY_HAND,
        )


def _sets(found: Found, inventory: Contents) -> Iterator[Difference]:
    has = found.contents.sets
    for name, replica_set in inventory.sets.items():
        if name not in has:
            yield Difference(
                Finding(
                    "directory.set_missing",
                    CRITICAL,
                    name,
                    "the inventory has this replica set, and the directory has not",
                    _TAKE[INVENTORY],
                ),
                INVENTORY,
            )
            continue
        wanted = replica_set.with_what_is_there(has[name])
        sides = _sides(has[name], wanted, "durability", "shard_number", "weight", "capacity_gib")
        if sides:
            # Keys that are on a shard would be looked for on another one.
            may = has[name].shard_number in (None, wanted.shard_number)
            todo = _TAKE[INVENTORY] if may else "a shard keeps its number: correct the inventory."
            yield Difference(
                Finding("directory.set_differs", WARNING, name, sides, todo),
                INVENTORY if may else BY_HAND,
            )
    for name in has:
        states = {
            found.states.get(one.name)
            for one in found.contents.servers.values()
            if one.replica_set == name
        }
        if name not in inventory.sets and states != {RETIRED}:
            yield Difference(
                Finding(
                    "directory.set_unknown",
                    WARNING,
                    name,
                    "the directory has this replica set, and the inventory has not",
                    f"put it back there, or, if it is gone, set its servers to {RETIRED}.",
                )
            )


def _tables(has: Contents, inventory: Contents) -> Iterator[Difference]:
    for name in sorted(inventory.usage_tables ^ has.usage_tables):
        here, there = (
            ("inventory", "directory")
            if name in inventory.usage_tables
            else ("directory", "inventory")
        )
        yield Difference(
            Finding(
                "directory.usage_table_differs",
                WARNING,
                name,
                f"the {here} has this usage table, and the {there} has not",
                _TAKE[INVENTORY],
            ),
            INVENTORY,
        )


def _epochs(found: Found, inventory: Contents, said: Mapping[str, Said]) -> Iterator[Difference]:
    """Compare the epoch of the directory's version with what the members know that hold it."""
    for member in _members(inventory, FABRIC):
        one = said.get(member.name, Said())
        if one.epoch is not None and one.epoch != found.version[0]:
            yield Difference(
                Finding(
                    "directory.epoch_differs",
                    WARNING,
                    member.name,
                    f"the directory is in epoch {found.version[0]} on the active writer, and this "
                    f"member knows {one.epoch}; who asks it has an older directory",
                    "see how it follows: docs/replica-sets.md.",
                )
            )


def _active(
    found: Found, newest: int, inventory: Contents, writers: Mapping[str, tuple[str, str]]
) -> Iterator[Difference]:
    """Compare the copies of who is active with who takes writes."""
    copies = found.contents.active
    if copies.get(FABRIC):
        yield Difference(
            Finding(
                "directory.active_differs",
                WARNING,
                FABRIC,
                f"the directory has a copy, {copies[FABRIC]}, of who is active in its own set, whose "
                "epochs tell that",
                f"nothing reads it; set it to NULL in {FABRIC}.replica_sets.",
            )
        )
    for name, (active, why) in writers.items():
        if name == FABRIC:
            continue
        copy = copies.get(name)
        if not active:
            yield Difference(
                Finding(
                    "directory.active_unknown",
                    WARNING,
                    name,
                    f"the directory has {copy or 'nobody'} as its active writer, and who it is nobody "
                    f"knows: {why}",
                    "settle the set first: docs/replica-sets.md.",
                )
            )
        elif name in found.contents.sets and copy != active:
            known = found.contents.servers.get(active)
            may = known is not None and known.replica_set == name and found.schema_version == newest
            yield Difference(
                Finding(
                    "directory.active_differs",
                    CRITICAL,
                    name,
                    f"the directory has {copy or 'nobody'} as its active writer, and {active} takes "
                    "writes",
                    _TAKE[SERVERS] if may else f"first {_TAKE[INVENTORY]}",
                ),
                SERVERS if may else BY_HAND,
            )


_KINDS = {WRITE: "a write server", READ: "a read server", MEMBER: "a member of a replica set"}


def _sides(
    has: DirectoryServer | DirectorySet, wanted: DirectoryServer | DirectorySet, *names: str
) -> str:
    """Say which of these both have otherwise; nothing where they are alike."""
    differing = [name for name in names if getattr(has, name) != getattr(wanted, name)]
    if not differing:
        return ""
    told = [
        ", ".join(f"{name} {getattr(side, name)}" for name in differing) for side in (has, wanted)
    ]
    return f"the directory has {told[0]}, and the inventory {told[1]}"


def _what(server: DirectoryServer) -> str:
    if server.kind == MEMBER:
        return f"a member of {server.replica_set}"
    return _KINDS[server.kind]


def _ids(server: DirectoryServer) -> _Pair:
    return server.id_increment, server.id_offset


def _told(pair: _Pair) -> str:
    return f"offset {pair[1]} of {pair[0]}"
