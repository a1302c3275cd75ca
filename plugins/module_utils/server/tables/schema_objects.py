# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what schemas are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import has_schema
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import quote_table
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.schema_objects import (
    SchemaObjects,
    fingerprint,
)

# Each kind of objects: how they are listed, and what tells how one is made, with its column.
_LISTS = (
    (
        "SELECT TABLE_NAME AS name, IF(TABLE_TYPE = 'VIEW', 'view', 'table') AS kind "
        "FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
    ),
    (
        "SELECT ROUTINE_NAME AS name, LOWER(ROUTINE_TYPE) AS kind "
        "FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s"
    ),
    (
        "SELECT TRIGGER_NAME AS name, 'trigger' AS kind "
        "FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s"
    ),
    (
        "SELECT EVENT_NAME AS name, 'event' AS kind "
        "FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s"
    ),
)
_COLUMNS = {
    "table": "Create Table",
    "view": "Create View",
    "function": "Create Function",
    "procedure": "Create Procedure",
    "trigger": "SQL Original Statement",
    "event": "Create Event",
    "package": "Create Package",
    "package body": "Create Package Body",
}


def read(server: Server, names: Sequence[str]) -> list[SchemaObjects]:
    """Read what each schema is made of, in the order of the names."""
    return [
        SchemaObjects(name, dict(_objects(server, name)) if has_schema(server, name) else None)
        for name in names
    ]


def _objects(server: Server, schema: str) -> Iterator[tuple[str, str]]:
    for sql in _LISTS:
        for row in server.rows(sql, schema):
            kind, name = str(row["kind"]), str(row["name"])
            made = server.row(f"SHOW CREATE {kind.upper()} {quote_table(schema, name)}")
            yield f"{kind} {name}", fingerprint(str(made[_COLUMNS[kind]]))
