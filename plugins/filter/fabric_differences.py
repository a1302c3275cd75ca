# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: fabric_differences
short_description: How the directory differs from the inventory and from what servers say
version_added: 0.1.0
description:
  - Compares what M(dbrw.sharding.mysql_fabric_directory_info) has returned with the inventory, and
    with what servers have said of themselves earlier in the run.
  - It changes nothing, and says what would.
positional: _input, hostvars, found
options:
  _input:
    description:
      - What the inventory says, C(directory) of the filter P(dbrw.sharding.topology#filter).
    type: dict
    required: true
  hostvars:
    description:
      - Ansible's variable C(hostvars). Every server has C(dbrw_reconcile_server), what
        M(dbrw.sharding.mysql_server_info) has returned for it, and C(dbrw_reconcile_channels), what
        M(dbrw.sharding.mysql_replication_channel_info) has, or, a member of a set,
        C(dbrw_reconcile_member), what M(dbrw.sharding.mysql_replica_set_info) has for it alone.
    type: dict
    required: true
  found:
    description:
      - What M(dbrw.sharding.mysql_fabric_directory_info) has returned on the active writer of the set
        C(fabric). Without it, only who that is is judged.
    type: dict
"""

EXAMPLES = r"""
- name: Directory | Show how it differs
  ansible.builtin.debug:
    msg: "{{ (topology.directory | dbrw.sharding.fabric_differences(hostvars, directory)).report }}"
"""

RETURN = r"""
_value:
  description: What differs, and what resolves it.
  type: dict
  contains:
    writer:
      description: The active writer of the set C(fabric); empty where that is not known.
      type: str
    problem:
      description: Why it is not known.
      type: str
    differences:
      description: What differs, the worst first. Without O(found) there is nothing more from here on.
      type: list
      elements: dict
      contains:
        code:
          description: A code that stays when the words change, such as V(directory.ids_differ).
          type: str
        severity:
          description: V(critical) or V(warning).
          type: str
        where:
          description: The server, the replica set or the usage table; empty for the directory itself.
          type: str
        text:
          description: What each side says.
          type: str
        todo:
          description: What to do.
          type: str
        direction:
          description: V(servers) or V(inventory), by which it is resolved; empty for by hand.
          type: str
    servers:
      description:
        - The options C(servers), C(sets) and C(usage_tables) of
          M(dbrw.sharding.mysql_fabric_directory) that take over what servers say, and nothing else;
          empty where nothing is.
      type: dict
    inventory:
      description:
        - Its options C(sets) and C(confirmed) that take over what the inventory says.
      type: dict
    notes:
      description: What C(direction=inventory) would leave out, as sentences.
      type: list
      elements: str
    report:
      description: Lines to read.
      type: list
      elements: str
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory import reconcile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    FABRIC,
    Contents,
    Found,
    Identity,
    contents_of,
)

# What hosts have registered; each is the result of a module.
SERVER = "dbrw_reconcile_server"
CHANNELS = "dbrw_reconcile_channels"
MEMBER = "dbrw_reconcile_member"


def fabric_differences(
    described: Mapping[str, Any],
    hostvars: Mapping[str, Any],
    found: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    inventory = contents_of(described)
    said = {name: _said(name, hostvars[name]) for name in inventory.servers}
    members = {n: said[n] for n, one in inventory.servers.items() if one.replica_set == FABRIC}
    judged = reconcile.writer(members)
    writer = {"writer": judged[0], "problem": judged[1]}
    if found is None:
        return writer
    there = Found(
        int(found["schema_version"]),
        not found["takes_writes"],
        (int(found["version"]["epoch"]), int(found["version"]["counter"])),
        (),
        contents_of(found),
        {one["name"]: one["state"] for one in found["servers"]},
        {one["name"]: [Identity(**was) for was in one["written"]] for one in found["servers"]},
    )
    newest = int(found["newest_schema_version"])
    compared = reconcile.compare(there, newest, inventory, said)
    resolved = {one.finding.where for one in compared.by(reconcile.SERVERS)}
    copies = {
        **there.contents.active,
        **{name: active for name, active in compared.active.items() if name in resolved},
    }
    copies.pop(FABRIC, None)
    # Of a set that the directory has, the copy is changed in the direction of servers alone.
    new = {n: who for n, who in compared.active.items() if n not in there.contents.sets}
    return {
        **writer,
        "differences": [one.told() for one in compared.differences],
        "servers": _options(there.contents, copies) if resolved else {},
        "inventory": {
            "sets": _options(inventory, new)["sets"],
            "confirmed": list(compared.confirmed),
        },
        "notes": reconcile.notes(there, reconcile.INVENTORY),
        "report": _report(judged[0], found, compared),
    }


def _said(name: str, variables: Mapping[str, Any]) -> reconcile.Said:
    """Return what a server says of itself, by what modules have returned."""
    server = variables.get(SERVER) or {}
    if "variables" not in server:
        return reconcile.Said(why=str(server.get("msg") or "it was not asked"))
    settings = server["variables"]
    numbers = {
        "increment": _number(settings.get("auto_increment_increment")),
        "offset": _number(settings.get("auto_increment_offset")),
    }
    member = variables.get(MEMBER) or {}
    own = next((one for one in member.get("members", ()) if one["name"] == name), None)
    if own is not None:
        epoch = member["epoch"] or {}
        return reconcile.Said(
            answers=own["state"] != "unreachable",
            why=str(own["unreachable"] or ""),
            takes_writes=own["state"] in ("active", "open"),
            epoch=epoch.get("epoch"),
            epoch_active=str(epoch.get("active") or ""),
            **numbers,
        )
    channels = variables.get(CHANNELS) or {}
    if "channels" not in channels:
        return reconcile.Said(why=str(channels.get("msg") or member.get("msg") or "it failed"))
    return reconcile.Said(
        answers=True,
        why="",
        takes_writes=settings.get("read_only") in ("OFF", "0"),
        channels=tuple(one["channel"] for one in channels["channels"]),
        **numbers,
    )


def _options(contents: Contents, active: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of the module that make the directory have exactly this."""
    return {
        "servers": [asdict(one) for one in contents.servers.values()],
        "sets": [
            {**asdict(one), "active": active.get(name)} for name, one in contents.sets.items()
        ],
        "usage_tables": sorted(contents.usage_tables),
    }


def _report(writer: str, found: Mapping[str, Any], compared: reconcile.Comparison) -> list[str]:
    version = found["version"]
    counts = {
        "servers": len(found["servers"]),
        "replica sets": len(found["sets"]),
        "usage tables": len(found["usage_tables"]),
        "tenants": found["tenants"],
    }
    counted = ", ".join(f"{name}: {count}" for name, count in counts.items())
    lines = [
        f"The directory on {writer}, epoch {version['epoch']}, counter {version['counter']}: {counted}."
    ]
    if not found["schema_version"]:
        lines = [f"{writer} takes writes, and would hold the directory."]
    differing = [
        f"{one.finding.severity}: {one.finding.code}: {one.finding}" for one in compared.differences
    ]
    nothing = "It is what the inventory and all servers say."
    return [*lines, *(differing or [nothing])]


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"fabric_differences": fabric_differences}
