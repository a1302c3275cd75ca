# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The months of tables: made ahead, and what is past dropped, archived or moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import listed
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import first_partitioning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import months as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.month_archive import (
    archive_of,
    pattern_problems,
    shared_archive_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.clock import utc_now
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.lock_wait import (
    PARTITIONS,
    bound_lock_waits,
    run_with_retries,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    month_past,
    plain_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    partitions as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
from ansible_collections.dbrw.sharding.plugins.module_utils.values.lock_wait import LockWait
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    named_twice,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    collect,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_UNITS,
    MonthPolicy,
    Partition,
    PartitionedTable,
    months_of,
    now_of,
    spans,
    text_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.plain_table import (
    PlainTable,
)

# The options of one table. Beside ``tables`` they count for those that do not say otherwise.
_OF_A_TABLE: Options = {
    "schema": {"type": "str"},
    "time_column": {"type": "str"},
    "epoch_unit": {"type": "str", "choices": ["seconds", "milliseconds"]},
    "months_ahead": {"type": "int"},
    "months_kept": {"type": "int"},
    "past": {"type": "str", "choices": ["drop", "archive", "keep"]},
    "archive_table": {"type": "str"},
    "archive_schema": {"type": "str"},
    "cold_after_months": {"type": "int"},
    "cold_data_directory": {"type": "str"},
    "max_moves": {"type": "int"},
    "split_tail_with_rows": {"type": "bool"},
    "partition_plain_table": {"type": "bool"},
    "first_month": {"type": "str"},
    "max_drops": {"type": "int"},
}
_DEFAULTS = {
    "epoch_unit": "seconds",
    "months_ahead": 3,
    "past": "drop",
    "archive_table": "{table}_{month}",
    "max_moves": 1,
    "split_tail_with_rows": False,
    "partition_plain_table": False,
    "max_drops": 1,
}


@dataclass(frozen=True)
class Wanted:
    """A table and its policy."""

    schema: str
    table: str
    time_column: str | None
    epoch: str
    policy: MonthPolicy
    archive_table: str
    archive_schema: str | None
    partition_plain_table: bool


@dataclass(frozen=True)
class Desired:
    """The tables in the order asked; ``now`` None: what the server's clock says.

    ``as_list``: they were asked for as a list, even if of one.
    """

    tables: tuple[Wanted, ...]
    as_list: bool
    now: datetime | None
    wait: LockWait


@dataclass(frozen=True)
class Seen:
    """A table, and what is there beside it."""

    table: PartitionedTable | PlainTable
    beside: planning.Beside


@dataclass(frozen=True)
class Current:
    """The tables in the order asked, at ``now`` in UTC.

    One of which months cannot be told is what there is to say of it.
    """

    now: datetime
    tables: tuple[Seen | list[Reason], ...]


class MonthPartition(Operation[Desired, Current]):
    """The months of tables."""

    options = {
        "table": {"type": "str"},
        "tables": listed.option(_OF_A_TABLE),
        **listed.with_defaults(_OF_A_TABLE, _DEFAULTS),
        "now": {"type": "str"},
        "lock_wait_timeout_seconds": {"type": "int", "default": 5},
        "lock_wait_retries": {"type": "int", "default": 3},
    }
    constraints = {
        "required_one_of": [("table", "tables")],
        "mutually_exclusive": [("table", "tables")],
        "required_by": {"table": ["schema"]},
    }

    def desired(self, params: Params) -> Desired:
        wait = LockWait(params["lock_wait_timeout_seconds"], params["lock_wait_retries"])
        problems: list[Reason] = [*wait.problems()]
        now = None
        with collect(problems):
            now = now_of(params)
        tables = listed.read_each(params, _OF_A_TABLE, _wanted, problems)
        return Desired(tables, listed.is_listed(params), now, wait)

    def read_timeout(self, desired: Desired) -> None:
        # Splitting and dropping take as long as the data is large; the wait for
        # the table is bounded by the server.
        return None

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        names = ask()
        tables = tuple(
            replace(
                one,
                schema=names.stored(one.schema),
                table=names.stored(one.table),
                archive_schema=one.archive_schema and names.stored(one.archive_schema),
            )
            for one in desired.tables
        )
        # Two names may be one to this server.
        refuse_if_any(named_twice("tables", (f"{one.schema}.{one.table}" for one in tables)))
        return replace(desired, tables=tables)

    def current(self, server: Server, desired: Desired) -> Current:
        bound_lock_waits(server, desired.wait, PARTITIONS)
        now = desired.now or utc_now(server)
        seen: list[Seen | list[Reason]] = []
        for one in desired.tables:
            try:
                seen.append(_look_at(server, one, now))
            except Refused as refusal:
                seen.append(refusal.reasons)
        return Current(now, tuple(seen))

    def plan(self, desired: Desired, current: Current) -> Plan:
        plans: list[Plan] = []
        problems: list[Reason] = []
        for wanted, seen in zip(desired.tables, current.tables):
            if not isinstance(seen, Seen):
                problems += seen
                continue
            with collect(problems):
                plans.append(_plan_of(wanted, seen, current.now))
        archives = {
            str(seen.table): seen.beside.archives
            for seen in current.tables
            if isinstance(seen, Seen)
        }
        refuse_if_any([*problems, *shared_archive_problems(archives)])
        return Plan(
            tuple(step for plan in plans for step in plan.steps),
            tuple(warning for plan in plans for warning in plan.warnings),
        )

    def statements(self, server: Server, current: Current, step: Step) -> list[Statement]:
        if step.action == first_partitioning.FIRST:
            return [plain_table.statement(step)]
        return month_past.statements(step, server)

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: Current,
        step: Step,
        statements: Sequence[Statement],
    ) -> float:
        """Take one step; return its seconds, without the tries that did not get the table."""
        table = step.value.table
        return sum(
            run_with_retries(server, statement, table.schema, table.name, desired.wait)
            for statement in statements
        )

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        seconds = [None] * len(plan.steps) if done is None else [one.outcome for one in done]
        steps = list(zip(plan.steps, seconds))
        tables = [
            {
                "schema": wanted.schema,
                "table": wanted.table,
                **_told(
                    seen.table,
                    [(step, took) for step, took in steps if _is_of(step, wanted)],
                ),
            }
            for wanted, seen in zip(desired.tables, current.tables)
            if isinstance(seen, Seen)
        ]
        results: dict[str, Any] = {"now": current.now.isoformat(" "), "tables": tables}
        if not desired.as_list:
            (table,) = tables
            results.update(steps=table["steps"], partitions=table["partitions"])
        return results


def _wanted(options: Params) -> Wanted:
    """Return a table as its options describe it."""
    problems: list[Reason] = [
        *system_schema_problems("schema", options["schema"]),
        *system_schema_problems("archive_schema", options["archive_schema"] or ""),
        *pattern_problems(options["archive_table"]),
    ]
    with collect(problems):
        policy = months_of(options)
    refuse_if_any(problems)
    return Wanted(
        options["schema"],
        options["table"],
        options["time_column"],
        EPOCH_UNITS[options["epoch_unit"]],
        policy,
        options["archive_table"],
        options["archive_schema"],
        options["partition_plain_table"],
    )


def _look_at(server: Server, wanted: Wanted, now: datetime) -> Seen:
    if not server_side.has_partitions(server, wanted.schema, wanted.table):
        plain = plain_table.read(server, wanted.schema, wanted.table, wanted.time_column)
        if wanted.partition_plain_table:
            plain = plain_table.read_times(server, plain, wanted.epoch)
        return Seen(plain, planning.Beside())
    table = server_side.read(server, wanted.schema, wanted.table, wanted.time_column, wanted.epoch)
    policy = wanted.policy.seen_at(now, table.scheme, table.ends_months_late)
    month = Month.of(now)
    past = planning.to_archive(policy, month, table.partitions)
    archives = [
        archive_of(wanted.archive_table, wanted.archive_schema, table, partition)
        for partition in past
    ]
    archives = [replace(archive, table=server.names.stored(archive.table)) for archive in archives]
    beside = month_past.read_beside(server, table, archives, policy.cold_data_directory)
    asked = [*planning.in_question(policy, month, table.partitions), *past]
    return Seen(server_side.count_rows(server, table, asked), beside)


def _plan_of(wanted: Wanted, seen: Seen, now: datetime) -> Plan:
    """Return the steps of one table."""
    if isinstance(seen.table, PlainTable):
        return first_partitioning.plan(
            wanted.policy,
            now,
            seen.table,
            wanted.epoch,
            wanted.partition_plain_table,
        )
    policy = wanted.policy.seen_at(now, seen.table.scheme, seen.table.ends_months_late)
    return planning.plan(policy, Month.of(now), seen.table, seen.beside)


def _is_of(step: Step, wanted: Wanted) -> bool:
    """Whether a step is one of the table's."""
    change: planning.Change = step.value
    return (change.table.schema, change.table.name) == (wanted.schema, wanted.table)


def _told(
    table: PartitionedTable | PlainTable, steps: Sequence[tuple[Step, float | None]]
) -> dict[str, Any]:
    """Return the results of one table; a step's seconds are None where it was not taken."""
    if steps:
        after: Sequence[Partition] = steps[-1][0].value.after
    else:
        after = table.partitions if isinstance(table, PartitionedTable) else ()
    return {
        "steps": [_step_told(step, seconds) for step, seconds in steps],
        "partitions": [
            {
                "name": span.partition.name,
                "from": text_of(span.start) if span.start else None,
                "below": text_of(span.partition.end) if span.partition.end else None,
                "data_directory": span.partition.data_directory,
            }
            for span in spans(after)
        ],
    }


def _step_told(step: Step, seconds: float | None) -> dict[str, Any]:
    change: planning.Change = step.value
    result: dict[str, Any] = {
        "action": step.action,
        "partitions": [partition.name for partition in change.new or change.old],
        "rows": sum(partition.rows for partition in change.old),
        "bytes": sum(partition.bytes for partition in change.old),
    }
    if step.action == planning.SPLIT:
        result["split"] = change.old[0].name
    if step.action == planning.MOVE:
        result["data_directory"] = change.new[0].data_directory
    if change.archive is not None:
        result["archive"] = str(change.archive)
    if seconds is not None:
        result["seconds"] = round(seconds, 3)
    return result
