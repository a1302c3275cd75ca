# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: shared_identities
short_description: Which servers cannot be distinguished, although the inventory names them
  separately
version_added: 0.1.0
description:
  - Compares what servers say of themselves. A host that was cloned has its original's
    C(server_uuid), and two names in an inventory may lead to one server; rows are lost then while
    every channel runs.
positional: _input
options:
  _input:
    description:
      - RV(dbrw.sharding.mysql_server_info#module:identity) of each server, with its C(name). Leave
        C(gtid_domains) out for servers whose domain nobody follows.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Servers | Ask each what it is
  dbrw.sharding.mysql_server_info:
    login_unix_socket: /run/mysqld/mysqld.sock
  register: asked

- name: Servers | Ensure that each is another one
  ansible.builtin.assert:
    that: same | length == 0
    fail_msg: "{{ same }}"
  run_once: true
  vars:
    same: >-
      {%- set found = [] -%}
      {%- for name in ansible_play_hosts -%}
      {%- set _ = found.append(hostvars[name].asked.identity | combine({'name': name})) -%}
      {%- endfor -%}
      {{ found | dbrw.sharding.shared_identities }}
"""

RETURN = r"""
_value:
  description: What is wrong and what to do about it, as sentences; empty when all are different.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.identity import problems


def shared_identities(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    return problems(servers)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"shared_identities": shared_identities}
