# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The increment and offset that keep write servers' ids apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

# Both variables' range on MySQL and MariaDB. A value outside becomes the
# nearest one inside, with a warning at most, so it is refused here.
LOWEST, HIGHEST = 1, 65535


@dataclass(frozen=True)
class Autoinc:
    """``auto_increment_increment`` and ``auto_increment_offset`` as one unit.

    A server ignores an offset above its increment and then walks into other
    servers' ids, so the two are only ever judged and set together.
    """

    increment: int
    offset: int

    @property
    def residue(self) -> int:
        """``id mod increment`` of every id of this server (offset = increment: 0)."""
        return self.offset % self.increment

    def ids(self) -> Iterator[int]:
        """Yield the ids of an empty table in order: 1, 21, 41, ... for 20 and 1."""
        return count(self.offset, self.increment)

    def owns(self, row_id: int) -> bool:
        """Tell whether this server has numbered ``row_id``."""
        return row_id % self.increment == self.residue

    def next_id(self, lowest: int) -> int:
        """Return the first id of this server that is at least ``lowest``."""
        start = max(lowest, self.offset)
        return start + (self.offset - start) % self.increment

    def multiplies(self, old: Autoinc) -> bool:
        """Tell whether every id of this pair is one that ``old`` would have numbered too.

        Only then can a server change to it while others number rows: it stays
        inside its own residue class.
        """
        return (
            not old.problems("") and self.increment % old.increment == 0 and old.owns(self.offset)
        )

    def problems(self, name: str) -> list[str]:
        """Say what is wrong with the pair by itself; ``name`` is the server's."""
        found = [
            f"{name}: {what} {value} is outside {LOWEST}..{HIGHEST}; choose one inside."
            for what, value in (("increment", self.increment), ("offset", self.offset))
            if not LOWEST <= value <= HIGHEST
        ]
        if not found and self.offset > self.increment:
            found.append(
                f"{name}: offset {self.offset} is above increment {self.increment}; the server "
                "would ignore it and give ids that belong to other servers. Choose an offset from "
                "1 to the increment."
            )
        return found


@dataclass(frozen=True)
class NamedAutoinc:
    """A server's name with its pair."""

    name: str
    pair: Autoinc


def problems_between(servers: Sequence[NamedAutoinc]) -> list[str]:
    """Say which servers would number the same ids: rule 1 on paper.

    Offsets are unique and the increment is the same everywhere.
    """
    found = []
    names_by_offset: dict[int, list[str]] = {}
    names_by_increment: dict[int, list[str]] = {}
    for server in servers:
        names_by_offset.setdefault(server.pair.offset, []).append(server.name)
        names_by_increment.setdefault(server.pair.increment, []).append(server.name)
    for offset, names in sorted(names_by_offset.items()):
        if len(names) > 1:
            found.append(
                f"{', '.join(names)}: the same offset {offset}; they would give different rows the "
                "same id. Give each its own offset."
            )
    if len(names_by_increment) > 1:
        said = "; ".join(
            f"{increment} on {', '.join(names)}"
            for increment, names in sorted(names_by_increment.items())
        )
        found.append(
            f"Different increments ({said}): ids would collide. Use one increment everywhere, at "
            "least as large as the number of write servers that you will ever have."
        )
    return found
