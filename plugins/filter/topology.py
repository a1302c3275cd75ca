# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: topology
short_description: The servers of an inventory as one structure, with what is wrong with it
version_added: 0.1.0
description:
  - Reads the groups C(write_servers) and C(read_servers) and their hosts' variables C(dbrw_*).
  - Playbooks take from it what a role needs to know of other hosts.
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
- name: Inventory | Ensure that it describes servers that can work together
  ansible.builtin.assert:
    that: topology.problems | length == 0
    fail_msg: "{{ topology.problems }}"
  vars:
    topology: "{{ groups | dbrw.sharding.topology(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The topology that the inventory describes.
  type: dict
  contains:
    problems:
      description: What is wrong, as sentences; empty when the servers can work together.
      type: list
      elements: str
    replication_too_long_for:
      description:
        - The flavours whose channels could not keep a replication password, each with how many
          bytes they keep.
      type: dict
    write_servers:
      description:
        - The write servers by C(name), each with what others need to know of it. C(application) is
          for applications, C(autoinc) for its peers and C(source) for its replicas.
      type: list
      elements: dict
    read_servers:
      description:
        - The read servers by C(name). C(application) is for applications, C(replication_account)
          for the sources.
      type: list
      elements: dict
"""

import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.release import __version__ as ansible_version
from jinja2 import Undefined

from ansible_collections.dbrw.sharding.plugins.module_utils.values.topology import (
    READ,
    WRITE,
    Member,
    problems,
    too_long_for,
)

GROUPS = {WRITE: "write_servers", READ: "read_servers"}
VARIABLES = (
    "address",
    "port",
    "datacenter",
    "weight",
    "server_id",
    "gtid_domain_id",
    "increment",
    "offset",
    "application_password",
    "monitor_password",
    "maintenance_password",
    "account_host",
    "replication_user",
    "replication_password",
)
NUMBERS = {"port", "weight", "server_id", "gtid_domain_id", "increment", "offset"}


def topology(groups: Mapping[str, list[str]], hostvars: Mapping[str, Any]) -> dict[str, Any]:
    members = [
        Member(name, kind, _given(hostvars[name]))
        for kind, group in GROUPS.items()
        for name in groups.get(group, [])
    ]
    return {
        "problems": problems(members),
        "replication_too_long_for": too_long_for(members),
        **{
            group: [_described(member) for member in members if member.kind == kind]
            for kind, group in GROUPS.items()
        },
    }


def _given(variables: Mapping[str, Any]) -> dict[str, Any]:
    given = {}
    for name in VARIABLES:
        try:
            value = variables[f"dbrw_{name}"]
        except (KeyError, AnsibleError):
            # Not defined, or made of something that is not: told with all the rest.
            continue
        if value is not None and not _cannot_be_worked_out(value):
            given[name] = _number(value) if name in NUMBERS else value
    # The role mysqld's, where the inventory says it.
    if isinstance(variables.get("mysqld_flavour"), str):
        given["flavour"] = str(variables["mysqld_flavour"])
    return given


def _cannot_be_worked_out(value: Any) -> bool:
    """Tell whether a value is made of something that is not there, and fails where it is used."""
    if ansible_version.startswith("2.18."):
        # It is handed over as the template that it is. Text that only looks like one is marked.
        is_template = isinstance(value, str) and ("{{" in value or "{%" in value)
        return is_template and not hasattr(value, "__UNSAFE__")
    return isinstance(value, Undefined)


def _number(value: Any) -> Any:
    """Return the number that a text is, and anything else as it is.

    What --extra-vars sets is text, and so, before ansible-core 2.19, is what a template works out.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return value
    return float(value) if "." in value else int(value)


def _described(member: Member) -> dict[str, Any]:
    given = member.given
    host, port = given.get("address"), given.get("port", 3306)
    application = {
        "name": member.name,
        "kind": member.kind,
        "datacenter": given.get("datacenter"),
        "host": host,
        "port": port,
        "weight": given.get("weight", 1),
    }
    if member.kind == WRITE:
        pair = {"increment": given.get("increment"), "offset": given.get("offset")}
        return {
            "name": member.name,
            "autoinc": {"name": member.name, **pair},
            "source": {"name": member.name, "host": host, "port": port},
            "application": {**application, "offset": pair["offset"]},
        }
    return {
        "name": member.name,
        "application": application,
        "replication_account": {
            "name": given.get("replication_user", f"replication_{member.name}"),
            "host": given.get("account_host", "%"),
            "password": given.get("replication_password", ""),
        },
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"topology": topology}
