# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and creating usage tables."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.usage_indexes import (
    ADD_INDEXES,
    AddedIndexes,
    TableSize,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.usage_table import (
    CREATE_SCHEMA,
    Current,
    Wanted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.create_table import (
    NotACreateTable,
    Written,
    create_statement,
    index_clause,
    shape_of,
    written,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.months import (
    partition_definitions,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.statement import (
    Statement,
    quote_columns,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.partition import (
    RANGE_COLUMNS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.usage_table import (
    Index,
    TableShape,
    UsageTable,
)

# A schema that every server has, for a temporary table while the table's own
# schema does not exist yet.
_ALWAYS_THERE = "mysql"

# What a definition means depends on these variables of the session. All of them
# are the servers' own defaults, on which a server's administrator may differ.
_SESSION = {
    "sql_quote_show_create": 1,
    "default_storage_engine": "InnoDB",
    "default_tmp_storage_engine": "InnoDB",
    "explicit_defaults_for_timestamp": 1,
}

_TEXTS = ("char", "varchar", "binary", "varbinary")

# Server errors of a definition that a temporary table cannot have, in words.
_NOT_IN_A_USAGE_TABLE = {
    1005: "usage tables have no foreign keys; leave them out",
    1215: "usage tables have no foreign keys; leave them out",
    1506: "leave the partitions out; read servers get one for each month",
    1562: "leave the partitions out; read servers get one for each month",
}


def definition_of(table: UsageTable) -> Written:
    """Take the description's statement apart; raises ``Refused`` (no server is needed)."""
    try:
        found = written(table.definition)
    except NotACreateTable as error:
        raise Refused([f"definition: {error}."]) from None
    problems = []
    if found.table != table.name:
        problems.append(
            f"definition: it names table {found.table}, but name is {table.name}. Use one name."
        )
    if found.schema not in (None, table.schema):
        problems.append(
            f"definition: it names schema {found.schema}, but schema is {table.schema}. Leave the "
            "schema out there."
        )
    if problems:
        raise Refused(problems)
    return found


def read(server: Server, table: UsageTable, definition: Written) -> Current:
    """Read the table that is there, and let the server say what the definition means."""
    _prepare(server)
    schema_exists = bool(
        server.rows(
            "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", table.schema
        )
    )
    # Before the temporary table, which hides a table of the same name.
    existing = _existing(server, table.schema, table.name)
    size = _size(server, table, existing) if existing and table.add_indexes else None
    understood = _understood(server, definition, table.schema if schema_exists else _ALWAYS_THERE)
    return Current(understood, existing, schema_exists, size)


def read_table(server: Server, schema: str, name: str) -> TableShape | None:
    """Read a table as far as a channel is concerned; None: there is none, or none to be seen.

    Raises ``Refused`` when the name is a view's.
    """
    _prepare(server)
    shape = _existing(server, schema, name)
    if shape is None:
        return None
    rows = server.rows(
        "SELECT COLUMN_NAME AS name, CHARACTER_OCTET_LENGTH AS octets, "
        "GENERATION_EXPRESSION AS expression FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        schema,
        name,
    )
    octets = {str(row["name"]): row["octets"] for row in rows}
    expressions = {str(row["name"]): row["expression"] or None for row in rows}
    columns = (
        replace(column, octets=octets[column.name], generated=expressions[column.name])
        for column in shape.columns
    )
    return replace(shape, columns=tuple(columns))


def type_conversions(server: Server) -> str:
    """Return which types the server's appliers convert, where the source's are others."""
    # MySQL has both names, and will drop the second.
    found = server.variables("replica_type_conversions", "slave_type_conversions")
    return next((value for value in found.values() if value is not None), "")


def _size(server: Server, table: UsageTable, shape: TableShape) -> TableSize:
    """Read what the server estimates of a table, and how long texts in its indexes would be."""
    expiry = "information_schema_stats_expiry"
    if server.variables(expiry)[expiry] is not None:
        # Otherwise the figures may be a day old.
        server.set_session(expiry, 0)
    row = server.row(
        "SELECT TABLE_ROWS AS row_count, DATA_LENGTH AS data_bytes FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        table.schema,
        table.name,
    )
    named = {name.lower() for index in table.indexes for name in index.columns}
    texts = [
        column.name
        for column in shape.columns
        if column.name.lower() in named and column.base_type in _TEXTS
    ]
    lengths = {}
    if texts:
        sample = ", ".join(quote_identifier(name) for name in texts)
        averages = ", ".join(f"AVG(LENGTH({quote_identifier(name)}))" for name in texts)
        where = quote_table(table.schema, table.name)
        found = server.row(f"SELECT {averages} FROM (SELECT {sample} FROM {where} LIMIT 1000) AS s")
        lengths = {name: float(average or 0) for name, average in zip(texts, found.values())}
    return TableSize(int(row["row_count"] or 0), int(row["data_bytes"] or 0), lengths)


def _prepare(server: Server) -> None:
    for variable, value in _SESSION.items():
        server.set_session(variable, value)


def _existing(server: Server, schema: str, name: str) -> TableShape | None:
    rows = server.rows(
        "SELECT TABLE_TYPE AS type FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        schema,
        name,
    )
    if not rows:
        return None
    if rows[0]["type"] != "BASE TABLE":
        raise Refused(
            [
                f"server {server.address}: {schema}.{name} is there already and is no table but a "
                f"{rows[0]['type']}. Choose another name, or remove it."
            ]
        )
    return _shape(server, schema, name)


def _understood(server: Server, definition: Written, schema: str) -> TableShape:
    try:
        statement = definition.temporary(schema)
        server.rows(statement.sql)
    except ServerError as error:
        # The client library's own numbers (a lost connection) are from 2000 to 2999.
        if error.number == 0 or 2000 <= error.number < 3000:
            raise
        why = _NOT_IN_A_USAGE_TABLE.get(error.number, "correct it")
        raise Refused(
            [
                f"definition: server {server.address} does not take it: error {error.number}: "
                f"{error.message}; {why}."
            ]
        ) from error
    try:
        return _shape(server, schema, definition.table)
    finally:
        server.rows(f"DROP TEMPORARY TABLE {quote_table(schema, definition.table)}")


def _shape(server: Server, schema: str, table: str) -> TableShape:
    where = quote_table(schema, table)
    columns = {
        str(row["Field"]): (str(row["Type"]), row["Collation"], row["Null"] == "YES")
        for row in server.rows(f"SHOW FULL COLUMNS FROM {where}")
    }
    return shape_of(server.row(f"SHOW CREATE TABLE {where}")["Create Table"], columns)


def statements(step: Step, server: Server) -> list[Statement]:
    """Return the one statement of a step."""
    if step.action == ADD_INDEXES:
        return [add_indexes(step.value)]
    wanted: Wanted = step.value
    if step.action == CREATE_SCHEMA:
        return [
            Statement(
                f"CREATE SCHEMA {quote_identifier(wanted.table.schema)} "
                "DEFAULT CHARACTER SET utf8mb4"
            )
        ]
    return [create_table(wanted)]


def add_index(table: UsageTable, index: Index) -> str:
    """Return the statement that adds an index, for people to read."""
    return Statement(
        f"ALTER TABLE {quote_table(table.schema, table.name)} ADD {index_clause(index)}"
    ).shown


def add_indexes(added: AddedIndexes) -> Statement:
    """Return the one statement that adds indexes while rows are read and written.

    Both flavours refuse it rather than to block writers: LOCK=NONE is a promise.
    """
    clauses = ", ".join(f"ADD {index_clause(index)}" for index in added.indexes)
    table = quote_table(added.table.schema, added.table.name)
    return Statement(f"ALTER TABLE {table} ALGORITHM=INPLACE, LOCK=NONE, {clauses}")


def create_table(wanted: Wanted) -> Statement:
    """Return the statement that creates the table as it is wanted."""
    clause, args = "", ()
    if wanted.partitions:
        column = wanted.shape.primary_key[-1]
        method = (
            f"RANGE COLUMNS {quote_columns([column])}"
            if wanted.scheme == RANGE_COLUMNS
            else f"RANGE (UNIX_TIMESTAMP({quote_identifier(column)}))"
        )
        definitions, args = partition_definitions(wanted.scheme, wanted.partitions)
        inner = ",\n  ".join(definitions)
        clause = f"\nPARTITION BY {method} (\n  {inner}\n)"
    return create_statement(wanted.table.schema, wanted.table.name, wanted.shape, (clause, args))
