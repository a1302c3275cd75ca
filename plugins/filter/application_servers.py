# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: application_servers
short_description: The servers of the applications' file, with weights by the directory's states
version_added: 0.1.0
description:
  - A server that is not V(online), or is marked as down while another one of its kind is left, has
    the weight 0. It stays in the list, because its offset says whose an id is.
positional: _input, told
options:
  _input:
    description: C(application) of the servers that P(dbrw.sharding.topology#filter) returns.
    type: list
    elements: dict
    required: true
  told:
    description: C(servers) that M(dbrw.sharding.mysql_fabric_directory_info) has returned.
    type: list
    elements: dict
    required: true
  also_joining:
    description:
      - Whether servers that are V(joining), or not in the directory yet, count as V(online), as they
        will at the end of a run that is only checked.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Applications | Show what they would be given
  ansible.builtin.debug:
    msg: "{{ topology.write_servers | map(attribute='application')
             | dbrw.sharding.application_servers(directory.servers) }}"
"""

RETURN = r"""
_value:
  description: The servers, each as it was given, with its C(weight).
  type: list
  elements: dict
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory import applications


def application_servers(
    servers: Iterable[Mapping[str, Any]],
    told: Sequence[Mapping[str, Any]],
    also_joining: bool = False,
) -> list[dict[str, Any]]:
    return applications.application_servers(list(servers), told, also_joining)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"application_servers": application_servers}
