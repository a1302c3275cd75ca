# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: replica_set_report
short_description: A replica set as lines to read
version_added: 0.1.0
description:
  - Gives who is active, a table of the members, and what is wrong, each with the command that
    settles it.
positional: _input
options:
  _input:
    description:
      - The result of M(dbrw.sharding.mysql_replica_set) or M(dbrw.sharding.mysql_replica_set_info).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fabric | Show how it stands
  ansible.builtin.debug:
    msg: "{{ fabric | dbrw.sharding.replica_set_report }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.set_request import (
    report,
)


def replica_set_report(result: Mapping[str, Any]) -> list[str]:
    return report(result)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"replica_set_report": replica_set_report}
