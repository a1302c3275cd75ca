#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_replica_set
short_description: Keep exactly one active writer in a set of servers with the same data
description:
  - A replica set has the same data on every member, and exactly one of them takes writes, the
    active writer. Who that is, is written down in the replicated table C(dbrw.epoch), with a number
    that grows with each switch.
  - Without O(active) it takes the active writer from the servers, and puts right what is around it,
    that each other member follows it, and how commits wait for them. It never opens or switches
    anything by itself, except for a new set, whose first member it opens.
  - With O(active) it switches, as planned. The present writer is closed, whoever could still write
    there is ended, the other member applies everything, and is opened.
  - With O(failover) it opens a survivor, after all that anybody has received is applied.
  - It is called for one member, and works on all of them. At most one is open at every instant; a
    call that was interrupted leaves at worst all of them closed, and the same call goes on.
  - Two members that are open at once are the first thing that is put right, whatever was asked for.
    The one with the older epoch is closed, at equal epochs both.
version_added: 0.1.0
options:
  active:
    description:
      - The member to switch to, or with O(failover) the survivor to open.
      - Without it nothing is switched, and a failover opens the survivor that has received most.
    type: str
    default: ""
  failover:
    description:
      - Whether the active writer is dead or cut off, and another is to be opened.
      - The survivors try to reach it first. One that comes through ends the failover, unless
        O(confirm_fenced) names the writer.
    type: bool
    default: false
  max_pause_seconds:
    description:
      - How long applications may wait in a planned switch. A statement that does not end within it,
        or a member that cannot apply the rest in time, ends the switch; the writer is open again.
    type: float
    default: 1.0
  allow_loss:
    description:
      - Whether a failover may go on although transactions may be missing that were acknowledged,
        because no survivor, or not the one of O(active), is known to have received all.
    type: bool
    default: false
  alone:
    description:
      - Whether a V(strict) set may go on with one member, as V(available), until a second one
        follows. Where it is opened for that, the epoch is a new one, for the same active writer, too.
      - An active writer that is open, named by O(active), acknowledges then what waits for a member.
        Every other member has to answer, or O(confirm_fenced) names it.
    type: bool
    default: false
  confirm_fenced:
    description:
      - Your word that this server, the active writer, is off, or cannot be reached by applications.
    type: str
    default: ""
  witnesses:
    description:
      - For a failover, servers outside the set that follow one of its members, each with what
        M(dbrw.sharding.mysql_replication_witness) has said of it.
      - One that reaches the active writer, and one that follows it and could not be asked, ends the
        failover, unless O(confirm_fenced) names the writer. In a V(strict) set of two only the first
        does.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      source_host:
        description: The source of its channel; left out where it could not be asked.
        type: str
      source_port:
        description: The port of that.
        type: int
        default: 3306
      sees_source:
        description: Whether it has reached that by a new connection; left out where it has not tried.
        type: bool
  adopt:
    description:
      - The active writer of a set that others have made, and that has no epoch yet. It must be
        open, and every other member closed and following it. Nothing is closed or stopped.
    type: str
    default: ""
  reason:
    description: Why, for the table of epochs.
    type: str
    default: ""
  switched_by:
    description: Who asks, for the table of epochs.
    type: str
    default: ""
  source_ssl:
    description: Whether the members' channels use TLS.
    type: bool
    default: true
  source_ssl_ca:
    description: File on each member with the authorities that channels verify a source with.
    type: path
  source_ssl_verify_server_cert:
    description: Whether channels verify the source's certificate.
    type: bool
    default: false
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.replica_set
  - dbrw.sharding.long_work
  - dbrw.sharding.attributes
notes:
  - The login and O(operator_user) need all privileges, and are as strong as C(root).
seealso:
  - module: dbrw.sharding.mysql_replica_set_info
"""

EXAMPLES = r"""
- name: Fabric | Ensure that the members follow the active writer
  dbrw.sharding.mysql_replica_set:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: fabric
    member: f1
    members: &members
      - name: f1
        host: 10.1.0.21
        replication_user: replication_f1
        replication_password: "{{ replication_passwords.f1 }}"
      - name: f2
        host: 10.2.0.21
        replication_user: replication_f2
        replication_password: "{{ replication_passwords.f2 }}"
    operator_password: "{{ dbrw_operator_password }}"

- name: Fabric | Let the other one be the active writer, because f1 needs new memory
  dbrw.sharding.mysql_replica_set:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: fabric
    member: f2
    members: *members
    operator_password: "{{ dbrw_operator_password }}"
    active: f2
    reason: f1 needs new memory

- name: Fabric | Fail over, because f1 is lost
  dbrw.sharding.mysql_replica_set:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: fabric
    member: f2
    members: *members
    operator_password: "{{ dbrw_operator_password }}"
    failover: true
"""

RETURN = r"""
status:
  description: How the set stands, see M(dbrw.sharding.mysql_replica_set_info).
  returned: success
  type: str
  sample: well
active:
  description: The active writer.
  returned: success
  type: str
  sample: f2
epoch:
  description: The newest epoch, see M(dbrw.sharding.mysql_replica_set_info).
  returned: success
  type: dict
members:
  description: Every member, see M(dbrw.sharding.mysql_replica_set_info).
  returned: success
  type: list
  elements: dict
diagnosis:
  description: What is wrong, the worst first, see M(dbrw.sharding.mysql_replica_set_info).
  returned: success
  type: list
  elements: dict
pause_seconds:
  description: How long no member took writes in a switch that this call has made.
  returned: success
  type: float
  sample: 0.041
steps:
  description: What was done, or in check mode would be, each with the statements that it ran.
  returned: always
  type: list
  elements: dict
  sample: [{"step": "switch", "target": "f1 to f2", "server": "f2", "seconds": 0.05}]
done:
  description: Whether nothing is left to do.
  returned: always
  type: bool
steps_left:
  description: How many steps are left.
  returned: success
  type: int
servers:
  description: Address, flavour and version of each member that was reached, by name.
  returned: always
  type: dict
unreachable_servers:
  description: Why each of the others was not reached, by name.
  returned: always
  type: dict
problems:
  description: Why it was refused.
  returned: when it was refused
  type: list
  elements: str
findings:
  description: Those of the problems that are findings.
  returned: when it was refused
  type: list
  elements: dict
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.replica_set import (
    ReplicaSet,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import run


def main() -> None:
    run(ReplicaSet())


if __name__ == "__main__":
    main()
