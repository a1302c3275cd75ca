# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a replica tells of its channels beside their status: details of errors, real lag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.applier_error import (
    masked,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    quote_identifier,
)

SELECT_DENIED = 1142
# A worker of a parallel applier has stopped because of another one's error.
PREVIOUS_WORKER_FAILED = 3030

# Where a flavour keeps more of its last errors than the status shows, the worst
# first: a worker's own error says more than the coordinator's, which names it.
_SEEN = "UNIX_TIMESTAMP(LAST_ERROR_TIMESTAMP) AS seconds FROM performance_schema."
_COLUMNS = "CHANNEL_NAME AS name, LAST_ERROR_NUMBER AS number, LAST_ERROR_MESSAGE AS message"
_RECEIVING = {
    MYSQL: (f"SELECT {_COLUMNS}, {_SEEN}replication_connection_status WHERE LAST_ERROR_NUMBER",)
}
_APPLYING = {
    MYSQL: (
        f"SELECT {_COLUMNS}, {_SEEN}replication_applier_status_by_worker WHERE LAST_ERROR_NUMBER "
        f"ORDER BY LAST_ERROR_NUMBER = {PREVIOUS_WORKER_FAILED}, LAST_ERROR_TIMESTAMP",
        f"SELECT {_COLUMNS}, {_SEEN}replication_applier_status_by_coordinator "
        "WHERE LAST_ERROR_NUMBER",
    )
}


def with_details(server: Server, found: Sequence[ChannelStatus]) -> list[ChannelStatus]:
    """Return the channels with their errors as exactly as the server tells them.

    A parallel applier's status says only where to read more. MariaDB has no
    such tables, and no times of errors.
    """
    if any(status.io_fault for status in found):
        receiving = _faults(server, _RECEIVING.get(server.dialect.flavour, ()))
        found = [replace(one, io_fault=_exact(one.io_fault, one, receiving)) for one in found]
    if any(status.sql_fault for status in found):
        applying = _faults(server, _APPLYING.get(server.dialect.flavour, ()))
        found = [replace(one, sql_fault=_exact(one.sql_fault, one, applying)) for one in found]
    return [
        replace(one, sql_fault=replace(one.sql_fault, message=masked(one.sql_fault.message)))
        for one in found
    ]


def _exact(fault: Fault, status: ChannelStatus, exact: dict[str, Fault]) -> Fault:
    return exact.get(status.key, fault) if fault else fault


def _faults(server: Server, queries: Sequence[str]) -> dict[str, Fault]:
    faults: dict[str, Fault] = {}
    for query in queries:
        try:
            rows = server.rows(query)
        except ServerError as error:
            if error.number != SELECT_DENIED:
                raise
            # A monitor may ask for the status and not for this; then it is not shown.
            continue
        for row in rows:
            fault = Fault(int(row["number"]), str(row["message"]), _utc(row["seconds"]))
            faults.setdefault(str(row["name"]).lower(), fault)
    return faults


def _utc(seconds: Any) -> str | None:
    if not seconds:
        return None
    moment = datetime.fromtimestamp(float(seconds), tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def heartbeat_lags(server: Server, schema: str, table: str) -> dict[int, float]:
    """Return by server id how many seconds ago the last heartbeat row was written.

    The table has the shape of pt-heartbeat's: ``ts`` is text or a time in UTC,
    ``server_id`` the source that wrote it. What is compared are the clocks of the
    source and of this server.
    """
    # A column of type TIMESTAMP is shown in the session's time zone.
    server.set_session("time_zone", "+00:00")
    rows = server.rows(
        "SELECT server_id AS id, TIMESTAMPDIFF(MICROSECOND, MAX(ts), UTC_TIMESTAMP(6)) AS late "
        f"FROM {quote_identifier(schema)}.{quote_identifier(table)} GROUP BY server_id"
    )
    return {
        int(row["id"]): round(int(row["late"]) / 1e6, 3) for row in rows if row["late"] is not None
    }
