# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a table that has no partitions, and giving it months."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.months import Change
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Row, Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables.usage_table import (
    read_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import EPOCH
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_SECONDS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition_text import (
    moment_of,
    partition_by,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.plain_table import (
    ForeignKey,
    PlainTable,
    TimeColumn,
    UniqueKey,
)

# Indexes that a partitioned table cannot have (error 1214), and columns (1178).
_REFUSED_INDEXES: dict[str, tuple[str, ...]] = {MYSQL: ("FULLTEXT",), MARIADB: ()}
# No variable tells whether geometry is taken; this is the first version that was
# measured to do so.
_TAKES_GEOMETRY_FROM: dict[str, tuple[int, ...] | None] = {MYSQL: None, MARIADB: (11, 8)}
_GEOMETRY = (
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
)

# Whether UNIX_TIMESTAMP of a TIMESTAMP with a fraction can tell partitions apart, and
# whether a column that is generated can be NOT NULL.
_TAKES_FRACTIONS = {MYSQL: False, MARIADB: True}
_GENERATED_CAN_BE_NOT_NULL = {MYSQL: True, MARIADB: False}


def read(server: Server, schema: str, table: str, time_column: str | None) -> PlainTable:
    """Read what stands for or against partitioning a table by ``time_column``.

    The times of its rows are not asked for: that may read the whole table.
    Raises ``Refused`` when no column is named.
    """
    if time_column is None:
        raise Refused(
            [
                f"server {server.address}, table {schema}.{table} has no partitions. "
                "mysql_usage_table creates a table with its months (shape: read). Give time_column "
                "to see what partitioning this one would need."
            ]
        )
    named = (schema, table)
    (about,) = server.rows(
        "SELECT ENGINE AS engine, TABLE_ROWS AS row_count, DATA_LENGTH AS data_bytes, "
        "INDEX_LENGTH AS index_bytes, "
        "TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) AS clock_offset "
        "FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        *named,
    )
    indexes = server.rows(
        "SELECT INDEX_NAME AS name, NON_UNIQUE AS repeats, COLUMN_NAME AS column_name, "
        "SUB_PART AS prefix, INDEX_TYPE AS type FROM information_schema.STATISTICS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY INDEX_NAME = 'PRIMARY' DESC, "
        "INDEX_NAME, SEQ_IN_INDEX",
        *named,
    )
    refused = _REFUSED_INDEXES[server.flavour]
    return PlainTable(
        schema,
        table,
        str(about["engine"]),
        _column(server, schema, table, time_column),
        tuple(_unique_keys(indexes)),
        tuple(_foreign_keys(server, schema, table)),
        tuple({str(r["name"]): str(r["type"]) for r in indexes if r["type"] in refused}.items()),
        _geometry_columns(server, schema, table),
        clock_offset_seconds=int(about["clock_offset"]),
        rows=int(about["row_count"] or 0),
        data_bytes=int(about["data_bytes"] or 0),
        index_bytes=int(about["index_bytes"] or 0),
    )


def read_times(server: Server, table: PlainTable, epoch: str) -> PlainTable:
    """Ask the table for the times of its earliest and its latest row, in UTC.

    ``epoch`` is what the column counts if it is an integer. Raises ``Refused``
    when that would be no time.
    """
    column = table.column
    if column is None:
        return table
    name = quote_identifier(column.name)
    expression = f"UNIX_TIMESTAMP({name})" if column.type == "timestamp" else name
    is_number = column.type not in ("date", "datetime")
    row = server.row(
        f"SELECT MIN({expression}) AS earliest, MAX({expression}) AS latest "
        f"FROM {quote_table(table.schema, table.name)}"
    )
    found: list[datetime | None] = []
    for value in (row["earliest"], row["latest"]):
        try:
            if value is None:
                found.append(None)
            elif is_number:
                scheme = EPOCH_SECONDS if column.type == "timestamp" else epoch
                found.append(moment_of(scheme, str(int(value))))
            else:
                found.append(datetime.fromisoformat(str(value)))
        except (ValueError, OverflowError):
            raise Refused(
                [
                    f"{table}: {column.name} holds {value}, which is not a time"
                    f"{f' in {epoch}; correct epoch_unit' if is_number else ''}."
                ]
            ) from None
    earliest, latest = found
    if is_number and latest is not None and latest - EPOCH < timedelta(days=3650):
        raise Refused(
            [
                f"{table}: the latest {column.name} would be of {latest} in {epoch}. Correct "
                "epoch_unit, or time_column if it does not hold times."
            ]
        )
    return replace(table, earliest=earliest, latest=latest)


def statement(step: Step) -> Statement:
    """Return the ALTER TABLE of the step of ``plans.first_partitioning``."""
    change: Change = step.value
    table = change.table
    clause, args = partition_by(table.scheme, table.time_column, change.new)
    return Statement(f"ALTER TABLE {quote_table(table.schema, table.name)} {clause}", args)


def _column(server: Server, schema: str, table: str, name: str) -> TimeColumn | None:
    shape = read_table(server, schema, table)
    column = shape.column(name) if shape else None
    if column is None:
        return None
    has_fraction = column.base_type == "timestamp" and "(" in column.type
    return TimeColumn(
        column,
        can_be_not_null=not column.generated or _GENERATED_CAN_BE_NOT_NULL[server.flavour],
        can_partition=not has_fraction or _TAKES_FRACTIONS[server.flavour],
    )


def _geometry_columns(server: Server, schema: str, table: str) -> tuple[str, ...]:
    taken_from = _TAKES_GEOMETRY_FROM[server.flavour]
    if taken_from is not None and server.version >= taken_from:
        return ()
    marks = ", ".join(["%s"] * len(_GEOMETRY))
    rows = server.rows(
        "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s "
        f"AND TABLE_NAME = %s AND DATA_TYPE IN ({marks}) ORDER BY ORDINAL_POSITION",
        schema,
        table,
        *_GEOMETRY,
    )
    return tuple(str(row["name"]) for row in rows)


def _unique_keys(rows: Iterable[Row]) -> list[UniqueKey]:
    parts: dict[str, list[Row]] = {}
    for row in rows:
        if not int(row["repeats"]):
            parts.setdefault(str(row["name"]), []).append(row)
    return [
        UniqueKey(
            name,
            tuple(str(row["column_name"]) for row in columns),
            tuple(int(row["prefix"]) if row["prefix"] else None for row in columns),
        )
        for name, columns in parts.items()
    ]


def _foreign_keys(server: Server, schema: str, table: str) -> list[ForeignKey]:
    rows = server.rows(
        "SELECT DISTINCT CONSTRAINT_NAME AS name, TABLE_SCHEMA AS in_schema, "
        "TABLE_NAME AS in_table FROM information_schema.KEY_COLUMN_USAGE "
        "WHERE REFERENCED_TABLE_NAME IS NOT NULL AND ((TABLE_SCHEMA = %s AND TABLE_NAME = %s) "
        "OR (REFERENCED_TABLE_SCHEMA = %s AND REFERENCED_TABLE_NAME = %s)) ORDER BY 2, 3, 1",
        schema,
        table,
        schema,
        table,
    )
    return [
        ForeignKey(
            str(row["name"]),
            str(row["in_schema"]),
            str(row["in_table"]),
            (row["in_schema"], row["in_table"]) == (schema, table),
        )
        for row in rows
    ]
