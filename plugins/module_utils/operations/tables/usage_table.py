# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A usage table in the shape of a write or a read server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import months
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import usage_table as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.usage_indexes import ADD_INDEXES
from ansible_collections.dbrw.sharding.plugins.module_utils.server import months as server_months
from ansible_collections.dbrw.sharding.plugins.module_utils.server import usage_table as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.create_table import Written
from ansible_collections.dbrw.sharding.plugins.module_utils.server.statement import Statement
from ansible_collections.dbrw.sharding.plugins.module_utils.values.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.partition import (
    MonthPolicy,
    policy_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.usage_table import (
    READ,
    WRITE,
    Index,
    UsageTable,
)


@dataclass(frozen=True)
class Desired:
    """The table as it is described; ``now`` None: what the server's clock says."""

    table: UsageTable
    definition: Written
    policy: MonthPolicy
    now: datetime | None
    wait: server_months.LockWait


@dataclass(frozen=True)
class Current:
    """The table as it is there, and what time it is, in UTC."""

    found: planning.Current
    now: datetime


class UsageTableOperation(Operation[Desired, Current]):
    """Creates a usage table, or adds the indexes that it lacks."""

    options = {
        "schema": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "definition": {"type": "str", "required": True},
        "shape": {"type": "str", "choices": [WRITE, READ], "required": True},
        "id_column": {"type": "str", "default": "id"},
        "time_column": {"type": "str", "required": True},
        "indexes": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "columns": {"type": "list", "elements": "str", "required": True},
                "unique": {"type": "bool", "default": False},
            },
        },
        "months_ahead": {"type": "int", "default": 3},
        "first_month": {"type": "str"},
        "now": {"type": "str"},
        "create_schema": {"type": "bool", "default": True},
        "add_indexes": {"type": "bool", "default": False},
        "lock_wait_timeout_seconds": {"type": "int", "default": 5},
        "lock_wait_retries": {"type": "int", "default": 3},
    }

    def desired(self, params: Params) -> Desired:
        wait = server_months.LockWait(
            params["lock_wait_timeout_seconds"], params["lock_wait_retries"]
        )
        table = UsageTable(
            params["schema"],
            params["name"],
            params["definition"],
            params["shape"],
            params["id_column"],
            params["time_column"],
            tuple(
                Index.parse(index["name"], index["columns"], index["unique"])
                for index in params["indexes"]
            ),
            params["create_schema"],
            params["add_indexes"],
        )
        refuse_if_any([*table.problems(), *wait.problems()])
        policy, now = policy_of(params)
        return Desired(table, server_side.definition_of(table), policy, now, wait)

    def read_timeout(self, desired: Desired) -> float | None:
        # Building takes as long as the table is large; the wait for it is bounded.
        return None if desired.table.add_indexes else 60.0

    def named(self, desired: Desired, names: Names) -> Desired:
        return replace(desired, table=desired.table.named(names))

    def current(self, server: Server, desired: Desired) -> Current:
        server_months.bound_lock_waits(server, desired.wait)
        now = desired.now or server_months.utc_now(server)
        return Current(server_side.read(server, desired.table, desired.definition), now)

    def plan(self, desired: Desired, current: Current) -> Plan:
        return planning.plan(_wanted(desired, current), current.found, server_side.add_index)

    def statements(self, server: Server, current: Current, step: Step) -> list[Statement]:
        return server_side.statements(step, server)

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: Current,
        step: Step,
        statements: Sequence[Statement],
    ) -> float:
        """Take one step, and return how many seconds its statement took when it got the table."""
        (statement,) = statements
        return server_months.run_with_retries(server, statement, step.value.table, desired.wait)

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        wanted, existing = _wanted(desired, current), current.found.existing
        left = planning.remaining(wanted, existing, server_side.add_index) if existing else []
        return {
            "shape": desired.table.shape,
            "columns": [
                {"name": column.name, "type": column.type} for column in wanted.shape.columns
            ],
            "create_statement": server_side.create_table(wanted).shown,
            "created": existing is None,
            "added_indexes": _added(plan, done),
            "differences": [asdict(difference) for difference in left],
        }


def _wanted(desired: Desired, current: Current) -> planning.Wanted:
    found = current.found
    partitions = months.initial(desired.policy, Month.of(current.now))
    return planning.wanted(desired.table, found.written, partitions, found.drafted)


def _added(plan: Plan, done: Done) -> dict[str, Any] | None:
    """Return the result of the step that adds indexes; None if there is none to add."""
    for step in plan.steps:
        if step.action == ADD_INDEXES:
            cost = asdict(step.value.cost)
            seconds = [taken.outcome for taken in done or () if taken.step is step]
            return {
                "indexes": [str(index) for index in step.value.indexes],
                "expected_seconds": cost.pop("seconds"),
                "seconds": round(seconds[0], 3) if seconds else None,
                **cost,
            }
    return None
