# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying how channels shall log in, before one that works is stopped for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import (
    password_differs,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    CONNECTING,
    STOPPED,
    Channel,
    ChannelStatus,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret


@dataclass(frozen=True)
class Trial:
    """How a channel will log in; ``changed`` are the options that differ from now.

    ``password`` is None where nobody knows the one that the channel will use.
    """

    settings: Settings
    password: Secret | None
    changed: tuple[str, ...]


def to_try(desired: Sequence[Channel], present: Sequence[ChannelStatus]) -> dict[str, Trial]:
    """Return by name the trials of the channels that are connected and will log in otherwise.

    One that is not connected has nothing to lose: it can be changed while its source is away.
    """
    known = {status.key: status for status in present}
    found = {}
    for channel in desired:
        status = known.get(channel.key)
        if status is None or not status.connected or channel.state in (ABSENT, STOPPED):
            continue
        differing = channel.settings.differing_from(status.settings)
        changed = [name for name in CONNECTING if name in differing]
        password = status.password
        if password_differs(channel, status):
            password = channel.source_password
            changed.append("source_password")
        elif password is None and channel.update_password != "on_create":
            password = channel.source_password
        if changed:
            settings = replace(status.settings, **channel.settings.given())
            found[channel.name] = Trial(settings, password, tuple(changed))
    return found


def problems_of(trials: Mapping[str, Trial], errors: Mapping[str, str]) -> list[str]:
    """Say which channels would be cut off; ``errors`` are those of the logins, by channel."""
    return [
        f"channel {name} is connected, and would be stopped for {', '.join(trial.changed)}, with "
        f"which its source refuses the login: {error}. It keeps running unchanged. Correct what is "
        "wrong at either end; check_sources: false changes it without a trial login."
        for name, trial in sorted(trials.items())
        for error in [errors.get(name, _unknown(trial))]
        if error
    ]


def _unknown(trial: Trial) -> str:
    if trial.password is None:
        return "the login cannot be tried without its password; give the source_password"
    return ""
