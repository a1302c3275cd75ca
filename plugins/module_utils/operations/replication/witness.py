# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a replica still reaches its source: told by a new connection, not by what was seen before."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

CONNECT_AGAIN = "connect again"
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Desired:
    """The channel, and how long its source may take to answer."""

    channel: str
    seconds: float


class ReplicationWitness(Operation[Desired, "ChannelStatus | None"]):
    """Lets a channel connect anew, and tells whether it does."""

    options = {
        "channel": {"type": "str", "required": True},
        "timeout_seconds": {"type": "float", "default": 3.0},
    }
    # A channel's threads are in no binary log.
    logged = True

    def desired(self, params: Params) -> Desired:
        seconds = params["timeout_seconds"]
        refuse_if_any(
            [f"timeout_seconds is {seconds}; it must be more than 0."] if seconds <= 0 else []
        )
        return Desired(params["channel"], seconds)

    def current(self, server: Server, desired: Desired) -> ChannelStatus | None:
        return _channel(server, desired)

    def plan(self, desired: Desired, current: ChannelStatus | None) -> Plan:
        # One that somebody has stopped is left so, and witnesses nothing.
        if current is None or not current.io_running:
            return Plan()
        return Plan((Step(CONNECT_AGAIN, desired.channel, value=desired.channel),))

    def statements(
        self, server: Server, current: ChannelStatus | None, step: Step
    ) -> list[Statement]:
        words = server.dialect
        return [
            Statement(template.format(channel="%s"), (step.value,))
            for template in (words.stop_receiving, words.start_receiving)
        ]

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: ChannelStatus | None,
        step: Step,
        statements: Sequence[Statement],
    ) -> bool:
        for statement in statements:
            server.run(statement)
        end = time.monotonic() + desired.seconds
        while True:
            found = _channel(server, desired)
            if found is None or found.connected or found.io_fault or time.monotonic() > end:
                return bool(found and found.connected)
            time.sleep(_PAUSE_SECONDS)

    def result(
        self,
        server: Server,
        desired: Desired,
        current: ChannelStatus | None,
        plan: Plan,
        done: Done,
    ) -> dict[str, Any]:
        source = current.settings if current else None
        return {
            "source_host": source.source_host if source else None,
            "source_port": source.source_port if source else None,
            "sees_source": done[0].outcome if done else None,
        }


def _channel(server: Server, desired: Desired) -> ChannelStatus | None:
    found = server_side.read(server)
    return next((one for one in found if one.key == desired.channel.lower()), None)
