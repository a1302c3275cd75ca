# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ring of consistent hashing: points of shards among all hashes.

A key belongs to the first point at or after its hash, and after the last one to the first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import hash_of

# Ten equal shards have shares that differ by some 2 % then. It can never be changed: keys would
# belong to other shards.
POINTS_PER_WEIGHT = 2048
MAX_WEIGHT = 100


def points_of(number: int, weight: Fraction) -> list[int]:
    """Return the points of a shard.

    They depend on its number alone, and its weight says how many there are, one at least: the
    first ones of a list that does not end. So a weight that changes moves no other shard's points.
    """
    count = max(1, int(weight * POINTS_PER_WEIGHT + Fraction(1, 2)))
    return [hash_of(f"{number}/{node}") for node in range(count)]


@dataclass(frozen=True)
class Points:
    """The points of all shards, by the weights of their numbers."""

    weights: Mapping[int, Fraction]

    @cached_property
    def owners(self) -> dict[int, int]:
        """The shards' numbers by points, in the order of the ring.

        A point that two shards have, which no one is likely to see, belongs to the lower number.
        """
        found: dict[int, int] = {}
        for number in sorted(self.weights):
            for point in points_of(number, self.weights[number]):
                found.setdefault(point, number)
        return dict(sorted(found.items()))

    @cached_property
    def _order(self) -> list[int]:
        return list(self.owners)

    def owner(self, key_hash: int) -> int:
        """Return the number of the shard that a hash belongs to."""
        after = bisect_left(self._order, key_hash)
        return self.owners[self._order[after % len(self._order)]]
