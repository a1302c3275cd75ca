# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock by name on a server, which ends with the connection that holds it."""

from __future__ import annotations

import hashlib

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server

# A statement of a call that was killed may still run, and its session ends with it.
WAIT_SECONDS = 1
# MySQL's limit is 64 characters.
_READABLE = 40


def lock_name(*words: str) -> str:
    """Return a name for a lock on what the words name together, readable in the server's lists."""
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
    return f"dbrw {'/'.join(filter(None, words))[:_READABLE]} {digest}"


def take_lock(server: Server, name: str) -> str | None:
    """Take the lock and return None, or say who has it."""
    for _ended in range(2):
        said = server.row("SELECT GET_LOCK(%s, %s) AS taken", name, WAIT_SECONDS)
        if said["taken"] == 1:
            return None
        holder = server.row("SELECT IS_USED_LOCK(%s) AS id", name)["id"]
        # Without one it has ended just now, and the lock is to be had.
        if holder is not None:
            break
    else:
        return f"connections of server {server.address} that have just ended"
    rows = server.rows(
        "SELECT USER AS user, HOST AS host FROM information_schema.PROCESSLIST WHERE ID = %s",
        holder,
    )
    if not rows:
        return f"connection {holder} of server {server.address}"
    row = rows[0]
    return f"connection {holder} of server {server.address}, {row['user']} from {row['host']}"


def holds_lock(server: Server, name: str) -> bool:
    """Tell whether this very connection has the lock."""
    return bool(server.row("SELECT IS_USED_LOCK(%s) = CONNECTION_ID() AS own", name)["own"])
