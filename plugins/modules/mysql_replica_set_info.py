#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_replica_set_info
short_description: Tell who is the active writer of a replica set, and what is wrong with it
description:
  - Asks every member of a replica set at once, and judges what they say together.
  - It takes no lock and changes nothing, so that it can be called while the set is being switched.
version_added: 0.1.0
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.replica_set
  - dbrw.sharding.attributes.info
seealso:
  - module: dbrw.sharding.mysql_replica_set
"""

EXAMPLES = r"""
- name: Fabric | Ask who is active
  dbrw.sharding.mysql_replica_set_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: fabric
    member: f1
    members:
      - {name: f1, host: 10.1.0.21}
      - {name: f2, host: 10.2.0.21}
    operator_password: "{{ dbrw_operator_password }}"
  register: fabric

- name: Fabric | Fail when something is critical
  ansible.builtin.assert:
    that: fabric.diagnosis | selectattr('severity', 'equalto', 'critical') | length == 0
    fail_msg: "{{ fabric | dbrw.sharding.replica_set_report }}"
"""

RETURN = r"""
status:
  description:
    - How the set stands. V(well), V(degraded) (a member cannot be reached), V(without_writer),
      V(two_writers), V(not_born) (no epoch, no rows), or V(not_adopted) (rows, and no epoch).
  returned: success
  type: str
  sample: well
active:
  description: The active writer; null where there is none, or more than one.
  returned: success
  type: str
  sample: f1
epoch:
  description: The newest epoch that any member knows; null where none knows one.
  returned: success
  type: dict
  contains:
    epoch:
      description: Number; a planned switch adds 1, a failover 1000.
      type: int
    active:
      description: The active writer in it.
      type: str
    durability:
      description: What the set promises in it.
      type: str
    reason:
      description: Why it was begun.
      type: str
    by:
      description: Who has begun it.
      type: str
    at:
      description: When, in UTC, by the clock of the writer.
      type: str
members:
  description: Every member, in the order of O(members).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
    state:
      description:
        - V(active), V(closed), V(unreachable); V(open), it takes writes and should not; V(lifted),
          on MySQL, it is closed to applications but not to administrators.
      type: str
    unreachable:
      description: Why it could not be asked.
      type: str
    version:
      description: Version of the server.
      type: str
    epoch:
      description: The newest epoch that it knows.
      type: int
    source:
      description: The member that its channel follows.
      type: str
    running:
      description: Whether that channel is connected and applies.
      type: bool
    seconds_behind_source:
      description: Its lag, as the server tells it.
      type: int
    position:
      description: The GTIDs of all transactions that it has.
      type: str
    errant:
      description: Those of them that the active writer has not.
      type: str
    error:
      description: What keeps its channel from running.
      type: str
    semi_sync:
      description: >-
        Semi-synchronous replication: the settings of both ends, how many replicas acknowledge,
        whether commits wait now, and how many went on alone since the server's start.
      type: dict
diagnosis:
  description: What is wrong, the worst first; empty where all is well.
  returned: success
  type: list
  elements: dict
  contains: &finding
    code:
      description: Stays the same when the words change.
      type: str
      sample: replica_set.active_unreachable
    severity:
      description: V(critical), V(warning) or V(info).
      type: str
    where:
      description: The set or the member.
      type: str
    text:
      description: What was found.
      type: str
    todo:
      description: What to do, with the command.
      type: str
servers:
  description: Address, flavour and version of each member that was reached, by name.
  returned: always
  type: dict
unreachable_servers:
  description: Why each of the others was not reached, by name.
  returned: always
  type: dict
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.replica_set_info import (
    ReplicaSetInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import run


def main() -> None:
    run(ReplicaSetInfo())


if __name__ == "__main__":
    main()
