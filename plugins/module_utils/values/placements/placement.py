# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a key is: the six placements.

Five kinds of rules say which shard a key belongs to, and pins stand over any of them. Shards
are numbers here, which never change and are never given again; names are what people see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.id_bits import IdBits
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import (
    hash_of,
    key_text,
    shown,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.ring import Points
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

DIRECTORY, MODULO, RING, ID_BITS, PRE_SHARDED = (
    "directory",
    "modulo",
    "ring",
    "id_bits",
    "pre_sharded",
)
KINDS = (DIRECTORY, MODULO, RING, ID_BITS, PRE_SHARDED)


@dataclass(frozen=True)
class Place:
    """Where a key is: on a shard, and of a pre-sharded placement in a logical shard there."""

    shard: int
    logical_shard: int | None = None
    pinned: bool = False


class Rule(Protocol):
    """One kind of placement; ``place`` raises ``Refused`` for a key that has no place."""

    @property
    def kind(self) -> str:
        """One of ``KINDS``."""

    def place(self, text: str) -> Place:
        """Return where a key is, as ``key_text`` gives it."""


@dataclass(frozen=True)
class Directory:
    """A row for each key says on which shard it is."""

    keys: Mapping[str, int]
    kind: str = field(default=DIRECTORY, init=False)

    def place(self, text: str) -> Place:
        """Return what the key's row says."""
        if text not in self.keys:
            raise Refused([f"The key {shown(text)} has no row; write one before its first data."])
        return Place(self.keys[text])


@dataclass(frozen=True)
class Modulo:
    """The hash modulo the number of slots says in which slot a key is; each slot is a shard's."""

    slots: tuple[int, ...]
    kind: str = field(default=MODULO, init=False)

    def place(self, text: str) -> Place:
        """Return the shard of the key's slot."""
        return Place(self.slots[hash_of(text) % len(self.slots)])


@dataclass(frozen=True)
class Ring:
    """Consistent hashing with virtual nodes, by the weights of shards."""

    weights: Mapping[int, Fraction]
    kind: str = field(default=RING, init=False)

    @cached_property
    def points(self) -> Points:
        """The points of the shards."""
        return Points(self.weights)

    def place(self, text: str) -> Place:
        """Return the shard of the next point."""
        return Place(self.points.owner(hash_of(text)))


@dataclass(frozen=True)
class ShardInId:
    """The key is an id that has the number of its shard in itself."""

    shards: frozenset[int]
    bits: IdBits = field(default_factory=IdBits)
    kind: str = field(default=ID_BITS, init=False)

    def place(self, text: str) -> Place:
        """Return the shard in the id."""
        shard = self.bits.split(text).shard
        if shard not in self.shards:
            raise Refused([f"The id {text} is of shard {shard}, which this placement lacks."])
        return Place(shard)


@dataclass(frozen=True)
class PreSharded:
    """The hash modulo a number that never changes says in which logical shard a key is.

    ``shards`` says on which shard each logical one is. Those from ``count`` on have keys only by
    pins.
    """

    count: int
    shards: Mapping[int, int]
    kind: str = field(default=PRE_SHARDED, init=False)

    def place(self, text: str) -> Place:
        """Return the logical shard of the key, and where that is."""
        return self.at(hash_of(text) % self.count)

    def at(self, logical: int, pinned: bool = False) -> Place:
        """Return where a logical shard is."""
        return Place(self.shards[logical], logical, pinned)


@dataclass(frozen=True)
class Placement:
    """A rule, the shards it places keys on, and the keys that were placed by hand.

    ``names`` are the shards' names by number. ``pins`` have the number of a shard, or of a
    pre-sharded placement that of a logical shard.
    """

    rule: Rule
    names: Mapping[int, str]
    pins: Mapping[str, int] = field(default_factory=dict)

    def place(self, key: Any) -> Place:
        """Return where a key is. Raises ``Refused`` when it has no place: there is no default."""
        text = key_text(key)
        if text not in self.pins:
            return self.rule.place(text)
        if isinstance(self.rule, PreSharded):
            return self.rule.at(self.pins[text], pinned=True)
        return Place(self.pins[text], pinned=True)
