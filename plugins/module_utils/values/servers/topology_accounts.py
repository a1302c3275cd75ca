# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts belong on each server of an inventory, and what each may do there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    ACCOUNTS,
    READ_SERVER,
    SET_MEMBER,
    WRITE_SERVER,
    server_accounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.inventory_variables import (
    MEMBER,
    READ,
    WRITE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.topology import (
    FABRIC,
    Member,
    common_schemas,
    has_common_data,
)

# What a server of each kind serves as, and the role that makes its accounts.
_SERVES_AS = {WRITE: WRITE_SERVER, READ: READ_SERVER, MEMBER: SET_MEMBER}
ROLES = {WRITE: "write_server", READ: "read_server", MEMBER: "replica_set"}


def expected(
    members: Sequence[Member], users: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the accounts that the playbooks make, each with its server, without passwords.

    ``users`` has by server the names of accounts that are called otherwise there, by ACCOUNTS' names.
    """
    found = []
    for member in members:
        kind = _SERVES_AS[member.kind]
        variables = {**_variables(member, members), **_logins(member, users.get(member.name, {}))}
        found += [
            {
                "server": member.name,
                **{key: account[key] for key in ("name", "host", "privileges")},
            }
            for account in server_accounts(kind, variables, _schemas(member, members))
        ]
    return found


def _logins(member: Member, users: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for account in ACCOUNTS:
        found[f"{account.name}_user"] = users.get(account.name) or account.name
        found[account.password] = member.given.get(account.password, "")
    return found


def _variables(member: Member, members: Sequence[Member]) -> dict[str, Any]:
    common = common_schemas(members)
    has_common = member.kind == READ or has_common_data(member)
    readers = [_replica(one, one) for one in members if one.kind == READ]
    # In a set an account's host is the same on all its members, on others it is the reader's own.
    peers = [
        _replica(one, member)
        for one in members
        if one.kind == MEMBER and one.replica_set == member.replica_set
    ]
    of_fabric = member.kind == MEMBER and member.replica_set == FABRIC and common
    return {
        "account_host": member.value("account_host"),
        "require_tls": False,
        "common_schemas": common if has_common else [],
        "replicas": peers if member.kind == MEMBER else readers,
        "readers": readers if of_fabric else [],
    }


def _replica(follower: Member, host_of: Member) -> dict[str, Any]:
    return {"name": follower.replication_user, "host": host_of.value("account_host")}


def _schemas(member: Member, members: Sequence[Member]) -> list[str]:
    """Return the schemas with usage tables, or those of the set."""
    if member.kind != MEMBER:
        tables = member.value("usage_tables") or ()
        return list(dict.fromkeys(table["schema"] for table in tables))
    of_set = list(member.of_its_set("schemas") or ())
    common = common_schemas(members) if member.replica_set == FABRIC else []
    return [*of_set, *(one for one in common if one not in of_set)]
