# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server needs for heartbeats: the table, rows that channels find, and who writes them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.heartbeat import (
    COLUMNS,
    EVENT,
    KEY,
    NAME,
    SCHEMA,
    HeartbeatEvent,
    Heartbeats,
)

MAKE_SCHEMA, MAKE_TABLE, ADD_ROWS = "make schema", "make table", "add rows"
MAKE_EVENT, CHANGE_EVENT = "make event", "change event"
DROP_EVENT, DROP_TABLE = "drop event", "drop table"
_EVENT = f"event {SCHEMA}.{EVENT}"


@dataclass(frozen=True)
class Wanted:
    """What a server should have: rows of these servers, and with ``event`` one that it writes.

    Not ``present``: neither the event nor the table.
    """

    server_ids: frozenset[int] = frozenset()
    event: HeartbeatEvent | None = None
    present: bool = True


def plan(wanted: Wanted, current: Heartbeats) -> Plan:
    """Return the steps from what a server has to what it should have.

    A row is there before anything of it can be in a binary log: an event only updates it, and a
    channel that finds no row to update stops. Raises ``Refused`` where the table is another one.
    """
    if not wanted.present:
        return Plan((*_no_event(current), *_no_table(current)))
    table = current.table
    if table and (table.columns, table.key) != (COLUMNS, KEY):
        raise Refused(
            [
                f"{NAME} has the columns {', '.join(table.columns)} and the primary key "
                f"({', '.join(table.key)}), and heartbeats need {', '.join(COLUMNS)} with the primary "
                f"key ({', '.join(KEY)}). If nobody needs it, drop it outside the binary log "
                "(sql_log_bin = 0)."
            ]
        )
    steps = []
    if not current.has_schema:
        steps.append(Step(MAKE_SCHEMA, f"schema {SCHEMA}", None, {"exists": True}))
    present = table.server_ids if table else frozenset()
    if table is None:
        steps.append(Step(MAKE_TABLE, NAME, None, {"server_ids": []}))
    after = rows_after(wanted, current)
    if after != present:
        new = tuple(sorted(after - present))
        steps.append(Step(ADD_ROWS, NAME, _ids(present), _ids(after), new))
    if wanted.event is None:
        return Plan((*steps, *_no_event(current)))
    if current.event is None:
        steps.append(Step(MAKE_EVENT, _EVENT, None, _shown(wanted.event), wanted.event))
    elif current.event != wanted.event:
        before_it = _shown(current.event)
        steps.append(Step(CHANGE_EVENT, _EVENT, before_it, _shown(wanted.event), wanted.event))
    return Plan(tuple(steps), _warnings(current))


def rows_after(wanted: Wanted, current: Heartbeats) -> frozenset[int]:
    """Return the servers that the table has rows of, once a server has what is wanted."""
    if not wanted.present:
        return frozenset()
    own = {current.server_id} if wanted.event else frozenset()
    return wanted.server_ids.union(own, current.table.server_ids if current.table else ())


def _no_event(current: Heartbeats) -> tuple[Step, ...]:
    return (Step(DROP_EVENT, _EVENT, _shown(current.event)),) if current.event else ()


def _no_table(current: Heartbeats) -> tuple[Step, ...]:
    if current.table is None:
        return ()
    return (Step(DROP_TABLE, NAME, _ids(current.table.server_ids)),)


def _ids(server_ids: Collection[int]) -> dict[str, list[int]]:
    return {"server_ids": sorted(server_ids)}


def _shown(event: HeartbeatEvent) -> dict[str, object]:
    return {"enabled": event.enabled, "every": event.every, "does": event.body}


def _warnings(current: Heartbeats) -> tuple[str, ...]:
    # It would run all events of the server, which may be off on purpose.
    if current.scheduler == "ON":
        return ()
    return (
        f"event_scheduler is {current.scheduler}, and the server writes no heartbeats until it is ON. "
        "If its other events may run, set event_scheduler = ON in its configuration, and at once with "
        "SET GLOBAL event_scheduler = ON (a server that was started with DISABLED needs a restart).",
    )
