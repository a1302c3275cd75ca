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
    describes. Months ahead exist, gaps are filled, and what is past its retention is dropped or
    archived. Old months can be moved to another disk.
  - Boundaries are compared, never names. A partition that was made by hand counts for what it
    holds, and is left alone unless it is in the way.
  - A partition is only split while it is empty, which is asked of the table itself. One that holds
    rows is left alone with a warning. If it is the last one and takes everything (C(MAXVALUE)),
    the run is refused, because no later month could be added, unless O(split_tail_with_rows)
    allows it.
  - A table without partitions is refused with what partitioning it would take, unless
    O(partition_plain_table) allows it.
  - Months ahead are made before anything is dropped. The current month is never dropped. A
    C(DATE) or C(DATETIME) does not tell its time zone, so a month of those is past only when it has
    ended in every zone, 14 h after its end in UTC.
  - Months are those of UTC. Where somebody has cut a table's months at the midnights of another
    zone, such a boundary counts for its month, if it is the only one within 14 h of the month's
    first moment in UTC. It stays where it is, and the next new month begins there; the months
    after that end with those of UTC.
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
        column, by C(RANGE) of C(UNIX_TIMESTAMP) or C(TO_DAYS) of a column, or by C(RANGE) of an
        integer column that counts from 1970 on (see O(epoch_unit)).
    type: str
    required: true
  time_column:
    description:
      - The column that the table must be partitioned by.
      - Without it, the one that the table is partitioned by. A table without partitions needs it.
    type: str
  epoch_unit:
    description: What an integer O(time_column) counts since 1970-01-01 00:00:00 UTC.
    type: str
    choices: [seconds, milliseconds]
    default: seconds
  months_ahead:
    description: How many complete months after the current one must exist, at least 1.
    type: int
    default: 3
  months_kept:
    description:
      - How many months before the current one are kept. Partitions that lie wholly before those
        are past; O(past) says what becomes of them.
      - A partition below 1970, such as C(VALUES LESS THAN (0)), is there to catch nonsense. It is
        never past, and never moved.
      - Where O(time_column) can be C(NULL), such rows are in the first partition. Unless that is
        below 1970, it is kept, with a warning that gives the statement that parts them from it.
      - Without it, nothing is ever past.
    type: int
  past:
    description:
      - What becomes of partitions that are past.
      - V(drop) drops them with their rows.
      - V(archive) turns each into a table of its own (O(archive_table)) without copying a row. A
        run that is interrupted is finished by the next one.
      - V(keep) leaves them as they are, whatever O(months_kept) says.
    type: str
    choices: [drop, archive, keep]
    default: drop
  archive_table:
    description:
      - The name of the table that a past partition becomes. V({table}) stands for the table's name,
        V({month}) for the month of the partition's last rows, such as C(2013m02), and
        V({partition}) for the partition's name.
      - A table of that name must be what an interrupted run left, with the table's own columns. It
        gets the partition's rows while it is empty. If it has rows, the partition must have none;
        rows that commit before it is dropped go there too. Anything else is refused.
    type: str
    default: "{table}_{month}"
  archive_schema:
    description:
      - The schema of such tables, which must exist.
      - Without it, that of the table.
    type: str
  cold_after_months:
    description:
      - Partitions that end so many months before the current one, or earlier, are moved into
        O(cold_data_directory). Their rows are written again.
      - MySQL lets others read while it moves a partition, MariaDB does not.
    type: int
  cold_data_directory:
    description:
      - The directory for them, an absolute path on the server, writable for it.
      - MySQL only takes one that its C(innodb_directories) names.
    type: str
  max_moves:
    description: How many partitions a run may move. The rest is left for later runs.
    type: int
    default: 1
  split_tail_with_rows:
    description:
      - Whether a last partition that takes everything (C(MAXVALUE)) may be split while it holds
        rows. They are written again, and nobody else can write to the table meanwhile. How many
        they are is told in a warning.
    type: bool
    default: false
  partition_plain_table:
    description:
      - Whether a table without partitions may be partitioned. All its rows are written again, and
        nobody else can write to it meanwhile.
      - Without it, the run is refused, and tells the table's size, the time to expect and what
        else stands against it, with the statements that would cure it.
      - The first month is that of the earliest row, or O(first_month).
    type: bool
    default: false
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
      - How many partitions a run may drop or archive. If there are more, it does nothing at all
        and fails.
    type: int
    default: 1
  lock_wait_timeout_seconds:
    description:
      - How long each try of a change may wait for the table. Everyone else's queries on the table
        wait behind it for as long, and get in between before the next try.
      - MariaDB waits a second time to clean up after a change that could not get the table, so it
        is given half the time for each, in whole seconds. There it is at least 2.
    type: int
    default: 5
  lock_wait_retries:
    description: How often a change that could not get the table in time is tried again.
    type: int
    default: 3
attributes:
  idempotent:
    support: partial
    details:
      - With O(cold_after_months), a run moves at most O(max_moves) partitions, and tells in a
        warning how many are left. The next run moves the next ones, until none is left.
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
notes:
  - Months are those of UTC for C(TIMESTAMP) and integer columns, and those of the values as they
    stand for C(DATE) and C(DATETIME) columns. O(months_ahead) is at least 1, which covers the time
    zones that are ahead of UTC.
  - New partitions are named after their month, such as C(p2013m02), or C(p2013m02_2) if that name
    is taken.
  - The login user needs C(ALTER), C(CREATE), C(INSERT), C(DROP) and C(SELECT) on the table, and
    C(BINLOG ADMIN) (MariaDB) or C(SESSION_VARIABLES_ADMIN) (MySQL). To archive or to move, it needs
    C(LOCK TABLES) too, and all of these on the archive's schema.
  - MySQL cannot archive a table to which columns were added instantly (error 1731). Rebuild it
    first, with C(ALTER TABLE ... FORCE).
seealso:
  - module: dbrw.sharding.mysql_month_partition_info
  - module: dbrw.sharding.mysql_usage_table
"""

EXAMPLES = r"""
- name: Read server | Ensure the calls of three months ahead have partitions, and two years stay
  dbrw.sharding.mysql_month_partition:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    table: calls
    months_ahead: 3
    months_kept: 24

- name: Read server | Show what a year's change of policy would drop
  dbrw.sharding.mysql_month_partition:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    table: calls
    months_kept: 12
    max_drops: 12
  check_mode: true
  diff: true

- name: Read server | Ensure what is older than two years lies in tables of its own
  dbrw.sharding.mysql_month_partition:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    table: calls
    months_kept: 24
    past: archive
    archive_table: "{table}_{month}"

- name: Read server | Ensure months older than half a year lie on the large disk
  dbrw.sharding.mysql_month_partition:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    table: calls
    cold_after_months: 6
    cold_data_directory: /srv/cold

- name: Read server | Ensure a table that grew without partitions has months
  dbrw.sharding.mysql_month_partition:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    table: calls
    time_column: started
    partition_plain_table: true
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
      description:
        - V(add partitions), V(split partition), V(drop partitions), V(archive partition),
          V(move partition), V(partition table) or V(remove what an interrupted move left).
      type: str
    partitions:
      description: The partitions that came, or that went.
      type: list
      elements: str
    split:
      description: The partition that was split, for V(split partition).
      type: str
    archive:
      description: The table that has the rows now, for V(archive partition).
      type: str
    data_directory:
      description: Where the partition lies now, for V(move partition).
      type: str
    rows:
      description: Rows of the partitions or the table that there were, an estimate of the server.
      type: int
    bytes:
      description: Their bytes with their indexes, an estimate of the server.
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
    data_directory:
      description: Where its file lies; none if in the server's own data directory.
      type: str
  sample:
    - {name: p2013m01, from: null, below: "2013-02-01", data_directory: /srv/cold}
    - {name: p2013m02, from: "2013-02-01", below: "2013-03-01", data_directory: null}
"""

from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans import (
    first_partitioning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import months as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.month_archive import (
    archive_of,
    pattern_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import month_past, plain_table
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
from ansible_collections.dbrw.sharding.plugins.module_utils.values.plain_table import PlainTable
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

OPTIONS = {
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


@dataclass(frozen=True)
class Desired:
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
    now: datetime
    table: PartitionedTable | PlainTable
    beside: planning.Beside


class MonthPartition:
    # Splitting and dropping take as long as the data is large; the wait for
    # the table is bounded by the server.
    read_timeout = None

    def __init__(self):
        # One number for each step whose statements have been asked for.
        self.seconds = []

    def desired(self, params):
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
            problems += refusal.problems
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

    def named(self, desired, names):
        archives = desired.archive_schema
        return replace(
            desired,
            schema=names.stored(desired.schema),
            table=names.stored(desired.table),
            archive_schema=archives and names.stored(archives),
        )

    def current(self, server, desired):
        server.leave_binary_log()
        refuse_if_any(server_side.lock_wait_problems(server, desired.wait))
        server_side.bound_lock_waits(server, desired.wait)
        now = desired.now or server_side.utc_now(server)
        named = (server, desired.schema, desired.table, desired.time_column)
        if not server_side.has_partitions(*named[:3]):
            plain = plain_table.read(*named)
            if desired.partition_plain_table:
                plain = plain_table.read_times(server, plain, desired.epoch)
            return Current(now, plain, planning.Beside())
        table = server_side.read(*named, desired.epoch)
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

    def plan(self, desired, current):
        self.wait, self.table = desired.wait, current.table
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

    def statements(self, step, server):
        self.seconds.append(0.0)
        if step.action == first_partitioning.FIRST:
            return [plain_table.statement(step)]
        return month_past.statements(step, server)

    def execute(self, server, statement):
        took = server_side.run_with_retries(server, statement, self.table, self.wait)
        self.seconds[-1] += took

    def finish(self, server, desired, current, plan, applied):
        seconds = self.seconds if applied else [None] * len(plan.steps)
        partitions = plan.steps[-1].value.after if plan.steps else current.table.partitions
        return {
            "now": current.now.isoformat(" "),
            "steps": [told(step, took) for step, took in zip(plan.steps, seconds)],
            "partitions": [
                {
                    "name": span.partition.name,
                    "from": text_of(span.start) if span.start else None,
                    "below": text_of(span.partition.end) if span.partition.end else None,
                    "data_directory": span.partition.data_directory,
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


def main():
    run(MonthPartition(), OPTIONS)


if __name__ == "__main__":
    main()
