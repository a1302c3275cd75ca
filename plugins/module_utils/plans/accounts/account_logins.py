# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an account logs in: password, TLS, resource limits, lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    ALTER,
    CREATE,
    Credentials,
    CurrentAccounts,
    Draft,
    methods,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    DISCARD,
    KEEP,
    CurrentAccount,
    DesiredAccount,
)


def add_credentials(
    draft: Draft, wanted: DesiredAccount, current: CurrentAccounts
) -> CurrentAccount:
    """Add the step that makes the account log in as wanted; return it as it then is."""
    found = current.accounts.get(wanted.account)
    unknown = sorted(set(wanted.limits) - current.limits)
    if unknown:
        draft.problems.append(
            f"{wanted.account}: {current.vocabulary.flavour} has no {', '.join(unknown)}; leave it "
            "out."
        )
    if not found:
        return _create(draft, wanted, current)
    if wanted.is_role != found.is_role:
        draft.problems.append(other_kind(wanted))
        return found
    target, value = found, Credentials(wanted.account)
    if wanted.require_tls is not None and bool(found.tls) != wanted.require_tls:
        target = replace(target, tls="ANY" if wanted.require_tls else "")
        value = replace(value, require_tls=wanted.require_tls)
    limits = {
        name: limit for name, limit in wanted.limits.items() if limit != found.limits.get(name, 0)
    }
    if limits:
        target = replace(target, limits=_set({**found.limits, **limits}))
        value = replace(value, limits=limits)
    if wanted.locked is not None and wanted.locked != found.locked:
        target, value = replace(target, locked=wanted.locked), replace(value, locked=wanted.locked)
        if wanted.locked and wanted.account == current.login:
            draft.problems.append(
                f"{wanted.account} is the account that this run is logged in as, and could not log "
                "in again; log in as another account to lock it."
            )
    if wanted.update_password and found.password_matches is False:
        target, value = _change_password(draft, wanted, current, target, value)
    elif wanted.old_password == DISCARD and found.has_old_password:
        target = replace(target, has_old_password=False)
        value = replace(
            value, discard_old=True, stored=found.stored, keep_methods=found.other_methods
        )
    if target != found:
        draft.step(ALTER, value, found, target)
    return target


def _create(draft: Draft, wanted: DesiredAccount, current: CurrentAccounts) -> CurrentAccount:
    account = wanted.account
    if wanted.is_role:
        role = CurrentAccount("", is_role=True)
        draft.step(CREATE, Credentials(account, is_role=True), None, role)
        return role
    if not wanted.password:
        draft.problems.append(
            f"{account} does not exist, and accounts are not created without a password; "
            "give a password."
        )
    created = CurrentAccount(
        current.plugin,
        True,
        "ANY" if wanted.require_tls else "",
        limits=_set(wanted.limits),
        locked=bool(wanted.locked),
    )
    value = Credentials(
        account,
        wanted.password,
        wanted.require_tls,
        limits=_set(wanted.limits),
        locked=wanted.locked or None,
    )
    draft.step(CREATE, value, None, created)
    return created


def _change_password(
    draft: Draft,
    wanted: DesiredAccount,
    current: CurrentAccounts,
    target: CurrentAccount,
    value: Credentials,
) -> tuple[CurrentAccount, Credentials]:
    """Return the account and the step's value with the new password.

    Unless the old one is to be kept, the new one is then the only one: whoever
    changes a password that has become known means all that came before it.
    """
    account, found = wanted.account, target
    if not found.keepable:
        draft.problems.append(
            f"{account} can log in in several ways ({methods(found)}), and a new password "
            "would remove one that has its own secret; set this password by hand, with "
            "ALTER USER."
        )
    keep = wanted.old_password == KEEP and found.has_password
    if keep and found.plugin != current.plugin:
        draft.problems.append(
            f"{account} authenticates with {found.plugin}, and only a password of "
            f"{current.plugin} can be kept together with a new one; leave old_password out, or "
            "create a second account and change over to it."
        )
    if keep and found.has_old_password:
        draft.warnings.append(
            f"{account}: the password kept at the previous change is no longer accepted: a server "
            "keeps only one old password."
        )
    kept = tuple(method for method in found.other_methods if method != current.plugin)
    target = replace(
        target,
        plugin=current.plugin,
        password_matches=True,
        has_password=True,
        has_old_password=keep,
        other_methods=kept,
    )
    value = replace(
        value,
        password=wanted.password,
        keep_methods=kept,
        keep_old=keep,
        discard_old=found.has_old_password and not keep,
        stored=found.stored if keep else None,
    )
    return target, value


def _set(limits: Mapping[str, float]) -> dict[str, float]:
    """Return those that limit anything: servers count 0 as none."""
    return {name: limit for name, limit in limits.items() if limit}


def other_kind(wanted: DesiredAccount) -> str:
    """Say that an account is a role where a user is meant, or the other way round."""
    if wanted.is_role:
        return (
            f"{wanted.account} is not a role: it can log in. Name another role, or drop the "
            "account first, with kind user."
        )
    return (
        f"{wanted.account} is a role: locked, and without a password. Use kind role, or name "
        "another account."
    )
