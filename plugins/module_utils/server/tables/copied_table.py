# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what the tables of schemas are, for bringing their rows to another server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.distribution import (
    Schemas,
    Side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import closed_and_lifted
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    newest_epoch,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import has_schema
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.copied_table import (
    CopiedColumn,
    CopiedSchema,
    CopiedTable,
)

# What was written must be read, and written again as it is: zeros, dates that are none, and what
# rules refuse today. Nothing is cut short.
_SQL_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
_LOCK_SECONDS = 30
_SESSION = {"sql_mode": _SQL_MODE, "time_zone": "+00:00", "lock_wait_timeout": _LOCK_SECONDS}
# Rows are the source's, where the rules between them hold once all of them are here.
_WRITING: dict[str, dict[str, Any]] = {
    MYSQL: {"foreign_key_checks": 0, "innodb_lock_wait_timeout": _LOCK_SECONDS},
    MARIADB: {
        **{"foreign_key_checks": 0, "check_constraint_checks": 0},
        "innodb_lock_wait_timeout": _LOCK_SECONDS,
    },
}
# A session's own, so that it knows whether it was prepared.
_PREPARED = "@dbrw_prepared"
_ACCESS_DENIED = 1044


def prepare_to_read(server: Server) -> None:
    """Hold one consistent snapshot of the source for as long as the connection lives."""
    if _is_prepared(server):
        return
    _set(server, _SESSION)
    # Anything weaker would take a new one for each query.
    server.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    server.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    server.rows(f"SET {_PREPARED} = 1")


def prepare_to_write(server: Server) -> None:
    """Let the session write what it is given, as it is."""
    if _is_prepared(server):
        return
    _set(server, {**_SESSION, **_WRITING[server.flavour]})
    server.rows(f"SET {_PREPARED} = 1")


def read_side(server: Server, names: Sequence[str]) -> Side:
    """Read what a server is, and which tables it has in these schemas, none of their rows."""
    epoch = newest_epoch(server)
    number = server.row("SELECT @@GLOBAL.server_id AS number")["number"]
    return Side(
        server.flavour,
        int(number),
        closed_and_lifted(server)[0],
        epoch.active if epoch else None,
        (),
        _read_schemas(server, [server.names.stored(name) for name in names]),
    )


def create(server: Server, schemas: Sequence[CopiedSchema], tables: Sequence[CopiedTable]) -> None:
    """Make what is missing as the source has it."""
    for schema in schemas:
        server.run(
            Statement(
                f"CREATE SCHEMA {quote_identifier(schema.name)} DEFAULT CHARACTER SET "
                f"{quote_identifier(schema.character_set)} COLLATE {quote_identifier(schema.collation)}"
            )
        )
    for table in tables:
        # Its foreign keys name tables of its own schema without it.
        server.rows(f"USE {quote_identifier(table.schema)}")
        server.run(Statement(table.definition.replace("%", "%%")))


def _is_prepared(server: Server) -> bool:
    return server.row(f"SELECT {_PREPARED} AS prepared")["prepared"] is not None


def _set(server: Server, values: dict[str, Any]) -> None:
    for name, value in values.items():
        server.set_session(name, value)


def _read_schemas(server: Server, names: Sequence[str]) -> Schemas:
    found = {}
    for name in names:
        if not has_schema(server, name):
            _refuse_hidden(server, name)
            continue
        row = server.row(
            "SELECT DEFAULT_CHARACTER_SET_NAME AS characters, DEFAULT_COLLATION_NAME AS collation "
            "FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
            name,
        )
        found[name] = CopiedSchema(
            name, str(row["characters"]), str(row["collation"]), read_tables(server, name)
        )
    return found


def _refuse_hidden(server: Server, name: str) -> None:
    """Tell a schema that is not there from one that the account may not see.

    Raises ``ServerError`` for the latter: it would look as if there were no rows.
    """
    try:
        # SHOW TABLES shows none, without an error, to an account with PROCESS.
        server.rows(f"USE {quote_identifier(name)}")
    except ServerError as error:
        if error.number == _ACCESS_DENIED:
            raise ServerError(
                server.address,
                f"{error.message}; grant the account SELECT on {name}.*",
                error.number,
            ) from None


def read_tables(server: Server, schema: str) -> dict[str, CopiedTable]:
    """Return the tables of a schema by name."""
    listed = server.rows(
        "SELECT TABLE_NAME AS name, TABLE_TYPE AS type, ENGINE AS engine "
        "FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_TYPE <> 'VIEW' "
        "ORDER BY TABLE_NAME",
        schema,
    )
    columns = _by_table(
        server.rows(
            "SELECT TABLE_NAME AS name, COLUMN_NAME AS column_name, DATA_TYPE AS type, "
            "CHARACTER_SET_NAME AS characters, COLLATION_NAME AS collation, "
            "NUMERIC_PRECISION AS digits, NUMERIC_SCALE AS scale, "
            "COALESCE(GENERATION_EXPRESSION, '') <> '' AS is_made "
            "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s "
            "ORDER BY TABLE_NAME, ORDINAL_POSITION",
            schema,
        )
    )
    keys = _by_table(
        server.rows(
            "SELECT TABLE_NAME AS name, COLUMN_NAME AS column_name "
            "FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND INDEX_NAME = 'PRIMARY' "
            "ORDER BY TABLE_NAME, SEQ_IN_INDEX",
            schema,
        )
    )
    triggers = _by_table(
        server.rows(
            "SELECT EVENT_OBJECT_TABLE AS name, TRIGGER_NAME AS trigger_name "
            "FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = %s ORDER BY TRIGGER_NAME",
            schema,
        )
    )
    links = server.rows(
        "SELECT DISTINCT TABLE_SCHEMA AS from_schema, TABLE_NAME AS from_table, "
        "REFERENCED_TABLE_SCHEMA AS to_schema, REFERENCED_TABLE_NAME AS to_table "
        "FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL "
        "AND (TABLE_SCHEMA = %s OR REFERENCED_TABLE_SCHEMA = %s)",
        schema,
        schema,
    )
    tables = {}
    for row in listed:
        name = str(row["name"])
        made = server.row(f"SHOW CREATE TABLE {quote_table(schema, name)}")
        tables[name] = CopiedTable(
            schema,
            name,
            str(made.get("Create Table", "")),
            tuple(_column(one) for one in columns.get(name, ())),
            tuple(str(one["column_name"]) for one in keys.get(name, ())),
            str(row["engine"]),
            str(row["type"]),
            tuple(str(one["trigger_name"]) for one in triggers.get(name, ())),
            tuple(
                (str(one["to_schema"]), str(one["to_table"]))
                for one in links
                if (one["from_schema"], one["from_table"]) == (schema, name)
            ),
            tuple(
                (str(one["from_schema"]), str(one["from_table"]))
                for one in links
                if (one["to_schema"], one["to_table"]) == (schema, name)
            ),
        )
    return tables


def _by_table(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row["name"]), []).append(row)
    return found


def _column(row: Row) -> CopiedColumn:
    return CopiedColumn(
        str(row["column_name"]),
        str(row["type"]).lower(),
        bool(row["is_made"]),
        row["characters"],
        row["collation"],
        None if row["digits"] is None else int(row["digits"]),
        None if row["scale"] is None else int(row["scale"]),
    )
