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
  - With O(tables) one call does so for many tables. All of them are compared with their
    descriptions first. If one is refused, none is touched, and the error says what is wrong with
    each.
  - A write server's table has its primary key and nothing else. A read server's has the time column
    in its primary key, the indexes that queries need, and a partition for each month.
  - A table that exists already is compared with its description. Harmful differences make the
    module fail, and all of them are reported. The others are warnings. Nothing of the table is
    changed, but that O(add_indexes) adds indexes that it lacks; nothing is ever dropped.
  - Only what the description says is demanded. What it leaves to the server, such as a row format,
    the table may have as it was made.
  - The server itself says what the definition means, with a temporary table that is gone before
    anything else happens, also in check mode.
  - Nothing of this enters the binary log.
version_added: 0.1.0
options:
  schema:
    description:
      - The table's schema.
      - Required with O(name).
    type: str
  name:
    description: The table's name.
    type: str
  tables:
    description:
      - Tables to manage in this one call, each with the options of a single table. They are made in
        this order.
      - O(schema), O(id_column), O(time_column), O(indexes), O(months_ahead) and O(first_month) on
        the module's own level count for those that do not say otherwise.
    type: list
    elements: dict
    suboptions:
      schema:
        description: The table's schema. Without it, O(schema).
        type: str
      name:
        description: The table's name. Each table is named once.
        type: str
        required: true
      definition:
        description: The table in its write shape, as in O(definition).
        type: str
        required: true
      id_column:
        description: The column that write servers number. Without it, O(id_column).
        type: str
      time_column:
        description:
          - The column that says to which month a row belongs. Without it, O(time_column).
        type: str
      indexes:
        description: The read servers' indexes. Without it, O(indexes).
        type: list
        elements: dict
        suboptions: &index
          name:
            description: The index's name.
            type: str
            required: true
          columns:
            description:
              - The columns, in order. After a column may stand how many of its first characters
                count, and its order, as in V(url(100\)) and V(created DESC).
              - A name that looks like that is written in backquotes.
              - An index that the server would shorten, change, or not take is refused, with the
                longest prefix that it accepts.
            type: list
            elements: str
            required: true
          unique:
            description:
              - Whether rows must differ in these columns. They must then include the time column.
            type: bool
            default: false
      months_ahead:
        description:
          - How many months after the current one a new read table has. Without it,
            O(months_ahead).
        type: int
      first_month:
        description:
          - The first month (V(YYYY-MM)) that has a partition of its own in a new read table.
            Without it, O(first_month).
        type: str
  definition:
    description:
      - The table in its write shape, as one C(CREATE TABLE) statement.
      - Required with O(name).
      - Its primary key is O(id_column) alone. It has no other keys and no partitions.
      - Without a character set the table gets C(utf8mb4), whatever the schema's default is.
      - Without a collation, a new table gets the character set's own, C(utf8mb4_general_ci) on
        MariaDB and C(utf8mb4_0900_ai_ci) on MySQL, whatever the server's version and settings, and
        a table that exists may have any.
      - C(AUTO_INCREMENT=) counts on write servers only.
    type: str
  shape:
    description: Which server the tables are for.
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
      - Required with O(name).
    type: str
  indexes:
    description: The read servers' indexes.
    type: list
    elements: dict
    default: []
    suboptions: *index
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
  add_indexes:
    description:
      - Whether a table that exists gets those of O(indexes) that it lacks. All of them are built in
        one statement, while rows are read and written; the server refuses it rather than to block
        writers. Check mode reports the expected cost.
      - Without it, an index that is missing makes the module fail, and the error has the statement
        that adds it.
    type: bool
    default: false
  create_schema:
    description: Whether to create the schema, with the character set C(utf8mb4), if it is missing.
    type: bool
    default: true
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.months.now
  - dbrw.sharding.lock_wait
  - dbrw.sharding.attributes
notes:
  - A system schema, such as C(mysql), is refused.
  - The statement is read without C(ANSI_QUOTES) and C(NO_BACKSLASH_ESCAPES), whatever the server's
    C(sql_mode).
  - A definition that no temporary table can have, such as C(ROW_FORMAT=COMPRESSED), is refused.
  - Adding indexes waits for the table once before and once after they are built, each time for
    O(lock_wait_timeout_seconds) at most.
  - While indexes are built, the server logs what is written meanwhile, up to
    C(innodb_online_alter_log_max_size). If that is not enough, it gives up with error 1799 and
    leaves the table as it was. Give it more, or a calmer hour.
  - Adding indexes that was interrupted leaves all of them or none; run again, it carries on. A
    server goes on building for a module that was killed.
seealso:
  - module: dbrw.sharding.mysql_autoinc_offset
  - module: dbrw.sharding.mysql_month_partition
  - module: dbrw.sharding.mysql_usage_table_info
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

- name: Write server | Ensure the tables of flights and of delays, or neither
  dbrw.sharding.mysql_usage_table:
    login_unix_socket: /run/mysqld/mysqld.sock
    shape: write
    schema: usage_data
    time_column: time_hour
    tables:
      - name: flights
        definition: |
          CREATE TABLE flights (
            id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
            time_hour DATETIME NOT NULL,
            carrier CHAR(2) NOT NULL
          )
      - name: delays
        definition: |
          CREATE TABLE delays (
            id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
            time_hour DATETIME NOT NULL,
            minutes SMALLINT NOT NULL
          )

- name: Read server | Tell what one more index of the calls would cost
  dbrw.sharding.mysql_usage_table: &calls
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    name: calls
    definition: |
      CREATE TABLE calls (
        id BIGINT AUTO_INCREMENT PRIMARY KEY,
        started DATETIME NOT NULL,
        caller VARCHAR(20)
      )
    time_column: started
    shape: read
    indexes:
      - {name: caller, columns: [caller, started]}
    add_indexes: true
  check_mode: true
  diff: true

- name: Read server | Add it while channels go on
  dbrw.sharding.mysql_usage_table: *calls
"""

RETURN = r"""
tables:
  description: The tables in the order in which they were named, also if there is but one.
  returned: success
  type: list
  elements: dict
  contains:
    schema:
      description: The table's schema, as the server stores its name.
      type: str
      sample: usage_data
    name:
      description: The table's name, as the server stores it.
      type: str
      sample: flights
    shape: &shape
      description: The shape that was asked for.
      type: str
      sample: read
    columns: &columns
      description: The table's columns in order.
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
    create_statement: &create_statement
      description: The statement that creates the table in its shape, whether it was run or not.
      type: str
    created: &created
      description: Whether the table was made, or in check mode would be.
      type: bool
    added_indexes: &added_indexes
      description:
        - The indexes that a table got, or in check mode would get, with the expected cost.
        - None if there are none to add.
        - The expected figures come from the server's statistics and from rates that were measured
          on other machines. They show the order of magnitude.
      type: dict
      contains:
        indexes:
          description: The indexes.
          type: list
          elements: str
        rows:
          description: How many rows are read.
          type: int
        data_bytes:
          description: How many bytes these rows have.
          type: int
        index_bytes:
          description: How many bytes of disk the indexes are expected to take.
          type: int
        temporary_bytes:
          description: How many bytes of temporary files building them is expected to take.
          type: int
        expected_seconds:
          description: How long it is expected to take.
          type: float
        seconds:
          description: How long it took; none in check mode.
          type: float
      sample:
        indexes: [KEY caller (caller, started)]
        rows: 520320
        data_bytes: 73072640
        index_bytes: 23674880
        temporary_bytes: 23674880
        expected_seconds: 1.3
        seconds: 0.69
    differences: &differences
      description: How a table that exists differs from its description without harm.
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
        advice:
          description: What else can be done about it, if there is something.
          type: str
      sample:
        - what: index
          expected: null
          found: KEY by_hand (dest)
          effect: none
          fix: null
          advice: null
shape:
  <<: *shape
  returned: success, with O(name)
columns:
  <<: *columns
  returned: success, with O(name)
create_statement:
  <<: *create_statement
  returned: success, with O(name)
created:
  <<: *created
  returned: success, with O(name)
added_indexes:
  <<: *added_indexes
  returned: success, with O(name)
differences:
  <<: *differences
  returned: success, with O(name)
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import usage_table
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(usage_table.UsageTableOperation())


if __name__ == "__main__":
    main()
