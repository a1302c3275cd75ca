# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: shard
short_description: The shard on which a tenant or a key is
version_added: 0.1.0
description:
  - Asks the directory, the schema C(fabric) on the replica set C(fabric), on which shard a tenant
    is, or a key of a placement. It works while the active writer of that set is down.
  - A tenant, a placement or a key that the directory does not know is an error, and so is a shard
    without an active writer. There is no default.
options:
  _terms:
    description: Names of tenants, or, with O(placement), keys. A key is a text or an integer.
    type: list
    elements: raw
    required: true
  placement:
    description: Name of the placement in the directory; without it, the terms are tenants.
    type: str
extends_documentation_fragment:
  - dbrw.sharding.directory
notes:
  - To ask for many, name them in one call. Each call logs in to every member.
seealso:
  - plugin: dbrw.sharding.shard_for_key
    plugin_type: filter
  - plugin: dbrw.sharding.fabric
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Tenants | Report where a tenant is
  ansible.builtin.debug:
    msg: "{{ shard.name }} at {{ shard.host }}:{{ shard.port }}"
  vars:
    shard: "{{ lookup('dbrw.sharding.shard', 'Customer 1') }}"
    fabric_members: [10.1.0.201, 10.2.0.201]
    fabric_ca_cert: /etc/ssl/dbrw/ca.pem

- name: Placements | Report where keys are
  ansible.builtin.debug:
    msg: "{{ query('dbrw.sharding.shard', 'k17', 'k18', placement='customers') }}"
"""

RETURN = r"""
_raw:
  description: Of each term the shard.
  type: list
  elements: dict
  contains:
    name:
      description: The shard's name.
      type: str
    host:
      description: Address of its active writer.
      type: str
    port:
      description: TCP port of that.
      type: int
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory.asking import (
    shards_of_keys,
    shards_of_tenants,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.plugin_utils import directory


class LookupModule(LookupBase):
    def run(self, terms: Any, variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        given = directory.worked_out(variables or {}, self._templar.template)
        self.set_options(var_options=given, direct=kwargs)
        placement = self.get_option("placement")
        try:
            question = (
                shards_of_tenants(terms) if placement is None else shards_of_keys(placement, terms)
            )
            asked = directory.answer(self.get_option, question)
        except Refused as refusal:
            raise AnsibleLookupError(str(refusal)) from refusal
        for unheard in asked.unheard:
            Display().warning(f"dbrw.sharding.shard: a member did not answer. {unheard}")
        return [shard.told() for shard in asked.answer]
