# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules report of replication channels, to a person and as their result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.applier_error import (
    DISK_FULL,
    Explanation,
    explain_applying,
    explain_receiving,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
)


def tell(
    channels: Sequence[ChannelStatus], heartbeat_lags: Mapping[int, float] | None = None
) -> list[dict[str, Any]]:
    """Return the channels as a module's result.

    ``heartbeat_lags`` are seconds by the server id of the source.
    """
    lags = heartbeat_lags or {}
    return [
        {
            "channel": status.name,
            "running": status.connected and status.sql_running,
            "io_running": status.io_running,
            "connected": status.connected,
            "sql_running": status.sql_running,
            "io_state": status.io_state,
            "seconds_behind_source": status.seconds_behind_source,
            "heartbeat_lag_seconds": lags.get(status.source_server_id or 0),
            "source_server_id": status.source_server_id,
            "settings": status.settings.given(),
            "filters": status.filters.told(),
            **status.left_out.told(),
            "gtid_received": status.gtid_received,
            "gtid_applied": status.gtid_applied,
            "last_io_error": _fault(status.io_fault),
            "last_sql_error": _fault(status.sql_fault),
            "explanation": _told(explanation_of(status)),
        }
        for status in channels
    ]


def explanation_of(status: ChannelStatus) -> Explanation | None:
    """Take apart what keeps a channel from running; None if it tells no error."""
    if status.sql_fault:
        fault = status.sql_fault
        return explain_applying(
            fault.number, fault.message, status.source_log_file, status.source_log_position
        )
    if status.io_fault:
        return explain_receiving(status.io_fault.number, status.io_fault.message)
    if status.lacks_room:
        return explain_receiving(DISK_FULL, status.io_state)
    return None


def explain(status: ChannelStatus) -> str:
    """Say what keeps a channel from running, and what can be done."""
    explanation = explanation_of(status)
    meaning = f". {explanation.sentence}" if explanation else ""
    if status.sql_fault:
        return (
            f"channel {status.name} from {status.source} cannot apply: error "
            f"{status.sql_fault.number}: {status.sql_fault.message}{meaning}"
        )
    if status.io_fault:
        return (
            f"channel {status.name} cannot receive from {status.source}: error "
            f"{status.io_fault.number}: {status.io_fault.message}{meaning}"
        )
    if not status.io_running:
        # Neither leaves a word in the server's status.
        meaning = (
            ". Somebody has stopped it; or MariaDB has stopped trying to connect after "
            "master_retry_count attempts (set in its configuration). Start the channel"
        )
    threads = f"receiving {_yes(status.io_running)}, applying {_yes(status.sql_running)}"
    return f"channel {status.name} from {status.source} reports no error ({threads}){meaning}"


def _fault(fault: Fault) -> dict[str, Any]:
    return {"number": fault.number, "message": fault.message, "time": fault.time}


def _told(explanation: Explanation | None) -> dict[str, Any] | None:
    return explanation.told() if explanation else None


def _yes(running: bool) -> str:
    return "runs" if running else "is stopped"
