# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and setting auto_increment_increment and auto_increment_offset."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.autoinc import CurrentAutoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.statement import Statement
from ansible_collections.dbrw.sharding.plugins.module_utils.values.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile

INCREMENT, OFFSET = "auto_increment_increment", "auto_increment_offset"


def read(server: Server, file: ConfigFile | None) -> CurrentAutoinc:
    """Read the pair that new sessions get and the pair that a restart would bring.

    ``file`` is the configuration file as it is, for servers without SET PERSIST.
    """
    running = _pair(server.variables(INCREMENT, OFFSET))
    if not server.dialect.has_persist:
        return CurrentAutoinc(running, False, None, file)
    rows = server.rows(
        "SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value "
        "FROM performance_schema.persisted_variables WHERE VARIABLE_NAME IN (%s, %s)",
        INCREMENT,
        OFFSET,
    )
    stored = {row["name"]: row["value"] for row in rows}
    return CurrentAutoinc(running, True, _pair(stored) if len(stored) == 2 else None)


def statements(pair: Autoinc, server: Server) -> list[Statement]:
    """Return the one statement that sets both, so that no session sees half of it."""
    scope = "PERSIST" if server.dialect.has_persist else "GLOBAL"
    return [
        Statement(
            f"SET {scope} {INCREMENT} = %s, {scope} {OFFSET} = %s", (pair.increment, pair.offset)
        )
    ]


def _pair(values: dict[str, Any]) -> Autoinc:
    return Autoinc(int(values[INCREMENT]), int(values[OFFSET]))
