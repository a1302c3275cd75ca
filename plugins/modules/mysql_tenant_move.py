#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_tenant_move
short_description: Move a tenant to another shard
description:
  - The tenant is closed, copied with the server's own dump program, compared row by row, written down at its
    new place, and opened there. Nobody can write into it meanwhile, at either place.
  - With the schema go its accounts with their passwords, privileges and limits, views, triggers, routines,
    events, sequences, and the numbers to come of C(AUTO_INCREMENT).
  - The earlier copy is kept, closed, until O(verb=complete) drops it. Its shard tells whoever still asks
    there where the tenant is.
  - A call that was interrupted is completed by the same call, or, until the directory has the tenant at its
    new place, taken back by O(verb=cancel).
  - Check mode shows all steps, or all that is in the way.
version_added: 0.1.0
options:
  tenant:
    description: The tenant's name in the directory.
    type: str
    required: true
  verb:
    description:
      - V(start) moves, or goes on with a move.
      - V(complete) drops what is left of it elsewhere, O(keep_days) after it was moved.
      - V(cancel) opens it again where it was, and drops what the move has made elsewhere. It is refused once
        the directory has the tenant at its new place.
    type: str
    choices: [start, complete, cancel]
    default: start
  to:
    description: The shard to move to.
    type: str
    default: ''
  keep_days:
    description: How many days an earlier copy is kept.
    type: int
    default: 7
  member:
    description:
      - The member of O(shards) that the login is for. The dump goes through its host, which should be that of
        the shard to move to.
    type: str
    required: true
  dump_program:
    description:
      - The program that dumps. Without it the one of the server's flavour is looked for, C(mariadb-dump) or
        C(mysqldump).
    type: path
    default: ''
  load_program:
    description: The program that loads a dump, else C(mariadb) or C(mysql).
    type: path
    default: ''
  directory:
    description: The active writer of the replica set C(fabric).
    type: dict
    required: true
    suboptions:
      host:
        description: Where it is reached.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 3306
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.shards
  - dbrw.sharding.attributes
  - dbrw.sharding.long_work
notes:
  - The login and O(operator_user) need all privileges, and are as strong as C(root).
seealso:
  - module: dbrw.sharding.mysql_fabric_tenant
"""

EXAMPLES = r"""
- name: Tenants | Move a customer to another shard
  dbrw.sharding.mysql_tenant_move:
    login_unix_socket: /run/mysqld/mysqld.sock
    member: p3
    directory: {host: 10.1.0.21}
    shards:
      - name: s1
        members:
          - {name: p1, host: 10.1.0.31}
      - name: s2
        members:
          - {name: p3, host: 10.1.0.33}
    operator_password: "{{ vault_operator_password }}"
    tenant: Customer 3
    to: s2
"""

RETURN = r"""
phase:
  description:
    - V(none) without a move, V(moving) until the directory has it at its new place, V(flipped) until it is open
      there, and V(moved) while an earlier copy is kept.
  returned: when the directory has the tenant
  type: str
shard:
  description: The shard that the directory has it on.
  returned: when the directory has the tenant
  type: str
epoch:
  description: How often it has got another place, from 1 on.
  returned: when the directory has the tenant
  type: int
locked:
  description: Whether an operator has locked it, which a move leaves so.
  returned: when the directory has the tenant
  type: bool
earlier_copies:
  description: Where its schema is still kept.
  returned: when the directory has the tenant
  type: list
  elements: dict
  contains:
    shard:
      description: The shard.
      type: str
    since:
      description: When it was left, in UTC.
      type: str
    due:
      description: Whether it has been kept for O(keep_days).
      type: bool
bytes:
  description: How many bytes of dump were copied in this call.
  returned: when the directory has the tenant
  type: int
closed_seconds:
  description: How long this call has kept the tenant closed, or taken to open it.
  returned: when the directory has the tenant
  type: float
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tenants.move import (
    TenantMove,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import run


def main():
    run(TenantMove())


if __name__ == "__main__":
    main()
