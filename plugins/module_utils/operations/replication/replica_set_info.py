# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is the active writer of a replica set, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongDone,
    LongOperation,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Params
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.replica_set import (
    MEMBERS,
    logins_of,
    member_problems,
    members_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set_diagnosis import (
    Promise,
    diagnose,
    status,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Login
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    observe,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import Journal
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Member,
    SetState,
    work_on,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set_report import (
    tell,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret


@dataclass(frozen=True)
class Desired:
    """Which set is asked for, what it promises, and how its members are reached."""

    promise: Promise
    members: Sequence[Member]
    here: str
    user: str
    password: Secret | None
    tls: bool
    ca_cert: str | None


class ReplicaSetInfo(LongOperation[Desired, SetState]):
    """All members of a replica set, and a diagnosis."""

    work = "replica_set"
    asks_only = True
    options = MEMBERS

    def desired(self, params: Params) -> Desired:
        members = members_of(params)
        refuse_if_any(member_problems(members, params["member"]))
        password = params["operator_password"]
        return Desired(
            Promise(params["name"], params["durability"], params["max_lag_seconds"]),
            members,
            params["member"],
            params["operator_user"],
            Secret(password) if password else None,
            params["operator_tls"],
            params["operator_ca_cert"],
        )

    def read_timeout(self, desired: Desired) -> float:
        return 10.0

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        return logins_of(
            desired.members,
            desired.here,
            here,
            desired.user,
            desired.password,
            desired.tls,
            desired.ca_cert,
        )

    def may_be_unreachable(self, desired: Desired) -> Collection[str]:
        return [member.name for member in desired.members]

    def name(self, desired: Desired) -> str:
        return work_on(desired.promise.name)

    def journal_on(self, desired: Desired) -> str | None:
        return None

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> SetState:
        return observe(fleet, desired.members)

    def plan(self, desired: Desired, current: SetState) -> Plan:
        return Plan()

    def result(self, desired: Desired, current: SetState, done: LongDone) -> dict[str, Any]:
        return {
            **tell(current),
            "status": status(current),
            "diagnosis": [one.told() for one in diagnose(current, desired.promise)],
        }
