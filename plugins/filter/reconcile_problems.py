# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: reconcile_problems
short_description: Why the directory cannot be compared as asked for
version_added: 0.1.0
description:
  - Judges what C(fabric_reconcile.yml) is asked for with the inventory alone, before a server is
    touched.
positional: _input, direction, hosts
options:
  _input:
    description: What the filter P(dbrw.sharding.topology#filter) gives.
    type: dict
    required: true
  direction:
    description: V(servers), V(inventory), or nothing.
    type: str
    required: true
  hosts:
    description: The hosts of the run, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Reconcile | Ensure that it can be done
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    topology: "{{ groups | dbrw.sharding.topology(hostvars) }}"
    problems: "{{ topology | dbrw.sharding.reconcile_problems('servers', ansible_play_hosts_all) }}"
"""

RETURN = r"""
_value:
  description: The reasons as sentences; empty when it can be tried.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory import reconcile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import FABRIC


def reconcile_problems(
    topology: Mapping[str, Any], direction: str, hosts: Sequence[str]
) -> list[str]:
    servers = [str(one["name"]) for one in topology["directory"]["servers"]]
    has_directory = FABRIC in topology["replica_sets"]
    return [
        *topology["problems"],
        *reconcile.request_problems(str(direction), servers, has_directory, hosts),
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"reconcile_problems": reconcile_problems}
