# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is wrong with a topology, each thing once, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.checks import (
    accounts,
    channels,
    heartbeats,
    hosts,
    ids,
    servers,
    tables,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory import reconcile
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set_diagnosis import (
    Promise,
    diagnose,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    Observed,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.mute import Mute
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    FABRIC,
    MEMBER,
    Contents,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    INFO,
    WARNING,
    Finding,
)

SEVERITIES = (CRITICAL, WARNING, INFO)
# What the directory's comparison says of servers, which is judged here for all of them.
_TOLD_OTHERWISE = ("directory.server_silent", "directory.server_with_other_ids")
# What is said of a member's settings, where its set's diagnosis says it, too.
_SAME = {"settings.semi_sync": "replica_set.semi_sync_missing"}


@dataclass(frozen=True)
class Judged:
    """A finding, and the mute that hides it, if any does."""

    finding: Finding
    mute: Mute | None = None

    def told(self) -> dict[str, str | None]:
        """Return it as a part of a module's result."""
        until = str(self.mute.until) if self.mute else None
        return {**self.finding.told(), "muted_until": until}


def judge(
    checked: Checked,
    observed: Observed,
    inventory: Contents,
    newest: int,
    mutes: Sequence[Mute] = (),
    today: date = date.min,
) -> list[Judged]:
    """Return what is wrong, the worst first and always in the same order.

    ``inventory`` is what it says of the directory, whose schema has the version ``newest``.
    """
    found = [
        *servers.judge(checked, observed),
        *ids.judge(checked, observed),
        *channels.judge(checked, observed),
        *heartbeats.judge(checked, observed),
        *tables.judge(checked, observed),
        *accounts.judge(checked, observed),
        *hosts.judge(checked, observed),
        *_sets(checked, observed),
    ]
    found += _directory(observed, inventory, newest, found)
    there = {(one.code, one.where) for one in found}
    once = {
        (one.code, one.where, one.text): one
        for one in found
        if (_SAME.get(one.code, ""), one.where) not in there
    }
    ordered = sorted(
        once.values(),
        key=lambda one: (SEVERITIES.index(one.severity), one.where, one.code, one.text),
    )
    return [
        Judged(one, next((mute for mute in mutes if mute.hides(one, today)), None))
        for one in ordered
    ]


def _sets(checked: Checked, observed: Observed) -> Iterator[Finding]:
    for one in checked.sets:
        state = observed.sets.get(one.name)
        if state:
            promise = Promise(one.name, one.durability, checked.limits.max_lag_seconds)
            yield from diagnose(state, promise)


def _directory(
    observed: Observed, inventory: Contents, newest: int, found: Sequence[Finding]
) -> list[Finding]:
    """Compare the directory with the inventory and the servers, if it could be read."""
    if observed.directory is None:
        return []
    compared = reconcile.compare(observed.directory, newest, inventory, said(observed, inventory))
    # Who is active in a set that has no writer cannot be known.
    without = {name for name, state in observed.sets.items() if state.writer is None}
    return [
        one.finding
        for one in compared.differences
        if one.finding.code not in _TOLD_OTHERWISE
        and not (one.finding.code == "directory.active_unknown" and one.finding.where in without)
    ]


def said(observed: Observed, inventory: Contents) -> Mapping[str, reconcile.Said]:
    """Return what each server says of itself, as the directory's comparison takes it."""
    found = {}
    for name, server in inventory.servers.items():
        seen = observed.servers.get(name)
        if seen is None:
            found[name] = reconcile.Said(why=observed.silent.get(name, "it was not asked"))
            continue
        state = observed.sets.get(server.replica_set or "")
        member = state.members.get(name) if state else None
        if server.kind == MEMBER and (member is None or not member.reachable):
            found[name] = reconcile.Said(why="it has not said how it stands in its set")
            continue
        epoch = member.epoch if member else None
        found[name] = reconcile.Said(
            True,
            "",
            seen.pair.increment,
            seen.pair.offset,
            member.open if member else seen.takes_writes,
            tuple(status.name for status in seen.channels),
            epoch.number if epoch else None,
            epoch.active if epoch else "",
        )
    return found


def directory_on(observed: Observed) -> str:
    """Return the member that holds the directory and takes writes; empty where there is none."""
    state = observed.sets.get(FABRIC)
    return state.writer.name if state and state.writer else ""


def worst(judged: Sequence[Judged]) -> str:
    """Return the worst severity that no mute hides; empty where there is none."""
    return next((one.finding.severity for one in judged if one.mute is None), "")
