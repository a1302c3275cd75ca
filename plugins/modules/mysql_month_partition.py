#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_month_partition
short_description: Keep a table's months in partitions of their own
description:
  - Brings the partitions of a table that is partitioned by time into the state that a policy
    describes. Months ahead exist, gaps are filled, and what is past its retention is dropped.
  - Boundaries are compared, never names. A partition that was made by hand counts for what it
    holds, and is left alone unless it is in the way.
  - A partition is only split while it is empty, which is asked of the table itself. One that holds
    rows is left alone with a warning. If it is the last one and takes everything (C(MAXVALUE)),
    the run is refused, because no later month could be added.
  - Months ahead are made before anything is dropped. The current month is never dropped.
  - Nothing of this enters the binary log.
version_added: 0.1.0
options:
  schema:
    description: The table's schema.
    type: str
    required: true
  table:
    description:
      - The table. It must exist and be partitioned by C(RANGE COLUMNS) of a C(DATE) or C(DATETIME)
        column, or by C(RANGE) of C(UNIX_TIMESTAMP) or C(TO_DAYS) of a column.
    type: str
    required: true
  time_column:
    description:
      - The column that the table must be partitioned by.
      - Without it, the one that the table is partitioned by.
    type: str
  months_ahead:
    description: How many complete months after the current one must exist, at least 1.
    type: int
    default: 3
  months_kept:
    description:
      - How many months before the current one are kept. Partitions that lie wholly before those
        are dropped.
      - Without it, nothing is ever dropped.
    type: int
  first_month:
    description:
      - From this month on (V(YYYY-MM)) months are kept in partitions of their own, where that moves
        no rows.
      - Without it, from the first boundary that there is. One before 1970 does not count, as it is
        there to catch nonsense.
    type: str
  now:
    description:
      - What time it is, V(YYYY-MM-DD) or V(YYYY-MM-DD HH:MM:SS), in UTC.
      - Without it, what the server's clock says.
    type: str
  max_drops:
    description:
      - How many partitions a run may drop. If there are more to drop, it does nothing at all and
        fails.
    type: int
    default: 1
  lock_wait_timeout_seconds:
    description:
      - How long each change may wait for the table. Everyone else's queries on the table wait
        behind it for as long.
    type: int
    default: 5
  lock_wait_retries:
    description: How often a change that could not get the table in time is tried again.
    type: int
    default: 3
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
notes:
  - Months are those of UTC for C(TIMESTAMP) columns, and those of the values as they stand for
    C(DATE) and C(DATETIME) columns.
  - New partitions are named after their month, such as C(p2013m02), or C(p2013m02_2) if that name
    is taken.
  - The login user needs C(ALTER), C(CREATE), C(INSERT), C(DROP) and C(SELECT) on the table, and
    C(BINLOG ADMIN) (MariaDB) or C(SESSION_VARIABLES_ADMIN) (MySQL).
seealso:
  - module: dbrw.sharding.mysql_month_partition_info
  - module: dbrw.sharding.mysql_usage_table
"""

EXAMPLES = r"""
- name: Read server | Ensure the flights of three months ahead have partitions, and two years stay
  dbrw.sharding.mysql_month_partition:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    table: flights
    months_ahead: 3
    months_kept: 24

- name: Read server | Show what a year's change of policy would drop
  dbrw.sharding.mysql_month_partition:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    table: flights
    months_kept: 12
    max_drops: 12
  check_mode: true
  diff: true
"""

RETURN = r"""
now:
  description: The time that was taken for now.
  returned: success
  type: str
  sample: "2013-12-15 00:00:00"
steps:
  description: What was done, or in check mode what would be, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(add partitions), V(split partition) or V(drop partitions).
      type: str
    partitions:
      description: The partitions that came, or that were dropped.
      type: list
      elements: str
    split:
      description: The partition that was split, for V(split partition).
      type: str
    rows:
      description: Rows of dropped partitions, an estimate of the server.
      type: int
    bytes:
      description: Bytes of dropped partitions with their indexes, an estimate of the server.
      type: int
    seconds:
      description: How long it took; none in check mode.
      type: float
  sample:
    - {action: add partitions, partitions: [p2014m03], rows: 0, bytes: 0, seconds: 0.021}
partitions:
  description: The table's partitions after the run, in order, with the rows that they are for.
  returned: success
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
  sample:
    - {name: p2013m01, from: null, below: "2013-02-01"}
    - {name: p2013m02, from: "2013-02-01", below: "2013-03-01"}
"""

from dataclasses import dataclass
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans import months as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import months as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.values.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.partition import (
    MonthPolicy,
    PartitionedTable,
    policy_of,
    spans,
    text_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any

OPTIONS = {
    "schema": {"type": "str", "required": True},
    "table": {"type": "str", "required": True},
    "time_column": {"type": "str"},
    "months_ahead": {"type": "int", "default": 3},
    "months_kept": {"type": "int"},
    "first_month": {"type": "str"},
    "now": {"type": "str"},
    "max_drops": {"type": "int", "default": 1},
    "lock_wait_timeout_seconds": {"type": "int", "default": 5},
    "lock_wait_retries": {"type": "int", "default": 3},
}


@dataclass(frozen=True)
class Desired:
    schema: str
    table: str
    time_column: str | None
    policy: MonthPolicy
    now: datetime | None
    wait: server_side.LockWait


@dataclass(frozen=True)
class Current:
    now: datetime
    table: PartitionedTable


class MonthPartition:
    # Splitting and dropping take as long as the data is large; the wait for
    # the table is bounded by the server.
    read_timeout = None

    def __init__(self):
        self.seconds = []

    def desired(self, params):
        wait = server_side.LockWait(
            params["lock_wait_timeout_seconds"], params["lock_wait_retries"]
        )
        refuse_if_any(wait.problems())
        policy, now = policy_of(params)
        return Desired(params["schema"], params["table"], params["time_column"], policy, now, wait)

    def current(self, server, desired):
        server.leave_binary_log()
        server_side.bound_lock_waits(server, desired.wait)
        now = desired.now or server_side.utc_now(server)
        table = server_side.read(server, desired.schema, desired.table, desired.time_column)
        asked = planning.in_question(desired.policy, Month.of(now), table.partitions)
        return Current(now, server_side.count_rows(server, table, asked))

    def plan(self, desired, current):
        self.wait, self.table = desired.wait, current.table
        return planning.plan(desired.policy, Month.of(current.now), current.table)

    def statements(self, step, server):
        return [server_side.statement(step, server)]

    def execute(self, server, statement):
        self.seconds.append(server_side.run_with_retries(server, statement, self.table, self.wait))

    def finish(self, server, desired, current, plan, applied):
        seconds = self.seconds if applied else [None] * len(plan.steps)
        partitions = plan.steps[-1].value.after if plan.steps else current.table.partitions
        return {
            "now": current.now.isoformat(" "),
            "steps": [told(step, took) for step, took in zip(plan.steps, seconds)],
            "partitions": [
                {
                    "name": span.partition.name,
                    "from": text_of(span.lower) if span.lower else None,
                    "below": text_of(span.upper) if span.upper else None,
                }
                for span in spans(partitions)
            ],
        }


def told(step, seconds):
    change = step.value
    result = {
        "action": step.action,
        "partitions": [partition.name for partition in change.new or change.old],
        "rows": sum(partition.rows for partition in change.old),
        "bytes": sum(partition.data_bytes + partition.index_bytes for partition in change.old),
    }
    if step.action == planning.SPLIT:
        result["split"] = change.old[0].name
    if seconds is not None:
        result["seconds"] = round(seconds, 3)
    return result


def main():
    run(MonthPartition(), OPTIONS)


if __name__ == "__main__":
    main()
