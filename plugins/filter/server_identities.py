# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: server_identities
short_description: By what the servers can be distinguished that a run has asked
version_added: 0.1.0
description:
  - Gives what the filter P(dbrw.sharding.shared_identities#filter) judges, from what
    M(dbrw.sharding.mysql_server_info) has said on write servers, read servers and members of replica
    sets. A server that the run has not asked is left out.
  - Of read servers it does not matter in which domain they write, because nobody follows them.
positional: _input, hostvars, without
options:
  _input:
    description: Ansible's variable C(groups).
    type: dict
    required: true
  hostvars:
    description:
      - Ansible's variable C(hostvars). The result is registered as C(write_server_info),
        C(read_server_info) or C(replica_set_server_info).
    type: dict
    required: true
  without:
    description: Name of a host to leave out.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Write servers | Ensure that they can be distinguished
  ansible.builtin.assert:
    that: same | length == 0
    fail_msg: "{{ same }}"
  run_once: true
  vars:
    same: "{{ groups | dbrw.sharding.server_identities(hostvars) | dbrw.sharding.shared_identities }}"
"""

RETURN = r"""
_value:
  description: RV(dbrw.sharding.mysql_server_info#module:identity) of each server, with its C(name).
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

# Where the hosts of a group keep what they are, and whether others follow them.
ASKED = {
    "write_servers": ("write_server_info", True),
    "fabric_servers": ("replica_set_server_info", True),
    "shard_servers": ("replica_set_server_info", True),
    "read_servers": ("read_server_info", False),
}


def server_identities(
    groups: Mapping[str, list[str]], hostvars: Mapping[str, Any], without: str = ""
) -> list[dict[str, Any]]:
    found = []
    for group, (registered, is_followed) in ASKED.items():
        for name in groups.get(group, []):
            identity = hostvars[name].get(registered, {}).get("identity")
            if identity is None or name == without:
                continue
            own = {**identity, "name": name}
            found.append(own if is_followed else {**own, "gtid_domains": []})
    return found


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"server_identities": server_identities}
