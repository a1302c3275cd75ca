# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which months tables have partitions for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import months as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server import months as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.partition import (
    EPOCH_UNITS,
    MonthPolicy,
    PartitionedTable,
    policy_of,
    spans,
    text_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)


@dataclass(frozen=True)
class Desired:
    """A table, or all of a schema; ``now`` None: what the server's clock says."""

    schema: str
    table: str | None
    epoch: str
    policy: MonthPolicy
    now: datetime | None


@dataclass(frozen=True)
class Current:
    """The tables by name; one that is not partitioned by time is what there is to say of it."""

    now: datetime
    tables: Mapping[str, PartitionedTable | list[str]]


class MonthPartitionInfo(Question[Desired, Current]):
    """Which months tables have partitions for."""

    options = {
        "schema": {"type": "str", "required": True},
        "table": {"type": "str"},
        "epoch_unit": {"type": "str", "choices": ["seconds", "milliseconds"], "default": "seconds"},
        "months_ahead": {"type": "int", "default": 3},
        "now": {"type": "str"},
    }

    def desired(self, params: Params) -> Desired:
        problems = system_schema_problems("schema", params["schema"])
        try:
            policy, now = policy_of(params)
        except Refused as refusal:
            raise Refused([*problems, *refusal.problems]) from None
        refuse_if_any(problems)
        epoch = EPOCH_UNITS[params["epoch_unit"]]
        return Desired(params["schema"], params["table"], epoch, policy, now)

    def named(self, desired: Desired, names: Names) -> Desired:
        table = desired.table
        return replace(
            desired, schema=names.stored(desired.schema), table=table and names.stored(table)
        )

    def current(self, server: Server, desired: Desired) -> Current:
        now = desired.now or server_side.utc_now(server)
        if desired.table is not None:
            names = [desired.table]
        else:
            names = server_side.partitioned_tables(server, desired.schema)
        tables: dict[str, PartitionedTable | list[str]] = {}
        for name in names:
            try:
                table = server_side.read(server, desired.schema, name, None, desired.epoch)
            except Refused as refusal:
                if desired.table is not None:
                    raise
                tables[name] = refusal.problems
            else:
                policy = _from_now_on(desired.policy, Month.of(now))
                asked = planning.in_question(policy, Month.of(now), table.partitions)
                tables[name] = server_side.count_rows(server, table, asked)
        return Current(now, tables)

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        month = Month.of(current.now)
        tables = [
            _told(name, table, desired.policy, month) for name, table in current.tables.items()
        ]
        return {
            "now": current.now.isoformat(" "),
            "ok": all(table["ok"] for table in tables),
            "tables": tables,
        }


def _from_now_on(policy: MonthPolicy, month: Month) -> MonthPolicy:
    """Leave the past out: how it is divided stops no channel."""
    return replace(policy, first_month=month)


def _told(
    name: str, table: PartitionedTable | list[str], policy: MonthPolicy, month: Month
) -> dict[str, Any]:
    if not isinstance(table, PartitionedTable):
        return {
            "table": name,
            "ok": False,
            "problems": table,
            "time_column": None,
            "partitions": None,
        }
    problems = planning.problems(_from_now_on(policy, month), month, table)
    return {
        "table": name,
        "ok": not problems,
        "problems": problems,
        "time_column": table.time_column,
        "partitions": [
            {
                "name": span.partition.name,
                "from": text_of(span.start) if span.start else None,
                "below": text_of(span.partition.end) if span.partition.end else None,
                "time": span.seen_from(month),
                "rows": span.partition.rows,
                "data_bytes": span.partition.data_bytes,
                "index_bytes": span.partition.index_bytes,
                "data_directory": span.partition.data_directory,
            }
            for span in spans(table.partitions)
        ],
    }
