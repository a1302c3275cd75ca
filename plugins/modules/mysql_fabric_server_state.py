#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_fabric_server_state
short_description: Take a server out for applications, or give it back
description:
  - Sets the state of a server in the directory, the schema C(fabric), with a reason, by whom and since
    when. Applications are given servers that are V(online).
  - It is called on the active writer of the replica set C(fabric), and what it does reaches the other
    members.
  - Refuses to take out the last write or read server that applications can use, and the active writer
    of a replica set.
  - The mark of the supervision is another thing, and stays.
version_added: 0.1.0
options:
  server:
    description: The server's name in the directory.
    type: str
    required: true
  state:
    description:
      - V(draining) and V(maintenance) take it out, V(online) gives it back. V(retired) is for good; the
        row stays, and with it the ids that the server has given.
      - A new server is C(joining), which this module does not end.
    type: str
    choices: [online, draining, maintenance, retired]
    required: true
  reason:
    description: Why, for people.
    type: str
    default: ''
  until:
    description:
      - Until when it is meant to last, in UTC, as C(YYYY-MM-DD) or C(YYYY-MM-DD HH:MM:SS), for people;
        nothing happens by itself then.
    type: str
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
notes:
  - The login needs C(SELECT) on the schema C(fabric) and on C(dbrw.epoch), and C(UPDATE) on
    C(fabric.servers).
seealso:
  - module: dbrw.sharding.mysql_fabric_directory
  - module: dbrw.sharding.mysql_fabric_directory_info
"""

EXAMPLES = r"""
- name: Fabric | Take a write server out for new disks
  dbrw.sharding.mysql_fabric_server_state:
    login_unix_socket: /run/mysqld/mysqld.sock
    server: w2
    state: maintenance
    reason: new disks
"""

RETURN = r"""
directory_server:
  description: The server as the directory has it now.
  returned: success
  type: dict
  contains:
    name:
      description: Name.
      type: str
    state:
      description: State.
      type: str
    reason:
      description: Why.
      type: str
    by:
      description: The account that has set it.
      type: str
    since:
      description: Since when it has this state, in UTC.
      type: str
    until:
      description: Until when it is meant to last, in UTC.
      type: str
    is_down:
      description: Whether the supervision has marked it.
      type: bool
    down_reason:
      description: Why that.
      type: str
    down_by:
      description: The account that has marked it.
      type: str
    down_since:
      description: Since when, in UTC.
      type: str
version:
  description: The version of the directory. Clients compare the pair, the epoch first.
  returned: success
  type: dict
  contains:
    epoch:
      description: The epoch of the replica set.
      type: int
    counter:
      description: How often rows have changed.
      type: int
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.directory import (
    server_state,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(server_state.FabricServerState())


if __name__ == "__main__":
    main()
