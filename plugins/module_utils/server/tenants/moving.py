# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tenant's move asks of the servers at its ends, and does there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory.schema import named
from ansible_collections.dbrw.sharding.plugins.module_utils.server.named_lock import lock_name
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.fence import (
    NO_SUCH_SESSION,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    prepared_xa,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import schema_objects
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tenants import stamps
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import Account
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    TOPOLOGY,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.schema_objects import (
    differences,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.move import (
    End,
    SchemaFacts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    KnownTenant,
    Place,
)

# The programs that dump a schema and load it, and what they are told besides. Events are dumped as
# the fence has left them: turned off. Nothing of the dump may stay out of the binary log.
PROGRAMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    MYSQL: (("mysqldump",), ("mysql",)),
    MARIADB: (("mariadb-dump", "mysqldump"), ("mariadb", "mysql")),
}
# Either flavour has a mysqldump, and each knows options that the other does not.
IS_MARIADB = {MYSQL: False, MARIADB: True}
_DUMP = (
    *("--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob"),
    *("--skip-comments", "--default-character-set=utf8mb4"),
)
DUMP = {
    MYSQL: (*_DUMP, "--set-gtid-purged=OFF", "--no-tablespaces"),
    MARIADB: _DUMP,
}
LOAD = ("--binary-mode", "--default-character-set=utf8mb4")
_UNENCRYPTED, _UNVERIFIED, _VERIFIED = "unencrypted", "unverified", "verified"
# How a program is told of TLS.
_TLS: dict[str, dict[str, dict[str, str | None]]] = {
    MYSQL: {
        _UNENCRYPTED: {"get-server-public-key": None},
        _UNVERIFIED: {"ssl-mode": "REQUIRED"},
        _VERIFIED: {"ssl-mode": "VERIFY_IDENTITY"},
    },
    MARIADB: {
        # From 11.4 on it would ask for a certificate that can be verified.
        _UNENCRYPTED: {"skip-ssl": None},
        _UNVERIFIED: {"ssl": None, "skip-ssl-verify-server-cert": None},
        _VERIFIED: {"ssl": None, "ssl-verify-server-cert": None},
    },
}
_CREATE_USER = {
    # The hash may have bytes that no text can hold.
    MYSQL: ("SET SESSION print_identified_with_as_hex = ON",),
    MARIADB: (),
}
# MariaDB has some without the character set that they are used with, and then under another name.
_COLLATIONS = {
    MYSQL: "SELECT COLLATION_NAME AS name FROM information_schema.COLLATIONS",
    MARIADB: (
        "SELECT FULL_COLLATION_NAME AS name "
        "FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"
    ),
}
_SEQUENCE = "SEQUENCE"
_EMPTY_SECONDS, _PAUSE_SECONDS = 30.0, 0.05


def client_options(login: Login, flavour: str, lock: str) -> dict[str, str | None]:
    """Return how a program of the flavour logs in, as its option file says it.

    Its session takes the lock ``lock``, by which it is found when its call was killed.
    """
    tls = _VERIFIED if login.ca_cert else _UNVERIFIED if login.unverified_tls else _UNENCRYPTED
    found: dict[str, str | None] = {
        "user": login.user,
        "password": login.password.reveal() if login.password else None,
        "socket": login.unix_socket,
        "host": None if login.unix_socket else login.host,
        "port": str(login.port) if login.port and not login.unix_socket else None,
        "ssl-ca": login.ca_cert,
    }
    options = {name: value for name, value in found.items() if value is not None}
    if lock:
        options["init-command"] = f"SELECT GET_LOCK('{lock}', 0)"
    return {**options, **(_TLS[flavour][tls] if not login.unix_socket else {})}


def copy_lock(tenant: str) -> str:
    """Return the lock of whoever copies a tenant."""
    return lock_name("copy", TOPOLOGY, tenant)


def end_copiers(server: Server, tenant: str) -> None:
    """End the sessions of a copy whose call was killed, and wait until they are gone."""
    end = time.monotonic() + _EMPTY_SECONDS
    while True:
        holder = server.row("SELECT IS_USED_LOCK(%s) AS id", copy_lock(tenant))["id"]
        if holder is None:
            return
        if time.monotonic() > end:
            raise ServerError(server.address, f"session {holder}, which copies {tenant}, stays")
        try:
            server.rows(f"KILL {int(holder):d}")
        except ServerError as error:
            if error.number != NO_SUCH_SESSION:
                raise
        time.sleep(_PAUSE_SECONDS)


def read_end(server: Server, place: Place, tenant: str, schema: str) -> End:
    """Return what a shard's active writer has, beside what ``place`` tells."""
    stamped: datetime | None = None
    if place.stamps is not None and tenant in place.stamps:
        stamped = server.row(
            f"SELECT stamped_at AS at FROM {stamps.STAMPS} WHERE tenant = %s", tenant
        )["at"]
    accounts = server.rows("SELECT User AS name, Host AS host FROM mysql.user")
    collations = server.rows(_COLLATIONS[server.flavour])
    return End(
        place,
        server.flavour,
        server.version,
        _facts(server, schema) if schema in place.schemas else None,
        frozenset(Account(row["name"], row["host"]) for row in accounts),
        frozenset(str(row["name"]) for row in collations),
        tuple(f"the XA transaction {name} is prepared" for name in prepared_xa(server)),
        stamped,
    )


def _facts(server: Server, schema: str) -> SchemaFacts:
    row = server.row(
        "SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation "
        "FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
        schema,
    )
    definers = server.rows(
        "SELECT DEFINER AS d FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %s UNION "
        "SELECT DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s UNION "
        "SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s UNION "
        "SELECT DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s",
        *(schema,) * 4,
    )
    crossing = server.rows(
        "SELECT CONSTRAINT_SCHEMA AS a, TABLE_NAME AS b, UNIQUE_CONSTRAINT_SCHEMA AS c, "
        "REFERENCED_TABLE_NAME AS d FROM information_schema.REFERENTIAL_CONSTRAINTS "
        "WHERE CONSTRAINT_SCHEMA <> UNIQUE_CONSTRAINT_SCHEMA "
        "AND %s IN (CONSTRAINT_SCHEMA, UNIQUE_CONSTRAINT_SCHEMA)",
        schema,
    )
    collations = server.rows(
        "SELECT DISTINCT COLLATION_NAME AS name FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND COLLATION_NAME IS NOT NULL",
        schema,
    )
    return SchemaFacts(
        str(row["charset"]),
        str(row["collation"]),
        frozenset(_account(one["d"]) for one in definers),
        tuple(f"{one['a']}.{one['b']} refers to {one['c']}.{one['d']}" for one in crossing),
        frozenset({str(row["collation"]), *(str(one["name"]) for one in collations)}),
    )


def _account(definer: str) -> Account:
    name, _at, host = str(definer).rpartition("@")
    return Account(name, host)


def copy_account(source: Server, target: Server, account: Account) -> None:
    """Make an account on the target as it is on the source, its password's hash and lock included.

    The statements are not remembered: the hash is in them. Its privileges come last, so that a call
    that was killed makes it anew.
    """
    for statement in _CREATE_USER[source.flavour]:
        source.rows(statement)
    named_as = (account.name, account.host)
    (created,) = source.rows("SHOW CREATE USER %s@%s", *named_as)
    target.rows("DROP USER IF EXISTS %s@%s", *named_as)
    target.rows(_only_value(created).replace("%", "%%"))
    for row in source.rows("SHOW GRANTS FOR %s@%s", *named_as):
        target.rows(_without_password(_only_value(row)).replace("%", "%%"))
    target.has_changed = True


def _only_value(row: Row) -> str:
    return str(next(iter(row.values())))


def _without_password(grant: str) -> str:
    """Return a grant without the password that MariaDB puts into the first one."""
    return grant.partition(" IDENTIFIED BY ")[0]


def make_schema(target: Server, schema: str, facts: SchemaFacts) -> None:
    """Make the schema anew, as the one that it is a copy of."""
    target.run(Statement(f"DROP SCHEMA IF EXISTS {quote_identifier(schema)}"))
    target.run(
        Statement(
            f"CREATE SCHEMA {quote_identifier(schema)} CHARACTER SET {facts.character_set} "
            f"COLLATE {facts.collation}"
        )
    )


def schema_facts(server: Server, schema: str) -> SchemaFacts:
    """Return what the schema is made of."""
    return _facts(server, schema)


def compare(source: Server, target: Server, schema: str, source_name: str) -> int:
    """Compare all rows, objects and numbers to come; return how many tables there are.

    Raises ``ServerError`` that names all that differs. Nobody may write into either meanwhile.
    """
    there, here = (_tables(server, schema) for server in (source, target))
    found = differences(
        schema_objects.read(source, [schema]), schema_objects.read(target, [schema]), source_name
    )
    found += [
        f"table {schema}.{name} has other rows than on {source_name}"
        for name in sorted(there.keys() & here.keys())
        if there[name] != here[name]
    ]
    if found:
        raise ServerError(target.address, f"the copy differs: {'; '.join(found)}")
    return len(there)


def _tables(server: Server, schema: str) -> Mapping[str, object]:
    """Return of each table a checksum of its rows and the next number, of a sequence where it is."""
    rows = server.rows(
        "SELECT TABLE_NAME AS name, TABLE_TYPE AS type, AUTO_INCREMENT AS next "
        "FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_TYPE <> 'VIEW'",
        schema,
    )
    found: dict[str, object] = {}
    for row in rows:
        table = quote_table(schema, row["name"])
        if row["type"] == _SEQUENCE:
            found[row["name"]] = tuple(server.row(f"SELECT * FROM {table}").items())
        else:
            said = server.row(f"CHECKSUM TABLE {table} EXTENDED")
            found[row["name"]] = (said["Checksum"], row["next"])
    return found


def keep_events(server: Server, schema: str, names: Sequence[str]) -> None:
    """Note which events are to run once the tenant is open."""
    server.run(Statement(f"DELETE FROM {stamps.EVENTS} WHERE event_schema = %s", (schema,)))
    for name in names:
        server.run(
            Statement(
                f"INSERT INTO {stamps.EVENTS} (event_schema, event_name) VALUES (%s, %s)",
                (schema, name),
            )
        )


def flip(directory: Server, known: KnownTenant, to: str) -> None:
    """Write the new place down; of one that is not where it was by now, nothing."""
    moved = replace(known, shard=to, epoch=known.epoch + 1)
    directory.run(
        Statement(
            f"UPDATE {named('tenants')} SET shard = %s, epoch = %s, since = UTC_TIMESTAMP(6) "
            "WHERE topology = %s AND name = %s AND shard = %s AND epoch = %s",
            (moved.shard, moved.epoch, TOPOLOGY, known.name, known.shard, known.epoch),
        )
    )
