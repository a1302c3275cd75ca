# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until a replica has applied all that its sources had written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_start import (
    refuse_faults,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    DENIED,
    Channel,
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
    tell,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

# Between two attempts to ask a source that does not answer.
_PAUSE_SECONDS = 0.5


@dataclass
class Waiting:
    """One channel that is waited for."""

    channel: Channel
    password: Secret
    position: str | None = None
    error: ServerError | None = None
    waited_seconds: float | None = None


def wait_until_applied(
    server: Server, channels: Sequence[Channel], timeout: float, connect_timeout: float
) -> list[dict[str, Any]]:
    """Wait, and return for each channel how long it took and how it stands.

    A source that does not answer is asked again until ``timeout`` seconds are over.
    Raises ``ServerError`` then, or when a channel stops; its details hold the same list.
    """
    began = time.monotonic()
    found = server_side.read(server, with_passwords=True)
    waits = _waits(server, channels, found)
    while True:
        left = max(0.1, began + timeout - time.monotonic())
        stored = {status.key: status for status in found}
        _ask_positions(waits, stored, min(connect_timeout, left))
        for wait in waits:
            if wait.position is None or wait.waited_seconds is not None:
                continue
            left = began + timeout - time.monotonic()
            if server_side.has_applied(server, wait.position, left):
                wait.waited_seconds = round(time.monotonic() - began, 3)
        found = server_side.read(server)
        late = [wait for wait in waits if wait.waited_seconds is None]
        if not late:
            return _told(waits, found)
        try:
            refuse_faults(server, [wait.channel for wait in late], found)
        except ServerError as error:
            error.details["waited"] = _told(waits, found)
            raise
        if time.monotonic() - began >= timeout:
            raise ServerError(
                server.address,
                "; ".join(_late(wait, found, timeout) for wait in late),
                details={"channels": tell(found), "waited": _told(waits, found)},
            )
        if all(wait.position is None for wait in late):
            time.sleep(_PAUSE_SECONDS)


def _waits(
    server: Server, channels: Sequence[Channel], found: Sequence[ChannelStatus]
) -> list[Waiting]:
    stored = {status.key: status.password for status in found}
    waits = []
    for channel in channels:
        password = channel.source_password or stored[channel.key]
        if password is None:
            raise ServerError(
                server.address,
                f"channel {channel.name}: wait asks the source how far it has written, "
                "for which the source_password is needed; this server does not show it",
            )
        waits.append(Waiting(channel, password))
    return waits


def _ask_positions(
    waits: Sequence[Waiting], stored: dict[str, ChannelStatus], seconds: float
) -> None:
    """Ask every source whose position is not known yet; keep the error of one that fails."""
    unknown = {wait.channel.key: wait for wait in waits if wait.position is None}
    sources = {key: (stored[key], wait.password) for key, wait in unknown.items()}
    for key, answer in server_side.source_positions(sources, seconds).items():
        if isinstance(answer, str):
            unknown[key].position = answer
        elif answer.number in DENIED:
            raise answer
        else:
            unknown[key].error = answer


def _late(wait: Waiting, found: Sequence[ChannelStatus], timeout: float) -> str:
    (status,) = [one for one in found if one.key == wait.channel.key]
    if wait.position is None:
        return (
            f"channel {status.name}: its source {status.source} did not answer within {timeout} "
            f"s how far it has written ({wait.error}); {explain(status)}"
        )
    return (
        f"channel {status.name} has not applied {wait.position} of {status.source} within "
        f"{timeout} s; it has applied {status.gtid_applied}, is {status.seconds_behind_source} s "
        f"behind, and reports: {explain(status)}"
    )


def _told(waits: Sequence[Waiting], found: Sequence[ChannelStatus]) -> list[dict[str, Any]]:
    status = {one["channel"].lower(): one for one in tell(found)}
    return [
        {
            "channel": wait.channel.name,
            "applied": wait.waited_seconds is not None,
            "waited_seconds": wait.waited_seconds,
            "source_position": wait.position,
            "seconds_behind_source": status[wait.channel.key]["seconds_behind_source"],
            "last_io_error": status[wait.channel.key]["last_io_error"],
            "last_sql_error": status[wait.channel.key]["last_sql_error"],
        }
        for wait in waits
    ]
