# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Heartbeats: the table on every server, and on write servers the event that writes one a second."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import (
    heartbeat as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.heartbeat import (
    Wanted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    heartbeat as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.heartbeat import (
    Heartbeats,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

_LARGEST = 2**32 - 1


class Heartbeat(Operation[Wanted, Heartbeats]):
    """A place for the heartbeats of others, and one's own."""

    options = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "server_ids": {"type": "list", "elements": "int", "default": []},
        "event": {"type": "bool", "default": False},
    }

    def desired(self, params: Params) -> Wanted:
        refuse_if_any(
            [
                f"server_ids has {number}; a server_id is 1 to {_LARGEST}."
                for number in params["server_ids"]
                if not 1 <= number <= _LARGEST
            ]
        )
        return Wanted(
            frozenset(params["server_ids"]),
            server_side.EACH_SECOND if params["event"] else None,
            params["state"] == "present",
        )

    def current(self, server: Server, desired: Wanted) -> Heartbeats:
        return server_side.read(server)

    def plan(self, desired: Wanted, current: Heartbeats) -> Plan:
        return planning.plan(desired, current)

    def statements(self, server: Server, current: Heartbeats, step: Step) -> list[Statement]:
        return server_side.statements(step)

    def result(
        self, server: Server, desired: Wanted, current: Heartbeats, plan: Plan, done: Done
    ) -> dict[str, Any]:
        return {
            "server_ids": sorted(planning.rows_after(desired, current)),
            "writes": bool(desired.present and desired.event and current.scheduler == "ON"),
        }
