# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: topology
short_description: The servers of an inventory as one structure, with what is wrong with it
version_added: 0.1.0
description:
  - Reads the groups C(write_servers), C(read_servers), C(fabric_servers) and C(shard_servers), and their
    hosts' variables C(dbrw_*).
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
    warnings:
      description: What works and should be otherwise, as sentences.
      type: list
      elements: str
    common_schemas:
      description: The schemas that read servers get of the replica set C(fabric).
      type: list
      elements: str
    heartbeats:
      description: The write servers that write heartbeats, each with C(name) and C(server_id).
      type: list
      elements: dict
    replica_sets:
      description:
        - The replica sets by name, each as M(dbrw.sharding.mysql_replica_set) takes it, with
          C(name), C(durability) and C(members), and with C(increment), C(schemas) and C(shard_number).
          C(addresses) has C(name), C(host) and C(port) of each member, and no password.
      type: dict
    replication_too_long_for:
      description:
        - The flavours whose channels could not keep a replication password, each with how many
          bytes they keep.
      type: dict
    usage_tables:
      description:
        - The usage tables as M(dbrw.sharding.mysql_topology_info) takes them, each once.
      type: list
      elements: dict
    accounts:
      description:
        - The accounts that the playbooks make on each server, as
          M(dbrw.sharding.mysql_topology_info) takes them, without passwords; empty where there are
          problems.
      type: list
      elements: dict
    directory:
      description:
        - What the directory gets of the inventory, C(servers), C(sets) and C(usage_tables), as
          M(dbrw.sharding.mysql_fabric_directory) takes them.
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
          for the sources, and C(server) for write servers that ask them.
      type: list
      elements: dict
"""

import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.release import __version__ as ansible_version
from jinja2 import Undefined

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.on_paper import (
    problems_of_server,
    problems_of_tables,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    ACCOUNTS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.told import VARIABLE
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.inventory_variables import (
    MEMBER,
    READ,
    VARIABLES,
    WRITE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.mysqld import JUDGES
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.topology import (
    FABRIC,
    Member,
    common_schemas,
    heartbeats,
    problems,
    sets,
    too_long_for,
    warnings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.topology_accounts import (
    ROLES,
    expected,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.value_types import (
    problems as value_problems,
)

# What the directory gets of a set.
_OF_DIRECTORY = ("durability", "shard_number", "weight", "capacity_gib")
_ONLY_TOLD = (
    "All servers come from the directory (the inventory plugin dbrw.sharding.fabric), which has no "
    "passwords and no tables. Name the inventory's files, too: -i inventory/hosts.yml -i "
    "inventory/fabric.yml, or the folder that has both: -i inventory."
)
GROUPS = {WRITE: "write_servers", READ: "read_servers"}
SHARDS = "shard_servers"
_KINDS = {
    **{group: kind for kind, group in GROUPS.items()},
    "fabric_servers": MEMBER,
    SHARDS: MEMBER,
}


def topology(groups: Mapping[str, list[str]], hostvars: Mapping[str, Any]) -> dict[str, Any]:
    members = [
        Member(
            name,
            kind,
            *_given(hostvars[name]),
            _of_mysqld(hostvars[name]) if name in groups.get("mysqld", []) else {},
            of_shard=group == SHARDS,
        )
        for group, kind in _KINDS.items()
        for name in groups.get(group, [])
    ]
    told = _is_only_told(members, [hostvars[name] for name in groups.get("all", [])])
    found = [_ONLY_TOLD] if told else [*problems(members), *_found_later(members)]
    return {
        "problems": found,
        "warnings": warnings(members),
        "replication_too_long_for": too_long_for(
            [member for member in members if member.kind != MEMBER]
        ),
        **{
            group: [_described(member) for member in members if member.kind == kind]
            for kind, group in GROUPS.items()
        },
        "replica_sets": {
            name: _set(name, of_set, common_schemas(members) if name == FABRIC else [])
            for name, of_set in sets(members).items()
        },
        "common_schemas": common_schemas(members),
        "heartbeats": [
            {"name": member.name, "server_id": member.given["server_id"]}
            for member in heartbeats(members, groups.get("mysqld", []))
        ],
        "usage_tables": _described_tables(members),
        # What is wrong with their values is told first.
        "accounts": [] if found else expected(members, _users(members, hostvars)),
        "directory": _directory(members),
    }


def _users(members: list[Member], hostvars: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what accounts are called where a variable of their role says it."""
    return {
        member.name: {
            account: str(user)
            for account in {one.name for one in ACCOUNTS}
            for user in [_worked_out(hostvars[member.name], f"{ROLES[member.kind]}_{account}_user")]
            if user
        }
        for member in members
    }


def _found_later(members: list[Member]) -> list[str]:
    """Return what modules would refuse when their server's turn has come, each once for all."""
    writers = [member.name for member in members if member.kind == WRITE]
    names: dict[str, list[str]] = {}
    for member in members:
        given = {
            variable.name: member.given[variable.name]
            for variable in VARIABLES
            if variable.name in member.given
            and member.kind in variable.kinds
            and not value_problems(variable.name, variable, member.given[variable.name])
        }
        for problem in (
            *problems_of_tables(given.get("usage_tables") or ()),
            *problems_of_server(given, writers),
        ):
            names.setdefault(problem, []).append(member.name)
    return [f"{', '.join(sharing)}: {problem}" for problem, sharing in names.items()]


def _is_only_told(members: list[Member], hosts: list[Mapping[str, Any]]) -> bool:
    """Whether all that is known of servers is what the directory tells, whoever groups them."""
    # It tells of no server its number in replication, and each needs one.
    described = any("server_id" in (*member.given, *member.unknown) for member in members)
    return not described and any(VARIABLE in host for host in hosts)


def _given(variables: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the variables that have a value, and the names of those that should have one."""
    given, unknown = {}, set()
    for variable in VARIABLES:
        if not variable.on_paper or variable.full_name not in variables:
            continue
        value = _worked_out(variables, variable.full_name)
        if value is None:
            unknown.add(variable.name)
        else:
            given[variable.name] = _number(value) if variable.is_number else value
    return given, frozenset(unknown)


def _of_mysqld(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of the role mysqld that have a value."""
    names = (*JUDGES, "flavour", "settings", "tls")
    named = {name: _worked_out(variables, f"mysqld_{name}") for name in names}
    return {name: value for name, value in named.items() if value is not None}


def _worked_out(variables: Mapping[str, Any], name: str) -> Any:
    """Return a variable's value, or None if there is none, or it cannot be worked out.

    It can be made of something that is not there, in any of its depths: told with all the rest.
    """
    try:
        value = _plain(variables[name])
    except (KeyError, AnsibleError):
        return None
    return None if _cannot_be_worked_out(value) else value


def _plain(value: Any) -> Any:
    """Return the value in Python's own types, worked out to its depths."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    # Before ansible-core 2.19, what a file holds as a !vault is text by its looks only.
    return str(value) if getattr(value, "__ENCRYPTED__", False) is True else value


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
    host, port = given.get("address"), member.value("port")
    application = {
        "name": member.name,
        "kind": member.kind,
        "datacenter": given.get("datacenter"),
        "host": host,
        "port": port,
        "weight": member.value("weight"),
    }
    if member.kind == WRITE:
        pair = {"increment": given.get("increment"), "offset": given.get("offset")}
        return {
            "name": member.name,
            "autoinc": {"name": member.name, **pair},
            "source": _address(member),
            "application": {**application, "offset": pair["offset"]},
        }
    return {
        "name": member.name,
        "application": application,
        "server": _address(member),
        "replication_account": {
            "name": member.replication_user,
            "host": member.value("account_host"),
            "password": given.get("replication_password", ""),
        },
    }


def _address(member: Member) -> dict[str, Any]:
    return {
        "name": member.name,
        "host": member.given.get("address"),
        "port": member.value("port"),
    }


def _set(name: str, members: list[Member], common: list[str]) -> dict[str, Any]:
    first = members[0]
    given = first.of_its_set("schemas")
    schemas = given if isinstance(given, list) else []
    return {
        "name": name,
        "durability": first.of_its_set("durability"),
        "increment": first.of_its_set("increment"),
        "shard_number": first.of_its_set("shard_number"),
        "schemas": [*schemas, *(one for one in common if one not in schemas)],
        "addresses": [_address(member) for member in members],
        "members": [
            {
                **_address(member),
                "replication_user": member.replication_user,
                "replication_password": member.given.get("replication_password", ""),
            }
            for member in members
        ],
    }


def _directory(members: list[Member]) -> dict[str, Any]:
    """Return what the inventory owns of the directory."""
    kinds = {WRITE: "write", READ: "read", MEMBER: "member"}
    servers = []
    for member in members:
        of_kind: dict[str, Any] = {}
        if member.kind == WRITE:
            increment, offset = member.given.get("increment"), member.given.get("offset")
            of_kind = {"id_increment": increment, "id_offset": offset}
        elif member.kind == MEMBER:
            of_kind = {"replica_set": member.replica_set}
        servers.append(
            {
                "name": member.name,
                "kind": kinds[member.kind],
                "datacenter": str(member.given.get("datacenter", "")),
                "host": member.given.get("address"),
                "port": member.value("port"),
                "weight": member.value("weight"),
                **of_kind,
            }
        )
    return {
        "servers": servers,
        "sets": [
            {
                "name": name,
                **{
                    key: value
                    for key in _OF_DIRECTORY
                    for value in [of_set[0].of_its_set(key)]
                    if value is not None
                },
            }
            for name, of_set in sets(members).items()
        ],
        "usage_tables": sorted({name for member in members for name in _usage_tables(member)}),
    }


def _described_tables(members: list[Member]) -> list[dict[str, Any]]:
    """Return each usage table with what a check needs of it; read servers say which months."""
    keys = ("schema", "name", "id_column", "months_ahead")
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for member in sorted(members, key=lambda one: one.kind != READ):
        given = member.value("usage_tables") if member.kind != MEMBER else []
        for table in given if isinstance(given, list) else []:
            names = (table.get("schema"), table.get("name")) if isinstance(table, Mapping) else ()
            # What is no name is told on paper.
            if names and all(isinstance(name, str) and name for name in names):
                told = {key: table[key] for key in keys if table.get(key) is not None}
                found.setdefault(names, told)
    return [found[name] for name in sorted(found)]


def _usage_tables(member: Member) -> list[str]:
    """Return the names of a server's usage tables, with their schemas."""
    given = member.value("usage_tables") if member.kind != MEMBER else []
    tables = given if isinstance(given, list) else []
    return [
        f"{table['schema']}.{table['name']}"
        for table in tables
        if isinstance(table, Mapping) and table.get("schema") and table.get("name")
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"topology": topology}
