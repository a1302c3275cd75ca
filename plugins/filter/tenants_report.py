# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: tenants_report
short_description: Tenants as a table to read
version_added: 0.1.0
description:
  - Gives a line a tenant, with its shard, its schema and whether it can be used.
positional: _input
options:
  _input:
    description: RV(dbrw.sharding.mysql_fabric_tenant#module:tenants).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Tenants | Show where they are
  ansible.builtin.debug:
    msg: "{{ done.tenants | dbrw.sharding.tenants_report }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.report import report


def tenants_report(tenants: Sequence[Mapping[str, Any]]) -> list[str]:
    return report(tenants)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"tenants_report": tenants_report}
