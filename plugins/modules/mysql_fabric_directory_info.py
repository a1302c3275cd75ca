#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_fabric_directory_info
short_description: Return what the directory has, and of which version it is
description:
  - Returns the servers, replica sets and usage tables of the directory, the schema C(fabric), with
    states and marks, how many tenants it has, and the version of all that.
  - Every member of the replica set C(fabric) can be asked; one that is behind has an older version.
version_added: 0.1.0
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
notes:
  - The login needs C(SELECT) on the schema C(fabric) and on C(dbrw.epoch).
seealso:
  - module: dbrw.sharding.mysql_fabric_directory
"""

EXAMPLES = r"""
- name: Fabric | Ask what the directory has
  dbrw.sharding.mysql_fabric_directory_info:
    login_unix_socket: /run/mysqld/mysqld.sock
  register: directory

- name: Fabric | Show who is taken out, and why
  ansible.builtin.debug:
    msg: >-
      {{ directory.servers | selectattr('state', 'in', ['draining', 'maintenance'])
         | map(attribute='reason') }}
"""

RETURN = r"""
schema_version:
  description:
    - The version of the directory's schema; 0 where there is none. Of one that is newer than
      RV(newest_schema_version) nothing else is read.
  returned: success
  type: int
newest_schema_version:
  description: The version that this collection makes.
  returned: success
  type: int
takes_writes:
  description: Whether this member takes writes.
  returned: success
  type: bool
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
servers:
  description: The servers, in the order of their names.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
    kind:
      description: V(write), V(read) or V(member).
      type: str
    datacenter:
      description: Where it stands.
      type: str
    host:
      description: Address at which applications reach it.
      type: str
    port:
      description: TCP port.
      type: int
    weight:
      description: How often applications choose it, compared with the others.
      type: float
    id_increment:
      description: Of a write server, the distance between two of its ids.
      type: int
    id_offset:
      description: Of a write server, what its ids are modulo RV(servers[].id_increment).
      type: int
    replica_set:
      description: Of a member, the set.
      type: str
    state:
      description: V(joining), V(online), V(draining), V(maintenance) or V(retired).
      type: str
    reason:
      description: Why it is so.
      type: str
    by:
      description: Who has set it.
      type: str
    since:
      description: Since when, in UTC.
      type: str
    until:
      description: Until when, in UTC; null where that is not known.
      type: str
    is_down:
      description: Whether the supervision has marked it.
      type: bool
    down_reason:
      description: Why.
      type: str
    down_by:
      description: The account that has marked it.
      type: str
    down_since:
      description: Since when, in UTC.
      type: str
    written:
      description:
        - What M(dbrw.sharding.mysql_fabric_directory) has written of it at any time, by the log of
          changes, C(kind), C(replica_set), C(id_increment) and C(id_offset). Another than now is a change
          by hand.
      type: list
      elements: dict
sets:
  description: The replica sets, in the order of their names.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
    durability:
      description: What it promises.
      type: str
    shard_number:
      description: Of a shard, its number.
      type: int
    weight:
      description: How much of the data it shall get, compared with other shards.
      type: float
    capacity_gib:
      description: How much it can hold; null where that is not limited.
      type: int
    active:
      description:
        - The copy of who is its active writer. Of the set C(fabric) there is none, because its own
          epochs tell it.
      type: str
    state:
      description: Of a shard, V(open), V(draining) or V(full).
      type: str
    reason:
      description: Why it is so.
      type: str
    by:
      description: Who has set it.
      type: str
    since:
      description: Since when, in UTC.
      type: str
usage_tables:
  description: The usage tables, with their schemas.
  returned: success
  type: list
  elements: str
tenants:
  description: How many tenants there are.
  returned: success
  type: int
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.directory import (
    fabric_directory_info,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(fabric_directory_info.FabricDirectoryInfo())


if __name__ == "__main__":
    main()
