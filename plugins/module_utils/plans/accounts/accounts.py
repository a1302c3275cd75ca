# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the accounts that a server has to those that it shall have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_grants import (
    add_grants,
    add_revokes,
    unlisted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_logins import (
    add_credentials,
    other_kind,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_roles import (
    add_role_revokes,
    add_roles,
    unlisted_roles,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    DROP,
    Credentials,
    CurrentAccounts,
    Draft,
    by_object,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    CurrentAccount,
    DesiredAccount,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any


def plan(desired: Sequence[DesiredAccount], current: CurrentAccounts) -> Plan:
    """Return the steps to ``desired``; what nobody listed is revoked if asked, told otherwise.

    Roles are made before any account gets one. Raises ``Refused`` with all
    problems of all accounts.
    """
    draft = Draft(problems=list(current.problems))
    placed = [current.placed(wanted) for wanted in desired]
    wanted_roles = [wanted for wanted in placed if wanted.is_role]
    made: dict[Account, CurrentAccount] = {}
    for wanted in wanted_roles:
        if wanted.account.host and not current.roles_have_hosts:
            draft.problems.append(
                f"{wanted.account}: a role has no host on {current.vocabulary.flavour}; leave it "
                "out."
            )
        if wanted.present:
            made[wanted.account] = add_credentials(draft, wanted, current)
    absent = frozenset(wanted.account for wanted in wanted_roles if not wanted.present)
    known = (current.known_roles | frozenset(made)) - absent
    for wanted in placed:
        if not wanted.present:
            continue
        base = made.get(wanted.account) if wanted.is_role else None
        base = base or add_credentials(draft, wanted, current)
        base = add_grants(draft, wanted, base, current)
        base = add_roles(draft, wanted, base, current, known)
        base = add_role_revokes(draft, wanted, base, current)
        add_revokes(draft, wanted, base, current)
    _warn_of_other_hosts(draft, placed, current)
    # Last: a role that is dropped can no longer be taken from an account.
    for wanted in placed:
        if not wanted.present:
            _add_drop(draft, wanted, current)
    refuse_if_any(draft.problems)
    return Plan(tuple(draft.steps), tuple(draft.warnings))


def result(wanted: DesiredAccount, current: CurrentAccounts, made: Plan) -> dict[str, Any]:
    """Return what a caller is told of one account."""
    wanted = current.placed(wanted)
    account = wanted.account
    actions = [step.action for step in made.steps if step.value.account == account]
    left = not wanted.revoke_unlisted
    return {
        "name": account.name,
        "host": account.host,
        "state": "present" if wanted.present else "absent",
        "changes": list(dict.fromkeys(actions)),
        "extra_privileges": by_object(unlisted(wanted, current)) if left else {},
        "extra_roles": [str(role) for role in unlisted_roles(wanted, current)] if left else [],
    }


def _warn_of_other_hosts(
    draft: Draft, placed: Sequence[DesiredAccount], current: CurrentAccounts
) -> None:
    """Name what still lets others in, as after hosts have been narrowed."""
    names = dict.fromkeys(one.account.name for one in placed if one.present and not one.is_role)
    for name in names:
        others = sorted(str(one) for one in current.from_elsewhere if one.name == name)
        if others:
            draft.warnings.append(
                f"{name}: there is also {', '.join(others)}, which is left as it is, with a password "
                "and privileges of its own. Name its host, too, or drop it with state=absent."
            )


def _add_drop(draft: Draft, wanted: DesiredAccount, current: CurrentAccounts) -> None:
    account = wanted.account
    found = current.accounts.get(account)
    if not found:
        return
    if found.is_role != wanted.is_role:
        draft.problems.append(other_kind(wanted))
    if account == current.login:
        draft.problems.append(
            f"{account} is the account that this run is logged in as; log in as another account to "
            f"drop it."
        )
    draft.step(DROP, Credentials(account, is_role=wanted.is_role), found, None)
