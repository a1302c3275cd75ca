#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_usage_table_info
short_description: Return the differences between two servers' tables that would stop a channel
description:
  - Compares a table of this server, the replica, with the real table of each of its sources, and
    says what a replication channel would make of every difference.
  - A difference stops the channel, changes values silently, or does neither. What is reported
    is the worst that can happen, as measured on MariaDB 10.11, MariaDB 11.8 and MySQL 9.7 with row
    events.
  - Columns are compared by position, as a channel does. Their types, time precision, character
    sets, generated columns and C(NULL) count, and of the replica unique keys, foreign keys and
    checks. Indexes that are not unique and partitions are the replica's own affair. The collation
    of a text counts where it is in the source's primary key, because it decides what is a
    duplicate.
  - Needs no description of the table, and changes nothing.
version_added: 0.1.0
options:
  schema:
    description:
      - The table's schema, on every server.
      - Required with O(name).
    type: str
  name:
    description: The table's name, on every server.
    type: str
  tables:
    description:
      - Tables to compare in this one call, which logs in once at each server.
    type: list
    elements: dict
    suboptions:
      schema:
        description: The table's schema, on every server. Without it, O(schema).
        type: str
      name:
        description: The table's name, on every server. Each table is named once.
        type: str
        required: true
  compare_with:
    description:
      - The sources. The module logs in there from the host that it runs on.
      - The options for TLS and O(connect_timeout) count for them, too.
    type: list
    elements: dict
    default: []
    suboptions:
      server:
        description:
          - What the result calls the server.
          - Without it, its address.
        type: str
      login_host:
        description:
          - Host of the source.
          - Not used when O(compare_with[].login_unix_socket) is given.
        type: str
      login_port:
        description: TCP port of the source.
        type: int
        default: 3306
      login_unix_socket:
        description: Path of the source's socket, if it is on the same host.
        type: str
      login_user:
        description:
          - User to log in as on the source.
          - Without it, O(login_user).
        type: str
      login_password:
        description:
          - Password to log in with on the source.
          - Without it and without O(compare_with[].login_user), O(login_password).
        type: str
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
notes:
  - The login users need C(SELECT) on the table. A table that a user may not see is not there for
    the module.
  - The verdict holds for appliers that convert no types, which is the servers' default
    (C(slave_type_conversions), C(replica_type_conversions)). With conversions, a difference that
    stops a channel may change values instead.
seealso:
  - module: dbrw.sharding.mysql_usage_table
"""

EXAMPLES = r"""
- name: Read server | Compare the table of calls with the write servers'
  dbrw.sharding.mysql_usage_table_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    name: calls
    # One account on all of them, with SELECT on the table.
    login_user: checker
    login_password: "{{ checker_password }}"
    compare_with:
      - {server: w1, login_host: w1.dc1.example.com}
      - {server: w2, login_host: w2.dc1.example.com}
      - {server: w3, login_host: w3.dc2.example.com}
  register: calls

- name: Read server | Ensure that every row will arrive as it is
  ansible.builtin.assert:
    that: calls.ok
    fail_msg: "{{ calls.problems }}"

- name: Read server | Compare the tables of calls and of messages with a write server's
  dbrw.sharding.mysql_usage_table_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    tables: [{name: calls}, {name: messages}]
    login_user: checker
    login_password: "{{ checker_password }}"
    compare_with:
      - {server: w1, login_host: w1.dc1.example.com}
"""

RETURN = r"""
ok:
  description: Whether no difference of any table stops a channel or changes values.
  returned: success
  type: bool
problems:
  description: The differences that do, as sentences.
  returned: success
  type: list
  elements: str
type_conversions:
  description: Which types this server's appliers convert; the verdict is for none.
  returned: success
  type: str
  sample: ""
tables:
  description: The tables in the order in which they were named, also if there is but one.
  returned: success
  type: list
  elements: dict
  contains:
    schema:
      description: The table's schema, as it was given.
      type: str
      sample: usage_data
    name:
      description: The table's name, as it was given.
      type: str
      sample: calls
    ok:
      description: Whether no difference of this table stops a channel or changes values.
      type: bool
    problems:
      description: The differences that do, as sentences.
      type: list
      elements: str
    table: &table
      description: The table of this server; none if it is not there.
      type: dict
      contains:
        columns:
          description: Its columns in order.
          type: list
          elements: dict
          contains:
            name:
              description: The column's name.
              type: str
            type:
              description: Its type as the server writes it.
              type: str
            character_set:
              description: Its character set; none for numbers, times and bytes.
              type: str
            collation:
              description: Its collation; none for numbers, times and bytes.
              type: str
        primary_key:
          description: The columns of its primary key.
          type: list
          elements: str
        indexes:
          description: Its other indexes.
          type: list
          elements: str
        partitioned:
          description: Whether it has partitions.
          type: bool
      sample:
        columns: [{name: id, type: bigint, character_set: null, collation: null}]
        primary_key: [id, started]
        indexes: [KEY started (started)]
        partitioned: true
    servers: &servers
      description: The sources, in the order of O(compare_with).
      type: list
      elements: dict
      contains:
        server:
          description: The server's name, or its address.
          type: str
        ok:
          description: Whether none of its differences stops a channel or changes values.
          type: bool
        differences:
          description: How the tables differ.
          type: list
          elements: dict
          contains:
            column:
              description: The column, by its name on the source if it is there; none for the table.
              type: str
            what:
              description: What differs.
              type: str
            source:
              description: What the source has.
              type: str
            here:
              description: What this server has.
              type: str
            effect:
              description: V(stops) the channel, V(changes) values silently, or V(none).
              type: str
            why:
              description: How it comes about.
              type: str
      sample:
        - server: w1
          ok: false
          differences:
            - column: caller
              what: type
              source: varchar(20) CHARACTER SET utf8mb4
              here: varchar(10) CHARACTER SET utf8mb4
              effect: stops
              why: the first row stops the channel, which does not convert
table:
  <<: *table
  returned: success, with O(name)
servers:
  <<: *servers
  returned: success, with O(name)
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import (
    usage_table_info,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(usage_table_info.UsageTableInfo())


if __name__ == "__main__":
    main()
