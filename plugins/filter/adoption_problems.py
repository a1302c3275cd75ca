# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: adoption_problems
short_description: Why a replica set that others have made is not adopted
version_added: 0.1.0
description:
  - Judges by what each member says of itself, before an account is made in the set. Whether the other
    members follow, M(dbrw.sharding.mysql_replica_set) judges later.
positional: _input, name, members, adopt
options:
  _input:
    description:
      - What M(dbrw.sharding.mysql_replica_set_info) has returned on each member, of that alone.
    type: list
    elements: dict
    required: true
  name:
    description: Name of the set.
    type: str
    required: true
  members:
    description: The names of its members.
    type: list
    elements: str
    required: true
  adopt:
    description: The member that is said to be the active writer; empty for none.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fabric | Ensure that it can be adopted
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    problems: "{{ asked | dbrw.sharding.adoption_problems('fabric', ['f1', 'f2'], 'f1') }}"
"""

RETURN = r"""
_value:
  description: The reasons as sentences; empty when it can be tried, or when there is nothing to adopt.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication import set_request


def adoption_problems(
    asked: Sequence[Mapping[str, Any]], name: str, members: Sequence[str], adopt: str
) -> list[str]:
    return set_request.adoption_problems(name, members, adopt, asked)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"adoption_problems": adoption_problems}
