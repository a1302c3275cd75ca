# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: not_followed
short_description: Which read servers do not follow which write servers
version_added: 0.1.0
description:
  - Judges what M(dbrw.sharding.mysql_replication_channel_info) has returned for every host of the
    group C(read_servers), registered as C(dbrw_last_look), by the hosts of the group
    C(write_servers).
positional: _input, hostvars
options:
  _input:
    description: Ansible's variable C(groups).
    type: dict
    required: true
  hostvars:
    description: Ansible's variable C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Applications | Ensure that every read server follows every write server
  ansible.builtin.assert:
    that: not_followed | length == 0
    fail_msg: "{{ not_followed }}"
  vars:
    not_followed: "{{ groups | dbrw.sharding.not_followed(hostvars) }}"
"""

RETURN = r"""
_value:
  description: A sentence for each pair, with the channel's error; empty when all follow all.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication import following


def not_followed(groups: Mapping[str, list[str]], hostvars: Mapping[str, Any]) -> list[str]:
    readers = {
        name: hostvars[name]["dbrw_last_look"]["channels"]
        for name in groups.get("read_servers", [])
    }
    return following.not_followed(readers, groups.get("write_servers", []))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"not_followed": not_followed}
