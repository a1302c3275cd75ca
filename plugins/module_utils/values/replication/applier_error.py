# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a channel's last error means: which event, which table, which key, what to do.

The texts are the servers' own, collected from MariaDB 10.11 and 11.8 and from
MySQL 9.7 (the tests hold them). What a text does not say is None.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import MASK
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.identity import OWN_UUID

_SECRET = re.compile(r"(\b(?:IDENTIFIED|PASSWORD)\b).*", re.IGNORECASE | re.DOTALL)
_EVENT = re.compile(r"Could not execute (\w+?)_rows(?:_v1)? event on table ([^.;]+)\.([^;]+);")
_ROW_TABLE = re.compile(r"(?:Table|of table) '([^'.]+)\.([^']+)'")
_ROW_SCHEMA = re.compile(r"(?:Unknown|create|drop) database '([^']+)'")
_KEY = re.compile(r"Duplicate entry '(.*?)' for key '([^']+)'")
# The closing quote is missing where a server has cut the message short.
_QUERY = re.compile(r"Default database: '([^']*)'\. Query: '(.*?)'?\Z", re.DOTALL)
_QUERY_TABLE = re.compile(
    r"\b(?:TABLE|INTO|UPDATE|FROM|ON)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
    r"(?:`?(\w+)`?\.)?`?(\w+)`?",
    re.IGNORECASE,
)
_GTID = re.compile(r"executing transaction '([^']+)'")
_PLACE = re.compile(r"(?:source|master) log ([^\s,]+), end_log_pos (\d+)")
_ANONYMOUS = re.compile(r"anonymous transaction .* at file (?:.*/)?([^/,]+), position (\d+)")


@dataclass(frozen=True)
class Explanation:
    """A channel's error, taken apart.

    ``code`` is the kind of error, one of ``CODES``: several numbers may be one kind.
    ``event`` is insert, update, delete or the statement that failed.
    ``source_log_position`` is the place in ``source_log_file`` up to which this
    channel has applied everything, ``source_log_end_position`` the end of the
    event that failed. ``skips``: a channel that is started with this error may go
    on behind what it has not applied, and then tells of no error.
    """

    number: int
    code: str
    event: str | None = None
    schema: str | None = None
    table: str | None = None
    key: str | None = None
    gtid: str | None = None
    source_log_file: str | None = None
    source_log_position: int | None = None
    source_log_end_position: int | None = None
    meaning: str = ""
    remedies: tuple[str, ...] = ()
    skips: bool = False

    def told(self) -> dict[str, Any]:
        """Return it as a module's result."""
        return {**asdict(self), "remedies": list(self.remedies)}

    @property
    def sentence(self) -> str:
        """Say what it means and what can be done, for a message."""
        found = self.finding()
        return f"{found.text} What can be done: {found.todo}"

    def finding(self, where: str = "") -> Finding:
        """Return it as a finding at ``where``."""
        what = " of ".join(
            part
            for part in (
                f"the {self.event}" if self.event else "",
                f"{self.schema}.{self.table}" if self.table else self.schema or "",
            )
            if part
        )
        key = f" (key {self.key})" if self.key else ""
        subject = f"{what}{key}: " if what else ""
        text = f"{subject}{self.meaning}"
        return Finding(self.code, CRITICAL, where, text, " Or: ".join(self.remedies))


@dataclass(frozen=True)
class _Kind:
    code: str
    numbers: tuple[int, ...]
    meaning: str
    remedies: tuple[str, ...]
    # Where one number stands for several things: parts of the message, one of which is in it.
    says: tuple[str, ...] = ()
    # See ``Explanation.skips``.
    skips: bool = False


_START = "start the channel again (mysql_replication_channel, state: started)"
_CARRY_ON = f"Then {_START}."

_APPLYING = (
    _Kind(
        "channel.row_exists",
        (1062,),
        "the row, or another one with this key, exists on this server already.",
        (
            "if somebody wrote it here, compare the two rows, delete this server's outside the "
            f"binary log, and {_START}.",
            "if two write servers made the same id, their offsets collide: see "
            "mysql_autoinc_offset, and correct the offsets before anything else.",
            "if this server was restored and its position is too early, restore it again with the "
            "position of the copy (gtid_seed).",
        ),
    ),
    _Kind(
        "channel.row_missing",
        (1032,),
        "the row that the source changed does not exist on this server.",
        (
            "if its partition was dropped here, the read server's retention is too short: it must "
            "be longer than rows are changed on write servers (mysql_month_partition). Bring the "
            f"row back as the source has it, outside the binary log. {_CARRY_ON}",
            "if the source logs part of the row only, set its binlog_row_image to FULL.",
            "if it was deleted here, or a purge of the source was logged, bring it back from the "
            f"source or another read server. {_CARRY_ON}",
        ),
    ),
    _Kind(
        "channel.month_missing",
        (1526,),
        "this server's table has no partition for the row's month.",
        (f"run mysql_month_partition on this server, which makes the month. {_CARRY_ON}",),
    ),
    _Kind(
        "channel.storage_engine",
        (1030,),
        "the storage engine could not change the row; if the table is partitioned, the row's "
        "month has no partition on this server any more.",
        (
            "compare the months (mysql_month_partition_info) with the row's time: a month that was "
            "dropped too early must be made again (mysql_month_partition), with the row in it. "
            f"{_CARRY_ON}",
            "look at the server's error log and at its disk.",
        ),
    ),
    _Kind(
        "channel.table_missing",
        (1146,),
        "this server does not have the table.",
        (
            "if it is a usage table, run mysql_usage_table on this server: tables come before "
            f"channels. {_CARRY_ON}",
            "if this server must not have it, filter it out of the channel.",
        ),
    ),
    _Kind(
        "channel.schema_missing",
        (1049,),
        "this server does not have the schema.",
        (
            "make the schema on this server, outside the binary log; mysql_usage_table makes that "
            f"of a usage table: schemas come before tenants. {_CARRY_ON}",
            "if this server must not have it, filter it out of the channel.",
        ),
    ),
    _Kind(
        "channel.schema_change",
        (1050, 1007, 1060, 1061, 1008, 1051, 1091),
        "a statement that changes schemas or tables came through the channel, and does not "
        "fit this server. Such statements belong outside the binary log, on each server.",
        (
            "make sure that the object here is as desired, skip this one transaction by its "
            "GTID, and run changes of tables with sql_log_bin = 0 from now on.",
        ),
    ),
    _Kind(
        "channel.account_change",
        (1396, 1133, 1141),
        "an account was changed in the binary log of a source. Accounts belong outside it, on "
        "each server.",
        (
            "skip this one transaction by its GTID, and manage accounts with mysql_account, which "
            "keeps them out of the binary log.",
        ),
    ),
    _Kind(
        "channel.type_differs",
        (1677, 13146),
        "the source's column has a type that this server's table cannot take.",
        (f"give the table the same type on both servers, outside the binary log. {_CARRY_ON}",),
    ),
    _Kind(
        "channel.foreign_key",
        (1452, 1451),
        "a foreign key on this server does not allow the row; partitioned and sharded tables have "
        "none.",
        (f"drop the foreign key on this server, outside the binary log. {_CARRY_ON}",),
    ),
    _Kind(
        "channel.time_zone_unknown",
        (1298,),
        "a session on the source used a time zone by a name that this server's time zone tables "
        "lack.",
        (
            "run mysql_time_zones on this server, which loads the names that its host knows. If "
            "it lacks this one, install what the source's host has (on Debian the packages tzdata "
            f"and tzdata-legacy) first. {_CARRY_ON}",
        ),
    ),
    _Kind(
        "channel.lock_wait",
        (1205, 1213, 3058),
        "the row was locked for too long on this server.",
        (f"look for long transactions on this server, end them, and {_START}.",),
    ),
)

# What MySQL writes to its error log meanwhile (ER_DISK_FULL); its status tells no number.
DISK_FULL = 1021

_BY_HAND = "start the channel by hand (START REPLICA; MariaDB: START SLAVE)"

_RECEIVING = (
    _Kind(
        "channel.transactions_without_gtid",
        (1236, 13114),
        "the source has written transactions without a GTID, while its gtid_mode was not ON. "
        "Channels that use GTIDs skip them once it is ON again: their rows are on no read server.",
        (
            "set the source's gtid_mode to ON. Apply these rows on this server, outside the binary "
            "log: mysqlbinlog --disable-log-bin --skip-gtids{place}, into mysql. When they are "
            f"here, {_BY_HAND}. When all read servers have them, remove the log from the source "
            "(PURGE BINARY LOGS TO the next one).",
        ),
        says=("anonymous transaction",),
        skips=True,
    ),
    _Kind(
        "channel.logs_purged",
        (1236, 13114),
        "the source no longer has the binary logs that this server needs next.",
        (
            "restore this server from another read server or from copies, with their positions "
            "(gtid_seed), and keep binary logs longer than the longest outage.",
        ),
        says=("purged",),
    ),
    _Kind(
        "channel.source_lacks_transactions",
        (1236, 13114),
        "this server has transactions that the source does not have: the source has lost some, was "
        "rebuilt, or, on MariaDB, two sources share one gtid_domain_id.",
        (
            "give each source a gtid_domain_id of its own (MariaDB).",
            "compare the rows of the two servers before anything else; then remove the channel, "
            "and follow the source anew from a copy, with its position (gtid_seed).",
            "if you are certain that this server has all that the source has, and that the source "
            f"will not write again under numbers that this server has, {_BY_HAND}.",
        ),
        says=(
            "requested to start from GTID",
            "requested by the slave",
            "more GTIDs than the source",
        ),
        # The source counts on from below. As soon as it has passed the number that this server
        # has, the channel connects, and leaves out what was written under the numbers before.
        skips=True,
    ),
    _Kind(
        "channel.replica_uuid_taken",
        (1236, 13114),
        "another replica with this server's server_uuid follows the same source, such as a copy of "
        "this host with its auto.cnf; they disconnect each other, and one of them stays stopped.",
        (f"{OWN_UUID}. Then {_START}.",),
        says=("with the same server_uuid",),
    ),
    _Kind(
        "channel.source_has_own_uuid",
        (1593, 13117),
        "the source has the same server_uuid as this server: they are one server, or one is a copy "
        "of the other with its auto.cnf.",
        (f"correct source_host, or {OWN_UUID}. Then {_START}.",),
        says=("equal MySQL server UUIDs",),
    ),
    _Kind(
        "channel.source_has_own_id",
        (1593, 13117),
        "the source has the same server_id as this server.",
        (f"give each server its own server_id, restart it, and {_START}.",),
    ),
    _Kind(
        "channel.replica_id_taken",
        (4052,),
        "another replica with this server's server_id follows the same source; they disconnect "
        "each other.",
        ("give each replica its own server_id, and restart it.",),
    ),
    _Kind(
        "channel.account_refused",
        (1045, 1130, 1698, 3118),
        "the source refuses the channel's account.",
        (
            "create the account on the source (mysql_account), or give its current "
            "source_password.",
            "if the account or the source requires TLS, give source_ssl: true, and source_ssl_cert "
            "and source_ssl_key if the account requires a certificate.",
        ),
    ),
    _Kind(
        "channel.protection_required",
        (2061,),
        "the source requires an encrypted connection.",
        ("give source_ssl: true, or get_source_public_key: true.",),
    ),
    _Kind(
        "channel.tls_required",
        (3159,),
        "the source accepts only connections with TLS.",
        ("give source_ssl: true.",),
    ),
    _Kind(
        "channel.tls_fails",
        (2026,),
        "the channel's TLS fails: the source does not offer TLS, or its certificate is not trusted "
        "by the channel.",
        (
            "give the source_ssl_ca that signed the source's certificate, and make sure that "
            "the certificate names the source_host.",
            "if the source has no TLS, give it a certificate, or set source_ssl: false for the "
            "channel.",
        ),
    ),
    _Kind(
        "channel.source_unreachable",
        (2002, 2003, 2005, 2013, 1158, 1159, 1160, 1161),
        "the source does not answer; the channel keeps trying.",
        ("start the source, or give the source_host and source_port that it has.",),
    ),
    _Kind(
        "channel.disk_full",
        (DISK_FULL,),
        "the disk of this server's relay logs is full; it receives nothing, but loses nothing.",
        ("free some space; the channel continues by itself within a minute.",),
    ),
)

_UNKNOWN = _Kind(
    "channel.unknown_error",
    (),
    "the cause of this error is unknown.",
    ("read the server's error log, which may say more.",),
)


def masked(message: str) -> str:
    """Return a message without what its query says after IDENTIFIED or PASSWORD.

    An account that leaked into a binary log brings its password, or the hash of it.
    """
    text, query, rest = message.partition("Query: '")
    return text + query + _SECRET.sub(rf"\1 {MASK}", rest)


def explain_applying(
    number: int, message: str, log_file: str | None = None, log_position: int | None = None
) -> Explanation:
    """Take apart the error of a stopped applier.

    ``log_file`` and ``log_position`` tell how far the channel has applied its
    source's binary log.
    """
    kind = _kind(_APPLYING, number, message)
    event, schema, table = _subject(message)
    key = _KEY.search(message)
    gtid = _GTID.search(message)
    place = _PLACE.search(message)
    file = place.group(1) if place else log_file
    # MariaDB 11.8 says 0 where it does not know the end.
    end = (int(place.group(2)) or None) if place else None
    remedies = kind.remedies
    if file and number in (1032, 1030) and (log_position or end):
        remedies = (*remedies, _look(file, log_position if file == log_file else None, end))
    return Explanation(
        number=number,
        code=kind.code,
        event=event,
        schema=schema,
        table=table,
        key=f"{key.group(2)} = {key.group(1)}" if key else None,
        gtid=gtid.group(1) if gtid and gtid.group(1) != "ANONYMOUS" else None,
        source_log_file=file,
        source_log_position=log_position if file == log_file else None,
        source_log_end_position=end,
        meaning=kind.meaning,
        remedies=remedies,
    )


def explain_receiving(number: int, message: str) -> Explanation:
    """Take apart the error of a channel that cannot receive."""
    kind = _kind(_RECEIVING, number, message)
    found = _ANONYMOUS.search(message)
    file, position = (found.group(1), int(found.group(2))) if found else (None, None)
    place = f" --start-position={position} {file}" if found else ""
    return Explanation(
        number=number,
        code=kind.code,
        source_log_file=file,
        source_log_position=position,
        meaning=kind.meaning,
        remedies=tuple(remedy.replace("{place}", place) for remedy in kind.remedies),
        skips=kind.skips,
    )


def _look(file: str, start: int | None, end: int | None) -> str:
    """Return how to see the row, which the servers' messages do not tell."""
    places = "".join(
        f" --{name}={place}"
        for name, place in (("start-position", start), ("stop-position", end))
        if place
    )
    return (
        "to see the row, run on the source: mysqlbinlog (mariadb-binlog) --verbose "
        f"--base64-output=DECODE-ROWS{places} {file}"
    )


def _kind(kinds: tuple[_Kind, ...], number: int, message: str) -> _Kind:
    return next(
        (
            kind
            for kind in kinds
            if number in kind.numbers
            and (not kind.says or any(part in message for part in kind.says))
        ),
        _UNKNOWN,
    )


def _subject(message: str) -> tuple[str | None, str | None, str | None]:
    """Return event, schema and table, as far as the message tells them."""
    rows = _EVENT.search(message)
    if rows:
        events = {"Write": "insert", "Update": "update", "Delete": "delete"}
        return events.get(rows.group(1), rows.group(1).lower()), rows.group(2), rows.group(3)
    query = _QUERY.search(message)
    if query:
        return _subject_of_query(message, query.group(1), query.group(2))
    table = _ROW_TABLE.search(message)
    if table:
        return None, table.group(1), table.group(2)
    schema = _ROW_SCHEMA.search(message)
    return None, schema.group(1) if schema else None, None


def _subject_of_query(
    message: str, default: str, query: str
) -> tuple[str | None, str | None, str | None]:
    # Statements on accounts may hold more than anybody should read.
    words = query.split()[:2]
    event = " ".join(words).upper() or None
    if event and event.split()[-1] in ("USER", "ROLE"):
        return event, None, None
    schema = _ROW_SCHEMA.search(message)
    if event and event.endswith(("SCHEMA", "DATABASE")):
        return event, schema.group(1) if schema else default or None, None
    table = _QUERY_TABLE.search(query)
    if table:
        return event, table.group(1) or default or None, table.group(2)
    return event, default or None, None
