# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The months of a table that has no partitions yet.

Every row is written again. What the servers would refuse, or what would go
wrong silently, is found first, and told with the statement that cures it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.months import (
    Change,
    initial,
    moving_text,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    shown_identifier,
    shown_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.create_table import (
    not_null,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    MOST_PARTITIONS,
    RANGE_COLUMNS,
    UNIX_TIMESTAMP,
    MonthPolicy,
    Partition,
    PartitionedTable,
    spans,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.plain_table import (
    PlainTable,
)

FIRST = "partition table"

# The expression by which each type's partitions are pruned best.
_SCHEMES = {"date": RANGE_COLUMNS, "datetime": RANGE_COLUMNS, "timestamp": UNIX_TIMESTAMP}
_INTEGERS = ("int", "bigint", "integer")


def plan(
    policy: MonthPolicy,
    now: datetime,
    table: PlainTable,
    epoch: str,
    allowed: bool,
) -> Plan:
    """Return the one step that partitions a table by months.

    ``now`` is in UTC, ``epoch`` is what the column counts if it is an integer. Raises ``Refused``
    with everything that stands against it, and with its size and the time to expect when it is
    not ``allowed``.
    """
    whole = Partition(table.name, None, table.rows, table.data_bytes, table.index_bytes)
    problems = _problems(table)
    scheme = epoch if table.column is None else _SCHEMES.get(table.column.type, epoch)
    current, policy = Month.of(now), policy.seen_at(now, scheme)
    first = Month.of(table.earliest) if table.earliest else current
    if policy.first_month is not None:
        first = policy.first_month
    months = initial(replace(policy, first_month=min(first, current)), current)
    if not allowed:
        problems.insert(
            0,
            f"{table} has no partitions. mysql_usage_table creates a table with its months (shape: "
            f"read); this one would have to be rewritten. {moving_text(whole)} To "
            "do this, set partition_plain_table to true, at a quiet time.",
        )
    if table.latest is not None and table.latest >= policy.last(current).end:
        problems.append(
            f"{table}: the latest row is of {table.latest.isoformat(' ')}, later than "
            f"{policy.last(current)}, the last month of months_ahead {policy.months_ahead}; it "
            "would have no partition. Correct or delete such rows, or raise months_ahead."
        )
    if len(months) > MOST_PARTITIONS:
        problems.append(
            f"{table} would have {len(months)} partitions; a table can have {MOST_PARTITIONS}. "
            "Choose a later first_month, or fewer months_ahead."
        )
    refuse_if_any(problems)
    column = table.column.name if table.column else ""
    made = PartitionedTable(table.schema, table.name, column, scheme, ())
    shown = {"partitions": {span.partition.name: str(span) for span in spans(months)}}
    step = Step(
        FIRST, str(table), {"partitions": {}}, shown, Change(made, (whole,), months, months)
    )
    told = f"{table} is partitioned for the first time, by {scheme}. {moving_text(whole)}"
    return Plan((step,), (told, *_time_zone_traps(table)))


def _problems(table: PlainTable) -> list[str]:
    column = table.column
    if column is None:
        return [f"{table} does not have the column that time_column names. Correct time_column."]
    found = []
    alter = f"ALTER TABLE {shown_table(table.schema, table.name)}"
    modify = f"{alter} MODIFY {shown_identifier(column.name)}"
    if column.type not in (*_SCHEMES, *_INTEGERS):
        found.append(
            f"{table}: {column.name} is {column.type}; supported are DATE, DATETIME, TIMESTAMP, "
            "and INT or BIGINT epoch columns. If its values are times: "
            f"{modify} DATETIME(6) NOT NULL; with its default and comment, if it has any."
        )
    elif not column.can_partition:
        datetime_type = column.column.type.replace("timestamp", "datetime", 1)
        found.append(
            f"{table}: {column.name} is a TIMESTAMP with a fraction, by which this server does "
            "not partition (error 1491). "
            f"{'Give rows in which it is NULL a time. ' if column.nullable else ''}Then DATETIME "
            f"keeps the fraction: SET time_zone = '+00:00'; {modify} "
            f"{not_null(column.column, datetime_type)}; Its values are UTC's from then on, "
            "whatever a session's time_zone is, so let every session that reads or fills it have "
            "'+00:00'."
        )
    elif column.nullable and not column.can_be_not_null:
        found.append(
            f"{table}: {column.name} is generated, and can be NULL, which cannot be changed on "
            "this server; such rows would be dropped with the first month. Give a time_column that "
            "is not generated."
        )
    elif column.nullable:
        found.append(
            f"{table}: {column.name} can be NULL, and such rows would be dropped with the first "
            f"month. Give them a time, then: {modify} {not_null(column.column)};"
        )
    if table.engine.lower() != "innodb":
        found.append(
            f"{table} is {table.engine}, and its partitions could not be changed while it is "
            f"in use: {alter} ENGINE = InnoDB;"
        )
    found += [
        f"{table} has a foreign key {'to another table' if key.from_here else 'to it'}, which a "
        "partitioned table cannot have (errors 1506, 1217): ALTER TABLE "
        f"{shown_table(key.schema, key.table)} DROP FOREIGN KEY {shown_identifier(key.name)};"
        for key in table.foreign_keys
    ]
    found += [
        f"{table}: a partitioned table of this server can have no {kind} index (error 1214): "
        f"{alter} DROP INDEX {shown_identifier(name)};"
        for name, kind in table.refused_indexes
    ]
    found += [
        f"{table}: column {name} holds geometry, which a partitioned table of this server "
        "cannot (error 1178). Keep its values in a table of their own, then: "
        f"{alter} DROP COLUMN {shown_identifier(name)};"
        for name in table.geometry_columns
    ]
    return found + _key_problems(table, column.name)


def _key_problems(table: PlainTable, column: str) -> list[str]:
    changes: list[str] = []
    names: list[str] = []
    for key in table.unique_keys:
        if column.lower() in (part.lower() for part in key.columns):
            continue
        parts = [
            shown_identifier(name) + (f"({prefix})" if prefix else "")
            for name, prefix in zip(key.columns, key.prefixes)
        ]
        columns = ", ".join((*parts, shown_identifier(column)))
        names.append("the primary key" if key.is_primary else f"unique key {key.name}")
        if key.is_primary:
            changes.append(f"DROP PRIMARY KEY, ADD PRIMARY KEY ({columns})")
        else:
            name = shown_identifier(key.name)
            changes.append(f"DROP INDEX {name}, ADD UNIQUE INDEX {name} ({columns})")
    if not changes:
        return []
    return [
        f"{table}: {' and '.join(names)} must contain {column}, because each partition checks for "
        f"duplicates only within itself (error 1503). If two rows may differ in {column} alone: "
        f"ALTER TABLE {shown_table(table.schema, table.name)} {', '.join(changes)};"
    ]


def _time_zone_traps(table: PlainTable) -> list[str]:
    column = table.column
    if column is None or not table.clock_offset_seconds or column.type not in ("date", "datetime"):
        return []
    filled = "is filled by" if column.filled_by_clock else "may be filled by"
    return [
        f"{table}: {column.name} is {column.type.upper()} and {filled} the server's clock, which "
        f"is {table.clock_offset_seconds} s ahead of UTC (negative: behind). Its months are those "
        "of the values as they stand, while now is taken in UTC: months_ahead covers the "
        "difference, and a month has ended only 14 h after its end in UTC. Set time_zone = "
        "'+00:00' on every server that fills it, if months must be those of UTC."
    ]
