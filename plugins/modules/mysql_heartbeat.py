#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_heartbeat
short_description: Let a write server write a row each second, by which others see that its rows arrive
description:
  - The status of a channel says that all is well while its source has gone without a word, or while its
    filters drop every row. The row that a source wrote last, and that has arrived, tells the truth.
  - The table C(dbrw.heartbeat) has the shape of pt-heartbeat's, with a row for each write server. On a
    write server an event brings its row up to date each second; that enters the binary log, and
    nothing else that this module does.
  - An event only updates its row. A channel that does not find the row stops. So make the table, with the
    rows of all write servers, on all servers that follow them first, and then the events.
version_added: 0.1.0
options:
  state:
    description:
      - V(present) makes what is missing.
      - V(absent) removes the event and the table. Remove the events of write servers first, and the tables
        of read servers once their channels have applied the last heartbeat.
    type: str
    choices: [present, absent]
    default: present
  server_ids:
    description:
      - The C(server_id) of each write server whose heartbeats are to arrive here. Their rows are added;
        others stay.
    type: list
    elements: int
    default: []
  event:
    description:
      - Whether the server writes heartbeats itself. V(false) removes its event.
      - The event belongs to the account that the module logs in with.
      - It runs only where the variable C(event_scheduler) is V(ON), as it is on MySQL by itself. The module
        warns where it is not, and leaves it so, because it lets all events of the server run.
    type: bool
    default: false
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
seealso:
  - module: dbrw.sharding.mysql_topology_info
  - module: dbrw.sharding.mysql_replication_channel_info
"""

EXAMPLES = r"""
- name: Read server | Ensure a place for the heartbeats of write servers
  dbrw.sharding.mysql_heartbeat:
    login_unix_socket: /run/mysqld/mysqld.sock
    server_ids: [1, 2]

- name: Write server | Ensure that it writes a heartbeat each second
  dbrw.sharding.mysql_heartbeat:
    login_unix_socket: /run/mysqld/mysqld.sock
    event: true
"""

RETURN = r"""
server_ids:
  description: The servers that the table has a row of, in check mode would have.
  returned: success
  type: list
  elements: int
  sample: [1, 2]
writes:
  description: Whether the server writes heartbeats, in check mode would.
  returned: success
  type: bool
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication import heartbeat
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(heartbeat.Heartbeat())


if __name__ == "__main__":
    main()
