# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: fabric
short_description: The servers of the directory, with their states
version_added: 0.1.0
description:
  - Asks the directory, the schema C(fabric) on the replica set C(fabric), which servers there are,
    and in which state each is. It works while the active writer is down.
  - It is used beside the inventory's files, which alone have the variables and secrets that
    C(site.yml) needs. It overrides none of them, and sets no C(ansible_host) by itself.
  - A server is in the groups C(dc_) and its data centre, C(kind_) and its kind (V(write), V(read),
    V(member)), C(state_) and its state (V(joining), V(online), V(draining), V(maintenance),
    V(retired)), and a member in C(set_) and its replica set. Characters that names of groups cannot
    have become C(_).
  - The host variable C(fabric_server) has C(kind), C(datacenter), C(host), C(port), C(weight),
    C(id_increment), C(id_offset), C(replica_set), C(state), C(is_down) (what the supervision says),
    C(is_usable) (online, not down, and of a weight above 0) and C(is_active) (the active writer of
    its replica set).
  - The variable C(fabric_replica_set) of the group of a set has C(name), C(active), C(host), C(port)
    and C(durability); C(fabric_version), of all hosts, has C(epoch) and C(counter).
  - The source's name ends with C(fabric.yml) or C(fabric.yaml).
  - If the directory cannot be asked, Ansible warns and goes on with the other sources. Set
    E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) where the run must end then.
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [dbrw.sharding.fabric]
extends_documentation_fragment:
  - dbrw.sharding.directory
  - ansible.builtin.constructed
notes:
  - Keep the password out of the source. Give it by the environment, from a vault with
    C(--extra-vars), or encrypted in place.
seealso:
  - module: dbrw.sharding.mysql_fabric_directory
  - plugin: dbrw.sharding.shard
    plugin_type: lookup
"""

EXAMPLES = r"""
# inventory/fabric.yml, beside inventory/hosts.yml
---
plugin: dbrw.sharding.fabric
members: [10.1.0.201, 10.2.0.201]
ca_cert: /etc/ssl/dbrw/ca.pem

---
# Servers that are in no file can be reached, too.
plugin: dbrw.sharding.fabric
members: [10.1.0.201, 10.2.0.201]
ca_cert: /etc/ssl/dbrw/ca.pem
compose:
  ansible_host: fabric_server.host
"""

from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory.asking import (
    servers_and_sets,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.told import (
    SET_VARIABLE,
    VARIABLE,
    VERSION_VARIABLE,
    ToldServer,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.plugin_utils import directory


class InventoryModule(BaseInventoryPlugin, Constructable):
    NAME = "dbrw.sharding.fabric"

    def verify_file(self, path: str) -> bool:
        named = path.endswith(("fabric.yml", "fabric.yaml"))
        return named and bool(super().verify_file(path))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            asked = directory.answer(self.get_option, servers_and_sets)
        except Refused as refusal:
            raise AnsibleParserError(str(refusal)) from refusal
        for unheard in asked.unheard:
            self.display.warning(f"dbrw.sharding.fabric: a member did not answer. {unheard}")
        servers, sets = asked.answer
        epoch, counter = asked.version
        self.inventory.set_variable("all", VERSION_VARIABLE, {"epoch": epoch, "counter": counter})
        for replica_set in sets:
            self._tell(self._group(replica_set.group), SET_VARIABLE, replica_set.told())
        for server in servers:
            self._add(server)

    def _add(self, server: ToldServer) -> None:
        host = self.inventory.add_host(server.name)
        for group in server.groups:
            self.inventory.add_host(host, group=self._group(group))
        self._tell(host, VARIABLE, server.told())
        strict = self.get_option("strict")
        variables = self.inventory.get_host(host).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        variables = self.inventory.get_host(host).get_vars()
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(
            self.get_option("keyed_groups"), variables, host, strict=strict
        )

    def _group(self, name: str) -> str:
        return str(self.inventory.add_group(self._sanitize_group_name(name)))

    def _tell(self, entity: str, name: str, value: Any) -> None:
        # Whoever may write to the directory must not run templates here.
        self.inventory.set_variable(entity, name, wrap_var(value))
