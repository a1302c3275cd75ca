# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants: on which shard each is, its schema and accounts there, and whether they may be used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongDone,
    LongOperation,
    Noted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.replica_set import (
    logins_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory.server_state import (
    directory_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import HERE, Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tenants import tenant as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts import accounts
from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts.account_statements import (
    statements,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.clock import utc_now
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import (
    directory as rows,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import schema
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tenants import tenants as steps
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    DesiredAccount,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account_options import (
    desired_accounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    TOPOLOGY,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import Journal
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import named_twice
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Member,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    WantedTenant,
    scope_of,
)

SOURCE = "mysql_fabric_tenant"
_ACCOUNT: Options = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "default": "%"},
    "password": {"type": "str", "no_log": True},
    "privileges": {"type": "list", "elements": "str", "default": ["ALL PRIVILEGES"]},
    "require_tls": {"type": "bool", "default": True},
}
_MEMBER: Options = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 3306},
}
# How shards are reached, and who may write into all of them.
SHARDS: Options = {
    "shards": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "members": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": _MEMBER,
            },
        },
    },
    "operator_user": {"type": "str", "default": "operator"},
    "operator_password": {"type": "str", "no_log": True},
    "operator_tls": {"type": "bool", "default": True},
    "operator_ca_cert": {"type": "path"},
    "operators": {"type": "list", "elements": "str", "default": ["root", "mysql"]},
    "reason": {"type": "str", "default": ""},
}
# Of an account as mysql_account takes it, what is not said here.
_UNSAID = (
    "hosts",
    "kind",
    "update_password",
    "old_password",
    "roles",
    "default_roles",
    "revoke_unlisted",
    "resource_limits",
    "locked",
    "state",
)
_Writing = Union["tuple[bool, int, str]", ServerError]


@dataclass(frozen=True)
class Desired:
    """What is asked for, and how the shards are reached; members by the name of their shard."""

    tenants: tuple[WantedTenant, ...]
    shards: Mapping[str, tuple[Member, ...]]
    user: str
    password: Secret | None
    tls: bool
    ca_cert: str | None
    operators: tuple[str, ...]
    reason: str

    @property
    def members(self) -> tuple[Member, ...]:
        """The members of all shards."""
        return tuple(member for members in self.shards.values() for member in members)

    @property
    def accounts(self) -> tuple[DesiredAccount, ...]:
        """The accounts of all tenants that are to be there."""
        return tuple(account for one in self.tenants if one.present for account in one.accounts)


@dataclass(frozen=True)
class Current:
    """What the servers say; ``version`` is the directory's, ``choices`` are of new tenants."""

    world: planning.World
    version: tuple[int, int]


class FabricTenant(LongOperation[Desired, Current]):
    """Brings tenants to a state, each on its shard."""

    work = "tenant"
    # The directory's changes reach all members. A shard's are logged step by step.
    logged = (HERE,)
    options = {
        "tenants": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "schema": {"type": "str", "required": True},
                "shard": {"type": "str"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "locked": {"type": "bool"},
                "accounts": {
                    "type": "list",
                    "elements": "dict",
                    "default": [],
                    "options": _ACCOUNT,
                },
                "delete_data": {"type": "bool", "default": False},
                "keep_days": {"type": "int", "default": 7},
            },
        },
        **SHARDS,
    }

    def desired(self, params: Params) -> Desired:
        problems: list[str] = []
        tenants = []
        for one in params["tenants"]:
            try:
                tenants.append(_wanted(one))
            except Refused as refusal:
                problems += refusal.problems
        problems += [problem for one in tenants for problem in one.problems()]
        problems += named_twice("tenants", [one.name for one in tenants])
        problems += named_twice("tenants: schema", [one.schema for one in tenants])
        problems += named_twice(
            "tenants: accounts",
            [str(account.account) for one in tenants for account in one.accounts],
        )
        shards = shards_of(params)
        problems += shard_problems(params, HERE)
        refuse_if_any(problems)
        password = params["operator_password"]
        return Desired(
            tuple(tenants),
            shards,
            params["operator_user"],
            Secret(password) if password else None,
            params["operator_tls"],
            params["operator_ca_cert"],
            (*params["operators"], params["operator_user"]),
            params["reason"],
        )

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        others = logins_of(
            desired.members,
            "",
            here,
            desired.user,
            desired.password,
            desired.tls,
            desired.ca_cert,
        )
        return {HERE: here, **others}

    def may_be_unreachable(self, desired: Desired) -> Collection[str]:
        return [member.name for member in desired.members]

    def topology(self, desired: Desired) -> str:
        return TOPOLOGY

    def name(self, desired: Desired) -> str:
        return "tenants"

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> Current:
        here = fleet[HERE]
        found = rows.read(here, schema.VERSION)
        problems = [*directory_problems(found, schema.VERSION)]
        if problems:
            return Current(planning.World(utc_now(here), problems=problems), found.version)
        known, shards = steps.read_directory(here)
        writers, unknown = writers_of(fleet, desired.shards)
        places, held = {}, {}
        closing = {one.schema: one.name for one in desired.tenants if one.locked or not one.present}
        for shard, writer in writers.items():
            server = fleet[writer]
            problems += [
                f"{one.name}: {shard} keeps names of schemas in lower case; write schema: "
                f"{server.names.stored(one.schema)}."
                for one in desired.tenants
                if server.names.stored(one.schema) != one.schema
            ]
            places[shard] = steps.read_place(server, writer, closing, desired.operators)
            if desired.accounts:
                held[shard] = accounts.read(server, desired.accounts)
        world = planning.World(utc_now(here), known, shards, places, unknown, held, problems)
        return Current(world, found.version)

    def plan(self, desired: Desired, current: Current) -> Plan:
        made = planning.plan(desired.tenants, current.world)
        members = {
            place.member: [member.name for member in desired.shards[shard]]
            for shard, place in current.world.places.items()
        }
        return Plan(
            tuple(
                Step(
                    _verb(step),
                    step.target,
                    step.before,
                    step.after,
                    (step.action, step.value, desired.reason, members.get(step.server, ())),
                    step.server,
                )
                for step in made.steps
            ),
            made.warnings,
        )

    def perform(self, fleet: Fleet, step: Step) -> Noted:
        action, value, reason, members = step.value
        server = fleet[step.server]
        if step.server == HERE:
            said = rows.said(SOURCE, reason)
            server.rows(said.sql, *said.args)
            _IN_DIRECTORY[action](server, value)
        elif action == planning.END_SESSIONS:
            for name in members:
                if name in fleet:
                    steps.end_sessions(fleet[name], value)
        elif action in EVENTS:
            EVENTS[action](server, *value)
        else:
            with server.in_binary_log():
                on_shard(server, action, value)
        return None

    def result(self, desired: Desired, current: Current, done: LongDone) -> dict[str, Any]:
        world = current.world
        choices = planning.choose(desired.tenants, world)
        chosen = {
            taken.step.target: taken.detail["chosen"]
            for taken in done or ()
            if "chosen" in taken.detail
        }
        epoch, counter = current.version
        return {
            "tenants": [
                _told(one, world, chosen.get(one.name, choices.get(one.name)))
                for one in desired.tenants
            ],
            "version": {"epoch": epoch, "counter": counter},
        }

    def intent(self, desired: Desired, current: Current, step: Step) -> Noted:
        if step.action != planning.REGISTER:
            return None
        choice = planning.choose(desired.tenants, current.world)[step.target]
        return {"chosen": choice.reason}


_IN_DIRECTORY: Mapping[str, Callable[[Server, Any], None]] = {
    planning.REGISTER: steps.register,
    planning.UNREGISTER: steps.unregister,
    planning.SET_LOCKED: lambda server, value: steps.set_locked(server, *value),
    planning.SET_DROP: lambda server, value: steps.set_drop_after(server, *value),
}
EVENTS = {
    planning.EVENTS_OFF: steps.turn_off_events,
    planning.EVENTS_ON: steps.turn_on_events,
}


def on_shard(server: Server, action: str, value: Any) -> None:
    """Take a step on a shard, in its binary log."""
    if action == planning.MAKE_STAMPS:
        steps.make_stamps(server)
    elif action == planning.STAMP:
        steps.put_stamp(server, *value)
    elif action == planning.FORGET:
        steps.forget(server, *value)
    elif action == planning.MAKE_SCHEMA:
        steps.make_schema(server, value)
    elif action == planning.DROP_SCHEMA:
        steps.drop_schema(server, value)
    elif action == planning.NOTE_ACCOUNT:
        steps.note_account(server, *value)
    elif action == planning.ALLOW:
        steps.let_ask(server, value)
    elif action == planning.DROP_ACCOUNT:
        steps.drop_account(server, value)
    elif action == planning.CHANGE_ACCOUNT:
        for statement in statements(value, server):
            server.run(statement)
    else:
        steps.set_account_lock(server, value, action == planning.LOCK_ACCOUNT)


def shards_of(params: Params) -> dict[str, tuple[Member, ...]]:
    """Return the members of each shard as the options give them."""
    return {
        one["name"]: tuple(
            Member(member["name"], member["host"], member["port"]) for member in one["members"]
        )
        for one in params["shards"]
    }


def shard_problems(params: Params, reserved: str) -> list[str]:
    """Say what is wrong with the shards; ``reserved`` is what the directory's server is called."""
    names = [member["name"] for one in params["shards"] for member in one["members"]]
    problems = named_twice("shards", [one["name"] for one in params["shards"]])
    problems += named_twice("shards: members", names)
    if reserved in names:
        problems.append(f"shards: a member is called {reserved}, as the directory is; rename it.")
    return problems


def _wanted(given: Mapping[str, Any]) -> WantedTenant:
    unsaid = dict.fromkeys(_UNSAID)
    options = [
        {
            **unsaid,
            "name": one["name"],
            "host": one["host"],
            "password": one["password"],
            "require_tls": one["require_tls"],
            "privileges": {scope_of(given["schema"]): one["privileges"]},
        }
        for one in given["accounts"]
    ]
    return WantedTenant(
        given["name"],
        given["schema"],
        given["shard"],
        given["state"] == "present",
        given["locked"],
        tuple(desired_accounts(options)) if options else (),
        given["delete_data"],
        given["keep_days"],
    )


def writers_of(
    fleet: Fleet, shards: Mapping[str, Sequence[Member]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the member of each shard that takes writes, and of the others why that is not known."""
    names = [member.name for members in shards.values() for member in members]
    writing = fleet.ask(steps.takes_writes, names) if names else {}
    writers: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for shard, members in shards.items():
        answers = {member.name: writing[member.name] for member in members}
        said = _writer(shard, answers)
        (writers if said in answers else unknown)[shard] = said
    return writers, unknown


def _writer(shard: str, answers: Mapping[str, _Writing]) -> str:
    """Return the member of a shard that takes writes, or a sentence why that is not known."""
    said = {name: one for name, one in answers.items() if not isinstance(one, ServerError)}
    newest = max(((epoch, active) for _open, epoch, active in said.values()), default=(0, ""))
    writers = [name for name, (is_open, _epoch, _active) in said.items() if is_open]
    if not said:
        why = "; ".join(str(one) for one in answers.values())
        return f"no member of {shard} can be asked ({why})."
    if len(writers) != 1:
        return (
            f"{' and '.join(writers) or 'no member'} of {shard} takes writes; run site.yml, which says "
            "what settles it."
        )
    if newest[1] != writers[0]:
        return (
            f"{writers[0]} of {shard} takes writes, and the newest epoch names "
            f"{newest[1] or 'nobody'}; run site.yml, which says what settles it."
        )
    return writers[0]


def _verb(step: Step) -> str:
    """Return what a step is called; one of an account is what mysql_account calls it."""
    return step.value.action if step.action == planning.CHANGE_ACCOUNT else step.action


def _told(
    wanted: WantedTenant, world: planning.World, choice: planning.Choice | str | None
) -> dict[str, Any]:
    known = world.tenants.get(wanted.name)
    shard = known.shard if known else choice.shard if isinstance(choice, planning.Choice) else None
    place = world.places.get(shard or "")
    stamp = (place.stamps or {}).get(wanted.name) if place else None
    size = place.schemas.get(wanted.schema) if place else None
    gone = known is None or known.drop_after is not None
    return {
        "name": wanted.name,
        "schema": wanted.schema,
        "shard": shard,
        "state": "absent" if gone else "present",
        "locked": bool(known and known.locked),
        "epoch": known.epoch if known else None,
        "stamp": stamp.state if stamp else None,
        "chosen": choice.reason if isinstance(choice, planning.Choice) else choice,
        "tables": size.tables if size else 0,
        "bytes": size.size if size else 0,
        "drop_after": planning.text(known.drop_after) if known else None,
    }
