# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A write server's increment and offset, its sessions, and its ids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.host.files import read_file
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Options,
    Params,
    Taken,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids import autoinc as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids import (
    reader_ids as reader_ids_plans,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.id_columns import (
    RAISE,
    floor_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers.time_zones import (
    clock_risks,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids import autoinc as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids import (
    id_columns,
    stale_sessions,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    anonymous_transactions,
    reader_ids,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers import (
    settings,
    time_zones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import CRITICAL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import (
    Autoinc,
    NamedAutoinc,
    problems_between,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import (
    IdColumn,
    IdLimits,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import (
    IdsOnReader,
    UsageTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import (
    END,
    NEVER,
    REPORT,
    WAIT,
    ConnectionMark,
    StalePolicy,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    ServerZones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

PAIR: Options = {
    "increment": {"type": "int", "required": True},
    "offset": {"type": "int", "required": True},
}


@dataclass(frozen=True)
class Desired:
    """What is asked for: what is planned, and how the rest is looked at.

    ``persist_file`` is where a server that cannot store the pair itself finds it.
    """

    ids: planning.DesiredAutoinc
    persist_file: str | None
    check_settings: bool
    require_tls: bool
    readers: reader_ids.Readers


@dataclass(frozen=True)
class Current:
    """What a server has, and how it is asked for its sessions of before.

    ``risks`` and ``zones`` are there where its settings were looked at.
    """

    ids: planning.CurrentAutoinc
    watch: stale_sessions.Watch
    identity: Mapping[str, Any]
    risks: tuple[str, ...] = ()
    zones: ServerZones | None = None


class AutoincOffset(Operation[Desired, Current]):
    """The pair of one write server, at run time and for its next start."""

    options = {
        **PAIR,
        "peers": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"name": {"type": "str", "required": True}, **PAIR},
        },
        "persist_file": {"type": "path"},
        "force": {"type": "bool", "default": False},
        "stale_sessions": {"type": "str", "choices": [REPORT, WAIT, END], "default": REPORT},
        "stale_sessions_timeout_seconds": {"type": "int", "default": 30},
        "check_ids": {"type": "bool", "default": True},
        "check_schemas": {"type": "list", "elements": "str", "default": []},
        "require_schemas": {"type": "bool", "default": True},
        "ids_checked_per_table": {"type": "int", "default": 100000},
        "earlier_increment": {"type": "int"},
        "fail_on_foreign_ids": {"type": "bool", "default": False},
        "fail_when_used_percent": {"type": "int", "default": 90},
        "check_settings": {"type": "bool", "default": False},
        "require_tls": {"type": "bool", "default": False},
        "next_id_above": {"type": "dict", "default": {}},
        "usage_tables": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "schema": {"type": "str", "required": True},
                "name": {"type": "str", "required": True},
                "id_column": {"type": "str", "default": "id"},
            },
        },
        "read_servers": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "host": {"type": "str", "required": True},
                "port": {"type": "int", "default": 3306},
            },
        },
        "read_server_user": {"type": "str"},
        "read_server_password": {"type": "str", "no_log": True},
        "read_server_ssl": {"type": "bool", "default": False},
        "read_server_ssl_ca": {"type": "path"},
    }

    def desired(self, params: Params) -> Desired:
        ids = planning.DesiredAutoinc(
            Autoinc(params["increment"], params["offset"]),
            StalePolicy(params["stale_sessions"], params["stale_sessions_timeout_seconds"]),
            IdLimits(
                params["check_ids"],
                tuple(params["check_schemas"]),
                params["ids_checked_per_table"],
                params["fail_when_used_percent"],
                params["fail_on_foreign_ids"],
                schemas_must_exist=params["require_schemas"],
            ),
            {name: _as_number(floor) for name, floor in params["next_id_above"].items()},
            params["earlier_increment"],
            params["force"],
            tuple(UsageTable(**table) for table in params["usage_tables"]),
        )
        refuse_if_any(_problems(ids, params))
        return Desired(
            ids,
            params["persist_file"],
            params["check_settings"],
            params["require_tls"],
            _readers(params),
        )

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        names = ask()
        ids = desired.ids
        schemas = tuple(names.stored(name) for name in ids.limits.schemas)
        floors = {names.stored(name): floor for name, floor in ids.next_id_above.items()}
        tables = tuple(
            replace(table, schema=names.stored(table.schema), name=names.stored(table.name))
            for table in ids.usage_tables
        )
        limits = replace(ids.limits, schemas=schemas)
        return replace(
            desired,
            ids=replace(ids, limits=limits, next_id_above=floors, usage_tables=tables),
        )

    def leaves_log(self, desired: Desired) -> bool:
        # Of what it runs only the ALTER TABLE that raises a next id would be logged: variables
        # that are set and sessions that are ended never are. Who sets a pair needs no right to
        # leave the log.
        return bool(desired.ids.next_id_above)

    def current(self, server: Server, desired: Desired) -> Current:
        risks: tuple[str, ...] = ()
        zones = None
        if desired.check_settings:
            verdict = settings.verdict(
                server,
                WRITE_SERVER,
                settings.read(server),
                desired.require_tls,
                desired.ids.limits.schemas,
            )
            critical = [one for one in verdict.findings if one.severity == CRITICAL]
            refuse_if_any([*critical, *anonymous_transactions.problems(server)])
            zones = time_zones.read(server)
            risks = (*verdict.risks, *map(str, clock_risks(zones.clock)))
        identity = settings.identity_of(server)
        pair = desired.ids.pair
        file = wanted = None
        if not server.dialect.has_persist:
            file = _file(server, desired.persist_file)
            wanted = replace(file, text=planning.file_text(pair))
        found = server_side.read(server, file, wanted)
        watch = stale_sessions.Watch(
            pair, stale_sessions.knows_values(server), _moment(server, pair, found)
        )
        columns, on_readers = _ids(server, desired, found)
        found = replace(found, sessions=watch.stale(server), columns=columns, on_readers=on_readers)
        return Current(found, watch, identity, risks, zones)

    def plan(self, desired: Desired, current: Current) -> Plan:
        return planning.plan(desired.ids, current.ids)

    def statements(self, server: Server, current: Current, step: Step) -> list[Statement]:
        if step.action == planning.END_SESSION:
            return [stale_sessions.end_statement(step.value)]
        if step.action == RAISE:
            return [id_columns.statement(step)]
        return server_side.statements(step.value, server)

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: Current,
        step: Step,
        statements: Sequence[Statement],
    ) -> ConnectionMark | None:
        """Take one step; of the pair's, return the newest connection that may be older than it."""
        if step.action == planning.END_SESSION:
            for statement in statements:
                stale_sessions.run_end(server, statement)
            return None
        super().perform(server, desired, current, step, statements)
        # Whoever connects from now on has the new pair.
        return stale_sessions.mark(server) if step.action == planning.SET else None

    def completed(
        self, desired: Desired, current: Current, file: ConfigFile, done: Sequence[Taken]
    ) -> ConfigFile:
        return planning.marked(file, _watch_after(current, done).moment)

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        pair, action = desired.ids.pair, desired.ids.stale.action
        before = stale = current.ids.sessions
        ended = tuple(step.value for step in plan.steps if step.action == planning.END_SESSION)
        if done is not None:
            watch = _watch_after(current, done)
            if action != REPORT and (plan.changed or stale):
                ended = watch.settle(server, desired.ids.stale, ended)
            stale = watch.stale(server)
        elif action == END:
            stale = ()
        late = [one for one in stale if one not in before]
        return {
            "autoinc": {
                "increment": pair.increment,
                "offset": pair.offset,
                "residue": pair.residue,
            },
            "identity": current.identity,
            "stale_sessions": [asdict(session) for session in stale],
            "ended_sessions": [asdict(session) for session in ended],
            "id_columns": [_shown(column, pair, plan) for column in current.ids.columns],
            **({"time_zones": current.zones.told()} if current.zones else {}),
            "warnings": [*current.risks, *([planning.stale_warning(late)] if late else [])],
        }


def _problems(ids: planning.DesiredAutoinc, params: Params) -> list[str]:
    """Say what of the options can be on no server."""
    everyone = [
        NamedAutoinc("this server", ids.pair),
        *(
            NamedAutoinc(peer["name"], Autoinc(peer["increment"], peer["offset"]))
            for peer in params["peers"]
        ),
    ]
    problems = [text for one in everyone for text in one.pair.problems(one.name)]
    problems = problems or problems_between(everyone)
    earlier = ids.earlier_increment
    if earlier is not None and (earlier < 1 or ids.pair.increment % earlier):
        problems.append(
            f"earlier_increment {earlier} does not divide increment {ids.pair.increment}; an "
            "increment can only be multiplied."
        )
    if params["read_servers"] and not (
        params["read_server_user"] and params["read_server_password"]
    ):
        problems.append(
            "read_servers cannot be queried without read_server_user and read_server_password; "
            "give both."
        )
    schemas: dict[str, Collection[str]] = {
        "check_schemas": ids.limits.schemas,
        "next_id_above": dict.fromkeys(name.partition(".")[0] for name in ids.next_id_above),
        "usage_tables": dict.fromkeys(table.schema for table in ids.usage_tables),
    }
    for option, names in schemas.items():
        problems += system_schema_problems(option, *names)
    return [
        *problems,
        *ids.stale.problems(),
        *ids.limits.problems(),
        *floor_problems(ids.next_id_above),
    ]


def _readers(params: Params) -> reader_ids.Readers:
    """Return how the read servers are reached."""
    ca = params["read_server_ssl_ca"]
    return reader_ids.Readers(
        {
            reader["name"]: Settings(
                source_host=reader["host"],
                source_port=reader["port"],
                source_user=params["read_server_user"],
                source_ssl=params["read_server_ssl"],
                source_ssl_ca=ca,
                source_ssl_verify_server_cert=bool(ca),
            )
            for reader in params["read_servers"]
        },
        Secret(params["read_server_password"] or ""),
        params["connect_timeout"],
    )


def _as_number(value: Any) -> Any:
    """Return a value of a dictionary, which Ansible leaves as text, as a number if it is one."""
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value


def _file(server: Server, path: str | None) -> ConfigFile:
    """Return the file of a server that cannot store variables itself."""
    if not path:
        raise Refused(
            [
                f"server {server.address} is MariaDB, which cannot store variables itself: "
                "name a configuration file in persist_file, or the server would use other values "
                "after a restart."
            ]
        )
    folder = Path(path).parent
    if not folder.is_dir():
        raise Refused(
            [f"persist_file: the folder {folder} does not exist. Create it, or correct the path."]
        )
    return read_file(path)


def _moment(server: Server, pair: Autoinc, found: planning.CurrentAutoinc) -> ConnectionMark:
    """Return when the pair was set: now, unless the file knows better."""
    if planning.is_set(pair, found):
        return planning.mark_in(found.file) or NEVER
    return stale_sessions.mark(server)


def _ids(
    server: Server, desired: Desired, found: planning.CurrentAutoinc
) -> tuple[tuple[IdColumn, ...], tuple[IdsOnReader, ...]]:
    """Return the server's columns, and what read servers have that it would give again."""
    ids, readers = desired.ids, desired.readers
    tables = {*ids.next_id_above, *(table.table_name for table in ids.usage_tables)}
    columns = id_columns.read(server, ids.limits, planning.judged_by(ids, found), tables)
    if not (readers.settings and ids.usage_tables):
        return columns, ()
    next_ids = planning.next_ids(ids, columns)
    on_readers = reader_ids.find(readers, ids.pair, ids.usage_tables, next_ids)
    if any(one.id is not None for one in on_readers):
        # What this server has numbered, and they have got, while they were asked.
        columns = id_columns.read_again(server, columns)
        if reader_ids_plans.taken(on_readers, planning.next_ids(ids, columns)):
            on_readers = reader_ids.with_highest(readers, ids.pair, ids.usage_tables, on_readers)
    return columns, on_readers


def _watch_after(current: Current, done: Sequence[Taken]) -> stale_sessions.Watch:
    """Return how to ask for the sessions of before once these steps are taken."""
    moments = [taken.outcome for taken in done if taken.step.action == planning.SET]
    return replace(current.watch, moment=moments[-1]) if moments else current.watch


def _shown(column: IdColumn, pair: Autoinc, plan: Plan) -> dict[str, Any]:
    """Return what a user is told of a column; ``next_id`` is that after the run."""
    raised = {step.target: step.value[1] for step in plan.steps if step.action == RAISE}
    column = replace(column, counter=raised.get(column.table_name, column.counter))
    return {
        "schema": column.schema,
        "table": column.table,
        "column": column.column,
        "type": column.type,
        "highest_id": column.highest,
        "next_id": column.next_id(pair),
        "used_percent": column.used_percent,
        "ids_left": column.left(pair),
        "ids_checked": column.checked,
        "foreign_ids": column.foreign,
        "foreign_sample": list(column.sample),
    }
