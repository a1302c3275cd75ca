# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of a placement would move, of the keys that a query gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.placements.keys import keys_of
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.change import (
    Change,
    change_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import (
    Placement,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    collect,
    refuse_if_any,
)


@dataclass(frozen=True)
class Desired:
    """Two versions of a placement, and what gives the keys."""

    before: Placement
    after: Placement
    query: str


class PlacementChangeInfo(Question[Desired, Change]):
    """Which of the keys on a server a change would move, from where to where."""

    options = {
        "before": {"type": "dict", "required": True},
        "after": {"type": "dict", "required": True},
        "query": {"type": "str", "required": True},
    }

    def desired(self, params: Params) -> Desired:
        problems: list[Any] = []
        versions: list[Placement] = []
        for where in ("before", "after"):
            with collect(problems, where):
                versions.append(placement_of(params[where]))
        refuse_if_any(problems)
        return Desired(versions[0], versions[1], params["query"])

    def read_timeout(self, desired: Desired) -> float | None:
        # A query may sort or group a whole table before its first row.
        return None

    def current(self, server: Server, desired: Desired) -> Change:
        return change_of(desired.before, desired.after, keys_of(server, desired.query))

    def result(
        self, server: Server, desired: Desired, current: Change, plan: Plan, done: Done
    ) -> dict[str, Any]:
        return current.told()
