# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time zones that a host knows, loaded into its server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers import (
    time_zones as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers import (
    time_zones as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement


@dataclass(frozen=True)
class Current:
    """Zone files whose names the server lacks, how many it knows, and the last id of its tables."""

    files: Mapping[str, bytes]
    known: int
    last_id: int


class TimeZones(Operation[str, Current]):
    """All zones of the folder ``zoneinfo``."""

    options = {"zoneinfo": {"type": "path", "default": "/usr/share/zoneinfo"}}
    on_closed_members = True

    def desired(self, params: Params) -> str:
        return str(params["zoneinfo"])

    def current(self, server: Server, desired: str) -> Current:
        names = server_side.names(server)
        if not server_side.has_zones(desired):
            raise Refused(
                [
                    f"zoneinfo: {desired} has no time zone files. Install them (on Debian "
                    "and Ubuntu the package tzdata), or correct the path."
                ]
            )
        files = server_side.files(desired, names)
        return Current(files, len(names), server_side.last_id(server) if files else 0)

    def plan(self, desired: str, current: Current) -> Plan:
        return planning.plan(desired, current.files, current.known, current.last_id)

    def statements(self, server: Server, current: Current, step: Step) -> list[Statement]:
        return server_side.statements(step)

    def result(
        self, server: Server, desired: str, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        return {"loaded": sorted(current.files)}
