# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Common data on servers from which others replicate: brought as their own transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongDone,
    LongOperation,
    Noted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Params
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import HERE, Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import distribution
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.distribution import (
    Distribution,
    Side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import channels
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import copied_rows
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    copied_table as reading,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import Journal
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    named_twice,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.copied_table import (
    RowCounts,
)

SOURCE = "source"


@dataclass(frozen=True)
class Source:
    """The active writer, and how it is reached."""

    name: str
    host: str
    port: int
    user: str
    password: Secret | None
    tls: bool
    ca_cert: str | None


@dataclass(frozen=True)
class Desired:
    """Which schemas are brought to which server, and how."""

    target: str
    schemas: Sequence[str]
    source: Source
    logged: bool
    chunk_rows: int


class CommonData(LongOperation[Desired, Distribution]):
    """Brings the rows of common schemas to what the active writer has."""

    work = "common_data"
    # Nothing is written there; the account may have no right to leave its log.
    logged = (SOURCE,)
    options = {
        "target": {"type": "str", "required": True},
        "schemas": {"type": "list", "elements": "str", "required": True},
        "source_name": {"type": "str", "required": True},
        "source_host": {"type": "str", "required": True},
        "source_port": {"type": "int", "default": 3306},
        "source_user": {"type": "str", "required": True},
        "source_password": {"type": "str", "no_log": True},
        "source_ssl": {"type": "bool", "default": True},
        "source_ssl_ca": {"type": "path"},
        "logged": {"type": "bool", "default": False},
        "chunk_rows": {"type": "int", "default": 5000},
    }

    def desired(self, params: Params) -> Desired:
        schemas, rows = tuple(params["schemas"]), params["chunk_rows"]
        problems = [*system_schema_problems("schemas", *schemas), *named_twice("schemas", schemas)]
        if rows < 1:
            problems.append(f"chunk_rows is {rows}; it must be at least 1.")
        refuse_if_any(problems)
        password = params["source_password"]
        source = Source(
            params["source_name"],
            params["source_host"],
            params["source_port"],
            params["source_user"],
            Secret(password) if password else None,
            params["source_ssl"],
            params["source_ssl_ca"],
        )
        return Desired(params["target"], schemas, source, params["logged"], rows)

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        source = desired.source
        return {
            HERE: here,
            SOURCE: Login(
                host=source.host,
                port=source.port,
                user=source.user,
                password=source.password,
                ca_cert=source.ca_cert,
                check_hostname=bool(source.ca_cert) or None,
                unverified_tls=source.tls and not source.ca_cert,
                connect_timeout=here.connect_timeout,
                read_timeout=here.read_timeout,
            ),
        }

    def name(self, desired: Desired) -> str:
        return f"common data of {desired.target}"

    def journal_on(self, desired: Desired) -> str | None:
        return None

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> Distribution:
        source, here = fleet[SOURCE], fleet[HERE]
        reading.prepare_to_read(source)
        reading.prepare_to_write(here)

        def look(server: Server) -> Side:
            return reading.read_side(server, desired.schemas)

        sides = {}
        for name, answer in fleet.ask(look).items():
            if isinstance(answer, ServerError):
                raise answer
            sides[name] = answer
        there = sides[SOURCE]
        own = replace(sides[HERE], channels=[one.name for one in channels.read(here)])
        refuse_if_any(distribution.problems(there, own, desired.source.name, desired.logged))
        counts = {
            key: copied_rows.count(source, here, table, desired.chunk_rows)
            if key in own.tables
            else copied_rows.count_all(source, table)
            for key, table in there.tables.items()
        }
        return Distribution(there, own, counts)

    def plan(self, desired: Desired, current: Distribution) -> Plan:
        made = distribution.plan(current)
        steps = tuple(replace(step, value=(step.value, desired)) for step in made.steps)
        return replace(made, steps=steps)

    def perform(self, fleet: Fleet, step: Step) -> Noted:
        value, desired = step.value
        source, here = fleet[SOURCE], fleet[HERE]
        with here.in_binary_log() if desired.logged else contextlib.nullcontext():
            if step.action == distribution.CREATE:
                reading.create(here, *value)
                return None
            for table in value:
                copied_rows.bring(source, here, table, desired.chunk_rows)
        # What was found before: a row that was in the way of another is no new one.
        words = RowCounts().told()
        return {
            "tables": {
                name: {word: counts[word] for word in words}
                for name, counts in (step.after or {}).items()
            }
        }

    def result(self, desired: Desired, current: Distribution, done: LongDone) -> dict[str, Any]:
        if done is None:
            told = {str(current.there.tables[key]): one for key, one in current.counts.items()}
            return _told({name: counts.told() for name, counts in told.items()})
        tables = {str(table): RowCounts().told() for table in current.there.tables.values()}
        for taken in done:
            for name, counts in taken.detail.get("tables", {}).items():
                tables[name] = {word: tables[name][word] + counts[word] for word in counts}
        return _told(tables)


def _told(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {"tables": [{"table": name, **tables[name]} for name in sorted(tables)]}
