# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of plans for accounts, and what is known when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Union

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    CurrentAccount,
    DesiredAccount,
    Scope,
    Vocabulary,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

CREATE = "create account"
ALTER = "alter account"
GRANT = "grant privileges"
REVOKE = "revoke privileges"
GRANT_ROLES = "grant roles"
DEFAULT_ROLES = "set default roles"
REVOKE_ROLES = "revoke roles"
DROP = "drop account"


@dataclass(frozen=True)
class CurrentAccounts:
    """What a server has of the accounts in question, and what it understands.

    ``login`` is the account that the run is logged in as, ``plugin`` the one that
    new passwords get. ``schema_patterns`` tells whether the server takes a
    schema in a grant as a pattern. ``problems`` are those of the desired
    accounts that only the server's limits show. ``known_roles`` are those of the
    roles in question that exist. ``roles_have_hosts`` tells whether a role is
    named with a host, ``several_default_roles`` whether an account may have more
    than one, and ``limits`` the resource limits that the server has. ``from_elsewhere``
    are accounts of the same names, from hosts that nobody named.
    """

    accounts: Mapping[Account, CurrentAccount]
    vocabulary: Vocabulary
    login: Account
    plugin: str
    schema_patterns: bool = True
    problems: tuple[str, ...] = ()
    known_roles: frozenset[Account] = frozenset()
    roles_have_hosts: bool = True
    several_default_roles: bool = True
    limits: frozenset[str] = frozenset()
    from_elsewhere: frozenset[Account] = frozenset()

    def placed(self, wanted: DesiredAccount) -> DesiredAccount:
        """Return ``wanted`` with roles and objects named as this server names them."""
        if wanted.privileges is not None:
            wanted = replace(wanted, privileges=self.vocabulary.placed(wanted.privileges))
        if self.roles_have_hosts:
            return wanted
        account = without_host(wanted.account) if wanted.is_role else wanted.account
        roles, default_roles = (
            None if named is None else tuple(without_host(role) for role in named)
            for named in (wanted.roles, wanted.default_roles)
        )
        return replace(wanted, account=account, roles=roles, default_roles=default_roles)


def without_host(role: Account) -> Account:
    """Return a role as servers name it whose roles have no hosts; one that is asked for stays."""
    return Account(role.name, "") if role.host == "%" else role


@dataclass(frozen=True)
class Credentials:
    """A step's account, and what is set of it; None: left alone.

    ``keep_old`` lets the present password in further, besides the new one, and
    ``discard_old`` ends the one that was kept before. ``stored`` is the hash of the
    present password, for servers that must be told it to keep it.
    """

    account: Account
    password: Secret | None = None
    require_tls: bool | None = None
    keep_methods: tuple[str, ...] = ()
    keep_old: bool = False
    discard_old: bool = False
    stored: Secret | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    locked: bool | None = None
    is_role: bool = False


@dataclass(frozen=True)
class Grant:
    """Privileges that a step adds to an account or takes from it, in the server's spelling.

    A privilege on a column is the word and, after it in parentheses, the column.
    """

    account: Account
    scope: Scope
    privileges: tuple[str, ...]


@dataclass(frozen=True)
class RoleGrant:
    """Roles that a step adds to an account, takes from it, or makes its default ones."""

    account: Account
    roles: tuple[Account, ...]


Value = Union[Credentials, Grant, RoleGrant]


@dataclass
class Draft:
    """A plan that is being made."""

    steps: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def step(
        self,
        action: str,
        value: Value,
        before: CurrentAccount | None,
        after: CurrentAccount | None,
    ) -> None:
        """Add a step of one account."""
        self.steps.append(
            Step(
                action,
                str(value.account),
                None if before is None else shown(before),
                None if after is None else shown(after),
                value,
            )
        )

    def may_revoke(self, wanted: DesiredAccount, login: Account, kind: str, said: str) -> bool:
        """Tell what nobody has listed (``said``), and whether it is asked to go.

        It is a problem if the run would take it from the account that it is logged in as.
        """
        if not wanted.revoke_unlisted:
            self.warnings.append(
                f"{wanted.account} has {kind} that are not listed; they are left as they are: "
                f"{said}."
            )
            return False
        if wanted.account == login:
            self.problems.append(
                f"{wanted.account} is the account that this run is logged in as, and would lose "
                f"the {kind} {said}; list them, or log in as another account."
            )
        return True


def methods(account: CurrentAccount) -> str:
    """Return by what plugins an account can log in."""
    return " or ".join((account.plugin, *account.other_methods))


def by_object(grants: Mapping[Scope, frozenset[str]]) -> dict[str, list[str]]:
    """Return privileges as a person reads them: sorted words by object."""
    merged: dict[str, set[str]] = {}
    for scope, words in grants.items():
        merged.setdefault(str(scope), set()).update(words)
    return {name: sorted(merged[name]) for name in sorted(merged)}


def shown(account: CurrentAccount) -> dict[str, object]:
    """Return what diff mode shows: of a password only whether it is the one asked for."""
    said: dict[str, object] = {"privileges": by_object(account.grants)}
    if account.roles:
        said["roles"] = sorted(str(role) for role in account.roles)
    if account.is_role:
        return said
    said["authentication"] = methods(account)
    said["tls"] = {"": "not required", "ANY": "required"}.get(account.tls, account.tls)
    said["locked"] = account.locked
    if account.password_matches is not None:
        said["password"] = "set" if account.password_matches else "different"
    if account.has_old_password:
        said["old_password"] = "kept"
    if account.default_roles:
        said["default_roles"] = sorted(str(role) for role in account.default_roles)
    if account.limits:
        said["resource_limits"] = dict(sorted(account.limits.items()))
    return said
