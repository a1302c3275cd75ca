# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading accounts and their privileges, and the statements that change them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts import (
    ALTER,
    CREATE,
    DROP,
    Credentials,
    CurrentAccounts,
    Grant,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Row, Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values import password_hash
from ansible_collections.dbrw.sharding.plugins.module_utils.values.account import (
    GRANT_OPTION,
    Account,
    CurrentAccount,
    DesiredAccount,
    Scope,
    Vocabulary,
    canonical,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

# MySQL's words, which users write, and MariaDB's, with what gives the same
# abilities on each. MySQL's REPLICATION CLIENT shows binary logs and the
# replica's status; MariaDB has a privilege for each, and its own REPLICATION
# CLIENT is the first alone. sql_log_bin, which purging outside the binary log
# needs, is behind SESSION_VARIABLES_ADMIN there and BINLOG ADMIN here.
_REPLICA_WORDS = {
    "REPLICATION REPLICA": ("REPLICATION SLAVE",),
    "REPLICATION REPLICA ADMIN": ("REPLICATION SLAVE ADMIN",),
}
SYNONYMS: dict[str, dict[str, tuple[str, ...]]] = {
    MYSQL: {
        **_REPLICA_WORDS,
        "BINLOG MONITOR": ("REPLICATION CLIENT",),
        "REPLICA MONITOR": ("REPLICATION CLIENT",),
        "SLAVE MONITOR": ("REPLICATION CLIENT",),
    },
    MARIADB: {
        **_REPLICA_WORDS,
        "REPLICA MONITOR": ("SLAVE MONITOR",),
        "REPLICATION CLIENT": ("BINLOG MONITOR", "SLAVE MONITOR"),
        "REPLICATION SOURCE ADMIN": ("REPLICATION MASTER ADMIN",),
        "SESSION VARIABLES ADMIN": ("BINLOG ADMIN",),
    },
}

# The length of a name in characters, and of a password in bytes (None: any).
LONGEST_NAME = {MYSQL: 32, MARIADB: 128}
LONGEST_PASSWORD: dict[str, int | None] = {MYSQL: 256, MARIADB: None}

_ACCOUNTS = (
    "SELECT User AS name, Host AS host, plugin, HEX(authentication_string) AS secret, "
    "ssl_type AS tls, Grant_priv AS grant_option, {other_methods} AS other_methods "
    "FROM mysql.user AS u WHERE (User, Host) IN ({accounts})"
)
# MariaDB can let an account in by any of several methods; mysql.user shows one.
_OTHER_METHODS = {
    MYSQL: "NULL",
    MARIADB: (
        "(SELECT JSON_EXTRACT(p.Priv, '$.auth_or') FROM mysql.global_priv AS p "
        "WHERE p.User = u.User AND p.Host = u.Host)"
    ),
}

# Rows instead of the text of SHOW GRANTS: nothing to parse, one query for all
# accounts, and ALL PRIVILEGES spelled out.
_GRANTS = (
    "SELECT GRANTEE AS grantee, NULL AS `schema`, NULL AS `table`, NULL AS `column`, "
    "PRIVILEGE_TYPE AS privilege, 'NO' AS grantable "
    "FROM information_schema.USER_PRIVILEGES WHERE GRANTEE IN ({grantees}) "
    "UNION ALL SELECT GRANTEE, TABLE_SCHEMA, NULL, NULL, PRIVILEGE_TYPE, IS_GRANTABLE "
    "FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE IN ({grantees}) "
    "UNION ALL SELECT GRANTEE, TABLE_SCHEMA, TABLE_NAME, NULL, PRIVILEGE_TYPE, IS_GRANTABLE "
    "FROM information_schema.TABLE_PRIVILEGES WHERE GRANTEE IN ({grantees}) "
    "UNION ALL SELECT GRANTEE, TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, PRIVILEGE_TYPE, IS_GRANTABLE "
    "FROM information_schema.COLUMN_PRIVILEGES WHERE GRANTEE IN ({grantees})"
)


def read(server: Server, desired: Sequence[DesiredAccount]) -> CurrentAccounts:
    """Read the accounts that ``desired`` names, and compare their passwords."""
    login_name, login_host = str(server.row("SELECT CURRENT_USER() AS me")["me"]).rsplit("@", 1)
    words = [str(row["Privilege"]).upper() for row in server.rows("SHOW PRIVILEGES")]
    spelling = {canonical(word): word for word in words}
    return CurrentAccounts(
        accounts=_accounts(server, desired),
        vocabulary=Vocabulary(server.flavour, spelling, SYNONYMS[server.flavour]),
        login=Account(login_name, login_host),
        plugin=server.dialect.authentication_plugin,
        schema_patterns=server.variables("partial_revokes")["partial_revokes"] != "ON",
        problems=tuple(_problems(server, desired)),
    )


def statements(step: Step, server: Server) -> list[Statement]:
    """Return the one statement that takes a step; a password is in it as a hash only."""
    value: Credentials | Grant = step.value
    account = (value.account.name, value.account.host)
    if isinstance(value, Grant):
        words = ", ".join(value.privileges)
        return [Statement(f"GRANT {words} ON {_quoted(value.scope)} TO %s@%s", account)]
    if step.action == DROP:
        return [Statement("DROP USER %s@%s", account)]
    sql = {CREATE: "CREATE USER %s@%s", ALTER: "ALTER USER %s@%s"}[step.action]
    args: tuple[Any, ...] = account
    if value.password:
        sql += f" {server.dialect.authentication_by_hash}"
        args += (Secret(_hash(server, value.password)),)
        sql += "".join(f" OR {quote_identifier(method)}" for method in value.keep_methods)
    if value.require_tls is not None:
        sql += " REQUIRE SSL" if value.require_tls else " REQUIRE NONE"
    return [Statement(sql, args)]


def _problems(server: Server, desired: Iterable[DesiredAccount]) -> list[str]:
    found = []
    longest_name = LONGEST_NAME[server.flavour]
    longest_password = LONGEST_PASSWORD[server.flavour]
    for wanted in desired:
        length = len(wanted.account.name)
        if length > longest_name:
            found.append(
                f"{wanted.account}: a name of {length} characters, where {server.flavour} takes "
                f"{longest_name}; shorten it."
            )
        if not wanted.password or longest_password is None:
            continue
        if len(wanted.password.reveal().encode()) > longest_password:
            found.append(
                f"{wanted.account}: a password of more than {longest_password} bytes, the most "
                f"that {server.flavour} takes; shorten it."
            )
    return found


def _accounts(server: Server, desired: Sequence[DesiredAccount]) -> dict[Account, CurrentAccount]:
    sql = _ACCOUNTS.format(
        other_methods=_OTHER_METHODS[server.flavour],
        accounts=", ".join(["(%s, %s)"] * len(desired)),
    )
    names = [part for wanted in desired for part in (wanted.account.name, wanted.account.host)]
    rows = {Account(row["name"], row["host"]): row for row in server.rows(sql, *names)}
    grants = _grants(server, rows)
    return {
        wanted.account: _account(rows[wanted.account], wanted, grants[wanted.account])
        for wanted in desired
        if wanted.account in rows
    }


def _account(
    row: Row, wanted: DesiredAccount, grants: dict[Scope, frozenset[str]]
) -> CurrentAccount:
    matches = None
    if wanted.password and wanted.update_password:
        stored = bytes.fromhex(row["secret"] or "")
        matches = password_hash.matches(row["plugin"], stored, wanted.password.reveal())
    # A method without a plugin stands for the one that mysql.user shows.
    others = [method for method in json.loads(row["other_methods"] or "[]") if "plugin" in method]
    return CurrentAccount(
        plugin=row["plugin"],
        password_matches=matches,
        tls=row["tls"],
        grants=grants,
        other_methods=tuple(method["plugin"] for method in others),
        keepable=not any(method.get("authentication_string") for method in others),
    )


def _grants(
    server: Server, accounts: dict[Account, Row]
) -> dict[Account, dict[Scope, frozenset[str]]]:
    """Return what each account holds: canonical words by scope.

    A privilege on a column stands at its table as ``SELECT (column)``.
    """
    if not accounts:
        return {}
    # This is how information_schema writes an account: quotes inside stay as they are.
    by_grantee = {f"'{account.name}'@'{account.host}'": account for account in accounts}
    sql = _GRANTS.format(grantees=", ".join(["%s"] * len(by_grantee)))
    held: dict[Account, dict[Scope, set[str]]] = {account: {} for account in accounts}
    for row in server.rows(sql, *[*by_grantee] * 4):
        # The comparison in the query ignores case, and account names do not.
        account = by_grantee.get(row["grantee"])
        if account is None:
            continue
        words = held[account].setdefault(Scope(row["schema"], row["table"]), set())
        name = canonical(row["privilege"])
        if name != "USAGE":
            words.add(f"{name} ({row['column']})" if row["column"] else name)
        if row["grantable"] == "YES":
            words.add(GRANT_OPTION)
    for account, row in accounts.items():
        if row["grant_option"] == "Y":
            held[account].setdefault(Scope(), set()).add(GRANT_OPTION)
    return {
        account: {scope: frozenset(words) for scope, words in scopes.items() if words}
        for account, scopes in held.items()
    }


def _quoted(scope: Scope) -> str:
    if scope.schema is None:
        return "*.*"
    if scope.table is None:
        return f"{quote_identifier(scope.schema)}.*"
    return quote_table(scope.schema, scope.table)


def _hash(server: Server, password: Secret) -> str:
    return _HASHES[server.dialect.authentication_plugin](server, password.reveal())


def _native(_: Server, password: str) -> str:
    return password_hash.native(password)


def _caching_sha2(server: Server, password: str) -> str:
    """Hash as the server itself would: an account in another format may have to change it."""
    rounds, storage_format = (
        "caching_sha2_password_digest_rounds",
        "caching_sha2_password_storage_format",
    )
    said = server.variables(rounds, storage_format)
    return password_hash.caching_sha2(
        password, int(said[rounds] or 5000), said[storage_format] or "CRYPT5"
    )


_HASHES: dict[str, Callable[[Server, str], str]] = {
    password_hash.NATIVE: _native,
    password_hash.CACHING_SHA2: _caching_sha2,
}
