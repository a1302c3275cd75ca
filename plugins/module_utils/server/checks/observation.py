# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one server of a topology says when it is checked. It is asked as an account that only reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import (
    months as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts import held
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids import id_columns
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels,
    reader_ids,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_observation import (
    heartbeat_lags,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers import (
    pending,
    settings,
    time_zones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import partitions
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    usage_table as shapes,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.held import (
    HeldAccounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    HEARTBEATS,
    SERVES_AS,
    Checked,
    CheckedServer,
    CheckedTable,
    Seen,
    TableSeen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    READ,
    WRITE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import (
    IdColumn,
    IdLimits,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication import heartbeat
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import Pending
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    Verdict,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    ServerZones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_SECONDS,
    PartitionedTable,
)

Answer = TypeVar("Answer")

# So many ids that are there twice are named.
SAMPLE = 5
# What one query may take of a server that has other things to do.
QUERY_SECONDS = 3
_EXPIRY = ("binlog_expire_logs_seconds", "expire_logs_days", "binlog_expire_logs_auto_purge")
_DAY = 24 * 3600
_NO_SCHEMA, _NO_TABLE = 1049, 1146


class _Parts:
    """Questions of which each may be refused without the others being lost."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}

    def ask(self, subject: str, question: Callable[[], Answer], otherwise: Answer) -> Answer:
        """Return the answer, or ``otherwise`` where the server refuses; raises if it is lost."""
        try:
            return question()
        except ServerError as error:
            if not error.is_answer:
                raise
            self.refused[subject] = f"error {error.number}: {error.message}"
        except Refused as refusal:
            self.refused[subject] = str(refusal)
        return otherwise


def look(server: Server, asked: CheckedServer, checked: Checked) -> Seen:
    """Ask one server everything that is judged of it alone, or beside others."""
    parts = _Parts()
    reader_ids.bound(server, QUERY_SECONDS)
    now, ahead = _clock(server)
    schemas = tuple(dict.fromkeys(table.schema for table in checked.tables))
    nothing: dict[str, str | None] = {}
    variables = parts.ask("its settings", lambda: settings.read(server), nothing)
    verdict = parts.ask(
        "its settings",
        lambda: settings.verdict(
            server, SERVES_AS[asked.kind], variables, checked.require_tls, schemas
        ),
        Verdict(),
    )
    nobody: dict[str, Any] = {}
    zones: ServerZones | None = None
    if asked.kind == WRITE:
        # Which names it knows, this login may not ask.
        zones = replace(time_zones.read(server), server=asked.name, names=None)
    seen = Seen(
        server.flavour,
        server.version_text,
        ahead,
        now,
        variables,
        parts.ask("its identity", lambda: settings.identity_of(server), nobody),
        zones,
        verdict.findings,
        enforces_checks=server.dialect.applier_enforces_checks,
        logs_generated=server.logs_generated,
        certificate_until=_certificate_until(server),
        binary_log_seconds=_binary_log_seconds(server),
    )
    if asked.kind == READ:
        none: Sequence[ChannelStatus] = ()
        found = parts.ask("its channels", lambda: channels.read(server), none)
        seen = replace(seen, channels=tuple(found))
    if asked.kind == WRITE and schemas:
        unknown: tuple[IdColumn, ...] = ()
        columns = parts.ask("its ids", lambda: _ids(server, asked, checked, schemas), unknown)
        seen = replace(seen, id_columns=columns)
    if asked.kind in (READ, WRITE):
        seen = replace(
            seen,
            tables=tuple(
                _table(server, asked, table, checked, parts, now) for table in checked.tables
            ),
        )
    wanted = checked.accounts.get(asked.name, ())
    if wanted:
        nobodys: HeldAccounts | None = None
        names = [one.account.name for one in wanted]
        found_accounts = parts.ask("its accounts", lambda: held.read(server, names), nobodys)
        seen = replace(seen, accounts=found_accounts)
    host = checked.hosts.get(asked.name)
    if host:
        nothing_new: tuple[Pending, ...] = ()
        waiting = parts.ask("its option file", lambda: pending.read(server, host, now), nothing_new)
        seen = replace(seen, pending=waiting)
    # Last of all: it is asked in a time zone of its own.
    if checked.heartbeats and (asked.kind == READ or asked.name in checked.heartbeats):
        without: dict[int, float] = {}
        lags = parts.ask(HEARTBEATS, lambda: _heartbeats(server), without)
        seen = replace(seen, heartbeats=lags)
    return replace(seen, refused=parts.refused)


def _heartbeats(server: Server) -> dict[int, float]:
    try:
        return heartbeat_lags(server, heartbeat.SCHEMA, heartbeat.TABLE)
    except ServerError as error:
        if error.number not in (_NO_SCHEMA, _NO_TABLE):
            raise
        return {}


def ids_again(server: Server, seen: Seen) -> tuple[IdColumn, ...]:
    """Return a write server's columns as they are by now."""
    return id_columns.read_again(server, seen.id_columns)


def _clock(server: Server) -> tuple[datetime, float]:
    """Return the server's clock in UTC, and how far it is ahead of the one here.

    What the question itself has taken is no difference.
    """
    before = _utc_now()
    now = datetime.fromisoformat(str(server.row("SELECT UTC_TIMESTAMP(6) AS now")["now"]))
    after = _utc_now()
    if before <= now <= after:
        return now, 0.0
    nearest = after if now > after else before
    return now, (now - nearest).total_seconds()


def _utc_now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _certificate_until(server: Server) -> datetime | None:
    rows = server.rows("SHOW GLOBAL STATUS LIKE 'Ssl_server_not_after'")
    said = str(rows[0]["Value"]) if rows else ""
    return datetime.strptime(said, "%b %d %H:%M:%S %Y %Z") if said else None


def _binary_log_seconds(server: Server) -> int | None:
    """Return after how long binary logs are removed; None: never, or there are none."""
    found = server.variables(*_EXPIRY, "log_bin")
    if found["log_bin"] != "ON" or found["binlog_expire_logs_auto_purge"] == "OFF":
        return None
    seconds = int(found["binlog_expire_logs_seconds"] or 0)
    return seconds or int(float(found["expire_logs_days"] or 0) * _DAY) or None


def _ids(
    server: Server, asked: CheckedServer, checked: Checked, schemas: Sequence[str]
) -> tuple[IdColumn, ...]:
    limits = checked.limits
    return id_columns.read(
        server,
        IdLimits(True, tuple(schemas), limits.ids_looked_at, limits.used_percent, True, False),
        asked.pair or Autoinc(1, 1),
        (),
    )


def _table(
    server: Server,
    asked: CheckedServer,
    table: CheckedTable,
    checked: Checked,
    parts: _Parts,
    now: datetime,
) -> TableSeen:
    schema, name = server.names.stored(table.schema), server.names.stored(table.name)
    shape = parts.ask(str(table), lambda: shapes.read_table(server, schema, name), None)
    if shape is None:
        # A table that the login may not see looks like one that is not there.
        parts.ask(str(table), lambda: _denied(server, schema, name), None)
    if shape is None or asked.kind == WRITE:
        return TableSeen(shape)
    month = Month.of(checked.now or now)
    months: PartitionedTable | tuple[str, ...]
    try:
        months = _months(server, table, schema, name, month)
    except Refused as refusal:
        months = tuple(refusal.problems)
    nothing: tuple[tuple[int, ...], dict[int, int]] = ((), {})
    twice, residues = parts.ask(
        f"the ids of {table}",
        lambda: _ids_of_reader(server, schema, name, table, checked),
        nothing,
    )
    return TableSeen(shape, months, twice, residues)


def _denied(server: Server, schema: str, name: str) -> None:
    try:
        server.rows(f"SELECT 1 FROM {quote_table(schema, name)} LIMIT 0")
    except ServerError as error:
        if error.number not in (_NO_SCHEMA, _NO_TABLE):
            raise


def _months(
    server: Server, table: CheckedTable, schema: str, name: str, month: Month
) -> PartitionedTable:
    found = partitions.read(server, schema, name, None, EPOCH_SECONDS)
    policy = replace(table.policy, first_month=month)
    return partitions.count_rows(
        server, found, planning.in_question(policy, month, found.partitions)
    )


def _ids_of_reader(
    server: Server, schema: str, name: str, table: CheckedTable, checked: Checked
) -> tuple[tuple[int, ...], dict[int, int]]:
    """Look at the newest ids, a bounded number: which are there twice, and whose they are."""
    column = quote_identifier(table.id_column)
    newest = (
        f"SELECT {column} AS id FROM {quote_table(schema, name)} FORCE INDEX (PRIMARY) "
        f"ORDER BY {column} DESC LIMIT %s"
    )
    most = checked.limits.ids_looked_at
    rows = server.rows(
        f"SELECT id FROM ({newest}) AS newest GROUP BY id HAVING COUNT(*) > 1 ORDER BY id LIMIT %s",
        most,
        SAMPLE,
    )
    increment = checked.increment
    residues = server.rows(
        f"SELECT id MOD %s AS residue, MAX(id) AS highest FROM ({newest}) AS newest GROUP BY 1",
        increment,
        most,
    )
    return (
        tuple(int(row["id"]) for row in rows),
        {int(row["residue"]): int(row["highest"]) for row in residues},
    )
