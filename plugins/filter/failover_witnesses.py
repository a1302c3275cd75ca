# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: failover_witnesses
short_description: What read servers say of the active writer
version_added: 0.1.0
description:
  - Gives the option C(witnesses) of M(dbrw.sharding.mysql_replica_set) from what
    M(dbrw.sharding.mysql_replication_witness) has said on each read server.
  - A read server that could not be asked, or that answered without saying it, counts as one that
    may reach the writer. One that has no such channel says nothing, and is left out.
positional: _input, hostvars
options:
  _input:
    description: The names of the read servers that were asked.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts; the result is registered as C(dbrw_witness).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Failover | Open a survivor
  dbrw.sharding.mysql_replica_set:
    failover: true
    witnesses: "{{ ['r1', 'r2'] | dbrw.sharding.failover_witnesses(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The name of each; with source_host, source_port and sees_source where it could say so.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.set_request import (
    witnesses,
)


def failover_witnesses(names: Sequence[str], hostvars: Mapping[str, Any]) -> list[dict[str, Any]]:
    asked = {name: hostvars[name] for name in names}
    return witnesses({name: host.get("dbrw_witness") for name, host in asked.items()})


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"failover_witnesses": failover_witnesses}
