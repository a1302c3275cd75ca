# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usage tables in the shape of a write or a read server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Union

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import listed
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import months
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import (
    usage_table as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_indexes import (
    ADD_INDEXES,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.clock import utc_now
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.lock_wait import (
    INDEXES,
    bound_lock_waits,
    run_with_retries,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    usage_table as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
from ansible_collections.dbrw.sharding.plugins.module_utils.values.lock_wait import LockWait
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    named_twice,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    collect,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.create_table import (
    Written,
    definition_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    MonthPolicy,
    months_of,
    now_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    READ,
    WRITE,
    Index,
    UsageTable,
)

# The options of one table. Beside ``tables`` they count for those that do not say otherwise.
_OF_A_TABLE: Options = {
    "schema": {"type": "str"},
    "definition": {"type": "str"},
    "id_column": {"type": "str"},
    "time_column": {"type": "str"},
    "indexes": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "columns": {"type": "list", "elements": "str", "required": True},
            "unique": {"type": "bool", "default": False},
        },
    },
    "months_ahead": {"type": "int"},
    "first_month": {"type": "str"},
}
_DEFAULTS = {"id_column": "id", "indexes": [], "months_ahead": 3}


@dataclass(frozen=True)
class Described:
    """A table as it is described."""

    table: UsageTable
    definition: Written
    policy: MonthPolicy


@dataclass(frozen=True)
class Desired:
    """The tables in the order in which they were named, ``listed`` or one alone.

    ``now`` None: what the server's clock says.
    """

    tables: tuple[Described, ...]
    listed: bool
    now: datetime | None
    wait: LockWait

    def where(self, one: Described) -> str:
        """Return what is said with a table's problem; of one alone everybody knows."""
        return str(one.table) if self.listed else ""


# A table as it is there; Refused: it cannot be compared with its description.
Found = Union[planning.Current, Refused]


@dataclass(frozen=True)
class Current:
    """What is there of each table that is asked for, and what time it is, in UTC."""

    found: tuple[Found, ...]
    now: datetime


class UsageTableOperation(Operation[Desired, Current]):
    """Creates usage tables, or adds the indexes that they lack."""

    options = {
        "name": {"type": "str"},
        "tables": listed.option(_OF_A_TABLE, key="name", required=("definition",)),
        **listed.with_defaults(_OF_A_TABLE, _DEFAULTS),
        "shape": {"type": "str", "choices": [WRITE, READ], "required": True},
        "now": {"type": "str"},
        "create_schema": {"type": "bool", "default": True},
        "add_indexes": {"type": "bool", "default": False},
        "lock_wait_timeout_seconds": {"type": "int", "default": 5},
        "lock_wait_retries": {"type": "int", "default": 3},
    }
    constraints = {
        "required_one_of": [("name", "tables")],
        "mutually_exclusive": [("name", "tables"), ("definition", "tables")],
        "required_by": {"name": ("schema", "definition", "time_column")},
    }

    def desired(self, params: Params) -> Desired:
        wait = LockWait(params["lock_wait_timeout_seconds"], params["lock_wait_retries"])
        problems: list[Reason] = []
        tables: tuple[Described, ...] = ()
        now = None
        with collect(problems):
            tables = listed.read_each(
                params,
                _OF_A_TABLE,
                partial(_described, params),
                key="name",
                needed=("schema", "time_column"),
            )
        problems.extend(wait.problems())
        with collect(problems):
            now = now_of(params)
        refuse_if_any(problems)
        return Desired(tables, listed.is_listed(params), now, wait)

    def read_timeout(self, desired: Desired) -> float | None:
        # Building takes as long as the table is large; the wait for it is bounded.
        return None if any(one.table.add_indexes for one in desired.tables) else 60.0

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        names = ask()
        tables = (replace(one, table=one.table.named(names)) for one in desired.tables)
        return replace(desired, tables=tuple(tables))

    def current(self, server: Server, desired: Desired) -> Current:
        bound_lock_waits(server, desired.wait, INDEXES)
        now = desired.now or utc_now(server)
        return Current(tuple(_read(server, one) for one in desired.tables), now)

    def plan(self, desired: Desired, current: Current) -> Plan:
        # Once more: a server may take two names for one that differ in their case.
        problems: list[Reason] = [
            *named_twice("tables", (str(one.table) for one in desired.tables))
        ]
        plans, schemas = [], set()
        for one, found in zip(desired.tables, current.found):
            with collect(problems, desired.where(one)):
                there = _judged(found)
                exists = there.schema_exists or one.table.schema in schemas
                plans.append(
                    planning.plan(
                        _wanted(one, there, current.now),
                        replace(there, schema_exists=exists),
                    )
                )
                schemas.add(one.table.schema)
        refuse_if_any(problems)
        return Plan(
            tuple(step for plan in plans for step in plan.steps),
            tuple(warning for plan in plans for warning in plan.warnings),
        )

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
        table: UsageTable = step.value.table
        return run_with_retries(server, statement, table.schema, table.name, desired.wait)

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        results = [
            _result(one, _judged(found), current.now, plan, done)
            for one, found in zip(desired.tables, current.found)
        ]
        named = [
            {"schema": one.table.schema, "name": one.table.name, **result}
            for one, result in zip(desired.tables, results)
        ]
        return {**({} if desired.listed else results[0]), "tables": named}


def _described(params: Params, given: Params) -> Described:
    """Return one table; raises ``Refused`` with everything that is wrong with what is ``given``."""
    table = UsageTable(
        given["schema"],
        given["name"],
        given["definition"],
        params["shape"],
        given["id_column"],
        given["time_column"],
        tuple(
            Index.parse(index["name"], index["columns"], index["unique"])
            for index in given["indexes"]
        ),
        params["create_schema"],
        params["add_indexes"],
    )
    problems: list[Reason] = [*table.problems()]
    with collect(problems):
        policy = months_of({name: given[name] for name in ("months_ahead", "first_month")})
    with collect(problems):
        definition = definition_of(table)
    refuse_if_any(problems)
    return Described(table, definition, policy)


def _read(server: Server, one: Described) -> Found:
    try:
        return server_side.read(server, one.table, one.definition)
    except Refused as refusal:
        # Said with what is refused of the others.
        return refusal


def _judged(found: Found) -> planning.Current:
    if isinstance(found, Refused):
        raise found
    return found


def _wanted(one: Described, there: planning.Current, now: datetime) -> planning.Wanted:
    partitions = months.initial(one.policy, Month.of(now))
    return planning.wanted(one.table, there.written, partitions, there.drafted)


def _result(
    one: Described, there: planning.Current, now: datetime, plan: Plan, done: Done
) -> dict[str, Any]:
    wanted, existing = _wanted(one, there, now), there.existing
    left = planning.remaining(wanted, existing) if existing else []
    return {
        "shape": one.table.shape,
        "columns": [{"name": column.name, "type": column.type} for column in wanted.shape.columns],
        "create_statement": server_side.create_table(wanted).shown,
        "created": existing is None,
        "added_indexes": _added(one.table, plan, done),
        "differences": [asdict(difference) for difference in left],
    }


def _added(table: UsageTable, plan: Plan, done: Done) -> dict[str, Any] | None:
    """Return the result of the step that adds a table's indexes; None if there is none to add."""
    for step in plan.steps:
        if step.action == ADD_INDEXES and step.value.table == table:
            cost = asdict(step.value.cost)
            seconds = [taken.outcome for taken in done or () if taken.step is step]
            return {
                "indexes": [str(index) for index in step.value.indexes],
                "expected_seconds": cost.pop("seconds"),
                "seconds": round(seconds[0], 3) if seconds else None,
                **cost,
            }
    return None
