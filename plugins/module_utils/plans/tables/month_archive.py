# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of their own for partitions that are past, without copying a row.

A partition is exchanged with an empty table, then dropped. Between the two it
is empty and the archive has its rows: a run that was interrupted there is
finished by the next one, which only has to drop the partition.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.table_comparison import (
    COLLATION,
    GENERATED,
    NAME,
    NULL,
    TYPE,
    TableComparison,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    Partition,
    PartitionedTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    Column,
    TableShape,
)

# MySQL Reference Manual, "Identifier Length Limits"; MariaDB's are the same.
LONGEST_NAME = 64

_KNOWN = ("table", "month", "partition")

# What of a column makes its values others.
_COUNTS = {NAME, TYPE, COLLATION, NULL, GENERATED}
_NOTHING = "nothing more"


@dataclass(frozen=True)
class Found:
    """What is there under an archive's name; ``partitioned``: it was just made like the table.

    ``difference`` is how it differs from what an interrupted run can have left.
    """

    has_rows: bool
    partitioned: bool = False
    difference: str | None = None


@dataclass(frozen=True)
class Archive:
    """The table that takes a partition's rows. ``found`` None: there is none of that name."""

    partition: str
    schema: str
    table: str
    found: Found | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


def pattern_problems(pattern: str) -> list[str]:
    """Say what is wrong with a pattern for archives' names by itself."""
    try:
        parts = string.Formatter().parse(pattern)
        names = [name for _text, name, _format, _conversion in parts if name is not None]
    except ValueError:
        names = ["{"]
    if [name for name in names if name not in _KNOWN]:
        return [
            f"archive_table {pattern} has braces around something other than table, month "
            "or partition; write for example {table}_{month}."
        ]
    if "month" not in names and "partition" not in names:
        return [
            f"archive_table {pattern} gives every partition's archive the same name; put {{month}} "
            "or {partition} into it."
        ]
    return []


def archive_of(
    pattern: str, schema: str | None, table: PartitionedTable, partition: Partition
) -> Archive:
    """Return the archive of a partition; its month is that of the partition's last rows.

    ``schema`` None: that of the table.
    """
    month = Month.of((partition.below or datetime.max) - timedelta(microseconds=1))
    name = pattern.format(
        table=table.name,
        month=f"{month.year:04}m{month.month:02}",
        partition=partition.name,
    )
    return Archive(partition.name, schema or table.schema, name)


def difference(wanted: TableShape, found: TableShape, columns_only: bool) -> str | None:
    """Return the first thing in which an archive is not like its table, in words.

    Rows are copied where the engine and the columns are alike (``columns_only``), and exchanged
    where the keys are, too. Comments and defaults make no difference to either.
    """
    compared = TableComparison(wanted, found)
    if "ENGINE" in compared.options:
        one, other = compared.options["ENGINE"]
        return f"engine {other} in place of engine {one}"
    # What comes after the columns.
    keys = [[] if columns_only else _keys(table) for table in (wanted, found)]
    for pair in compared.by_position():
        if pair.differs.keys() & _COUNTS or not (pair.one and pair.other):
            one, other = (
                _described(column) if column else next(iter(its_keys), _NOTHING)
                for column, its_keys in zip((pair.one, pair.other), keys)
            )
            return f"{other} in place of {one}"
    for one, other in zip_longest(*keys, fillvalue=_NOTHING):
        if one != other:
            return f"{other} in place of {one}"
    return None


def _described(column: Column) -> str:
    words = (
        f"column {column.name} {column.type}",
        column.collation,
        "NULL" if column.nullable else "NOT NULL",
        column.generated and f"AS ({column.generated})",
    )
    return " ".join(filter(None, words))


def _keys(table: TableShape) -> list[str]:
    return [f"PRIMARY KEY ({', '.join(table.primary_key)})", *map(str, table.indexes)]


def archive_problems(
    table: PartitionedTable, past: Sequence[Partition], archives: Sequence[Archive]
) -> list[Finding]:
    """Say which archives cannot be made. Of ``past``, ``counted`` must be given."""
    by_partition = {archive.partition: archive for archive in archives}
    owners: dict[str, str] = {}
    problems = []
    for partition in past:
        archive = by_partition[partition.name]
        # Servers may compare table names without regard to case.
        other = owners.setdefault(str(archive).lower(), partition.name)
        if other != partition.name:
            problems.append(
                Finding(
                    "months.archived_into_one",
                    CRITICAL,
                    str(table),
                    f"partitions {other} and {partition.name} would both be archived into "
                    f"{archive}.",
                    "Put {partition} into archive_table.",
                )
            )
        elif len(archive.table) > LONGEST_NAME:
            problems.append(
                Finding(
                    "months.archive_name_too_long",
                    CRITICAL,
                    str(table),
                    f"the archive's name {archive.table} has {len(archive.table)} characters; a "
                    f"table's can have {LONGEST_NAME}.",
                    "Choose a shorter archive_table.",
                )
            )
        elif archive.found and archive.found.has_rows and partition.counted:
            problems.append(
                Finding(
                    "months.archive_has_rows",
                    CRITICAL,
                    str(table),
                    f"partition {partition.name} holds rows and cannot be archived into {archive}, "
                    "which holds rows already.",
                    "Rename that table, or put {partition} into archive_table. If a run was "
                    "interrupted and these are rows that came late, move them by hand: copy them "
                    f"into {archive}, delete them from the partition (outside the binary log), and "
                    "run this again.",
                )
            )
        elif archive.found and archive.found.difference:
            problems.append(
                Finding(
                    "months.archive_differs",
                    CRITICAL,
                    str(table),
                    f"partition {partition.name} cannot be archived into {archive}: a different "
                    f"table of that name exists, which has {archive.found.difference}.",
                    "Rename it, or choose another archive_table.",
                )
            )
    return problems


def shared_archive_problems(archives: Mapping[str, Sequence[Archive]]) -> list[Finding]:
    """Say which archives are another table's too. ``archives`` are those of each table, by name.

    Names are as the server stores them.
    """
    owners: dict[str, str] = {}
    problems = []
    for table, its_own in archives.items():
        for archive in its_own:
            name = str(archive)
            other = owners.setdefault(name, table)
            if name in archives:
                also = "which is one of the tables whose months are managed"
            elif other != table:
                also = f"and so would one of {other}"
            else:
                continue
            problems.append(
                Finding(
                    "months.archive_shared",
                    CRITICAL,
                    table,
                    f"partition {archive.partition} would be archived into {name}, {also}.",
                    "Put {table} into archive_table, or choose another archive_schema.",
                )
            )
    return problems
