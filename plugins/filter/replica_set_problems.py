# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: replica_set_problems
short_description: Why a replica set cannot be switched, failed over or joined again as asked for
version_added: 0.1.0
description:
  - Judges what is asked for with the inventory alone, before a server is touched.
positional: _input, verb, request, hosts, readers
options:
  _input:
    description: The replica sets by name, as the filter P(dbrw.sharding.topology#filter) gives them.
    type: dict
    required: true
  verb:
    description: What is to be done; V(site) judges C(adopt) and C(replica_set_restart) alone.
    type: str
    choices: [switch, failover, rejoin, site]
    required: true
  request:
    description:
      - What is asked for, with C(replica_set), C(to) and the other variables of the playbook.
    type: dict
    required: true
  hosts:
    description: The hosts of the run, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  readers:
    description:
      - The read servers that have common data of the set C(fabric). A switch re-points them, and a
        failover asks them whether the active writer lives, so none of them may be left out.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Switch | Ensure that it can be done
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  run_once: true
  vars:
    topology: "{{ groups | dbrw.sharding.topology(hostvars) }}"
    problems: >-
      {{ topology.replica_sets
         | dbrw.sharding.replica_set_problems('switch', {'replica_set': 'fabric', 'to': 'f2'},
                                              ansible_play_hosts_all) }}
"""

RETURN = r"""
_value:
  description: The reasons as sentences; empty when it can be tried.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication import set_request


def replica_set_problems(
    sets: Mapping[str, Mapping[str, Any]],
    verb: str,
    request: Mapping[str, Any],
    hosts: Sequence[str],
    readers: Sequence[str] = (),
) -> list[str]:
    return set_request.problems(verb, sets, request, hosts, readers)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"replica_set_problems": replica_set_problems}
