# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts that the roles make on write and read servers, and what each may do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WRITE_SERVER, READ_SERVER = "write_server", "read_server"
# What a privilege is given on: the server, or each schema that has usage tables.
SERVER, USAGE_DATA = "the server", "usage data"


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
    own name and password, and ``password`` is the inventory's alone.
    """

    name: str
    server: str
    password: str
    privileges: tuple[Privilege, ...]
    listed: str = ""


# What each account needs and no more. None may write where read_only fences off all but
# administrators.
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
        ),
    ),
    ServerAccount(
        "monitor",
        WRITE_SERVER,
        "monitor_password",
        (
            Privilege("PROCESS", SERVER, "sees what all sessions do"),
            Privilege("REPLICATION CLIENT", SERVER, "sees the state of replication"),
            Privilege("SELECT", USAGE_DATA, "compares rows and ids with other servers'"),
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
        (Privilege("SELECT", USAGE_DATA, "only reads here"),),
    ),
    ServerAccount(
        "monitor",
        READ_SERVER,
        "monitor_password",
        (
            Privilege("PROCESS", SERVER, "sees what all sessions do"),
            Privilege("REPLICATION CLIENT", SERVER, "sees the state of the channels"),
            Privilege("SELECT", USAGE_DATA, "tells write servers which ids are used; measures lag"),
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
)


def server_accounts(
    server: str, variables: Mapping[str, Any], schemas: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the accounts of a kind of server, as mysql_account takes them.

    ``variables`` are the role's, without its prefix; ``schemas`` are those with usage tables.
    """
    return [
        {
            **login,
            "privileges": _by_object(account.privileges, schemas),
            "require_tls": variables["require_tls"],
        }
        for account in ACCOUNTS
        if account.server == server
        for login in _logins(account, variables)
    ]


def _logins(account: ServerAccount, variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield name, host and password; an account without a password is not wanted."""
    if account.listed:
        yield from map(dict, variables[account.listed])
    elif variables[account.password]:
        yield {
            "name": variables[f"{account.name}_user"],
            "host": variables["account_host"],
            "password": variables[account.password],
        }


def _by_object(privileges: Sequence[Privilege], schemas: Sequence[str]) -> dict[str, list[str]]:
    objects = {SERVER: ["*.*"], USAGE_DATA: [f"{schema}.*" for schema in schemas]}
    found: dict[str, list[str]] = {}
    for privilege in privileges:
        for name in objects[privilege.on]:
            found.setdefault(name, []).append(privilege.word)
    return found
