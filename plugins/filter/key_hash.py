# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: key_hash
short_description: The hash of a key that is placed on a shard
version_added: 0.1.0
description:
  - The first 8 bytes of SHA-256 over the key's UTF-8 bytes, as an unsigned big-endian number. An
    integer counts as its decimal text. It is the same in every version of the collection.
  - The function C(key_hash) of the directory gives the same in SQL.
positional: _input
options:
  _input:
    description: A text or an integer, of 255 characters at most.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Placements | Report the hash of a key
  ansible.builtin.debug:
    msg: "{{ 'customer_7' | dbrw.sharding.key_hash }}"
"""

RETURN = r"""
_value:
  description: From 0 to 18446744073709551615.
  type: int
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements import keys
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def key_hash(key: Any) -> int:
    try:
        return keys.key_hash(key)
    except Refused as refusal:
        raise AnsibleFilterError(str(refusal)) from refusal


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"key_hash": key_hash}
