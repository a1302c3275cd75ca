# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a former writer returns to its set, and how a lost or a new member is made from a copy.

A member that has nothing of its own follows again. Any other is replaced by a copy of another member;
what only it has is shown first, and discarded only when that is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import GtidPosition
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import (
    DISCARD,
    DISCARD_UNSEEN,
    Notes,
    State,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    MemberState,
)

# What comes next. UNDECIDED: somebody must say what is to become of what only the member has. COPY:
# a copy is to be made, PLACE: it is there, and the old data is put aside already. START: the server is
# to be started, closed as it is, to be compared once more. FOLLOW: it need only be started, and follow.
UNDECIDED, COPY, PLACE, START, FOLLOW = "undecided", "copy", "place", "start", "follow"

# Actions, as results and check mode show them.
SAVE, NOTE, CLONE, NUMBER = "save", "note", "clone", "number"

# Where nobody can ask the member for its last number: room for what readers may have seen of it.
UNKNOWN_JUMP = 1_000_000
# A copy takes as much as the donor's data, and what is written meanwhile.
_ROOM = 1.1
# A source that has no longer what its replica needs.
_LOGS_GONE = 1236


@dataclass(frozen=True)
class Wanted:
    """Which member of which set, what becomes of what only it has, and from whom it is copied.

    ``donor`` empty: choose. ``domain`` is the member's on MariaDB where it does not answer.
    """

    name: str
    member: str
    errant: str
    donor: str = ""
    domain: int = 0
    max_lag_seconds: int = 5


@dataclass(frozen=True)
class Decision:
    """What comes next, and why. ``word`` is what would have to be said for it to be rebuilt."""

    next: str
    why: str = ""
    word: str = ""


def decide(wanted: Wanted, state: State) -> Decision:
    """Return what comes next. Raises ``Refused`` where nothing can."""
    members, own = state.members, state.members.members[wanted.member]
    if members.epoch is None:
        raise Refused(
            [f"{wanted.name} has no epoch: it never had an active writer. Run site.yml first."]
        )
    if own.open:
        active = "the active writer" if own.name == members.epoch.active else "open"
        raise Refused(
            [f"{own.name} is {active}: applications write there. Switch or close it first."]
        )
    writer = _writer(wanted, state)
    host, is_noted = state.host, state.host.notes is not None
    if is_noted and host.copied and not host.has_data:
        return Decision(PLACE, f"{own.name} is being rebuilt, and its old data is put aside")
    if not own.reachable:
        if is_noted and host.placed and host.has_data:
            return Decision(FOLLOW, f"{own.name} has been rebuilt, and is to be started")
        if not host.has_data:
            return Decision(COPY, f"{own.name} has no data")
        if is_noted and host.copied and wanted.errant != DISCARD_UNSEEN:
            why = f"{own.name} was stopped to be rebuilt; it has to run, to be compared once more"
            if wanted.errant == DISCARD:
                return Decision(START, why)
            return Decision(UNDECIDED, why, DISCARD)
        return _discarded(
            wanted,
            f"{own.name} does not answer ({own.unreachable}), so what only it has cannot be shown or "
            "saved. Start it, closed as it is, to compare",
            DISCARD_UNSEEN,
        )
    if members.errant(own.name):
        why = f"{own.name} has transactions that {writer.name} has not: {members.errant(own.name)}"
        if state.unseen:
            why = f"{why}; its binary log has not all of them any more, so not all can be shown or saved"
        return _discarded(wanted, why, DISCARD_UNSEEN if state.unseen else DISCARD)
    if own.epoch is None and own.rows_in:
        return _discarded(
            wanted,
            f"{own.name} was never a member of {wanted.name}, and has rows in {own.rows_in}, which are "
            "in no binary log and cannot be shown or saved",
            DISCARD_UNSEEN,
        )
    if own.epoch is None:
        return Decision(COPY, f"{own.name} is new")
    fault = _fault(own)
    if fault:
        return _discarded(wanted, f"{own.name} cannot go on following: {fault}")
    return Decision(FOLLOW, f"{own.name} has nothing that {writer.name} has not")


def plan(wanted: Wanted, state: State) -> Plan:
    """Return the steps to what comes next."""
    decision = decide(wanted, state)
    own, writer = state.members.members[wanted.member], _writer(wanted, state)
    # What is done on the host needs no server, but somebody must answer.
    at = own.name if own.reachable else writer.name
    if decision.next == COPY:
        refuse_if_any(_copy_problems(wanted, state, own, writer))
        steps = []
        if own.reachable and state.members.errant(own.name) and not state.saved:
            errant = state.members.errant(own.name)
            steps.append(Step(SAVE, errant, None, {"saved": True}, None, at))
        notes = notes_of(wanted, state)
        if state.host.notes != notes:
            before = state.host.notes
            steps.append(
                Step(NOTE, own.name, before.told() if before else None, notes.told(), notes, at)
            )
        if state.clones and not state.host.copied:
            source = donor(wanted, state)
            steps.append(
                Step(
                    CLONE, f"{own.name} from {source.name}", None, {"copied": True}, source.name, at
                )
            )
        return Plan(tuple(steps))
    if decision.next == PLACE and state.host.notes:
        number = _number_of(writer, state.host.notes.domain)
        if number < state.host.notes.issued:
            return Plan(
                (
                    Step(
                        NUMBER,
                        f"domain {state.host.notes.domain}",
                        {"number": number},
                        {"number": state.host.notes.issued + 1},
                        state.host.notes,
                        writer.name,
                    ),
                )
            )
    return Plan()


def donor(wanted: Wanted, state: State) -> MemberState:
    """Return the member that is copied: one that is closed and keeps up, else the active writer."""
    writer = _writer(wanted, state)
    for member in state.members.reachable:
        lag = member.channel.seconds_behind_source if member.channel else None
        keeps_up = (
            member.follows(writer.name)
            and member.channel is not None
            and member.channel.connected
            and lag is not None
            and lag <= wanted.max_lag_seconds
            and not state.members.errant(member.name)
        )
        if member.name != wanted.member and keeps_up and wanted.donor in ("", member.name):
            return member
    return writer


def notes_of(wanted: Wanted, state: State) -> Notes:
    """Return what is to be noted: above which number the member's own transactions must go on.

    A number that was noted once is never lowered.
    """
    own = state.members.members[wanted.member]
    if state.clones:
        # Its copy gets a server_uuid of its own.
        return Notes(own.name)
    domain = int(own.own) if own.reachable else wanted.domain
    seen = max(_number_of(member, domain) for member in state.members.reachable)
    # A server that is new under an old name, or was set back, knows nothing of what it has issued.
    knows = own.reachable and own.epoch is not None and _number_of(own, domain) == seen
    issued = seen if knows else seen + UNKNOWN_JUMP
    known = state.host.notes
    if known and known.domain == domain:
        issued = max(issued, known.issued)
    return Notes(own.name, domain, issued)


def _writer(wanted: Wanted, state: State) -> MemberState:
    writer = state.members.writer
    if writer is None:
        raise Refused(
            [
                f"{wanted.name} has no active writer that answers, and nobody can tell what is right. "
                "Fail over first: playbooks/replica_set_failover.yml -e replica_set="
                f"{wanted.name}"
            ]
        )
    return writer


def _number_of(member: MemberState, domain: int) -> int:
    """Return the last number of a domain that a member has executed or received."""
    if ":" in member.received:
        return 0
    return GtidPosition.parse(member.received).domains.get(domain, (0, 0))[1]


def _discarded(wanted: Wanted, why: str, word: str = DISCARD) -> Decision:
    """Return what comes next where ``word``, or more, must be said for the member to be rebuilt."""
    if wanted.errant in (word, DISCARD_UNSEEN):
        return Decision(COPY, why)
    return Decision(UNDECIDED, why, word)


def _fault(own: MemberState) -> str:
    """Say why a member's channel has stopped for good; a wrong password is not that."""
    if own.channel is None or own.channel.denied:
        return ""
    fault = own.channel.sql_fault or own.channel.io_fault
    if not fault.number or (not own.channel.sql_fault and fault.number != _LOGS_GONE):
        return ""
    return f"error {fault.number}: {fault.message}"


def _copy_problems(
    wanted: Wanted, state: State, own: MemberState, writer: MemberState
) -> list[str]:
    source = donor(wanted, state)
    found = []
    if wanted.donor and source.name != wanted.donor:
        found.append(
            f"{wanted.donor} cannot be copied from: it is to be the active writer, or closed and "
            f"following it without a lag of more than {wanted.max_lag_seconds} s."
        )
    if state.host.is_mounted:
        found.append(
            f"{own.name}: its data directory is a disk of its own, which a copy beside it cannot "
            "replace. Let the data directory be a folder on that disk."
        )
    found += [f"{own.name}: {one}" for one in state.outside]
    is_there = state.clones and state.host.copied
    if not is_there and state.host.free < state.size * _ROOM:
        found.append(
            f"{own.name}: a copy takes {_mib(int(state.size * _ROOM))}, and the disk of its data "
            f"directory has {_mib(state.host.free)} left."
        )
    if own.reachable and _version(source.version) > _version(own.version):
        found.append(
            f"{own.name}: its server is {own.version}, older than {source.name}'s {source.version}, "
            "whose data it cannot read. Upgrade it first."
        )
    if state.clones and not own.reachable and not is_there:
        found.append(
            f"{own.name}: its server must run to copy another. "
            + ("Start it, or move its data away and make" if state.host.has_data else "Make")
            + f" an empty one, with playbooks/servers.yml --limit {own.name}, and run this again."
        )
    elif state.clones and own.reachable and _version(source.version) != _version(own.version):
        found.append(
            f"{own.name}: its server is {own.version}, and {source.name}'s {source.version}; one "
            "clones only from its own version."
        )
    if not state.clones and not own.reachable and not wanted.domain:
        found.append(
            f"{own.name}: its server does not answer; give its gtid_domain_id, so that it never uses a "
            "number twice."
        )
    return found


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
