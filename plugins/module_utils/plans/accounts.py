# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the accounts that a server has to those that it shall have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.account import (
    Account,
    CurrentAccount,
    DesiredAccount,
    Scope,
    Vocabulary,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

CREATE = "create account"
ALTER = "alter account"
GRANT = "grant privileges"
DROP = "drop account"


@dataclass(frozen=True)
class CurrentAccounts:
    """What a server has of the accounts in question, and what it understands.

    ``login`` is the account that the run is logged in as, ``plugin`` the one that
    new passwords get. ``schema_patterns`` tells whether the server takes a
    schema in a grant as a pattern. ``problems`` are those of the desired
    accounts that only the server's limits show.
    """

    accounts: Mapping[Account, CurrentAccount]
    vocabulary: Vocabulary
    login: Account
    plugin: str
    schema_patterns: bool = True
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Credentials:
    """A step's account, and what is set of it; None: left alone."""

    account: Account
    password: Secret | None = None
    require_tls: bool | None = None
    keep_methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grant:
    """Privileges that a step adds to an account, in the server's spelling."""

    account: Account
    scope: Scope
    privileges: tuple[str, ...]


@dataclass
class _Draft:
    """A plan that is being made."""

    steps: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def step(
        self,
        action: str,
        value: Credentials | Grant,
        before: CurrentAccount | None,
        after: CurrentAccount | None,
    ) -> None:
        """Add a step of one account."""
        self.steps.append(
            Step(
                action,
                str(value.account),
                None if before is None else _shown(before),
                None if after is None else _shown(after),
                value,
            )
        )


def plan(desired: Sequence[DesiredAccount], current: CurrentAccounts) -> Plan:
    """Return the steps to ``desired``; privileges that nobody listed are told, not revoked.

    Raises ``Refused`` with all problems of all accounts.
    """
    draft = _Draft(problems=list(current.problems))
    for wanted in desired:
        if wanted.present:
            grants, problems = wanted_grants(wanted, current)
            draft.problems += problems
            base = _add_credentials(draft, wanted, current)
            _add_grants(draft, wanted.account, base, grants, current.vocabulary)
            _tell_extra(draft, wanted, current)
        else:
            _add_drop(draft, wanted.account, current)
    refuse_if_any(draft.problems)
    return Plan(tuple(draft.steps), tuple(draft.warnings))


def wanted_grants(
    wanted: DesiredAccount, current: CurrentAccounts
) -> tuple[dict[Scope, frozenset[str]], list[str]]:
    """Return the privileges asked for, by scope as this server spells it, and what is wrong.

    A scope that the account has already keeps its spelling: of several schema
    patterns that match, servers apply one alone, so a second spelling of the
    same schema would take away what the first one gave.
    """
    found = current.accounts.get(wanted.account)
    present = found.grants if found else {}
    grants: dict[Scope, frozenset[str]] = {}
    problems = []
    for asked, words in (wanted.privileges or {}).items():
        scope = asked
        if not current.schema_patterns:
            if asked.has_wildcard:
                problems.append(
                    f"{wanted.account}: {asked} is no pattern on this server, which has "
                    "partial_revokes ON; list the schemas."
                )
            scope = asked.literal()
        elif asked not in present:
            scope = next((other for other in present if other.same_as(asked)), asked)
        privileges, wrong = current.vocabulary.resolve(words, scope)
        problems += [f"{wanted.account}: {problem}" for problem in wrong]
        grants[scope] = grants.get(scope, frozenset()) | privileges
    return grants, problems


def extra_privileges(wanted: DesiredAccount, current: CurrentAccounts) -> dict[str, list[str]]:
    """Return the privileges that the account has and nobody listed, by object.

    Nothing where no privileges were asked for at all.
    """
    found = current.accounts.get(wanted.account)
    if not found or not wanted.present or wanted.privileges is None:
        return {}
    asked, _ = wanted_grants(wanted, current)
    unlisted = {
        scope: privileges - asked.get(scope, frozenset())
        for scope, privileges in found.grants.items()
    }
    return _by_object(unlisted)


def result(wanted: DesiredAccount, current: CurrentAccounts, made: Plan) -> dict[str, Any]:
    """Return what a caller is told of one account."""
    account = wanted.account
    actions = [step.action for step in made.steps if step.value.account == account]
    return {
        "name": account.name,
        "host": account.host,
        "state": "present" if wanted.present else "absent",
        "changes": list(dict.fromkeys(actions)),
        "extra_privileges": extra_privileges(wanted, current),
    }


def _add_drop(draft: _Draft, account: Account, current: CurrentAccounts) -> None:
    found = current.accounts.get(account)
    if not found:
        return
    if account == current.login:
        draft.problems.append(
            f"{account} is the account that this run is logged in as; log in as another to drop it."
        )
    draft.step(DROP, Credentials(account), found, None)


def _add_credentials(
    draft: _Draft, wanted: DesiredAccount, current: CurrentAccounts
) -> CurrentAccount:
    """Add the step that makes the account log in as wanted; return it as it then is."""
    account = wanted.account
    found = current.accounts.get(account)
    if not found:
        if not wanted.password:
            draft.problems.append(
                f"{account} does not exist, and an account without a password is never created; "
                "give it a password."
            )
        created = CurrentAccount(current.plugin, True, "ANY" if wanted.require_tls else "")
        value = Credentials(account, wanted.password, wanted.require_tls)
        draft.step(CREATE, value, None, created)
        return created
    target, value = found, Credentials(account)
    if wanted.require_tls is not None and bool(found.tls) != wanted.require_tls:
        target = replace(target, tls="ANY" if wanted.require_tls else "")
        value = replace(value, require_tls=wanted.require_tls)
    if wanted.update_password and found.password_matches is False:
        kept = tuple(method for method in found.other_methods if method != current.plugin)
        target = replace(target, plugin=current.plugin, password_matches=True, other_methods=kept)
        value = replace(value, password=wanted.password, keep_methods=kept)
        if not found.keepable:
            draft.problems.append(
                f"{account} can log in in several ways ({_methods(found)}), and a new password "
                "would take away one with a secret of its own; set this password by hand, with "
                "ALTER USER."
            )
    if target != found:
        draft.step(ALTER, value, found, target)
    return target


def _add_grants(
    draft: _Draft,
    account: Account,
    base: CurrentAccount,
    grants: Mapping[Scope, frozenset[str]],
    vocabulary: Vocabulary,
) -> None:
    for scope, privileges in grants.items():
        present = base.grants.get(scope, frozenset())
        missing = privileges - present
        if not missing:
            continue
        if scope not in base.grants:
            draft.warnings += _shadowed(account, scope, privileges, base)
        after = replace(base, grants={**base.grants, scope: present | missing})
        words = tuple(sorted(vocabulary.spelling[word] for word in missing))
        draft.step(GRANT, Grant(account, scope, words), base, after)
        base = after


def _shadowed(
    account: Account, scope: Scope, privileges: frozenset[str], base: CurrentAccount
) -> list[str]:
    """Say what the account loses at ``scope`` because a wider pattern stops counting there."""
    wider = [other for other in base.grants if other.has_wildcard and other.covers(scope)]
    lost = frozenset[str]().union(*(base.grants[other] for other in wider)) - privileges
    if not lost:
        return []
    return [
        f"{account}: on {scope} the new grant counts instead of that on "
        f"{', '.join(str(other) for other in wider)}, because a server applies only the most "
        f"specific pattern; it no longer has {', '.join(sorted(lost))} there. List them for "
        f"{scope}, too, if they are needed."
    ]


def _tell_extra(draft: _Draft, wanted: DesiredAccount, current: CurrentAccounts) -> None:
    extra = extra_privileges(wanted, current)
    if extra:
        said = "; ".join(f"{', '.join(words)} on {scope}" for scope, words in extra.items())
        draft.warnings.append(
            f"{wanted.account} has privileges that are not listed, left as they are: {said}."
        )


def _methods(account: CurrentAccount) -> str:
    return " or ".join((account.plugin, *account.other_methods))


def _by_object(grants: Mapping[Scope, frozenset[str]]) -> dict[str, list[str]]:
    merged: dict[str, set[str]] = {}
    for scope, words in grants.items():
        if words:
            merged.setdefault(str(scope), set()).update(words)
    return {name: sorted(merged[name]) for name in sorted(merged)}


def _shown(account: CurrentAccount) -> dict[str, object]:
    """Return what diff mode shows: of a password only whether it is the one asked for."""
    shown: dict[str, object] = {
        "authentication": _methods(account),
        "tls": {"": "not required", "ANY": "required"}.get(account.tls, account.tls),
        "privileges": _by_object(account.grants),
    }
    if account.password_matches is not None:
        shown["password"] = "set" if account.password_matches else "different"
    return shown
