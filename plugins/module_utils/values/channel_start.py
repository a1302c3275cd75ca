# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a channel that shall run has come so far that it can be said to run.

Both threads run for a moment also where the next row stops the applier. So a
channel runs only once it has applied what its source had, or goes on applying.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel import ChannelStatus
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    applied_part,
    is_applied,
)

# How long a channel may take, in seconds: to say whether it is connected; to receive the first
# of what a source has that could not be asked; to catch up, where it is applying; to apply
# anything at all.
CONNECT, RECEIVE, CATCH_UP, APPLY = 5.0, 1.0, 3.0, 10.0

AGAIN, RUNS, LATE = "again", "runs", "late"

Place = tuple[int, str, int]


@dataclass
class ChannelStart:
    """What was seen of one channel, from the first look on.

    ``wanted`` are the GTIDs that its source had; None: what the channel has received
    takes their place. One that was just ``started`` has received nothing yet. ``before``
    are the GTIDs that the server had applied before the first look; None: not known.
    """

    wanted: str | None = None
    started: bool = False
    before: str | None = None
    _connected: float | None = None
    _place: Place | None = None
    _first: tuple[str, Place] | None = None

    def look(self, status: ChannelStatus, seconds: float) -> str:
        """Judge the channel ``seconds`` after the first look.

        RUNS: waiting would change nothing, also because it has stopped. AGAIN: look once
        more. LATE: it runs, and has applied nothing of what it should.
        """
        if status.denied or not status.running:
            return RUNS
        if self._connected is None and status.connected:
            self._connected = seconds
        if self._connected is None and seconds < CONNECT:
            return AGAIN
        # A delay is asked for: nothing has to be applied yet.
        if status.settings.source_delay_seconds:
            return RUNS
        if not self._knows_what_to_wait_for(status, seconds):
            return AGAIN
        wanted, applied = (
            self.wanted or "",
            _place(status.source_log_file, status.source_log_position),
        )
        if is_applied(wanted, status.gtid_applied) and (
            self._place is None or applied >= self._place
        ):
            return RUNS
        place = applied if self._place else (0, "", 0)
        if self._first is None:
            before = status.gtid_applied if self.before is None else self.before
            self._first = (applied_part(wanted, before), place)
        so_far = (applied_part(wanted, status.gtid_applied), place)
        if so_far != self._first and seconds >= CATCH_UP:
            return RUNS
        return AGAIN if seconds < APPLY else LATE

    def _knows_what_to_wait_for(self, status: ChannelStatus, seconds: float) -> bool:
        if self._connected is not None:
            if self.wanted is not None:
                return True
            if self.started and seconds < self._connected + RECEIVE:
                return False
        self.wanted = status.gtid_received
        if status.settings.auto_position is False:
            # Without GTIDs there may be none that tell.
            self.wanted = ""
            self._place = _place(status.received_log_file, status.received_log_position)
        return True


def _place(file: str | None, position: int | None) -> Place:
    """Return a place in a binary log so that it compares: after 999999 comes 1000000."""
    return len(file or ""), file or "", position or 0
