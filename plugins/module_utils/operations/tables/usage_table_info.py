# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a replica's table differs from those of its sources, as a channel is concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import login_of
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.table_comparison import (
    compare,
    name_difference,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server import usage_table as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.usage_table import TableShape

READ_TIMEOUT = 60.0


@dataclass(frozen=True)
class Desired:
    """The table, and how to log in at its sources, by what the result calls them."""

    schema: str
    name: str
    sources: Mapping[str, Login]


@dataclass(frozen=True)
class Source:
    """A source's table (None: there is none), and what of the source a comparison needs."""

    shape: TableShape | None
    logs_generated: bool
    names: Names


@dataclass(frozen=True)
class Current:
    """This server's table (None: there is none), which types its appliers convert, its sources."""

    here: TableShape | None
    type_conversions: str
    sources: Mapping[str, Source]


class UsageTableInfo(Question[Desired, Current]):
    """Compares a table with the same on other servers."""

    options = {
        "schema": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "compare_with": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "server": {"type": "str"},
                "login_host": {"type": "str"},
                "login_port": {"type": "int", "default": 3306},
                "login_unix_socket": {"type": "str"},
                "login_user": {"type": "str"},
                "login_password": {"type": "str", "no_log": True},
            },
        },
    }

    def desired(self, params: Params) -> Desired:
        problems = system_schema_problems("schema", params["schema"])
        sources, wrong = _sources(params)
        refuse_if_any([*problems, *wrong])
        return Desired(params["schema"], params["name"], sources)

    def read_timeout(self, desired: Desired) -> float:
        return READ_TIMEOUT

    def current(self, server: Server, desired: Desired) -> Current:
        here = server_side.read_table(server, *_stored(desired, server))
        sources, problems = {}, []
        for name, login in desired.sources.items():
            try:
                sources[name] = _read_source(server, login, desired)
            except (ServerError, Refused) as error:
                problems.append(f"{name}: {error}")
        refuse_if_any(problems)
        return Current(here, server_side.type_conversions(server), sources)

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        servers, problems = [], []
        table = f"{desired.schema}.{desired.name}"
        for name, source in current.sources.items():
            found = compare(
                source.shape,
                current.here,
                server.dialect.applier_enforces_checks,
                source.logs_generated,
            )
            name_differs = name_difference(table, source.names, server.names)
            found += [name_differs] if name_differs else []
            harmful = [difference for difference in found if not difference.harmless]
            servers.append(
                {
                    "server": name,
                    "ok": not harmful,
                    "differences": [asdict(difference) for difference in found],
                }
            )
            problems += [f"{name}, {table}, {difference}." for difference in harmful]
        warnings = []
        if current.type_conversions:
            warnings.append(
                f"server {server.address} converts types ({current.type_conversions}): a "
                "difference of types may change values where it is said to stop a channel."
            )
        return {
            "ok": not problems,
            "problems": problems,
            "table": _shown(current.here),
            "type_conversions": current.type_conversions,
            "servers": servers,
            "warnings": warnings,
        }


def _sources(params: Params) -> tuple[dict[str, Login], list[str]]:
    """Return how to log in at each source, and what is wrong with what was given."""
    sources: dict[str, Login] = {}
    problems = []
    for number, one in enumerate(params["compare_with"], 1):
        if not (one["login_host"] or one["login_unix_socket"]):
            problems.append(
                f"compare_with: number {number} has neither login_host nor login_unix_socket; "
                "give one, so that it can be reached."
            )
            continue
        login = _source_login(one, params)
        name = one["server"] or login.address
        if name in sources:
            problems.append(f"compare_with: {name} is there twice; name each server once.")
        sources[name] = login
    return sources, problems


def _source_login(one: Params, params: Params) -> Login:
    """Make a login of a source's own options and, where they are not given, the module's."""
    merged = {**params, **one, "login_host": one["login_host"] or "localhost"}
    if one["login_user"] is None:
        # A password goes with its user, and to no one else.
        merged["login_user"] = params["login_user"]
        merged["login_password"] = one["login_password"] or params["login_password"]
    return login_of(merged, READ_TIMEOUT)


def _stored(desired: Desired, server: Server) -> tuple[str, str]:
    """Return schema and table as one of the servers has them."""
    return server.names.stored(desired.schema), server.names.stored(desired.name)


def _read_source(server: Server, login: Login, desired: Desired) -> Source:
    source = connect(login)
    try:
        if source.flavour != server.flavour:
            raise Refused(
                [
                    f"server {source.address} is {source.flavour}, and {server.address} is "
                    f"{server.flavour}; only servers of one flavour can be compared."
                ]
            )
        shape = server_side.read_table(source, *_stored(desired, source))
        return Source(shape, source.logs_generated, source.names)
    finally:
        source.close()


def _shown(shape: TableShape | None) -> dict[str, Any] | None:
    if shape is None:
        return None
    return {
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "character_set": column.character_set,
                "collation": column.collation,
            }
            for column in shape.columns
        ],
        "primary_key": list(shape.primary_key),
        "indexes": [str(index) for index in shape.indexes],
        "partitioned": shape.partitioned,
    }
