# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of every replication channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import timeout_problems
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_observation import (
    heartbeat_lags,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    tell,
)


@dataclass(frozen=True)
class Desired:
    """What to ask: the heartbeat table, as schema and name, and how long to wait, in seconds."""

    heartbeat_table: tuple[str, str] | None
    read_timeout: float


class ReplicationChannelInfo(Question[Desired, Sequence[ChannelStatus]]):
    """Every channel of a replica."""

    options = {
        "heartbeat_table": {"type": "str"},
        "read_timeout_seconds": {"type": "int", "default": 30},
    }

    def desired(self, params: Params) -> Desired:
        problems = timeout_problems(params["read_timeout_seconds"])
        schema, _rest, name = (params["heartbeat_table"] or "").partition(".")
        if params["heartbeat_table"] is not None and not (schema and name):
            problems.append(
                f"heartbeat_table: {params['heartbeat_table']!r} is not a table; give schema.table."
            )
        refuse_if_any(problems)
        return Desired((schema, name) if name else None, params["read_timeout_seconds"])

    def read_timeout(self, desired: Desired) -> float:
        return desired.read_timeout

    def current(self, server: Server, desired: Desired) -> Sequence[ChannelStatus]:
        return server_side.read(server)

    def result(
        self,
        server: Server,
        desired: Desired,
        current: Sequence[ChannelStatus],
        plan: Plan,
        done: Done,
    ) -> dict[str, Any]:
        table = desired.heartbeat_table
        return {"channels": tell(current, heartbeat_lags(server, *table) if table else None)}
