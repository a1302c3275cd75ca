# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids that have their shard in their upper bits.

Source: Pinterest, "Sharding Pinterest: How we scaled our MySQL fleet" (2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

# A BIGINT that has a sign holds every id.
MAX_BITS = 63
_PARTS = ("shard", "type", "local")


@dataclass(frozen=True)
class IdParts:
    """What an id says: its shard, the type of its object, and its number there."""

    shard: int
    type: int
    local: int


@dataclass(frozen=True)
class IdBits:
    """How many bits of an id each part has, from the highest to the lowest.

    Pinterest's, which are the default: 16, 10 and 36. They can never be changed: the ids that
    were given out would mean other shards.
    """

    shard: int = 16
    type: int = 10
    local: int = 36

    def problems(self) -> list[str]:
        """Return why there are no such ids, as sentences."""
        found = [
            f"bits: {part} is {bits!r}; it must be an integer, {least} at least."
            for part, bits, least in (
                ("shard", self.shard, 1),
                ("type", self.type, 0),
                ("local", self.local, 1),
            )
            if not _is_integer(bits) or bits < least
        ]
        if not found and self.total > MAX_BITS:
            found.append(
                f"bits: shard, type and local have {self.total} together; "
                f"they may have {MAX_BITS} at most."
            )
        return found

    @property
    def total(self) -> int:
        """The bits of an id."""
        return self.shard + self.type + self.local

    def make(self, parts: IdParts) -> int:
        """Return the id of these parts. Raises ``Refused`` with every part that has no room."""
        refuse_if_any(
            [
                f"{part} is {value!r}; with {bits} bits it must be an integer "
                f"from 0 to {(1 << bits) - 1}."
                for part, value, bits in (
                    ("shard", parts.shard, self.shard),
                    ("type", parts.type, self.type),
                    ("local", parts.local, self.local),
                )
                if not _is_integer(value) or not 0 <= value < 1 << bits
            ]
        )
        return (parts.shard << self.type | parts.type) << self.local | parts.local

    def split(self, key: Any) -> IdParts:
        """Return the parts of an id, an integer or its decimal text. Raises ``Refused``."""
        number = self._number(key)
        if number is None or number >> self.total:
            raise Refused(
                [f"{key!r} is no id: it must be an integer from 0 to {(1 << self.total) - 1}."]
            )
        return IdParts(
            number >> self.type + self.local,
            number >> self.local & (1 << self.type) - 1,
            number & (1 << self.local) - 1,
        )

    @staticmethod
    def _number(key: Any) -> int | None:
        if _is_integer(key):
            return int(key) if key >= 0 else None
        # One text an id, as an integer has it: 007 and digits of other scripts are none.
        if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) <= 20:
            return int(key) if str(int(key)) == key else None
        return None


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def bits_of(described: Any) -> IdBits:
    """Return the bits that a mapping describes, the default ones for None. Raises ``Refused``."""
    given = {} if described is None else described
    if not isinstance(given, Mapping):
        raise Refused([f"bits is {given!r}; it must be a mapping with {', '.join(_PARTS)}."])
    _refuse_unknown("bits", given)
    bits = IdBits(**given)
    refuse_if_any(bits.problems())
    return bits


def parts_of(described: Any) -> IdParts:
    """Return the parts of an id that a mapping describes. Raises ``Refused``."""
    if not isinstance(described, Mapping):
        raise Refused([f"{described!r} must be a mapping with {', '.join(_PARTS)}."])
    _refuse_unknown("The parts of an id", described)
    refuse_if_any([f"The parts of an id lack {part}." for part in _PARTS if part not in described])
    return IdParts(**described)


def _refuse_unknown(where: str, given: Mapping[str, Any]) -> None:
    refuse_if_any(
        [
            f"{where}: {word} is unknown; there is {', '.join(_PARTS)}."
            for word in given
            if word not in _PARTS
        ]
    )
