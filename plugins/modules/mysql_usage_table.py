#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_usage_table
short_description: Create a usage table in the shape of a write or a read server
description:
  - Creates a table of usage data from one description, in one of two shapes. Columns keep their
    order and types in both, so that rows replicate from one to the other.
  - A write server's table has its primary key and nothing else. A read server's has the time column
    in its primary key, the indexes that queries need, and a partition for each month.
  - A table that exists already is compared with its description and never changed. Differences that
    do harm make the module fail, with all of them told. The others are warnings.
  - The server itself says what the definition means, with a temporary table that is gone before
    anything else happens, also in check mode.
  - Nothing of this enters the binary log.
version_added: 0.1.0
options:
  schema:
    description: The table's schema.
    type: str
    required: true
  name:
    description: The table's name.
    type: str
    required: true
  definition:
    description:
      - The table in its write shape, as one C(CREATE TABLE) statement.
      - Its primary key is O(id_column) alone. It has no other keys and no partitions.
      - Without a character set the table gets C(utf8mb4), whatever the schema's default is.
      - C(AUTO_INCREMENT=) counts on write servers only.
    type: str
    required: true
  shape:
    description: Which server the table is for.
    type: str
    choices: [write, read]
    required: true
  id_column:
    description: The column that write servers number, C(AUTO_INCREMENT) and C(BIGINT) or C(INT).
    type: str
    default: id
  time_column:
    description:
      - The column that says to which month a row belongs, C(DATE), C(DATETIME) or C(TIMESTAMP), and
        C(NOT NULL).
    type: str
    required: true
  indexes:
    description: The read servers' indexes.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The index's name.
        type: str
        required: true
      columns:
        description: The columns, in order.
        type: list
        elements: str
        required: true
      unique:
        description:
          - Whether rows must differ in these columns. They must then include O(time_column).
        type: bool
        default: false
  months_ahead:
    description: How many months after the current one a new read table has, at least 1.
    type: int
    default: 3
  first_month:
    description:
      - The first month (V(YYYY-MM)) that has a partition of its own in a new read table. The first
        partition takes everything older, too.
      - Without it, the current month.
    type: str
  now:
    description:
      - What time it is, V(YYYY-MM-DD) or V(YYYY-MM-DD HH:MM:SS), in UTC.
      - Without it, what the server's clock says.
    type: str
  create_schema:
    description: Whether to create the schema, with the character set C(utf8mb4), if it is missing.
    type: bool
    default: true
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
notes:
  - The statement is read without C(ANSI_QUOTES) and C(NO_BACKSLASH_ESCAPES), whatever the server's
    C(sql_mode).
  - A definition that no temporary table can have, such as C(ROW_FORMAT=COMPRESSED), is refused.
seealso:
  - module: dbrw.sharding.mysql_autoinc_offset
  - module: dbrw.sharding.mysql_month_partition
"""

EXAMPLES = r"""
- name: Read server | Ensure the table of flights
  dbrw.sharding.mysql_usage_table:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    name: flights
    definition: |
      CREATE TABLE flights (
        id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        time_hour DATETIME NOT NULL,
        carrier CHAR(2) NOT NULL,
        flight SMALLINT UNSIGNED NOT NULL,
        origin CHAR(3) NOT NULL,
        dest CHAR(3) NOT NULL
      )
    time_column: time_hour
    shape: read
    indexes:
      - {name: carrier_time, columns: [carrier, time_hour]}
      - {name: route_time, columns: [origin, dest, time_hour]}
    first_month: 2013-01
"""

RETURN = r"""
shape:
  description: The shape that was asked for.
  returned: success
  type: str
  sample: read
columns:
  description: The table's columns in order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The column's name.
      type: str
    type:
      description: Its type as the server writes it.
      type: str
  sample:
    - {name: id, type: bigint unsigned}
    - {name: time_hour, type: datetime}
create_statement:
  description: The statement that creates the table in its shape, whether it was run or not.
  returned: success
  type: str
differences:
  description: How a table that exists differs from its description without harm.
  returned: success
  type: list
  elements: dict
  contains:
    what:
      description: What differs.
      type: str
    expected:
      description: What the description says; none for something that it does not have.
      type: str
    found:
      description: What the table has; none for something that it lacks.
      type: str
    effect:
      description: What comes of it.
      type: str
    fix:
      description: A statement that would mend it, if there is one.
      type: str
  sample:
    - {what: index, expected: null, found: "KEY by_hand (dest)", effect: none, fix: null}
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans import months
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import usage_table as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import months as server_months
from ansible_collections.dbrw.sharding.plugins.module_utils.server import (
    usage_table as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.create_table import Written
from ansible_collections.dbrw.sharding.plugins.module_utils.values.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.partition import (
    MonthPolicy,
    policy_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.usage_table import (
    READ,
    WRITE,
    Index,
    UsageTable,
)

OPTIONS = {
    "schema": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "definition": {"type": "str", "required": True},
    "shape": {"type": "str", "choices": [WRITE, READ], "required": True},
    "id_column": {"type": "str", "default": "id"},
    "time_column": {"type": "str", "required": True},
    "indexes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "columns": {"type": "list", "elements": "str", "required": True},
            "unique": {"type": "bool", "default": False},
        },
    },
    "months_ahead": {"type": "int", "default": 3},
    "first_month": {"type": "str"},
    "now": {"type": "str"},
    "create_schema": {"type": "bool", "default": True},
}


@dataclass(frozen=True)
class Desired:
    table: UsageTable
    definition: Written
    policy: MonthPolicy
    now: datetime | None


class UsageTableTask:
    read_timeout = 60.0

    def desired(self, params):
        table = UsageTable(
            params["schema"],
            params["name"],
            params["definition"],
            params["shape"],
            params["id_column"],
            params["time_column"],
            tuple(
                Index(
                    index["name"],
                    tuple(index["columns"]),
                    "UNIQUE KEY" if index["unique"] else "KEY",
                )
                for index in params["indexes"]
            ),
            params["create_schema"],
        )
        refuse_if_any(table.problems())
        policy, now = policy_of(params)
        return Desired(table, server_side.definition_of(table), policy, now)

    def current(self, server, desired):
        server.leave_binary_log()
        self.now = desired.now or server_months.utc_now(server)
        return server_side.read(server, desired.table, desired.definition)

    def plan(self, desired, current):
        partitions = months.initial(desired.policy, Month.of(self.now))
        self.wanted = planning.wanted(desired.table, current.written, partitions)
        return planning.plan(self.wanted, current, server_side.add_index)

    def statements(self, step, server):
        return server_side.statements(step, server)

    def finish(self, server, desired, current, plan, applied):
        found = []
        if current.existing:
            found = planning.differences(self.wanted, current.existing, server_side.add_index)
        return {
            "shape": desired.table.shape,
            "columns": [
                {"name": column.name, "type": column.type} for column in self.wanted.shape.columns
            ],
            "create_statement": server_side.create_table(self.wanted).shown,
            "differences": [asdict(difference) for difference in found],
        }


def main():
    run(UsageTableTask(), OPTIONS)


if __name__ == "__main__":
    main()
