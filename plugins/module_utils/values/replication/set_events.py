# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scheduled events of a replica set's member."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Event:
    """A scheduled event by its name."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Events:
    """The events of a member that run (``on``), and those that are off as on any replica.

    ``noted`` are those that are to run on the active writer, as the set has noted them.
    """

    on: frozenset[Event] = frozenset()
    off_on_replica: frozenset[Event] = frozenset()
    noted: frozenset[Event] = frozenset()

    @property
    def to_turn_on(self) -> frozenset[Event]:
        """Those that are noted, and that nobody has turned on since the last switch."""
        return self.noted & self.off_on_replica

    @property
    def wanted(self) -> frozenset[Event]:
        """Those that are to be noted: what runs on the active writer, and what is to."""
        return self.on | self.to_turn_on
