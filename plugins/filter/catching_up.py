# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: catching_up
short_description: Whether a member of a replica set has caught up, or never will by itself
version_added: 0.1.0
description:
  - Judges a member that was restarted. One that is connecting, or behind, is waited for. One that has
    diverged, or whose channel has an error, is not.
positional: _input, member
options:
  _input:
    description: What M(dbrw.sharding.mysql_replica_set_info) has returned.
    type: dict
    required: true
  member:
    description: Name of the member.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fabric | Wait until f2 has caught up
  dbrw.sharding.mysql_replica_set_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: fabric
    member: f1
    members:
      - {name: f1, host: 10.1.0.21}
      - {name: f2, host: 10.2.0.21}
    operator_password: "{{ dbrw_operator_password }}"
  register: fabric
  until: caught_up.done or caught_up.problems | length > 0
  retries: 60
  vars:
    caught_up: "{{ fabric | dbrw.sharding.catching_up('f2') }}"
"""

RETURN = r"""
_value:
  description: How far it is.
  type: dict
  contains:
    done:
      description: Whether it is the active writer, or follows it without a lag.
      type: bool
    problems:
      description: What waiting does not put right, as sentences, each with the command that does.
      type: list
      elements: str
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication import set_request


def catching_up(result: Mapping[str, Any], member: str) -> dict[str, Any]:
    return asdict(set_request.catching_up(result, member))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"catching_up": catching_up}
