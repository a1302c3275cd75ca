# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements that change accounts, their privileges and their roles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    CREATE,
    DEFAULT_ROLES,
    DROP,
    GRANT,
    GRANT_ROLES,
    REVOKE,
    REVOKE_ROLES,
    Credentials,
    Grant,
    RoleGrant,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts import password_hash
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    GRANT_OPTION,
    Account,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account_options import (
    LIMITS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)

# How the present password is kept besides a new one. MariaDB tries one method
# after the other, so the old password is one more method of the same plugin.
_KEEP_OLD = {MYSQL: " RETAIN CURRENT PASSWORD", MARIADB: " OR mysql_native_password USING %s"}
# A statement of its own for ending it; MariaDB writes the methods that remain.
_DISCARD_OLD = {MYSQL: "ALTER USER {account} DISCARD OLD PASSWORD"}
_DEFAULT_ROLES = {
    MYSQL: "ALTER USER {account} DEFAULT ROLE {roles}",
    MARIADB: "SET DEFAULT ROLE {roles} FOR {account}",
}
# MySQL takes GRANT OPTION from dynamic privileges in its tables alone: sessions
# that log in later have it still, until it reads them again.
_AFTER_GRANT_OPTION = {MYSQL: (Statement("FLUSH PRIVILEGES"),), MARIADB: ()}


def statements(step: Step, server: Server) -> list[Statement]:
    """Return the statements that take a step; a password is in them as a hash only."""
    value: Credentials | Grant | RoleGrant = step.value
    if isinstance(value, Grant):
        return _privileges(step.action, value, server)
    if isinstance(value, RoleGrant):
        return [_roles(step.action, value, server)]
    account, args = _named([value.account])
    if value.is_role:
        return [Statement(f"{'DROP' if step.action == DROP else 'CREATE'} ROLE {account}", args)]
    if step.action == DROP:
        return [Statement(f"DROP USER {account}", args)]
    if step.action == CREATE:
        options, more = _options(value, server)
        return [Statement(f"CREATE USER {account}{options}", args + more)]
    made = []
    if value.discard_old and server.flavour in _DISCARD_OLD:
        # First: a run that ends between the two still finds the new password to be set.
        made.append(Statement(_DISCARD_OLD[server.flavour].format(account=account), args))
    options, more = _options(value, server)
    if options:
        made.append(Statement(f"ALTER USER {account}{options}", args + more))
    return made


def _privileges(action: str, value: Grant, server: Server) -> list[Statement]:
    account, args = _named([value.account])
    words = ", ".join(dict.fromkeys(_word(word) for word in value.privileges))
    verb, preposition = {GRANT: ("GRANT", "TO"), REVOKE: ("REVOKE", "FROM")}[action]
    sql = f"{verb} {words} ON {_quoted(value.scope)} {preposition} {account}"
    made = [Statement(sql, args)]
    if action == REVOKE and value.scope == Scope() and GRANT_OPTION in words:
        made += _AFTER_GRANT_OPTION[server.flavour]
    return made


def _roles(action: str, value: RoleGrant, server: Server) -> Statement:
    roles, role_args = _named(value.roles)
    account, args = _named([value.account])
    if action == DEFAULT_ROLES:
        sql = _DEFAULT_ROLES[server.flavour]
        roles_first = sql.index("{roles}") < sql.index("{account}")
        return Statement(
            sql.format(account=account, roles=roles or "NONE"),
            role_args + args if roles_first else args + role_args,
        )
    verb, preposition = {GRANT_ROLES: ("GRANT", "TO"), REVOKE_ROLES: ("REVOKE", "FROM")}[action]
    return Statement(f"{verb} {roles} {preposition} {account}", role_args + args)


def _options(value: Credentials, server: Server) -> tuple[str, tuple[Any, ...]]:
    """Return what follows the account in CREATE USER and ALTER USER."""
    sql = ""
    args: tuple[Any, ...] = ()
    password = value.stored
    if value.password:
        password = Secret(_hash(server, value.password))
    elif server.flavour in _DISCARD_OLD:
        password = None
    if password:
        sql += f" {server.dialect.authentication_by_hash}"
        args += (password,)
        if value.keep_old:
            sql += _KEEP_OLD[server.flavour]
            args += (value.stored,) * _KEEP_OLD[server.flavour].count("%s")
        sql += "".join(f" OR {quote_identifier(method)}" for method in value.keep_methods)
    if value.require_tls is not None:
        sql += " REQUIRE SSL" if value.require_tls else " REQUIRE NONE"
    if value.limits:
        limits = [name for name in LIMITS if name in value.limits]
        sql += " WITH " + " ".join(
            f"{_limit_word(name)} {_number(value.limits[name])}" for name in limits
        )
    if value.locked is not None:
        sql += " ACCOUNT LOCK" if value.locked else " ACCOUNT UNLOCK"
    return sql, args


def _limit_word(name: str) -> str:
    return name.replace("_seconds", "").upper()


def _number(value: float) -> str:
    """Write a number without an exponent, which servers read as another kind of number."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _named(accounts: Iterable[Account]) -> tuple[str, tuple[Any, ...]]:
    """Return placeholders for accounts and what is bound to them; some roles have no host."""
    marks, args = [], []
    for account in accounts:
        marks.append("%s@%s" if account.host else "%s")
        args += [account.name, account.host] if account.host else [account.name]
    return ", ".join(marks), tuple(args)


def _word(word: str) -> str:
    """Return a privilege as it stands in a statement, its column quoted."""
    found = re.fullmatch(r"(.+?) \((.+)\)", word, re.DOTALL)
    if not found:
        return word
    # The right to hand on one dynamic privilege goes with the right to hand on all.
    if found[1] == GRANT_OPTION:
        return GRANT_OPTION
    return f"{found[1]} ({quote_identifier(found[2])})"


def _quoted(scope: Scope) -> str:
    if scope.schema is None:
        return "*.*"
    if scope.table is None:
        return f"{quote_identifier(scope.schema)}.*"
    return f"{scope.routine} {quote_table(scope.schema, scope.table)}".lstrip()


def _hash(server: Server, password: Secret) -> str:
    return _HASHES[server.dialect.authentication_plugin](server, password.reveal())


def _native(_server: Server, password: str) -> str:
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
