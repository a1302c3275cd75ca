#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_fabric_directory
short_description: Keep the directory of servers, replica sets and tenants
description:
  - The directory is the schema C(fabric) on the replica set C(fabric). Applications ask it in plain
    SQL which server to use and where a tenant's data are, on any member of the set.
  - This module makes the schema, brings an older one up to date, and writes what the inventory owns,
    which servers and sets there are. What the directory owns, states, tenants and placements, stays
    as it is.
  - It is called on the active writer, and what it does reaches the other members.
  - Every change of a row, by whomever, is counted and logged in the same transaction.
version_added: 0.1.0
options:
  servers:
    description:
      - All servers of the inventory. One that is new is C(joining), and not told to applications.
      - One that the directory has and that is not among them is left as it is, with a warning.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the server in the inventory.
        type: str
        required: true
      kind:
        description: A write server, a read server, or the member of a replica set.
        type: str
        choices: [write, read, member]
        required: true
      datacenter:
        description: Where it stands.
        type: str
        required: true
      host:
        description: Address at which applications reach it.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        default: 3306
      weight:
        description: How often applications choose it, compared with the others; 0, not at all.
        type: float
        default: 1.0
      id_increment:
        description: Of a write server, the distance between two of its ids.
        type: int
      id_offset:
        description: Of a write server, what its ids are modulo O(servers[].id_increment).
        type: int
      replica_set:
        description: Of a member, the set.
        type: str
  sets:
    description: All replica sets of the inventory.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      durability:
        description: What it promises; see M(dbrw.sharding.mysql_replica_set).
        type: str
        choices: [available, strict, asynchronous]
        default: available
      shard_number:
        description:
          - The number of a shard, which is never used again for another; without it, as before.
        type: int
      weight:
        description:
          - How much of the data it shall get, compared with other shards; without it, as before, and
            1 for a new one.
        type: float
      capacity_gib:
        description: How much it can hold, in GiB; without it, as before.
        type: int
      active:
        description:
          - The active writer, as the set's own epochs tell it; without it the copy stays as it is.
          - Of the set C(fabric) the directory reads it from the epochs themselves.
        type: str
  usage_tables:
    description: The usage tables, each with its schema, as in V(usage_data.calls).
    type: list
    elements: str
    default: []
  announce:
    description:
      - Servers that may be told to applications, because every read server follows them by now. Of
        them those that are C(joining) become C(online); other states stay.
    type: list
    elements: str
    default: []
  confirmed:
    description:
      - Servers that have been asked, and say themselves that they are what O(servers) says, of that
        kind, in that set, and with these ids. What the directory has otherwise of them is put right
        if the log of changes says that this module had written it so, and somebody else has changed it.
      - Of all others it is refused, because ids and rows stay where they were written.
    type: list
    elements: str
    default: []
  expected_version:
    description:
      - The version of the directory that O(servers) and the other options are made of. A directory
        that has changed since is refused, and nothing is touched.
    type: dict
    suboptions:
      epoch:
        description: RV(version.epoch) of M(dbrw.sharding.mysql_fabric_directory_info).
        type: int
        required: true
      counter:
        description: Its RV(version.counter).
        type: int
        required: true
  reason:
    description: Why, for the log of changes.
    type: str
    default: ""
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
notes:
  - The login needs all privileges on the schema C(fabric), C(CREATE USER), and to make views and
    routines that belong to another account, as C(root) may.
seealso:
  - module: dbrw.sharding.mysql_fabric_directory_info
  - module: dbrw.sharding.mysql_replica_set
"""

EXAMPLES = r"""
- name: Fabric | Ensure that the directory knows the servers
  dbrw.sharding.mysql_fabric_directory:
    login_unix_socket: /run/mysqld/mysqld.sock
    sets:
      - name: fabric
    servers:
      - name: f1
        kind: member
        replica_set: fabric
        datacenter: dc1
        host: 10.1.0.21
      - name: w1
        kind: write
        datacenter: dc1
        host: 10.1.0.1
        id_increment: 20
        id_offset: 1
    usage_tables: [usage_data.calls]
    announce: [w1]
"""

RETURN = r"""
schema_version:
  description: The version of the directory's schema; 0 where there is none.
  returned: success
  type: int
version:
  description:
    - The version of what is in it. Clients compare the pair, the epoch first.
  returned: success
  type: dict
  contains:
    epoch:
      description: The epoch of the replica set.
      type: int
    counter:
      description: How often rows have changed.
      type: int
states:
  description: The state of each server that the directory has.
  returned: success
  type: dict
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.directory import (
    fabric_directory,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(fabric_directory.FabricDirectory())


if __name__ == "__main__":
    main()
