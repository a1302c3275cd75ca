# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of heartbeats, its rows, and the event that writes one each second."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.heartbeat import (
    ADD_ROWS,
    CHANGE_EVENT,
    DROP_EVENT,
    DROP_TABLE,
    MAKE_EVENT,
    MAKE_SCHEMA,
    MAKE_TABLE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import has_schema
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.heartbeat import (
    EVENT,
    SCHEMA,
    TABLE,
    HeartbeatEvent,
    Heartbeats,
    HeartbeatTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)

_SCHEMA, _TABLE, _EVENT = (
    quote_identifier(SCHEMA),
    quote_table(SCHEMA, TABLE),
    quote_table(SCHEMA, EVENT),
)
_EVERY = "1 SECOND"
# A write that has to wait, for example for a backup's lock, keeps the next ones from queueing.
_LOCK = f"'{SCHEMA}.{EVENT}'"
_BODY = (
    f"BEGIN IF GET_LOCK({_LOCK}, 0) THEN UPDATE {_TABLE} SET ts = REPLACE(UTC_TIMESTAMP(6), ' ', 'T') "
    f"WHERE server_id = @@GLOBAL.server_id; DO RELEASE_LOCK({_LOCK}); END IF; END"
)
EACH_SECOND = HeartbeatEvent(True, _EVERY, _BODY)

_DEFINITION = f"""CREATE TABLE {_TABLE} (
  ts VARCHAR(26) NOT NULL,
  server_id INT UNSIGNED NOT NULL,
  file VARCHAR(255) DEFAULT NULL,
  position BIGINT UNSIGNED DEFAULT NULL,
  relay_source_log_file VARCHAR(255) DEFAULT NULL,
  exec_source_log_pos BIGINT UNSIGNED DEFAULT NULL,
  PRIMARY KEY (server_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin"""
_SCHEDULE = f"ON SCHEDULE EVERY {_EVERY} ON COMPLETION PRESERVE ENABLE DO {_BODY}"


def read(server: Server) -> Heartbeats:
    """Return what the server has."""
    said = server.row(
        "SELECT @@GLOBAL.server_id AS server_id, @@GLOBAL.event_scheduler AS scheduler"
    )
    return Heartbeats(
        int(said["server_id"]),
        str(said["scheduler"]),
        has_schema(server, SCHEMA),
        _table(server),
        _event(server),
    )


def _table(server: Server) -> HeartbeatTable | None:
    rows = server.rows(
        "SELECT LOWER(COLUMN_NAME) AS name, COLUMN_KEY AS in_key FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
        SCHEMA,
        TABLE,
    )
    if not rows:
        return None
    columns = tuple(str(row["name"]) for row in rows)
    key = tuple(str(row["name"]) for row in rows if row["in_key"] == "PRI")
    ids = server.rows(f"SELECT server_id FROM {_TABLE}") if "server_id" in columns else []
    return HeartbeatTable(columns, key, frozenset(int(row["server_id"]) for row in ids))


def _event(server: Server) -> HeartbeatEvent | None:
    rows = server.rows(
        "SELECT STATUS AS status, INTERVAL_VALUE AS number, INTERVAL_FIELD AS unit, "
        "EVENT_DEFINITION AS body FROM information_schema.EVENTS "
        "WHERE EVENT_SCHEMA = %s AND EVENT_NAME = %s",
        SCHEMA,
        EVENT,
    )
    if not rows:
        return None
    row = rows[0]
    return HeartbeatEvent(
        row["status"] == "ENABLED", f"{row['number']} {row['unit']}", str(row["body"])
    )


def statements(step: Step) -> list[Statement]:
    """Return the SQL of a step."""
    if step.action == ADD_ROWS:
        # It waits for its first heartbeat.
        rows = ", ".join(["(%s, '')"] * len(step.value))
        return [Statement(f"INSERT IGNORE INTO {_TABLE} (server_id, ts) VALUES {rows}", step.value)]
    return [
        Statement(
            {
                MAKE_SCHEMA: f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}",
                MAKE_TABLE: _DEFINITION,
                MAKE_EVENT: f"CREATE EVENT {_EVENT} {_SCHEDULE}",
                CHANGE_EVENT: f"ALTER EVENT {_EVENT} {_SCHEDULE}",
                DROP_EVENT: f"DROP EVENT IF EXISTS {_EVENT}",
                DROP_TABLE: f"DROP TABLE IF EXISTS {_TABLE}",
            }[step.action]
        )
    ]
