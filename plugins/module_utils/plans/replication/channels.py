# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the channels that a replica has to those that it shall have."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import left_out
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channel_filters import (
    FiltersFile,
    file_steps,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Finding
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.applier_error import (
    explain_receiving,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    COMPARED,
    FOR_A_NEW_CHANNEL,
    PRESENT,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
    Settings,
    shared_sources,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    KINDS,
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

STOP, CHANGE, FILTER, START, REMOVE = "stop", "change", "filter", "start", "remove"

# Access denied: the one sign that a password is wrong, on a server that does not
# show the password that it has stored.
ACCESS_DENIED = 1045


def plan(
    desired: Sequence[Channel],
    current: Sequence[ChannelStatus],
    filters_file: FiltersFile | None = None,
    words: Container[str] = COMPARED,
    required_tables: Sequence[str] = (),
    waits: bool = False,
    inherited: Filters | None = None,
) -> Plan:
    """Return the steps that bring each channel to its state and touch no other one.

    ``filters_file`` is where filters outlive a restart, ``words`` the settings
    that the server has a word for; it does not need the others. ``inherited`` are
    the filters that a new channel gets from the server itself. Channels that
    give up a source come before those that take it. Raises ``Refused`` when a
    channel does not exist and its source is not given, when two channels would
    follow one source, when channels exchange sources, when filters would keep
    one of ``required_tables`` out, or when a channel would go on behind what it
    has not applied.
    """
    present = {status.key: status for status in current}
    refuse_if_any(
        [
            *_missing_sources(desired, present),
            *_shared_sources(desired, present),
            *_half_running(desired, present),
            *_kept_out(desired, present, required_tables, inherited or Filters()),
            *left_out.problems(desired, present, bool(required_tables) or waits),
            *_would_skip(desired, present),
        ]
    )
    steps: list[Step] = []
    ordered = _in_order(desired, present)
    if filters_file:
        # First: a restart in between brings the new filters, never the old ones back.
        steps.extend(file_steps(ordered, present, filters_file))
    for channel in ordered:
        steps.extend(_steps(channel, present.get(channel.key), words))
    return Plan(tuple(steps), _left_in_files(desired, present, filters_file))


def _in_order(desired: Sequence[Channel], present: dict[str, ChannelStatus]) -> list[Channel]:
    """Sort channels so that none takes a source that another still follows.

    MariaDB refuses that (error 1934), after the channel has been stopped.
    """
    held = {status.key: status.settings.source for status in present.values()}
    waiting = sorted(desired, key=lambda channel: channel.state != ABSENT)
    ordered = []
    while waiting:
        free = [
            channel
            for channel in waiting
            if channel.state == ABSENT
            or all(
                held[key] != _settings_after(channel, present.get(channel.key)).source
                for key in held
                if key != channel.key
            )
        ]
        if not free:
            names = ", ".join(sorted(channel.name for channel in waiting))
            raise Refused(
                [
                    f"channels {names} would exchange their sources, which is not possible in any "
                    "order. Remove one of them (state: absent) first."
                ]
            )
        channel = free[0]
        waiting.remove(channel)
        ordered.append(channel)
        held.pop(channel.key, None)
        if channel.state != ABSENT:
            held[channel.key] = _settings_after(channel, present.get(channel.key)).source
    return ordered


def _settings_after(channel: Channel, status: ChannelStatus | None) -> Settings:
    base = status.settings if status else FOR_A_NEW_CHANNEL
    return replace(base, **channel.settings.given())


def _steps(channel: Channel, status: ChannelStatus | None, words: Container[str]) -> list[Step]:
    target = f"channel {channel.name}"
    if channel.state == ABSENT:
        return [] if status is None else _removal(target, channel, status)
    steps = []
    changes = _changes(channel, status)
    if status is None:
        changes = {name: value for name, value in changes.items() if _said(name, words)}
    filters = _filters(channel, status)
    works = status is not None and (status.io_running or status.sql_running)
    # What somebody has stopped, half or whole, state: present leaves to them.
    runs = status is not None and status.running
    shall_run = channel.state == STARTED or (channel.state == PRESENT and runs)
    before = None if status is None else shown(status)
    after = dict(before or {"running": "no"})
    # It would stop by itself; only a start makes it forget that.
    ends = channel.state == STARTED and status is not None and status.left_out.until
    if works and (changes or filters or (ends and runs) or channel.state == STOPPED):
        after["running"] = "no"
        steps.append(Step(STOP, target, before, dict(after), channel))
    if changes:
        after.update({name: str(value) for name, value in changes.items()})
        steps.append(Step(CHANGE, target, before, dict(after), (channel, changes)))
    if filters:
        after.update(shown_filters(channel.filters or Filters(), filters))
        steps.append(Step(FILTER, target, before, dict(after), (channel, filters)))
    if shall_run and (changes or filters or ends or not runs):
        after["running"] = "yes"
        after.pop("until", None)
        steps.append(Step(START, target, before, dict(after), channel))
    return steps


def _removal(target: str, channel: Channel, status: ChannelStatus) -> list[Step]:
    before = shown(status)
    stopped = {**before, "running": "no"}
    steps = []
    if status.io_running or status.sql_running:
        steps.append(Step(STOP, target, before, stopped, channel))
    filters = Filters().differing_from(status.filters)
    if filters:
        # MariaDB would give them to the next channel of this name.
        steps.append(Step(FILTER, target, before, stopped, (channel, filters)))
    steps.append(Step(REMOVE, target, before, None, channel))
    return steps


def _said(name: str, words: Container[str]) -> bool:
    return name in words or name not in COMPARED


def _filters(channel: Channel, status: ChannelStatus | None) -> dict[str, Any]:
    if channel.filters is None:
        return {}
    return channel.filters.differing_from(status.filters if status else None)


def _left_in_files(
    desired: Sequence[Channel],
    present: dict[str, ChannelStatus],
    filters_file: FiltersFile | None,
) -> tuple[str, ...]:
    """Warn of filters that a file may bring back, where none is named."""
    if filters_file:
        return ()
    return tuple(
        f"channel {channel.name} is removed and had filters. If a configuration file holds them, "
        "name it in filters_file, or the next channel of this name gets them."
        for channel in desired
        if channel.state == ABSENT and channel.key in present
        if present[channel.key].filters != Filters()
    )


def _changes(channel: Channel, status: ChannelStatus | None) -> dict[str, Any]:
    """Return the options of CHANGE that are needed, the password as a Secret."""
    if status is None:
        changes = {**FOR_A_NEW_CHANNEL.given(), **channel.settings.given()}
        if channel.source_password:
            changes["source_password"] = channel.source_password
        return {**changes, **_place(channel)}
    changes = channel.settings.differing_from(status.settings)
    if password_differs(channel, status):
        changes["source_password"] = channel.source_password
    if changes.keys() & {"source_host", "source_port"}:
        # Both servers forget where they were when the source changes, so the way
        # of finding the place is said again. MySQL keeps neither of the two alone.
        for name in ("source_host", "source_port"):
            given = getattr(channel.settings, name)
            changes.setdefault(name, given or getattr(status.settings, name))
        asked = channel.settings.auto_position
        changes["auto_position"] = True if asked is None else asked
    if changes.get("auto_position") is False:
        changes.update(_place(channel))
    return changes


def _place(channel: Channel) -> dict[str, Any]:
    """Return where a channel begins. One that goes on has a later place, which is right."""
    if channel.source_log_file is None:
        return {}
    return {
        "source_log_file": channel.source_log_file,
        "source_log_position": channel.source_log_position,
    }


def password_differs(channel: Channel, status: ChannelStatus) -> bool:
    """Return whether a channel gets another password, as far as this can be seen."""
    wanted: Secret | None = channel.source_password
    if wanted is None or channel.update_password == "on_create":
        return False
    if channel.update_password == "always":
        return True
    if status.password is not None:
        return status.password != wanted
    # The error of a channel that is stopped may be an old one.
    tries = status.io_running or channel.state == STARTED
    return tries and status.io_fault.number == ACCESS_DENIED


def unseen_passwords(
    desired: Sequence[Channel], current: Sequence[ChannelStatus]
) -> tuple[str, ...]:
    """Warn of channels whose stored password may be another one, which nobody can see."""
    hidden = {status.key for status in current if status.password is None}
    names = [
        channel.name
        for channel in desired
        if channel.key in hidden
        and channel.state != ABSENT
        and channel.source_password
        and channel.update_password == "on_difference"
    ]
    if not names:
        return ()
    return (
        f"Whether channels {', '.join(names)} have stored this source_password cannot be seen "
        "from here; a channel with another password keeps running until its next connection. "
        "After a change of the password, run once with update_password: always.",
    )


def _missing_sources(desired: Sequence[Channel], present: dict[str, ChannelStatus]) -> list[str]:
    known = ", ".join(sorted(status.name for status in present.values())) or "none"
    return [
        f"channel {channel.name} does not exist on this server, so source_host and source_user are "
        f"needed to create it; the existing channels are: {known}."
        for channel in desired
        if channel.key not in present
        and channel.state != ABSENT
        and not (channel.settings.source_host and channel.settings.source_user)
    ]


def _half_running(desired: Sequence[Channel], present: dict[str, ChannelStatus]) -> list[str]:
    """A change stops both threads; which of them to start again only the user knows."""
    found = []
    for channel in desired:
        status = present.get(channel.key)
        if channel.state != PRESENT or status is None:
            continue
        if not (_changes(channel, status) or _filters(channel, status)):
            continue
        if status.io_running != status.sql_running:
            found.append(
                f"Only one of the two threads of channel {channel.name} is running, and the "
                "channel would be changed. Add state: started or state: stopped for its state "
                "after the change."
            )
    return found


def _would_skip(desired: Sequence[Channel], present: dict[str, ChannelStatus]) -> list[Finding]:
    """A start is what loses the rows; the error is the last that is seen of them."""
    found = []
    for channel in desired:
        status = present.get(channel.key)
        if channel.state != STARTED or status is None or status.io_running:
            continue
        error = explain_receiving(status.io_fault.number, status.io_fault.message)
        if error.skips and _settings_after(channel, status).source == status.settings.source:
            where, meant = f"channel {channel.name}", error.finding()
            text = (
                f"{where} has stopped with error {status.io_fault.number}: "
                f"{status.io_fault.message}. It is not started, because it might skip rows that "
                f"it has not applied, without a further error. What it means: {meant.text}"
            )
            found.append(replace(meant, where=where, text=text))
    return found


def _kept_out(
    desired: Sequence[Channel],
    present: dict[str, ChannelStatus],
    tables: Sequence[str],
    inherited: Filters,
) -> list[str]:
    """Judge the filters that channels will have, those that nobody speaks of included."""
    names: dict[tuple[str, str], list[str]] = {}
    for channel in desired:
        if channel.state == ABSENT:
            continue
        status = present.get(channel.key)
        filters = channel.filters or (status.filters if status else inherited)
        for table in tables:
            kind = filters.kind_against(table)
            if kind:
                names.setdefault((table, kind), []).append(channel.name)
    return [
        f"filters of {', '.join(channels)}: {kind} excludes {table}, one of required_tables: "
        "its rows would be lost without an error. Change the filters so that it is replicated."
        for (table, kind), channels in names.items()
    ]


def _shared_sources(desired: Sequence[Channel], present: dict[str, ChannelStatus]) -> list[str]:
    """Judge the channels as they will be, those that are not spoken of included."""
    wanted = {channel.key for channel in desired}
    after = [
        (status.name, status.settings) for status in present.values() if status.key not in wanted
    ]
    after.extend(
        (channel.name, _settings_after(channel, present.get(channel.key)))
        for channel in desired
        if channel.state != ABSENT
    )
    return shared_sources(after)


def shown_filters(filters: Filters, kinds: Iterable[str] = ()) -> dict[str, Any]:
    """Return what diff mode shows of filters: those that there are, and ``kinds``."""
    told = filters.told()
    return {f"filter {kind}": str(told[kind]) for kind in KINDS if told[kind] or kind in set(kinds)}


def shown(status: ChannelStatus) -> dict[str, Any]:
    """Return what diff mode shows of a channel."""
    parts = {(True, True): "yes", (False, False): "no"}
    running = parts.get((status.io_running, status.sql_running), "partly")
    settings = {name: str(value) for name, value in status.settings.given().items()}
    until = {"until": status.left_out.until} if status.left_out.until else {}
    return {**settings, **shown_filters(status.filters), **until, "running": running}
