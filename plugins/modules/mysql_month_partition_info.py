#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_month_partition_info
short_description: Tell which months a table has partitions for
description:
  - Returns the partitions of a table, or of every partitioned table of a schema, with what they are
    for, and says whether the current month and those ahead have partitions of their own.
version_added: 0.1.0
options:
  schema:
    description: The schema to look at.
    type: str
    required: true
  table:
    description:
      - The table to look at.
      - Without it, every partitioned table of the schema.
    type: str
  epoch_unit:
    description: What integer columns count since 1970-01-01 00:00:00 UTC.
    type: str
    choices: [seconds, milliseconds]
    default: seconds
  months_ahead:
    description: How many complete months after the current one must exist, at least 1.
    type: int
    default: 3
  now:
    description:
      - What time it is, V(YYYY-MM-DD) or V(YYYY-MM-DD HH:MM:SS), in UTC.
      - Without it, what the server's clock says.
    type: str
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
seealso:
  - module: dbrw.sharding.mysql_month_partition
"""

EXAMPLES = r"""
- name: Read server | Look at the months of the calls
  dbrw.sharding.mysql_month_partition_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    table: calls
  register: months

- name: Read server | Ensure no month ahead is missing
  ansible.builtin.assert:
    that: months.ok
    fail_msg: "{{ months.tables | map(attribute='problems') | flatten | join(' ') }}"
"""

RETURN = r"""
now:
  description: The time that was taken for now.
  returned: success
  type: str
  sample: "2013-12-15 00:00:00"
ok:
  description: Whether no table has a problem.
  returned: success
  type: bool
tables:
  description: The tables.
  returned: success
  type: list
  elements: dict
  contains:
    table:
      description: The table's name.
      type: str
    ok:
      description: Whether the table has no problem.
      type: bool
    problems:
      description: What is wrong, in words.
      type: list
      elements: str
    time_column:
      description: The column that its partitions go by; none if they are not by time.
      type: str
    partitions:
      description: The partitions in order; none if they are not by time.
      type: list
      elements: dict
      contains:
        name:
          description: The partition's name.
          type: str
        from:
          description: Its lower bound; none for the first, which takes everything older.
          type: str
        below:
          description: Its upper bound; none for one that takes everything later.
          type: str
        time:
          description: V(past), V(current) or V(ahead), seen from now; V(tail) without upper bound.
          type: str
        rows:
          description: Its rows, an estimate of the server.
          type: int
        data_bytes:
          description: Bytes of its rows.
          type: int
        index_bytes:
          description: Bytes of its indexes.
          type: int
        data_directory:
          description: Where its file lies; none if in the server's own data directory.
          type: str
  sample:
    - table: calls
      ok: true
      problems: []
      time_column: started
      partitions:
        - name: p2013m12
          from: "2013-12-01"
          below: "2014-01-01"
          time: current
          rows: 28000
          data_bytes: 2637824
          index_bytes: 3178496
          data_directory: null
"""

from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans import months as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import months as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.values.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
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

OPTIONS = {
    "schema": {"type": "str", "required": True},
    "table": {"type": "str"},
    "epoch_unit": {"type": "str", "choices": ["seconds", "milliseconds"], "default": "seconds"},
    "months_ahead": {"type": "int", "default": 3},
    "now": {"type": "str"},
}


@dataclass(frozen=True)
class Desired:
    schema: str
    table: str | None
    epoch: str
    policy: MonthPolicy
    now: datetime | None


@dataclass(frozen=True)
class Current:
    now: datetime
    # By name; a table that is not partitioned by time is what there is to say of it.
    tables: dict[str, PartitionedTable | list[str]]


class MonthPartitionInfo:
    read_timeout = 60.0

    def desired(self, params):
        refuse_if_any(system_schema_problems("schema", params["schema"]))
        policy, now = policy_of(params)
        epoch = EPOCH_UNITS[params["epoch_unit"]]
        return Desired(params["schema"], params["table"], epoch, policy, now)

    def named(self, desired, names):
        table = desired.table
        return replace(
            desired, schema=names.stored(desired.schema), table=table and names.stored(table)
        )

    def current(self, server, desired):
        now = desired.now or server_side.utc_now(server)
        if desired.table is not None:
            names = [desired.table]
        else:
            names = server_side.partitioned_tables(server, desired.schema)
        tables = {}
        for name in names:
            try:
                table = server_side.read(server, desired.schema, name, None, desired.epoch)
            except Refused as refusal:
                if desired.table is not None:
                    raise
                tables[name] = refusal.problems
            else:
                policy = from_now_on(desired.policy, Month.of(now))
                asked = planning.in_question(policy, Month.of(now), table.partitions)
                tables[name] = server_side.count_rows(server, table, asked)
        return Current(now, tables)

    def plan(self, desired, current):
        return Plan()

    def statements(self, step, server):
        return []

    def finish(self, server, desired, current, plan, applied):
        month = Month.of(current.now)
        tables = [told(name, table, desired, month) for name, table in current.tables.items()]
        return {
            "now": current.now.isoformat(" "),
            "ok": all(table["ok"] for table in tables),
            "tables": tables,
        }


def from_now_on(policy, month):
    """Leave the past out: how it is divided stops no channel."""
    return replace(policy, first_month=month)


def told(name, table, desired, month):
    if not isinstance(table, PartitionedTable):
        return {
            "table": name,
            "ok": False,
            "problems": table,
            "time_column": None,
            "partitions": None,
        }
    problems = planning.problems(from_now_on(desired.policy, month), month, table)
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


def main():
    run(MonthPartitionInfo(), OPTIONS)


if __name__ == "__main__":
    main()
