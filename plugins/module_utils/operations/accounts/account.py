# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of a server, with their passwords, privileges and roles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts import (
    accounts as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    CurrentAccounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts.account_statements import (
    statements,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts.accounts import read
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    DesiredAccount,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account_options import (
    desired_accounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

# No defaults: a top-level state that only seemed to apply to a list of accounts could not be
# distinguished from one that nobody gave.
ACCOUNT: Options = {
    "name": {"type": "str"},
    "host": {"type": "str"},
    "hosts": {"type": "list", "elements": "str"},
    "kind": {"type": "str", "choices": ["user", "role"]},
    "password": {"type": "str", "no_log": True},
    "update_password": {"type": "str", "choices": ["always", "on_create"], "no_log": False},
    "old_password": {"type": "str", "choices": ["keep", "discard"], "no_log": False},
    "privileges": {"type": "dict"},
    "roles": {"type": "list", "elements": "str"},
    "default_roles": {"type": "list", "elements": "str"},
    "revoke_unlisted": {"type": "bool"},
    "require_tls": {"type": "bool"},
    "resource_limits": {
        "type": "dict",
        "options": {
            "max_queries_per_hour": {"type": "int"},
            "max_updates_per_hour": {"type": "int"},
            "max_connections_per_hour": {"type": "int"},
            "max_user_connections": {"type": "int"},
            "max_statement_time_seconds": {"type": "float"},
        },
    },
    "locked": {"type": "bool"},
    "state": {"type": "str", "choices": ["present", "absent"]},
}


@dataclass(frozen=True)
class Desired:
    """The accounts, and whether what is done with them enters the binary log."""

    accounts: Sequence[DesiredAccount]
    logged: bool = False


class Accounts(Operation[Desired, CurrentAccounts]):
    """One account or several."""

    on_closed_members = True
    options = {
        "binary_log": {"type": "bool", "default": False},
        **ACCOUNT,
        "accounts": {
            "type": "list",
            "elements": "dict",
            "options": {**ACCOUNT, "name": {"type": "str", "required": True}},
        },
    }
    constraints = {
        "mutually_exclusive": [("accounts", option) for option in ACCOUNT],
        "required_one_of": [("name", "accounts")],
    }

    def desired(self, params: Params) -> Desired:
        given = params["accounts"]
        if given is None:
            given = [{option: params[option] for option in ACCOUNT}]
        return Desired(desired_accounts(given), params["binary_log"])

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        names = ask()
        return replace(desired, accounts=[one.named(names) for one in desired.accounts])

    def leaves_log(self, desired: Desired) -> bool:
        return not desired.logged

    def current(self, server: Server, desired: Desired) -> CurrentAccounts:
        return read(server, desired.accounts)

    def plan(self, desired: Desired, current: CurrentAccounts) -> Plan:
        return planning.plan(desired.accounts, current)

    def statements(self, server: Server, current: CurrentAccounts, step: Step) -> list[Statement]:
        return statements(step, server)

    def result(
        self,
        server: Server,
        desired: Desired,
        current: CurrentAccounts,
        plan: Plan,
        done: Done,
    ) -> dict[str, Any]:
        return {"accounts": [planning.result(one, current, plan) for one in desired.accounts]}
