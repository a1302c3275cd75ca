# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which indexes a table lacks, and what adding them is expected to cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    Column,
    Index,
    TableShape,
    UsageTable,
)

ADD_INDEXES = "add indexes"

# Measured on 2 cores with 524,288 rows in memory: 300,000 to 900,000 entries of
# one index a second, on MariaDB and MySQL.
ENTRIES_PER_SECOND = 400_000
# An entry's header, and its share of the room that pages and extents leave free.
BYTES_AROUND_ENTRY = 13

_BYTES = {
    **{"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8, "year": 1},
    **{"float": 4, "double": 8, "date": 3, "time": 3, "datetime": 5, "timestamp": 4},
    **{"enum": 2, "set": 8, "bit": 8, "inet4": 4, "inet6": 16, "uuid": 16},
}
_WITH_FRACTION = ("time", "datetime", "timestamp")


@dataclass(frozen=True)
class TableSize:
    """What a server estimates of a table.

    ``text_bytes`` is the average length of the values of texts, by column.
    """

    rows: int
    data_bytes: int
    text_bytes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class DraftedIndex:
    """An index that was asked for, and what a server makes of it.

    ``made`` None: nothing. ``said`` is what the server says about it, ``fitting``
    the index with the longest prefix that the server takes as it is, if there is one.
    """

    asked: Index
    made: Index | None
    said: str = ""
    fitting: Index | None = None

    @property
    def as_asked(self) -> bool:
        """Whether the server makes it as it was asked for.

        It leaves out a prefix that is all of a column; nothing is shortened then.
        """
        if self.made is None or self.made.hashed:
            return False
        parts = zip(self.asked.parts, self.made.parts)
        return all(
            made == asked or made == asked.removeprefix(asked.partition(")")[0] + ")")
            for (_column, asked), (_same, made) in parts
        )

    @property
    def problem(self) -> str:
        """What to say of an index that is not made as it was asked for."""
        made = self.made
        if made is None:
            what = "is not accepted by this server"
        elif made.hashed:
            what = (
                "is a hash index on this server, which cannot sort and cannot be added to an "
                "existing table"
            )
        else:
            what = f"is created by this server as {made}, which a later run would not recognise"
        said = f" ({self.said})" if self.said else ""
        columns = ", ".join(map("".join, self.fitting.parts)) if self.fitting else ""
        fix = (
            f"write columns: [{columns}], the longest prefix that it accepts"
            if columns
            else "leave the index out, or name other columns"
        )
        return f"indexes: {self.asked} {what}{said}; {fix}."


@dataclass(frozen=True)
class IndexCost:
    """What adding indexes is expected to take: the order of magnitude, not a promise.

    The rows are read once. The entries are sorted in temporary files, which take
    as much room as the indexes then do.
    """

    rows: int
    data_bytes: int
    index_bytes: int
    temporary_bytes: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"reads {self.rows} rows ({_mebibytes(self.data_bytes)}), takes "
            f"{_mebibytes(self.index_bytes)} of disk, meanwhile another "
            f"{_mebibytes(self.temporary_bytes)} of temporary files, and about {self.seconds} s"
        )


@dataclass(frozen=True)
class AddedIndexes:
    """Indexes for a table that exists, and what adding them is expected to take."""

    table: UsageTable
    indexes: tuple[Index, ...]
    cost: IndexCost


@dataclass(frozen=True)
class MatchedIndexes:
    """Wanted indexes beside those that are there, which are compared by columns, not by name."""

    pairs: tuple[tuple[Index, Index], ...]
    missing: tuple[Index, ...]
    others: tuple[Index, ...]

    def name_problems(self) -> Iterator[str]:
        """Say which missing indexes cannot be added under their names."""
        names = {index.name.lower(): index for _rest, index in self.pairs}
        names.update((index.name.lower(), index) for index in self.others)
        for index in self.missing:
            found = names.get(index.name.lower())
            if found:
                yield (
                    f"{index} cannot be added: {found} already has its name. Choose another "
                    "name, or rename the existing index; nothing is dropped."
                )


def match(wanted: Sequence[Index], existing: Sequence[Index]) -> MatchedIndexes:
    """Find each wanted index among those that exist."""
    others = list(existing)
    pairs, missing = [], []
    for index in wanted:
        same = [other for other in others if _key(other) == _key(index)]
        # Of several indexes on the same columns, the one of that name.
        same.sort(key=lambda other: other.name.lower() != index.name.lower())
        if same:
            others.remove(same[0])
            pairs.append((index, same[0]))
        else:
            missing.append(index)
    return MatchedIndexes(tuple(pairs), tuple(missing), tuple(others))


def _key(index: Index) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    return index.kind, tuple(name.lower() for name in index.columns), index.extras


def twins(indexes: Sequence[Index]) -> Iterator[str]:
    """Say which indexes are the same as one before them, but for the name."""
    seen: dict[object, Index] = {}
    for index in indexes:
        first = seen.setdefault(_key(index), index)
        if first is not index:
            yield f"{index} is the same as {first}, and slows each insert; remove one of the two"


def adding(
    table: UsageTable, existing: TableShape, missing: tuple[Index, ...], size: TableSize
) -> Step:
    """Return the one step that adds the missing indexes."""
    cost = expected_cost(existing, missing, size)
    before = [str(index) for index in existing.indexes]
    after = [*before, *(str(index) for index in missing)]
    return Step(
        ADD_INDEXES,
        str(table),
        {"indexes": before},
        {"indexes": after, "expected_cost": str(cost)},
        AddedIndexes(table, missing, cost),
    )


def expected_cost(shape: TableShape, indexes: Sequence[Index], size: TableSize) -> IndexCost:
    """Return what adding ``indexes`` to a table of that shape and size is expected to take."""
    index_bytes = round(size.rows * sum(_entry_bytes(shape, index, size) for index in indexes))
    return IndexCost(
        size.rows,
        size.data_bytes,
        index_bytes,
        index_bytes,
        round(size.rows * len(indexes) / ENTRIES_PER_SECOND, 1),
    )


def _entry_bytes(shape: TableShape, index: Index, size: TableSize) -> float:
    # InnoDB appends to each entry what of the primary key is not in it already.
    names = {name.lower() for name in (*index.columns, *shape.primary_key)}
    columns = [column for column in shape.columns if column.name.lower() in names]
    return BYTES_AROUND_ENTRY + sum(_value_bytes(column, size) for column in columns)


def _value_bytes(column: Column, size: TableSize) -> float:
    if column.name in size.text_bytes:
        return 1 + size.text_bytes[column.name]
    digits = [int(number) for number in re.findall(r"\d+", column.type)]
    if column.base_type == "decimal":
        # Nine digits to four bytes.
        return (digits[0] + 1) // 2
    fraction = digits[0] if digits and column.base_type in _WITH_FRACTION else 0
    return _BYTES.get(column.base_type, 8) + (fraction + 1) // 2


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
