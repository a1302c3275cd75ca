# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user writes of accounts, read into accounts, with all that is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    DesiredAccount,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

ROLE = "role"
STATEMENT_TIME = "max_statement_time_seconds"
# Each resource limit with the largest value that both servers keep as it is. 0 is none.
LIMITS: dict[str, float] = {
    "max_queries_per_hour": 4294967295,
    "max_updates_per_hour": 4294967295,
    "max_connections_per_hour": 4294967295,
    "max_user_connections": 2147483647,
    # A DECIMAL(12,6) in the view mysql.user.
    STATEMENT_TIME: 999999,
}
# Of a role, which nobody logs in as, these make no sense.
LOGIN_OPTIONS = (
    "hosts",
    "password",
    "update_password",
    "old_password",
    "require_tls",
    "resource_limits",
    "locked",
    "default_roles",
)


def desired_accounts(options: Sequence[Mapping[str, Any]]) -> list[DesiredAccount]:
    """Return what the options of each account ask for; one account for each host.

    Raises ``Refused`` with all that is wrong in any of them.
    """
    problems: list[str] = []
    wanted = [one for given in options for one in _desired_accounts(given, problems)]
    seen: set[tuple[Account, bool]] = set()
    for one in wanted:
        problems += one.account.problems
        if one.present:
            problems += _grammar_problems(one)
        if (one.account, one.is_role) in seen:
            problems.append(f"{one.account} is listed twice; merge the two entries.")
        seen.add((one.account, one.is_role))
    if not options:
        problems.append("The list of accounts is empty; name at least one.")
    refuse_if_any(problems)
    return wanted


def _grammar_problems(wanted: DesiredAccount) -> list[str]:
    """Return what is wrong with the words of an account that is to be there."""
    name, host = wanted.account.name, wanted.account.host
    # How long a name may be depends on the server, which is asked.
    found = grammar.told(f"{wanted.account}: the name", name, grammar.text) if name else []
    if host and not wanted.is_role:
        found += grammar.told(f"{wanted.account}: the host", host, grammar.account_host)
    return found


def _desired_accounts(options: Mapping[str, Any], problems: list[str]) -> list[DesiredAccount]:
    name, hosts = options["name"] or "", options["hosts"]
    if hosts is None:
        hosts = ["%" if options["host"] is None else options["host"]]
    elif options["host"] is not None:
        problems.append(f"{name}: host and hosts exclude each other; put all into hosts.")
    elif not hosts:
        problems.append(f"{name}: hosts is empty; name at least one, or leave it out.")
    # What is said of the entry as a whole is said once, whatever the hosts.
    label = str(Account(name, hosts[0] if len(hosts) == 1 else ""))
    is_role = options["kind"] == ROLE
    if is_role:
        wrong = [option for option in LOGIN_OPTIONS if options[option] is not None]
        if wrong:
            problems.append(f"{label}: a role cannot log in; leave out {', '.join(wrong)}.")
    _check_password(label, options["password"], problems)
    privileges, roles = _privileges(label, options["privileges"], problems), options["roles"]
    if options["revoke_unlisted"] and privileges is None and roles is None:
        problems.append(
            f"{label}: revoke_unlisted needs privileges or roles; list what the account must have."
        )
    common: dict[str, Any] = {
        "present": options["state"] != "absent",
        "password": Secret(options["password"]) if options["password"] else None,
        "update_password": options["update_password"] in (None, "always"),
        "require_tls": options["require_tls"],
        "privileges": privileges,
        "is_role": is_role,
        "revoke_unlisted": bool(options["revoke_unlisted"]),
        "roles": _roles(label, "roles", roles, problems),
        "default_roles": _roles(label, "default_roles", options["default_roles"], problems),
        "limits": _limits(label, options["resource_limits"] or {}, problems),
        "locked": options["locked"],
        "old_password": options["old_password"],
    }
    # Servers store hosts in lower case.
    return [DesiredAccount(Account(name, host.lower()), **common) for host in hosts]


def _check_password(label: str, password: str | None, problems: list[str]) -> None:
    if password == "":
        problems.append(
            f"{label}: an empty password lets anyone log in; give a password, or leave the option "
            "out."
        )
    elif password and "\0" in password:
        problems.append(
            f"{label}: the password has a NUL character in it, where clients stop reading; leave "
            "it out."
        )


def _privileges(
    label: str, given: Mapping[str, Any] | None, problems: list[str]
) -> dict[Scope, tuple[str, ...]] | None:
    if given is None:
        return None
    privileges: dict[Scope, tuple[str, ...]] = {}
    for text, words in given.items():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            problems.append(
                f"{label}: the privileges on {text!r} are not a list of words; write, "
                "for example, [SELECT, INSERT]."
            )
            continue
        try:
            scope = Scope.parse(text)
        except ValueError as error:
            problems.append(f"{label}: {error}.")
            continue
        privileges[scope] = privileges.get(scope, ()) + tuple(words)
    return privileges


def account_privileges(given: Mapping[str, Any]) -> dict[Scope, tuple[str, ...]]:
    """Return privileges by object as they are given for one account; raises ``Refused``."""
    problems: list[str] = []
    found = _privileges("", given, problems)
    refuse_if_any([problem.removeprefix(": ") for problem in problems])
    return found or {}


def _roles(
    label: str, option: str, given: Sequence[str] | None, problems: list[str]
) -> tuple[Account, ...] | None:
    """Read roles that are written as ``name`` or ``name@host``."""
    if given is None:
        return None
    roles = []
    for text in given:
        name, _rest, host = text.rpartition("@") if "@" in text else (text, "", "%")
        role = Account(name, host.lower())
        problems += [f"{label}: {option}: {problem}" for problem in role.problems]
        roles.append(role)
    return tuple(dict.fromkeys(roles))


def _limits(label: str, given: Mapping[str, float | None], problems: list[str]) -> dict[str, float]:
    limits = {name: value for name, value in given.items() if value is not None}
    for name, value in limits.items():
        if not 0 <= value <= LIMITS[name]:
            problems.append(
                f"{label}: {name} {value} is out of range; choose 0 (no limit) to "
                f"{LIMITS[name]:.0f}."
            )
        elif round(value, 6) != value:
            problems.append(f"{label}: {name} {value!r} is finer than a microsecond; round it.")
    return limits
