# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of servers, replica sets and usage tables, as the inventory describes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory import (
    directory as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import (
    directory as rows,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import schema
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    KINDS,
    Contents,
    DirectoryServer,
    DirectorySet,
    Found,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    AVAILABLE,
    DURABILITIES,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement


@dataclass(frozen=True)
class Desired:
    """What the inventory says, who is to be announced, and why this is done.

    ``confirmed`` are servers that say of themselves what the inventory says; ``expected`` is the
    version of the directory that was looked at before.
    """

    contents: Contents
    announce: Sequence[str]
    confirmed: Sequence[str]
    expected: tuple[int, int] | None
    reason: str


class FabricDirectory(Operation[Desired, Found]):
    """Makes the directory, and keeps what the inventory owns of it current."""

    # It reaches every member from the active writer.
    logged = True
    options = {
        "servers": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "kind": {"type": "str", "choices": list(KINDS), "required": True},
                "datacenter": {"type": "str", "required": True},
                "host": {"type": "str", "required": True},
                "port": {"type": "int", "default": 3306},
                "weight": {"type": "float", "default": 1.0},
                "id_increment": {"type": "int"},
                "id_offset": {"type": "int"},
                "replica_set": {"type": "str"},
            },
        },
        "sets": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "durability": {"type": "str", "choices": list(DURABILITIES), "default": AVAILABLE},
                "shard_number": {"type": "int"},
                "weight": {"type": "float"},
                "capacity_gib": {"type": "int"},
                "active": {"type": "str"},
            },
        },
        "usage_tables": {"type": "list", "elements": "str", "default": []},
        "announce": {"type": "list", "elements": "str", "default": []},
        "confirmed": {"type": "list", "elements": "str", "default": []},
        "expected_version": {
            "type": "dict",
            "options": {
                "epoch": {"type": "int", "required": True},
                "counter": {"type": "int", "required": True},
            },
        },
        "reason": {"type": "str", "default": ""},
    }

    def desired(self, params: Params) -> Desired:
        problems = [
            f"{option} has {name} twice; name each once."
            for option in ("servers", "sets")
            for names in [[one["name"] for one in params[option]]]
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
        refuse_if_any(problems)
        servers = {one["name"]: DirectoryServer(**one) for one in params["servers"]}
        keys = ("name", "durability", "shard_number", "weight", "capacity_gib")
        sets = {
            one["name"]: DirectorySet(**{key: one[key] for key in keys}) for one in params["sets"]
        }
        active = {one["name"]: one["active"] for one in params["sets"] if one["active"]}
        contents = Contents(servers, sets, frozenset(params["usage_tables"]), active)
        version = params["expected_version"]
        expected = (version["epoch"], version["counter"]) if version else None
        return Desired(
            contents, params["announce"], params["confirmed"], expected, params["reason"]
        )

    def current(self, server: Server, desired: Desired) -> Found:
        found = rows.read(server, schema.VERSION)
        has, wanted = found.contents.servers, desired.contents.servers
        both = [name for name in desired.confirmed if name in has and name in wanted]
        if all(has[name].identity == wanted[name].identity for name in both):
            return found
        return replace(found, written=rows.written(server))

    def plan(self, desired: Desired, current: Found) -> Plan:
        return planning.plan(
            desired.contents,
            desired.announce,
            current,
            schema.VERSION,
            desired.confirmed,
            desired.expected,
        )

    def statements(self, server: Server, current: Found, step: Step) -> list[Statement]:
        if step.action == planning.UPGRADE:
            return schema.statements(step.value)
        if step.action == planning.PUT_SET:
            return [rows.put_set(step.value, step.before is None)]
        if step.action == planning.PUT_SERVER:
            return [rows.put_server(step.value, step.before is None)]
        if step.action == planning.PUT_TABLE:
            return [rows.put_table(step.value)]
        if step.action == planning.DROP_TABLE:
            return [rows.drop_table(step.value)]
        if step.action == planning.POINT:
            return [rows.point(*step.value)]
        return [rows.announce(step.value)]

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: Found,
        step: Step,
        statements: Sequence[Statement],
    ) -> Any:
        said = rows.said(rows.SOURCE, desired.reason)
        server.rows(said.sql, *said.args)
        return super().perform(server, desired, current, step, statements)

    def result(
        self, server: Server, desired: Desired, current: Found, plan: Plan, done: Done
    ) -> dict[str, Any]:
        now = rows.read(server, schema.VERSION) if done else current
        epoch, counter = now.version
        return {
            "schema_version": now.schema_version,
            "version": {"epoch": epoch, "counter": counter},
            "states": dict(now.states),
        }
