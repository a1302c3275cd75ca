# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AUTO_INCREMENT columns: whose ids they hold, and how many are left."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc

_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
# Up to here every whole number has a value of its own.
_EXACT = {"float": 2**24, "double": 2**53}


def highest_of_type(column_type: str) -> int | None:
    """Return the largest id of a column type, as in ``int(10) unsigned``; None: not known.

    Source: the servers' manuals, "Integer Types".
    """
    words = column_type.lower().replace("(", " ").split()
    name = words[0]
    if name in _EXACT:
        return _EXACT[name]
    if name not in _BITS:
        return None
    # The largest number of BIGINT UNSIGNED is no id: the counter cannot pass it,
    # and servers then refuse the row (1467).
    if "unsigned" in words:
        return int(2 ** _BITS[name]) - (2 if name == "bigint" else 1)
    return int(2 ** (_BITS[name] - 1)) - 1


@dataclass(frozen=True)
class IdLimits:
    """How many newest ids of a table are looked at, and what fails a run.

    ``schemas``: none means every schema but the server's own; ``schemas_must_exist``:
    whether all of them must be there.
    """

    enabled: bool
    schemas: tuple[str, ...]
    per_table: int
    fail_when_used_percent: int
    fail_on_foreign: bool
    schemas_must_exist: bool = True

    def problems(self) -> list[str]:
        """Say what is wrong with the limits."""
        found = []
        if self.per_table < 1:
            found.append(f"ids_checked_per_table is {self.per_table}; it must be at least 1.")
        if not 1 <= self.fail_when_used_percent <= 100:
            found.append(
                f"fail_when_used_percent is {self.fail_when_used_percent}; it must be 1 to 100."
            )
        return found


@dataclass(frozen=True)
class IdColumn:
    """An AUTO_INCREMENT column as it is.

    ``counter``: no id below it will be given. ``index`` starts with the column;
    without one its ids cannot be read at a bounded cost. ``highest`` is the
    highest id of a row, ``foreign`` how many of the ``checked`` newest ids
    belong to other servers, ``sample`` the newest of those.
    """

    schema: str
    table: str
    column: str
    type: str
    counter: int
    index: str | None
    highest: int | None = None
    checked: int = 0
    foreign: int = 0
    sample: tuple[int, ...] = ()

    @property
    def table_name(self) -> str:
        """The table as a person writes it."""
        return f"{self.schema}.{self.table}"

    @property
    def largest(self) -> int | None:
        """The largest id that the type holds; None: not known."""
        return highest_of_type(self.type)

    def next_id(self, pair: Autoinc) -> int:
        """Return the id that a server with ``pair`` gives next."""
        return pair.next_id(max(self.counter, (self.highest or 0) + 1))

    @property
    def used_percent(self) -> float | None:
        """How much of the type's range is gone, rows that were deleted included."""
        if self.largest is None:
            return None
        used = max(self.counter - 1, self.highest or 0)
        # Never more than there is: 99.96 must not become 100.
        return min(used, self.largest) * 1000 // self.largest / 10

    def left(self, pair: Autoinc) -> int | None:
        """Return how many ids a server with ``pair`` can still give."""
        if self.largest is None:
            return None
        return max(0, (self.largest - self.next_id(pair)) // pair.increment + 1)
