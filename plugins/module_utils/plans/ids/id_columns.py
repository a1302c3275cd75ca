# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ids of a server's tables say: whose they are, how many are left, which come next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import (
    IdColumn,
    IdLimits,
)

RAISE = "raise next id"


def floor_problems(floors: Mapping[str, object]) -> list[str]:
    """Say which entries of ``next_id_above`` are no table with an id."""
    found = []
    for name, floor in floors.items():
        schema, dot, table = name.partition(".")
        if not (schema and dot and table):
            found.append(f"next_id_above: {name} is not a table; write schema.table.")
        if isinstance(floor, bool) or not isinstance(floor, int) or floor < 0:
            found.append(
                f"next_id_above: {name}: {floor!r} is not an id; give a whole number from 0."
            )
    return found


def range_problems(columns: Sequence[IdColumn], limits: IdLimits, pair: Autoinc) -> list[Finding]:
    """Say which columns have used as much of their range as fails a run."""
    return [
        Finding(
            "ids.range_used",
            CRITICAL,
            column.table_name,
            f"{column.used_percent} % of the range of column {column.column} ({column.type}) is "
            f"used: the highest id is {column.highest or column.counter - 1} of {column.largest}, "
            f"{column.left(pair)} ids are left for this server.",
            "Change the column to a larger type (BIGINT UNSIGNED), on read servers first, or raise "
            "fail_when_used_percent.",
        )
        for column in columns
        if column.used_percent is not None and column.used_percent >= limits.fail_when_used_percent
    ]


def foreign_ids(columns: Sequence[IdColumn], pair: Autoinc, severity: str) -> list[Finding]:
    """Say which tables hold ids that servers with ``pair`` do not give."""
    return [
        Finding(
            "ids.of_other_servers",
            severity,
            column.table_name,
            f"{column.foreign} of the {column.checked} newest ids of column {column.column} are "
            f"not {pair.residue} modulo {pair.increment}, for example "
            f"{', '.join(str(one) for one in column.sample)}. Another server gives the same ids "
            "to its own rows",
            "find out which session wrote them (one with its own increment, with an explicit id, "
            "or from before a change), or what was restored here.",
        )
        for column in columns
        if column.foreign
    ]


def unread(columns: Sequence[IdColumn]) -> list[Finding]:
    """Say which columns could not be looked at within a bounded cost."""
    return [
        Finding(
            "ids.not_checked",
            WARNING,
            column.table_name,
            f"no index begins with column {column.column}, so its ids were not "
            "checked, which would read the whole table.",
        )
        for column in columns
        if column.index is None
    ]


def plan_floors(
    floors: Mapping[str, int],
    columns: Sequence[IdColumn],
    pair: Autoinc,
    made_later: Collection[str] = (),
) -> tuple[list[Step], list[Finding]]:
    """Return the steps that put counters above their floors, and what is wrong.

    A counter is never lowered. ``columns`` are those of the tables that exist; those
    ``made_later`` need not be there.
    """
    by_table = {column.table_name: column for column in columns}
    steps: list[Step] = []
    problems: list[Finding] = []
    for name, floor in sorted(floors.items()):
        column = by_table.get(name)
        if column is None and name in made_later:
            continue
        if column is None:
            problems.append(
                Finding(
                    "ids.floor_without_table",
                    CRITICAL,
                    "next_id_above",
                    f"no table {name} with an AUTO_INCREMENT column exists.",
                    "Create it first (mysql_usage_table), or correct the name.",
                )
            )
            continue
        now, wanted = column.next_id(pair), pair.next_id(floor + 1)
        if column.largest is not None and wanted > column.largest:
            problems.append(
                Finding(
                    "ids.floor_beyond_range",
                    CRITICAL,
                    f"next_id_above: {name}",
                    f"{wanted}, the next id of this server above {floor}, is beyond "
                    f"{column.largest}, the largest of column {column.column} ({column.type}).",
                    "Change the column to a larger type, or correct the floor.",
                )
            )
        elif now <= floor:
            steps.append(Step(RAISE, name, {"next_id": now}, {"next_id": wanted}, (column, wanted)))
    return steps, problems
