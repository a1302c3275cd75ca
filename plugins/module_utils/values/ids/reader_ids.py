# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What read servers have of a write server's class of ids."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc

# The ids next to one another that are all looked at, other servers' among them.
NEAR = 20_000
# Farther away: a few in a row at distances that grow by half, and at equal distances.
IN_A_ROW, EVENLY = 2, 16


@dataclass(frozen=True)
class UsageTable:
    """A table of write servers and read servers, and the column that is numbered."""

    schema: str
    name: str
    id_column: str = "id"

    @property
    def table_name(self) -> str:
        """The table as a person writes it."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class IdsOnReader:
    """What a read server says of a table, by the table's name.

    ``id``: an id of the class that is not below the asked one; None: none was found.
    ``highest``: the highest of these, where it was asked for and the answer came in time.
    ``unknown``: why it could not be told; empty otherwise.
    """

    reader: str
    table: str
    id: int | None = None
    highest: int | None = None
    unknown: str = ""


def ids_above(pair: Autoinc, next_id: int, highest: int) -> tuple[int, ...]:
    """Return some ids of the pair's class from ``next_id`` to ``highest``, a few hundred at most.

    A server gives the ids of its class one after the other, so whoever has got its rows has
    some of these.
    """
    first = pair.next_id(next_id)
    number = max(0, (highest - first) // pair.increment + 1)
    return tuple(first + place * pair.increment for place in _places(number))


def ids_below(pair: Autoinc, next_id: int) -> tuple[int, ...]:
    """Return some ids of the pair's class below ``next_id``, the nearest first."""
    first = pair.next_id(next_id)
    number = (first - pair.offset) // pair.increment
    return tuple(first - (place + 1) * pair.increment for place in _places(number))


def _places(number: int) -> list[int]:
    """Return some of the numbers from 0 to ``number`` - 1, the last among them."""
    growing = takewhile(lambda place: place < number, (int(1.5**power) for power in range(200)))
    starts = {0, *growing, *(number * part // EVENLY for part in range(EVENLY)), number - IN_A_ROW}
    found = {start + more for start in starts for more in range(IN_A_ROW)}
    return sorted(place for place in found if 0 <= place < number)
