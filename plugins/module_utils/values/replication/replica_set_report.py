# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules report of a replica set, in one shape for both flavours."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    MemberState,
    SetState,
)


def tell(state: SetState) -> dict[str, Any]:
    """Return who is active, in which epoch, and how each member stands."""
    epoch = state.epoch
    return {
        "epoch": epoch.told() if epoch else None,
        "active": state.writer.name if state.writer else None,
        "members": [_member(state, member) for member in state.members.values()],
    }


def _member(state: SetState, member: MemberState) -> dict[str, Any]:
    channel = member.channel
    return {
        "name": member.name,
        "state": _state(state, member),
        "unreachable": member.unreachable or None,
        "version": member.version or None,
        "epoch": member.epoch.number if member.epoch else None,
        "source": member.source or None,
        "running": bool(channel and channel.connected and channel.sql_running),
        "seconds_behind_source": channel.seconds_behind_source if channel else None,
        "position": member.executed,
        "errant": state.errant(member.name),
        "error": explain(channel) if channel and (channel.io_fault or channel.sql_fault) else None,
        "semi_sync": member.semi_sync.told() if member.semi_sync.available else None,
    }


def _state(state: SetState, member: MemberState) -> str:
    if not member.reachable:
        return "unreachable"
    if member.open:
        return "active" if state.writer is member else "open"
    return "lifted" if member.lifted else "closed"
