# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's table, in a schema of its own on one server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import has_schema
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import (
    INTENT,
    INTERRUPTED,
    STATES,
    Entry,
    Journal,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.pin import Pin
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    quote_identifier,
    quote_table,
)

SCHEMA = "dbrw"
_NO_SCHEMA, _NO_TABLE = 1049, 1146
_TABLE = quote_table(SCHEMA, "journal")
_STATES = ", ".join(f"'{state}'" for state in STATES)
_DEFINITION = f"""
CREATE TABLE IF NOT EXISTS {_TABLE} (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  topology VARCHAR(64) NOT NULL,
  work VARCHAR(64) NOT NULL,
  thing VARCHAR(255) NOT NULL,
  step VARCHAR(64) NOT NULL,
  target VARCHAR(255) NOT NULL,
  server VARCHAR(64) NOT NULL,
  state ENUM({_STATES}) NOT NULL,
  identity MEDIUMTEXT NOT NULL COMMENT 'of the server when the step began, as JSON',
  detail MEDIUMTEXT NOT NULL COMMENT 'what the operation has noted, as JSON',
  begun DATETIME(6) NOT NULL COMMENT 'UTC',
  ended DATETIME(6) NULL COMMENT 'UTC',
  closed DATETIME(6) NULL COMMENT 'UTC; the whole work was complete',
  KEY work (topology, thing, work, closed)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
"""
_COLUMNS = "id, step, target, server, state, identity, detail, begun, ended"
_OF_WORK = "topology = %s AND thing = %s AND work = %s AND closed IS NULL"


class JournalTable:
    """The open entries of one work on one thing, as the server that keeps them has them.

    Who writes holds the lock of the thing, so that what was read and written here is all there
    is. It is in the binary log exactly when its connection is.
    """

    def __init__(self, server: Server, topology: str, work: str, thing: str) -> None:
        self._server = server
        self._key = (topology, thing, work)
        self._exists = True
        self.journal = Journal(self._read())

    def begin(self, step: Step, pin: Pin, detail: Mapping[str, Any]) -> Entry:
        """Write that a step is about to be taken; of one begun before nobody knows the end."""
        topology, thing, work = self._key
        self._make()
        run = self._server.rows
        run("START TRANSACTION")
        run(
            f"UPDATE {_TABLE} SET state = %s WHERE {_OF_WORK} AND state = %s",
            *(INTERRUPTED, *self._key, INTENT),
        )
        run(
            f"INSERT INTO {_TABLE} (topology, thing, work, step, target, server, state, identity, "
            "detail, begun) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, UTC_TIMESTAMP(6))",
            *(topology, thing, work, step.action, step.target, step.server, INTENT),
            *(pin.text, json.dumps(dict(detail), default=str)),
        )
        entry = self._entry(int(self._server.row("SELECT LAST_INSERT_ID() AS id")["id"]))
        run("COMMIT")
        before = tuple(
            replace(one, state=INTERRUPTED) if one.state == INTENT else one
            for one in self.journal.entries
        )
        self.journal = Journal((*before, entry))
        return entry

    def end(
        self, entry: Entry, state: str, detail: Mapping[str, Any], pin: Pin | None = None
    ) -> None:
        """Write how a step ended; what is noted comes beside what was noted when it began.

        ``pin`` is what its server is known by from now on, where the step has changed that.
        """
        noted = {**entry.detail, **detail}
        self._server.rows(
            f"UPDATE {_TABLE} SET state = %s, detail = %s, identity = %s, ended = UTC_TIMESTAMP(6) "
            "WHERE id = %s",
            *(state, json.dumps(noted, default=str), (pin or entry.pin).text, entry.id),
        )
        self.journal = Journal((*self.journal.entries[:-1], self._entry(entry.id)))

    def close(self) -> None:
        """Write that the work is complete, unless there is nothing of it."""
        if not self.journal.entries:
            return
        self._server.rows(
            f"UPDATE {_TABLE} SET state = IF(state = %s, %s, state), closed = UTC_TIMESTAMP(6) "
            f"WHERE {_OF_WORK}",
            *(INTENT, INTERRUPTED, *self._key),
        )
        self.journal = Journal()

    def _make(self) -> None:
        if self._exists:
            return
        if not has_schema(self._server, SCHEMA):
            self._server.rows(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(SCHEMA)}")
        self._server.rows(_DEFINITION)
        self._exists = True

    def _read(self) -> tuple[Entry, ...]:
        try:
            rows = self._server.rows(
                f"SELECT {_COLUMNS} FROM {_TABLE} WHERE {_OF_WORK} ORDER BY id", *self._key
            )
        except ServerError as error:
            if error.number not in (_NO_SCHEMA, _NO_TABLE):
                raise
            self._exists = False
            return ()
        return tuple(map(_entry_of, rows))

    def _entry(self, number: int) -> Entry:
        row = self._server.row(f"SELECT {_COLUMNS} FROM {_TABLE} WHERE id = %s", number)
        return _entry_of(row)


class NoJournal:
    """Stands in for the table where everything about the work can be seen on its servers."""

    journal = Journal()

    def begin(self, step: Step, pin: Pin, detail: Mapping[str, Any]) -> Entry:
        """Return what would be written."""
        now = datetime.now(timezone.utc)
        return Entry(
            0, step.action, step.target, step.server, INTENT, pin, now, detail=dict(detail)
        )

    def end(
        self, entry: Entry, state: str, detail: Mapping[str, Any], pin: Pin | None = None
    ) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Write nothing."""


def _entry_of(row: Row) -> Entry:
    return Entry(
        id=int(row["id"]),
        step=str(row["step"]),
        target=str(row["target"]),
        server=str(row["server"]),
        state=str(row["state"]),
        pin=Pin.parse(row["identity"]),
        begun=row["begun"],
        ended=row["ended"],
        detail=json.loads(row["detail"]),
    )
