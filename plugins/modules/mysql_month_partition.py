#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_month_partition
short_description: Keep tables' months in partitions of their own
description:
  - Brings the partitions of tables that are partitioned by time into the state that a policy
    describes, one table or many in one call. Months ahead exist, gaps are filled, and expired
    months are dropped or archived. Old months can be moved to another disk.
  - Boundaries are compared, never names. A partition that was made by hand counts for what it
    holds, and is left alone unless it is in the way.
  - A partition is only split while it is empty, which is asked of the table itself. One that holds
    rows is left alone with a warning. If it is the last one and takes everything (C(MAXVALUE)),
    the run is refused, because no later month could be added, unless O(split_tail_with_rows)
    allows it.
  - A table without partitions is refused with what partitioning it would take, unless
    O(partition_plain_table) allows it.
  - Months ahead are made before anything is dropped. The current month is never dropped. A
    C(DATE) or C(DATETIME) has no time zone, so such a month expires only when it has
    ended in every zone, 14 h after its end in UTC.
  - Months are those of UTC. Where somebody has cut a table's months at the midnights of another
    zone, such a boundary counts for its month, if it is the only one within 14 h of the month's
    first moment in UTC. It stays where it is, and the next new month begins there; the months
    after that end with those of UTC.
  - Nothing of this enters the binary log.
version_added: 0.1.0
options:
  table:
    description:
      - The table. It must exist and be partitioned by C(RANGE COLUMNS) of a C(DATE) or C(DATETIME)
        column, by C(RANGE) of C(UNIX_TIMESTAMP) or C(TO_DAYS) of a column, or by C(RANGE) of an
        integer column that counts from 1970 on (see O(epoch_unit)).
      - Needs O(schema).
    type: str
  tables:
    description:
      - Tables to manage in this one call, each with the options of a single table.
      - O(schema) and the other options on the module's own level count for those that do not say
        otherwise.
      - All are read and judged before any is touched. If one is refused, nothing is done at all.
      - A table can be named once.
    type: list
    elements: dict
    suboptions:
      table:
        description: The table.
        type: str
        required: true
      schema: &schema
        description: The table's schema.
        type: str
      time_column: &time_column
        description:
          - The column that the table must be partitioned by.
          - Without it, the one that the table is partitioned by. A table without partitions needs
            it.
        type: str
      epoch_unit: &epoch_unit
        description: What an integer O(time_column) counts since 1970-01-01 00:00:00 UTC.
        type: str
        choices: [seconds, milliseconds]
      months_ahead:
        description:
          - How many complete months after the current one must exist of this table. Without it,
            O(months_ahead).
        type: int
      months_kept: &months_kept
        description:
          - How many months before the current one are kept. Partitions that lie wholly before those
            have expired; O(past) says what happens to them.
          - A partition below 1970, such as C(VALUES LESS THAN (0)), is there to catch nonsense. It
            never expires, and is never moved.
          - Where O(time_column) can be C(NULL), such rows are in the first partition. Unless that
            is below 1970, it is kept, with a warning that gives the statement that parts them from
            it.
          - Without it, nothing ever expires.
        type: int
      past: &past
        description:
          - What happens to expired partitions.
          - V(drop) drops them with their rows.
          - V(archive) turns each into a table of its own (O(archive_table)) without copying a row.
            A run that is interrupted is finished by the next one.
          - V(keep) leaves them as they are, whatever O(months_kept) says.
        type: str
        choices: [drop, archive, keep]
      archive_table: &archive_table
        description:
          - The name of the table that an expired partition becomes. V({table}) stands for the
            table's name, V({month}) for the month of the partition's last rows, such as C(2013m02),
            and V({partition}) for the partition's name.
          - A table of that name must be what an interrupted run left, with the table's own columns.
            It gets the partition's rows while it is empty. If it has rows, the partition must have
            none; rows that commit before it is dropped go there too. Anything else is refused.
        type: str
      archive_schema: &archive_schema
        description:
          - The schema of such tables, which must exist.
          - Without it, that of the table.
        type: str
      cold_after_months: &cold_after_months
        description:
          - Partitions that end so many months before the current one, or earlier, are moved into
            O(cold_data_directory). Their rows are written again.
          - MySQL lets others read while it moves a partition, MariaDB does not.
        type: int
      cold_data_directory: &cold_data_directory
        description:
          - The directory for them, an absolute path on the server, writable for it.
          - MySQL only takes one that its C(innodb_directories) names.
        type: str
      max_moves: &max_moves
        description:
          - How many of the table's partitions a run may move. The rest is left for later runs.
        type: int
      split_tail_with_rows: &split_tail_with_rows
        description:
          - Whether a last partition that takes everything (C(MAXVALUE)) may be split while it holds
            rows. They are written again, and nobody else can write to the table meanwhile. A
            warning says how many they are.
        type: bool
      partition_plain_table: &partition_plain_table
        description:
          - Whether a table without partitions may be partitioned. All its rows are written again,
            and nobody else can write to it meanwhile.
          - Without it, the run is refused, and the error has the table's size, the time to expect
            and what else prevents it, with the statements that would correct it.
          - The first month is that of the earliest row, or O(first_month).
        type: bool
      first_month: &first_month
        description:
          - From this month on (V(YYYY-MM)) months are kept in partitions of their own, where that
            moves no rows.
          - Without it, from the first boundary that there is. One before 1970 does not count, as it
            is there to catch nonsense.
        type: str
      max_drops: &max_drops
        description:
          - How many of the table's partitions a run may drop or archive. If there are more, it does
            nothing at all and fails.
        type: int
  schema: *schema
  time_column: *time_column
  epoch_unit:
    <<: *epoch_unit
    default: seconds
  months_kept: *months_kept
  past:
    <<: *past
    default: drop
  archive_table:
    <<: *archive_table
    default: "{table}_{month}"
  archive_schema: *archive_schema
  cold_after_months: *cold_after_months
  cold_data_directory: *cold_data_directory
  max_moves:
    <<: *max_moves
    default: 1
  split_tail_with_rows:
    <<: *split_tail_with_rows
    default: false
  partition_plain_table:
    <<: *partition_plain_table
    default: false
  first_month: *first_month
  max_drops:
    <<: *max_drops
    default: 1
attributes:
  idempotent:
    support: partial
    details:
      - With O(cold_after_months), a run moves at most O(max_moves) partitions, and a warning
        says how many are left. The next run moves the next ones, until none is left.
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.months
  - dbrw.sharding.months.now
  - dbrw.sharding.lock_wait
  - dbrw.sharding.attributes
notes:
  - Months are those of UTC for C(TIMESTAMP) and integer columns, and those of the values as they
    stand for C(DATE) and C(DATETIME) columns. O(months_ahead) is at least 1, which covers the time
    zones that are ahead of UTC.
  - On MariaDB, O(lock_wait_timeout_seconds) is at least 2.
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

- name: Read server | Ensure the months of two tables, the events' for half a year only
  dbrw.sharding.mysql_month_partition:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    months_kept: 24
    tables:
      - {table: calls}
      - {table: events, months_kept: 6}
"""

RETURN = r"""
now:
  description: The time that was taken for now.
  returned: success
  type: str
  sample: "2013-12-15 00:00:00"
tables:
  description: The tables that were asked for, in that order; the one of O(table), too.
  returned: success
  type: list
  elements: dict
  contains:
    schema:
      description: The table's schema.
      type: str
    table:
      description: The table's name.
      type: str
    steps:
      description: What was done, or in check mode what would be, in order.
      type: list
      elements: dict
      contains: &step
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
          description:
            - Rows of the partitions or the table that there were, an estimate of the server.
          type: int
        bytes:
          description: Their bytes with their indexes, an estimate of the server.
          type: int
        seconds:
          description: How long it took; none in check mode.
          type: float
    partitions:
      description: The table's partitions after the run, in order, with the rows that they are for.
      type: list
      elements: dict
      contains: &partition
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
    - schema: usage_data
      table: calls
      steps:
        - {action: add partitions, partitions: [p2014m03], rows: 0, bytes: 0, seconds: 0.021}
      partitions:
        - {name: p2014m02, from: "2014-02-01", below: "2014-03-01", data_directory: null}
        - {name: p2014m03, from: "2014-03-01", below: "2014-04-01", data_directory: null}
steps:
  description: What was done, as in RV(tables[].steps).
  returned: success, with O(table)
  type: list
  elements: dict
  contains: *step
partitions:
  description: The table's partitions after the run, as in RV(tables[].partitions).
  returned: success, with O(table)
  type: list
  elements: dict
  contains: *partition
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import (
    month_partition,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(month_partition.MonthPartition())


if __name__ == "__main__":
    main()
