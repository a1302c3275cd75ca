# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server settings without which rows are lost or channels stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    READ_SERVER,
    SET_MEMBER,
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import (
    Session,
    listed,
)


@dataclass(frozen=True)
class Setting:
    """One setting by the names that it has on different servers, and values of it."""

    variables: tuple[str, ...]
    values: tuple[str, ...]

    def found(self, variables: Mapping[str, str | None]) -> tuple[str, str] | None:
        """Return the name that a server has for it and its value there; None if it has none."""
        for name in self.variables:
            value = variables.get(name)
            if value is not None:
                return name, value
        return None


@dataclass(frozen=True)
class Rule:
    """A setting that a kind of server must have.

    ``variables`` are the names that one setting has on different servers; a
    server that has none of them needs none. ``harm`` completes "or else".
    A rule that is not ``vital`` costs safety only in a rare case. One without
    ``allowed`` values is for a setting that may have any value without one of the
    ``refused`` words in it. ``unless`` is another setting with which this one
    does no harm.
    """

    variables: tuple[str, ...]
    allowed: tuple[str, ...]
    harm: str
    kinds: tuple[str, ...] = (WRITE_SERVER, READ_SERVER)
    vital: bool = True
    refused: tuple[str, ...] = ()
    unless: Setting | None = None

    @property
    def name(self) -> str:
        """What it is called in codes, also where the server has another name for it."""
        return self.variables[0]

    @property
    def read(self) -> tuple[str, ...]:
        """The names of all variables that it looks at."""
        return (*self.variables, *(self.unless.variables if self.unless else ()))

    def broken(self, variables: Mapping[str, str | None]) -> str | None:
        """Say what a server has in place of what it must have; None if all is well."""
        setting = Setting(self.variables, self.allowed).found(variables)
        if setting is None or self._harmless(variables):
            return None
        name, value = setting
        refused = [word for word in self.refused if word.upper() in value.upper()]
        if refused:
            return f"{name} is {value} and must not contain {', '.join(refused)}"
        if self.allowed and value.upper() not in self.allowed:
            return f"{name} is {value or 'empty'} and must be {self.allowed[0]}"
        return None

    def _harmless(self, variables: Mapping[str, str | None]) -> bool:
        other = self.unless.found(variables) if self.unless else None
        return other is not None and self.unless is not None and other[1] in self.unless.values


# MariaDB shows it in no variable.
SKIPS_START = Setting(("skip_replica_start", "skip_slave_start"), ("OFF", "0"))

# A server has one of them if it has semi-synchronous replication.
SEMI_SYNC = ("rpl_semi_sync_source_wait_point", "rpl_semi_sync_master_wait_point")

# Sources: the measured facts behind each line are tests in tests/integration.
RULES = (
    Rule(("log_bin",), ("ON",), "read servers have nothing to replicate", (WRITE_SERVER,)),
    Rule(
        ("binlog_format",),
        ("ROW",),
        "a statement can have another effect on a read server than where it was run",
        (WRITE_SERVER,),
    ),
    Rule(
        ("binlog_row_image",),
        ("FULL",),
        "an UPDATE stops the read servers' channels (MariaDB) or scans their tables (MySQL), "
        "because their primary key holds the time and the logged row does not",
        (WRITE_SERVER,),
    ),
    Rule(
        ("init_connect",),
        (),
        "applications' rows are numbered or logged differently from this server's settings",
        (WRITE_SERVER,),
        refused=(
            "auto_increment_",
            "binlog_format",
            "binlog_row_image",
            "gtid_domain_id",
            "server_id",
            "skip_replication",
            "sql_log_bin",
        ),
    ),
    Rule(
        ("binlog_error_action",),
        ("ABORT_SERVER",),
        "after an error of its binary log the server goes on without it, and no read server ever "
        "gets what is written then",
        (WRITE_SERVER,),
        vital=False,
    ),
    Rule(
        ("gtid_mode",),
        ("ON",),
        "channels cannot find their place by GTID",
        (WRITE_SERVER, READ_SERVER, SET_MEMBER),
    ),
    Rule(
        ("slave_ddl_exec_mode",),
        ("STRICT",),
        "a CREATE TABLE that leaks into a write server's binary log empties the merged table "
        "while every channel stays green",
        (READ_SERVER,),
    ),
    Rule(
        ("replica_exec_mode", "slave_exec_mode"),
        ("STRICT",),
        "a row with an id that is there already overwrites it silently",
        (READ_SERVER,),
    ),
    Rule(
        ("replica_skip_errors", "slave_skip_errors"),
        ("OFF",),
        "rows that cannot be applied are left out while every channel stays green",
        (READ_SERVER,),
    ),
    Rule(
        ("replica_type_conversions", "slave_type_conversions"),
        (),
        "values that a column here cannot hold are cut to what it can, silently",
        (READ_SERVER,),
        refused=("ALL_LOSSY",),
    ),
    Rule(
        ("replicate_events_marked_for_skip",),
        ("REPLICATE",),
        "rows of a session that sets skip_replication, which needs no privilege, are left out",
        (READ_SERVER,),
    ),
    Rule(
        ("gtid_ignore_duplicates",),
        ("OFF", "0"),
        "rows of two write servers that share a GTID domain are left out while every channel stays "
        "green",
        (READ_SERVER,),
        vital=False,
    ),
    Rule(
        ("replica_preserve_commit_order", "slave_preserve_commit_order"),
        ("ON", "1"),
        "rows appear here in another order than on the write server, the later one before the "
        "earlier",
        (READ_SERVER,),
        vital=False,
        unless=Setting(("replica_parallel_workers", "slave_parallel_workers"), ("0", "1")),
    ),
    Rule(
        SKIPS_START.variables,
        SKIPS_START.values,
        "channels stay stopped after a restart",
        (READ_SERVER,),
        vital=False,
    ),
    Rule(
        ("sync_binlog",),
        ("1",),
        "after a power failure read servers may have rows that the write server has lost",
        (WRITE_SERVER,),
        vital=False,
    ),
    Rule(
        ("innodb_flush_log_at_trx_commit",),
        ("1",),
        "acknowledged rows may be lost in a power failure",
        (WRITE_SERVER,),
        vital=False,
    ),
    Rule(
        ("relay_log_recovery",),
        ("ON", "1"),
        "a relay log that is damaged by a crash stops its channel",
        (READ_SERVER,),
        vital=False,
    ),
    Rule(
        ("read_only",),
        ("ON", "1"),
        "an application that connects here by mistake writes rows that exist on this server only",
        (READ_SERVER,),
        vital=False,
    ),
)

# A member of a replica set is a source and a replica, and must lose nothing in either part.
SET_RULES = (
    Rule(("log_bin",), ("ON",), "the other members have nothing to follow", (SET_MEMBER,)),
    Rule(
        ("binlog_format",),
        ("ROW",),
        "a statement means something else on another member than where it was run",
        (SET_MEMBER,),
    ),
    Rule(
        ("binlog_row_image",),
        ("FULL",),
        "the rows that only a lost writer has cannot be shown from its binary log",
        (SET_MEMBER,),
    ),
    Rule(
        ("log_replica_updates", "log_slave_updates"),
        ("ON", "1"),
        "members that follow this one after a switch never get what it has from the former writer",
        (SET_MEMBER,),
    ),
    Rule(
        ("gtid_strict_mode",),
        ("ON", "1"),
        "a member that has written by itself is not noticed until its rows have parted",
        (SET_MEMBER,),
    ),
    Rule(
        ("sync_binlog",),
        ("1",),
        "after a power failure other members have rows that this one has lost",
        (SET_MEMBER,),
    ),
    Rule(
        ("innodb_flush_log_at_trx_commit",),
        ("1",),
        "acknowledged rows may be lost in a power failure",
        (SET_MEMBER,),
    ),
    Rule(
        ("sync_relay_log",),
        ("1",),
        "what it has acknowledged to the active writer may be lost in a power failure",
        (SET_MEMBER,),
    ),
    Rule(
        ("relay_log_recovery",),
        ("ON", "1"),
        "a relay log that a crash has torn stops its channel",
        (SET_MEMBER,),
        vital=False,
    ),
    Rule(
        SKIPS_START.variables,
        ("ON", "1"),
        "a former active writer that returns follows whoever it knew last, before anybody has "
        "compared it",
        (SET_MEMBER,),
    ),
    Rule(
        ("replica_exec_mode", "slave_exec_mode"),
        ("STRICT",),
        "a row that differs from the active writer's is overwritten silently",
        (SET_MEMBER,),
    ),
    Rule(
        ("slave_ddl_exec_mode",),
        ("STRICT",),
        "a CREATE TABLE of the active writer replaces a table that is there, with its rows",
        (SET_MEMBER,),
    ),
    Rule(
        ("replica_skip_errors", "slave_skip_errors"),
        ("OFF",),
        "rows that cannot be applied are left out while its channel stays green",
        (SET_MEMBER,),
    ),
    Rule(
        ("slave_parallel_mode",),
        ("MINIMAL", "NONE"),
        "the transactions of two former writers are applied side by side and out of order",
        (SET_MEMBER,),
        unless=Setting(("slave_parallel_threads",), ("0", "1")),
    ),
    Rule(
        ("replica_preserve_commit_order", "slave_preserve_commit_order"),
        ("ON", "1"),
        "rows appear here in another order than on the active writer, the later one before the "
        "earlier",
        (SET_MEMBER,),
        unless=Setting(("replica_parallel_workers", "slave_parallel_workers"), ("0", "1")),
    ),
    Rule(
        ("rpl_semi_sync_source_wait_point", "rpl_semi_sync_master_wait_point"),
        ("AFTER_SYNC",),
        "others see rows that a failover loses, because they were on this server alone",
        (SET_MEMBER,),
    ),
)

# What a session may have set otherwise than its server; those that were open when the server was
# put right still have what it had before.
SESSION_RULES = (
    *(
        rule
        for rule in RULES
        for name in rule.variables
        if name in ("binlog_format", "binlog_row_image")
    ),
    Rule(
        ("sql_log_bin",),
        ("ON",),
        "what they write reaches no read server, which is meant for a purge only",
    ),
)

# Whether the binary log is being written, which log_bin does not tell: OFF after an error.
BINARY_LOG = "binary_log"
# What a binary log is told to leave out. Of a row the schema of its table decides. 10.11 and
# MySQL have no variables of these names, but columns of the binary log's status.
BINLOG_FILTERS = ("binlog_do_db", "binlog_ignore_db")
SYSTEM_SCHEMAS = {"information_schema", "mysql", "performance_schema", "sys"}


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a server.

    ``problems`` must be put right before the server takes part; ``risks`` should. Both are
    sentences of ``findings``: those that are critical, and the others.
    """

    findings: tuple[Finding, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What must be put right."""
        return tuple(str(one) for one in self.findings if one.severity == CRITICAL)

    @property
    def risks(self) -> tuple[str, ...]:
        """What should be put right."""
        return tuple(str(one) for one in self.findings if one.severity != CRITICAL)


def needed_variables() -> tuple[str, ...]:
    """Return the names of all variables that ``judge`` looks at."""
    names = (
        *("server_id", "have_ssl", "lower_case_table_names"),
        *("slave_parallel_threads", "slave_parallel_mode"),
        *("auto_increment_increment", "auto_increment_offset"),
        *(name for rule in (*RULES, *SET_RULES) for name in rule.read),
    )
    return tuple(dict.fromkeys(names))


def judge(
    kind: str,
    variables: Mapping[str, str | None],
    require_tls: bool = False,
    schemas: Sequence[str] = (),
) -> Verdict:
    """Compare a server's global variables (None: it has no such one) with the rules.

    ``variables`` may have ``BINLOG_FILTERS`` and ``BINARY_LOG`` among them. ``schemas`` are those
    whose rows must enter the binary log; none where nobody knows them.
    """
    found: list[Finding] = []
    if str(variables.get("server_id") or "0") == "0":
        found.append(
            Finding(
                "settings.server_id",
                CRITICAL,
                "",
                "server_id is 0: a server without a number of its own takes no part in replication",
                "set one that no other server has in its configuration.",
            )
        )
    # Servers without this variable, such as MySQL 9.7, make certificates of their own.
    have_ssl = variables.get("have_ssl")
    if require_tls and have_ssl is not None and have_ssl.upper() != "YES":
        found.append(
            Finding(
                "settings.have_ssl",
                CRITICAL,
                "",
                f"have_ssl is {have_ssl}: the server has no certificate, and accounts that require "
                "TLS could not log in",
                "set ssl_cert and ssl_key in its configuration, or do not require TLS.",
            )
        )
    for rule in (*RULES, *SET_RULES):
        broken = rule.broken(variables) if kind in rule.kinds else None
        if broken:
            found.append(
                Finding(
                    f"settings.{rule.name}",
                    CRITICAL if rule.vital else WARNING,
                    "",
                    f"{broken}, or else {rule.harm}",
                    "set it in the server's configuration.",
                )
            )
    if kind == SET_MEMBER:
        found.extend(_numbering(variables))
        if not any(name in variables and variables[name] is not None for name in SEMI_SYNC):
            found.append(
                Finding(
                    "settings.semi_sync",
                    WARNING,
                    "",
                    "It has no semi-synchronous replication, or else what it acknowledges as the "
                    "active writer is on it alone",
                    "load its plugins (semisync_source.so, semisync_replica.so) in the server's "
                    "configuration; a set with durability asynchronous needs none.",
                )
            )
    if kind in (WRITE_SERVER, SET_MEMBER):
        others = "read server" if kind == WRITE_SERVER else "other member"
        if variables.get(BINARY_LOG) == "OFF":
            found.append(
                Finding(
                    "binary_log.turned_off",
                    CRITICAL,
                    "",
                    "The server has turned its binary log off after an error (see its error log), "
                    f"and no {others} ever gets what was written since then:",
                    f"remove the cause, restart the server, and add these rows on the {others}s.",
                )
            )
        found.extend(_left_out_of_the_log(variables, schemas, others))
    return Verdict(tuple(found))


def _numbering(variables: Mapping[str, str | None]) -> list[Finding]:
    """Say what is wrong with the ids that a member of a set gives its rows."""
    increment, offset = (
        int(variables.get(name) or 1)
        for name in ("auto_increment_increment", "auto_increment_offset")
    )
    if increment > 1 and offset <= increment:
        return []
    return [
        Finding(
            "settings.auto_increment",
            CRITICAL,
            "",
            f"auto_increment_increment is {increment} and auto_increment_offset {offset}, or else "
            "two members give the same id after a failover",
            "set an increment above 1, and for each member an offset of its own up to it, in the "
            "server's configuration.",
        )
    ]


def _left_out_of_the_log(
    variables: Mapping[str, str | None], schemas: Sequence[str], others: str
) -> list[Finding]:
    """Say which filters of the binary log leave out rows that other servers must get."""
    any_case = variables.get("lower_case_table_names") not in (None, "0")

    def names(given: Sequence[str]) -> set[str]:
        return {name.strip().lower() if any_case else name.strip() for name in given} - {""}

    def listed(name: str) -> set[str]:
        return names((variables.get(name) or "").split(","))

    needed = names(schemas)
    do, ignore = (listed(name) for name in BINLOG_FILTERS)
    if do:
        # A server with both goes by the first alone.
        name, lost = "binlog_do_db", needed - do if needed else {"other schemas"}
    else:
        name, lost = "binlog_ignore_db", ignore & needed if needed else ignore - SYSTEM_SCHEMAS
    if not lost:
        return []
    hint = "" if needed else ", or name the schemas of the usage tables, if these are others"
    return [
        Finding(
            "binary_log.schemas_left_out",
            CRITICAL,
            "",
            f"{name} is {variables[name]}: the binary log leaves out the rows of "
            f"{', '.join(sorted(lost))}, which no {others} ever gets",
            f"remove it from the server's configuration{hint}.",
        )
    ]


@dataclass(frozen=True)
class Following:
    """What a read server's channel tells of what it will leave out or turn round.

    ``skips`` events it leaves out when it starts next. ``domains`` are those in which its
    source has written.
    """

    name: str
    skips: int
    domains: frozenset[int]


def judge_channels(channels: Sequence[Following], variables: Mapping[str, str | None]) -> Verdict:
    """Say which channels leave something out, or apply it in another order than it was written."""
    threads = variables.get("slave_parallel_threads") or "0"
    serial = threads in ("0", "1") or variables.get("slave_parallel_mode") == "none"
    skipping = (
        Finding(
            "channel.skips_events",
            CRITICAL,
            f"channel {one.name}",
            f"sql_slave_skip_counter is {one.skips}, and the channel leaves out as many events, "
            "with their rows, when it starts",
            f"set it to 0 (SET default_master_connection = '{one.name}', then SET GLOBAL "
            "sql_slave_skip_counter = 0).",
        )
        for one in channels
        if one.skips
    )
    reordering = (
        Finding(
            "channel.reorders_domains",
            WARNING,
            f"channel {one.name}",
            f"slave_parallel_threads is {threads}, and its source has written in the GTID domains "
            f"{', '.join(map(str, sorted(one.domains)))}; rows of one appear here before earlier "
            "ones of another",
            "let its sessions keep the server's own gtid_domain_id, or set slave_parallel_threads "
            "to 0.",
        )
        for one in channels
        if len(one.domains) > 1 and not serial
    )
    return Verdict((*skipping, *reordering))


def session_risks(held: Sequence[tuple[Session, str, str]]) -> list[Finding]:
    """Say what comes of sessions that break ``SESSION_RULES``, given with a variable and its value.

    One that is not logged may be a purge, and all of them may be gone in a moment.
    """
    sessions: dict[tuple[str, str], list[Session]] = {}
    for session, name, value in held:
        sessions.setdefault((name, value), []).append(session)
    return [
        Finding(
            f"sessions.{rule.name}",
            WARNING,
            "",
            f"{broken} in sessions {listed(sessions[name, value])}, or else {rule.harm}",
            "end those that must not have it, or let them reconnect.",
        )
        for (name, value) in sessions
        for rule in SESSION_RULES
        for broken in [rule.broken({name: value})]
        if broken
    ]
