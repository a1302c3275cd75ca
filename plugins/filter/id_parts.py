# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: id_parts
short_description: The shard, the type and the number that an id has in its bits
version_added: 0.1.0
description:
  - Reads an id of a placement of the kind C(id_bits). The bits from the highest to the lowest are
    those of the shard, of the type and of the number there.
positional: _input, bits
options:
  _input:
    description: The id, an integer or its decimal text.
    type: raw
    required: true
  bits:
    description: How many bits of an id C(shard), C(type) and C(local) have, 63 together at most.
    type: dict
    default: {shard: 16, type: 10, local: 36}
seealso:
  - plugin: dbrw.sharding.id_of_parts
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Placements | Report where an object is
  ansible.builtin.debug:
    msg: "{{ 241294492511762325 | dbrw.sharding.id_parts }}"
"""

RETURN = r"""
_value:
  description: The parts of the id.
  type: dict
  contains:
    shard:
      description: The shard's number.
      type: int
      sample: 3429
    type:
      description: The number of the object's type.
      type: int
      sample: 1
    local:
      description: The object's number on its shard.
      type: int
      sample: 7075733
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.id_bits import bits_of
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def id_parts(key: Any, bits: Mapping[str, Any] | None = None) -> dict[str, int]:
    try:
        return asdict(bits_of(bits).split(key))
    except Refused as refusal:
        raise AnsibleFilterError(str(refusal)) from refusal


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"id_parts": id_parts}
