# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Heartbeats: a row for each write server, which it brings up to date each second."""

from __future__ import annotations

from dataclasses import dataclass

# The shape is that of Percona's pt-heartbeat, so that it can be read by what reads that. An event
# fills the first two columns; the others are for pt-heartbeat itself, and NULL.
SCHEMA, TABLE, EVENT = "dbrw", "heartbeat", "heartbeat"
COLUMNS = (
    *("ts", "server_id", "file", "position"),
    *("relay_source_log_file", "exec_source_log_pos"),
)
KEY = ("server_id",)
NAME = f"{SCHEMA}.{TABLE}"


@dataclass(frozen=True)
class HeartbeatTable:
    """The table as a server has it: its columns in order, its primary key, and whose rows it has."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    server_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class HeartbeatEvent:
    """The scheduled event that writes: whether it is enabled, how often, and what it does."""

    enabled: bool
    every: str
    body: str


@dataclass(frozen=True)
class Heartbeats:
    """What a server has of heartbeats. ``table`` and ``event`` None: it has none."""

    server_id: int
    scheduler: str
    has_schema: bool = False
    table: HeartbeatTable | None = None
    event: HeartbeatEvent | None = None
