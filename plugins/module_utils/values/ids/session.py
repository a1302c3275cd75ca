# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that may number rows with another increment and offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

REPORT, WAIT, END = "report", "wait", "end"


@dataclass(frozen=True)
class Session:
    """A client's session; ``seconds`` is how long it has been doing what it does."""

    id: int
    user: str
    host: str
    seconds: int

    def __str__(self) -> str:
        return f"{self.id} ({self.user}@{self.host})"


@dataclass(frozen=True)
class StalePolicy:
    """What happens to sessions that hold other values; ``timeout_seconds`` for all of them."""

    action: str
    timeout_seconds: int

    def problems(self) -> list[str]:
        """Say what is wrong with it."""
        if self.timeout_seconds >= 1:
            return []
        return [f"stale_sessions_timeout_seconds is {self.timeout_seconds}; it must be at least 1."]


@dataclass(frozen=True)
class ConnectionMark:
    """The newest connection at the moment of a change, and when the server had started.

    Connections are numbered from 1 by each start of a server, so the number
    says nothing about the sessions of another start. ``started`` is in seconds
    since 1970, as the server's clock says.
    """

    newest: int
    started: int

    # The start is computed from two of the server's clocks, which drift.
    TOLERANCE_SECONDS = 60

    def same_start(self, started: int) -> bool:
        """Tell whether a server that started at ``started`` has not been restarted since."""
        return abs(self.started - started) <= self.TOLERANCE_SECONDS


# Before the first connection of any start: no session is as old as that.
NEVER = ConnectionMark(0, 0)


def listed(sessions: Sequence[Session], most: int = 10) -> str:
    """Return sessions as they stand in a sentence, the first ``most`` of them."""
    named = ", ".join(str(session) for session in sessions[:most])
    more = len(sessions) - most
    return f"{named} and {more} more" if more > 0 else named
