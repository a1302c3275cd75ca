# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether channels that shall run do: looking until each has shown it, and what is a fault."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    Channel,
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
    tell,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_start import (
    AGAIN,
    APPLY,
    CONNECT,
    LATE,
    ChannelStart,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

_PAUSE_SECONDS = 0.1


def wait_until_running(
    server: Server,
    channels: Sequence[Channel],
    started: Collection[str],
    passwords: Mapping[str, Secret | None],
    before: str,
    connect_timeout: float,
) -> tuple[list[ChannelStatus], list[str]]:
    """Return all channels once each of ``channels`` runs or has stopped, and what is late.

    ``started`` are the keys of those that were started just now, ``before`` the GTIDs that
    this server had applied by then, ``passwords`` those for asking a source how far it has
    written (None: not known). The sources of channels that ran before are asked as well: one
    that has not yet received the row that will stop it would look as if it ran. A channel
    whose source does not answer goes on trying, which is no fault.
    """
    began = time.monotonic()
    found = server_side.read(server)
    asked = {
        channel.key: passwords.get(channel.key)
        for channel in channels
        if channel.key in started or any(one.key == channel.key and one.connected for one in found)
    }
    wanted = _positions(found, asked, min(CONNECT, connect_timeout))
    starts = {
        channel.key: ChannelStart(wanted.get(channel.key), channel.key in started, before)
        for channel in channels
    }
    if wanted:
        found = server_side.read(server)
    while True:
        seconds = time.monotonic() - began
        seen = {
            status.key: starts[status.key].look(status, seconds)
            for status in found
            if status.key in starts
        }
        if all(start.verdict != AGAIN for start in seen.values()):
            late = [
                _late(status, seen[status.key])
                for status in found
                if status.key in seen and seen[status.key].verdict == LATE
            ]
            return found, late
        starts.update(seen)
        time.sleep(_PAUSE_SECONDS)
        found = server_side.read(server)


def refuse_faults(
    server: Server, started: Sequence[Channel], found: Sequence[ChannelStatus]
) -> None:
    """Raise ``ServerError`` when a channel that shall run has stopped or cannot log in.

    A source that merely does not answer is no fault: the channel goes on trying.
    """
    wanted = {channel.key for channel in started}
    stopped = [
        explain(status)
        for status in found
        if status.key in wanted and (status.denied or not status.running)
    ]
    if stopped:
        raise ServerError(server.address, "; ".join(stopped), details={"channels": tell(found)})


def _positions(
    found: Sequence[ChannelStatus], passwords: Mapping[str, Secret | None], seconds: float
) -> dict[str, str]:
    """Return by channel what the sources have written, of those that can be asked."""
    sources = {}
    for status in found:
        password = passwords.get(status.key)
        if password and status.settings.auto_position is not False and not status.denied:
            sources[status.key] = (status, password)
    answers = server_side.source_positions(sources, seconds)
    return {key: answer for key, answer in answers.items() if isinstance(answer, str)}


def _late(status: ChannelStatus, start: ChannelStart) -> str:
    return (
        f"channel {status.name} runs, and within {APPLY:.0f} s has applied nothing of what "
        f"{status.source} had written ({start.wanted or 'by its position'}); it has received "
        f"{status.gtid_received or 'nothing'} and applied {status.gtid_applied or 'nothing'}. "
        f"State of its threads: {status.io_state or 'nothing'}; {status.sql_state or 'nothing'}. "
        "Look for a long transaction or a lock on this server."
    )
