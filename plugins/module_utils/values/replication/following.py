# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every read server follows every write server: what applications may be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def not_followed(
    readers: Mapping[str, Sequence[Mapping[str, Any]]], writers: Sequence[str]
) -> list[str]:
    """Say which read server does not follow which write server, and why.

    ``readers`` are by name, each with its channels as mysql_replication_channel_info
    returns them; a channel has the name of the write server that it follows.
    """
    found = []
    for reader, channels in readers.items():
        # Servers do not tell upper case from lower in the names of channels.
        by_name = {str(channel["channel"]).lower(): channel for channel in channels}
        for writer in writers:
            reason = _reason_against(by_name.get(writer.lower()))
            if reason:
                found.append(f"{reader} does not follow {writer}: {reason}")
    return found


def _reason_against(channel: Mapping[str, Any] | None) -> str:
    if channel is None:
        return "it has no channel of this name."
    if channel["running"]:
        return ""
    for kind, verb in (("last_sql_error", "apply"), ("last_io_error", "receive")):
        error = channel[kind]
        if error["number"]:
            said = f"the channel cannot {verb}: error {error['number']}: {error['message']}"
            return f"{said}. {_explained(channel['explanation'])}".rstrip()
    if not (channel["io_running"] or channel["sql_running"]):
        return "the channel is stopped, without an error."
    if channel["io_running"] and channel["sql_running"]:
        return "the channel connects, without an error."
    return "only one of the channel's two threads is running, without an error."


def _explained(explanation: Mapping[str, Any] | None) -> str:
    if not explanation:
        return ""
    return f"{explanation['meaning']} What can be done: {' Or: '.join(explanation['remedies'])}"
