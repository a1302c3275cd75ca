# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member that returns to its set: compared, shown, and made ready to be rebuilt."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.binary_logs import (
    NotReadable,
    show,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.rejoin_folder import (
    RejoinFailed,
    RejoinFolder,
    durable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongDone,
    LongOperation,
    Noted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Params
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.replica_set import (
    MEMBERS,
    logins_of,
    member_problems,
    members_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import (
    rejoin as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.rejoin import Wanted
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Login, Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import rejoin
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    observe,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    is_applied,
    transactions_between,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import Journal
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.errant import (
    Change,
    Errant,
    read,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import (
    ASK,
    DISCARD,
    DISCARD_UNSEEN,
    Found,
    Notes,
    State,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Member,
    work_on,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set_report import (
    tell,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

# So many changes are shown; the file has all.
SHOWN = 100


@dataclass(frozen=True)
class Desired:
    """Which member returns, what becomes of what only it has, and how all are reached."""

    wanted: Wanted
    members: tuple[Member, ...]
    datadir: Path
    owner: str
    save_to: str
    applied: str
    user: str
    password: Secret | None
    tls: bool
    ca_cert: str | None

    @property
    def folder(self) -> RejoinFolder:
        """What is beside its data directory."""
        return RejoinFolder(self.datadir, self.owner)

    def file(self, errant: str) -> Path:
        """Return the file for what only the member has; by default one for each such set."""
        if self.save_to:
            return Path(self.save_to)
        name = re.sub(r"[^0-9A-Za-z-]+", "_", errant)[:80]
        datadir = self.folder.datadir
        return datadir.with_name(f"{datadir.name}.errant-{name}.txt")


class Rejoin(LongOperation[Desired, State]):
    """Compares a member with the active writer, and prepares its rebuilding."""

    work = "replica_set"
    options = {
        **MEMBERS,
        "datadir": {"type": "path", "required": True},
        "owner": {"type": "str", "default": ""},
        "errant": {"type": "str", "choices": [ASK, DISCARD, DISCARD_UNSEEN], "default": ASK},
        "save_to": {"type": "path"},
        "donor": {"type": "str", "default": ""},
        "gtid_domain_id": {"type": "int", "default": 0},
        "applied": {"type": "str", "default": ""},
    }

    def desired(self, params: Params) -> Desired:
        members = members_of(params)
        problems = member_problems(members, params["member"])
        names = [member.name for member in members]
        donor = params["donor"]
        if donor and (donor not in names or donor == params["member"]):
            problems.append(
                f"donor is {donor}, which is no other member of {params['name']}; its members are "
                f"{', '.join(names)}."
            )
        if len(members) < 2:
            problems.append(f"{params['name']} has one member; there is none to copy from.")
        refuse_if_any(problems)
        password = params["operator_password"]
        return Desired(
            Wanted(
                params["name"],
                params["member"],
                params["errant"],
                donor,
                params["gtid_domain_id"],
                params["max_lag_seconds"],
            ),
            members,
            Path(params["datadir"]),
            params["owner"],
            params["save_to"] or "",
            params["applied"],
            params["operator_user"],
            Secret(password) if password else None,
            params["operator_tls"],
            params["operator_ca_cert"],
        )

    def read_timeout(self, desired: Desired) -> float | None:
        """Return None: a server copies another for as long as it takes. One that follows does not."""
        return 60.0 if desired.applied else None

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        logins = logins_of(
            desired.members,
            desired.wanted.member,
            here,
            desired.user,
            desired.password,
            desired.tls,
            desired.ca_cert,
        )
        return {
            name: login if name == desired.wanted.member else replace(login, read_timeout=60.0)
            for name, login in logins.items()
        }

    def may_be_unreachable(self, desired: Desired) -> Collection[str]:
        return [member.name for member in desired.members]

    def name(self, desired: Desired) -> str:
        return work_on(desired.wanted.name)

    def journal_on(self, desired: Desired) -> str | None:
        return None

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> State:
        members, host = observe(fleet, desired.members), desired.folder.look()
        state, writer, name = State(members, host), members.writer, desired.wanted.member
        if writer is None or writer.name == name:
            return state
        source = fleet[writer.name]
        state = replace(
            state,
            size=rejoin.data_size(source),
            clones=rejoin.WORDS[source.flavour].clones,
        )
        errant = members.errant(name) if members.members[name].reachable else ""
        if members.members[name].reachable:
            state = replace(state, outside=rejoin.outside(fleet[name], desired.datadir))
        if errant:
            _logs, has_all = rejoin.logs_with(fleet[name], _errant(state, name))
            saved = _is_saved(desired.file(errant), errant)
            state = replace(state, saved=saved, unseen=not has_all)
            if desired.wanted.errant == ASK or not saved:
                found = _changes(fleet[name], _errant(state, name), None)
                state = replace(state, found=found)
        return state

    def plan(self, desired: Desired, current: State) -> Plan:
        made = planning.plan(desired.wanted, current)
        return Plan(
            tuple(
                replace(step, value=(step.value, desired, current), target=_target(desired, step))
                for step in made.steps
            ),
            made.warnings,
        )

    def perform(self, fleet: Fleet, step: Step) -> Noted:
        value, desired, state = step.value
        name = desired.wanted.member
        if step.action == planning.SAVE:
            errant = _errant(state, name)
            found = _changes(fleet[name], errant, desired.file(errant.gtids))
            return {"found": found.told()}
        if step.action == planning.NOTE:
            _note(desired.folder, value)
        elif step.action == planning.CLONE:
            _clone(fleet, desired, value)
        elif step.action == planning.NUMBER:
            _number(fleet[step.server], desired.folder, value)
        return None

    def result(self, desired: Desired, current: State, done: LongDone) -> dict[str, Any]:
        decision = planning.decide(desired.wanted, current)
        name = desired.wanted.member
        errant = current.members.errant(name) if current.members.members[name].reachable else ""
        noted = {key: value for one in done or () for key, value in one.detail.items()}
        copies = decision.next in (planning.COPY, planning.START)
        source = planning.donor(desired.wanted, current)
        host = next(member.host for member in desired.members if member.name == source.name)
        return {
            **tell(current.members),
            "next": decision.next,
            "why": decision.why,
            "word": decision.word,
            "donor": source.name if copies else None,
            "donor_host": host if copies else None,
            "clones": current.clones,
            "has_applied": is_applied(desired.applied, current.members.members[name].executed),
            "errant": {
                "gtids": errant,
                "transactions": _count(current, name) if errant else 0,
                "unseen": current.unseen,
                "found": noted.get("found", current.found.told()),
                "saved_to": str(desired.file(errant)) if errant and current.saved else None,
            },
        }


def _target(desired: Desired, step: Step) -> str:
    if step.action == planning.SAVE:
        return f"{step.target} in {desired.file(step.target)}"
    return step.target


def _errant(state: State, name: str) -> Errant:
    writer = state.members.writer
    right = writer.executed if writer else ""
    return Errant(state.members.members[name].executed, right)


def _count(state: State, name: str) -> int:
    errant = _errant(state, name)
    return transactions_between(errant.executed, errant.right)


def _headline(gtids: str) -> str:
    return f"# Transactions that this server alone had: {gtids}"


def _is_saved(file: Path, gtids: str) -> bool:
    if not file.is_file():
        return False
    with file.open(encoding="utf-8", errors="replace") as text:
        if text.readline().rstrip("\n") != _headline(gtids):
            raise Refused(
                [f"save_to: {file} is there already, and has something else; name another."]
            )
    return True


def _changes(server: Server, errant: Errant, file: Path | None) -> Found:
    """Read what only a server has from its logs: the first changes, and all of it into a file."""
    words = rejoin.WORDS[server.flavour]
    logs, _has_all = rejoin.logs_with(server, errant)
    shown: list[Change] = []
    count, transactions = 0, set[str]()
    try:
        with contextlib.ExitStack() as stack:
            text = stack.enter_context(durable(file)) if file else None
            if text:
                text.write(f"{_headline(errant.gtids)}\n")
            for piece in read(show(words.program, words.package, logs, bool(file)), errant):
                if isinstance(piece, str):
                    if text:
                        text.write(f"{piece}\n")
                    continue
                transactions.add(piece.gtid)
                count += 1
                if len(shown) < SHOWN:
                    shown.append(piece)
    except NotReadable as error:
        raise Refused([str(error)]) from None
    tables = sorted({(one.schema, one.table) for one in shown if one.table})
    columns = rejoin.columns_of(server, tables)
    told = [one.told(columns.get((one.schema, one.table), [])) for one in shown]
    return Found(told, count, len(transactions))


def _clone(fleet: Fleet, desired: Desired, source: str) -> None:
    member = next(one for one in desired.members if one.name == source)
    folder = desired.folder
    with folder.alone():
        folder.begin_copy()
        rejoin.clone(
            fleet[desired.wanted.member],
            fleet[source],
            (member.host, member.port),
            desired.user,
            desired.password,
            desired.tls,
            desired.ca_cert,
            str(folder.copy),
        )
        folder.end_copy()


def _note(folder: RejoinFolder, notes: Notes) -> None:
    try:
        folder.note(notes)
    except RejoinFailed as error:
        raise Refused([str(error)]) from None


def _number(writer: Server, folder: RejoinFolder, notes: Notes) -> None:
    with folder.alone():
        rejoin.number_on(writer, notes)
