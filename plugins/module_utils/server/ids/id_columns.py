# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading AUTO_INCREMENT columns at a bounded cost, and raising their counters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import (
    IdColumn,
    IdLimits,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import SYSTEM_SCHEMAS
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)

SAMPLE = 5

# Sessions that hold a table keep an ALTER waiting, and others behind it.
LOCK_WAIT_SECONDS = 10

_COLUMNS = (
    "SELECT c.TABLE_SCHEMA AS schema_name, c.TABLE_NAME AS table_name, c.COLUMN_NAME AS name, "
    "c.COLUMN_TYPE AS type, t.AUTO_INCREMENT AS counter, "
    # The primary key if it may be: another index can be one that may not be used.
    "(SELECT MIN(IF(s.INDEX_NAME = 'PRIMARY', '', s.INDEX_NAME)) "
    "FROM information_schema.STATISTICS AS s "
    "WHERE s.TABLE_SCHEMA = c.TABLE_SCHEMA AND s.TABLE_NAME = c.TABLE_NAME "
    "AND s.COLUMN_NAME = c.COLUMN_NAME AND s.SEQ_IN_INDEX = 1 AND s.INDEX_TYPE = 'BTREE') AS ind "
    "FROM information_schema.COLUMNS AS c JOIN information_schema.TABLES AS t "
    "ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME "
    "WHERE c.EXTRA LIKE '%%auto_increment%%' AND t.TABLE_TYPE = 'BASE TABLE' AND {where} "
    "ORDER BY 1, 2"
)


def read(
    server: Server, limits: IdLimits, judge: Autoinc, tables: Collection[str]
) -> tuple[IdColumn, ...]:
    """Read the columns of the limits' schemas and of ``tables`` (schema.table).

    ``judge`` tells whose ids are foreign. Raises ``Refused`` when a schema that
    must exist does not.
    """
    # MySQL remembers a table's counter for a day otherwise.
    if server.variables("information_schema_stats_expiry")["information_schema_stats_expiry"]:
        server.set_session("information_schema_stats_expiry", 0)
    server.set_session("lock_wait_timeout", LOCK_WAIT_SECONDS)
    if limits.schemas_must_exist:
        _require_schemas(server, limits.schemas)
    found = {column.table_name: column for column in _named(server, tables)}
    if limits.enabled:
        for column in _in_schemas(server, limits.schemas):
            found[column.table_name] = _looked_at(server, column, limits.per_table, judge)
    return tuple(
        column if column.checked or column.index is None else _with_highest(server, column)
        for _name, column in sorted(found.items())
    )


def read_again(server: Server, columns: Sequence[IdColumn]) -> tuple[IdColumn, ...]:
    """Return columns that were read before with their present counters and highest ids."""
    found = {
        column.table_name: column
        for column in _named(server, [column.table_name for column in columns])
    }
    return tuple(
        _with_highest(server, replace(column, counter=found[column.table_name].counter))
        if column.index is not None and column.table_name in found
        else column
        for column in columns
    )


def statement(step: Step) -> Statement:
    """Return the ALTER TABLE of a step of ``plans.id_columns``."""
    column, wanted = step.value
    return Statement(
        f"ALTER TABLE {quote_table(column.schema, column.table)} AUTO_INCREMENT = %s", (wanted,)
    )


def newest_ids(column: IdColumn) -> str:
    """Return the query for a column's newest ids; it takes the number of them.

    The index that starts with the column is read from its end, and no further
    than that number of entries, however large the table is.
    """
    name = quote_identifier(column.column)
    return (
        f"SELECT {name} AS id FROM {quote_table(column.schema, column.table)} "
        f"FORCE INDEX ({quote_identifier(column.index or '')}) ORDER BY {name} DESC LIMIT %s"
    )


def _require_schemas(server: Server, schemas: Collection[str]) -> None:
    rows = server.rows("SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA")
    there = {str(row["name"]) for row in rows}
    missing = [name for name in schemas if name not in there]
    if missing:
        raise Refused(
            [
                f"check_schemas: server {server.address} has no schema {name}; correct the name, "
                "or remove it."
                for name in missing
            ]
        )


def _in_schemas(server: Server, schemas: tuple[str, ...]) -> list[IdColumn]:
    names = schemas or SYSTEM_SCHEMAS
    marks = ", ".join(["%s"] * len(names))
    where = f"c.TABLE_SCHEMA {'' if schemas else 'NOT '}IN ({marks})"
    found = [_column(row) for row in server.rows(_COLUMNS.format(where=where), *names)]
    # MariaDB's IN does not tell upper case from lower, where the names of schemas do.
    return [column for column in found if not schemas or column.schema in schemas]


def _named(server: Server, tables: Collection[str]) -> list[IdColumn]:
    where = "c.TABLE_SCHEMA = %s AND c.TABLE_NAME = %s"
    found = []
    for name in tables:
        schema, _rest, table = name.partition(".")
        found += [_column(row) for row in server.rows(_COLUMNS.format(where=where), schema, table)]
    return found


def _column(row: Row) -> IdColumn:
    return IdColumn(
        str(row["schema_name"]),
        str(row["table_name"]),
        str(row["name"]),
        str(row["type"]),
        # A table that has never numbered a row has no counter yet.
        int(row["counter"] or 1),
        None if row["ind"] is None else str(row["ind"]) or "PRIMARY",
    )


def _with_highest(server: Server, column: IdColumn) -> IdColumn:
    rows = server.rows(newest_ids(column), 1)
    return replace(column, highest=int(rows[0]["id"]) if rows else None)


def _looked_at(server: Server, column: IdColumn, most: int, judge: Autoinc) -> IdColumn:
    if column.index is None:
        return column
    newest = newest_ids(column)
    foreign = "id MOD %s <> %s"
    row = server.row(
        f"SELECT COUNT(*) AS checked, COALESCE(SUM({foreign}), 0) AS foreign_count, "
        f"MAX(id) AS highest FROM ({newest}) AS newest",
        judge.increment,
        judge.residue,
        most,
    )
    sample = []
    if int(row["foreign_count"]):
        sample = server.rows(
            f"SELECT id FROM ({newest}) AS newest WHERE {foreign} ORDER BY id DESC LIMIT %s",
            most,
            judge.increment,
            judge.residue,
            SAMPLE,
        )
    return replace(
        column,
        highest=None if row["highest"] is None else int(row["highest"]),
        checked=int(row["checked"]),
        foreign=int(row["foreign_count"]),
        sample=tuple(int(one["id"]) for one in sample),
    )
