# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a table's partitions by time, and changing them within a bounded wait."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain, count
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.months import (
    ADD,
    COUNT_LIMIT,
    DROP,
    SPLIT,
    Change,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables.partition_directories import (
    data_directories,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import EPOCH
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import parse_moment
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_MILLISECONDS,
    EPOCH_SECONDS,
    RANGE_COLUMNS,
    TO_DAYS,
    UNIX_TIMESTAMP,
    Partition,
    PartitionedTable,
    counted_for_months,
    text_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    UsageTable,
)

LOCK_WAIT_TIMEOUT = 1205

# Queries that have queued behind an ALTER get this long before it queues again.
SECONDS_BETWEEN_TRIES = 1.0

UNDERSTOOD = (
    "RANGE COLUMNS (a DATE or DATETIME column), RANGE (UNIX_TIMESTAMP(column)), "
    "RANGE (TO_DAYS(column)) or RANGE (an integer column of epoch seconds or milliseconds)"
)

# TO_DAYS counts from a year 0 that Python's calendar does not have.
_TO_DAYS_OF_0001_01_01 = 366

# An integer that means a time is one from 1980 to 2199, or 0 to catch nonsense.
_TIMES = (datetime(1980, 1, 1), datetime(2200, 1, 1))
_PER_SECOND = {EPOCH_SECONDS: 1, EPOCH_MILLISECONDS: 1000, UNIX_TIMESTAMP: 1}

# MySQL keeps the quotes that names had in the session that made the table.
_COLUMN = r"""(`(?:[^`,()]|``)+`|"(?:[^",()]|"")+"|[^`",()]+)"""
_EXPRESSIONS = (
    ("RANGE COLUMNS", RANGE_COLUMNS, re.compile(_COLUMN)),
    ("RANGE", UNIX_TIMESTAMP, re.compile(rf"unix_timestamp\s*\(\s*{_COLUMN}\s*\)", re.IGNORECASE)),
    ("RANGE", TO_DAYS, re.compile(rf"to_days\s*\(\s*{_COLUMN}\s*\)", re.IGNORECASE)),
    ("RANGE", EPOCH_SECONDS, re.compile(_COLUMN)),
)

# How often an ALTER that cannot get the table waits for lock_wait_timeout before
# it says so: MariaDB's queues a second time to clean up. Between the two others
# get in, but a session with several statements would lose the time twice.
_WAITS_OF_AN_ALTER = {MYSQL: 1, MARIADB: 2}

# Where the words of ALTER TABLE ... PARTITION differ: MySQL can be told to fail
# rather than to block writers, and only before the clause that it is meant for
# (REORGANIZE needs LOCK=SHARED); MariaDB takes neither word there.
_ONLINE = {
    MYSQL: {
        ADD: "ALGORITHM=INPLACE, LOCK=NONE, ",
        SPLIT: "ALGORITHM=INPLACE, LOCK=SHARED, ",
        DROP: "ALGORITHM=INPLACE, LOCK=NONE, ",
    },
    MARIADB: {ADD: "", SPLIT: "", DROP: ""},
}

# Sessions that keep others from changing a table. MySQL knows them exactly;
# MariaDB has no view of metadata locks without a plugin, so these are the
# sessions with an open transaction, the usual cause.
_HOLDERS = {
    MYSQL: (
        "SELECT DISTINCT t.PROCESSLIST_ID AS id, t.PROCESSLIST_USER AS user, "
        "t.PROCESSLIST_HOST AS host FROM performance_schema.metadata_locks m "
        "JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID "
        "WHERE m.OBJECT_SCHEMA = %s AND m.OBJECT_NAME = %s AND m.LOCK_STATUS = 'GRANTED' "
        "AND t.PROCESSLIST_ID <> CONNECTION_ID() ORDER BY 1 LIMIT 10"
    ),
    MARIADB: (
        "SELECT p.ID AS id, p.USER AS user, p.HOST AS host "
        "FROM information_schema.INNODB_TRX t "
        "JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id "
        "WHERE p.ID <> CONNECTION_ID() ORDER BY t.trx_started LIMIT 10"
    ),
}


@dataclass(frozen=True)
class LockWait:
    """How long an ALTER may queue for a table, with everyone else behind it, and how often."""

    timeout_seconds: int = 5
    retries: int = 3

    def problems(self) -> list[str]:
        """Say what is wrong with the numbers by themselves."""
        found = []
        if self.timeout_seconds < 1:
            found.append(
                f"lock_wait_timeout_seconds {self.timeout_seconds} is no time to wait; choose 1 "
                "or more."
            )
        if self.retries < 0:
            found.append(f"lock_wait_retries {self.retries} is no number; choose 0 or more.")
        return found


def utc_now(server: Server) -> datetime:
    """Return the server's clock in UTC, without a time zone."""
    now = server.row("SELECT UTC_TIMESTAMP() AS now")["now"]
    return now if isinstance(now, datetime) else parse_moment(str(now))


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


def statement(step: Step, server: Server) -> Statement:
    """Return the one ALTER TABLE of a step of ``plans.months``."""
    change: Change = step.value
    online = _ONLINE[server.flavour][step.action]
    head = f"ALTER TABLE {quote_table(change.table.schema, change.table.name)} {online}"
    old = ", ".join(quote_identifier(partition.name) for partition in change.old)
    if step.action == DROP:
        return Statement(f"{head}DROP PARTITION {old}")
    definitions, args = partition_definitions(change.table.scheme, change.new)
    new = ", ".join(definitions)
    if step.action == SPLIT:
        return Statement(f"{head}REORGANIZE PARTITION {old} INTO ({new})", args)
    return Statement(f"{head}ADD PARTITION ({new})", args)


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


def bound_lock_waits(server: Server, wait: LockWait) -> None:
    """Bound how long this session queues for a table, in whole seconds and at least one."""
    waits = _WAITS_OF_AN_ALTER[server.flavour]
    server.set_session("lock_wait_timeout", max(1, wait.timeout_seconds // waits))


def lock_wait_problems(server: Server, wait: LockWait) -> list[str]:
    """Say which wait for a table this server cannot keep to when it changes partitions."""
    waits = _WAITS_OF_AN_ALTER[server.flavour]
    if wait.timeout_seconds >= waits:
        return []
    return [
        f"server {server.address}: lock_wait_timeout_seconds {wait.timeout_seconds} cannot be kept "
        f"to. A change of partitions that does not get its table waits {waits} times on this "
        f"server, for a second each at least; choose {waits} or more."
    ]


def run_with_retries(
    server: Server, statement: Statement, table: PartitionedTable | UsageTable, wait: LockWait
) -> float:
    """Run an ALTER, again when it could not get the table; return the last try's seconds.

    Raises ``ServerError`` that says who may hold the table.
    """
    for tries_left in range(wait.retries, -1, -1):
        started = time.monotonic()
        try:
            if tries_left == wait.retries:
                server.run(statement)
            else:
                server.rows(statement.sql, *statement.args)
                server.has_changed = True
        except ServerError as error:
            if error.number != LOCK_WAIT_TIMEOUT:
                raise
            if not tries_left:
                raise ServerError(
                    server.address, _why(server, table, wait), error.number, statement
                ) from error
            time.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return time.monotonic() - started
    raise AssertionError("the last try returns or raises")


def _why(server: Server, table: PartitionedTable | UsageTable, wait: LockWait) -> str:
    tries = wait.retries + 1
    said = (
        f"gave up after {tries} {'try' if tries == 1 else 'tries'} of {wait.timeout_seconds} s to "
        f"get table {table}: a session that has used it in a transaction that is still open, or a "
        "statement on it that is still running, holds it"
    )
    query = _HOLDERS[server.flavour]
    try:
        rows = server.rows(query, *((table.schema, table.name) if "%s" in query else ()))
    except ServerError:
        rows = []
    if rows:
        found = ", ".join(f"{row['id']} ({row['user']}@{row['host']})" for row in rows)
        said += f"; look at these sessions: {found}"
    return f"{said}. Let it end, or end it (KILL), and run this again"


def _scheme(where: str, row: Row) -> tuple[str, str]:
    for method, scheme, expression in _EXPRESSIONS:
        found = expression.fullmatch(str(row["expression"] or ""))
        if row["method"] == method and found:
            return scheme, _unquoted(found[1])
    raise Refused(
        [
            f"{where} is partitioned by {row['method']} ({row['expression']}), from which months "
            f"cannot be told; what is understood is {UNDERSTOOD}."
        ]
    )


def _unquoted(name: str) -> str:
    quote = name[0]
    return name[1:-1].replace(quote * 2, quote) if quote in '`"' else name


def _require_date(where: str, column: str, type_: str) -> None:
    if type_.lower() not in ("date", "datetime"):
        raise Refused(
            [
                f"{where} is partitioned by RANGE COLUMNS ({column}), which is {type_}; what "
                f"is understood is {UNDERSTOOD}."
            ]
        )


def _with_nulls(table: PartitionedTable) -> PartitionedTable:
    """Say how rows without a time, which are in the first partition, get one of their own."""
    first, *others = table.partitions
    if first.below is None or first.is_catch_all:
        return table
    taken = {partition.name.lower() for partition in table.partitions}
    names = chain(["pnull"], map("pnull_{}".format, count(2)))
    name = next(name for name in names if name not in taken)
    definitions, args = partition_definitions(table.scheme, [Partition(name, EPOCH), first])
    reorganize = Statement(
        f"ALTER TABLE {quote_table(table.schema, table.name)} REORGANIZE PARTITION "
        f"{quote_identifier(first.name)} INTO ({', '.join(definitions)})",
        args,
    )
    return replace(table, partitions=(replace(first, part_nulls=reorganize.shown), *others))


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
                    f"{text} of partition {row['name']} is no time in {scheme}, from which months "
                    "cannot be told. Correct epoch_unit if the column counts something else; what "
                    f"is understood is {UNDERSTOOD}."
                ]
            )


def _partition(where: str, scheme: str, row: Row) -> Partition:
    text = str(row["below"])
    try:
        below = None if text.upper() == "MAXVALUE" else moment_of(scheme, text)
    except (ValueError, OverflowError):
        raise Refused(
            [f"{where}: the boundary {text} of partition {row['name']} is no time."]
        ) from None
    return Partition(
        str(row["name"]),
        below,
        int(row["row_count"] or 0),
        int(row["data_bytes"] or 0),
        int(row["index_bytes"] or 0),
    )


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


def _boundary(scheme: str, moment: datetime) -> tuple[str, Any]:
    if scheme in _PER_SECOND:
        # A number means the same moment in every session's time zone.
        return "(%s)", int((moment - EPOCH).total_seconds()) * _PER_SECOND[scheme]
    return ("(TO_DAYS(%s))" if scheme == TO_DAYS else "(%s)"), text_of(moment)


def _count(server: Server, table: PartitionedTable, partition: Partition) -> int:
    row = server.row(
        f"SELECT COUNT(*) AS found FROM (SELECT 1 FROM {quote_table(table.schema, table.name)} "
        f"PARTITION ({quote_identifier(partition.name)}) LIMIT {COUNT_LIMIT + 1}) AS some"
    )
    return int(row["found"])
