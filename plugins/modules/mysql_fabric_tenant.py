#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_fabric_tenant
short_description: Tenants with a schema and accounts of their own, each on a shard
description:
  - A tenant is a schema on one shard, a replica set, with accounts whose rights end at that schema, a row
    in the directory, the schema C(fabric), and a B(stamp) on the shard, which says to whoever asks there
    whether the tenant is here.
  - It is called on the active writer of the replica set C(fabric), and reaches the members of the shards
    as their operator. Within a shard all it does is replicated.
  - A new tenant is put on the shard that is named, or on the one with the least load by its weight.
  - A call that was interrupted is completed by the same call.
version_added: 0.1.0
options:
  tenants:
    description: The tenants. All are judged before the first is touched.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name in the directory.
        type: str
        required: true
      schema:
        description: Its schema; it cannot be changed later.
        type: str
        required: true
      shard:
        description:
          - The shard of a new tenant. Without it the shard is chosen that holds the least by its weight, of
            those that are C(open) and have not reached their capacity.
          - A tenant that is there stays where it is; another shard is refused.
        type: str
      state:
        description:
          - V(absent) takes a tenant away. One whose schema has tables is refused, unless O(tenants[].delete_data)
            is V(true); then it is fenced, applications find it no more, and its schema goes with a call
            after O(tenants[].keep_days). Until then V(present) brings it back.
        type: str
        choices: [present, absent]
        default: present
      locked:
        description:
          - V(true) keeps the tenant's accounts out; open sessions are ended, and its events do not run. No
            failover, and no end of a move, lifts it.
          - It is refused while an account that is not the tenant's can write into the schema, by a role or
            on all schemas, too; see O(operators).
          - Without it the tenant stays as it is.
        type: bool
      accounts:
        description: Its accounts. Others that it has stay as they are.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The user's name; no other tenant can have the account.
            type: str
            required: true
          host:
            description: Where it may come from.
            type: str
            default: '%'
          password:
            description: Its password, which a new account needs.
            type: str
          privileges:
            description: What it may do in the schema.
            type: list
            elements: str
            default: [ALL PRIVILEGES]
          require_tls:
            description: Whether it must use TLS.
            type: bool
            default: true
      delete_data:
        description: Whether a tenant whose schema has tables may go.
        type: bool
        default: false
      keep_days:
        description: How many days the schema of such a tenant is kept; V(0) drops it at once.
        type: int
        default: 7
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.shards
  - dbrw.sharding.attributes
  - dbrw.sharding.long_work
notes:
  - The login must be as strong as root, as it writes into the directory.
seealso:
  - module: dbrw.sharding.mysql_fabric_directory
  - module: dbrw.sharding.mysql_account
"""

EXAMPLES = r"""
- name: Tenants | Ensure that two customers are there
  dbrw.sharding.mysql_fabric_tenant:
    login_unix_socket: /run/mysqld/mysqld.sock
    shards:
      - name: s1
        members:
          - {name: p1, host: 10.1.0.31}
          - {name: p2, host: 10.2.0.31}
    operator_password: "{{ vault_operator_password }}"
    tenants:
      - name: Customer 1
        schema: customer_1
        accounts:
          - {name: customer_1, password: "{{ vault_customer_1_password }}"}
      - name: Customer 2
        schema: customer_2
        shard: s1
        accounts:
          - {name: customer_2, password: "{{ vault_customer_2_password }}"}

- name: Tenants | Keep a customer out until the bill is paid
  dbrw.sharding.mysql_fabric_tenant:
    login_unix_socket: /run/mysqld/mysqld.sock
    shards: "{{ shards }}"
    operator_password: "{{ vault_operator_password }}"
    reason: bill of October
    tenants:
      - {name: Customer 2, schema: customer_2, locked: true}
"""

RETURN = r"""
tenants:
  description: The tenants, in the order of O(tenants).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
    schema:
      description: Schema.
      type: str
    shard:
      description: The shard that it is on, or would get to.
      type: str
    chosen:
      description: Why this shard was chosen for a new tenant.
      type: str
    state:
      description: Either V(present) or V(absent); one whose schema is still kept is V(absent).
      type: str
    locked:
      description: Whether its accounts are kept out.
      type: bool
    epoch:
      description: How often it has got another place, from 1 on.
      type: int
    stamp:
      description: What its shard says of it, V(here), V(fenced) or V(moved).
      type: str
    tables:
      description: How many tables and views its schema has.
      type: int
    bytes:
      description: Their size, by the server's statistics.
      type: int
    drop_after:
      description: When the schema of a tenant that is gone may be dropped, in UTC.
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

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tenants.tenant import (
    FabricTenant,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import run


def main():
    run(FabricTenant())


if __name__ == "__main__":
    main()
