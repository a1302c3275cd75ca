# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: switch_target
short_description: Which member of a pair takes over
version_added: 0.1.0
description:
  - Gives the member to hand to M(dbrw.sharding.mysql_replica_set) as
    O(dbrw.sharding.mysql_replica_set#module:active) where nobody has named one.
  - It is the closed one. Where both take writes it is the active writer of the newest epoch, and the
    module closes the other one first.
positional: _input, hostvars
options:
  _input:
    description: The names of the two members.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - The variables of all hosts. What M(dbrw.sharding.mysql_replica_set_info) has said of each member
        alone is registered as C(dbrw_own).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Switch | Ensure that it is known who takes over
  ansible.builtin.assert:
    that: target.name != ''
    fail_msg: "{{ target.problem }}"
  vars:
    target: "{{ ['f1', 'f2'] | dbrw.sharding.switch_target(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The member, or why it is not known.
  type: dict
  contains:
    name:
      description: Its name; empty where it is not known.
      type: str
    problem:
      description: Why it is not known; empty where it is.
      type: str
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication import set_request


def switch_target(names: Sequence[str], hostvars: Mapping[str, Any]) -> dict[str, str]:
    asked = {name: hostvars[name].get("dbrw_own") for name in names}
    return asdict(set_request.switch_target(asked))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"switch_target": switch_target}
