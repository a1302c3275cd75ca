# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that a query gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server


def keys_of(server: Server, query: str) -> Iterator[Any]:
    """Give the only column of a query, row by row, in a session that cannot change anything."""
    # What ends a transaction by itself, as DDL does, is refused in one that is read-only.
    server.rows("SET SESSION TRANSACTION READ ONLY")
    server.rows("START TRANSACTION READ ONLY")
    yield from server.column(query)
