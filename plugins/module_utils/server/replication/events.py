# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scheduled events within a replica set: they run on the active writer alone.

A replica shows every event as disabled on the replica's side, also one that was off on its source,
so that after a failover nobody could see which were on. They are noted in a replicated table. What
turns them on and off stays out of the binary log. Some are an administrator's, whom MariaDB lets
write on a closed server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext

from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import lifted
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.set_events import (
    Event,
    Events,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_table,
)

_TABLE = quote_table("dbrw", "event")
_NO_SCHEMA, _NO_TABLE = 1049, 1146
_ON = "ENABLED"
_OFF_ON_REPLICA = {MARIADB: "DISABLE ON SLAVE", MYSQL: "DISABLE ON REPLICA"}
_DEFINITION = f"""
CREATE TABLE IF NOT EXISTS {_TABLE} (
  event_schema VARCHAR(64) NOT NULL,
  event_name VARCHAR(64) NOT NULL,
  PRIMARY KEY (event_schema, event_name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
""".strip()


def read(server: Server) -> Events:
    """Return the events of a server, and which are noted to run on the active writer."""
    rows = server.rows(
        "SELECT EVENT_SCHEMA AS s, EVENT_NAME AS n, STATUS AS status FROM information_schema.EVENTS"
    )
    found = {Event(str(row["s"]), str(row["n"])): str(row["status"]).upper() for row in rows}
    return Events(
        on=frozenset(event for event, status in found.items() if status == _ON),
        off_on_replica=frozenset(
            event for event, status in found.items() if status not in (_ON, "DISABLED")
        ),
        noted=_noted(server),
    )


def note(server: Server, events: Iterable[Event]) -> None:
    """Write on the active writer which events run there; every member gets it."""
    wanted, noted = set(events), _noted(server)
    if wanted == set(noted):
        return
    with server.in_binary_log():
        server.run(Statement(_DEFINITION))
        for event in sorted(noted - wanted):
            server.run(
                Statement(
                    f"DELETE FROM {_TABLE} WHERE event_schema = %s AND event_name = %s",
                    (event.schema, event.name),
                )
            )
        for event in sorted(wanted - noted):
            server.run(
                Statement(
                    f"INSERT INTO {_TABLE} (event_schema, event_name) VALUES (%s, %s)",
                    (event.schema, event.name),
                )
            )


def turn_off(server: Server, events: Iterable[Event]) -> None:
    """Let events not run here, as on any replica. The connection must be out of the binary log."""
    _alter(server, events, _OFF_ON_REPLICA[server.flavour])


def turn_on(server: Server, events: Iterable[Event]) -> None:
    """Let events run here. The connection must be out of the binary log."""
    _alter(server, events, "ENABLE")


def _alter(server: Server, events: Iterable[Event], how: str) -> None:
    wanted = sorted(events)
    definers = _definers(server) if wanted else {}
    lifting: AbstractContextManager[None] = lifted(server) if wanted else nullcontext()
    with lifting:
        for event in wanted:
            if event in definers:
                # Without its definer it would become that of whoever alters it.
                user, host = definers[event]
                server.run(
                    Statement(
                        f"ALTER DEFINER = %s@%s EVENT {quote_table(event.schema, event.name)} {how}",
                        (user, host),
                    )
                )


def _definers(server: Server) -> Mapping[Event, tuple[str, str]]:
    rows = server.rows(
        "SELECT EVENT_SCHEMA AS s, EVENT_NAME AS n, DEFINER AS definer "
        "FROM information_schema.EVENTS"
    )
    found = {}
    for row in rows:
        user, _at, host = str(row["definer"]).rpartition("@")
        found[Event(str(row["s"]), str(row["n"]))] = (user, host)
    return found


def _noted(server: Server) -> frozenset[Event]:
    try:
        rows = server.rows(f"SELECT event_schema AS s, event_name AS n FROM {_TABLE}")
    except ServerError as error:
        if error.number not in (_NO_SCHEMA, _NO_TABLE):
            raise
        return frozenset()
    return frozenset(Event(str(row["s"]), str(row["n"])) for row in rows)
