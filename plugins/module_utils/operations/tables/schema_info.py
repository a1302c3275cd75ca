# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What schemas are made of, as fingerprints that two servers' can be compared by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    schema_objects as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    named_twice,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.schema_objects import (
    SchemaObjects,
)


@dataclass(frozen=True)
class Desired:
    """The schemas that are asked for."""

    schemas: Sequence[str]


class SchemaInfo(Question[Desired, Sequence[SchemaObjects]]):
    """The fingerprints of schemas, and of all that is in them."""

    options = {"schemas": {"type": "list", "elements": "str", "required": True}}

    def desired(self, params: Params) -> Desired:
        names = tuple(params["schemas"])
        refuse_if_any([*system_schema_problems("schemas", *names), *named_twice("schemas", names)])
        return Desired(names)

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        names = ask()
        return Desired(tuple(names.stored(name) for name in desired.schemas))

    def current(self, server: Server, desired: Desired) -> Sequence[SchemaObjects]:
        return server_side.read(server, desired.schemas)

    def result(
        self,
        server: Server,
        desired: Desired,
        current: Sequence[SchemaObjects],
        plan: Plan,
        done: Done,
    ) -> dict[str, Any]:
        return {"schemas": [schema.told() for schema in current]}
