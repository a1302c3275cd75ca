# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table without partitions, as far as partitioning it is concerned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import Column


@dataclass(frozen=True)
class TimeColumn:
    """The column to partition by.

    ``can_be_not_null``: the server has a MODIFY that makes it NOT NULL and leaves all else
    as it is. ``can_partition``: the server can partition by its type.
    """

    column: Column
    can_be_not_null: bool = True
    can_partition: bool = True

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def type(self) -> str:
        """The type's name in lower case, without length."""
        return self.column.base_type

    @property
    def nullable(self) -> bool:
        """Whether it can be NULL."""
        return self.column.nullable

    @property
    def filled_by_clock(self) -> bool:
        """Whether the server's clock fills it where a statement does not."""
        return "current_timestamp" in self.column.attributes.lower()


@dataclass(frozen=True)
class UniqueKey:
    """A primary or unique key; of each column it has a prefix of so many characters, or all."""

    name: str
    columns: tuple[str, ...]
    prefixes: tuple[int | None, ...]

    @property
    def is_primary(self) -> bool:
        """Whether it is the primary key."""
        return self.name == "PRIMARY"


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key, and the table that it belongs to."""

    name: str
    schema: str
    table: str
    from_here: bool


@dataclass(frozen=True)
class PlainTable:
    """A table that is to be partitioned for the first time.

    ``column`` None: it has none of the name. ``refused_indexes`` are those that
    the server's partitioned tables cannot have, with their kinds, and
    ``geometry_columns`` such columns, if it refuses them there. ``earliest``
    and ``latest`` are the times of its rows (None: it has no rows, or they have
    not been asked for). ``clock_offset_seconds`` is by how much the server's
    NOW() differs from UTC. ``rows`` and the sizes are the server's estimates.
    """

    schema: str
    name: str
    engine: str
    column: TimeColumn | None
    unique_keys: tuple[UniqueKey, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    refused_indexes: tuple[tuple[str, str], ...] = ()
    geometry_columns: tuple[str, ...] = ()
    earliest: datetime | None = None
    latest: datetime | None = None
    clock_offset_seconds: int = 0
    rows: int = 0
    data_bytes: int = 0
    index_bytes: int = 0

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"
