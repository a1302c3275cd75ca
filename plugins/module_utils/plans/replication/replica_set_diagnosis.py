# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a replica set, each with the command that puts it right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import agent
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    INFO,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import transactions_between
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    ASYNCHRONOUS,
    STRICT,
    Epoch,
    MemberState,
    SetState,
)

# No server tells it: see the state file of the writer's agent.
_SINCE = "; since when is in the log of its agent."
# How the set stands, in a word.
WELL, DEGRADED, WITHOUT_WRITER, TWO_WRITERS = "well", "degraded", "without_writer", "two_writers"
NOT_BORN, NOT_ADOPTED = "not_born", "not_adopted"


@dataclass(frozen=True)
class Promise:
    """What the set is to keep: its name, durability, and how far a member may lag."""

    name: str
    durability: str
    max_lag_seconds: int = 5

    def command(self, playbook: str, *words: str) -> str:
        """Return a command that settles something."""
        options = " ".join(f"-e {word}" for word in (f"replica_set={self.name}", *words))
        return f"ansible-playbook playbooks/replica_set_{playbook}.yml {options}"


def status(state: SetState) -> str:
    """Say in a word how the set stands."""
    if len(state.open) > 1:
        return TWO_WRITERS
    if state.epoch is None:
        rows = any(member.rows_in for member in state.reachable)
        return NOT_ADOPTED if rows or state.open else NOT_BORN
    if state.writer is None:
        return WITHOUT_WRITER
    return WELL if all(member.reachable for member in state.members.values()) else DEGRADED


def diagnose(state: SetState, promise: Promise) -> list[Finding]:
    """Return what is wrong, the worst first; nothing where all is well."""
    found = [*_of_writers(state, promise), *_of_members(state, promise)]
    order = [CRITICAL, WARNING, INFO]
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _of_writers(state: SetState, promise: Promise) -> Iterator[Finding]:
    kind, epoch = status(state), state.epoch
    names = ", ".join(member.name for member in state.open)
    if kind == TWO_WRITERS:
        yield _finding(
            "replica_set.two_writers",
            CRITICAL,
            promise.name,
            f"{names} all take writes, so their rows become different",
            f"Close the older one now: {promise.command('switch', f'to={_newest(state)}')}",
        )
    elif kind == NOT_ADOPTED:
        yield _finding(
            "replica_set.not_adopted",
            CRITICAL,
            promise.name,
            "No member knows an epoch, and "
            + (f"{names} takes writes" if names else f"there are rows in {_rows(state)}"),
            "If one of them is the active writer, and the others are closed and follow it, adopt "
            f"the set: ansible-playbook site.yml -e adopt={names or 'MEMBER'}",
        )
    elif kind == NOT_BORN:
        yield _finding(
            "replica_set.not_born",
            WARNING,
            promise.name,
            "No member has an epoch, nor rows of a user",
            "site.yml makes its first member the active writer.",
        )
    elif kind == WITHOUT_WRITER and epoch:
        yield _without_writer(state, epoch, promise)
        yield from _opener_refused(state, epoch)
    writer = state.writer
    if writer and writer.epoch and epoch and writer.epoch.number < epoch.number:
        yield _finding(
            "replica_set.epoch_unknown_to_writer",
            WARNING,
            writer.name,
            f"The active writer knows epoch {writer.epoch.number}, and another member {epoch.number}",
            "Look which of them was switched by hand.",
        )


def _without_writer(state: SetState, epoch: Epoch, promise: Promise) -> Finding:
    active = state.members.get(epoch.active)
    if active is None:
        return _finding(
            "replica_set.active_unknown",
            CRITICAL,
            promise.name,
            f"Epoch {epoch.number} names {epoch.active} as the active writer, which is no member of "
            "the inventory",
            "Put it back into the inventory, or fail over: " + promise.command("failover"),
        )
    if not active.reachable:
        return _finding(
            "replica_set.active_unreachable",
            CRITICAL,
            active.name,
            f"The active writer cannot be reached ({active.unreachable})",
            "If it is down: " + promise.command("failover"),
        )
    others = [member.name for member in state.open]
    if others:
        return _finding(
            "replica_set.wrong_writer",
            CRITICAL,
            promise.name,
            f"{others[0]} takes writes, and epoch {epoch.number} says that {active.name} is the "
            "active writer",
            f"Close it and open the right one: {promise.command('switch', f'to={active.name}')}",
        )
    return _finding(
        "replica_set.no_writer",
        CRITICAL,
        promise.name,
        f"No member takes writes; the active writer of epoch {epoch.number}, {active.name}, is "
        "closed",
        f"Open it: {promise.command('switch', f'to={active.name}')}",
    )


def _opener_refused(state: SetState, epoch: Epoch) -> Iterator[Finding]:
    """Say why the agent of a closed active writer does not open it after a restart."""
    active = state.members.get(epoch.active)
    if active is None or not active.reachable or state.open:
        return
    decision = agent.decide(active.name, state)
    if decision.action == agent.STAY:
        yield _finding(
            "replica_set.opener_refused",
            WARNING,
            active.name,
            f"Its agent would not open it: {decision.reason}",
            "Put that right; after a restart of the server the agent opens it then by itself.",
        )


def _of_members(state: SetState, promise: Promise) -> Iterator[Finding]:
    writer = state.writer
    if len(state.members) == 1:
        yield _finding(
            "replica_set.one_member",
            WARNING,
            promise.name,
            "It has one member: nothing takes over when that is lost",
            "Put another server into the inventory.",
        )
    for member in state.members.values():
        if not member.reachable:
            if state.epoch is None or member.name != state.epoch.active:
                yield _finding(
                    "replica_set.member_unreachable",
                    WARNING,
                    member.name,
                    f"It cannot be reached ({member.unreachable})",
                    "Start it; if it is lost: "
                    + promise.command("rejoin", f"server={member.name}"),
                )
            continue
        yield from _of_settings(member, promise)
        if writer and member.name != writer.name:
            yield from _of_follower(state, writer, member, promise)
    if writer:
        yield from _of_durability(state, writer, promise)


def _of_settings(member: MemberState, promise: Promise) -> Iterator[Finding]:
    if member.lifted:
        yield _finding(
            "replica_set.not_super_read_only",
            WARNING,
            member.name,
            "It is closed to applications, and administrators can write there (read_only without "
            "super_read_only)",
            "site.yml closes it wholly.",
        )
    if member.prepared_xa:
        yield _finding(
            "replica_set.prepared_xa",
            WARNING,
            member.name,
            f"It has prepared XA transactions: {', '.join(member.prepared_xa)}",
            "Commit them or roll them back; until then nothing switches.",
        )
    if promise.durability != ASYNCHRONOUS and not member.semi_sync.available:
        yield _finding(
            "replica_set.semi_sync_missing",
            CRITICAL if promise.durability == STRICT else WARNING,
            member.name,
            "It has no semi-synchronous replication",
            "Load its plugins (semisync_source.so, semisync_replica.so) in its configuration.",
        )


def _of_follower(
    state: SetState, writer: MemberState, member: MemberState, promise: Promise
) -> Iterator[Finding]:
    errant = state.errant(member.name)
    if errant:
        count = transactions_between(errant, writer.executed)
        yield _finding(
            "replica_set.member_diverged",
            CRITICAL,
            member.name,
            f"It has {count} transaction{'s' if count > 1 else ''} that the active writer "
            f"{writer.name} has not: {errant}",
            f"See them as rows, and decide: {promise.command('rejoin', f'server={member.name}')}",
        )
        return
    channel = member.channel
    if is_new(member, writer):
        yield _finding(
            "replica_set.member_new",
            WARNING,
            member.name,
            "It is new, and has nothing of the set yet",
            f"Give it a copy: {promise.command('rejoin', f'server={member.name}')}",
        )
        return
    if channel is None or member.source != writer.name:
        yield _finding(
            "replica_set.member_does_not_follow",
            WARNING,
            member.name,
            f"It follows {member.source or 'nobody'} and not the active writer {writer.name}",
            "site.yml makes it follow.",
        )
        return
    if not channel.connected or not channel.sql_running:
        yield _finding(
            "replica_set.member_stopped",
            WARNING,
            member.name,
            explain(channel),
            "site.yml starts a channel that has no error.",
        )
        return
    behind = transactions_between(writer.executed, member.executed)
    # Where there is nothing to apply, a server may say how long ago the last was written.
    if behind and (channel.seconds_behind_source or 0) > promise.max_lag_seconds:
        yield _finding(
            "replica_set.member_lagging",
            WARNING,
            member.name,
            f"It is {channel.seconds_behind_source} s and {behind} transactions behind "
            f"{writer.name}",
            "A switch to it is refused until it has caught up.",
        )


def is_new(member: MemberState, writer: MemberState) -> bool:
    """Whether it was added to a set that works: its logs may not reach back to the beginning."""
    return member.epoch is None and member.source != writer.name


def _of_durability(state: SetState, writer: MemberState, promise: Promise) -> Iterator[Finding]:
    followers = [
        member
        for member in state.reachable
        if member.name != writer.name
        and member.follows(writer.name)
        and member.channel
        and member.channel.connected
    ]
    epoch = state.epoch
    strict = epoch is not None and epoch.durability == STRICT and writer.semi_sync.source_on
    fallen_back = writer.semi_sync.source_on and not writer.semi_sync.working
    if epoch and promise.durability == STRICT and epoch.durability != STRICT:
        yield _finding(
            "replica_set.not_strict",
            CRITICAL,
            writer.name,
            f"The set is to be strict, and epoch {epoch.number} runs as {epoch.durability}",
            "site.yml makes it strict once a second member follows.",
        )
    if len(state.members) > 1 and not followers:
        yield _finding(
            "replica_set.active_lonely",
            CRITICAL if strict else WARNING,
            writer.name,
            "No member follows the active writer: "
            + ("it acknowledges nothing" if strict else "what it acknowledges is on it alone"),
            "Start the others, or bring one back: "
            + promise.command("rejoin", "server=MEMBER")
            + (_or_alone(writer, promise) if strict else _SINCE if fallen_back else ""),
        )
    semi_sync = writer.semi_sync
    if promise.durability == ASYNCHRONOUS or not semi_sync.available or not followers:
        return
    if strict and semi_sync.clients == 0:
        names = " and ".join(member.name for member in followers)
        yield _finding(
            "replica_set.not_acknowledging",
            CRITICAL,
            writer.name,
            "It acknowledges nothing: it is strict, and no member acknowledges, although it is "
            f"connected with {names}",
            "site.yml puts the settings right; look at the network between them"
            + _or_alone(writer, promise),
        )
    elif not semi_sync.source_on or not semi_sync.working or semi_sync.clients == 0:
        yield _finding(
            "replica_set.not_semi_synchronous",
            CRITICAL if promise.durability == STRICT else WARNING,
            writer.name,
            "What the active writer acknowledges is on it alone: semi-synchronous replication is "
            + ("off" if not semi_sync.source_on else "waiting for a member")
            + f" ({semi_sync.unacknowledged} transactions without an acknowledgement since it "
            "started)",
            "site.yml turns it on as soon as a member follows" + (_SINCE if fallen_back else "."),
        )


def _or_alone(writer: MemberState, promise: Promise) -> str:
    """Say how a strict writer that waits for a member goes on without one."""
    command = promise.command("switch", f"to={writer.name}", "alone=true")
    return f"; or let it go on as available until a second member follows: {command}"


def _finding(code: str, severity: str, where: str, text: str, todo: str) -> Finding:
    """Return a finding whose text and todo are two sentences."""
    return Finding(code, severity, where, text.rstrip(".") + ".", todo)


def _newest(state: SetState) -> str:
    """Return the open member that knows the newest epoch."""
    return max(state.open, key=lambda member: member.epoch.number if member.epoch else 0).name


def _rows(state: SetState) -> str:
    return ", ".join(
        f"{member.rows_in} of {member.name}" for member in state.reachable if member.rows_in
    )
