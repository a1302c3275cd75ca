# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions that a server has written so that the numbers of another go on."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import quote_table

# Of members of a replica set that were rebuilt, on MariaDB: the domain of each, and the number.
REJOINED = quote_table("dbrw", "rejoined")
# No such schema, no such table, and none of the reader's business.
_NONE = (1049, 1146, 1142, 1044)


def numbered(server: Server) -> set[tuple[int, int]]:
    """Return them by domain and number."""
    try:
        rows = server.rows(f"SELECT domain, number FROM {REJOINED}")
    except ServerError as error:
        if error.number not in _NONE:
            raise
        return set()
    return {(int(row["domain"]), int(row["number"])) for row in rows}
