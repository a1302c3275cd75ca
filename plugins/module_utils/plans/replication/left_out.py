# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging channels that leave out rows of their source in ways other than filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import GtidPosition
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    STARTED,
    Channel,
    ChannelStatus,
)


def problems(
    desired: Sequence[Channel], present: Mapping[str, ChannelStatus], complete: bool
) -> list[str]:
    """Say which channels would leave out what their sources have written themselves.

    Those that shall run are judged, and with ``complete`` those that are to be there.
    It cannot be put right here: what was passed over does not come when the channel
    is changed, and afterwards nothing would tell of it.
    """
    found = []
    for channel in desired:
        status = present.get(channel.key)
        if status is None or channel.state == ABSENT:
            continue
        if not (channel.state == STARTED or complete):
            continue
        ways = left_out(status)
        if ways:
            found.append(
                f"channel {channel.name} skips what its source has written itself ({', '.join(ways)}), "
                "and counts it as applied; a change would not bring it back. Compare the rows of both "
                "servers, add those that are missing here outside the binary log, and then empty the "
                "list by hand (CHANGE ... = (), with the channel stopped)."
            )
        if status.left_out.skip_counter:
            found.append(
                f"channel {channel.name} would skip the next {status.left_out.skip_counter} "
                f"transaction(s) of its source (Skip_Counter). If that "
                "is intended, start it by hand; if not, set sql_slave_skip_counter to 0 for "
                "this channel, with the channel stopped."
            )
    return found


def left_out(status: ChannelStatus) -> list[str]:
    """Say by which lists a channel leaves out what its source has written itself; none: by none."""
    return status.left_out.against(status.source_server_id, _domains_of(status))


def _domains_of(status: ChannelStatus) -> set[int]:
    """Return MariaDB's domains of which the source itself has written the last transaction."""
    if ":" in status.gtid_received:
        return set()
    return GtidPosition.parse(status.gtid_received).domains_of(status.source_server_id)
