# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The months of a table: made ahead, and what is past dropped, archived or moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import first_partitioning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import months as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.month_archive import (
    archive_of,
    pattern_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server import month_past, plain_table
from ansible_collections.dbrw.sharding.plugins.module_utils.server import months as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.statement import Statement
from ansible_collections.dbrw.sharding.plugins.module_utils.values.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.partition import (
    EPOCH_UNITS,
    MonthPolicy,
    Partition,
    PartitionedTable,
    policy_of,
    spans,
    text_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.plain_table import PlainTable
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)


@dataclass(frozen=True)
class Desired:
    """A table and its policy; ``now`` None: what the server's clock says."""

    schema: str
    table: str
    time_column: str | None
    epoch: str
    policy: MonthPolicy
    archive_table: str
    archive_schema: str | None
    partition_plain_table: bool
    now: datetime | None
    wait: server_side.LockWait


@dataclass(frozen=True)
class Current:
    """The table, and what is there beside it, at ``now`` in UTC."""

    now: datetime
    table: PartitionedTable | PlainTable
    beside: planning.Beside


class MonthPartition(Operation[Desired, Current]):
    """The months of a table."""

    options = {
        "schema": {"type": "str", "required": True},
        "table": {"type": "str", "required": True},
        "time_column": {"type": "str"},
        "epoch_unit": {"type": "str", "choices": ["seconds", "milliseconds"], "default": "seconds"},
        "months_ahead": {"type": "int", "default": 3},
        "months_kept": {"type": "int"},
        "past": {"type": "str", "choices": ["drop", "archive", "keep"], "default": "drop"},
        "archive_table": {"type": "str", "default": "{table}_{month}"},
        "archive_schema": {"type": "str"},
        "cold_after_months": {"type": "int"},
        "cold_data_directory": {"type": "str"},
        "max_moves": {"type": "int", "default": 1},
        "split_tail_with_rows": {"type": "bool", "default": False},
        "partition_plain_table": {"type": "bool", "default": False},
        "first_month": {"type": "str"},
        "now": {"type": "str"},
        "max_drops": {"type": "int", "default": 1},
        "lock_wait_timeout_seconds": {"type": "int", "default": 5},
        "lock_wait_retries": {"type": "int", "default": 3},
    }

    def desired(self, params: Params) -> Desired:
        wait = server_side.LockWait(
            params["lock_wait_timeout_seconds"], params["lock_wait_retries"]
        )
        problems = [
            *system_schema_problems("schema", params["schema"]),
            *system_schema_problems("archive_schema", params["archive_schema"] or ""),
            *wait.problems(),
            *pattern_problems(params["archive_table"]),
        ]
        try:
            policy, now = policy_of(params)
        except Refused as refusal:
            raise Refused([*problems, *refusal.problems]) from None
        refuse_if_any(problems)
        return Desired(
            params["schema"],
            params["table"],
            params["time_column"],
            EPOCH_UNITS[params["epoch_unit"]],
            policy,
            params["archive_table"],
            params["archive_schema"],
            params["partition_plain_table"],
            now,
            wait,
        )

    def read_timeout(self, desired: Desired) -> None:
        # Splitting and dropping take as long as the data is large; the wait for
        # the table is bounded by the server.
        return None

    def named(self, desired: Desired, names: Names) -> Desired:
        archives = desired.archive_schema
        return replace(
            desired,
            schema=names.stored(desired.schema),
            table=names.stored(desired.table),
            archive_schema=archives and names.stored(archives),
        )

    def current(self, server: Server, desired: Desired) -> Current:
        refuse_if_any(server_side.lock_wait_problems(server, desired.wait))
        server_side.bound_lock_waits(server, desired.wait)
        now = desired.now or server_side.utc_now(server)
        if not server_side.has_partitions(server, desired.schema, desired.table):
            plain = plain_table.read(server, desired.schema, desired.table, desired.time_column)
            if desired.partition_plain_table:
                plain = plain_table.read_times(server, plain, desired.epoch)
            return Current(now, plain, planning.Beside())
        table = server_side.read(
            server, desired.schema, desired.table, desired.time_column, desired.epoch
        )
        policy = desired.policy.seen_at(now, table.scheme, table.ends_months_late)
        month = Month.of(now)
        past = planning.to_archive(policy, month, table.partitions)
        archives = [
            archive_of(desired.archive_table, desired.archive_schema, table, partition)
            for partition in past
        ]
        archives = [
            replace(archive, table=server.names.stored(archive.table)) for archive in archives
        ]
        beside = month_past.read_beside(server, table, archives, policy.cold_data_directory)
        asked = [*planning.in_question(policy, month, table.partitions), *past]
        return Current(now, server_side.count_rows(server, table, asked), beside)

    def plan(self, desired: Desired, current: Current) -> Plan:
        if isinstance(current.table, PlainTable):
            return first_partitioning.plan(
                desired.policy,
                current.now,
                current.table,
                desired.epoch,
                desired.partition_plain_table,
                plain_table.quote,
            )
        policy = desired.policy.seen_at(
            current.now, current.table.scheme, current.table.ends_months_late
        )
        return planning.plan(policy, Month.of(current.now), current.table, current.beside)

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
            server_side.run_with_retries(server, statement, table, desired.wait)
            for statement in statements
        )

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        if done is None:
            steps = [_told(step) for step in plan.steps]
        else:
            steps = [{**_told(one.step), "seconds": round(one.outcome, 3)} for one in done]
        return {
            "now": current.now.isoformat(" "),
            "steps": steps,
            "partitions": [
                {
                    "name": span.partition.name,
                    "from": text_of(span.start) if span.start else None,
                    "below": text_of(span.partition.end) if span.partition.end else None,
                    "data_directory": span.partition.data_directory,
                }
                for span in spans(_after(plan, current.table))
            ],
        }


def _after(plan: Plan, table: PartitionedTable | PlainTable) -> Sequence[Partition]:
    """Return the table's partitions once all steps are taken."""
    if plan.steps:
        after: Sequence[Partition] = plan.steps[-1].value.after
        return after
    return table.partitions if isinstance(table, PartitionedTable) else ()


def _told(step: Step) -> dict[str, Any]:
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
    return result
