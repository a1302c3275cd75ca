# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent of a server does for it: after a restart it opens it, lets it follow, or neither.

And it closes one that is open although another has become the active writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import missing
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

# What the agent does. IN_SERVICE: the server is open, or follows. STAY: nothing, for a reason.
IN_SERVICE, OPEN, FOLLOW, STAY = "in service", "open", "follow", "stay closed"
CLOSE = "close"

# So long after its start a server of an available set waits for a member that acknowledges; those
# that follow it try to connect every second once it answers, which MySQL may do ten seconds later.
ACKNOWLEDGED_WITHIN_SECONDS = 20


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    action: str
    reason: str


@dataclass(frozen=True)
class Seen:
    """A server since one start of its: ``started`` by this host's clock, ``process`` None: unknown.

    ``in_service``: since that start it has been open, or has followed.
    """

    started: float
    process: int | None
    in_service: bool = False

    def is_same_start(self, other: Seen) -> bool:
        """Whether both are of one start; a server tells how long it runs in whole seconds."""
        known = None not in (self.process, other.process)
        if known and self.process != other.process:
            return False
        return abs(self.started - other.started) <= 2


def decide_alone(own: MemberState, seen: Seen) -> Decision | None:
    """Decide by what the server itself says; None: the others have to be asked."""
    if own.open:
        return Decision(IN_SERVICE, _how_open(own))
    if own.channel and own.channel.running:
        return Decision(IN_SERVICE, f"it follows {own.source}")
    if seen.in_service:
        # Not a restart: somebody has closed it or stopped its channel, or a row could not be applied.
        said = explain(own.channel) if own.channel and own.channel.failed else ""
        return Decision(
            STAY,
            "it was closed, or its channel stopped, after it had been in service; whoever did so "
            f"decides what comes next{f' ({said})' if said else ''}",
        )
    return None


def decide(name: str, state: SetState) -> Decision:
    """Decide by what every member says.

    It is right only while no member changes: while the set's lock is held on each that answers,
    and, to open, on every one.
    """
    own, epoch = state.members[name], state.epoch
    if epoch is None:
        return Decision(STAY, "no member that answers knows an epoch")
    if epoch.active == name:
        reasons = [*_half_running(own), *_keeps_closed(own, epoch, state)]
        done = Decision(OPEN, f"it is the active writer of epoch {epoch.number}")
    else:
        reasons = [*_half_running(own), *_keeps_stopped(own, epoch, state)]
        done = Decision(FOLLOW, f"{epoch.active} is the active writer of epoch {epoch.number}")
    return Decision(STAY, "; ".join(reasons)) if reasons else done


def decide_open(name: str, state: SetState) -> Decision:
    """Decide about a server that is open: a newer epoch elsewhere says that it must not be.

    So a writer that was cut off, or hung, while another took over does not go on taking writes.
    """
    own, epoch = state.members[name], state.epoch
    if (
        own.open
        and own.epoch is not None
        and epoch is not None
        and epoch.number > own.epoch.number
        and epoch.active != name
    ):
        return Decision(CLOSE, f"{epoch.active} is the active writer of epoch {epoch.number}")
    return still_open(own, silent_members(state))


def silent_members(state: SetState) -> tuple[str, ...]:
    """Name the members that do not answer: one of them may have taken over, and nobody here knows."""
    return tuple(
        f"{other.name} does not answer ({other.unreachable})"
        for other in state.members.values()
        if not other.reachable
    )


def still_open(own: MemberState, silent: Sequence[str]) -> Decision:
    """Say of an open server how it stands, and whom it could not ask when it last did."""
    return Decision(IN_SERVICE, "; ".join([_how_open(own), *silent]))


def _how_open(own: MemberState) -> str:
    """Say that it is open, and whether it is alone with what it acknowledges; the log tells since when."""
    has = own.semi_sync
    if has.source_on and not has.working:
        return "it is open, and what it acknowledges is on it alone: no member acknowledges"
    return "it is open"


def _keeps_closed(own: MemberState, epoch: Epoch, state: SetState) -> Iterator[str]:
    """Say what keeps the active writer of the newest epoch from being opened."""
    if own.epoch is None or own.epoch.number < epoch.number:
        yield f"it does not know epoch {epoch.number}, which another member knows"
    others = [member for member in state.members.values() if member.name != own.name]
    for other in others:
        if not other.reachable:
            yield f"{other.name} does not answer ({other.unreachable})"
            continue
        if other.open:
            yield f"{other.name} is open"
        elif not other.follows(own.name):
            yield f"{other.name} does not follow it{_how_it_is(other)}"
        lacks = missing(other.received, own.executed)
        if lacks:
            yield f"{other.name} has transactions that it lacks ({lacks})"
    if epoch.durability == ASYNCHRONOUS or own.semi_sync.clients:
        return
    if epoch.durability == STRICT:
        yield "the set is strict, and no member that follows it acknowledges yet"
    elif others and own.uptime_seconds < ACKNOWLEDGED_WITHIN_SECONDS:
        yield "no member that follows it acknowledges yet"


def _keeps_stopped(own: MemberState, epoch: Epoch, state: SetState) -> Iterator[str]:
    """Say what keeps a member from following the active writer of the newest epoch."""
    active = state.members.get(epoch.active)
    if active is None:
        yield f"epoch {epoch.number} names {epoch.active}, which is no member of the set"
        return
    if not active.reachable:
        yield f"{active.name}, the active writer, does not answer ({active.unreachable})"
        return
    for other in state.open:
        if other.name not in (own.name, active.name):
            yield f"{other.name} is open, and {active.name} is the active writer"
    if not active.open:
        # What is closed may be a former writer that does not know a newer epoch.
        for other in state.unreachable:
            yield f"{active.name} is closed, and {other.name} does not answer"
    if own.channel is None or own.source != active.name:
        follows = f"its channel is from {own.source}" if own.source else "it has no channel"
        yield f"{follows}, and {active.name} is the active writer"
    elif own.channel.failed:
        yield f"its channel has stopped: {explain(own.channel)}"
    lacks = missing(own.executed, active.executed)
    if lacks:
        yield f"it has transactions that {active.name} lacks ({lacks})"


def _half_running(own: MemberState) -> Iterator[str]:
    if own.channel and (own.channel.io_running or own.channel.sql_running):
        yield "only one of the two threads of its channel is running"


def _how_it_is(other: MemberState) -> str:
    if other.channel is None:
        return " (it has no channel of the set)"
    if other.channel.sql_fault or other.channel.io_fault:
        return f" ({explain(other.channel)})"
    return f" (its channel is from {other.source}, and has stopped)" if other.source else ""
