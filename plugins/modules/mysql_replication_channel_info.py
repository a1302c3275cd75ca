#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_replication_channel_info
short_description: Return the state of every replication channel
description:
  - Returns every replication channel of a MySQL or MariaDB replica, in one shape for both.
version_added: 0.1.0
options:
  heartbeat_table:
    description:
      - Table of this server, as schema.table, into which every source writes a row again and again,
        in the shape of pt-heartbeat's table. Its column V(ts) is a time in UTC (text or DATETIME),
        V(server_id) the source's.
      - With it RV(channels[].heartbeat_lag_seconds) is the real lag, also of a source that
        hangs.
    type: str
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.read_timeout
  - dbrw.sharding.attributes.info
"""

EXAMPLES = r"""
- name: Read server | Ask for its channels
  dbrw.sharding.mysql_replication_channel_info:
    login_unix_socket: /run/mysqld/mysqld.sock
  register: replica

- name: Read server | Ask for the real lag, from the rows that the sources write
  dbrw.sharding.mysql_replication_channel_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    heartbeat_table: usage_data.heartbeat

- name: Read server | Fail when one of them does not run
  ansible.builtin.assert:
    that: replica.channels | rejectattr('running') | length == 0
"""

RETURN = r"""
channels:
  description: All channels of the server, in the order of their names.
  returned: success
  type: list
  elements: dict
  contains:
    channel:
      description: Name.
      type: str
    running:
      description: Whether it is connected to its source and applies.
      type: bool
    io_running:
      description: Whether the thread that receives runs; it may be trying to connect.
      type: bool
    connected:
      description: Whether that thread is connected.
      type: bool
    sql_running:
      description: Whether the thread that applies runs.
      type: bool
    io_state:
      description: What the thread that receives does, in the server's words; empty for none.
      type: str
    seconds_behind_source:
      description:
        - What the server says of itself; null when it does not know. A source that hangs is 0
          seconds ahead.
      type: int
    heartbeat_lag_seconds:
      description:
        - How long ago the source wrote the last of its heartbeat rows that has arrived. It holds
          the pause between two of them, and the difference of the two servers' clocks, so that
          it can be below zero. Null without O(heartbeat_table), or without such a row.
      type: float
    source_server_id:
      description: The source's server_id; null for a channel that was never connected.
      type: int
    settings:
      description: The settings that the server shows, named as the options of
        M(dbrw.sharding.mysql_replication_channel).
      type: dict
    filters:
      description: What it applies, as the option of M(dbrw.sharding.mysql_replication_channel)
        takes it; kinds without a filter are empty.
      type: dict
    do_domain_ids:
      description: GTID domains that it applies, and no others (MariaDB); empty for all.
      type: list
      elements: int
    ignore_domain_ids:
      description: GTID domains that it leaves out (MariaDB).
      type: list
      elements: int
    ignore_server_ids:
      description:
        - Numbers of servers whose transactions it leaves out. Of these and of domains it counts as
          applied what it leaves out; M(dbrw.sharding.mysql_replication_channel) does not start a
          channel that skips what its source has written itself.
      type: list
      elements: int
    skip_counter:
      description: How many of the next transactions it leaves out.
      type: int
    until:
      description:
        - Where it stops by itself, as the server calls it (START ... UNTIL); null if nowhere.
          O(dbrw.sharding.mysql_replication_channel#module:state=started) starts it anew, without
          an end.
      type: str
    gtid_received:
      description:
        - GTIDs received from the source. MariaDB returns the position that the channel has reached,
          of all domains that it knew when it connected.
      type: str
    gtid_applied:
      description: GTIDs applied on this server.
      type: str
    last_io_error:
      description: The last error of receiving.
      type: dict
      contains: &error
        number:
          description: The server's error number; 0 if there is none.
          type: int
        message:
          description:
            - The server's message. Where several threads apply, that of the thread that failed.
          type: str
        time:
          description: When it happened, in UTC; null on MariaDB, which does not report it.
          type: str
    last_sql_error:
      description: The last error of applying.
      type: dict
      contains: *error
    explanation:
      description:
        - What the error means; null if there is none. Parts that the server does not report are
          null. A full disk of the relay logs is reported here too, which MySQL does not call an
          error.
      type: dict
      contains:
        number:
          description: The server's error number.
          type: int
        code:
          description:
            - The kind of error, as a code that stays when RV(channels[].explanation.meaning)
              changes; several numbers may be one kind.
          type: str
        event:
          description: V(insert), V(update), V(delete), or the first words of a statement.
          type: str
        schema:
          description: Schema that the event changes.
          type: str
        table:
          description: Table that the event changes.
          type: str
        key:
          description: The key and its value, of a row that was there already.
          type: str
        gtid:
          description: GTID of the transaction; null on MariaDB, which does not report it.
          type: str
        source_log_file:
          description: Binary log of the source that holds the event.
          type: str
        source_log_position:
          description: Place in it up to which this channel has applied everything.
          type: int
        source_log_end_position:
          description: Where the event ends in it.
          type: int
        skips:
          description:
            - Whether a channel that is started with this error may go on behind rows that it has
              not applied, without a further error. M(dbrw.sharding.mysql_replication_channel)
              does not start it then.
          type: bool
        meaning:
          description: What has happened.
          type: str
        remedies:
          description: What can be done, the most likely first.
          type: list
          elements: str
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication import (
    channel_info,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(channel_info.ReplicationChannelInfo())


if __name__ == "__main__":
    main()
