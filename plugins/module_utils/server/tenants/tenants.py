# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers say of tenants, and the steps that change it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import closed_and_lifted
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory.schema import named
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import events
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.fence import (
    NO_SUCH_SESSION,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    newest_epoch,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import schemas
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tenants import stamps
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    SERVER_ACCOUNTS,
    Account,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    TOPOLOGY,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.set_events import (
    Event,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    OWN_SCHEMAS,
    KnownTenant,
    Owned,
    Place,
    SchemaSize,
    Shard,
    Stamp,
    scope_of,
)

_NO_SCHEMA, _NO_TABLE = 1049, 1146
# Who can do one of these can change rows, or take them away.
_WRITING = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER")
_ACCOUNTS = {
    MYSQL: (
        "SELECT User AS name, Host AS host, account_locked = 'Y' AS is_locked, 0 AS is_role "
        "FROM mysql.user"
    ),
    MARIADB: (
        "SELECT u.User AS name, u.Host AS host, u.is_role = 'Y' AS is_role, "
        "COALESCE((SELECT JSON_VALUE(p.Priv, '$.account_locked') FROM mysql.global_priv AS p "
        "WHERE p.User = u.User AND p.Host = u.Host), '0') IN ('1', 'true') AS is_locked "
        "FROM mysql.user AS u"
    ),
}
# Who has the rights of which role.
_ROLES = {
    MYSQL: (
        "SELECT FROM_USER AS role, FROM_HOST AS role_host, TO_USER AS name, TO_HOST AS host "
        "FROM mysql.role_edges"
    ),
    MARIADB: (
        "SELECT Role AS role, '' AS role_host, User AS name, Host AS host FROM mysql.roles_mapping"
    ),
}
# Of MariaDB: everybody has its rights.
_PUBLIC = "PUBLIC"
# Old statistics of a day say of a new tenant that it is empty.
_FRESH_SIZES = {MYSQL: "SET SESSION information_schema_stats_expiry = 0", MARIADB: ""}
# How long sessions that were ended may take to undo what they had not committed.
_EMPTY_SECONDS, _PAUSE_SECONDS = 10.0, 0.02


def takes_writes(server: Server) -> tuple[bool, int, str]:
    """Tell whether a member is open, and the newest epoch that it knows with its active writer."""
    epoch = newest_epoch(server)
    number, active = (epoch.number, epoch.active) if epoch else (0, "")
    return not closed_and_lifted(server)[0], number, active


def read_directory(server: Server) -> tuple[dict[str, KnownTenant], dict[str, Shard]]:
    """Return the tenants and the shards of a directory."""
    tenants = server.rows(
        "SELECT name, schema_name, shard, locked, epoch, drop_after "
        f"FROM {named('tenants')} WHERE topology = %s",
        TOPOLOGY,
    )
    shards = server.rows(
        f"SELECT name, state, weight, capacity_gib FROM {named('replica_sets')} "
        "WHERE topology = %s AND shard_number IS NOT NULL ORDER BY name",
        TOPOLOGY,
    )
    return (
        {
            row["name"]: KnownTenant(
                row["name"],
                row["schema_name"],
                row["shard"],
                row["locked"] == "yes",
                int(row["epoch"]),
                row["drop_after"],
            )
            for row in tenants
        },
        {
            row["name"]: Shard(row["name"], row["state"], float(row["weight"]), row["capacity_gib"])
            for row in shards
        },
    )


def read_place(
    server: Server, member: str, closing: Mapping[str, str], operators: Collection[str]
) -> Place:
    """Return what the active writer of a shard has of tenants.

    ``closing`` are the schemas of which is asked who else can write into them, each with its tenant;
    ``operators`` are names of accounts that may.
    """
    accounts = {
        Account(row["name"], row["host"]): row for row in server.rows(_ACCOUNTS[server.flavour])
    }
    running: dict[str, list[str]] = {}
    for event in sorted(events.read(server).on):
        running.setdefault(event.schema, []).append(event.name)
    place = Place(member, schemas=_sizes(server), events=running)
    found = _stamps(server)
    if found is None:
        writers = _writers(server, accounts, closing, {}, operators)
        return Place(member, None, place.schemas, {}, writers, running)
    owned = _owned(server, accounts)
    kept: dict[str, list[str]] = {}
    for row in server.rows(f"SELECT event_schema AS s, event_name AS n FROM {stamps.EVENTS}"):
        kept.setdefault(row["s"], []).append(row["n"])
    whose = {one.account: tenant for tenant, mine in owned.items() for one in mine}
    writers = _writers(server, accounts, closing, whose, operators)
    return Place(member, found, place.schemas, owned, writers, running, kept)


def _stamps(server: Server) -> dict[str, Stamp] | None:
    try:
        rows = server.rows(f"SELECT tenant, epoch, state, reason, moved_to FROM {stamps.STAMPS}")
    except ServerError as error:
        if error.number not in (_NO_SCHEMA, _NO_TABLE):
            raise
        return None
    return {
        row["tenant"]: Stamp(int(row["epoch"]), row["state"], row["reason"], row["moved_to"])
        for row in rows
    }


def _sizes(server: Server) -> dict[str, SchemaSize]:
    fresh = _FRESH_SIZES[server.flavour]
    if fresh:
        server.rows(fresh)
    rows = server.rows(
        "SELECT TABLE_SCHEMA AS name, COUNT(*) AS tables, "
        "SUM(COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0)) AS size "
        "FROM information_schema.TABLES GROUP BY TABLE_SCHEMA"
    )
    sizes = {row["name"]: SchemaSize(int(row["tables"]), int(row["size"] or 0)) for row in rows}
    return {
        name: sizes.get(name, SchemaSize()) for name in schemas(server) if name not in OWN_SCHEMAS
    }


def _owned(server: Server, accounts: Mapping[Account, Row]) -> dict[str, list[Owned]]:
    """Return the accounts of each tenant as the shard has noted them."""
    asking = {
        Account(row["name"], row["host"])
        for row in server.rows(
            "SELECT User AS name, Host AS host FROM mysql.procs_priv "
            "WHERE Db = %s AND Routine_name = %s AND Routine_type = 'FUNCTION'",
            *(stamps.SCHEMA, stamps.FUNCTION),
        )
    }
    staying: dict[str, int] = {}
    for row in server.rows("SELECT USER AS name FROM information_schema.PROCESSLIST"):
        staying[row["name"]] = staying.get(row["name"], 0) + 1
    found: dict[str, list[Owned]] = {}
    for row in server.rows(f"SELECT tenant, user, host FROM {stamps.ACCOUNTS} ORDER BY user, host"):
        account = Account(row["user"], row["host"])
        exists = account in accounts
        locked = exists and bool(accounts[account]["is_locked"])
        one = Owned(account, exists, locked, staying.get(account.name, 0), account in asking)
        found.setdefault(row["tenant"], []).append(one)
    return found


def _writers(
    server: Server,
    accounts: Mapping[Account, Row],
    closing: Mapping[str, str],
    whose: Mapping[Account, str],
    operators: Collection[str],
) -> dict[str, list[str]]:
    """Return who can write into each schema and is not its tenant's, but for ``operators``."""
    if not closing:
        return {}
    scopes = {schema: Scope.parse(scope_of(schema)) for schema in closing}
    by_grantee = {f"'{one.name}'@'{one.host}'": one for one in accounts}
    words = ", ".join(["%s"] * len(_WRITING))
    parts = [
        "SELECT GRANTEE AS g, NULL AS s, 0 AS one_table FROM information_schema.USER_PRIVILEGES",
        "SELECT GRANTEE, TABLE_SCHEMA, 0 FROM information_schema.SCHEMA_PRIVILEGES",
        "SELECT GRANTEE, TABLE_SCHEMA, 1 FROM information_schema.TABLE_PRIVILEGES",
        "SELECT GRANTEE, TABLE_SCHEMA, 1 FROM information_schema.COLUMN_PRIVILEGES",
    ]
    sql = " UNION ".join(f"{part} WHERE PRIVILEGE_TYPE IN ({words})" for part in parts)
    can: dict[str, set[Account]] = {schema: set() for schema in closing}
    for row in server.rows(sql, *_WRITING * len(parts)):
        account = by_grantee.get(row["g"])
        if account is None:
            continue
        for schema, scope in scopes.items():
            if row["s"] is None or (
                row["s"] == schema if row["one_table"] else Scope(row["s"]).covers(scope)
            ):
                can[schema].add(account)
    has_role = [
        (Account(row["role"], row["role_host"]), Account(row["name"], row["host"]))
        for row in server.rows(_ROLES[server.flavour])
    ]
    exempt = {*operators, *SERVER_ACCOUNTS}
    found = {}
    for schema, writing in can.items():
        growing = True
        while growing:
            more = {account for role, account in has_role if role in writing} - writing
            writing |= more
            growing = bool(more)
        strangers = [
            account
            for account in writing
            if account.name not in exempt
            and (
                account.name == _PUBLIC
                or not (accounts[account]["is_locked"] or accounts[account]["is_role"])
            )
            and whose.get(account) != closing[schema]
        ]
        if strangers:
            found[schema] = sorted(map(str, strangers))
    return found


def sessions(server: Server, users: Iterable[str]) -> list[int]:
    """Return the sessions of accounts with these names."""
    wanted = list(users)
    marks = ", ".join(["%s"] * len(wanted))
    rows = server.rows(
        f"SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER IN ({marks})", *wanted
    )
    return [int(row["id"]) for row in rows]


def end_sessions(server: Server, users: Collection[str]) -> None:
    """End them, and wait until all are gone: one that undoes what it did is still there.

    Raises ``ServerError`` where some stay.
    """
    end = time.monotonic() + _EMPTY_SECONDS
    while True:
        left = sessions(server, users)
        if not left:
            return
        if time.monotonic() > end:
            said = ", ".join(map(str, left))
            raise ServerError(
                server.address, f"sessions {said} of {', '.join(users)} have not ended in time"
            )
        for number in left:
            _kill(server, number)
        time.sleep(_PAUSE_SECONDS)


def _kill(server: Server, number: int) -> None:
    try:
        server.run(Statement(f"KILL {number:d}"))
    except ServerError as error:
        # It has ended by itself.
        if error.number != NO_SUCH_SESSION:
            raise


# The steps. Where a server is a shard's, the connection must be in its binary log, unless said otherwise.


def make_stamps(server: Server) -> None:
    """Make what a shard keeps of its tenants."""
    for statement in stamps.made():
        server.run(statement)


def put_stamp(server: Server, name: str, stamp: Stamp) -> None:
    """Write the stamp of a tenant."""
    server.run(
        Statement(
            f"REPLACE INTO {stamps.STAMPS} (tenant, epoch, state, reason, moved_to, stamped_at) "
            "VALUES (%s, %s, %s, %s, %s, UTC_TIMESTAMP(6))",
            (name, stamp.epoch, stamp.state, stamp.reason, stamp.moved_to),
        )
    )


def forget(server: Server, name: str, schema: str) -> None:
    """Remove what a shard has noted of a tenant; its stamp last."""
    _forget_events(server, schema)
    for table in (stamps.ACCOUNTS, stamps.STAMPS):
        server.run(Statement(f"DELETE FROM {table} WHERE tenant = %s", (name,)))


def make_schema(server: Server, schema: str) -> None:
    """Make a tenant's schema."""
    server.run(Statement(f"CREATE SCHEMA {quote_identifier(schema)}"))


def drop_schema(server: Server, schema: str) -> None:
    """Drop a tenant's schema, and what was noted of its events."""
    server.run(Statement(f"DROP SCHEMA {quote_identifier(schema)}"))
    _forget_events(server, schema)


def _forget_events(server: Server, schema: str) -> None:
    server.run(Statement(f"DELETE FROM {stamps.EVENTS} WHERE event_schema = %s", (schema,)))


def note_account(server: Server, name: str, account: Account) -> None:
    """Write down whose an account is."""
    server.run(
        Statement(
            f"REPLACE INTO {stamps.ACCOUNTS} (user, host, tenant) VALUES (%s, %s, %s)",
            (account.name, account.host, name),
        )
    )


def let_ask(server: Server, account: Account) -> None:
    """Let an account ask for the stamp of its tenant."""
    server.run(
        Statement(f"GRANT EXECUTE ON FUNCTION {stamps.ASK} TO %s@%s", (account.name, account.host))
    )


def set_account_lock(server: Server, account: Account, locked: bool) -> None:
    """Lock an account, or let it log in again. Open sessions go on."""
    how = "LOCK" if locked else "UNLOCK"
    server.run(Statement(f"ALTER USER %s@%s ACCOUNT {how}", (account.name, account.host)))


def drop_account(server: Server, account: Account) -> None:
    """Drop an account, and what was noted of it."""
    server.run(Statement("DROP USER %s@%s", (account.name, account.host)))
    server.run(
        Statement(
            f"DELETE FROM {stamps.ACCOUNTS} WHERE user = %s AND host = %s",
            (account.name, account.host),
        )
    )


def turn_off_events(server: Server, schema: str, names: Collection[str]) -> None:
    """Turn off a tenant's events, also for a member that takes over. Out of the binary log."""
    wanted = {Event(schema, name) for name in names}
    with server.in_binary_log():
        for event in sorted(wanted):
            server.run(
                Statement(
                    f"REPLACE INTO {stamps.EVENTS} (event_schema, event_name) VALUES (%s, %s)",
                    (event.schema, event.name),
                )
            )
    # Who opens a member turns on what is noted there.
    events.note(server, events.read(server).wanted - wanted)
    events.turn_off(server, wanted)


def turn_on_events(server: Server, schema: str, names: Collection[str]) -> None:
    """Turn on the events that a lock has turned off. Out of the binary log."""
    wanted = {Event(schema, name) for name in names}
    events.turn_on(server, wanted)
    events.note(server, events.read(server).wanted | wanted)
    with server.in_binary_log():
        _forget_events(server, schema)


def register(server: Server, known: KnownTenant) -> None:
    """Write a tenant into the directory."""
    server.run(
        Statement(
            f"INSERT INTO {named('tenants')} (topology, name, schema_name, shard, epoch) "
            "VALUES (%s, %s, %s, %s, %s)",
            (TOPOLOGY, known.name, known.schema, known.shard, known.epoch),
        )
    )


def unregister(server: Server, name: str) -> None:
    """Take a tenant out of the directory."""
    server.run(
        Statement(
            f"DELETE FROM {named('tenants')} WHERE topology = %s AND name = %s", (TOPOLOGY, name)
        )
    )


def set_locked(server: Server, name: str, locked: bool) -> None:
    """Write into the directory whether a tenant is locked; it is not to go then."""
    server.run(
        Statement(
            f"UPDATE {named('tenants')} SET locked = %s, drop_after = NULL "
            "WHERE topology = %s AND name = %s",
            ("yes" if locked else "no", TOPOLOGY, name),
        )
    )


def set_drop_after(server: Server, name: str, moment: datetime) -> None:
    """Write into the directory that a tenant is gone, and when its schema goes."""
    server.run(
        Statement(
            f"UPDATE {named('tenants')} SET locked = 'yes', drop_after = %s "
            "WHERE topology = %s AND name = %s",
            (moment, TOPOLOGY, name),
        )
    )
