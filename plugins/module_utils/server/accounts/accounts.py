# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading accounts, their privileges and their roles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    CurrentAccounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts import mariadb_roles
from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts.mariadb_roles import (
    stored_words,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Row, Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts import password_hash
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    GRANT_OPTION,
    Account,
    CurrentAccount,
    DesiredAccount,
    Scope,
    Vocabulary,
    canonical,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account_options import (
    STATEMENT_TIME,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.grammar import LONGEST_USER
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
        "READ ONLY ADMIN": ("SYSTEM VARIABLES ADMIN",),
        "REPLICATION MASTER ADMIN": ("SYSTEM VARIABLES ADMIN",),
        "REPLICATION SOURCE ADMIN": ("SYSTEM VARIABLES ADMIN",),
    },
    MARIADB: {
        **_REPLICA_WORDS,
        "REPLICA MONITOR": ("SLAVE MONITOR",),
        "REPLICATION CLIENT": ("BINLOG MONITOR", "SLAVE MONITOR"),
        "REPLICATION SOURCE ADMIN": ("REPLICATION MASTER ADMIN",),
        "SESSION VARIABLES ADMIN": ("BINLOG ADMIN",),
        "SET ANY DEFINER": ("SET USER",),
        # What it keeps for these on MySQL, anybody may do here, or who has CONNECTION ADMIN.
        "SYSTEM USER": (),
        "XA RECOVER ADMIN": (),
    },
}

# Where servers keep their accounts: MySQL's tables, and those in which MariaDB has the same.
OBJECTS: dict[str, dict[Scope, Scope]] = {
    MYSQL: {},
    MARIADB: {
        Scope("mysql", "global_grants"): Scope("mysql", "global_priv"),
        Scope("mysql", "role_edges"): Scope("mysql", "roles_mapping"),
    },
}

# The length of a name in characters, and of a password in bytes (None: any).
LONGEST_NAME = LONGEST_USER
# Whether 10.0.0.0/8 is a network; where it is not, no client ever comes from it (measured: 1130
# on MariaDB 10.11). With the whole mask it is one on both.
TAKES_PREFIX_LENGTH = {MYSQL: True, MARIADB: False}
LONGEST_PASSWORD: dict[str, int | None] = {MYSQL: 256, MARIADB: None}
# Whether a role is an account with a host, and whether an account can have several at login.
ROLES_HAVE_HOSTS = {MYSQL: True, MARIADB: False}
SEVERAL_DEFAULT_ROLES = {MYSQL: True, MARIADB: False}

# Each resource limit with its column in mysql.user.
_LIMITS: dict[str, dict[str, str]] = {
    MYSQL: {
        "max_queries_per_hour": "max_questions",
        "max_updates_per_hour": "max_updates",
        "max_connections_per_hour": "max_connections",
        "max_user_connections": "max_user_connections",
    }
}
_LIMITS[MARIADB] = {**_LIMITS[MYSQL], STATEMENT_TIME: "max_statement_time"}

_ACCOUNTS = (
    "SELECT User AS name, Host AS host, plugin, HEX(authentication_string) AS secret, "
    "ssl_type AS tls, Grant_priv AS grant_option, {limits}, {details} "
    "FROM mysql.user AS u WHERE (User, Host) IN ({accounts})"
)
# MariaDB shows one of several login methods in mysql.user, and no lock.
_DETAILS = {
    MYSQL: "account_locked, password_expired, User_attributes AS details",
    MARIADB: (
        "is_role, default_role, (SELECT p.Priv FROM mysql.global_priv AS p "
        "WHERE p.User = u.User AND p.Host = u.Host) AS details"
    ),
}
# Who has which role, and whose default role it is.
_ROLES = {
    MYSQL: (
        "SELECT e.TO_USER AS name, e.TO_HOST AS host, e.FROM_USER AS role, "
        "e.FROM_HOST AS role_host, d.USER IS NOT NULL AS is_default, "
        "e.WITH_ADMIN_OPTION = 'Y' AS is_admin "
        "FROM mysql.role_edges AS e LEFT JOIN mysql.default_roles AS d "
        "ON (d.USER, d.HOST, d.DEFAULT_ROLE_USER, d.DEFAULT_ROLE_HOST) "
        "= (e.TO_USER, e.TO_HOST, e.FROM_USER, e.FROM_HOST) "
        "WHERE (e.TO_USER, e.TO_HOST) IN ({accounts})"
    ),
    MARIADB: (
        "SELECT m.User AS name, m.Host AS host, m.Role AS role, '' AS role_host, "
        "u.default_role = m.Role AS is_default, m.Admin_option = 'Y' AS is_admin "
        "FROM mysql.roles_mapping AS m JOIN mysql.user AS u ON (u.User, u.Host) = (m.User, m.Host) "
        "WHERE (m.User, m.Host) IN ({accounts})"
    ),
}
_ROUTINES = (
    "SELECT User AS name, Host AS host, Db AS `schema`, Routine_name AS routine, "
    "Routine_type AS type, Proc_priv AS words FROM mysql.procs_priv "
    "WHERE (User, Host) IN ({accounts})"
)
_PROXIES = (
    "SELECT User AS name, Host AS host, Proxied_user AS proxied, Proxied_host AS proxied_host "
    "FROM mysql.proxies_priv WHERE (User, Host) IN ({accounts})"
)

# Rows instead of the text of SHOW GRANTS: nothing to parse, one query for all
# accounts, and ALL PRIVILEGES spelled out.
_GRANTS = (
    "SELECT GRANTEE AS grantee, NULL AS `schema`, NULL AS `table`, NULL AS `column`, "
    "PRIVILEGE_TYPE AS privilege, IS_GRANTABLE AS grantable "
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
    empty = CurrentAccounts(
        accounts={},
        vocabulary=vocabulary(server),
        login=login(server),
        plugin=server.dialect.authentication_plugin,
        schema_patterns=schema_patterns(server),
        problems=tuple(_problems(server, desired)),
        roles_have_hosts=ROLES_HAVE_HOSTS[server.flavour],
        several_default_roles=SEVERAL_DEFAULT_ROLES[server.flavour],
        limits=frozenset(_LIMITS[server.flavour]),
    )
    placed = [empty.placed(wanted) for wanted in desired]
    return replace(
        empty,
        accounts=_accounts(server, placed, empty.vocabulary),
        known_roles=_known_roles(server, placed),
        from_elsewhere=_from_elsewhere(server, placed),
    )


def vocabulary(server: Server) -> Vocabulary:
    """Return the server's words for privileges; every account may ask for them."""
    words = [str(row["Privilege"]).upper() for row in server.rows("SHOW PRIVILEGES")]
    spelling = {canonical(word): word for word in words}
    return Vocabulary(server.flavour, spelling, SYNONYMS[server.flavour], OBJECTS[server.flavour])


def login(server: Server) -> Account:
    """Return the account that the session is logged in as."""
    return Account(*str(server.row("SELECT CURRENT_USER() AS me")["me"]).rsplit("@", 1))


def schema_patterns(server: Server) -> bool:
    """Tell whether the server takes a schema in a grant as a pattern."""
    return server.variables("partial_revokes")["partial_revokes"] != "ON"


def _problems(server: Server, desired: Iterable[DesiredAccount]) -> list[str]:
    found = []
    longest_name = LONGEST_NAME[server.flavour]
    longest_password = LONGEST_PASSWORD[server.flavour]
    for wanted in desired:
        length = len(wanted.account.name)
        if length > longest_name:
            found.append(
                f"{wanted.account}: the name has {length} characters, and {server.flavour} allows "
                f"{longest_name}; shorten it."
            )
        with_length = wanted.present and re.search(r"/\d+$", wanted.account.host)
        if with_length and not TAKES_PREFIX_LENGTH[server.flavour]:
            found.append(
                f"{wanted.account}: {server.flavour} does not support networks with a prefix "
                "length, and no client could log in; write the whole mask, as in "
                "10.0.0.0/255.0.0.0."
            )
        if not wanted.password or longest_password is None:
            continue
        if len(wanted.password.reveal().encode()) > longest_password:
            found.append(
                f"{wanted.account}: the password is longer than {longest_password} bytes, the "
                f"maximum of {server.flavour}; shorten it."
            )
    return found


def _known_roles(server: Server, placed: Iterable[DesiredAccount]) -> frozenset[Account]:
    """Return those of the roles asked for that exist."""
    asked = sorted({role for one in placed for role in one.roles or ()}, key=str)
    if not asked:
        return frozenset()
    sql = "SELECT User AS name, Host AS host FROM mysql.user WHERE (User, Host) IN ({accounts})"
    return frozenset(Account(row["name"], row["host"]) for row in _rows_of(server, sql, asked))


def _from_elsewhere(server: Server, placed: Iterable[DesiredAccount]) -> frozenset[Account]:
    """Return the accounts of the names asked for, from hosts that were not."""
    asked = {one.account for one in placed}
    names = sorted({one.account.name for one in placed if one.present and not one.is_role})
    if not names:
        return frozenset()
    marks = ", ".join(["%s"] * len(names))
    sql = f"SELECT User AS name, Host AS host FROM mysql.user WHERE User IN ({marks})"
    # A role may be called as a user is.
    sql += "" if ROLES_HAVE_HOSTS[server.flavour] else " AND is_role = 'N'"
    found = {Account(row["name"], row["host"]) for row in server.rows(sql, *names)}
    return frozenset(found - asked)


def _rows_of(server: Server, sql: str, accounts: Iterable[Account], **more: str) -> list[Row]:
    """Return the rows of a query on {accounts}."""
    named = [part for account in accounts for part in (account.name, account.host)]
    marks = ", ".join(["(%s, %s)"] * (len(named) // 2))
    return server.rows(sql.format(accounts=marks, **more), *named)


def _accounts(
    server: Server, placed: Sequence[DesiredAccount], vocabulary: Vocabulary
) -> dict[Account, CurrentAccount]:
    limits = ", ".join(_LIMITS[server.flavour].values())
    rows = {
        Account(row["name"], row["host"]): row
        for row in _rows_of(
            server,
            _ACCOUNTS,
            [wanted.account for wanted in placed],
            limits=limits,
            details=_DETAILS[server.flavour],
        )
    }
    if not rows:
        return {}
    grants = _grants(server, rows, vocabulary)
    found = {
        wanted.account: _account(server, rows[wanted.account], wanted, grants[wanted.account])
        for wanted in placed
        if wanted.account in rows
    }
    for row in _rows_of(server, _ROLES[server.flavour], found):
        account = Account(row["name"], row["host"])
        one, role = found[account], {Account(row["role"], row["role_host"])}
        found[account] = replace(
            one,
            roles=one.roles | role,
            default_roles=one.default_roles | role if row["is_default"] else one.default_roles,
            admin_roles=one.admin_roles | role if row["is_admin"] else one.admin_roles,
        )
    for row in _rows_of(server, _PROXIES, found):
        account = Account(row["name"], row["host"])
        proxied = str(Account(row["proxied"], row["proxied_host"])) or "anyone"
        found[account] = replace(
            found[account], proxied=tuple(sorted({*found[account].proxied, proxied}))
        )
    return found


def _account(
    server: Server, row: Row, wanted: DesiredAccount, grants: dict[Scope, frozenset[str]]
) -> CurrentAccount:
    matches = None
    stored = bytes.fromhex(row["secret"] or "")
    if wanted.password and wanted.update_password:
        matches = password_hash.matches(row["plugin"], stored, wanted.password.reveal())
    limits = {name: float(row[column]) for name, column in _LIMITS[server.flavour].items()}
    # INVALID is how MariaDB's packages write that no password lets in.
    found = CurrentAccount(
        plugin=row["plugin"],
        password_matches=matches,
        tls=row["tls"],
        grants=grants,
        limits={name: limit for name, limit in limits.items() if limit},
        has_password=stored not in (b"", b"invalid"),
    )
    details = json.loads(row["details"] or "{}")
    return {MYSQL: _mysql, MARIADB: _mariadb}[server.flavour](found, row, details, stored)


def _mysql(
    found: CurrentAccount, row: Row, details: Mapping[str, Any], stored: bytes
) -> CurrentAccount:
    locked = row["account_locked"] == "Y"
    return replace(
        found,
        # What CREATE ROLE makes; nothing else tells a role from an account.
        is_role=locked and row["password_expired"] == "Y" and not stored,
        locked=locked,
        has_old_password="additional_password" in details,
        restrictions={
            one["Database"]: frozenset(canonical(word) for word in one["Privileges"])
            for one in details.get("Restrictions", [])
        },
    )


def _mariadb(
    found: CurrentAccount, row: Row, details: Mapping[str, Any], stored: bytes
) -> CurrentAccount:
    # A method without a plugin stands for the one that mysql.user shows.
    others = [method for method in details.get("auth_or", []) if "plugin" in method]
    with_secret = [method for method in others if method.get("authentication_string")]
    old = [
        method
        for method in with_secret
        if method["plugin"] == found.plugin == password_hash.NATIVE and found.has_password
    ]
    return replace(
        found,
        is_role=row["is_role"] == "Y",
        locked=bool(details.get("account_locked")),
        stored=Secret(stored.decode(errors="replace")),
        has_old_password=bool(old),
        other_methods=tuple(method["plugin"] for method in others if method not in old),
        keepable=len(with_secret) == len(old),
    )


def _grants(
    server: Server, accounts: Mapping[Account, Row], vocabulary: Vocabulary
) -> dict[Account, dict[Scope, frozenset[str]]]:
    """Return what each account holds: canonical words by scope.

    A privilege on a column stands at its table as ``SELECT (column)``, the right
    to hand on one dynamic privilege alone as ``GRANT OPTION (BINLOG ADMIN)``.
    """
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
        if row["grantable"] == "YES" and row["schema"] is not None:
            words.add(GRANT_OPTION)
        elif row["grantable"] == "YES" and accounts[account]["grant_option"] != "Y":
            words.add(f"{GRANT_OPTION} ({name})")
    for account, row in accounts.items():
        if row["grant_option"] == "Y":
            held[account].setdefault(Scope(), set()).add(GRANT_OPTION)
        if row.get("is_role") == "Y":
            held[account] = mariadb_roles.own_privileges(server, account.name, vocabulary)
    for row in _rows_of(server, _ROUTINES, accounts):
        scope = Scope(row["schema"], row["routine"], str(row["type"]))
        words = held[Account(row["name"], row["host"])].setdefault(scope, set())
        words |= stored_words(row["words"])
    return {
        account: {scope: frozenset(words) for scope, words in scopes.items() if words}
        for account, scopes in held.items()
    }
