# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions without a GTID in a source's binary logs: channels by GTID pass over them.

Source: MySQL Reference Manual, "Restrictions on Replication with GTIDs" and
"gtid_mode"; that each change of gtid_mode begins a new binary log was measured.
"""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    Finding,
)

# MariaDB gives every transaction a GTID.
_LOGS = {MYSQL: "SHOW BINARY LOGS"}
# Its head, the GTIDs before it, and its first transaction.
_BEGINNING = "SHOW BINLOG EVENTS IN %s LIMIT 3"
_BEFORE, _ANONYMOUS = "Previous_gtids", "Anonymous_Gtid"
# No binary log; not allowed to look; a log that was purged meanwhile.
_NO_LOG, _DENIED, _PURGED = 1381, 1227, 1220
# One takes 0.4 ms.
NEWEST = 250


def problems(server: Server) -> list[Finding]:
    """Say which of the newest binary logs begin with a transaction without a GTID.

    Only those after GTIDs of the server's own: one that is given GTIDs for the first
    time has others in its past, which nobody follows by GTID.
    """
    names = _names(server)
    uuid = str(server.variables("server_uuid").get("server_uuid") or "") if names else ""
    found = []
    following = names[1:] + [""]
    for name, after in list(zip(names, following))[-NEWEST:]:
        begins = {str(row["Event_type"]): row for row in _beginning(server, name)}
        before, first = begins.get(_BEFORE), begins.get(_ANONYMOUS)
        if first and before and uuid in str(before["Info"]):
            found.append((name, int(first["Pos"]), after))
    if not found:
        return []
    places = ", ".join(f"{name} from position {position} on" for name, position, _after in found)
    last = found[-1][2]
    forget = f"PURGE BINARY LOGS TO '{last}'" if last else "FLUSH BINARY LOGS, and purge them"
    return [
        Finding(
            "binary_log.without_gtid",
            CRITICAL,
            "",
            f"the binary log holds transactions without a GTID ({places}), written while gtid_mode "
            "was not ON: a read server that did not apply them at once skips them, without "
            "an error.",
            "Compare the rows; apply those that are missing on each read server, outside its "
            "binary log (mysqlbinlog --disable-log-bin --skip-gtids). When all read servers have "
            f"applied everything, remove these logs: {forget}.",
        )
    ]


def _names(server: Server) -> list[str]:
    if server.dialect.flavour not in _LOGS:
        return []
    try:
        return [str(row["Log_name"]) for row in server.rows(_LOGS[server.dialect.flavour])]
    except ServerError as error:
        if error.number not in (_NO_LOG, _DENIED):
            raise
        return []


def _beginning(server: Server, name: str) -> list[Row]:
    try:
        return server.rows(_BEGINNING, name)
    except ServerError as error:
        if error.number not in (_PURGED, _DENIED):
            raise
        return []
