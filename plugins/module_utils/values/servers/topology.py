# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole topology on paper: what can be wrong with it before a server is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import Scope
from ansible_collections.dbrw.sharding.plugins.module_utils.values.grammar import (
    LONGEST,
    is_kept,
    size,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import (
    Autoinc,
    NamedAutoinc,
    problems_between,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers import mysqld

WRITE, READ = "write", "read"

# What the servers' own variables and TCP take.
RANGES = {
    "server_id": (1, 2**32 - 1),
    "gtid_domain_id": (0, 2**32 - 1),
    "port": (1, 65535),
}


@dataclass(frozen=True)
class Member:
    """A server as the inventory describes it.

    ``given`` holds its variables without their prefix dbrw_; one that is not
    defined, or null, or cannot be worked out, is not in it. ``unknown`` are those
    of them that are null or cannot be worked out. ``mysqld`` holds the variables
    of the role mysqld, without prefix, where that role sets the server up.
    """

    name: str
    kind: str
    given: Mapping[str, Any]
    unknown: frozenset[str] = frozenset()
    mysqld: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gtid_domain_id(self) -> Any:
        """MariaDB's domain: the server's own number where nothing else is said."""
        return self.given.get("gtid_domain_id", self.given.get("server_id"))

    @property
    def address(self) -> tuple[Any, Any] | None:
        """Address and port, if there is an address that can be one."""
        if grammar.address(self.given.get("address")):
            return None
        # Names of hosts are one in upper and in lower case.
        return str(self.given["address"]).lower(), self.given.get("port", 3306)

    @property
    def replication_user(self) -> Any:
        """A read server's account on the write servers."""
        return self.given.get("replication_user", f"replication_{self.name}")


# What each kind of server must have, with the reason that an error gives.
REQUIRED = {
    "address": "where the other servers and applications reach it",
    "server_id": "the number that names it in replication",
    "datacenter": "applications try the servers of their own data centre first",
}
REQUIRED_OF_KIND = {
    WRITE: {
        "offset": "the first id of the server, different on each",
        "increment": "the same on every write server",
    },
    READ: {},
}
SECRETS = {
    "application_password": "the account of the application",
    "monitor_password": "the account of the monitoring",
    "maintenance_password": "the account of the nightly maintenance",
}
SECRETS_OF_KIND = {
    WRITE: {},
    READ: {"replication_password": "its account on every write server"},
}

# What each variable may be that reaches a configuration file, a statement, or the applications.
JUDGES: dict[str, grammar.Judge] = {
    "address": grammar.address,
    "bind_address": grammar.bind_address,
    # A number is a name, too.
    "datacenter": lambda value: grammar.text(str(value) if _is_integer(value) else value),
    "account_host": grammar.account_host,
    "replication_user": grammar.account_name,
    "autoinc_persist_file": grammar.optional(grammar.file),
    "replication_filters_file": grammar.optional(grammar.file),
    "tls_ca": grammar.optional(grammar.text),
    "application_tls_ca": grammar.optional(grammar.text),
    "application_config_file": grammar.text,
}
# What a usage table must have, and what its names may be.
TABLE_KEYS = ("schema", "name", "definition", "time_column")
TABLE_JUDGES: dict[str, grammar.Judge] = {
    "schema": lambda value: grammar.identifier(value) or _grant_problem(value),
    "name": grammar.identifier,
    "id_column": grammar.identifier,
    "time_column": grammar.identifier,
    "archive_schema": grammar.identifier,
    "archive_table": grammar.identifier,
}


def problems(members: Sequence[Member]) -> list[str]:
    """Return everything that is wrong with the topology, as sentences."""
    found = []
    for member in members:
        found.extend(_of_one(member))
        found.extend(_replication_password(member))
    found.extend(_long_users(members))
    found.extend(_of_values(members))
    found.extend(_kinds(members))
    writers = [member for member in members if member.kind == WRITE]
    pairs = [
        NamedAutoinc(member.name, Autoinc(*_pair(member)))
        for member in writers
        if all(isinstance(number, int) for number in _pair(member))
    ]
    for pair in pairs:
        found.extend(pair.pair.problems(pair.name))
    found.extend(problems_between(pairs))
    found.extend(
        _shared(
            [(member.name, member.given.get("server_id")) for member in members],
            "the same dbrw_server_id {value}; they would throw each other off their sources. "
            "Give each a number of its own.",
        )
    )
    found.extend(
        _shared(
            [(member.name, member.gtid_domain_id) for member in writers],
            "the same GTID domain {value}; on MariaDB channels would break at their first "
            "reconnection. Give each a dbrw_gtid_domain_id of its own.",
        )
    )
    found.extend(
        _shared(
            [(member.name, member.address) for member in members],
            "the same address {value[0]}:{value[1]}; give each server its own.",
        )
    )
    return found


def too_long_for(members: Sequence[Member]) -> dict[str, int]:
    """Return how many bytes channels keep, by flavour, where a replication password has more."""
    longest = max((_password_size(member) for member in members), default=0)
    keeps = {flavour: limits["source_password"] for flavour, limits in LONGEST.items()}
    return {flavour: limit for flavour, limit in keeps.items() if longest > limit}


def _password_size(member: Member) -> int:
    return size(str(member.given.get("replication_password") or ""))


def _replication_password(member: Member) -> list[str]:
    """Judge what a channel stores, which is found out last of all, after accounts have changed."""
    found, bytes_ = [], _password_size(member)
    # Where nobody has said which flavour it is, the server itself is asked before a change.
    flavour = str(member.mysqld.get("flavour"))
    longest = {name: keeps["source_password"] for name, keeps in LONGEST.items()}
    keeps = longest.get(flavour, max(longest.values()))
    if bytes_ > keeps:
        found.append(
            f"{member.name}: dbrw_replication_password has {bytes_} bytes, and channels of "
            f"{flavour if flavour in longest else 'any server'} keep {keeps} at most; choose a "
            "shorter one."
        )
    password = member.given.get("replication_password") or ""
    if not (password and grammar.secret(password)) and not all(map(is_kept, str(password))):
        found.append(
            f"{member.name}: dbrw_replication_password has a line feed, a NUL, or a character "
            "beyond U+FFFF in it, which channels do not keep; choose another one."
        )
    return found


def _pair(member: Member) -> tuple[Any, Any]:
    return member.given.get("increment"), member.given.get("offset")


def _of_one(member: Member) -> list[str]:
    required = {**REQUIRED, **REQUIRED_OF_KIND[member.kind]}
    secrets = {**SECRETS, **SECRETS_OF_KIND[member.kind]}
    found = [
        f"{member.name}: dbrw_{name} is not set ({why})."
        for name, why in required.items()
        if name not in member.given
    ]
    for name, why in secrets.items():
        value = member.given.get(name, "")
        if value == "":
            found.append(
                f"{member.name}: the secret dbrw_{name} is missing or empty ({why}); put it into a "
                "vault."
            )
        else:
            found.extend(
                grammar.told(f"{member.name}: the secret dbrw_{name}", value, grammar.secret)
            )
    found.extend(
        f"{member.name}: dbrw_{name} is {member.given[name]!r}; it must be a whole number."
        for name in ("server_id", "offset", "increment", "port", "gtid_domain_id")
        if name in member.given and not _is_integer(member.given[name])
    )
    weight = member.given.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not weight >= 0:
        found.append(
            f"{member.name}: dbrw_weight is {weight!r}; it must be a number, and not below 0."
        )
    for name, (lowest, highest) in RANGES.items():
        number = member.given.get(name, lowest)
        if _is_integer(number) and not lowest <= number <= highest:
            found.append(
                f"{member.name}: dbrw_{name} {number} is outside {lowest}..{highest}; choose one "
                "inside."
            )
    return found


def _of_values(members: Sequence[Member]) -> list[str]:
    """Return which values are not what their kind can be, once for all servers that share one."""
    names: dict[str, list[str]] = {}
    for member in members:
        for problem in (*_wrong_values(member), *_table_problems(member.given)):
            names.setdefault(problem, []).append(member.name)
    return [f"{', '.join(sharing)}: {problem}" for problem, sharing in names.items()]


def _wrong_values(member: Member) -> list[str]:
    required = {*REQUIRED, *REQUIRED_OF_KIND[member.kind], *SECRETS, *SECRETS_OF_KIND[member.kind]}
    found = [
        f"dbrw_{name} is null, or made of something that is not there; correct it, or leave it out."
        for name in sorted(member.unknown - required)
    ]
    for name, judge in JUDGES.items():
        if name in member.given:
            found += grammar.told(f"dbrw_{name}", member.given[name], judge)
    found += mysqld.problems(member.mysqld)
    if member.kind == WRITE:
        found += grammar.told("its name", member.name, grammar.channel_name)
    elif "replication_user" not in member.given:
        found += grammar.told("the name of its account", member.replication_user, _account_name)
    return found


def _account_name(value: Any) -> str | None:
    wrong = grammar.account_name(value)
    return wrong and f"{wrong}; set dbrw_replication_user to another"


def _long_users(members: Sequence[Member]) -> list[str]:
    """Return accounts of read servers that are too long for a write server's flavour."""
    flavours = {member.mysqld.get("flavour") for member in members if member.kind == WRITE}
    return [
        f"{member.name}: its account {member.replication_user} has more than the {longest} "
        f"characters that {flavour} takes; set dbrw_replication_user to a shorter one."
        for flavour, longest in grammar.LONGEST_USER.items()
        if flavour in flavours
        for member in members
        if member.kind == READ and longest < len(str(member.replication_user))
    ]


def _table_problems(given: Mapping[str, Any]) -> list[str]:
    tables = given.get("usage_tables", [])
    if not isinstance(tables, (list, tuple)):
        return ["dbrw_usage_tables is no list; give it one entry for each table."]
    found = []
    for number, table in enumerate(tables, 1):
        label = f"dbrw_usage_tables, number {number}"
        if not isinstance(table, Mapping):
            found.append(f"{label}: it is no dictionary; give it {', '.join(TABLE_KEYS)}.")
            continue
        missing = [key for key in TABLE_KEYS if table.get(key) is None]
        if missing:
            found.append(f"{label}: it has no {', '.join(missing)}; add that.")
        for key, judge in TABLE_JUDGES.items():
            if table.get(key) is not None:
                found += grammar.told(f"{label}: {key}", table[key], judge)
    return found


def _grant_problem(schema: str) -> str | None:
    """Judge a schema's name as an object of the accounts' privileges."""
    try:
        scope = Scope.parse(f"{schema}.*")
    except ValueError:
        return "it has a dot, a space, or a backquote, which the accounts' privileges cannot name"
    if not scope.is_schema or scope.has_wildcard:
        return "as a pattern it would give the accounts privileges on other schemas; rename it"
    return None


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kinds(members: Sequence[Member]) -> list[str]:
    writers = {member.name for member in members if member.kind == WRITE}
    readers = {member.name for member in members if member.kind == READ}
    found = [
        f"{name} is in write_servers and in read_servers; a read server would then number rows "
        "itself. Choose one."
        for name in sorted(writers & readers)
    ]
    if not writers:
        found.append("No host is in the group write_servers; put one there.")
    return found


def _shared(values: Sequence[tuple[str, Any]], text: str) -> list[str]:
    names: dict[Any, list[str]] = {}
    for name, value in values:
        if value is not None and name not in names.get(value, []):
            names.setdefault(value, []).append(name)
    return [
        f"{', '.join(sharing)}: {text.format(value=value)}"
        for value, sharing in names.items()
        if len(sharing) > 1
    ]
