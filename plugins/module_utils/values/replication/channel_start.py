# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a channel that shall run has come so far that it can be said to run.

Both threads run for a moment also where the next row stops the applier. So a
channel runs only once it has applied what its source had, or goes on applying.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    applied_part,
    is_applied,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)

# How long a channel may take, in seconds: to say whether it is connected; to receive the first
# of what a source has that could not be asked; to catch up, where it is applying; to apply
# anything at all.
CONNECT, RECEIVE, CATCH_UP, APPLY = 5.0, 1.0, 3.0, 10.0

AGAIN, RUNS, LATE = "again", "runs", "late"

Place = tuple[int, str, int]


@dataclass(frozen=True)
class ChannelStart:
    """What was seen of one channel, from the first look on.

    ``wanted`` are the GTIDs that its source had; None: what the channel has received
    takes their place. One that was just ``started`` has received nothing yet. ``before``
    are the GTIDs that the server had applied before the first look; None: not known.

    ``verdict`` is that of the last look. RUNS: waiting would change nothing, also because
    the channel has stopped. AGAIN: look once more. LATE: it runs, and has applied nothing
    of what it should.
    """

    wanted: str | None = None
    started: bool = False
    before: str | None = None
    verdict: str = AGAIN
    # When it was first seen connected, in seconds after the first look.
    connected_after: float | None = None
    # What it has to reach, where there are no GTIDs that tell.
    place: Place | None = None
    # What it had applied of that when it was first known.
    first: tuple[str, Place] | None = None

    def look(self, status: ChannelStatus, seconds: float) -> ChannelStart:
        """Return what is known of the channel with a look ``seconds`` after the first one."""
        # One without room for its relay logs is reported as such, and waits for a person.
        if status.denied or not status.running or status.lacks_room:
            return replace(self, verdict=RUNS)
        seen = self
        if self.connected_after is None and status.connected:
            seen = replace(self, connected_after=seconds)
        if seen.connected_after is None and seconds < CONNECT:
            return replace(seen, verdict=AGAIN)
        # A delay is asked for: nothing has to be applied yet.
        if status.settings.source_delay_seconds:
            return replace(seen, verdict=RUNS)
        if seen._may_receive_more(seconds):
            return replace(seen, verdict=AGAIN)
        return seen._with_aim(status)._judged(status, seconds)

    def _may_receive_more(self, seconds: float) -> bool:
        """Tell whether the first of what its source has may still be on its way."""
        if self.connected_after is None or self.wanted is not None:
            return False
        return self.started and seconds < self.connected_after + RECEIVE

    def _with_aim(self, status: ChannelStatus) -> ChannelStart:
        """Return what is known, and with it what the channel has to apply."""
        if self.connected_after is not None and self.wanted is not None:
            return self
        if status.settings.auto_position is False:
            # Without GTIDs there may be none that tell.
            place = _place(status.received_log_file, status.received_log_position)
            return replace(self, wanted="", place=place)
        return replace(self, wanted=status.gtid_received)

    def _judged(self, status: ChannelStatus, seconds: float) -> ChannelStart:
        """Return what is known, and with it whether enough of it is applied."""
        wanted, applied = (
            self.wanted or "",
            _place(status.source_log_file, status.source_log_position),
        )
        if is_applied(wanted, status.gtid_applied) and (
            self.place is None or applied >= self.place
        ):
            return replace(self, verdict=RUNS)
        place = applied if self.place else (0, "", 0)
        before = status.gtid_applied if self.before is None else self.before
        first = self.first or (applied_part(wanted, before), place)
        verdict = AGAIN if seconds < APPLY else LATE
        if (applied_part(wanted, status.gtid_applied), place) != first and seconds >= CATCH_UP:
            verdict = RUNS
        return replace(self, first=first, verdict=verdict)


def _place(file: str | None, position: int | None) -> Place:
    """Return a place in a binary log so that it compares: after 999999 comes 1000000."""
    return len(file or ""), file or "", position or 0
