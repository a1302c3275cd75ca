#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_placement_change_info
short_description: Return which of the keys on a server a change of a placement would move
description:
  - Reads keys with a query and compares where they are in two versions of a placement, as the filter
    P(dbrw.sharding.placement_change#filter) does with keys that are given.
  - The query runs in a transaction that is read-only, and its rows are read one by one.
version_added: 0.1.0
options:
  before:
    description: The placement as it is, as the filter P(dbrw.sharding.shard_for_key#filter) takes it.
    type: dict
    required: true
  after:
    description: The placement as it would be.
    type: dict
    required: true
  query:
    description:
      - A query with one column, the key, a text or an integer. A key that it gives twice counts once.
    type: str
    required: true
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
notes:
  - The login needs what the query needs, and should have no more.
seealso:
  - plugin: dbrw.sharding.placement_change
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read server | Ask what a third shard would move
  dbrw.sharding.mysql_placement_change_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    query: SELECT caller FROM usage_data.calls
    before: {kind: ring, shards: {s1: {shard_number: 1}, s2: {shard_number: 2}}}
    after: {kind: ring, shards: {s1: {shard_number: 1}, s2: {shard_number: 2}, s3: {shard_number: 3}}}
  register: change

- name: Read server | Show it
  ansible.builtin.debug:
    msg: "{{ change.report }}"
"""

RETURN = r"""
keys:
  description: How many keys there are. In Jinja V(change['keys']), for V(change.keys) is another thing.
  returned: success
  type: int
moved:
  description: How many of them would move.
  returned: success
  type: int
percent:
  description: How many of a hundred would move.
  returned: success
  type: float
between_old_shards:
  description: How many would move from a shard that stays to another one that was there before.
  returned: success
  type: int
by_shards:
  description: How many keys would move, by shard, the most first.
  returned: success
  type: list
  elements: dict
  contains:
    from:
      description: The shard on which they are.
      type: str
    to:
      description: The shard on which they would be.
      type: str
    keys:
      description: How many they are.
      type: int
logical_shards:
  description: The logical shards that would move as a whole.
  returned: success
  type: list
  elements: dict
  contains:
    from:
      description: The shard on which they are.
      type: str
    to:
      description: The shard on which they would be.
      type: str
    numbers:
      description: Their numbers.
      type: list
      elements: int
moves:
  description: Each key that would move.
  returned: success
  type: list
  elements: dict
  contains:
    key:
      description: The key.
      type: str
    from:
      description: The shard on which it is.
      type: str
    to:
      description: The shard on which it would be.
      type: str
    with_schema:
      description: Whether its logical shard moves with it.
      type: bool
report:
  description: Lines to read.
  returned: success
  type: list
  elements: str
  sample:
    - "adds s5: 12,431 of 62,000 keys move (20.1 %); none between old shards"
    - "s1 to s5: 3,190"
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.placements import change_info
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(change_info.PlacementChangeInfo())


if __name__ == "__main__":
    main()
