# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of long work: what of it cannot be seen on the servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.pin import Pin

# INTENT: about to be taken, or interrupted just now. INTERRUPTED: nobody has seen how it ended;
# what came after it began with looking at the servers.
INTENT, DONE, FAILED, INTERRUPTED = "intent", "done", "failed", "interrupted"
STATES = (INTENT, DONE, FAILED, INTERRUPTED)


@dataclass(frozen=True)
class Entry:
    """One step of the work.

    ``step`` is the action, ``target`` the thing as the step names it, ``pin`` the identity of
    ``server`` when the step began, and ``detail`` what the operation has noted. Times are UTC,
    by the clock of the server that keeps the journal.
    """

    id: int
    step: str
    target: str
    server: str
    state: str
    pin: Pin
    begun: datetime
    ended: datetime | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What it is, as a person reads it."""
        return f"{self.step} {self.target} on {self.server}, begun {self.begun} UTC"


@dataclass(frozen=True)
class Journal:
    """The entries of one work on one thing that is not complete yet, the oldest first.

    They are closed once a plan has no steps; a later work on the same thing begins empty.
    """

    entries: tuple[Entry, ...] = ()

    @property
    def interrupted(self) -> Entry | None:
        """The step that was begun last, where nobody knows how it ended; None: there is none."""
        last = self.entries[-1] if self.entries else None
        return last if last and last.state == INTENT else None

    @property
    def pins(self) -> dict[str, Pin]:
        """What each server was known by when a step was last begun on it."""
        return {entry.server: entry.pin for entry in self.entries}

    def last(self, step: str, target: str | None = None) -> Entry | None:
        """Return the newest entry of an action (of one thing) that is done; None: there is none."""
        for entry in reversed(self.entries):
            if entry.state == DONE and entry.step == step and target in (None, entry.target):
                return entry
        return None
