# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles of accounts, and which of them are active from login on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    DEFAULT_ROLES,
    GRANT_ROLES,
    REVOKE_ROLES,
    CurrentAccounts,
    Draft,
    RoleGrant,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    CurrentAccount,
    DesiredAccount,
)


def unlisted_roles(wanted: DesiredAccount, current: CurrentAccounts) -> tuple[Account, ...]:
    """Return the roles that the account has and nobody listed; none where no roles were asked."""
    found = current.accounts.get(wanted.account)
    if not found or not wanted.present or wanted.roles is None:
        return ()
    return _sorted(found.roles - set(wanted.roles))


def add_roles(
    draft: Draft,
    wanted: DesiredAccount,
    base: CurrentAccount,
    current: CurrentAccounts,
    known: frozenset[Account],
) -> CurrentAccount:
    """Add the steps for roles and default roles that are missing; return the account as it then is.

    ``known`` are the roles that exist by then.
    """
    asked = frozenset(wanted.roles or ())
    _check(draft, wanted, base, current, known)
    missing = _sorted(asked - base.roles)
    if missing:
        after = replace(base, roles=base.roles | asked)
        draft.step(GRANT_ROLES, RoleGrant(wanted.account, missing), base, after)
        base = after
    default = base.default_roles
    if wanted.default_roles is not None:
        default = frozenset(wanted.default_roles)
    elif wanted.revoke_unlisted:
        # A default role that is gone would be named again if it came back.
        default = default - set(unlisted_roles(wanted, current))
    if default != base.default_roles:
        after = replace(base, default_roles=default)
        draft.step(DEFAULT_ROLES, RoleGrant(wanted.account, _sorted(default)), base, after)
        base = after
    return base


def add_role_revokes(
    draft: Draft, wanted: DesiredAccount, base: CurrentAccount, current: CurrentAccounts
) -> CurrentAccount:
    """Add the step that takes away roles nobody listed, if asked, or tell them; return the rest."""
    extra = unlisted_roles(wanted, current)
    admin = _sorted(base.admin_roles & set(wanted.roles or ()))
    if wanted.revoke_unlisted and admin:
        draft.warnings.append(
            f"{wanted.account} may grant {', '.join(str(role) for role in admin)} to others (WITH "
            "ADMIN OPTION), which is left as it is; to remove that, REVOKE the role and run this "
            "again, which grants it without."
        )
    if not extra:
        return base
    said = ", ".join(str(role) for role in extra)
    if not draft.may_revoke(wanted, current.login, "roles", said):
        return base
    after = replace(base, roles=base.roles - set(extra))
    draft.step(REVOKE_ROLES, RoleGrant(wanted.account, extra), base, after)
    return after


def _check(
    draft: Draft,
    wanted: DesiredAccount,
    base: CurrentAccount,
    current: CurrentAccounts,
    known: frozenset[Account],
) -> None:
    asked = frozenset(wanted.roles or ())
    default = frozenset(wanted.default_roles or ())
    hosts = [role for role in asked | default if role.host and not current.roles_have_hosts]
    for role in _sorted(hosts):
        draft.problems.append(
            f"{wanted.account}: {role}: a role has no host on {current.vocabulary.flavour}; write "
            f"{role.name}."
        )
    for role in _sorted(asked - known - set(hosts)):
        draft.problems.append(
            f"{wanted.account}: the role {role} does not exist; create it first, with kind role."
        )
    kept = asked if wanted.revoke_unlisted and wanted.roles is not None else asked | base.roles
    for role in _sorted(default - kept - set(hosts)):
        draft.problems.append(
            f"{wanted.account}: the default role {role} is not one of its roles; list it in roles "
            "as well."
        )
    if len(default) > 1 and not current.several_default_roles:
        draft.problems.append(
            f"{wanted.account}: {len(default)} default roles, but "
            f"{current.vocabulary.flavour} allows one; create a role that has all of them."
        )


def _sorted(roles: Iterable[Account]) -> tuple[Account, ...]:
    return tuple(sorted(roles, key=lambda role: (role.name, role.host)))
