# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: rejoin_report
short_description: What only one member of a replica set has, as lines to read
version_added: 0.1.0
description:
  - Gives why a member is to be rebuilt or not, and the rows that only it has, as far as they are shown.
positional: _input
options:
  _input:
    description:
      - The result of M(dbrw.sharding.mysql_replica_set_rejoin).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fabric | Show what only f1 has
  ansible.builtin.debug:
    msg: "{{ f1 | dbrw.sharding.rejoin_report }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import (
    report,
)


def rejoin_report(result: Mapping[str, Any]) -> list[str]:
    return report(result)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"rejoin_report": rejoin_report}
