# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a replica's tables differ from those of its sources, as a channel is concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import login_of
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Options,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import listed
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.replicated_table import (
    compare,
    name_difference,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import ask_servers
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    usage_table as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    named_twice,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    collect,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    TableShape,
)

READ_TIMEOUT = 60.0

_OF_A_TABLE: Options = {"schema": {"type": "str"}}


@dataclass(frozen=True)
class Table:
    """A table's name, as it was given."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def stored(self, names: Names) -> Table:
        """Return the table under the name that a server has for it."""
        return Table(names.stored(self.schema), names.stored(self.name))


@dataclass(frozen=True)
class Desired:
    """The tables in the order in which they were named, ``listed`` or one alone, and the sources.

    The sources are how to log in there, by what the result calls them.
    """

    tables: tuple[Table, ...]
    listed: bool
    sources: Mapping[str, Login]


@dataclass(frozen=True)
class Source:
    """A source's tables (None: there is no such), and what of it a comparison needs."""

    shapes: tuple[TableShape | None, ...]
    logs_generated: bool
    names: Names


@dataclass(frozen=True)
class Current:
    """This server's tables (None: there is no such), the types that it converts, its sources."""

    here: tuple[TableShape | None, ...]
    type_conversions: str
    sources: Mapping[str, Source]


class UsageTableInfo(Question[Desired, Current]):
    """Compares tables with the same on other servers."""

    options = {
        "name": {"type": "str"},
        **_OF_A_TABLE,
        "tables": listed.option(_OF_A_TABLE, key="name"),
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
    constraints = {
        "required_one_of": [("name", "tables")],
        "mutually_exclusive": [("name", "tables")],
        "required_by": {"name": ("schema",)},
    }

    def desired(self, params: Params) -> Desired:
        problems: list[Reason] = []
        tables: tuple[Table, ...] = ()
        with collect(problems):
            tables = listed.read_each(params, _OF_A_TABLE, _table, key="name")
        sources, wrong = _sources(params)
        refuse_if_any([*problems, *wrong])
        return Desired(tables, listed.is_listed(params), sources)

    def read_timeout(self, desired: Desired) -> float:
        return READ_TIMEOUT

    def current(self, server: Server, desired: Desired) -> Current:
        stored = (table.stored(server.names) for table in desired.tables)
        problems: list[Reason] = [*named_twice("tables", map(str, stored))]
        here = _read(server, desired, problems)
        wrong: dict[str, list[Reason]] = {name: [] for name in desired.sources}

        def read(name: str, source: Server) -> Source | None:
            with collect(wrong[name]):
                return _read_source(server, source, desired, wrong[name])
            return None

        # Reading all tables takes as long as there are many; each answer is bounded.
        sources = {}
        for name, answer in ask_servers(desired.sources, read, None).items():
            if isinstance(answer, ServerError):
                wrong[name].append(str(answer))
            elif answer:
                sources[name] = answer
            problems += [f"{name}: {problem}" for problem in wrong[name]]
        refuse_if_any(problems)
        return Current(here, server_side.type_conversions(server), sources)

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        tables: list[dict[str, Any]] = []
        for number, table in enumerate(desired.tables):
            servers, problems = _compared(server, table, number, current)
            tables.append(
                {
                    "schema": table.schema,
                    "name": table.name,
                    "ok": not problems,
                    "problems": problems,
                    "table": _shown(current.here[number]),
                    "servers": servers,
                }
            )
        warnings = []
        if current.type_conversions:
            warnings.append(
                f"server {server.address} converts types ({current.type_conversions}): a "
                "difference of types that is reported to stop a channel may change values instead."
            )
        alone = {} if desired.listed else {key: tables[0][key] for key in ("table", "servers")}
        return {
            "ok": all(one["ok"] for one in tables),
            "problems": [problem for one in tables for problem in one["problems"]],
            "type_conversions": current.type_conversions,
            "tables": tables,
            "warnings": warnings,
            **alone,
        }


def _table(given: Params) -> Table:
    refuse_if_any(system_schema_problems("schema", given["schema"]))
    return Table(given["schema"], given["name"])


def _compared(
    server: Server, table: Table, number: int, current: Current
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return how a table, by its number, differs from that of each source, and which do harm."""
    servers, problems = [], []
    for name, source in current.sources.items():
        found = compare(
            source.shapes[number],
            current.here[number],
            server.dialect.applier_enforces_checks,
            source.logs_generated,
        )
        name_differs = name_difference(str(table), source.names, server.names)
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
    return servers, problems


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
            problems.append(f"compare_with: {name} is listed twice; name each server once.")
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


def _read(
    server: Server, desired: Desired, problems: list[Reason]
) -> tuple[TableShape | None, ...]:
    """Read all tables of a server, and add to ``problems`` what it refuses of them."""
    shapes: list[TableShape | None] = []
    for table in desired.tables:
        stored = table.stored(server.names)
        with collect(problems):
            shapes.append(server_side.read_table(server, stored.schema, stored.name))
    return tuple(shapes)


def _read_source(
    server: Server, source: Server, desired: Desired, problems: list[Reason]
) -> Source:
    if source.flavour != server.flavour:
        raise Refused(
            [
                f"server {source.address} is {source.flavour}, and {server.address} is "
                f"{server.flavour}; only servers of one flavour can be compared."
            ]
        )
    shapes = _read(source, desired, problems)
    return Source(shapes, source.logs_generated, source.names)


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
