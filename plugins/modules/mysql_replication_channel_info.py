#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_replication_channel_info
short_description: Tell the state of every replication channel
description:
  - Returns every replication channel of a MySQL or MariaDB replica, in one shape for both.
version_added: 0.1.0
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
"""

EXAMPLES = r"""
- name: Read server | Ask for its channels
  dbrw.sharding.mysql_replication_channel_info:
    login_unix_socket: /run/mysqld/mysqld.sock
  register: replica

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
    seconds_behind_source:
      description:
        - What the server says of itself; null when it does not know. A source that hangs is 0
          seconds ahead.
      type: int
    settings:
      description: The settings that the server shows, named as the options of
        M(dbrw.sharding.mysql_replication_channel).
      type: dict
    filters:
      description: What it applies, as the option of M(dbrw.sharding.mysql_replication_channel)
        takes it; kinds without a filter are empty.
      type: dict
    gtid_received:
      description: GTIDs received from the source.
      type: str
    gtid_applied:
      description: GTIDs applied on this server.
      type: str
    last_io_error:
      description: Number and message of the last error of receiving; number 0 if there is none.
      type: dict
    last_sql_error:
      description: Number and message of the last error of applying; number 0 if there is none.
      type: dict
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.run.channels import tell
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import channels as server_side


class ReplicationChannelInfo:
    read_timeout = 30.0

    def desired(self, params):
        return None

    def current(self, server, desired):
        return server_side.read(server)

    def plan(self, desired, current):
        return Plan()

    def statements(self, step, server):
        return []

    def finish(self, server, desired, current, plan, applied):
        return {"channels": tell(current)}


def main():
    run(ReplicationChannelInfo(), {})


if __name__ == "__main__":
    main()
