# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules tell a person of replication channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel import (
    Channel,
    ChannelStatus,
    Fault,
)


def tell(channels: Sequence[ChannelStatus]) -> list[dict[str, Any]]:
    """Return the channels as a module's result."""
    return [
        {
            "channel": status.name,
            "running": status.connected and status.sql_running,
            "io_running": status.io_running,
            "connected": status.connected,
            "sql_running": status.sql_running,
            "seconds_behind_source": status.seconds_behind_source,
            "settings": status.settings.given(),
            "filters": status.filters.told(),
            "gtid_received": status.gtid_received,
            "gtid_applied": status.gtid_applied,
            "last_io_error": _fault(status.io_fault),
            "last_sql_error": _fault(status.sql_fault),
        }
        for status in channels
    ]


def explain(status: ChannelStatus) -> str:
    """Say in one sentence what keeps a channel from running."""
    if status.sql_fault:
        return (
            f"channel {status.name} from {status.source} cannot apply: error "
            f"{status.sql_fault.number}: {status.sql_fault.message}"
        )
    if status.io_fault:
        return (
            f"channel {status.name} cannot receive from {status.source}: error "
            f"{status.io_fault.number}: {status.io_fault.message}"
        )
    threads = f"receiving {_yes(status.io_running)}, applying {_yes(status.sql_running)}"
    return f"channel {status.name} from {status.source} tells no error ({threads})"


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
        raise ServerError(server.address, "; ".join(stopped))


def _fault(fault: Fault) -> dict[str, Any]:
    return {"number": fault.number, "message": fault.message}


def _yes(running: bool) -> str:
    return "runs" if running else "is stopped"
