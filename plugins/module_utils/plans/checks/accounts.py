# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the collection's own accounts: one is missing, may too little, or too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    by_object,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    DesiredAccount,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.held import (
    Held,
    HeldAccounts,
    beyond,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    Observed,
    Seen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)


def judge(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Judge each server's accounts by those that belong there; of no others anything is said."""
    for server in checked.servers:
        seen = observed.servers.get(server.name)
        wanted = checked.accounts.get(server.name, ())
        if seen and seen.accounts and wanted:
            yield from _missing(server.name, wanted, seen, seen.accounts)
            yield from _excess(server.name, wanted, seen.accounts)


def _missing(
    server: str, wanted: Sequence[DesiredAccount], seen: Seen, held: HeldAccounts
) -> Iterator[Finding]:
    for one in wanted:
        where = f"{server}, account {one.account}"
        if one.account not in held.privileges:
            others = [str(other) for other in held.privileges if other.name == one.account.name]
            beside = f" There is {', '.join(sorted(others))}, from elsewhere." if others else ""
            yield Finding(
                "account.missing",
                CRITICAL,
                where,
                f"It does not exist, and nobody can log in as it.{beside}",
                "Run site.yml, which makes it.",
            )
            continue
        # What the one that asks may not read is told as that.
        if seen.refused and one.account == held.login:
            continue
        lacking = beyond(held.meant(one.privileges or {}), held.privileges[one.account])
        if lacking:
            yield Finding(
                "account.privilege_missing",
                CRITICAL,
                where,
                f"It lacks what it needs: {_said(lacking)}.",
                "Run site.yml, which gives it that.",
            )


def _excess(server: str, wanted: Sequence[DesiredAccount], held: HeldAccounts) -> Iterator[Finding]:
    for account in sorted(held.privileges, key=str):
        more = _said(beyond(held.privileges[account], _allowed(account, wanted, held)))
        roles = [f"the role {role}" for role in held.roles.get(account, ())]
        if more or roles:
            yield Finding(
                "account.excess",
                WARNING,
                f"{server}, account {account}",
                f"It may do more than it is for: {'; '.join([*([more] if more else []), *roles])}.",
                "Revoke that; whoever needs it gets an account of their own.",
            )


def _allowed(account: Account, wanted: Sequence[DesiredAccount], held: HeldAccounts) -> Held:
    """Return what an account of that name may have, from whatever hosts it comes."""
    found: dict[Scope, frozenset[str]] = {}
    for one in wanted:
        if one.account.name == account.name:
            for scope, words in held.meant(one.privileges or {}).items():
                found[scope] = found.get(scope, frozenset()) | words
    return found


def _said(privileges: Held) -> str:
    return "; ".join(
        f"{', '.join(words)} on {name}" for name, words in by_object(privileges).items()
    )
