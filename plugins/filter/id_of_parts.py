# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: id_of_parts
short_description: The id that has a shard, a type and a number in its bits
version_added: 0.1.0
description:
  - Makes an id of a placement of the kind C(id_bits).
positional: _input, bits
options:
  _input:
    description: C(shard), C(type) and C(local), three integers that have room in their bits.
    type: dict
    required: true
  bits:
    description: How many bits of an id C(shard), C(type) and C(local) have, 63 together at most.
    type: dict
    default: {shard: 16, type: 10, local: 36}
seealso:
  - plugin: dbrw.sharding.id_parts
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Placements | Report the id of an object
  ansible.builtin.debug:
    msg: "{{ {'shard': 3429, 'type': 1, 'local': 7075733} | dbrw.sharding.id_of_parts }}"
"""

RETURN = r"""
_value:
  description: The id.
  type: int
  sample: 241294492511762325
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.id_bits import (
    bits_of,
    parts_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def id_of_parts(parts: Any, bits: Mapping[str, Any] | None = None) -> int:
    try:
        return bits_of(bits).make(parts_of(parts))
    except Refused as refusal:
        raise AnsibleFilterError(str(refusal)) from refusal


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"id_of_parts": id_of_parts}
