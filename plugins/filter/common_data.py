# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: common_data
short_description: Whom a read server follows for common data, and whether it may
version_added: 0.1.0
description:
  - Judges the channel C(common) of a read server by what the members of the set say, and by how the
    common schemas are made on both.
  - Everything is what modules have returned earlier in the run; the read server must have been asked for
    its channels before the members.
positional: _input, hostvars, reader
options:
  _input:
    description: The names of the set's members.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - Ansible's variable C(hostvars). A member has C(dbrw_common_member), what
        M(dbrw.sharding.mysql_replica_set_info) has returned for it, and C(dbrw_common_schemas_there), what
        M(dbrw.sharding.mysql_schema_info) has. The read server has C(dbrw_common_channels), what
        M(dbrw.sharding.mysql_replication_channel_info) has returned, and C(dbrw_common_schemas_here),
        or, where everything has been applied, C(dbrw_common_schemas_applied).
    type: dict
    required: true
  reader:
    description:
      - Name of the read server. Without it, only who is the active writer is judged, which a write
        server needs to know.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Common data | Ensure that nothing keeps the channel from running
  ansible.builtin.assert:
    that: judged.problems | length == 0
    fail_msg: "{{ judged.problems }}"
  vars:
    judged: "{{ ['f1', 'f2'] | dbrw.sharding.common_data(hostvars, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: What was judged.
  type: dict
  contains:
    source:
      description: Name of the member to follow; empty where that is not known.
      type: str
    problems:
      description: What keeps the channel from running, as sentences.
      type: list
      elements: str
    differences:
      description: What is made otherwise on both, also while a channel is about to apply it.
      type: list
      elements: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import common_data as plans

# What hosts have registered; each is the result of a module.
MEMBER = "dbrw_common_member"
THERE = "dbrw_common_schemas_there"
CHANNELS = "dbrw_common_channels"
HERE = "dbrw_common_schemas_here"
APPLIED = "dbrw_common_schemas_applied"


def common_data(
    members: Sequence[str], hostvars: Mapping[str, Any], reader: str = ""
) -> dict[str, Any]:
    asked = {
        name: {
            **hostvars[name][MEMBER],
            "schemas": hostvars[name].get(THERE, {}).get("schemas", ()),
        }
        for name in members
        if "members" in hostvars[name].get(MEMBER, {})
    }
    if not reader:
        return {"source": plans.active(asked), "problems": plans.nobody(asked), "differences": []}
    own = hostvars[reader]
    judged = plans.judge(asked, own[CHANNELS]["channels"], own[HERE]["schemas"])
    problems = list(judged.problems)
    applied = own.get(APPLIED, {}).get("schemas")
    if judged.source and applied is not None:
        problems += plans.difference_problems(
            judged.source, asked[judged.source]["schemas"], applied
        )
    return {
        "source": judged.source,
        "problems": problems,
        "differences": list(judged.differences),
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"common_data": common_data}
