# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exactly one active writer: settling a replica set, switching it, failing it over."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongDone,
    LongOperation,
    Noted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import (
    replica_set as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set import (
    Wanted,
    source_settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set_diagnosis import (
    Promise,
    diagnose,
    status,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    replica_set_steps as steps,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    observe,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import Journal
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    Settings,
    host_key,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    AVAILABLE,
    DURABILITIES,
    LONGEST_REASON,
    STRICT,
    Member,
    SetState,
    Witness,
    work_on,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set_report import (
    tell,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

MEMBERS: Options = {
    "name": {"type": "str", "required": True},
    "member": {"type": "str", "required": True},
    "members": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "default": 3306},
            "replication_user": {"type": "str", "default": ""},
            "replication_password": {"type": "str", "no_log": True},
        },
    },
    "durability": {"type": "str", "choices": list(DURABILITIES), "default": AVAILABLE},
    "max_lag_seconds": {"type": "int", "default": 5},
    "operator_user": {"type": "str", "default": "operator"},
    "operator_password": {"type": "str", "no_log": True},
    "operator_tls": {"type": "bool", "default": True},
    "operator_ca_cert": {"type": "path"},
}


@dataclass(frozen=True)
class Desired:
    """What is wanted of the set, which member is here, and how the others are reached."""

    wanted: Wanted
    here: str
    user: str
    password: Secret | None
    tls: bool
    ca_cert: str | None
    settings: Settings = Settings()

    @property
    def names(self) -> Mapping[tuple[Any, int], str]:
        """The members' names by their addresses."""
        return {member.address: member.name for member in self.wanted.members}


def members_of(params: Params) -> tuple[Member, ...]:
    """Return the members as the options give them."""
    return tuple(
        Member(
            one["name"],
            one["host"],
            one["port"],
            one["replication_user"],
            Secret(one["replication_password"]) if one["replication_password"] else None,
        )
        for one in params["members"]
    )


def member_problems(members: Sequence[Member], here: str) -> list[str]:
    """Say what is wrong with a list of members."""
    found = [problem for member in members for problem in member.problems()]
    names = [member.name for member in members]
    found += [
        f"members has {name} twice; name each once."
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    addresses = [member.address for member in members]
    found += [
        f"members has the address {host}:{port} twice; give each member its own."
        for host, port in sorted({one for one in addresses if addresses.count(one) > 1})
    ]
    if here not in names:
        found.append(
            f"member is {here}, which is none of members ({', '.join(names) or 'none'}); name the "
            "one that the login is for."
        )
    return found


def logins_of(
    members: Sequence[Member],
    here: str,
    login: Login,
    user: str,
    password: Secret | None,
    tls: bool,
    ca_cert: str | None,
) -> dict[str, Login]:
    """Return how each member is reached: this one by the module's login, the others as operator."""
    return {
        member.name: login
        if member.name == here
        else Login(
            host=member.host,
            port=member.port,
            user=user,
            password=password,
            ca_cert=ca_cert,
            check_hostname=bool(ca_cert) or None,
            unverified_tls=tls and not ca_cert,
            connect_timeout=login.connect_timeout,
            read_timeout=login.read_timeout,
        )
        for member in members
    }


class ReplicaSet(LongOperation[Desired, SetState]):
    """Brings a replica set to a state."""

    work = "replica_set"
    options = {
        **MEMBERS,
        "source_ssl": {"type": "bool", "default": True},
        "source_ssl_ca": {"type": "path"},
        "source_ssl_verify_server_cert": {"type": "bool", "default": False},
        "adopt": {"type": "str", "default": ""},
        "active": {"type": "str", "default": ""},
        "failover": {"type": "bool", "default": False},
        "max_pause_seconds": {"type": "float", "default": 1.0},
        "allow_loss": {"type": "bool", "default": False},
        "alone": {"type": "bool", "default": False},
        "confirm_fenced": {"type": "str", "default": ""},
        "witnesses": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "source_host": {"type": "str"},
                "source_port": {"type": "int", "default": 3306},
                "sees_source": {"type": "bool"},
            },
        },
        "reason": {"type": "str", "default": ""},
        "switched_by": {"type": "str", "default": ""},
    }

    def desired(self, params: Params) -> Desired:
        members = members_of(params)
        problems = member_problems(members, params["member"])
        problems += [
            f"members: {member.name}: replication_user and replication_password are missing; it "
            "could not follow another."
            for member in members
            if len(members) > 1 and not (member.replication_user and member.replication_password)
        ]
        if params["max_pause_seconds"] <= 0:
            problems.append(
                f"max_pause_seconds is {params['max_pause_seconds']}; it must be more than 0."
            )
        for option in ("reason", "switched_by"):
            if len(params[option]) > LONGEST_REASON:
                problems.append(
                    f"{option} has {len(params[option])} characters; the table of epochs keeps "
                    f"{LONGEST_REASON}."
                )
        for option in ("adopt", "active", "confirm_fenced"):
            if params[option] and params[option] not in [member.name for member in members]:
                problems.append(
                    f"{option} names {params[option]}, which is no member of {params['name']}; its "
                    f"members are {', '.join(member.name for member in members)}."
                )
        refuse_if_any(problems)
        wanted = Wanted(
            Promise(params["name"], params["durability"], params["max_lag_seconds"]),
            members,
            adopt=params["adopt"],
            to=params["active"],
            failover=params["failover"],
            max_pause_seconds=params["max_pause_seconds"],
            allow_loss=params["allow_loss"],
            alone=params["alone"],
            confirm_fenced=params["confirm_fenced"],
            reason=params["reason"],
            by=params["switched_by"],
            witnesses=[
                Witness(
                    one["name"],
                    (host_key(one["source_host"]), one["source_port"])
                    if one["source_host"]
                    else None,
                    one["sees_source"],
                )
                for one in params["witnesses"]
            ],
        )
        password = params["operator_password"]
        return Desired(
            wanted,
            params["member"],
            params["operator_user"],
            Secret(password) if password else None,
            params["operator_tls"],
            params["operator_ca_cert"],
            Settings(
                source_ssl=params["source_ssl"],
                source_ssl_ca=params["source_ssl_ca"],
                source_ssl_verify_server_cert=params["source_ssl_verify_server_cert"],
                get_source_public_key=True,
                connect_retry_seconds=1,
                heartbeat_seconds=1.0,
                retry_count=0,
            ),
        )

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        return logins_of(
            desired.wanted.members,
            desired.here,
            here,
            desired.user,
            desired.password,
            desired.tls,
            desired.ca_cert,
        )

    def may_be_unreachable(self, desired: Desired) -> Collection[str]:
        return [member.name for member in desired.wanted.members]

    def name(self, desired: Desired) -> str:
        return work_on(desired.wanted.name)

    def journal_on(self, desired: Desired) -> str | None:
        return None

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> SetState:
        return observe(fleet, desired.wanted.members)

    def plan(self, desired: Desired, current: SetState) -> Plan:
        made = planning.plan(desired.wanted, current)
        return Plan(
            tuple(
                Step(
                    one.action, one.target, one.before, one.after, (one.value, desired), one.server
                )
                for one in made.steps
            ),
            made.warnings,
        )

    def perform(self, fleet: Fleet, step: Step) -> Noted:
        value, desired = step.value
        return _perform(fleet, step, value, desired)

    def result(self, desired: Desired, current: SetState, done: LongDone) -> dict[str, Any]:
        promise = desired.wanted.promise
        findings = diagnose(current, promise)
        noted = {name: value for one in done or () for name, value in one.detail.items()}
        return {
            **tell(current),
            "status": status(current),
            "diagnosis": [finding.told() for finding in findings],
            "pause_seconds": noted.get("pause_seconds"),
        }


def _perform(fleet: Fleet, step: Step, value: Any, desired: Desired) -> Noted:
    server, names = fleet[step.server], desired.names
    name, settings = desired.wanted.name, desired.settings
    if step.action == planning.CLOSE:
        steps.close(fleet, *value)
    elif step.action == planning.FOLLOW:
        source, own, until = value
        steps.follow(server, name, settings, source, own, names)
        if until and not steps.wait_until_applied(server, until, steps.APPLY_SECONDS):
            raise ServerError(server.address, f"{own.name} has not applied {until} in time")
        if source.name in fleet:
            steps.wait_for_it_again(fleet[source.name], server, names)
    elif step.action == planning.READY:
        source, own, start = value
        steps.make_ready(fleet, name, settings, source, own, names, start)
    elif step.action == planning.SEMI_SYNC:
        steps.set_semi_sync(server, value)
    elif step.action == planning.EVENTS:
        steps.settle_events(server, *value)
    elif step.action == planning.OPEN:
        if value.former:
            steps.catch_up(fleet, step.server, value.former, names)
        # After a failover nobody has decided yet about what the lost writer has.
        steps.stop(server, names, remove=value.epoch.forced)
        steps.open_member(
            fleet,
            step.server,
            value.epoch,
            source_settings(value.epoch),
            followed=value.followed,
            patience=steps.FOLLOWED_WITHIN_SECONDS,
        )
        steps.forget(server)
    elif step.action == planning.FORGET:
        steps.forget(server)
    elif step.action == planning.ADOPT:
        steps.adopt(server, value)
    elif step.action == planning.PROMISE:
        steps.promise(server, value, logged=step.server == value.active)
    elif step.action == planning.SWITCH:
        active, epoch, max_pause = value
        return steps.switch(fleet, active, epoch, max_pause, source_settings(epoch), names)
    elif step.action == planning.FAILOVER:
        _fail_over(fleet, value, desired)
    return None


def _fail_over(fleet: Fleet, value: planning.Failover, desired: Desired) -> None:
    lost, epoch = value.lost, value.epoch
    target = desired.wanted.member(epoch.active)

    def rest() -> None:
        for name in value.givers:
            if name == target.name:
                continue
            own = desired.wanted.member(name)
            # One is enough; what keeps another from following is found when the set is settled.
            with contextlib.suppress(ServerError):
                steps.follow(
                    fleet[name],
                    desired.wanted.name,
                    desired.settings,
                    target,
                    own,
                    desired.names,
                    is_over=False,
                )

    # Without its only other member a strict writer acknowledges nothing, wherever it lives.
    two_strict = lost.durability == STRICT and len(desired.wanted.members) == 2
    steps.fail_over(
        fleet,
        lost,
        epoch,
        value.survivors,
        value.givers,
        value.complete,
        desired.names,
        prove_lost=desired.wanted.confirm_fenced != lost.active and not two_strict,
        allow_loss=desired.wanted.allow_loss,
        rest=rest,
        source_settings=source_settings(epoch),
    )
