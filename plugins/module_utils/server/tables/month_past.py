# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of partitions that are past, and partitions that move to another disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.month_archive import (
    LONGEST_NAME,
    Archive,
    Found,
    difference,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.months import (
    ARCHIVE,
    CLEAN,
    DROP,
    MOVE,
    Beside,
    Change,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import has_schema
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import partition_changes
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables.usage_table import (
    read_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_columns,
    quote_identifier,
    quote_table,
    shown_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    PartitionedTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition_text import (
    partition_definitions,
)

# The only directories that MySQL puts a file into, besides its own. MariaDB has
# no such variable, and puts files anywhere.
_KNOWN_DIRECTORIES = "innodb_directories"

# Partitions of a table to which columns were added instantly: MySQL exchanges
# none of them with a table (error 1731), and only rebuilding the table helps.
_WITH_INSTANT_COLUMNS = {
    MYSQL: (
        "SELECT NAME FROM information_schema.INNODB_TABLES "
        "WHERE LOCATE(LOWER(CONCAT(%s, '/', %s, '#p#')), LOWER(NAME)) = 1 "
        "AND TOTAL_ROW_VERSIONS > 0 LIMIT 1"
    ),
    MARIADB: None,
}

# What comes before and after a table's columns in SHOW CREATE TABLE, which
# writes line breaks inside comments as \n.
_HEAD = re.compile(r"CREATE TABLE `(?:[^`]|``)*` ")
_PARTITION_BY = re.compile(r"\n ?(?:/\*!\d+ )?PARTITION BY .*", re.DOTALL)


# An id of 0 is copied as it is, and not numbered anew.
_KEEP_ZEROS = Statement("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')")


def read_beside(
    server: Server, table: PartitionedTable, archives: Iterable[Archive], directory: str | None
) -> Beside:
    """Read what is there under the archives' names, and what an interrupted move left.

    Raises ``Refused`` when an archive's schema is missing, or the server may not
    put files into ``directory`` (None: it does not have to).
    """
    archives = list(archives)
    problems = []
    for schema in sorted({archive.schema for archive in archives}):
        # Not SHOW SCHEMAS, which on MariaDB never tells upper case from lower.
        if not has_schema(server, schema):
            problems.append(
                f"server {server.address}: no schema {schema} exists for the archives of "
                f"{table}. Create it (outside the binary log), or correct archive_schema."
            )
    if directory is not None:
        problems += _directory_problems(server, table, directory)
    if archives and _has_instant_columns(server, table):
        problems.append(
            f"{table} has columns that were added instantly, so its partitions cannot be exchanged "
            "with tables (error 1731). Rebuild it at a quiet time, outside the binary log: "
            f"ALTER TABLE {shown_table(table.schema, table.name)} FORCE;"
        )
    refuse_if_any(problems)
    leftover = _moving(table)
    return Beside(
        tuple(replace(archive, found=_found(server, table, archive)) for archive in archives),
        leftover if _exists(server, table.schema, leftover) else None,
    )


def statements(step: Step, server: Server) -> list[Statement]:
    """Return the statements of a step of ``plans.months``."""
    change: Change = step.value
    if step.action == ARCHIVE:
        return _archive(step, change, server)
    if step.action == MOVE:
        return (_move_by_reorganize if _reorganizes(server) else _move_by_exchange)(change, server)
    if step.action == CLEAN:
        name = quote_table(change.table.schema, str(change.leftover))
        return [Statement(f"DROP TABLE IF EXISTS {name}")]
    return [partition_changes.statement(step, server)]


def _archive(step: Step, change: Change, server: Server) -> list[Statement]:
    if change.archive is None:
        raise ValueError(f"{step} names no archive")
    table = quote_table(change.table.schema, change.table.name)
    archive = quote_table(change.archive.schema, change.archive.table)
    partition = quote_identifier(change.old[0].name)
    drop = partition_changes.statement(replace(step, action=DROP), server)
    found = change.archive.found
    lock = Statement(f"LOCK TABLES {table} WRITE, {archive} WRITE")
    if found and found.has_rows:
        # An earlier run came as far as the exchange. Rows that have come since the
        # partition was counted go the same way, under the lock that keeps others out.
        late = _copy_rows(change.table, partition, archive, server)
        return [_KEEP_ZEROS, lock, late, drop, Statement("UNLOCK TABLES")]
    said = []
    if found is None:
        said.append(f"CREATE TABLE {archive} LIKE {table}")
    if found is None or found.partitioned:
        said.append(f"ALTER TABLE {archive} REMOVE PARTITIONING")
    # Under one lock, so that no row can come between the exchange and the drop.
    exchange = Statement(f"ALTER TABLE {table} EXCHANGE PARTITION {partition} WITH TABLE {archive}")
    return [*map(Statement, said), lock, exchange, drop, Statement("UNLOCK TABLES")]


def _copy_rows(table: PartitionedTable, partition: str, into: str, server: Server) -> Statement:
    """Return the statement that copies a partition's rows; both names are quoted."""
    columns = quote_columns(_stored_columns(server, table.schema, table.name))[1:-1]
    return Statement(
        f"INSERT INTO {into} ({columns}) SELECT {columns} "
        f"FROM {quote_table(table.schema, table.name)} PARTITION ({partition})"
    )


def _move_by_reorganize(change: Change, server: Server) -> list[Statement]:
    (old,), (new,) = change.old, change.new
    (definition,), args = partition_definitions(change.table.scheme, [new])
    return [
        Statement(
            f"ALTER TABLE {quote_table(change.table.schema, change.table.name)} "
            "ALGORITHM=INPLACE, LOCK=SHARED, "
            f"REORGANIZE PARTITION {quote_identifier(old.name)} INTO "
            f"({definition} DATA DIRECTORY = %s)",
            (*args, new.data_directory),
        )
    ]


def _move_by_exchange(change: Change, server: Server) -> list[Statement]:
    """Copy the rows into a table in the other directory, and exchange the two.

    MariaDB ignores DATA DIRECTORY in REORGANIZE (warning 1982), but a table
    that is exchanged keeps its file where it is.
    """
    (old,), (new,) = change.old, change.new
    schema, name = change.table.schema, change.table.name
    table, moving = quote_table(schema, name), quote_table(schema, _moving(change.table))
    partition = quote_identifier(old.name)
    return [
        Statement(f"DROP TABLE IF EXISTS {moving}"),
        Statement(
            _definition(server, schema, name, moving) + " DATA DIRECTORY = %s",
            (new.data_directory,),
        ),
        _KEEP_ZEROS,
        Statement(f"LOCK TABLES {table} WRITE, {moving} WRITE"),
        _copy_rows(change.table, partition, moving, server),
        Statement(f"ALTER TABLE {table} EXCHANGE PARTITION {partition} WITH TABLE {moving}"),
        Statement("UNLOCK TABLES"),
        Statement(f"DROP TABLE {moving}"),
    ]


def _definition(server: Server, schema: str, name: str, new_name: str) -> str:
    """Return CREATE TABLE of a table without its partitions, under another, quoted name."""
    (row,) = server.rows(f"SHOW CREATE TABLE {quote_table(schema, name)}")
    text = _HEAD.sub("", _PARTITION_BY.sub("", str(row["Create Table"])), count=1)
    return f"CREATE TABLE {new_name} " + text.replace("%", "%%")


def _stored_columns(server: Server, schema: str, name: str) -> list[str]:
    rows = server.rows(
        "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s "
        "AND TABLE_NAME = %s AND COALESCE(GENERATION_EXPRESSION, '') = '' "
        "ORDER BY ORDINAL_POSITION",
        schema,
        name,
    )
    return [str(row["name"]) for row in rows]


def _moving(table: PartitionedTable) -> str:
    suffix = "#moving"
    return table.name[: LONGEST_NAME - len(suffix)] + suffix


def _reorganizes(server: Server) -> bool:
    """Whether REORGANIZE PARTITION takes a DATA DIRECTORY."""
    return server.variables(_KNOWN_DIRECTORIES)[_KNOWN_DIRECTORIES] is not None


def _directory_problems(server: Server, table: PartitionedTable, directory: str) -> list[str]:
    known = server.variables(_KNOWN_DIRECTORIES)[_KNOWN_DIRECTORIES]
    if known is None:
        return []
    for allowed in filter(None, known.split(";")):
        if f"{directory.rstrip('/')}/".startswith(f"{allowed.rstrip('/')}/"):
            return []
    return [
        f"{table}: server {server.address} may not put files into {directory}: its "
        f"innodb_directories is {known!r}. Set innodb_directories = {directory} in the section "
        "[mysqld] of its configuration and start it again."
    ]


def _has_instant_columns(server: Server, table: PartitionedTable) -> bool:
    query = _WITH_INSTANT_COLUMNS[server.flavour]
    if query is None:
        return False
    try:
        return bool(server.rows(query, table.schema, table.name))
    except ServerError:
        # Without the privilege PROCESS the exchange itself finds out.
        return False


def _found(server: Server, table: PartitionedTable, archive: Archive) -> Found | None:
    there = read_table(server, archive.schema, archive.table)
    wanted = read_table(server, table.schema, table.name)
    if there is None or wanted is None:
        return None
    rows = server.rows(f"SELECT 1 FROM {quote_table(archive.schema, archive.table)} LIMIT 1")
    # With rows, the exchange was done: all that a late row needs is the columns.
    differ = difference(wanted, there, columns_only=bool(rows))
    if there.partitioned and differ is None:
        made_like = "no partitions" if rows else _partitions(server, table.schema, table.name)
        has = _partitions(server, archive.schema, archive.table)
        differ = None if has == made_like else f"{has} in place of {made_like}"
    return Found(bool(rows), there.partitioned, differ)


def _partitions(server: Server, schema: str, table: str) -> str:
    """Describe what a table is partitioned by."""
    rows = server.rows(
        "SELECT PARTITION_METHOD AS method, PARTITION_EXPRESSION AS expression "
        "FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = %s "
        "AND TABLE_NAME = %s AND PARTITION_NAME IS NOT NULL LIMIT 1",
        schema,
        table,
    )
    return "".join(f"partitions by {row['method']} ({row['expression']})" for row in rows)


def _exists(server: Server, schema: str, table: str) -> bool:
    return bool(
        server.rows(
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            schema,
            table,
        )
    )
