# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member of a replica set says of itself, and the table of its epochs."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import closed_and_lifted
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels,
    events,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_observation import (
    SELECT_DENIED,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import joined, missing
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Epoch,
    Member,
    MemberState,
    SemiSync,
    SetState,
    Writing,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    SYSTEM_SCHEMAS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    opening_words,
    quote_table,
)

SCHEMA = "dbrw"
# On a survivor, outside its log: what a failover has found of its channel before it touched it.
_NOTES = quote_table(SCHEMA, "failover_note")
# A server tells how long it runs in whole seconds.
_SAME_START_SECONDS = 3
# So long a failover that was interrupted may go on.
_NOTE_SECONDS = 900
# How long a commit may take to be seen on its own server after another has applied it.
_IN_FLIGHT_SECONDS, _PAUSE_SECONDS = 5.0, 0.05
# How both flavours begin what they say of a source that was never reached since the channel's
# start; otherwise they say reconnecting.
_NEVER_CONNECTED = re.compile(r"error connecting to (source|master)", re.IGNORECASE)
# Where a log's first event is; a channel stands there until it is connected.
_FIRST_EVENT = 4
EPOCHS = quote_table(SCHEMA, "epoch")
# How long a member may take to say all of it; one that hangs counts as one that is away.
ANSWER_SECONDS = 10.0
_NO_SCHEMA, _NO_TABLE = 1049, 1146
# How statements begin that a server that is being closed does not wait for.
_READING = ("SELECT", "SHOW", "EXPLAIN", "DO", "SET", "USE", "KILL", "WITH", "ANALYZE")
# Rows of tables that belong to the collection are no user's.
_OWN_SCHEMAS = {*SYSTEM_SCHEMAS, SCHEMA}


@dataclass(frozen=True)
class Words:
    """What a flavour calls what a set needs.

    ``executed`` is all that was committed or applied, ``logged`` the state of the log where that
    tells more, ``own`` under which the server's own
    transactions run.
    """

    executed: str
    logged: str
    own: str
    # Whether a channel has been connected since it was started (%s: its name); empty: its status
    # tells, by the place in the source's log, which is the first until then.
    connected: str
    semi_sync: Mapping[str, str]
    semi_sync_status: Mapping[str, str]


# MariaDB: gtid_current_pos is, for each domain, what was applied or written here, the later one.
WORDS = {
    MARIADB: Words(
        executed="@@GLOBAL.gtid_current_pos",
        logged="@@GLOBAL.gtid_binlog_state",
        own="@@GLOBAL.gtid_domain_id",
        connected="",
        semi_sync={
            "source": "rpl_semi_sync_master_enabled",
            "replica": "rpl_semi_sync_slave_enabled",
            "timeout": "rpl_semi_sync_master_timeout",
            "wait_point": "rpl_semi_sync_master_wait_point",
            "waits_without_replica": "rpl_semi_sync_master_wait_no_slave",
        },
        semi_sync_status={
            "clients": "Rpl_semi_sync_master_clients",
            "working": "Rpl_semi_sync_master_status",
            "unacknowledged": "Rpl_semi_sync_master_no_tx",
        },
    ),
    MYSQL: Words(
        executed="@@GLOBAL.gtid_executed",
        logged="''",
        own="@@GLOBAL.server_uuid",
        connected="SELECT COUNT_RECEIVED_HEARTBEATS > 0 OR RECEIVED_TRANSACTION_SET <> '' AS said "
        "FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = %s",
        semi_sync={
            "source": "rpl_semi_sync_source_enabled",
            "replica": "rpl_semi_sync_replica_enabled",
            "timeout": "rpl_semi_sync_source_timeout",
            "wait_point": "rpl_semi_sync_source_wait_point",
            "waits_without_replica": "rpl_semi_sync_source_wait_no_replica",
        },
        semi_sync_status={
            "clients": "Rpl_semi_sync_source_clients",
            "working": "Rpl_semi_sync_source_status",
            "unacknowledged": "Rpl_semi_sync_source_no_tx",
        },
    ),
}

_DEFINITION = f"""
CREATE TABLE IF NOT EXISTS {EPOCHS} (
  epoch BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  active VARCHAR(64) NOT NULL COMMENT 'the member that is the active writer',
  durability VARCHAR(16) NOT NULL,
  reason VARCHAR(255) NOT NULL,
  switched_by VARCHAR(255) NOT NULL,
  switched_at DATETIME(6) NOT NULL COMMENT 'UTC',
  forced BOOLEAN NOT NULL COMMENT 'by a failover'
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
""".strip()


def observe(
    fleet: Fleet, members: Sequence[Member], with_rows: bool = True, with_xa: bool = True
) -> SetState:
    """Ask every member of the set at once.

    What open members have committed is asked once more at the end, so that what another has
    beyond it is really not theirs. A transaction of their own that another has already may be in
    its commit yet, which waits for that one's acknowledgement: they are asked again for a while.
    ``with_rows``: look for rows of users where there is no epoch. ``with_xa``: look for prepared XA
    transactions, for which MySQL asks for a privilege of its own.
    """
    names = {member.address: member.name for member in members}

    def look(server: Server) -> MemberState:
        return read(server, names, with_rows, with_xa)

    answers = fleet.ask(look, [member.name for member in members], ANSWER_SECONDS)
    found = {
        name: MemberState(name, unreachable=answer.message)
        if isinstance(answer, ServerError)
        else replace(answer, name=name)
        for name, answer in answers.items()
    }
    end = time.monotonic() + _IN_FLIGHT_SECONDS
    while True:
        again = fleet.ask(_position, [name for name, member in found.items() if member.open])
        for name, position in again.items():
            if not isinstance(position, ServerError):
                now, logged = position
                found[name] = replace(found[name], executed=now, logged=logged)
        state = SetState(found)
        if not state.in_flight or time.monotonic() > end:
            return state
        time.sleep(_PAUSE_SECONDS)


def read(
    server: Server, names: Mapping[tuple[Any, int], str], with_rows: bool, with_xa: bool = True
) -> MemberState:
    """Ask one member; ``names`` are those of all members by their address."""
    words = WORDS[server.flavour]
    row = server.row(
        f"SELECT {words.executed} AS executed, {words.logged} AS logged, {words.own} AS own"
    )
    variables = server.variables(*words.semi_sync.values())
    status = server.rows(
        "SHOW GLOBAL STATUS WHERE Variable_name IN (%s, %s, %s, 'Uptime')",
        *words.semi_sync_status.values(),
    )
    counts = {str(one["Variable_name"]).lower(): str(one["Value"]) for one in status}
    channel, source = _channel(server, names)
    closed, is_lifted = closed_and_lifted(server)
    epoch, note = newest_epoch(server), failover_note(server, channel)
    return MemberState(
        name="",
        flavour=server.flavour,
        version=server.version_text,
        own=str(row["own"]),
        closed=closed,
        lifted=is_lifted,
        epoch=epoch,
        executed=one_line(row["executed"]),
        logged=one_line(row["logged"]),
        channel=channel,
        source=source,
        was_connected=channel is not None and _was_connected(server, channel),
        stopped_in_epoch=note.epoch if note.had_all else 0,
        doubted_in_epoch=0 if note.had_all else note.epoch,
        semi_sync=_semi_sync(words, variables, counts),
        prepared_xa=prepared_xa(server) if with_xa else (),
        events=events.read(server),
        writing=() if closed else _writing(server),
        open_transactions=0 if closed else _open_transactions(server),
        rows_in=_rows_in(server) if with_rows and epoch is None else "",
        uptime_seconds=int(counts.get("uptime", 0)),
    )


def _position(server: Server) -> tuple[str, str]:
    """Return what the server has committed or applied, and the state of its log."""
    words = WORDS[server.flavour]
    row = server.row(f"SELECT {words.executed} AS executed, {words.logged} AS logged")
    return one_line(row["executed"]), one_line(row["logged"])


def executed(server: Server) -> str:
    """Return all that the server has committed or applied."""
    return one_line(server.row(f"SELECT {WORDS[server.flavour].executed} AS executed")["executed"])


def newest_epoch(server: Server) -> Epoch | None:
    """Return the newest epoch that the server knows; None: it knows of none."""
    try:
        rows = server.rows(
            "SELECT epoch, active, durability, reason, switched_by, switched_at, forced "
            f"FROM {EPOCHS} ORDER BY epoch DESC LIMIT 1"
        )
    except ServerError as error:
        if error.number not in (_NO_SCHEMA, _NO_TABLE):
            raise
        return None
    return next(
        (
            Epoch(
                int(row["epoch"]),
                str(row["active"]),
                str(row["durability"]),
                str(row["reason"]),
                str(row["switched_by"]),
                str(row["switched_at"]),
                bool(row["forced"]),
            )
            for row in rows
        ),
        None,
    )


def epoch_statements(epoch: Epoch, is_first: bool) -> list[Statement]:
    """Return what writes an epoch down. It enters the binary log, and so reaches every member.

    A member may have the schema outside the log, from earlier work.
    """
    making = [Statement(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"), Statement(_DEFINITION)]
    return [
        *(making if is_first else ()),
        Statement(
            f"INSERT INTO {EPOCHS} (epoch, active, durability, reason, switched_by, switched_at, "
            "forced) VALUES (%s, %s, %s, %s, %s, UTC_TIMESTAMP(6), %s)",
            (
                epoch.number,
                epoch.active,
                epoch.durability,
                epoch.reason,
                epoch.by,
                int(epoch.forced),
            ),
        ),
    ]


@dataclass(frozen=True)
class Note:
    """What a failover has noted of a survivor: the epoch whose writer was lost; 0: nothing.

    ``had_all``: it had been receiving from that writer until then.
    """

    epoch: int = 0
    had_all: bool = False


def failover_note(server: Server, channel: ChannelStatus | None) -> Note:
    """Return what the last failover has noted of the channel, as far as it is still so.

    What was noted before a restart counts no longer: the server has thrown away what it had
    received and not applied. Nor does it once the channel has received something from the same
    source since. That all was received counts for a quarter of an hour: if the writer came back,
    nobody knows what it has acknowledged meanwhile.
    """
    rows = _of_notes(
        server,
        "SELECT epoch, had_all, source, received, noted >= UNIX_TIMESTAMP() - %s AS is_fresh "
        f"FROM {_NOTES} WHERE ABS(started - (UNIX_TIMESTAMP() - %s)) <= %s "
        "ORDER BY epoch DESC LIMIT 1",
        *(_NOTE_SECONDS, _uptime(server), _SAME_START_SECONDS),
    )
    for row in rows:
        same = channel is not None and row["source"] == _source(channel)
        now = channel.gtid_received if channel else ""
        since = missing(now, str(row["received"])) if same and now else ""
        if not since and (row["is_fresh"] or not row["had_all"]):
            return Note(int(row["epoch"]), bool(row["had_all"]))
    return Note()


def note_failover(server: Server, channel: ChannelStatus, note: Note) -> None:
    """Write down what a failover has found of a channel: before it touches it, so that nobody doubts.

    The server must be lifted, and its connection out of the binary log.
    """
    own = executed(server)
    server.rows(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    server.rows(
        f"CREATE TABLE IF NOT EXISTS {_NOTES} (epoch BIGINT UNSIGNED NOT NULL PRIMARY KEY, "
        "started BIGINT NOT NULL COMMENT 'when the server was, in seconds since 1970', "
        "noted BIGINT NOT NULL COMMENT 'when this was, in seconds since 1970', "
        "had_all BOOLEAN NOT NULL COMMENT 'it had been receiving until then', "
        "source VARCHAR(255) NOT NULL COMMENT 'of its channel', "
        "received LONGTEXT NOT NULL COMMENT 'by then, with what it had itself') "
        "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )
    server.rows(
        f"REPLACE INTO {_NOTES} (epoch, started, noted, had_all, source, received) "
        "VALUES (%s, UNIX_TIMESTAMP() - %s, UNIX_TIMESTAMP(), %s, %s, %s)",
        *(note.epoch, _uptime(server), int(note.had_all), _source(channel)),
        joined(own, channel.gtid_received) if channel.gtid_received else own,
    )


def _source(channel: ChannelStatus) -> str:
    return f"{channel.settings.source_host}:{channel.settings.source_port}"


def _of_notes(server: Server, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Ask the table of notes, which is there once a failover has written one."""
    try:
        return server.rows(sql, *values)
    except ServerError as error:
        if error.number not in (_NO_SCHEMA, _NO_TABLE):
            raise
        return []


def _uptime(server: Server) -> int:
    row = server.row("SHOW GLOBAL STATUS WHERE Variable_name = 'Uptime'")
    return int(row["Value"])


def has_failover_notes(server: Server) -> bool:
    """Tell whether a failover has noted something, whether it still counts or not."""
    return bool(_of_notes(server, f"SELECT epoch FROM {_NOTES} LIMIT 1"))


def forget_failover_notes(server: Server) -> None:
    """Write that the channel is as any other again. See ``note_failover``."""
    server.rows(f"DELETE FROM {_NOTES}")


def durability_statement(epoch: Epoch) -> Statement:
    """Return what writes down that the promise of an epoch has changed."""
    return Statement(
        f"UPDATE {EPOCHS} SET durability = %s WHERE epoch = %s", (epoch.durability, epoch.number)
    )


def prepared_xa(server: Server) -> tuple[str, ...]:
    """Return the prepared XA transactions; no fence keeps them from being committed."""
    names = (row["data"] for row in server.rows("XA RECOVER"))
    return tuple(
        name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names
    )


def _writing(server: Server) -> tuple[Writing, ...]:
    """Return the statements of clients that have been writing for a second or longer."""
    rows = server.rows(
        "SELECT ID AS id, USER AS user, HOST AS host, TIME AS seconds, INFO AS info "
        "FROM information_schema.PROCESSLIST WHERE COMMAND = 'Query' AND TIME >= 1 "
        "AND ID <> CONNECTION_ID() AND USER <> 'system user'"
    )
    return tuple(
        Writing(
            int(row["seconds"]),
            f"{row['id']} ({row['user']} from {row['host']}, {row['seconds']} s: "
            f"{opening_words(sql)})",
        )
        for row in rows
        for sql in [str(row["info"] or "").strip()]
        if sql.split(None, 1)[:1] and sql.split(None, 1)[0].upper() not in _READING
    )


def _open_transactions(server: Server) -> int:
    """Return how many transactions have changed rows, and would be rolled back by a switch."""
    row = server.row(
        "SELECT COUNT(*) AS count FROM information_schema.INNODB_TRX WHERE TRX_ROWS_MODIFIED > 0"
    )
    return int(row["count"])


def one_line(gtids: Any) -> str:
    """Return GTIDs without the line breaks that MySQL shows them with."""
    return str(gtids or "").replace("\n", "")


def _channel(
    server: Server, names: Mapping[tuple[Any, int], str]
) -> tuple[ChannelStatus | None, str]:
    """Return the channel whose source is another member, and that member's name."""
    for status in channels.read(server):
        name = names.get(status.settings.source)
        if name is not None:
            return status, name
    return None, ""


def _was_connected(server: Server, channel: ChannelStatus) -> bool:
    """Tell whether a channel has been connected since it was started, or its server was."""
    if _NEVER_CONNECTED.search(channel.io_fault.message):
        return False
    query = WORDS[server.flavour].connected
    if not query:
        return (channel.received_log_position or 0) > _FIRST_EVENT
    try:
        return any(row["said"] for row in server.rows(query, channel.name))
    except ServerError as error:
        if error.number != SELECT_DENIED:
            raise
        # The monitor may not ask for it. What has been received since is a proof, too.
        return bool(channel.gtid_received)


def _semi_sync(
    words: Words, variables: Mapping[str, str | None], counts: Mapping[str, str]
) -> SemiSync:
    said = {name: variables[word] for name, word in words.semi_sync.items()}
    if said["source"] is None or said["replica"] is None:
        # MySQL has it in plugins, which are not loaded.
        return SemiSync()
    numbers = {name: counts.get(word.lower(), "0") for name, word in words.semi_sync_status.items()}
    return SemiSync(
        available=True,
        source_on=said["source"] == "ON",
        replica_on=said["replica"] == "ON",
        clients=int(numbers["clients"]),
        working=numbers["working"] == "ON",
        timeout_ms=int(said["timeout"] or 0),
        wait_point=str(said["wait_point"]),
        waits_without_replica=said["waits_without_replica"] == "ON",
        unacknowledged=int(numbers["unacknowledged"]),
    )


def _rows_in(server: Server) -> str:
    """Return a table of a user's that has rows; empty: there is none."""
    marks = ", ".join(["%s"] * len(_OWN_SCHEMAS))
    tables = server.rows(
        "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.TABLES "
        f"WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ({marks})",
        *sorted(_OWN_SCHEMAS),
    )
    for table in tables:
        if server.rows(f"SELECT 1 FROM {quote_table(table['s'], table['t'])} LIMIT 1"):
            return f"{table['s']}.{table['t']}"
    return ""
