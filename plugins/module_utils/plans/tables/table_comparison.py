# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How two tables differ, part by part.

What comes of a difference is for others to judge: of a table and its description, of a
replica's table and its source's, of a partition and the table that takes its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Optional

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_indexes import (
    MatchedIndexes,
    match,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    Column,
    TableShape,
)

NAME = "name"
TYPE = "type"
CHARACTER_SET = "character set"
COLLATION = "collation"
NULL = "NULL"
GENERATED = "generated column"
ATTRIBUTES = "attributes"
NUMBERING = "numbering"

# How each of two tables has a part; None: it does not have it.
Sides = tuple[Optional[str], Optional[str]]

# What two columns can differ in, and how each of them has it.
_OF_A_COLUMN: Mapping[str, Callable[[Column], str | None]] = {
    NAME: lambda column: column.name,
    TYPE: lambda column: column.type,
    CHARACTER_SET: lambda column: column.character_set,
    COLLATION: lambda column: column.collation,
    NULL: lambda column: "NULL" if column.nullable else "NOT NULL",
    GENERATED: lambda column: column.generated,
    ATTRIBUTES: lambda column: column.attributes,
    NUMBERING: lambda column: "AUTO_INCREMENT" if column.numbered else None,
}


@dataclass(frozen=True)
class ColumnPair:
    """A column of one table, and what the other has in its place; None: nothing."""

    one: Column | None
    other: Column | None

    @cached_property
    def differs(self) -> Mapping[str, Sides]:
        """What two columns differ in, and how each has it; empty if one of them is missing."""
        if self.one is None or self.other is None:
            return {}
        sides = {of: (say(self.one), say(self.other)) for of, say in _OF_A_COLUMN.items()}
        return {of: (one, other) for of, (one, other) in sides.items() if one != other}


@dataclass(frozen=True)
class TableComparison:
    """Two tables beside each other."""

    one: TableShape
    other: TableShape

    def by_name(self) -> Iterator[ColumnPair]:
        """Pair the columns by their names: those of the first table, then what else there is."""
        for column in self.one.columns:
            yield ColumnPair(column, self.other.column(column.name))
        for column in self.other.columns:
            if self.one.column(column.name) is None:
                yield ColumnPair(None, column)

    def by_position(self) -> Iterator[ColumnPair]:
        """Pair the columns by their positions."""
        for one, other in zip_longest(self.one.columns, self.other.columns):
            yield ColumnPair(one, other)

    @property
    def order(self) -> tuple[list[str], list[str]] | None:
        """The columns that both have, as each orders them; None: both alike."""
        one = [c.name.lower() for c in self.one.columns if self.other.column(c.name)]
        other = [c.name.lower() for c in self.other.columns if self.one.column(c.name)]
        return None if one == other else (one, other)

    @cached_property
    def indexes(self) -> MatchedIndexes:
        """The first table's secondary indexes, found among the other's."""
        return match(self.one.indexes, self.other.indexes)

    @property
    def checks(self) -> tuple[list[str], list[str]]:
        """The rules that only the first table has, and those that only the other has."""
        one = {check.rule: check.expression for check in self.one.checks}
        other = {check.rule: check.expression for check in self.other.checks}
        return (
            sorted(one[rule] for rule in one.keys() - other.keys()),
            sorted(other[rule] for rule in other.keys() - one.keys()),
        )

    @property
    def options(self) -> Mapping[str, Sides]:
        """The table options that differ, by name."""
        one, other = dict(self.one.options), dict(self.other.options)
        return {
            name: (one.get(name), other.get(name))
            for name in sorted({*one, *other})
            if one.get(name) != other.get(name)
        }
