# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a server in the directory, which says whether applications are given it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory import (
    server_state as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.clock import utc_now
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import (
    directory as rows,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import schema
from ansible_collections.dbrw.sharding.plugins.module_utils.server.named_lock import (
    lock_name,
    take_lock,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    TOPOLOGY,
    Everything,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import parse_moment
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement


@dataclass(frozen=True)
class Desired:
    """What is asked for; ``until`` as a moment, too."""

    wanted: planning.Wanted
    until: datetime | None


@dataclass(frozen=True)
class Current:
    """What the directory has, and the active writer of each set. ``now`` is in UTC."""

    found: Everything
    active: Mapping[str, str]
    now: datetime


class FabricServerState(Operation[Desired, Current]):
    """Takes a server out for applications, or gives it back."""

    # It reaches every member from the active writer.
    logged = True
    options = {
        "server": {"type": "str", "required": True},
        "state": {"type": "str", "choices": list(planning.SETTABLE), "required": True},
        "reason": {"type": "str", "default": ""},
        "until": {"type": "str"},
    }

    def desired(self, params: Params) -> Desired:
        until = None
        if params["until"]:
            try:
                until = parse_moment(params["until"])
            except ValueError as error:
                raise Refused(
                    [f"until: {error}; write it as YYYY-MM-DD or YYYY-MM-DD HH:MM:SS, in UTC."]
                ) from None
        text = None if until is None else until.strftime("%Y-%m-%d %H:%M:%S")
        wanted = planning.Wanted(params["server"], params["state"], params["reason"], text)
        return Desired(wanted, until)

    def current(self, server: Server, desired: Desired) -> Current:
        found = rows.read_everything(server, schema.VERSION)
        there = found.found.schema_version == schema.VERSION
        return Current(found, rows.active_writers(server) if there else {}, utc_now(server))

    def plan(self, desired: Desired, current: Current) -> Plan:
        if desired.until is not None and desired.until <= current.now:
            raise Refused([f"until is {desired.wanted.until}, which is past; name a time to come."])
        return planning.plan(desired.wanted, current.found, current.active, schema.VERSION)

    def statements(self, server: Server, current: Current, step: Step) -> list[Statement]:
        return [rows.set_state(step.value)]

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: Current,
        step: Step,
        statements: Sequence[Statement],
    ) -> Any:
        # Two that take out one server each would leave none, as each still sees the other's.
        holder = take_lock(server, lock_name("server states", TOPOLOGY))
        if holder:
            raise ServerError(server.address, f"another change of states is at work: {holder}")
        if not self.plan(desired, self.current(server, desired)).steps:
            return None
        said = rows.said("mysql_fabric_server_state", desired.wanted.reason)
        server.rows(said.sql, *said.args)
        return super().perform(server, desired, current, step, statements)

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        now = rows.read_everything(server, schema.VERSION) if done else current.found
        epoch, counter = now.found.version
        return {
            "directory_server": {
                "name": desired.wanted.server,
                **now.servers[desired.wanted.server].told(),
            },
            "version": {"epoch": epoch, "counter": counter},
        }
