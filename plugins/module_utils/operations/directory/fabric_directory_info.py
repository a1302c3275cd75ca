# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the directory has, and of which version it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import (
    directory as rows,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import schema
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    Everything,
)


class FabricDirectoryInfo(Question[None, Everything]):
    """The directory's contents and version, as any member of its set has them."""

    def desired(self, params: Params) -> None:
        return None

    def current(self, server: Server, desired: None) -> Everything:
        return rows.read_everything(server, schema.VERSION)

    def result(
        self, server: Server, desired: None, current: Everything, plan: Plan, done: Done
    ) -> dict[str, Any]:
        found = current.found
        contents = found.contents
        epoch, counter = found.version
        return {
            "schema_version": found.schema_version,
            "newest_schema_version": schema.VERSION,
            "takes_writes": not found.closed,
            "version": {"epoch": epoch, "counter": counter},
            "servers": [
                {
                    **asdict(one),
                    **current.servers[name].told(),
                    "written": sorted(
                        (was.told() for was in found.written.get(name, ())), key=repr
                    ),
                }
                for name, one in sorted(contents.servers.items())
            ],
            "sets": [
                {
                    **asdict(one),
                    "active": contents.active.get(name),
                    **current.sets[name].told(),
                }
                for name, one in sorted(contents.sets.items())
            ],
            "usage_tables": sorted(contents.usage_tables),
            "tenants": current.tenants,
        }
