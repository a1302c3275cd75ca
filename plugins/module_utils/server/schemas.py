# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which schemas a server has."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import SYSTEM_SCHEMAS


def schemas(server: Server) -> list[str]:
    """Return the names of the schemas that the server's users have made, sorted."""
    rows = server.rows("SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA")
    return sorted({str(row["name"]) for row in rows}.difference(SYSTEM_SCHEMAS))


def has_schema(server: Server, name: str) -> bool:
    """Whether there is a schema; its name as the server stores it."""
    return bool(
        server.rows("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", name)
    )
