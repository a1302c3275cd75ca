# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a table's partitions by time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.months import COUNT_LIMIT
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Row, Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables.partition_directories import (
    data_directories,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_SECONDS,
    RANGE_COLUMNS,
    TO_DAYS,
    UNIX_TIMESTAMP,
    Partition,
    PartitionedTable,
    counted_for_months,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition_text import (
    moment_of,
)

UNDERSTOOD = (
    "RANGE COLUMNS (a DATE or DATETIME column), RANGE (UNIX_TIMESTAMP(column)), "
    "RANGE (TO_DAYS(column)) or RANGE (an integer column of epoch seconds or milliseconds)"
)

# An integer that means a time is one from 1980 to 2199, or 0 to catch nonsense.
_TIMES = (datetime(1980, 1, 1), datetime(2200, 1, 1))

# MySQL keeps the quotes that names had in the session that made the table.
_COLUMN = r"""(`(?:[^`,()]|``)+`|"(?:[^",()]|"")+"|[^`",()]+)"""
_EXPRESSIONS = (
    ("RANGE COLUMNS", RANGE_COLUMNS, re.compile(_COLUMN)),
    ("RANGE", UNIX_TIMESTAMP, re.compile(rf"unix_timestamp\s*\(\s*{_COLUMN}\s*\)", re.IGNORECASE)),
    ("RANGE", TO_DAYS, re.compile(rf"to_days\s*\(\s*{_COLUMN}\s*\)", re.IGNORECASE)),
    ("RANGE", EPOCH_SECONDS, re.compile(_COLUMN)),
)


def partitioned_tables(server: Server, schema: str) -> list[str]:
    """Return the names of a schema's partitioned tables."""
    rows = server.rows(
        "SELECT DISTINCT TABLE_NAME AS name FROM information_schema.PARTITIONS "
        "WHERE TABLE_SCHEMA = %s AND PARTITION_NAME IS NOT NULL ORDER BY 1",
        schema,
    )
    return [str(row["name"]) for row in rows]


def has_partitions(server: Server, schema: str, table: str) -> bool:
    """Whether there is a table that has partitions, or no table at all."""
    rows = server.rows(
        "SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s LIMIT 1",
        schema,
        table,
    )
    return not rows or rows[0]["name"] is not None


def read(
    server: Server,
    schema: str,
    table: str,
    time_column: str | None,
    epoch: str = EPOCH_SECONDS,
) -> PartitionedTable:
    """Read how a table is partitioned.

    ``time_column`` is the column that it must be partitioned by (None: any),
    ``epoch`` what it counts if it is an integer. Raises ``Refused`` when there
    is no such table, when it has no partitions, or has them in a way that
    months cannot be told from.
    """
    where = f"server {server.address}, table {schema}.{table}"
    rows = server.rows(
        "SELECT PARTITION_NAME AS name, PARTITION_METHOD AS method, "
        "PARTITION_EXPRESSION AS expression, PARTITION_DESCRIPTION AS below, "
        "CAST(SUM(TABLE_ROWS) AS UNSIGNED) AS row_count, "
        "CAST(SUM(DATA_LENGTH) AS UNSIGNED) AS data_bytes, "
        "CAST(SUM(INDEX_LENGTH) AS UNSIGNED) AS index_bytes "
        "FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s "
        "GROUP BY PARTITION_NAME, PARTITION_METHOD, PARTITION_EXPRESSION, PARTITION_DESCRIPTION, "
        "PARTITION_ORDINAL_POSITION ORDER BY PARTITION_ORDINAL_POSITION",
        schema,
        table,
    )
    if not rows:
        raise Refused(
            [f"{where}: there is no such table. Create it first, with mysql_usage_table."]
        )
    if rows[0]["name"] is None:
        raise Refused(
            [
                f"{where} has no partitions. mysql_usage_table creates a table with its months "
                "(shape: read); this one would have to be partitioned by hand first, which "
                "rewrites it."
            ]
        )
    scheme, column = _scheme(where, rows[0])
    if time_column is not None and time_column.lower() != column.lower():
        raise Refused(
            [
                f"{where} is partitioned by {column}, not by {time_column}; correct time_column or "
                "leave it out."
            ]
        )
    (about,) = server.rows(
        "SELECT DATA_TYPE AS type, IS_NULLABLE AS nullable FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND COLUMN_NAME = %s",
        schema,
        table,
        column,
    )
    if scheme == RANGE_COLUMNS:
        _require_date(where, column, str(about["type"]))
    if scheme == EPOCH_SECONDS:
        scheme = epoch
        _require_times(where, scheme, rows)
    directories = data_directories(server, schema, table, len(rows))
    partitions = tuple(
        replace(_partition(where, scheme, row), data_directory=directory)
        for row, directory in zip(rows, directories)
    )
    found = PartitionedTable(schema, table, column, scheme, counted_for_months(partitions))
    return found if about["nullable"] == "NO" else _with_nulls(found)


def count_rows(
    server: Server, table: PartitionedTable, partitions: Iterable[Partition]
) -> PartitionedTable:
    """Ask the table itself how many rows some of its partitions hold, up to a limit.

    The statistics do not tell: they can say 0 of a partition with rows.
    """
    asked = {partition.name for partition in partitions}
    return replace(
        table,
        partitions=tuple(
            replace(partition, counted=_count(server, table, partition))
            if partition.name in asked
            else partition
            for partition in table.partitions
        ),
    )


def _scheme(where: str, row: Row) -> tuple[str, str]:
    for method, scheme, expression in _EXPRESSIONS:
        found = expression.fullmatch(str(row["expression"] or ""))
        if row["method"] == method and found:
            return scheme, _unquoted(found[1])
    raise Refused(
        [
            f"{where} is partitioned by {row['method']} ({row['expression']}), from which months "
            f"cannot be derived; supported are {UNDERSTOOD}."
        ]
    )


def _unquoted(name: str) -> str:
    quote = name[0]
    return name[1:-1].replace(quote * 2, quote) if quote in '`"' else name


def _require_date(where: str, column: str, type_: str) -> None:
    if type_.lower() not in ("date", "datetime"):
        raise Refused(
            [
                f"{where} is partitioned by RANGE COLUMNS ({column}), which is {type_}; supported "
                f"are {UNDERSTOOD}."
            ]
        )


def _with_nulls(table: PartitionedTable) -> PartitionedTable:
    """Say that rows without a time may be in the first partition."""
    first, *others = table.partitions
    if first.below is None or first.is_catch_all:
        return table
    return replace(table, partitions=(replace(first, may_hold_nulls=True), *others))


def _require_times(where: str, scheme: str, rows: Sequence[Row]) -> None:
    for row in rows:
        text = str(row["below"])
        if text.upper() == "MAXVALUE" or int(text) <= 0:
            continue
        try:
            is_time = _TIMES[0] <= moment_of(scheme, text) < _TIMES[1]
        except OverflowError:
            is_time = False
        if not is_time:
            raise Refused(
                [
                    f"{where} is partitioned by RANGE ({row['expression']}), and the boundary "
                    f"{text} of partition {row['name']} is not a time in {scheme}, from which "
                    "months cannot be derived. Correct epoch_unit if the column counts something "
                    f"else; supported are {UNDERSTOOD}."
                ]
            )


def _partition(where: str, scheme: str, row: Row) -> Partition:
    text = str(row["below"])
    try:
        below = None if text.upper() == "MAXVALUE" else moment_of(scheme, text)
    except (ValueError, OverflowError):
        raise Refused(
            [f"{where}: the boundary {text} of partition {row['name']} is not a time."]
        ) from None
    return Partition(
        str(row["name"]),
        below,
        int(row["row_count"] or 0),
        int(row["data_bytes"] or 0),
        int(row["index_bytes"] or 0),
    )


def _count(server: Server, table: PartitionedTable, partition: Partition) -> int:
    row = server.row(
        f"SELECT COUNT(*) AS found FROM (SELECT 1 FROM {quote_table(table.schema, table.name)} "
        f"PARTITION ({quote_identifier(partition.name)}) LIMIT {COUNT_LIMIT + 1}) AS some"
    )
    return int(row["found"])
