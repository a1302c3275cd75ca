# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: shard_for_key
short_description: The shard on which a placement has a key
version_added: 0.1.0
description:
  - Every mistake in the placement, and a key that has no place in it, is an error. There is no
    default.
positional: _input, placement
options:
  _input:
    description: The key, a text or an integer. The text V(7) and the integer 7 are one key.
    type: raw
    required: true
  placement:
    description: The placement.
    type: dict
    required: true
    suboptions:
      kind:
        description:
          - V(directory) has a row for each key. V(modulo) takes the hash modulo the number of
            slots. V(ring) is consistent hashing with 2048 virtual nodes for each 1 of weight.
            V(id_bits) reads the shard out of the id. V(pre_sharded) has many logical shards, which
            are schemas, on few servers.
        type: str
        choices: [directory, modulo, ring, id_bits, pre_sharded]
        required: true
      shards:
        description:
          - Each shard by its name, with C(shard_number), which is never changed and never given
            again, and in a ring with C(weight), a number above 0.
        type: dict
        required: true
      pins:
        description:
          - Keys that are placed by hand, whatever the kind says, with the name of a shard; with
            V(pre_sharded) the number of a logical shard.
        type: dict
        default: {}
      keys:
        description: For V(directory), the name of the shard of each key.
        type: dict
        default: {}
      slots:
        description:
          - For V(modulo), the name of the shard of each slot; a shard may have several. The shards
            in the order of their numbers by default.
        type: list
        elements: str
      bits:
        description:
          - For V(id_bits), how many bits of an id C(shard), C(type) and C(local) have, 63 together
            at most.
        type: dict
        default: {shard: 16, type: 10, local: 36}
      logical_shards:
        description: For V(pre_sharded), how many logical shards there are. It never changes.
        type: int
      logical_map:
        description:
          - For V(pre_sharded), by the name of each shard a list of the logical shards that it has,
            as numbers from 0 and ranges like V(0-511). More than O(placement.logical_shards) may
            be named; those have keys by pins alone.
        type: dict
"""

EXAMPLES = r"""
- name: Placements | Report where a customer is
  ansible.builtin.debug:
    msg: "{{ 'customer_7' | dbrw.sharding.shard_for_key(customers) }}"
  vars:
    customers:
      kind: ring
      shards:
        s1: {shard_number: 1}
        s2: {shard_number: 2, weight: 2}
      pins: {customer_1: s2}
"""

RETURN = r"""
_value:
  description: Where the key is.
  type: dict
  contains:
    shard:
      description: The shard's name.
      type: str
    shard_number:
      description: Its number.
      type: int
    logical_shard:
      description: The number of the logical shard, for V(pre_sharded) alone.
      type: int
    pinned:
      description: Whether the key is placed by hand.
      type: bool
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def shard_for_key(key: Any, placement: Any) -> dict[str, Any]:
    try:
        read = placement_of(placement)
        place = read.place(key)
    except Refused as refusal:
        raise AnsibleFilterError(str(refusal)) from refusal
    return {
        "shard": read.names[place.shard],
        "shard_number": place.shard,
        "logical_shard": place.logical_shard,
        "pinned": place.pinned,
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"shard_for_key": shard_for_key}
