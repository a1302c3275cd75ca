# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server settings without which rows are lost or channels stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WRITE_SERVER, READ_SERVER = "write_server", "read_server"


@dataclass(frozen=True)
class Rule:
    """A setting that a kind of server must have.

    ``variables`` are the names that one setting has on different servers; a
    server that has none of them needs none. ``harm`` completes "or else".
    A rule that is not ``vital`` costs safety only in a rare case.
    """

    variables: tuple[str, ...]
    allowed: tuple[str, ...]
    harm: str
    kinds: tuple[str, ...] = (WRITE_SERVER, READ_SERVER)
    vital: bool = True


# Sources: the measured facts behind each line are tests in tests/integration.
RULES = (
    Rule(("log_bin",), ("ON",), "read servers have nothing to follow", (WRITE_SERVER,)),
    Rule(
        ("binlog_format",),
        ("ROW",),
        "a statement means something else on a read server than where it was run",
        (WRITE_SERVER,),
    ),
    Rule(
        ("binlog_row_image",),
        ("FULL",),
        "an UPDATE stops the read servers' channels (MariaDB) or scans their tables (MySQL), "
        "because their primary key holds the time and the logged row does not",
        (WRITE_SERVER,),
    ),
    Rule(("gtid_mode",), ("ON",), "channels cannot find their place by GTID"),
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
        ("replicate_events_marked_for_skip",),
        ("REPLICATE",),
        "rows that a session of a write server marks with skip_replication are left out",
        (READ_SERVER,),
    ),
    Rule(
        ("gtid_ignore_duplicates",),
        ("OFF", "0"),
        "a row is left out whose number in its GTID domain another channel has passed",
        (READ_SERVER,),
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
        "a relay log that a crash has torn stops its channel",
        (READ_SERVER,),
        vital=False,
    ),
    Rule(
        ("read_only",),
        ("ON", "1"),
        "an application that is misled writes rows that are on this server alone",
        (READ_SERVER,),
        vital=False,
    ),
)


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a server's settings, as sentences.

    ``problems`` must be put right before the server takes part; ``risks`` should.
    """

    problems: tuple[str, ...]
    risks: tuple[str, ...]


def needed_variables() -> tuple[str, ...]:
    """Return the names of all variables that ``judge`` looks at."""
    return ("server_id", "have_ssl", *(name for rule in RULES for name in rule.variables))


def judge(kind: str, variables: Mapping[str, str | None], require_tls: bool = False) -> Verdict:
    """Compare a server's global variables (None: it has no such one) with the rules."""
    problems: list[str] = []
    risks: list[str] = []
    if str(variables.get("server_id") or "0") == "0":
        problems.append(
            "server_id is 0: a server without a number of its own takes no part in replication; "
            "set one in its configuration that no other server has."
        )
    # Servers without this variable, such as MySQL 9.7, make certificates of their own.
    have_ssl = variables.get("have_ssl")
    if require_tls and have_ssl is not None and have_ssl.upper() != "YES":
        problems.append(
            f"have_ssl is {have_ssl}: the server has no certificate, and accounts that demand TLS "
            "could not log in; name ssl_cert and ssl_key in its configuration, or demand no TLS."
        )
    for rule in RULES:
        if kind not in rule.kinds:
            continue
        for name in rule.variables:
            value = variables.get(name)
            if value is None:
                continue
            if value.upper() not in rule.allowed:
                found = (
                    f"{name} is {value or 'empty'} and must be {rule.allowed[0]}, or else "
                    f"{rule.harm}; set it in the server's configuration."
                )
                (problems if rule.vital else risks).append(found)
            break
    return Verdict(tuple(problems), tuple(risks))
