# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any state of a replica set to the one that is asked for: settling, switching, failing over.

Each plan begins where the servers are, so that a run that was interrupted needs nothing of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import (
    replica_set_diagnosis as diagnosis,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set_diagnosis import (
    NOT_BORN,
    TWO_WRITERS,
    Promise,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    joined,
    missing,
    transactions_between,
    written_under,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    ASYNCHRONOUS,
    AVAILABLE,
    FORCED_JUMP,
    STRICT,
    Epoch,
    Member,
    MemberState,
    SetState,
    Witness,
)

# Actions, as results and check mode show them. FORGET: what a failover has noted on the writer that
# it has opened. EVENTS: scheduled events run on the active writer,
# and nowhere else. OPEN: write an epoch unless it is written, and
# open. ADOPT: write the first epoch of a writer that is open already. SWITCH: fence, apply, open
# another. FAILOVER: apply what anybody has received, and open.
CLOSE, FOLLOW, READY, SEMI_SYNC = "close", "follow", "make ready", "set semi-synchronous"
FORGET, EVENTS, OPEN, ADOPT, PROMISE, SWITCH, FAILOVER = (
    "forget",
    "events",
    "open",
    "adopt",
    "promise",
    "switch",
    "fail over",
)

# How long a commit waits for a replica before it goes on alone, in milliseconds; strict: 49 days.
TIMEOUTS = {AVAILABLE: 2000, STRICT: 2**32 - 1}


def source_settings(epoch: Epoch) -> dict[str, Any]:
    """Return how commits wait for a replica in an epoch."""
    if epoch.durability not in TIMEOUTS:
        return {}
    return {
        "timeout": TIMEOUTS[epoch.durability],
        "wait_point": "AFTER_SYNC",
        "waits_without_replica": True,
    }


@dataclass(frozen=True)
class Opening:
    """What opens a member: the epoch, which is written unless it is.

    ``former``: the active writer before, which is closed and answers; the member must have all that
    it has committed (empty: it is the same, or there was none). ``followed``: another one follows
    the member already, so that commits can wait for it.
    """

    epoch: Epoch
    former: str = ""
    followed: bool = False


@dataclass(frozen=True)
class Failover:
    """Who takes over from whom: the epoch of the lost writer, and the new one.

    ``survivors`` are all that answer, ``givers`` those of them that have what the lost writer has
    written, and no other transactions. ``complete`` were receiving from it until it was lost.
    """

    lost: Epoch
    epoch: Epoch
    survivors: Sequence[str]
    givers: Sequence[str]
    complete: Sequence[str] = ()


@dataclass(frozen=True)
class Wanted:
    """The set as it shall be, and what the caller allows.

    ``members`` in the order of the inventory. ``adopt`` names the writer of a set without an epoch.
    ``to`` names the member to switch or fail over to; empty: choose (failover), or nobody (settle).
    ``failover``: the active writer is dead or cut off. ``confirm_fenced`` is the operator's word
    that this server is off. ``by`` is who asks, for the epoch. ``witnesses`` are other servers with
    a channel to a member.
    """

    promise: Promise
    members: Sequence[Member]
    adopt: str = ""
    to: str = ""
    failover: bool = False
    max_pause_seconds: float = 1.0
    allow_loss: bool = False
    alone: bool = False
    confirm_fenced: str = ""
    reason: str = ""
    by: str = ""
    witnesses: Sequence[Witness] = ()

    @property
    def name(self) -> str:
        """The set's name; channels within it are called so, too."""
        return self.promise.name

    def member(self, name: str) -> Member:
        """Return the member of a name."""
        return next(one for one in self.members if one.name == name)


def plan(wanted: Wanted, state: SetState) -> Plan:
    """Return all steps from here to what is wanted.

    Raises ``Refused`` with what keeps it from being done, and the command that settles it.
    """
    outdated = _outdated(state)
    try:
        rest = _plan(wanted, state)
    except Refused as refused:
        if not outdated:
            raise
        # Even so: what comes next may be a loss that nobody would see.
        return Plan(outdated, tuple(map(str, refused.reasons)))
    return Plan((*outdated, *rest.steps), rest.warnings)


def _outdated(state: SetState) -> tuple[Step, ...]:
    """Forget what a failover has noted where the writer that it took for lost answers.

    From now on it may acknowledge what the others do not receive.
    """
    epoch = state.epoch
    if epoch is None or epoch.active not in state.members:
        return ()
    if not state.members[epoch.active].reachable:
        return ()
    return tuple(
        _forgetting(member) for member in state.reachable if member.stopped_in_epoch == epoch.number
    )


def _forgetting(member: MemberState) -> Step:
    noted = {"stopped_in_epoch": member.stopped_in_epoch}
    return Step(FORGET, member.name, noted, {"stopped_in_epoch": 0}, None, member.name)


def _plan(wanted: Wanted, state: SetState) -> Plan:
    kind, epoch, writer = diagnosis.status(state), state.epoch, state.writer
    if kind == TWO_WRITERS:
        # First of all, and whatever else was asked for.
        return Plan((_close_older(state),))
    if epoch is None:
        if wanted.failover:
            raise Refused(
                [
                    f"No member that answers knows an epoch of {wanted.name}: it never had an active "
                    "writer, or those that know it cannot be reached."
                ]
            )
        return _birth(wanted, state) if kind == NOT_BORN else _adoption(wanted, state)
    if wanted.failover:
        return _failover(wanted, state, epoch)
    if writer is None:
        return _open_one(wanted, state, epoch)
    if wanted.to and wanted.to != writer.name:
        return _switch(wanted, state, writer, epoch)
    return _settle(wanted, state, writer, epoch)


def _close_older(state: SetState) -> Step:
    """Close the open member with the older epoch; at equal epochs both, in one step."""
    newest = max(member.epoch.number if member.epoch else 0 for member in state.open)
    first = [m for m in state.open if (m.epoch.number if m.epoch else 0) == newest]
    older = [member for member in state.open if member not in first]
    return _close(older if older and len(first) == 1 else state.open)


def _close(members: Sequence[MemberState]) -> Step:
    names = tuple(member.name for member in members)
    return Step(
        CLOSE, ", ".join(names), {"closed": False}, {"closed": True}, names, server=names[0]
    )


def _birth(wanted: Wanted, state: SetState) -> Plan:
    """Open the first member of a set that never had an active writer."""
    first, *rest = state.members.values()
    refuse_if_any(
        [
            *_missing_members(state, "every member must answer before the set's first epoch"),
            *(
                f"{member.name}: it has transactions in its binary log ({member.executed}) that "
                f"{first.name} has not, and no rows of a user. If nobody needs them, let it forget "
                "its binary log (MariaDB: RESET MASTER; MySQL: RESET BINARY LOGS AND GTIDS)."
                for member in rest
                if state.beyond(member.name, first.name)
            ),
        ]
    )
    if wanted.to and wanted.to != first.name:
        raise Refused(
            [
                f"{wanted.name} has no epoch yet: its first active writer is the first of the "
                f"inventory, {first.name}. Run site.yml, then switch."
            ]
        )
    epoch = Epoch(1, first.name, _promised(wanted, state))
    opening = _opening(wanted, state, first, Opening(epoch, followed=bool(rest)))
    follows = [step for member in rest for step in _follow(wanted, state, member, first.name)]
    return Plan((*follows, opening, *_ready(wanted, state, first)))


def _adoption(wanted: Wanted, state: SetState) -> Plan:
    """Write the first epoch of a set that others have made, and close nothing."""
    findings = diagnosis.diagnose(state, wanted.promise)
    if not wanted.adopt:
        raise Refused([finding for finding in findings if finding.code.endswith("not_adopted")])
    problems: list[Reason] = _missing_members(state, "every member must answer to be adopted")
    active = state.members.get(wanted.adopt)
    if active is None:
        raise Refused([f"adopt names {wanted.adopt}, which is no member of {wanted.name}."])
    if not active.open:
        problems.append(
            f"{active.name}: adopt names it as the active writer, and it is closed (read_only). "
            "Name the member that takes writes."
        )
    for member in state.reachable:
        if member.name == active.name:
            continue
        if member.open:
            problems.append(
                f"{member.name}: it takes writes, too. Close it (SET GLOBAL read_only = 1, and in "
                "its configuration) before the set is adopted."
            )
        if not (member.follows(active.name) and member.channel and member.channel.connected):
            problems.append(
                f"{member.name}: it does not follow {active.name} (its channel follows "
                f"{member.source or 'no member'}, or has stopped). Let it follow first."
            )
        errant = state.beyond(member.name, active.name)
        if errant:
            problems.append(
                f"{member.name}: it has transactions that {active.name} has not ({errant}). Settle "
                "them first."
            )
    refuse_if_any(problems)
    epoch = Epoch(1, active.name, _promised(wanted, state), wanted.reason or "adopted", wanted.by)
    step = Step(ADOPT, active.name, {"epoch": None}, {"epoch": 1}, epoch, active.name)
    return Plan((step,))


def _open_one(wanted: Wanted, state: SetState, epoch: Epoch) -> Plan:
    """Open the member that was asked for, of a set in which nobody or the wrong one is open."""
    finding = [
        one
        for one in diagnosis.diagnose(state, wanted.promise)
        if one.code
        in (
            "replica_set.active_unknown",
            "replica_set.active_unreachable",
            "replica_set.wrong_writer",
            "replica_set.no_writer",
            "replica_set.opener_refused",
        )
    ]
    target = state.members.get(wanted.to)
    if target is None or epoch.active not in state.members:
        raise Refused(finding)
    wrong = [member for member in state.open if member.name != target.name]
    if wrong:
        # First of all: it writes against the newest epoch.
        return Plan((_close(wrong),))
    problems: list[Reason] = []
    if not target.reachable:
        back = (f"to={epoch.active}", f"confirm_fenced={target.name}")
        problems.append(
            f"{target.name}: it cannot be reached ({target.unreachable}). Bring it back; or, if it "
            f"is off, open the other one: {wanted.promise.command('switch', *back)}"
        )
    if not state.members[epoch.active].reachable:
        # It may have what nobody else has, or live on for others.
        problems += finding
    else:
        # Behind a cut network another may have become the active writer since.
        problems += [
            f"{member.name}: it cannot be reached ({member.unreachable}), and may have been made "
            "the active writer meanwhile. Bring it back, or say that it is off "
            f"(confirm_fenced={member.name})."
            for member in state.unreachable
            if member.name not in (wanted.confirm_fenced, target.name)
        ]
        problems += _diverged(state, epoch)
        if epoch.active != target.name:
            problems += _prepared(state.members[epoch.active])
    refuse_if_any(problems)
    return _caught_up_and_opened(wanted, state, target, epoch)


def _diverged(state: SetState, epoch: Epoch) -> list[Reason]:
    """Say which members have what the last active writer has not; it must not be merged silently."""
    former = state.members[epoch.active]
    return [
        f"{member.name}: it has transactions that {former.name}, the active writer of epoch "
        f"{epoch.number}, has not: {errant}. Nothing is opened until somebody has decided about them: "
        f"to keep what {former.name} has, end {member.name}'s server, open {former.name} "
        f"(to={former.name}, confirm_fenced={member.name}), start it and rejoin it."
        for member in state.reachable
        if member.name != former.name
        for errant in [state.beyond(member.name, former.name)]
        if errant
    ]


def _caught_up_and_opened(
    wanted: Wanted, state: SetState, target: MemberState, epoch: Epoch
) -> Plan:
    """Let a member have all that others have, and open it."""
    former = state.members[epoch.active]
    new = _next(wanted, target, epoch)
    followed = any(member.follows(target.name) for member in state.reachable)
    given = former.name if former.name != target.name else ""
    opening = _opening(wanted, state, target, Opening(new, given, followed))
    if missing(former.executed, target.executed):
        steps = _follow(wanted, state, target, former.name, until=former.executed)
        if not steps:
            said = explain(target.channel) if target.channel else "it has no channel"
            raise Refused(
                [
                    f"{target.name}: it lacks transactions of {former.name}, the active writer of "
                    f"epoch {epoch.number}, and its channel has stopped: {said}"
                ]
            )
        return Plan((*steps, opening))
    followers = [
        step
        for member in state.reachable
        if member.name != target.name and not diagnosis.is_new(member, target)
        for step in _follow(wanted, state, member, target.name)
    ]
    # Only a strict writer needs them: one that does not come to follow keeps nobody from writing.
    strict = new.durability == STRICT
    return Plan((*followers, opening) if strict else (opening, *followers))


def _next(wanted: Wanted, target: MemberState, epoch: Epoch, forced: bool = False) -> Epoch:
    """Return the epoch in which a member is active: the present one, if it says so already."""
    alone = wanted.alone and epoch.durability == STRICT
    if epoch.active == target.name and not forced and not alone:
        return epoch
    durability = wanted.promise.durability
    if durability == STRICT and wanted.alone:
        durability = AVAILABLE
    return Epoch(
        epoch.next(forced), target.name, durability, wanted.reason, wanted.by, forced=forced
    )


def _switch(wanted: Wanted, state: SetState, writer: MemberState, epoch: Epoch) -> Plan:
    """Let another member become the active writer, as planned."""
    refuse_if_any(_switch_problems(wanted, state, writer))
    target = state.members[wanted.to]
    new = _next(wanted, target, epoch)
    ready = _ready(wanted, state, writer, towards=target.name)
    step = Step(
        SWITCH,
        f"{writer.name} to {target.name}",
        {"active": writer.name, "epoch": epoch.number},
        {"active": target.name, "epoch": new.number},
        (writer.name, new, wanted.max_pause_seconds),
        target.name,
    )
    # What comes after it is planned again from what is there then.
    after = replace(
        state,
        members={
            **state.members,
            writer.name: replace(writer, closed=True),
            target.name: replace(target, closed=False, epoch=new, executed=writer.executed),
        },
    )
    rest = [
        one
        for member in after.reachable
        if member.name not in (target.name, writer.name)
        for one in _follow(wanted, after, member, target.name)
    ]
    return Plan((*ready, step, *rest), tuple(_price(state, writer, target)))


def _price(state: SetState, writer: MemberState, target: MemberState) -> list[str]:
    """Say what a switch costs applications."""
    behind = transactions_between(writer.executed, target.executed)
    lag = target.channel.seconds_behind_source if target.channel else None
    found = [
        f"{writer.open_transactions} open transactions that have changed rows on {writer.name} are "
        "rolled back."
    ]
    if behind:
        found.append(
            f"Applications wait until {target.name} has applied what it is behind: {behind} "
            f"transactions, {lag or 0} s."
        )
    return found[0 if writer.open_transactions else 1 :]


def _switch_problems(wanted: Wanted, state: SetState, writer: MemberState) -> list[Reason]:
    target = state.members.get(wanted.to)
    if target is None:
        return [
            f"to names {wanted.to}, which is no member of {wanted.name}; its members are "
            f"{', '.join(state.members)}."
        ]
    if not target.reachable:
        return [f"{target.name}: it cannot be reached ({target.unreachable})."]
    channel, problems = target.channel, list[Reason]()
    if state.errant(target.name):
        problems += [
            one
            for one in diagnosis.diagnose(state, wanted.promise)
            if one.code == "replica_set.member_diverged" and one.where == target.name
        ]
    elif (
        channel is None
        or target.source != writer.name
        or not channel.connected
        or not channel.sql_running
    ):
        problems.append(
            f"{target.name}: it does not follow the active writer {writer.name} now. Run site.yml, "
            "which makes it follow."
        )
    else:
        lag = channel.seconds_behind_source
        if state.behind(target.name) and (lag is None or lag > wanted.promise.max_lag_seconds):
            problems.append(
                f"{target.name}: it is {'an unknown time' if lag is None else f'{lag} s'} behind, "
                f"and max_lag_seconds is {wanted.promise.max_lag_seconds}. Wait until it has caught "
                "up, or allow more."
            )
    # Closing waits as long as applications may.
    long = [one.sentence for one in writer.writing if one.seconds >= wanted.max_pause_seconds]
    if long:
        problems.append(
            f"{writer.name}: closing it would wait for statements that write, and everybody behind "
            f"them: {', '.join(long[:5])}. Let them end, or end them."
        )
    problems += _prepared(writer)
    if wanted.promise.durability != ASYNCHRONOUS and not target.semi_sync.available:
        problems.append(
            f"{target.name}: it has no semi-synchronous replication, and the set is "
            f"{wanted.promise.durability}. Load its plugins first."
        )
    return problems


def _prepared(writer: MemberState) -> list[Reason]:
    if not writer.prepared_xa:
        return []
    return [
        f"{writer.name}: it has prepared XA transactions ({', '.join(writer.prepared_xa)}), which "
        "could be committed on a closed server, too. Commit them or roll them back."
    ]


def _failover(wanted: Wanted, state: SetState, epoch: Epoch) -> Plan:
    """Let a survivor become the active writer, because the present one is dead or cut off."""
    active = state.members.get(epoch.active)
    survivors = [member for member in state.reachable if member.name != epoch.active]
    writer = state.writer
    if writer is not None and epoch.forced and wanted.to in ("", writer.name):
        # It was done before: what is left is to settle the survivors.
        return _settle(wanted, state, writer, epoch)
    if active is not None and _was_about_to_open(wanted, state, active, epoch):
        return Plan((_opening(wanted, state, active, Opening(epoch)),))
    problems: list[Reason] = []
    if active is not None and active.reachable:
        problems.append(
            f"{active.name} is the active writer and answers"
            + ("." if active.open else ", and is closed.")
            + " A planned switch loses nothing: "
            + wanted.promise.command("switch", f"to={wanted.to or _another(state, active.name)}")
        )
    if wanted.to and wanted.to not in state.members:
        problems.append(f"to names {wanted.to}, which is no member of {wanted.name}.")
    if not survivors:
        problems.append("No other member can be reached.")
    away = [member.name for member in state.unreachable if member.name != epoch.active]
    strict = epoch.durability == STRICT
    if away and strict and not wanted.allow_loss:
        problems.append(
            f"{', '.join(away)} cannot be reached, and any one member may be the only one that has "
            "what was acknowledged last. Bring it back, or allow the loss: "
            + wanted.promise.command("failover", "allow_loss=true")
        )
    if away and wanted.confirm_fenced != epoch.active:
        problems.append(
            f"{', '.join(away)} cannot be asked whether it still reaches {epoch.active}. Close "
            f"{epoch.active} or turn it off, and say so: "
            + wanted.promise.command("failover", f"confirm_fenced={epoch.active}")
        )
    problems += _witnessed(wanted, epoch)
    if wanted.to and wanted.to not in [member.name for member in survivors]:
        problems.append(f"{wanted.to} cannot be reached, or is the active writer that is lost.")
    if not wanted.allow_loss and not problems:
        problems += _uncertain(wanted, survivors, epoch)
    if wanted.promise.durability == STRICT and len(survivors) < 2 and not wanted.alone:
        problems.append(
            "The set is strict, and no other member could follow the new writer, which would "
            "acknowledge nothing. Bring one back, or allow it to be alone for now: "
            + wanted.promise.command("failover", "alone=true")
        )
    refuse_if_any(problems)
    alike = [member for member in survivors if not _of_its_own(member, survivors, epoch)]
    sure = [member for member in alike if not _may_lack(member, epoch)]
    followed = [member for member in alike if _followed_it(member, epoch)]
    pool = sure or followed or alike or survivors
    target = state.members[wanted.to] if wanted.to else _most_advanced(pool)
    givers = [member.name for member in survivors if member in followed or member is target]
    complete = [member.name for member in survivors if not _may_not_have_received(member, epoch)]
    new = _next(wanted, target, epoch, forced=True)
    step = Step(
        FAILOVER,
        f"{epoch.active} to {target.name}",
        {"active": epoch.active, "epoch": epoch.number},
        {"active": target.name, "epoch": new.number},
        Failover(
            epoch, new, tuple(member.name for member in survivors), tuple(givers), tuple(complete)
        ),
        target.name,
    )
    return Plan((step,), tuple(_possible_loss(epoch, survivors)))


def _witnessed(wanted: Wanted, epoch: Epoch) -> list[Reason]:
    """Say for which servers outside the set the active writer lives, or may live."""
    lost = next((one for one in wanted.members if one.name == epoch.active), None)
    if lost is None or wanted.confirm_fenced == lost.name:
        return []
    asked = [witness for witness in wanted.witnesses if witness.tells_of(lost)]
    seeing = [witness.name for witness in asked if witness.sees]
    silent = [witness.name for witness in asked if witness.sees is None]
    command = wanted.promise.command("failover", f"confirm_fenced={lost.name}")
    found: list[Reason] = []
    if seeing:
        found.append(
            f"{', '.join(seeing)} still reaches {lost.name}, so that is running, and two "
            f"would take writes. Close {lost.name} or turn it off, and say so: {command}"
        )
    # Of two members a strict writer acknowledges nothing without the other, whoever sees it.
    if silent and not (epoch.durability == STRICT and len(wanted.members) == 2):
        found.append(
            f"{', '.join(silent)} could not be asked whether it still reaches {lost.name}. Close "
            f"{lost.name} or turn it off, and say so: {command}"
        )
    return found


def _uncertain(wanted: Wanted, survivors: Sequence[MemberState], epoch: Epoch) -> list[Reason]:
    """Say which survivors may lack what was acknowledged, where it matters.

    One that has it all is enough, and takes over. In a strict set any one may be the only one.
    """
    own = {member.name: _of_its_own(member, survivors, epoch) for member in survivors}
    why = {
        member.name: f"it has transactions that nobody else has ({own[member.name]})"
        if own[member.name]
        else _may_lack(member, epoch)
        for member in survivors
    }
    unsure = [name for name, reason in why.items() if reason]
    sure = [name for name in why if name not in unsure]
    if sure and epoch.durability != STRICT:
        unsure = [name for name in unsure if name == wanted.to]
    other = f"name {sure[0]}, or " if sure and wanted.to in unsure else ""
    return [
        f"{name}: {why[name]}, so it may lack transactions that were acknowledged. Bring the active "
        f"writer back, {other or 'or '}allow the loss: "
        + wanted.promise.command("failover", "allow_loss=true")
        for name in unsure
    ]


def _was_about_to_open(wanted: Wanted, state: SetState, active: MemberState, epoch: Epoch) -> bool:
    """Whether a failover ended after it had written its epoch, and before it opened the writer.

    Its server must not have been started since: then nobody knows what has become of the set.
    """
    for_it = active.stopped_in_epoch == epoch.number - FORCED_JUMP
    noted = active.reachable and not state.open and for_it
    return noted and epoch.forced and wanted.to in ("", active.name)


def _another(state: SetState, name: str) -> str:
    """Return a member beside one, the first that answers."""
    others = [member.name for member in state.reachable if member.name != name]
    return next(iter(others), "MEMBER")


def _followed_it(member: MemberState, epoch: Epoch) -> bool:
    """Whether a survivor has got what the lost writer wrote, as far as it has."""
    return member.stopped_in_epoch == epoch.number or (
        member.channel is not None and member.source == epoch.active
    )


def _of_its_own(member: MemberState, survivors: Sequence[MemberState], epoch: Epoch) -> str:
    """Return what a survivor has written itself, and another one of the same epoch has not.

    What it wrote when it was the active writer, all that know a later epoch have.
    """
    own = written_under(member.own, member.executed)
    lacking = [
        missing(own, other.received)
        for other in survivors
        if other.name != member.name and other.epoch and other.epoch.number == epoch.number
    ]
    return next(filter(None, lacking), "")


def _may_lack(member: MemberState, epoch: Epoch) -> str:
    """Say why a survivor may lack what the writer has acknowledged; empty: it has received it all.

    It has if it was receiving when the writer was lost, and has applied, or goes on applying, what
    it received. A server or a channel that was started since has thrown away what was not applied.
    """
    channel = member.channel
    if channel is None or not _followed_it(member, epoch):
        return f"it did not follow {epoch.active}"
    if channel.sql_fault:
        return f"its channel could not apply (error {channel.sql_fault.number})"
    if not channel.sql_running and missing(member.received, member.executed):
        return "its applier has stopped with something unapplied"
    return _may_not_have_received(member, epoch)


def _may_not_have_received(member: MemberState, epoch: Epoch) -> str:
    """Say why a survivor may not even have received what was acknowledged; empty: it has."""
    channel = member.channel
    if channel is None or not _followed_it(member, epoch):
        return f"it did not follow {epoch.active}"
    if member.stopped_in_epoch == epoch.number:
        # A failover that was interrupted has stopped it.
        return ""
    if member.doubted_in_epoch == epoch.number:
        return "its channel had stopped receiving before a failover that was interrupted"
    if not channel.io_running:
        return "its channel had stopped receiving before, or its server was restarted"
    if not member.was_connected:
        return f"its channel was started when {epoch.active} could not be reached any more"
    return ""


def _most_advanced(candidates: Sequence[MemberState]) -> MemberState:
    """Return the member that has received most; of equals the first of the inventory."""
    best = candidates[0]
    for member in candidates[1:]:
        if missing(member.received, best.received) and not missing(best.received, member.received):
            best = member
    return best


def _possible_loss(epoch: Epoch, survivors: Sequence[MemberState]) -> list[str]:
    """Say what is known of transactions that only the lost writer had."""
    received = ""
    for member in survivors:
        received = joined(received, member.received)
    acknowledged = (
        "none of it was acknowledged"
        if epoch.durability == STRICT
        else "some of it may have been acknowledged"
    )
    return [
        f"The survivors have received {received or 'nothing'}. What {epoch.active} has committed "
        f"beyond that is on none of them; with durability {epoch.durability} {acknowledged}."
    ]


def _settle(wanted: Wanted, state: SetState, writer: MemberState, epoch: Epoch) -> Plan:
    """Let everything around the active writer be as it shall be."""
    alone = wanted.alone and _is_lonely(state, writer)
    if alone and epoch.durability == STRICT:
        return _go_on_alone(wanted, state, writer, epoch)
    steps: list[Step] = []
    for member in state.reachable:
        if member.lifted:
            steps.append(_close([member]))
        steps += _events(member, member.name == writer.name)
        if member.name == writer.name or state.errant(member.name):
            continue
        if diagnosis.is_new(member, writer):
            continue
        if alone and member.source == writer.name:
            # It cannot follow now, and nobody waits for it.
            continue
        steps += _follow(wanted, state, member, writer.name)
    if writer.stopped_in_epoch:
        steps.append(_forgetting(writer))
    steps += _ready(wanted, state, writer)
    steps += _promise(wanted, state, writer, epoch)
    return Plan(tuple(steps))


def _is_lonely(state: SetState, writer: MemberState) -> bool:
    """Whether nobody acknowledges what the active writer commits, by it or by the others."""
    return not writer.semi_sync.clients or not _acknowledging(state, writer)


def _go_on_alone(wanted: Wanted, state: SetState, writer: MemberState, epoch: Epoch) -> Plan:
    """Let an open strict writer acknowledge what is on it alone, as asked for.

    First every other member knows that it may, so that none takes over as if nothing had been.
    """
    others = [member for member in state.members.values() if member.name != writer.name]
    refuse_if_any(
        [
            *(
                f"{member.name}: it cannot be reached ({member.unreachable}), and may have been made "
                f"the active writer meanwhile. Bring it back, or say that it is off "
                f"(confirm_fenced={member.name})."
                for member in others
                if not member.reachable and member.name != wanted.confirm_fenced
            ),
            *(
                f"{member.name}: it has not applied epoch {epoch.number} yet, and could not know "
                "that it is strict no longer. Wait until it has."
                for member in others
                if member.reachable
                and (member.epoch is None or member.epoch.number != epoch.number)
            ),
        ]
    )
    weaker = replace(epoch, durability=AVAILABLE)
    told = [
        _promising(member, member.epoch, weaker)
        for member in others
        if member.epoch and member.epoch.durability == STRICT
    ]
    waits = _semi_sync(writer, AVAILABLE, False, True)
    return Plan((*told, *waits, _promising(writer, epoch, weaker)))


def _promising(member: MemberState, before: Epoch, epoch: Epoch) -> Step:
    return Step(
        PROMISE,
        member.name,
        {"durability": before.durability},
        {"durability": epoch.durability},
        epoch,
        member.name,
    )


def _follow(
    wanted: Wanted, state: SetState, member: MemberState, source: str, until: str = ""
) -> list[Step]:
    """Let a member follow another; nothing to do where it does, or has stopped with an error."""
    channel = member.channel
    # One that runs and is still connecting is waited for: what comes next needs it.
    follows = member.follows(source) and channel is not None and channel.connected
    # What a failover has noted is over, and must not be taken for true later.
    noted = member.stopped_in_epoch or member.doubted_in_epoch
    if state.epoch and member.stopped_in_epoch == state.epoch.number:
        # Its writer answers, and that is forgotten by itself.
        noted = 0
    if follows and not until and not noted:
        return []
    if channel is not None and member.source == source and channel.failed:
        # The diagnosis says what it is; starting it again would not help.
        return []
    return [
        Step(
            FOLLOW,
            f"{member.name} from {source}",
            {"source": member.source or None, "running": bool(channel and channel.running)},
            {"source": source, "running": True},
            (wanted.member(source), wanted.member(member.name), until),
            member.name,
        )
    ]


def _ready(wanted: Wanted, state: SetState, writer: MemberState, towards: str = "") -> list[Step]:
    """Let the active writer have a channel to another member, which starts when it is demoted.

    ``towards``: it is about to be demoted, and its channel is to run.
    """
    others = [member for member in state.reachable if member.name != writer.name]
    if not others:
        return []
    known = writer.source if writer.channel else ""
    source = towards or (known if known in state.members else others[0].name)
    has = writer.channel is not None and known == source
    if has and not towards:
        return []
    if towards and has and writer.follows(towards) and writer.channel and writer.channel.connected:
        return []
    return [
        Step(
            READY,
            f"{writer.name} for {source}",
            {"source": known or None},
            {"source": source},
            (wanted.member(source), wanted.member(writer.name), bool(towards)),
            writer.name,
        )
    ]


def _events(member: MemberState, is_writer: bool) -> list[Step]:
    """Let noted events run on the writer, what runs there be noted, and none run elsewhere."""
    has = member.events
    wanted = has.wanted if is_writer else frozenset()
    noted = wanted if is_writer else has.noted
    if has.on == wanted and has.noted == noted:
        return []
    return [
        Step(
            EVENTS,
            member.name,
            {"running": sorted(map(str, has.on)), "noted": sorted(map(str, has.noted))},
            {"running": sorted(map(str, wanted)), "noted": sorted(map(str, noted))},
            (has, is_writer),
            member.name,
        )
    ]


def _promised(wanted: Wanted, state: SetState) -> str:
    """Return the durability that can be kept now: strict needs a second member."""
    if wanted.promise.durability == STRICT and len(state.members) < 2:
        return AVAILABLE
    return wanted.promise.durability


def _promise(wanted: Wanted, state: SetState, writer: MemberState, epoch: Epoch) -> list[Step]:
    """Let commits wait for a replica, or not, as the set's durability says."""
    steps = []
    for member in state.reachable:
        is_source = member.name == writer.name
        durability = wanted.promise.durability
        if is_source and durability == STRICT and not _followed(state, writer):
            # It would acknowledge nothing from now on, which nobody has asked for just now.
            durability = epoch.durability
        followed = durability != ASYNCHRONOUS and _followed(state, writer)
        wanted_on = is_source and (durability == STRICT or followed)
        if wanted_on and _stays_fallen_back(wanted, state, writer):
            steps += _semi_sync(writer, durability, False, True)
            member = replace(writer, semi_sync=replace(writer.semi_sync, source_on=False))
        steps += _semi_sync(member, durability, wanted_on, is_source)
        if is_source and epoch.durability != durability:
            steps.append(_promising(writer, epoch, replace(epoch, durability=durability)))
    return steps


def _followed(state: SetState, writer: MemberState) -> bool:
    """Whether a replica would acknowledge; a writer that waits already goes on doing so.

    What the writer counts is not enough: it counts one that is gone until it notices.
    """
    return writer.semi_sync.source_on or _acknowledging(state, writer)


def _stays_fallen_back(wanted: Wanted, state: SetState, writer: MemberState) -> bool:
    """Whether commits do not wait although a member acknowledges them, and keeps up.

    MariaDB lets them wait again at an acknowledgement of the last commit, which under load is never
    the last any more. Turned off and on, they wait at once; now nobody does.
    """
    has = writer.semi_sync
    most = wanted.promise.max_lag_seconds
    return (
        has.source_on
        and not has.working
        and has.clients > 0
        and any(
            member.follows(writer.name)
            and member.channel is not None
            and member.channel.connected
            and member.channel.sql_running
            and (member.channel.seconds_behind_source or 0) <= most
            and member.semi_sync.replica_on
            for member in state.reachable
        )
    )


def _acknowledging(state: SetState, writer: MemberState) -> bool:
    """Whether a member says that it follows the writer, and would acknowledge."""
    return any(
        member.follows(writer.name)
        and member.channel is not None
        and member.channel.connected
        and member.semi_sync.replica_on
        for member in state.reachable
    )


def _semi_sync(
    member: MemberState, durability: str, source_on: bool, is_source: bool
) -> list[Step]:
    has = member.semi_sync
    if not has.available:
        return []
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    if has.source_on != source_on:
        before["source"], after["source"] = has.source_on, source_on
    if is_source and source_on:
        if has.timeout_ms != TIMEOUTS[durability]:
            before["timeout"], after["timeout"] = has.timeout_ms, TIMEOUTS[durability]
        if has.wait_point != "AFTER_SYNC":
            before["wait_point"], after["wait_point"] = has.wait_point, "AFTER_SYNC"
        if not has.waits_without_replica:
            before["waits_without_replica"], after["waits_without_replica"] = False, True
    replica_on = durability != ASYNCHRONOUS
    if has.replica_on != replica_on:
        before["replica"], after["replica"] = has.replica_on, replica_on
    if not after:
        return []
    return [Step(SEMI_SYNC, member.name, before, after, dict(after), member.name)]


def _opening(wanted: Wanted, state: SetState, target: MemberState, opening: Opening) -> Step:
    before, epoch = state.epoch, opening.epoch
    epoch = replace(epoch, reason=epoch.reason or wanted.reason, by=epoch.by or wanted.by)
    return Step(
        OPEN,
        target.name,
        {"closed": True, "epoch": before.number if before else None},
        {"closed": False, "epoch": epoch.number},
        replace(opening, epoch=epoch),
        target.name,
    )


def _missing_members(state: SetState, why: str) -> list[Reason]:
    return [
        f"{member.name}: it cannot be reached ({member.unreachable}); {why}."
        for member in state.unreachable
    ]
