# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A placement as a person writes it, judged as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.id_bits import bits_of
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import (
    key_text,
    shown,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import (
    DIRECTORY,
    ID_BITS,
    KINDS,
    MODULO,
    PRE_SHARDED,
    RING,
    Directory,
    Modulo,
    Placement,
    PreSharded,
    Ring,
    Rule,
    ShardInId,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.ring import MAX_WEIGHT
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    collect,
)

MAX_SHARD_NUMBER = (1 << 32) - 1
MAX_LOGICAL_SHARDS = 65536
MAX_SLOTS = 65536
_COMMON = ("kind", "shards", "pins")
_OWN = {
    DIRECTORY: ("keys",),
    MODULO: ("slots",),
    RING: (),
    ID_BITS: ("bits",),
    PRE_SHARDED: ("logical_shards", "logical_map"),
}


def placement_of(described: Any) -> Placement:
    """Return the placement that a mapping describes. Raises ``Refused`` with every mistake.

    Its keys are ``kind``, ``shards`` (by name, each with ``shard_number`` and in a ring with
    ``weight``), ``pins``, and those of its kind; the filter shard_for_key documents them.
    """
    if not isinstance(described, Mapping):
        raise Refused([f"A placement is {described!r}; it must be a mapping with kind and shards."])
    kind = described.get("kind")
    if kind not in KINDS:
        raise Refused([f"kind is {kind!r}; it must be one of {', '.join(KINDS)}."])
    reader = _Reader(described, str(kind))
    reader.check_words()
    reader.read_shards()
    rule = reader.rule()
    pins = reader.pins(rule)
    if rule is None or reader.problems:
        raise Refused(reader.problems)
    return Placement(rule, reader.names, pins)


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _mapping(value: Any) -> Mapping[Any, Any] | None:
    return value if isinstance(value, Mapping) else None


@dataclass
class _Reader:
    """Reads one description, and gathers what is wrong with it."""

    described: Mapping[str, Any]
    kind: str
    problems: list[Any] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    weights: dict[int, Fraction] = field(default_factory=dict)

    @property
    def names(self) -> dict[int, str]:
        return {number: name for name, number in self.numbers.items()}

    def check_words(self) -> None:
        """Find words that this kind does not know: one that is misspelled would count for nothing."""
        known = _COMMON + _OWN[self.kind]
        self.problems += [
            f"{word} is no part of a placement of the kind {self.kind}; it has {', '.join(known)}."
            for word in self.described
            if word not in known
        ]

    def read_shards(self) -> None:
        """Read the shards, their numbers and their weights."""
        shards = _mapping(self.described.get("shards"))
        if not shards:
            self.problems.append(
                "shards is missing or empty; name each shard: s1: {shard_number: 1}."
            )
            return
        for name, shard in shards.items():
            self._read_shard(name, shard)

    def _read_shard(self, name: Any, shard: Any) -> None:
        where = f"shards: {name}"
        known = ("shard_number", "weight") if self.kind == RING else ("shard_number",)
        if not isinstance(name, str) or not name:
            self.problems.append(f"{where}: the name must be a text.")
        if not isinstance(shard, Mapping):
            self.problems.append(f"{where} is {shard!r}; it must be a mapping with shard_number.")
            return
        self.problems += [
            f"{where}: {word} is unknown to a placement of the kind {self.kind}; "
            f"there is {', '.join(known)}."
            for word in shard
            if word not in known
        ]
        number = _integer(shard.get("shard_number"))
        if number is None or not 0 <= number <= MAX_SHARD_NUMBER:
            self.problems.append(
                f"{where}: shard_number is {shard.get('shard_number')!r}; "
                f"it must be an integer from 0 to {MAX_SHARD_NUMBER}."
            )
            return
        if number in self.weights:
            self.problems.append(
                f"{where}: shard_number {number} is that of {self.names[number]}, too; "
                "each shard has one of its own, which is never given again."
            )
            return
        self.numbers[str(name)] = number
        self.weights[number] = self._weight(where, shard.get("weight", 1))

    def _weight(self, where: str, weight: Any) -> Fraction:
        read = None
        if _integer(weight) is not None or isinstance(weight, float):
            try:
                read = Fraction(str(weight))
            except ValueError:
                read = None
        if read is None or not 0 < read <= MAX_WEIGHT:
            self.problems.append(
                f"{where}: weight is {weight!r}; it must be a number above 0, "
                f"and {MAX_WEIGHT} at most."
            )
            return Fraction(1)
        return read

    def rule(self) -> Rule | None:
        """Return the rule of the kind, or nothing where there are problems."""
        makers: dict[str, Callable[[], Rule | None]] = {
            DIRECTORY: self._directory,
            MODULO: self._modulo,
            RING: lambda: Ring(dict(self.weights)),
            ID_BITS: self._id_bits,
            PRE_SHARDED: self._pre_sharded,
        }
        return makers[self.kind]()

    def _shard(self, where: str, name: Any) -> int | None:
        """Return a shard's number by its name."""
        if not isinstance(name, str) or name not in self.numbers:
            self.problems.append(
                f"{where}: {name!r} is none of the shards; there is "
                f"{', '.join(self.numbers) or 'none'}."
            )
            return None
        return self.numbers[name]

    def _by_key(self, option: str, read: Callable[[str, Any], int | None]) -> dict[str, int]:
        """Return what a mapping of keys says, by the keys as texts."""
        given = self.described.get(option)
        rows = _mapping({} if given is None else given)
        if rows is None:
            self.problems.append(f"{option} is {given!r}; it must be a mapping of keys.")
            return {}
        found: dict[str, int] = {}
        for key, value in rows.items():
            with collect(self.problems, option):
                text = key_text(key)
                where = f"{option}: {shown(text)}"
                if text in found:
                    raise Refused([f"{where} is there twice, as a text and as a number."])
                number = read(where, value)
                if number is not None:
                    found[text] = number
        return found

    def _directory(self) -> Rule:
        return Directory(self._by_key("keys", self._shard))

    def _modulo(self) -> Rule | None:
        given = self.described.get("slots")
        if given is None:
            return Modulo(tuple(sorted(self.weights)))
        if not isinstance(given, Sequence) or isinstance(given, str) or not given:
            self.problems.append(f"slots is {given!r}; it must be a list of shards.")
            return None
        if len(given) > MAX_SLOTS:
            self.problems.append(
                f"slots has {len(given)} entries; it may have {MAX_SLOTS} at most."
            )
            return None
        slots = [self._shard(f"slots: {place}", name) for place, name in enumerate(given)]
        self.problems += [
            f"slots: {name} has none; give it one, or take it out of shards."
            for name, number in self.numbers.items()
            if number not in slots
        ]
        return Modulo(tuple(number for number in slots if number is not None))

    def _id_bits(self) -> Rule | None:
        bits = None
        with collect(self.problems, "bits"):
            bits = bits_of(self.described.get("bits"))
        if bits is None:
            return None
        self.problems += [
            f"shards: {name}: shard_number {number} has no room in {bits.shard} bits; "
            f"the highest is {(1 << bits.shard) - 1}."
            for name, number in self.numbers.items()
            if number >> bits.shard
        ]
        return ShardInId(frozenset(self.weights), bits)

    def _pre_sharded(self) -> Rule | None:
        count = _integer(self.described.get("logical_shards"))
        if count is None or not 1 <= count <= MAX_LOGICAL_SHARDS:
            self.problems.append(
                f"logical_shards is {self.described.get('logical_shards')!r}; it must be an integer "
                f"from 1 to {MAX_LOGICAL_SHARDS}."
            )
            return None
        rows = _mapping(self.described.get("logical_map"))
        if rows is None:
            self.problems.append(
                'logical_map is missing or no mapping; say where each is: s1: ["0-511"].'
            )
            return None
        found: dict[int, int] = {}
        for name, given in rows.items():
            number = self._shard("logical_map", name)
            for logical in self._logical_shards(f"logical_map: {name}", given):
                if logical in found:
                    self.problems.append(f"logical_map: {name}: {logical} is somewhere else, too.")
                if number is not None:
                    found[logical] = number
        missing = [logical for logical in range(count) if logical not in found]
        if missing and not self.problems:
            self.problems.append(
                f"logical_map lacks {len(missing)} of {count} logical shards, "
                f"of which the first is {missing[0]}."
            )
        return PreSharded(count, found)

    def _logical_shards(self, where: str, given: Any) -> list[int]:
        if not isinstance(given, Sequence) or isinstance(given, str):
            self.problems.append(f"{where} is {given!r}; it must be a list of numbers and ranges.")
            return []
        found: list[int] = []
        for entry in given:
            first, last = _range(entry)
            if not 0 <= first <= last < MAX_LOGICAL_SHARDS:
                self.problems.append(
                    f"{where}: {entry!r} is neither a number nor a range as 0-511, "
                    f"below {MAX_LOGICAL_SHARDS}."
                )
            else:
                found += range(first, last + 1)
        return found

    def pins(self, rule: Rule | None) -> dict[str, int]:
        """Return the keys that were placed by hand."""
        if not isinstance(rule, PreSharded):
            # Without its map nothing is known of a logical shard.
            return {} if self.kind == PRE_SHARDED else self._by_key("pins", self._shard)

        def logical(where: str, value: Any) -> int | None:
            if _integer(value) in rule.shards:
                return int(value)
            self.problems.append(
                f"{where}: {value!r} is no logical shard of logical_map; name one by its number."
            )
            return None

        return self._by_key("pins", logical)


def _range(entry: Any) -> tuple[int, int]:
    """Return the first and the last number of an entry, (-1, -1) for one that says none."""
    number = _integer(entry)
    if number is not None:
        return number, number
    words = str(entry).split("-")
    if len(words) > 2 or not all(word.isascii() and word.isdigit() for word in words):
        return -1, -1
    return int(words[0]), int(words[-1])
