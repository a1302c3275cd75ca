# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server is, and whether it can serve as a write or read server, or in a replica set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers import time_zones
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    anonymous_transactions,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import schemas
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers import settings
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers import (
    time_zones as zones_of_servers,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    READ_SERVER,
    SET_MEMBER,
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Finding
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    Verdict,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    ServerZones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.create_table import (
    clock_columns,
)


@dataclass(frozen=True)
class Desired:
    """What the server is judged for, and with which facts of others.

    ``clock_columns`` are columns of usage tables that depend on a clock, ``schemas`` those whose
    rows a write server's binary log must have.
    """

    serves_as: str | None
    require_tls: bool
    sources: Sequence[ServerZones]
    clock_columns: Sequence[str]
    schemas: Sequence[str]


@dataclass(frozen=True)
class Current:
    """What the server says of itself, and what its settings and binary logs amount to.

    ``zones_are_logged`` says whether each transaction in its binary log names a time zone.
    """

    variables: Mapping[str, str | None]
    schemas: Sequence[str]
    zones: ServerZones
    zones_are_logged: bool
    identity: Mapping[str, Any]
    settings: Verdict
    log_problems: Sequence[Finding]


class ServerInfo(Question[Desired, Current]):
    """A server's flavour, version, settings and schemas."""

    options = {
        "serves_as": {"type": "str", "choices": [WRITE_SERVER, READ_SERVER, SET_MEMBER]},
        "require_tls": {"type": "bool", "default": False},
        "source_time_zones": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "time_zone": {"type": "str", "required": True},
                "year": {"type": "int", "required": True},
                "utc_offsets": {
                    "type": "list",
                    "elements": "dict",
                    "required": True,
                    "options": {
                        "day": {"type": "str", "required": True},
                        "seconds": {"type": "int", "required": True},
                    },
                },
                "names": {"type": "list", "elements": "str"},
            },
        },
        "usage_tables": {"type": "list", "elements": "dict", "default": []},
        "check_schemas": {"type": "list", "elements": "str", "default": []},
    }

    def desired(self, params: Params) -> Desired:
        return Desired(
            params["serves_as"],
            params["require_tls"],
            [ServerZones.read(one) for one in params["source_time_zones"]],
            [
                f"{table.get('schema')}.{table.get('name')}.{column}"
                for table in params["usage_tables"]
                for column in clock_columns(str(table.get("definition")))
            ],
            params["check_schemas"],
        )

    def read_timeout(self, desired: Desired) -> float:
        return 30.0

    def current(self, server: Server, desired: Desired) -> Current:
        kind = desired.serves_as
        variables = settings.read(server)
        return Current(
            variables,
            schemas(server),
            zones_of_servers.read(server),
            zones_of_servers.NAMED_IN_EVERY_TRANSACTION[server.flavour],
            settings.identity_of(server),
            settings.verdict(server, kind, variables, desired.require_tls, desired.schemas)
            if kind
            else Verdict(),
            anonymous_transactions.problems(server) if kind == WRITE_SERVER else (),
        )

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        more = Verdict()
        if desired.serves_as == WRITE_SERVER:
            more = Verdict(tuple(time_zones.clock_risks(current.zones.clock)))
        elif desired.serves_as == READ_SERVER:
            more = time_zones.judge(
                current.zones_are_logged, current.zones, desired.sources, desired.clock_columns
            )
        found = Verdict((*current.settings.findings, *more.findings, *current.log_problems))
        risks = list(found.risks)
        return {
            "variables": current.variables,
            "schemas": current.schemas,
            "time_zones": current.zones.told(),
            "identity": current.identity,
            "problems": list(found.problems),
            "risks": risks,
            "findings": [finding.told() for finding in found.findings],
            "warnings": risks,
        }
