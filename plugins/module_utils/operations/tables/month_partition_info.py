# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which months tables have partitions for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Options,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import listed
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import months as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.server.clock import utc_now
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    partitions as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
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
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_UNITS,
    MonthPolicy,
    PartitionedTable,
    months_of,
    now_of,
    spans,
    text_of,
)

# The options of one table. Beside ``tables`` they count for those that do not say otherwise.
_OF_A_TABLE: Options = {
    "schema": {"type": "str"},
    "epoch_unit": {"type": "str", "choices": ["seconds", "milliseconds"]},
    "months_ahead": {"type": "int"},
}
_DEFAULTS = {"epoch_unit": "seconds", "months_ahead": 3}


@dataclass(frozen=True)
class Asked:
    """A table, or all partitioned tables of a schema (``table`` None)."""

    schema: str
    table: str | None
    epoch: str
    policy: MonthPolicy


@dataclass(frozen=True)
class Desired:
    """What to look at, in the order asked; ``now`` None: what the server's clock says."""

    tables: tuple[Asked, ...]
    now: datetime | None


@dataclass(frozen=True)
class Seen:
    """A table; one that is not partitioned by time is what there is to say of it."""

    schema: str
    name: str
    policy: MonthPolicy
    table: PartitionedTable | list[str]


@dataclass(frozen=True)
class Current:
    """The tables, at ``now`` in UTC."""

    now: datetime
    tables: tuple[Seen, ...]


class MonthPartitionInfo(Question[Desired, Current]):
    """Which months tables have partitions for."""

    options = {
        "table": {"type": "str"},
        "tables": listed.option(_OF_A_TABLE),
        **listed.with_defaults(_OF_A_TABLE, _DEFAULTS),
        "now": {"type": "str"},
    }
    constraints = {
        "required_one_of": [("schema", "tables")],
        "mutually_exclusive": [("table", "tables")],
        "required_by": {"table": ["schema"]},
    }

    def desired(self, params: Params) -> Desired:
        problems: list[Reason] = []
        now = None
        with collect(problems):
            now = now_of(params)
        return Desired(listed.read_each(params, _OF_A_TABLE, _asked, problems), now)

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        names = ask()
        tables = tuple(
            replace(
                one,
                schema=names.stored(one.schema),
                table=one.table and names.stored(one.table),
            )
            for one in desired.tables
        )
        # Two names may be one to this server.
        refuse_if_any(named_twice("tables", (f"{one.schema}.{one.table}" for one in tables)))
        return replace(desired, tables=tables)

    def current(self, server: Server, desired: Desired) -> Current:
        now = desired.now or utc_now(server)
        seen: list[Seen] = []
        problems: list[Reason] = []
        for asked in desired.tables:
            if asked.table is not None:
                names = [asked.table]
            else:
                names = server_side.partitioned_tables(server, asked.schema)
            for name in names:
                try:
                    table = _look_at(server, asked, name, Month.of(now))
                except Refused as refusal:
                    if asked.table is not None:
                        problems += refusal.reasons
                    seen.append(Seen(asked.schema, name, asked.policy, refusal.problems))
                else:
                    seen.append(Seen(asked.schema, name, asked.policy, table))
        refuse_if_any(problems)
        return Current(now, tuple(seen))

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        tables = [_told(seen, Month.of(current.now)) for seen in current.tables]
        return {
            "now": current.now.isoformat(" "),
            "ok": all(table["ok"] for table in tables),
            "tables": tables,
        }


def _asked(options: Params) -> Asked:
    """Return what a table's options ask for."""
    problems: list[Reason] = [*system_schema_problems("schema", options["schema"])]
    with collect(problems):
        policy = months_of(options)
    refuse_if_any(problems)
    return Asked(options["schema"], options["table"], EPOCH_UNITS[options["epoch_unit"]], policy)


def _look_at(server: Server, asked: Asked, name: str, month: Month) -> PartitionedTable:
    table = server_side.read(server, asked.schema, name, None, asked.epoch)
    policy = _from_now_on(asked.policy, month)
    in_question = planning.in_question(policy, month, table.partitions)
    return server_side.count_rows(server, table, in_question)


def _from_now_on(policy: MonthPolicy, month: Month) -> MonthPolicy:
    """Leave the past out: how it is divided stops no channel."""
    return replace(policy, first_month=month)


def _told(seen: Seen, month: Month) -> dict[str, Any]:
    table = seen.table
    if not isinstance(table, PartitionedTable):
        return {
            "schema": seen.schema,
            "table": seen.name,
            "ok": False,
            "problems": table,
            "time_column": None,
            "partitions": None,
        }
    problems = planning.problems(_from_now_on(seen.policy, month), month, table)
    return {
        "schema": seen.schema,
        "table": seen.name,
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
