# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the directory knows of servers and replica sets, and what the inventory says of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    AVAILABLE,
)

# The set that holds the directory. Who is active in it, its own epochs tell.
FABRIC = "fabric"
# What an inventory describes is one topology, and has a directory of its own.
TOPOLOGY = "main"
WRITE, READ, MEMBER = "write", "read", "member"
KINDS = (WRITE, READ, MEMBER)
# States of a server, which the operator sets. A new one is ``joining`` until every read server
# follows it; ``retired`` ones keep their row, and with it their ids.
JOINING, ONLINE, DRAINING, MAINTENANCE, RETIRED = (
    "joining",
    "online",
    "draining",
    "maintenance",
    "retired",
)
STATES = (JOINING, ONLINE, DRAINING, MAINTENANCE, RETIRED)
SHARD_STATES = ("open", "draining", "full")


@dataclass(frozen=True)
class Identity:
    """What stays of a server for good: its ids and its rows stay where they were written."""

    kind: str
    replica_set: str | None = None
    id_increment: int | None = None
    id_offset: int | None = None

    def told(self) -> dict[str, Any]:
        """Return it as a part of a module's result."""
        return asdict(self)


@dataclass(frozen=True)
class DirectoryServer:
    """A server as the inventory describes it; ``id_increment`` and ``id_offset`` of write servers."""

    name: str
    kind: str
    datacenter: str
    host: str
    port: int = 3306
    weight: float = 1.0
    id_increment: int | None = None
    id_offset: int | None = None
    replica_set: str | None = None

    @property
    def identity(self) -> Identity:
        """What stays of it for good."""
        return Identity(self.kind, self.replica_set, self.id_increment, self.id_offset)

    def problems(self) -> list[str]:
        """Say what cannot be in the directory."""
        found = []
        if self.kind == WRITE and not (self.id_increment and self.id_offset):
            found.append(
                f"servers: {self.name}: a write server needs id_increment and id_offset; by them the "
                "server of an id is found."
            )
        if self.kind != WRITE and (self.id_increment or self.id_offset):
            found.append(f"servers: {self.name}: id_increment and id_offset are for write servers.")
        if self.id_increment and self.id_offset and not 1 <= self.id_offset <= self.id_increment:
            found.append(
                f"servers: {self.name}: id_offset {self.id_offset} is outside 1..{self.id_increment}."
            )
        if (self.kind == MEMBER) != bool(self.replica_set):
            found.append(f"servers: {self.name}: replica_set is for members, which need it.")
        if self.weight < 0:
            found.append(f"servers: {self.name}: weight is {self.weight}; it must not be below 0.")
        return found

    def told(self) -> dict[str, Any]:
        """Return it as a part of a diff."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class DirectorySet:
    """A replica set; one with a ``shard_number`` is a shard. ``capacity_gib`` None: not limited.

    As the inventory describes it, what is None is not said there, and stays.
    """

    name: str
    durability: str
    shard_number: int | None = None
    weight: float | None = None
    capacity_gib: int | None = None

    def with_what_is_there(self, before: DirectorySet | None) -> DirectorySet:
        """Return it with what it does not say itself."""
        known = before or DirectorySet(self.name, self.durability, weight=1.0)
        return replace(
            self,
            shard_number=known.shard_number if self.shard_number is None else self.shard_number,
            weight=known.weight if self.weight is None else self.weight,
            capacity_gib=known.capacity_gib if self.capacity_gib is None else self.capacity_gib,
        )

    def told(self) -> dict[str, Any]:
        """Return it as a part of a diff."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Contents:
    """What the inventory owns of a directory.

    ``usage_tables`` are named with their schema. ``active`` has the active writer of sets, as their
    own epochs say; the set that holds the directory is not among them.
    """

    servers: Mapping[str, DirectoryServer] = field(default_factory=dict)
    sets: Mapping[str, DirectorySet] = field(default_factory=dict)
    usage_tables: frozenset[str] = frozenset()
    active: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A directory as it is there.

    ``schema_version`` 0: there is none. ``version`` is the pair that clients compare, the epoch of
    the set and a counter. ``states`` has each server's state, ``topologies`` whose rows there are.
    ``closed``: this member does not take writes. ``written`` is what the log has of servers, as this
    collection has written them at any time; it is read where it is needed.
    """

    schema_version: int = 0
    closed: bool = False
    version: tuple[int, int] = (0, 0)
    topologies: Sequence[str] = ()
    contents: Contents = Contents()
    states: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, Collection[Identity]] = field(default_factory=dict)

    def has_been(self, server: DirectoryServer) -> bool:
        """Whether this collection has written a server of this name with this identity before."""
        return server.identity in self.written.get(server.name, ())


@dataclass(frozen=True)
class ServerState:
    """What the directory itself knows of a server: the operator's state, the supervision's mark.

    Times are text, as the directory has them; None where there is none.
    """

    state: str
    reason: str = ""
    by: str = ""
    since: str | None = None
    until: str | None = None
    is_down: bool = False
    down_reason: str = ""
    down_by: str = ""
    down_since: str | None = None

    def told(self) -> dict[str, Any]:
        """Return it as a part of a module's result."""
        return asdict(self)


@dataclass(frozen=True)
class SetState:
    """What the directory itself knows of a replica set: how a shard takes new tenants."""

    state: str
    reason: str = ""
    by: str = ""
    since: str | None = None

    def told(self) -> dict[str, Any]:
        """Return it as a part of a module's result."""
        return asdict(self)


@dataclass(frozen=True)
class Everything:
    """A directory with what it owns itself, all of one version. ``tenants`` is how many it has."""

    found: Found
    servers: Mapping[str, ServerState] = field(default_factory=dict)
    sets: Mapping[str, SetState] = field(default_factory=dict)
    tenants: int = 0


def contents_of(given: Mapping[str, Any]) -> Contents:
    """Return what the inventory, or a module of the directory, says of servers, sets and tables."""
    return Contents(
        {
            one["name"]: DirectoryServer(
                one["name"],
                one["kind"],
                str(one["datacenter"]),
                str(one["host"]),
                int(one["port"]),
                float(one["weight"]),
                _number(one.get("id_increment")),
                _number(one.get("id_offset")),
                one.get("replica_set"),
            )
            for one in given["servers"]
        },
        {
            one["name"]: DirectorySet(
                one["name"],
                one.get("durability") or AVAILABLE,
                _number(one.get("shard_number")),
                None if one.get("weight") is None else float(one["weight"]),
                _number(one.get("capacity_gib")),
            )
            for one in given["sets"]
        },
        frozenset(given["usage_tables"]),
        {one["name"]: one["active"] for one in given["sets"] if one.get("active")},
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
