#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_month_partition_info
short_description: Return the months that tables have partitions for
description:
  - Returns the partitions of a table, of several, or of every partitioned table of a schema, with
    what they are for, and says whether the current month and those ahead have partitions of their
    own.
version_added: 0.1.0
options:
  table:
    description:
      - The table to look at; needs O(schema).
      - Without it and without O(tables), every partitioned table of O(schema).
    type: str
  tables:
    description:
      - Tables to look at in this one call, each with the options of a single table.
      - O(schema) and the other options on the module's own level count for those that do not say
        otherwise.
      - A table can be named once.
    type: list
    elements: dict
    suboptions:
      table:
        description: The table.
        type: str
        required: true
      schema: &schema
        description: The schema to look at.
        type: str
      epoch_unit: &epoch_unit
        description: What integer columns count since 1970-01-01 00:00:00 UTC.
        type: str
        choices: [seconds, milliseconds]
      months_ahead:
        description:
          - How many complete months after the current one must exist of this table. Without it,
            O(months_ahead).
        type: int
  schema: *schema
  epoch_unit:
    <<: *epoch_unit
    default: seconds
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.months
  - dbrw.sharding.months.now
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

- name: Read server | Look at the months of two tables
  dbrw.sharding.mysql_month_partition_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    tables:
      - {table: calls}
      - {table: events, months_ahead: 1}
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
  description:
    - The tables, in the order of O(tables) or, of a whole schema, of their names.
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
    - schema: usage_data
      table: calls
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

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import (
    month_partition_info,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(month_partition_info.MonthPartitionInfo())


if __name__ == "__main__":
    main()
