# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and setting auto_increment_increment and auto_increment_offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.autoinc import (
    CurrentAutoinc,
    pair_in,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids import start_options
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

INCREMENT, OFFSET = "auto_increment_increment", "auto_increment_offset"
LOAD = "persisted_globals_load"
CONTROLS = (
    "wsrep_on",
    "wsrep_auto_increment_control",
    "wsrep_provider",
    "group_replication_single_primary_mode",
    "init_connect",
)
# Where the present value of a variable comes from: the file, or empty.
_ORIGINS = {
    MYSQL: (
        "SELECT VARIABLE_PATH AS path FROM performance_schema.variables_info "
        "WHERE VARIABLE_NAME = %s"
    ),
    MARIADB: (
        "SELECT GLOBAL_VALUE_PATH AS path FROM information_schema.SYSTEM_VARIABLES "
        "WHERE VARIABLE_NAME = %s"
    ),
}


def read(
    server: Server, file: ConfigFile | None, wanted: ConfigFile | None = None
) -> CurrentAutoinc:
    """Read the pair that new sessions get and the pair that a restart would bring.

    ``file`` is the configuration file as it is, for servers without SET PERSIST, and
    ``wanted`` as it shall be.
    """
    running = _pair(server.variables(INCREMENT, OFFSET))
    control = controlled_by(server.variables(*CONTROLS), _group_states(server))
    start = start_options.read(server, wanted)
    if not server.dialect.has_persist:
        origin = _origin(server) if running != pair_in(file) else ""
        return CurrentAutoinc(running, False, None, file, control, start, origin)
    rows = server.rows(
        "SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value "
        "FROM performance_schema.persisted_variables WHERE VARIABLE_NAME IN (%s, %s)",
        INCREMENT,
        OFFSET,
    )
    stored = {row["name"]: row["value"] for row in rows}
    pair = _pair(stored) if len(stored) == 2 else None
    if start.unknown:
        start = replace(start, proven=_loads_stored(server))
    origin = _origin(server) if running != pair else ""
    return CurrentAutoinc(
        running, True, None if start.lacks_stored else pair, None, control, start, origin
    )


def _loads_stored(server: Server) -> bool | None:
    """Tell whether the server's last start has loaded what it stores; None: nothing tells."""
    if server.variables(LOAD)[LOAD] == "OFF":
        return False
    rows = server.rows(
        "SELECT 1 FROM performance_schema.variables_info WHERE VARIABLE_SOURCE = 'PERSISTED' "
        "LIMIT 1"
    )
    return True if rows else None


def _origin(server: Server) -> str:
    rows = [server.row(_ORIGINS[server.flavour], name) for name in (INCREMENT, OFFSET)]
    return ", ".join(sorted({str(row["path"]) for row in rows if row["path"]}))


def controlled_by(variables: Mapping[str, str | None], group_states: Sequence[str]) -> str | None:
    """Say what sets the pair itself, from the variables ``CONTROLS``; None: nothing does.

    ``group_states`` are the states of this server's membership in a group.
    Galera overwrites the pair with the cluster's size and the node's index at
    every change of members, also when someone has set it meanwhile, and leaves
    it alone once that is switched off (measured: MariaDB 10.11 and 11.8, Galera
    26.4.23). Group Replication does so in multi-primary mode only (measured:
    MySQL 9.7).
    """
    if (
        variables["wsrep_on"] == "ON"
        and variables["wsrep_auto_increment_control"] == "ON"
        and variables["wsrep_provider"] not in (None, "", "none")
    ):
        return "Galera (wsrep_auto_increment_control)"
    if "auto_increment" in (variables["init_connect"] or "").lower():
        return "init_connect"
    if variables["group_replication_single_primary_mode"] == "OFF" and any(
        state != "OFFLINE" for state in group_states
    ):
        return "Group Replication in multi-primary mode"
    return None


def _group_states(server: Server) -> list[str]:
    # The variable is there only with the plugin.
    mode = "group_replication_single_primary_mode"
    if server.variables(mode)[mode] is None:
        return []
    rows = server.rows(
        "SELECT MEMBER_STATE AS state FROM performance_schema.replication_group_members "
        "WHERE MEMBER_ID = @@server_uuid"
    )
    return [str(row["state"]) for row in rows]


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
