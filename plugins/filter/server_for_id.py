# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: server_for_id
short_description: The write server that has given an id
version_added: 0.1.0
description:
  - Says what the directory's function C(fabric.server_for_id) says, also of ids that were given
    while the increment was another one.
positional: _input, numbering
options:
  _input:
    description: The id of a row of a usage table, an integer or its decimal text.
    type: raw
    required: true
  numbering:
    description:
      - C(increment) and C(offsets), the offset of each write server, as they are.
      - C(former) is a list of those that were, each also with C(below), the first id of the usage
        table that was given otherwise.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Ids | Report who has given an id
  ansible.builtin.debug:
    msg: "{{ 22 | dbrw.sharding.server_for_id({'increment': 20, 'offsets': {'w1': 1, 'w2': 2}}) }}"

- name: Ids | Report who has given an id before the increment was doubled
  ansible.builtin.debug:
    msg: "{{ 22 | dbrw.sharding.server_for_id(numbering) }}"
  vars:
    numbering:
      increment: 40
      offsets: {w1: 1, w2: 2, w5: 22}
      former:
        - {below: 100001, increment: 20, offsets: {w1: 1, w2: 2}}
"""

RETURN = r"""
_value:
  description: The server's name. An id that no server gives is an error.
  type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids import numbering as ids
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def server_for_id(row_id: Any, numbering: Mapping[str, Any]) -> str:
    try:
        return ids.server_for_id(row_id, ids.numberings_of(numbering))
    except Refused as refusal:
        raise AnsibleFilterError(str(refusal)) from refusal


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"server_for_id": server_for_id}
