# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: failover_turns
short_description: Which member of a replica set works in a failover, and whether it was done
version_added: 0.1.0
description:
  - The module M(dbrw.sharding.mysql_replica_set) does a failover from one member, and decides itself
    which one is opened. This filter says whether a member is the one from which it is called.
positional: _input, hostvars, member, to
options:
  _input:
    description: The names of the set's members.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - The variables of all hosts. What M(dbrw.sharding.mysql_replica_set_info) has said of each member
        alone is registered as C(dbrw_own), and what M(dbrw.sharding.mysql_replica_set) has returned as
        C(dbrw_failed_over).
    type: dict
    required: true
  member:
    description: The member that is judged.
    type: str
    required: true
  to:
    description: The survivor that was named; empty for none. It works alone then.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Failover | Open a survivor
  dbrw.sharding.mysql_replica_set:
    failover: true
  when: turns.first
  vars:
    turns: "{{ ['f1', 'f2'] | dbrw.sharding.failover_turns(hostvars, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: What is known by now.
  type: dict
  contains:
    first:
      description: Whether the member works, by what it alone knows.
      type: bool
    second:
      description: Whether it works although it is not the first, which could not be asked.
      type: bool
    tried:
      description: Whether a member has worked.
      type: bool
    done:
      description: Whether a member has worked without an error.
      type: bool
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication import set_request


def failover_turns(
    names: Sequence[str], hostvars: Mapping[str, Any], member: str, to: str = ""
) -> dict[str, bool]:
    asked = {name: hostvars[name].get("dbrw_own") for name in names}
    results = {name: hostvars[name].get("dbrw_failed_over") for name in names}
    return asdict(set_request.failover_turns(member, asked, results, to))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"failover_turns": failover_turns}
