# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts that the roles make on each kind of server, and what each may do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WRITE_SERVER, READ_SERVER, SET_MEMBER = "write_server", "read_server", "replica_set_member"
# What a privilege is given on: the server, each schema of applications (on write and read servers
# those that have usage tables), the collection's own, those that others get of a set, or the
# tables in which a server keeps its accounts.
SERVER, USAGE_DATA, SET_DATA = "the server", "usage data", "the set's schemas"
OWN_SCHEMA, OWN_PURGE, COMMON_DATA = "schema dbrw", "table dbrw.purge", "common data"
DIRECTORY, ACCOUNT_TABLES = "schema fabric", "the account tables"
# Under MySQL's names. Not the whole schema: on MySQL it has the passwords of channels as well.
_ACCOUNT_TABLES = (
    "mysql.user",
    "mysql.global_grants",
    "mysql.db",
    "mysql.tables_priv",
    "mysql.columns_priv",
    "mysql.procs_priv",
    "mysql.role_edges",
)


@dataclass(frozen=True)
class Privilege:
    """One privilege of an account, and why the account needs it."""

    word: str
    on: str
    reason: str


@dataclass(frozen=True)
class ServerAccount:
    """An account on one kind of server.

    ``password`` is the role's variable with its password, and the inventory's, without their
    prefixes. Where ``listed`` names a variable of the role, that lists the accounts, each with its
    own name and password, and ``password`` is the inventory's alone. One that is ``local`` logs in
    over the server's own socket, where nothing is encrypted.
    """

    name: str
    server: str
    password: str
    privileges: tuple[Privilege, ...]
    listed: str = ""
    local: bool = False


# What each account needs and no more. None that others know may write where read_only fences off
# all but administrators.
ACCOUNTS = (
    ServerAccount(
        "application",
        WRITE_SERVER,
        "application_password",
        (
            Privilege("SELECT", USAGE_DATA, "reads what it has written"),
            Privilege("INSERT", USAGE_DATA, "writes new rows"),
            # No DELETE: read servers would delete the row as well.
            Privilege("UPDATE", USAGE_DATA, "changes rows that it has written"),
            Privilege("SELECT", COMMON_DATA, "only reads them, where they are brought here"),
        ),
    ),
    ServerAccount(
        "monitor",
        WRITE_SERVER,
        "monitor_password",
        (
            Privilege("PROCESS", SERVER, "sees what all sessions do"),
            Privilege("REPLICATION CLIENT", SERVER, "sees the state of replication"),
            Privilege("SELECT", ACCOUNT_TABLES, "compares accounts with those that belong here"),
            Privilege("SELECT", USAGE_DATA, "compares rows and ids with other servers'"),
            Privilege("SELECT", OWN_SCHEMA, "sees the heartbeats that it writes"),
            Privilege("SELECT", COMMON_DATA, "compares rows with those of the set"),
        ),
    ),
    ServerAccount(
        "maintenance",
        WRITE_SERVER,
        "maintenance_password",
        (
            Privilege("REPLICATION CLIENT", SERVER, "sees the state of replication"),
            Privilege("SESSION_VARIABLES_ADMIN", SERVER, "purges outside the binary log"),
            Privilege("SELECT", USAGE_DATA, "finds the rows to purge"),
            Privilege("DELETE", USAGE_DATA, "purges them"),
            Privilege("TRIGGER", USAGE_DATA, "sees triggers that a purge would set off"),
            Privilege("CREATE", OWN_SCHEMA, "makes the table in which a purge keeps its notes"),
            Privilege("CREATE", OWN_PURGE, "lets the next three be given before it is there"),
            Privilege("SELECT", OWN_PURGE, "tells when each read server was last in order"),
            Privilege("INSERT", OWN_PURGE, "notes that, and times commits"),
            Privilege("UPDATE", OWN_PURGE, "notes that, and times commits"),
        ),
    ),
    ServerAccount(
        "replication",
        WRITE_SERVER,
        "replication_password",
        (Privilege("REPLICATION SLAVE", SERVER, "fetches the binary log"),),
        listed="replicas",
    ),
    ServerAccount(
        "application",
        READ_SERVER,
        "application_password",
        (
            Privilege("SELECT", USAGE_DATA, "only reads here"),
            Privilege("SELECT", COMMON_DATA, "only reads here"),
        ),
    ),
    ServerAccount(
        "monitor",
        READ_SERVER,
        "monitor_password",
        (
            Privilege("PROCESS", SERVER, "sees what all sessions do"),
            Privilege("REPLICATION CLIENT", SERVER, "sees the state of the channels"),
            Privilege("SELECT", ACCOUNT_TABLES, "compares accounts with those that belong here"),
            Privilege("SELECT", USAGE_DATA, "tells write servers which ids are used; measures lag"),
            Privilege("SELECT", OWN_SCHEMA, "sees which heartbeats arrive"),
            Privilege("SELECT", COMMON_DATA, "compares rows with those of the set"),
        ),
    ),
    ServerAccount(
        "maintenance",
        READ_SERVER,
        "maintenance_password",
        (
            Privilege("REPLICATION CLIENT", SERVER, "reads the channels before a purge elsewhere"),
            Privilege("SESSION_VARIABLES_ADMIN", SERVER, "changes months outside the binary log"),
            Privilege("SELECT", USAGE_DATA, "looks into months before they are changed"),
            Privilege("ALTER", USAGE_DATA, "makes, moves and drops months"),
            Privilege("CREATE", USAGE_DATA, "makes a month's table; ALTER TABLE asks for it too"),
            Privilege("INSERT", USAGE_DATA, "ALTER TABLE asks for it"),
            Privilege("DROP", USAGE_DATA, "drops months"),
        ),
    ),
    ServerAccount(
        "application",
        SET_MEMBER,
        "application_password",
        (
            Privilege("SELECT", SET_DATA, "reads"),
            Privilege("INSERT", SET_DATA, "writes new rows"),
            Privilege("UPDATE", SET_DATA, "changes rows"),
            # Unlike usage data: what is deleted on the active writer is deleted in the whole set.
            Privilege("DELETE", SET_DATA, "deletes rows"),
        ),
    ),
    ServerAccount(
        "monitor",
        SET_MEMBER,
        "monitor_password",
        (
            Privilege("PROCESS", SERVER, "sees what all sessions do"),
            Privilege("REPLICATION CLIENT", SERVER, "sees the state of the channels"),
            Privilege("SELECT", ACCOUNT_TABLES, "compares accounts with those that belong here"),
            Privilege("SELECT", OWN_SCHEMA, "sees who is the active writer, in which epoch"),
            Privilege("SELECT", DIRECTORY, "compares the directory with inventory and servers"),
            Privilege("SELECT", SET_DATA, "compares rows with other members'; brings common data"),
        ),
    ),
    ServerAccount(
        "agent",
        SET_MEMBER,
        "agent_password",
        (
            Privilege("PROCESS", SERVER, "names whoever holds the set's lock"),
            Privilege("REPLICA MONITOR", SERVER, "sees the channel"),
            Privilege("REPLICATION_SLAVE_ADMIN", SERVER, "starts the channel"),
            # MySQL has one privilege for both: SYSTEM_VARIABLES_ADMIN.
            Privilege("REPLICATION SOURCE ADMIN", SERVER, "turns semi-synchronous replication on"),
            Privilege("READ_ONLY ADMIN", SERVER, "opens the server, and closes it"),
            Privilege("CONNECTION_ADMIN", SERVER, "ends sessions when it closes the server"),
            Privilege("SYSTEM_USER", SERVER, "ends those of MySQL's administrators as well"),
            Privilege("XA_RECOVER_ADMIN", SERVER, "sees prepared transactions before it closes"),
            Privilege(
                "SESSION_VARIABLES_ADMIN", SERVER, "keeps what it does out of the binary log"
            ),
            Privilege("EVENT", SERVER, "turns the set's scheduled events on and off"),
            Privilege("SET_ANY_DEFINER", SERVER, "leaves these events their owners"),
            Privilege("SELECT", OWN_SCHEMA, "reads the epoch"),
        ),
        local=True,
    ),
    ServerAccount(
        "operator",
        SET_MEMBER,
        "operator_password",
        (
            # As strong as root, and said so: what it does, closing a server, ending sessions of
            # administrators, making channels, has no narrower privileges that both flavours know.
            Privilege("ALL PRIVILEGES", SERVER, "closes, opens and re-points members; is as root"),
            Privilege("GRANT OPTION", SERVER, "is as root: makes accounts on the active writer"),
        ),
    ),
    ServerAccount(
        "replication",
        SET_MEMBER,
        "replication_password",
        (Privilege("REPLICATION SLAVE", SERVER, "fetches the binary log"),),
        listed="replicas",
    ),
    ServerAccount(
        "replication",
        SET_MEMBER,
        "replication_password",
        (Privilege("REPLICATION SLAVE", SERVER, "fetches common data for its read server"),),
        listed="readers",
    ),
)


def server_accounts(
    server: str, variables: Mapping[str, Any], schemas: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the accounts of a kind of server, as mysql_account takes them.

    ``variables`` are the role's, without its prefix; ``schemas`` are those with usage tables, or
    those of the set.
    """
    return [
        {
            **login,
            "privileges": _by_object(
                account.privileges, schemas, variables.get("common_schemas", ())
            ),
            "require_tls": variables["require_tls"] and not account.local,
        }
        for account in ACCOUNTS
        if account.server == server
        for login in _logins(account, variables)
    ]


def _logins(account: ServerAccount, variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield name, host and password; an account without a password is not wanted."""
    if account.listed:
        yield from map(dict, variables.get(account.listed, ()))
    elif variables[account.password]:
        yield {
            "name": variables[f"{account.name}_user"],
            "host": "localhost" if account.local else variables["account_host"],
            "password": variables[account.password],
        }


def _by_object(
    privileges: Sequence[Privilege], schemas: Sequence[str], common: Sequence[str]
) -> dict[str, list[str]]:
    of_schemas = [f"{schema}.*" for schema in schemas]
    objects = {
        SERVER: ["*.*"],
        USAGE_DATA: of_schemas,
        SET_DATA: of_schemas,
        OWN_SCHEMA: ["dbrw.*"],
        OWN_PURGE: ["dbrw.purge"],
        DIRECTORY: ["fabric.*"],
        ACCOUNT_TABLES: list(_ACCOUNT_TABLES),
        COMMON_DATA: [f"{schema}.*" for schema in common],
    }
    found: dict[str, list[str]] = {}
    for privilege in privileges:
        for name in objects[privilege.on]:
            found.setdefault(name, []).append(privilege.word)
    return found
