# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the channels that a replica has to those that it shall have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel import (
    ABSENT,
    FOR_A_NEW_CHANNEL,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
    shared_sources,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

STOP, CHANGE, START, REMOVE = "stop", "change", "start", "remove"

# Access denied: the one sign that a password is wrong, on a server that does not
# show the password that it has stored.
ACCESS_DENIED = 1045


def plan(desired: Sequence[Channel], current: Sequence[ChannelStatus]) -> Plan:
    """Return the steps that bring each channel to its state and touch no other one.

    Raises ``Refused`` when a channel does not exist and its source is not given,
    or when two channels would follow one source.
    """
    present = {status.key: status for status in current}
    problems = _missing_sources(desired, present) + _shared_sources(desired, present)
    refuse_if_any(problems)
    steps: list[Step] = []
    for channel in desired:
        steps.extend(_steps(channel, present.get(channel.key)))
    return Plan(tuple(steps))


def _steps(channel: Channel, status: ChannelStatus | None) -> list[Step]:
    target = f"channel {channel.name}"
    if channel.state == ABSENT:
        return [] if status is None else _removal(target, channel, status)
    steps = []
    changes = _changes(channel, status)
    runs = status is not None and (status.io_running or status.sql_running)
    shall_run = channel.state == STARTED or (runs and channel.state != STOPPED)
    before = None if status is None else shown(status)
    after = dict(before or {"running": "no"})
    if runs and (changes or not shall_run):
        after["running"] = "no"
        steps.append(Step(STOP, target, before, dict(after), channel))
    if changes:
        after.update({name: str(value) for name, value in changes.items()})
        steps.append(Step(CHANGE, target, before, dict(after), (channel, changes)))
    if shall_run and (changes or status is None or not status.running):
        after["running"] = "yes"
        steps.append(Step(START, target, before, dict(after), channel))
    return steps


def _removal(target: str, channel: Channel, status: ChannelStatus) -> list[Step]:
    before = shown(status)
    steps = [Step(REMOVE, target, before, None, channel)]
    if status.io_running or status.sql_running:
        steps.insert(0, Step(STOP, target, before, {**before, "running": "no"}, channel))
    return steps


def _changes(channel: Channel, status: ChannelStatus | None) -> dict[str, Any]:
    """Return the options of CHANGE that are needed, the password as a Secret."""
    if status is None:
        changes = {**FOR_A_NEW_CHANNEL.given(), **channel.settings.given()}
        if channel.source_password:
            changes["source_password"] = channel.source_password
        return changes
    changes = channel.settings.differing_from(status.settings)
    if _password_differs(channel, status):
        changes["source_password"] = channel.source_password
    if changes.keys() & {"source_host", "source_port"}:
        # Both servers forget where they were when the source changes, so the way
        # of finding the place is said again. MySQL keeps neither of the two alone.
        for name in ("source_host", "source_port"):
            given = getattr(channel.settings, name)
            changes.setdefault(name, given or getattr(status.settings, name))
        changes["auto_position"] = True
    return changes


def _password_differs(channel: Channel, status: ChannelStatus) -> bool:
    wanted: Secret | None = channel.source_password
    if wanted is None or channel.update_password == "on_create":
        return False
    if channel.update_password == "always":
        return True
    if status.password is not None:
        return status.password != wanted
    return status.io_fault.number == ACCESS_DENIED


def _missing_sources(desired: Sequence[Channel], present: dict[str, ChannelStatus]) -> list[str]:
    known = ", ".join(sorted(status.name for status in present.values())) or "none"
    return [
        f"channel {channel.name} does not exist on this server, so source_host and source_user "
        f"are needed to make it; its channels are: {known}."
        for channel in desired
        if channel.key not in present
        and channel.state != ABSENT
        and not (channel.settings.source_host and channel.settings.source_user)
    ]


def _shared_sources(desired: Sequence[Channel], present: dict[str, ChannelStatus]) -> list[str]:
    """Judge the channels as they will be, those that are not spoken of included."""
    wanted = {channel.key: channel for channel in desired}
    after = [
        (status.name, status.settings) for status in present.values() if status.key not in wanted
    ]
    for channel in desired:
        if channel.state == ABSENT:
            continue
        settings = channel.settings
        status = present.get(channel.key)
        if status:
            settings = replace(status.settings, **channel.settings.given())
        after.append((channel.name, settings))
    return shared_sources(after)


def shown(status: ChannelStatus) -> dict[str, Any]:
    """Return what diff mode shows of a channel."""
    parts = {(True, True): "yes", (False, False): "no"}
    running = parts.get((status.io_running, status.sql_running), "partly")
    settings = {name: str(value) for name, value in status.settings.given().items()}
    return {**settings, "running": running}
