# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: purge_readers
short_description: The read servers that must have a row before it leaves a write server
version_added: 0.1.0
description:
  - Takes the read servers of the inventory and, where there is a fabric, those that its directory has
    and does not call retired.
positional: _input, hosts, hostvars
options:
  _input:
    description: What the filter P(dbrw.sharding.topology#filter) gives.
    type: dict
    required: true
  hosts:
    description: The hosts of the run, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - Ansible's variable C(hostvars), in which each member of the fabric has
        C(dbrw_purge_directory), the result of M(dbrw.sharding.mysql_fabric_directory_info). Without
        it the directory has not been asked yet.
    type: dict
"""

EXAMPLES = r"""
- name: Purge | Ensure that every read server is known
  ansible.builtin.assert:
    that: found.problems | length == 0
    fail_msg: "{{ found.problems }}"
  vars:
    topology: "{{ groups | dbrw.sharding.topology(hostvars) }}"
    found: "{{ topology | dbrw.sharding.purge_readers(ansible_play_hosts_all) }}"
"""

RETURN = r"""
_value:
  description: What M(dbrw.sharding.mysql_retention_purge) needs of them.
  type: dict
  contains:
    read_servers:
      description: The read servers, with C(name), C(host), C(port) and C(replication_user).
      type: list
      elements: dict
    problems:
      description: Why nothing can be purged, as sentences.
      type: list
      elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import (
    purge_readers as plans,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import FABRIC


def purge_readers(
    topology: Mapping[str, Any], hosts: Sequence[str], hostvars: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    writers = [str(one["name"]) for one in topology["write_servers"]]
    fabric = [
        str(one["name"]) for one in topology["replica_sets"].get(FABRIC, {}).get("addresses", [])
    ]
    known = [
        {**one["server"], "replication_user": one["replication_account"]["name"]}
        for one in topology["read_servers"]
    ]
    needed = [str(one["name"]) for one in known] + fabric
    problems = [*topology["problems"], *plans.request_problems(needed, writers, hosts)]
    told: list[Mapping[str, Any]] = []
    if hostvars is not None:
        said = {}
        for name in fabric:
            answer = hostvars[name].get("dbrw_purge_directory", {})
            told += answer.get("servers", [])
            said[name] = "" if "servers" in answer else str(answer.get("msg", ""))
            if not said[name] and "servers" not in answer:
                del said[name]
        problems += plans.directory_problem(fabric, said)
    return {"read_servers": known + plans.told_readers(known, told), "problems": problems}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"purge_readers": purge_readers}
