# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of range partitions: how a boundary is written, and how a server describes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import chain, count
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import (
    EPOCH,
    parse_moment,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_MILLISECONDS,
    EPOCH_SECONDS,
    RANGE_COLUMNS,
    TO_DAYS,
    UNIX_TIMESTAMP,
    Partition,
    PartitionedTable,
    text_of,
)

# TO_DAYS counts from a year 0 that Python's calendar does not have.
_TO_DAYS_OF_0001_01_01 = 366
_PER_SECOND = {EPOCH_SECONDS: 1, EPOCH_MILLISECONDS: 1000, UNIX_TIMESTAMP: 1}


# How PARTITION BY tells partitions apart, by scheme; the column takes the placeholder's place.
_BY = {
    RANGE_COLUMNS: "RANGE COLUMNS ({})",
    UNIX_TIMESTAMP: "RANGE (UNIX_TIMESTAMP({}))",
    TO_DAYS: "RANGE (TO_DAYS({}))",
    EPOCH_SECONDS: "RANGE ({})",
    EPOCH_MILLISECONDS: "RANGE ({})",
}


def partition_by(
    scheme: str, column: str, partitions: Sequence[Partition], in_lines: bool = False
) -> tuple[str, tuple[Any, ...]]:
    """Return the clause PARTITION BY with its values, ``in_lines`` with a partition in each."""
    definitions, args = partition_definitions(scheme, partitions)
    by = _BY[scheme].format(quote_identifier(column))
    inner = ",\n  ".join(definitions) if in_lines else ", ".join(definitions)
    return f"PARTITION BY {by} (" + (f"\n  {inner}\n)" if in_lines else f"{inner})"), args


def partition_definitions(
    scheme: str, partitions: Sequence[Partition]
) -> tuple[list[str], tuple[Any, ...]]:
    """Return the partitions as they stand in PARTITION BY RANGE, with their values."""
    said, args = [], []
    for partition in partitions:
        name = quote_identifier(partition.name)
        if partition.end is None:
            below = "(MAXVALUE)" if scheme == RANGE_COLUMNS else "MAXVALUE"
        else:
            below, value = _boundary(scheme, partition.end)
            args.append(value)
        said.append(f"PARTITION {name} VALUES LESS THAN {below}")
    return said, tuple(args)


def moment_of(scheme: str, description: str) -> datetime:
    """Return the boundary that information_schema describes; raises ValueError."""
    if scheme == RANGE_COLUMNS:
        text = description.strip("'")
        # What catches nonsense lies before every time that Python knows.
        return datetime.min if text.startswith("0000-") else parse_moment(text)
    if scheme in _PER_SECOND:
        return EPOCH + timedelta(seconds=max(int(description), 0) / _PER_SECOND[scheme])
    days = int(description) - _TO_DAYS_OF_0001_01_01
    return datetime.combine(date.min + timedelta(days=max(days, 0)), datetime.min.time())


def part_nulls(table: PartitionedTable) -> Statement:
    """Return the statement that parts the first partition's rows without a time from the others."""
    first = table.partitions[0]
    taken = {partition.name.lower() for partition in table.partitions}
    names = chain(["pnull"], map("pnull_{}".format, count(2)))
    name = next(name for name in names if name not in taken)
    definitions, args = partition_definitions(table.scheme, [Partition(name, EPOCH), first])
    return Statement(
        f"ALTER TABLE {quote_table(table.schema, table.name)} REORGANIZE PARTITION "
        f"{quote_identifier(first.name)} INTO ({', '.join(definitions)})",
        args,
    )


def _boundary(scheme: str, moment: datetime) -> tuple[str, Any]:
    if scheme in _PER_SECOND:
        # A number means the same moment in every session's time zone.
        return "(%s)", int((moment - EPOCH).total_seconds()) * _PER_SECOND[scheme]
    return ("(TO_DAYS(%s))" if scheme == TO_DAYS else "(%s)"), text_of(moment)
