# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old rows of usage tables on a write server: finding them, and removing what is applied elsewhere."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.throttle import Throttle
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import channels
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    copied_rows,
    copied_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import EPOCH
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.retention import (
    ID_TYPES,
    TIME_TYPES,
    Chunk,
    OldRows,
    Purged,
    ReaderStanding,
    Replica,
    Retention,
)

_DUMPS = ("Binlog Dump", "Binlog Dump GTID")
# A row that somebody works on is left for the next time.
_LOCK_SECONDS = 2
_LOCKED = (1205, 1213)
# Commits that are timed before the work, this far apart.
_TRIALS, _TRIAL_PAUSE_SECONDS = 50, 0.01
# On MySQL a transaction is seen a moment before it counts as executed; its owner is told until then.
_COMMITTING = {
    MYSQL: "SELECT @@GLOBAL.gtid_owned AS owned",
    MARIADB: "SELECT '' AS owned",
}
_OWNED = re.compile(r"(\d+)#\d+")
# A row without a name is the probe's; the others are read servers, and when each was last in order.
_OWN = "dbrw", "purge"
_OWN_TABLE = quote_table(*_OWN)


@dataclass(frozen=True)
class Found:
    """Old rows in chunks, of which each is removed by one transaction."""

    old: OldRows
    chunks: Sequence[Chunk] = ()


@dataclass
class Limits:
    """What one call may remove; ``rows`` and ``until`` (of the clock) are None without a limit."""

    rows: int | None = None
    until: float | None = None
    removed: int = 0
    clock: Callable[[], float] = field(default=time.monotonic)

    @property
    def reached(self) -> bool:
        """Whether nothing more may be removed."""
        over = self.until is not None and self.clock() >= self.until
        return over or (self.rows is not None and self.removed >= self.rows)


def prepare(server: Server) -> None:
    """Let the session read and remove rows without being in anybody's way."""
    # TIMESTAMP is told in it, and DATETIME compared as it is.
    server.set_session("time_zone", "+00:00")
    server.set_session("innodb_lock_wait_timeout", _LOCK_SECONDS)
    server.rows("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def problems(server: Server, retention: Retention) -> list[str]:
    """Say why rows of a table cannot be purged."""
    here = f"server {server.address}: {retention}"
    rows = server.rows(
        "SELECT LOWER(COLUMN_NAME) AS name, DATA_TYPE AS type FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        retention.schema,
        retention.name,
    )
    if not rows:
        return [f"{here} is not there, or this account may not read it."]
    types = {str(row["name"]): str(row["type"]).lower() for row in rows}
    found = []
    for column, wanted, words in (
        (retention.time_column, TIME_TYPES, "DATE, DATETIME or TIMESTAMP"),
        (retention.id_column, ID_TYPES, "a whole number"),
    ):
        told = types.get(column.lower())
        if told not in wanted:
            found.append(f"{here}: {column} is {told or 'not there'}; it must be {words}.")
    first = server.rows(
        "SELECT LOWER(COLUMN_NAME) AS name FROM information_schema.STATISTICS WHERE INDEX_NAME = "
        "'PRIMARY' AND SEQ_IN_INDEX = 1 AND TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        retention.schema,
        retention.name,
    )
    if [row["name"] for row in first] != [retention.id_column.lower()]:
        found.append(
            f"{here}: the primary key does not begin with {retention.id_column}, in the order of "
            "which rows are removed."
        )
    triggers = server.rows(
        "SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE EVENT_MANIPULATION = "
        "'DELETE' AND EVENT_OBJECT_SCHEMA = %s AND EVENT_OBJECT_TABLE = %s",
        retention.schema,
        retention.name,
    )
    if triggers:
        names = ", ".join(str(row["name"]) for row in triggers)
        found.append(f"{here}: trigger {names} would act on each row that is purged; remove it.")
    return found


def cut_of(server: Server, retention: Retention, now: datetime) -> datetime | None:
    """Return the moment before which rows are old, as the time column has it.

    It is the begin of a day in the table's time zone. None: the server does not know that zone.
    """
    local = server.row("SELECT CONVERT_TZ(%s, '+00:00', %s) AS now", now, retention.time_zone)[
        "now"
    ]
    if local is None:
        return None
    day = datetime(local.year, local.month, local.day)
    return day - timedelta(days=retention.days_kept)


def find_old(server: Server, retention: Retention, cut: datetime, chunk_rows: int) -> Found:
    """Walk through a table by its primary key, and return what is old in it."""
    table = quote_table(retention.schema, retention.name)
    column, moment = map(quote_identifier, (retention.id_column, retention.time_column))
    lowest = server.row(f"SELECT MIN({column}) AS id, MAX({column}) AS last FROM {table}")
    found = OldRows(retention, cut)
    if lowest["id"] is None:
        return Found(found)
    chunks: list[Chunk] = []
    after, last = int(lowest["id"]) - 1, int(lowest["last"])
    while after < last:
        row = server.row(
            f"SELECT MAX(id) AS until, SUM(moment < %s) AS old, MIN(moment) AS oldest, "
            f"MIN(IF(moment < %s, id, NULL)) AS first, MAX(IF(moment < %s, id, NULL)) AS last, "
            f"MIN(IF(moment < %s, NULL, moment)) AS kept FROM (SELECT {column} AS id, {moment} AS "
            f"moment FROM {table} FORCE INDEX (PRIMARY) WHERE {column} > %s ORDER BY {column} "
            f"LIMIT {int(chunk_rows)}) AS chunk",
            *(cut, cut, cut, cut, after),
        )
        if row["until"] is None:
            break
        old, until = int(row["old"] or 0), int(row["until"])
        if old:
            chunks.append(Chunk(after, until, old))
            found = replace(
                found,
                rows=found.rows + old,
                first=int(row["first"]) if found.first is None else found.first,
                last=int(row["last"]),
                oldest=_earlier(found.oldest, row["oldest"]),
            )
        found = replace(found, oldest_kept=_earlier(found.oldest_kept, row["kept"]))
        after = until
    length = server.row(
        "SELECT AVG_ROW_LENGTH AS of_row, DATA_LENGTH AS of_table FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        *(retention.schema, retention.name),
    )
    bytes_ = found.rows * int(length["of_row"] or 0)
    found = replace(found, bytes=bytes_, table_bytes=int(length["of_table"] or 0))
    return Found(found, chunks)


def position(server: Server) -> str:
    """Return a position that covers every transaction whose rows have been seen until now."""
    # What is asked first has gone on to the second meanwhile, never the other way.
    owners = str(server.row(_COMMITTING[server.flavour])["owned"] or "")
    owned: list[str] = []
    for part in owners.replace("\n", "").split(","):
        uuid, _colon, numbers = part.strip().partition(":")
        owned += [f"{uuid}:{number}" for number in _OWNED.findall(numbers)]
    said = server.row(server.dialect.source_position)
    uuid = str(said["uuid"] or "")
    return channels.own_transactions(
        ",".join(filter(None, [str(said["position"] or "").replace("\n", ""), *owned])), uuid
    )


def data_folder(server: Server) -> tuple[str, str]:
    """Return the name of a server's host, and the folder there that has its data."""
    said = server.row("SELECT @@GLOBAL.hostname AS host, @@GLOBAL.datadir AS folder")
    return str(said["host"]), str(said["folder"])


def last_in_order(server: Server) -> dict[str, datetime]:
    """Return when a purge of ``server`` last found each read server in order, in UTC."""
    made = server.rows(
        "SELECT TABLE_NAME FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        *_OWN,
    )
    if not made:
        return {}
    rows = server.rows(f"SELECT name, at FROM {_OWN_TABLE} WHERE name <> ''")
    return {str(row["name"]): row["at"] for row in rows}


def note_in_order(server: Server, readers: Collection[str]) -> None:
    """Note that these read servers are in order now."""
    for name in readers:
        server.rows(
            f"INSERT INTO {_OWN_TABLE} (name, counter, at) VALUES (%s, 0, UTC_TIMESTAMP()) "
            "ON DUPLICATE KEY UPDATE at = UTC_TIMESTAMP()",
            name,
        )


def make_own_table(server: Server) -> None:
    """Make what a purge keeps for itself on a write server."""
    server.rows(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(_OWN[0])}")
    server.rows(
        f"CREATE TABLE IF NOT EXISTS {_OWN_TABLE} (name VARCHAR(255) CHARACTER SET utf8mb4 "
        "COLLATE utf8mb4_bin PRIMARY KEY, counter BIGINT NOT NULL, at DATETIME NOT NULL) "
        "ENGINE=InnoDB"
    )


def replicas(server: Server) -> list[Replica]:
    """Return who reads the binary log now; without PROCESS none is seen."""
    marks = ", ".join(["%s"] * len(_DUMPS))
    rows = server.rows(
        "SELECT USER AS user, HOST AS host FROM information_schema.PROCESSLIST "
        f"WHERE COMMAND IN ({marks})",
        *_DUMPS,
    )
    return [Replica(str(row["user"]), str(row["host"]).rpartition(":")[0]) for row in rows]


def standing(
    reader: str, server: Server, source: str, source_id: int, tables: Sequence[str]
) -> ReaderStanding:
    """Return how a read server's channel from ``source``, whose server id is given, stands."""
    found = [one for one in channels.read(server) if one.key == source.lower()]
    if not found:
        return ReaderStanding(reader, stopped="it has no such channel")
    status = found[0]
    if not (status.connected and status.sql_running):
        return ReaderStanding(reader, stopped=explain(status).rstrip("."))
    if status.source_server_id != source_id:
        told = f"it leads to the server with id {status.source_server_id}, which is another one"
        return ReaderStanding(reader, stopped=told)
    # A domain is a server's own.
    if status.left_out.against(source_id, [source_id]):
        return ReaderStanding(reader, left_out=tuple(tables))
    names = [one for one in tables if status.filters.kind_against(one)]
    return ReaderStanding(reader, left_out=tuple(names))


def statement(old: OldRows, chunk: Chunk) -> Statement:
    """Return what removes the old rows of a chunk."""
    retention = old.retention
    column, moment = map(quote_identifier, (retention.id_column, retention.time_column))
    return Statement(
        f"DELETE FROM {quote_table(retention.schema, retention.name)} "
        f"WHERE {column} > %s AND {column} <= %s AND {moment} < %s",
        (chunk.after, chunk.until, old.cut),
    )


class Comparison:
    """Checksums of old rows of one write server, there and on read servers."""

    def __init__(self, server: Server, old: OldRows) -> None:
        retention = old.retention
        self._table = copied_table.read_tables(server, retention.schema)[retention.name]
        column, moment = map(quote_identifier, (retention.id_column, retention.time_column))
        said = server.row(
            "SELECT @@GLOBAL.auto_increment_increment AS increment, "
            "@@GLOBAL.auto_increment_offset AS first_id"
        )
        increment = int(said["increment"])
        self._condition = (
            f"{column} > %s AND {column} <= %s AND {moment} < %s AND {column} MOD %s = %s"
        )
        self._values = (old.cut, increment, int(said["first_id"]) % increment)

    def checksum(self, server: Server, chunk: Chunk) -> tuple[int, int, int]:
        """Return how many old rows a server has in a chunk, and 128 bits made of their values."""
        values = (chunk.after, chunk.until, *self._values)
        return copied_rows.checksum(server, self._table, None, None, self._condition, values)


class Probe:
    """Commits of a row that nobody else touches, timed."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def seconds(self) -> float:
        """Return how long one takes now."""
        began = time.monotonic()
        self._server.rows(
            f"INSERT INTO {_OWN_TABLE} (name, counter, at) VALUES ('', 1, UTC_TIMESTAMP()) "
            "ON DUPLICATE KEY UPDATE counter = counter + 1"
        )
        return time.monotonic() - began

    def trials(self) -> list[float]:
        """Return how long commits take before the work."""
        found = []
        for _trial in range(_TRIALS):
            found.append(self.seconds())
            time.sleep(_TRIAL_PAUSE_SECONDS)
        return found


def purge(
    server: Server,
    found: Found,
    limits: Limits,
    throttle: Throttle,
    probe: Probe,
    same: Callable[[Chunk], bool] | None = None,
) -> Iterator[Purged]:
    """Remove old rows chunk by chunk, each in a transaction; tell what was done so far after each.

    ``same`` compares a chunk with the read servers just before it goes; one that differs stays. So
    does a chunk that has more old rows than were found in it, or that somebody has locked: what has
    come since then is not known to be anywhere else.
    """
    began, done = time.monotonic(), Purged()
    for number, chunk in enumerate(found.chunks):
        if limits.reached:
            return
        removed = _remove(server, statement(found.old, chunk), chunk, again=number > 0, same=same)
        pause = throttle.pause_after(probe.seconds())
        limits.removed += removed or 0
        done = replace(
            done,
            rows=done.rows + (removed or 0),
            held=done.held + (chunk.rows if removed is None else 0),
            seconds=time.monotonic() - began,
            paused_seconds=done.paused_seconds + pause,
        )
        yield done
        time.sleep(pause)


def _remove(
    server: Server, sql: Statement, chunk: Chunk, again: bool, same: Callable[[Chunk], bool] | None
) -> int | None:
    """Remove the rows of one chunk, and return how many; None: it was left as it is."""
    if same and not same(chunk):
        return None
    server.rows("START TRANSACTION")
    try:
        server.run(sql, again=again)
        removed = int(server.row("SELECT ROW_COUNT() AS number")["number"])
        if removed <= chunk.rows:
            server.rows("COMMIT")
            return removed
    except ServerError as error:
        with contextlib.suppress(ServerError):
            server.rows("ROLLBACK")
        if error.number in _LOCKED:
            return None
        raise
    server.rows("ROLLBACK")
    return None


def _earlier(one: datetime | None, other: Any) -> datetime | None:
    if other is None:
        return one
    # A zero date is told as text; it is before all others.
    moment = EPOCH
    if isinstance(other, datetime):
        moment = other
    elif isinstance(other, date):
        moment = datetime(other.year, other.month, other.day)
    return moment if one is None else min(one, moment)
