# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what is judged of a server: its settings, its sessions', and what it is told by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids import start_options
from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids.stale_sessions import (
    BY_THREAD,
    OF_CLIENTS,
    sessions_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers.rejoined import numbered
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    SET_MEMBER,
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import GtidPosition
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import Session
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers import identity
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    BINARY_LOG,
    BINLOG_FILTERS,
    SESSION_RULES,
    SKIPS_START,
    Following,
    Verdict,
    judge,
    judge_channels,
    needed_variables,
    session_risks,
)

UNKNOWN_STATEMENT, NO_SUCH_TABLE, SELECT_DENIED, DENIED = 1064, 1146, 1142, 1227


def read(server: Server) -> dict[str, str | None]:
    """Return by name what ``judge`` looks at; None for what the server has not, or does not tell.

    Whether its binary log works, and what it leaves out, is told to the privilege REPLICATION
    CLIENT (MariaDB: BINLOG MONITOR) only.
    """
    found = {**server.variables(*needed_variables(), *BINLOG_FILTERS), BINARY_LOG: None}
    if found["log_bin"] == "ON":
        # MySQL before 8.2 has another statement for it.
        status = _unless(server, (UNKNOWN_STATEMENT, DENIED), server.dialect.show_binary_log)
        if status is not None:
            found[BINARY_LOG] = "ON" if status else "OFF"
        for row in status or ():
            told = {name.lower(): str(value or "") for name, value in row.items()}
            found.update({name: told[name] for name in BINLOG_FILTERS})
    return found


def verdict(
    server: Server,
    kind: str,
    variables: dict[str, str | None],
    require_tls: bool,
    schemas: Sequence[str],
) -> Verdict:
    """Judge what ``read`` has returned, a read server's channels, a write server's sessions."""
    found = judge(kind, variables, require_tls, schemas)
    if kind == WRITE_SERVER:
        return Verdict((*found.findings, *session_risks(_otherwise(server))))
    if kind == SET_MEMBER:
        return Verdict((*found.findings, *_started_by_itself(server, variables)))
    channels = judge_channels(_channels(server), variables)
    stopped = _stopped_after_a_start(server, variables)
    return Verdict((*found.findings, *channels.findings, *stopped))


def _stopped_after_a_start(server: Server, variables: dict[str, str | None]) -> list[Finding]:
    """Say what MariaDB shows in no variable: it is read where the server would read it."""
    if SKIPS_START.found(variables):
        return []
    said = start_options.read(server).skips_start
    if not said:
        return []
    text = f"{said}: channels stay stopped after a restart"
    return [Finding("settings.skip_replica_start", WARNING, "", text, "leave it out.")]


def _started_by_itself(server: Server, variables: dict[str, str | None]) -> list[Finding]:
    """Say what MariaDB shows in no variable of a member of a set, if its option files are known."""
    if any(variables.get(name) is not None for name in SKIPS_START.variables):
        return []
    said = start_options.read(server)
    if said.skips_start or said.unknown:
        return []
    text = (
        "skip_slave_start is not set, or else a former active writer that returns follows whoever it "
        "knew last, before anybody has compared it"
    )
    return [
        Finding("settings.skip_replica_start", CRITICAL, "", text, "set it in its configuration.")
    ]


def identity_of(server: Server) -> dict[str, Any]:
    """Return what the server is told by among others."""
    variables = server.variables(*identity.VARIABLES)
    # MySQL has no domains, and a server without transactions none of another's.
    several = "," in (variables["gtid_binlog_state"] or "")
    return identity.identity(variables, numbered(server) if several else ())


def _channels(server: Server) -> list[Following]:
    """Return what is judged of each channel; on MySQL that is nothing."""
    skips, columns = server.dialect.skip_counter, server.dialect.channel_columns
    rows = _unless(server, (DENIED,), server.dialect.show_channels) if skips else None
    return [
        Following(
            str(row[columns["name"]]),
            int(row[skips] or 0),
            frozenset(
                GtidPosition.parse(row[columns["gtid_received"]] or "").domains_of(
                    int(row[columns["source_server_id"]] or 0)
                )
            ),
        )
        for row in rows or ()
        if skips
    ]


def _unless(
    server: Server, numbers: Sequence[int], sql: str, *args: Any
) -> list[dict[str, Any]] | None:
    """Return a query's rows; None if the server refuses it with one of these errors."""
    try:
        return server.rows(sql, *args)
    except ServerError as error:
        if error.number not in numbers:
            raise
        return None


def _otherwise(server: Server) -> list[tuple[Session, str, str]]:
    """Return sessions with a variable and its value that is not what the server's should be.

    Only MySQL tells of other sessions, to who may read its performance_schema.
    """
    rules = {name: rule.allowed[0] for rule in SESSION_RULES for name in rule.variables}
    differs = " OR ".join(["(v.VARIABLE_NAME = %s AND v.VARIABLE_VALUE <> %s)"] * len(rules))
    found = _unless(
        server,
        (NO_SUCH_TABLE, SELECT_DENIED),
        "SELECT t.PROCESSLIST_ID AS id, t.PROCESSLIST_USER AS user, "
        "t.PROCESSLIST_HOST AS host, t.PROCESSLIST_TIME AS seconds, "
        "v.VARIABLE_NAME AS name, v.VARIABLE_VALUE AS value "
        f"FROM {BY_THREAD} WHERE t.PROCESSLIST_ID <> CONNECTION_ID() AND {OF_CLIENTS} "
        f"AND ({differs}) ORDER BY 5, 6, 1",
        *(part for pair in rules.items() for part in pair),
    )
    rows = found or []
    return [
        (session, str(row["name"]), str(row["value"]))
        for row, session in zip(rows, sessions_of(rows))
    ]
