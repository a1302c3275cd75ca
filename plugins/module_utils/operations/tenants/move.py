# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's move to another shard: closed, copied, compared, and opened there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.host.tenants.copying import (
    CopyFailed,
    copy_schema,
    program,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongDone,
    LongOperation,
    Noted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Params
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.replica_set import (
    logins_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tenants.tenant import (
    EVENTS,
    SHARDS,
    on_shard,
    shard_problems,
    shards_of,
    writers_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory.server_state import (
    directory_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants import move as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants import tenant as tenants
from ansible_collections.dbrw.sharding.plugins.module_utils.server.clock import utc_now
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import (
    directory as rows,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import schema
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tenants import moving
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tenants import tenants as steps
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    TOPOLOGY,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import DONE, Journal
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Member,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.move import (
    VERBS,
    WantedMove,
)

SOURCE = "mysql_tenant_move"
DIRECTORY = planning.DIRECTORY


@dataclass(frozen=True)
class Desired:
    """What is asked for, and how directory and shards are reached; ``here`` is the module's own."""

    wanted: WantedMove
    here: str
    directory: Member
    shards: Mapping[str, tuple[Member, ...]]
    user: str
    password: Secret | None
    tls: bool
    ca_cert: str | None
    operators: tuple[str, ...]
    reason: str
    programs: tuple[str, str] = ("", "")

    @property
    def members(self) -> tuple[Member, ...]:
        """The members of all shards."""
        return tuple(member for members in self.shards.values() for member in members)


class TenantMove(LongOperation[Desired, planning.World]):
    """Moves a tenant, drops what is left at its old place, or takes a move back."""

    work = "tenant move"
    # The directory's changes reach all members. A shard's are logged step by step.
    logged = (DIRECTORY,)
    options = {
        "tenant": {"type": "str", "required": True},
        "verb": {"type": "str", "choices": list(VERBS), "default": VERBS[0]},
        "to": {"type": "str", "default": ""},
        "keep_days": {"type": "int", "default": 7},
        "member": {"type": "str", "required": True},
        "dump_program": {"type": "path", "default": ""},
        "load_program": {"type": "path", "default": ""},
        "directory": {
            "type": "dict",
            "required": True,
            "options": {
                "host": {"type": "str", "required": True},
                "port": {"type": "int", "default": 3306},
            },
        },
        **SHARDS,
    }

    def desired(self, params: Params) -> Desired:
        problems = shard_problems(params, DIRECTORY)
        shards = shards_of(params)
        names = [member.name for members in shards.values() for member in members]
        if params["member"] not in names:
            problems.append(
                f"member is {params['member']}, which is none of shards ({', '.join(names)}); name the one "
                "that the login is for."
            )
        if params["verb"] == "start" and not params["to"]:
            problems.append("to is missing; name the shard to move to.")
        if params["keep_days"] < 0:
            problems.append(f"keep_days is {params['keep_days']}; it must not be below 0.")
        refuse_if_any(problems)
        password = params["operator_password"]
        return Desired(
            WantedMove(params["tenant"], params["verb"], params["to"], params["keep_days"]),
            params["member"],
            Member(DIRECTORY, params["directory"]["host"], params["directory"]["port"]),
            shards,
            params["operator_user"],
            Secret(password) if password else None,
            params["operator_tls"],
            params["operator_ca_cert"],
            (*params["operators"], params["operator_user"]),
            params["reason"],
            (params["dump_program"], params["load_program"]),
        )

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        return logins_of(
            (desired.directory, *desired.members),
            desired.here,
            here,
            desired.user,
            desired.password,
            desired.tls,
            desired.ca_cert,
        )

    def read_timeout(self, desired: Desired) -> float | None:
        # A checksum of a large table takes as long as it takes.
        return None

    def may_be_unreachable(self, desired: Desired) -> Collection[str]:
        return [member.name for member in desired.members]

    def topology(self, desired: Desired) -> str:
        return TOPOLOGY

    def name(self, desired: Desired) -> str:
        # As of whoever makes tenants, locks them, or takes them away.
        return "tenants"

    def journal_on(self, desired: Desired) -> str | None:
        return DIRECTORY

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> planning.World:
        directory = fleet[DIRECTORY]
        found = rows.read(directory, schema.VERSION)
        problems = [*directory_problems(found, schema.VERSION)]
        now = utc_now(directory)
        if problems:
            return planning.World(now, problems=problems)
        known_tenants, shards = steps.read_directory(directory)
        known = known_tenants.get(desired.wanted.tenant)
        if known is None:
            return planning.World(now, None, shards)
        writers, unknown = writers_of(fleet, desired.shards)
        ends = {}
        closing = {known.schema: known.name}
        for shard, writer in writers.items():
            place = steps.read_place(fleet[writer], writer, closing, desired.operators)
            ends[shard] = moving.read_end(fleet[writer], place, known.name, known.schema)
        copied, compared = journal.last(planning.COPY), journal.last(planning.COMPARE)
        return planning.World(
            now,
            known,
            shards,
            ends,
            unknown,
            frozenset(
                (entry.server, entry.target)
                for entry in journal.entries
                if entry.step == planning.COPY_ACCOUNT and entry.state == DONE
            ),
            copied.server if copied else "",
            compared.server if compared else "",
        )

    def plan(self, desired: Desired, current: planning.World) -> Plan:
        made = planning.plan(desired.wanted, current)
        members = {
            end.place.member: [member.name for member in desired.shards[shard]]
            for shard, end in current.ends.items()
        }
        return Plan(
            tuple(
                Step(
                    step.action,
                    step.target,
                    step.before,
                    step.after,
                    (step.value, desired, members.get(step.server, ())),
                    step.server,
                )
                for step in made.steps
            ),
            made.warnings,
        )

    def perform(self, fleet: Fleet, step: Step) -> Noted:
        value, desired, members = step.value
        server = fleet[step.server]
        if step.action == planning.FLIP:
            said = rows.said(SOURCE, desired.reason)
            server.rows(said.sql, *said.args)
            moving.flip(server, *value)
        elif step.action == tenants.END_SESSIONS:
            for name in members:
                if name in fleet:
                    steps.end_sessions(fleet[name], value)
        elif step.action in EVENTS:
            EVENTS[step.action](server, *value)
        elif step.action == planning.COMPARE:
            source, name = value
            tables = moving.compare(fleet[source], server, name, source)
            return {"tables": tables}
        elif step.action == planning.COPY:
            return _copied(fleet, step, desired, *value)
        else:
            with server.in_binary_log():
                if step.action == planning.COPY_ACCOUNT:
                    source, account = value
                    moving.copy_account(fleet[source], server, account)
                elif step.action == planning.KEEP_EVENTS:
                    moving.keep_events(server, *value)
                else:
                    on_shard(server, step.action, value)
        return None

    def result(self, desired: Desired, current: planning.World, done: LongDone) -> dict[str, Any]:
        known = current.known
        if known is None:
            return {}
        return {
            "phase": planning.phase(current),
            "shard": known.shard,
            "epoch": known.epoch,
            "locked": known.locked,
            "earlier_copies": [
                {
                    "shard": shard,
                    "since": tenants.text(current.ends[shard].stamped_at),
                    "due": planning.due(current.ends[shard], desired.wanted.keep_days, current.now),
                }
                for shard in planning.old_places(known, current)
            ],
            "bytes": sum(int(taken.detail.get("bytes", 0)) for taken in done or ()),
            "closed_seconds": _closed_seconds(done),
        }


def _copied(
    fleet: Fleet, step: Step, desired: Desired, source_name: str, name: str
) -> Mapping[str, Any]:
    source, target = fleet[source_name], fleet[step.server]
    lock = moving.copy_lock(desired.wanted.tenant)
    is_mariadb = moving.IS_MARIADB[target.flavour]
    try:
        programs = [
            given or program(names, is_mariadb)
            for given, names in zip(desired.programs, moving.PROGRAMS[target.flavour])
        ]
    except CopyFailed as error:
        raise ServerError(target.address, str(error)) from None
    moving.end_copiers(target, desired.wanted.tenant)
    with target.in_binary_log():
        moving.make_schema(target, name, moving.schema_facts(source, name))
    # By the operator's account at both ends, whichever is here.
    logins = logins_of(
        desired.members, "", Login(), desired.user, desired.password, desired.tls, desired.ca_cert
    )
    options = [
        moving.client_options(logins[end], target.flavour, lock if end == step.server else "")
        for end in (source_name, step.server)
    ]
    try:
        size = copy_schema(
            programs,
            options[0],
            options[1],
            [*moving.DUMP[target.flavour], name],
            [*moving.LOAD, name],
        )
    except CopyFailed as error:
        raise ServerError(target.address, str(error)) from None
    return {"bytes": size}


def _closed_seconds(done: LongDone) -> float | None:
    """Return how long the tenant was closed in this call, if it was opened again in it."""
    opened = [taken for taken in done or () if taken.step.action == tenants.STAMP]
    if not opened:
        return None
    return round(sum(taken.seconds for taken in done or ()), 3)
