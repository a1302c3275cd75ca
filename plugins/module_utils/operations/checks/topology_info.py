# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All servers of a topology at once: what they say, and what is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from functools import partial
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongDone,
    LongOperation,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.checks.report import (
    report,
    tell,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.checks.topology import (
    directory_on,
    judge,
    worst,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids import reader_ids as judging
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.checks.observation import (
    ids_again,
    look,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import (
    directory as rows,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory import schema
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import reader_ids
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    observe,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    DesiredAccount,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account_options import (
    account_privileges,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    CheckedServer,
    CheckedSet,
    CheckedTable,
    Limits,
    Observed,
    Seen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.mute import Mute
from ansible_collections.dbrw.sharding.plugins.module_utils.values.codes import CODES
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    FABRIC,
    KINDS,
    READ,
    WRITE,
    Contents,
    Found,
    contents_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    INFO,
    WARNING,
    Finding,
    Reason,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import (
    IdsOnReader,
    UsageTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import Journal
from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import parse_moment
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    collect,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    AVAILABLE,
    DURABILITIES,
    Member,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    Disk,
    HostFacts,
    WrittenSetting,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    months_of,
    now_of,
)

_SETTING: Options = {
    "group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "value": {"type": "str"},
}


@dataclass(frozen=True)
class Desired:
    """What there should be, as it is checked and as the directory has it, and what is not told."""

    checked: Checked
    inventory: Contents
    mutes: tuple[Mute, ...]
    tls: bool
    answer_seconds: float


class TopologyInfo(LongOperation[Desired, Observed]):
    """Asks all servers side by side, and judges what they say together."""

    work = "topology"
    asks_only = True
    options = {
        "servers": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "kind": {"type": "str", "choices": list(KINDS), "required": True},
                "datacenter": {"type": "str", "default": ""},
                "host": {"type": "str", "required": True},
                "port": {"type": "int", "default": 3306},
                "weight": {"type": "float", "default": 1.0},
                "id_increment": {"type": "int"},
                "id_offset": {"type": "int"},
                "replica_set": {"type": "str"},
            },
        },
        "sets": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "durability": {"type": "str", "choices": list(DURABILITIES), "default": AVAILABLE},
                "shard_number": {"type": "int"},
                "weight": {"type": "float"},
                "capacity_gib": {"type": "int"},
            },
        },
        "usage_tables": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "schema": {"type": "str", "required": True},
                "name": {"type": "str", "required": True},
                "id_column": {"type": "str", "default": "id"},
                "months_ahead": {"type": "int", "default": 3},
            },
        },
        "common_schemas": {"type": "list", "elements": "str", "default": []},
        "accounts": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "server": {"type": "str", "required": True},
                "name": {"type": "str", "required": True},
                "host": {"type": "str", "default": "%"},
                "privileges": {"type": "dict", "required": True},
            },
        },
        "hosts": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "disks": {
                    "type": "list",
                    "elements": "dict",
                    "default": [],
                    "options": {
                        "folder": {"type": "str", "required": True},
                        "size_bytes": {"type": "int", "required": True},
                        "free_bytes": {"type": "int", "required": True},
                    },
                },
                "config_file_written": {"type": "str"},
                "settings": {
                    "type": "list",
                    "elements": "dict",
                    "default": [],
                    "options": _SETTING,
                },
                "started_with": {"type": "list", "elements": "dict", "options": _SETTING},
                "unknown": {"type": "str", "default": ""},
            },
        },
        "heartbeats": {"type": "list", "elements": "str", "default": []},
        "require_tls": {"type": "bool", "default": True},
        "now": {"type": "str"},
        "max_lag_seconds": {"type": "int", "default": 60},
        "max_clock_seconds": {"type": "int", "default": 2},
        "max_used_percent": {"type": "int", "default": 80},
        "ids_checked_per_table": {"type": "int", "default": 1000},
        "min_binary_log_seconds": {"type": "int", "default": 3 * 24 * 3600},
        "min_certificate_days": {"type": "int", "default": 30},
        "min_free_percent": {"type": "int", "default": 20},
        "max_silent_seconds": {"type": "int", "default": 10},
        "answer_seconds": {"type": "int", "default": 30},
        "mutes": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "code": {"type": "str", "required": True},
                "until": {"type": "str", "required": True},
                "where": {"type": "str", "default": ""},
                "severity": {
                    "type": "str",
                    "choices": [CRITICAL, WARNING, INFO],
                    "default": WARNING,
                },
            },
        },
    }

    def desired(self, params: Params) -> Desired:
        problems: list[Reason] = []
        names = [one["name"] for one in params["servers"]]
        problems += [
            f"servers has {name} twice; name each once."
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
        for server in params["servers"]:
            problems += _server_problems(server, [one["name"] for one in params["sets"]])
        writers = [one["name"] for one in params["servers"] if one["kind"] == WRITE]
        problems += [
            f"heartbeats has {name}, which is no write server of servers; name write servers there."
            for name in params["heartbeats"]
            if name not in writers
        ]
        problems += _limit_problems(params)
        tables = []
        for table in params["usage_tables"]:
            with collect(problems, f"usage_tables: {table['schema']}.{table['name']}"):
                tables.append(
                    CheckedTable(
                        table["schema"], table["name"], table["id_column"], months_of(table)
                    )
                )
        accounts: dict[str, tuple[DesiredAccount, ...]] = {}
        for given in params["accounts"]:
            server, account = given["server"], Account(given["name"], given["host"].lower())
            with collect(problems, f"accounts: {account} on {server}"):
                if server not in names:
                    raise Refused([f"there is no such server in servers; add {server} there."])
                privileges = account_privileges(given["privileges"])
                accounts[server] = (
                    *accounts.get(server, ()),
                    DesiredAccount(account, privileges=privileges),
                )
        hosts: dict[str, HostFacts] = {}
        for given in params["hosts"]:
            with collect(problems, f"hosts: {given['name']}"):
                if given["name"] not in names:
                    raise Refused(
                        [f"there is no such server in servers; add {given['name']} there."]
                    )
                hosts[given["name"]] = _host(given)
        mutes = []
        for given in params["mutes"]:
            with collect(problems):
                mutes.append(_mute(given))
        now = None
        with collect(problems):
            now = now_of(params)
        refuse_if_any(problems)
        servers = tuple(_server(one) for one in params["servers"])
        checked = Checked(
            servers,
            tuple(_set(one, servers) for one in params["sets"]),
            tuple(tables),
            tuple(params["common_schemas"]),
            params["require_tls"],
            now,
            Limits(
                params["max_lag_seconds"],
                params["max_clock_seconds"],
                params["max_used_percent"],
                params["ids_checked_per_table"],
                params["min_binary_log_seconds"],
                params["min_certificate_days"],
                params["min_free_percent"],
                params["max_silent_seconds"],
            ),
            accounts,
            hosts,
            tuple(params["heartbeats"]),
        )
        described = {**params, "usage_tables": [str(table) for table in tables]}
        return Desired(
            checked,
            contents_of(described),
            tuple(mutes),
            params["require_tls"],
            params["answer_seconds"],
        )

    def read_timeout(self, desired: Desired) -> float:
        return desired.answer_seconds

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        return {
            server.name: replace(
                here,
                host=server.host,
                port=server.port,
                unix_socket=None,
                check_hostname=bool(here.ca_cert) or None,
                unverified_tls=desired.tls and not here.ca_cert,
            )
            for server in desired.checked.servers
        }

    def may_be_unreachable(self, desired: Desired) -> Collection[str]:
        return [server.name for server in desired.checked.servers]

    def name(self, desired: Desired) -> str:
        return self.work

    def journal_on(self, desired: Desired) -> str | None:
        return None

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> Observed:
        checked = desired.checked
        at = datetime.now(timezone.utc).replace(tzinfo=None)
        seen: dict[str, Seen] = {}
        silent: dict[str, str] = {}
        answers = fleet.ask(
            _by_name(fleet, lambda name, server: look(server, checked.server(name), checked)),
            seconds=desired.answer_seconds,
        )
        for name, answer in answers.items():
            if isinstance(answer, ServerError):
                silent[name] = answer.message.replace(f"{name} cannot be reached: ", "")
            else:
                seen[name] = answer
        sets = {one.name: observe(fleet, one.members, False, False) for one in checked.sets}
        given_again, unknown = _given_again(fleet, desired, seen)
        for name, why in unknown.items():
            seen[name] = _without(seen[name], "which ids of write servers it has", why)
        return _with_directory(fleet, Observed(seen, silent, sets, given_again, None, at))

    def plan(self, desired: Desired, current: Observed) -> Plan:
        return Plan()

    def result(self, desired: Desired, current: Observed, done: LongDone) -> dict[str, Any]:
        today = current.at.date() if current.at else date.min
        judged = judge(
            desired.checked, current, desired.inventory, schema.VERSION, desired.mutes, today
        )
        return {
            "findings": [one.told() for one in judged],
            "worst": worst(judged),
            "observation": tell(desired.checked, current),
            "report": report(desired.checked, current, judged),
        }


def _server_problems(server: Params, sets: Sequence[str]) -> list[str]:
    name, kind = server["name"], server["kind"]
    increment, offset = server["id_increment"], server["id_offset"]
    if kind == WRITE:
        if not (increment and offset):
            return [f"servers: {name}: a write server needs id_increment and id_offset."]
        return Autoinc(increment, offset).problems(f"servers: {name}")
    if kind not in (READ, WRITE) and server["replica_set"] not in sets:
        return [
            f"servers: {name}: its replica_set is {server['replica_set']}, which is not in sets; add "
            "it there."
        ]
    return []


def _limit_problems(params: Params) -> list[str]:
    least = {
        "max_lag_seconds": 1,
        "max_clock_seconds": 0,
        "max_used_percent": 1,
        "ids_checked_per_table": 1,
        "min_binary_log_seconds": 0,
        "min_certificate_days": 0,
        "min_free_percent": 0,
        "max_silent_seconds": 2,
        "answer_seconds": 1,
    }
    return [
        f"{name} is {params[name]}; it must be at least {lowest}."
        for name, lowest in least.items()
        if params[name] < lowest
    ]


def _mute(given: Params) -> Mute:
    problems = []
    if given["code"] not in CODES:
        close = difflib.get_close_matches(given["code"], CODES, 1)
        hint = f"; did you mean {close[0]}?" if close else "; docs/check.md lists all."
        problems.append(f"mutes: there is no code {given['code']}{hint}")
    until = date.min
    try:
        until = date.fromisoformat(given["until"])
    except ValueError:
        problems.append(f"mutes: until is {given['until']}; write a date as YYYY-MM-DD.")
    refuse_if_any(problems)
    return Mute(given["code"], until, given["where"], given["severity"])


def _host(given: Params) -> HostFacts:
    written, before = given["config_file_written"], given["started_with"]
    changed_at = None
    if written is not None:
        try:
            changed_at = parse_moment(written)
        except ValueError:
            raise Refused(
                [f"config_file_written is {written}; write it as YYYY-MM-DD HH:MM:SS, in UTC."]
            ) from None
    return HostFacts(
        tuple(
            Disk(disk["folder"], disk["size_bytes"], disk["free_bytes"]) for disk in given["disks"]
        ),
        changed_at,
        tuple(WrittenSetting(**one) for one in given["settings"]),
        None if before is None else tuple(WrittenSetting(**one) for one in before),
        given["unknown"],
    )


def _server(given: Params) -> CheckedServer:
    pair = Autoinc(given["id_increment"], given["id_offset"]) if given["kind"] == WRITE else None
    return CheckedServer(
        given["name"],
        given["kind"],
        given["host"],
        given["port"],
        given["datacenter"],
        pair,
        given["replica_set"] or "",
    )


def _set(given: Params, servers: Sequence[CheckedServer]) -> CheckedSet:
    members = tuple(
        Member(one.name, one.host, one.port) for one in servers if one.replica_set == given["name"]
    )
    return CheckedSet(given["name"], given["durability"], members)


def _by_name(fleet: Fleet, question: Callable[[str, Server], Any]) -> Callable[[Server], Any]:
    """Return a question that knows the name of the server that it is put to."""
    names = {id(server): name for name, server in fleet.servers.items()}
    return lambda server: question(names[id(server)], server)


def _given_again(
    fleet: Fleet, desired: Desired, seen: Mapping[str, Seen]
) -> tuple[dict[str, Sequence[Finding]], dict[str, str]]:
    """Ask read servers for ids that a write server would give next, and judge what they have.

    Returns the findings by write server, and by read server why it has not told.
    """
    checked = desired.checked
    tables = [UsageTable(one.schema, one.name, one.id_column) for one in checked.tables]
    writers = [one for one in checked.of_kind(WRITE) if one.name in seen and one.pair]
    readers = [one.name for one in checked.of_kind(READ) if one.name in seen]
    if not (tables and writers and readers):
        return {}, {}
    # A table that is not there, or could not be read, is a finding by itself.
    numbered = {
        one.name: [
            table
            for table in tables
            if any(column.table_name == table.table_name for column in seen[one.name].id_columns)
        ]
        for one in writers
    }
    first = {
        one.name: judging.next_ids(numbered[one.name], seen[one.name].id_columns, one.pair, {})
        for one in writers
        if one.pair
    }

    def ask(name: str, server: Server) -> dict[str, list[IdsOnReader]]:
        return {
            one.name: reader_ids.found_on(
                server, name, one.pair, numbered[one.name], first[one.name]
            )
            for one in writers
            if one.pair
        }

    answers = fleet.ask(_by_name(fleet, ask), readers, desired.answer_seconds)
    found: dict[str, list[IdsOnReader]] = {}
    unknown: dict[str, str] = {}
    for reader, answer in answers.items():
        if isinstance(answer, ServerError):
            unknown[reader] = answer.message
            continue
        for writer, those in answer.items():
            found.setdefault(writer, []).extend(one for one in those if one.id is not None)
            for one in those:
                if one.unknown:
                    unknown[reader] = one.unknown
    judged: dict[str, Sequence[Finding]] = {}
    for server in writers:
        taken = found.get(server.name)
        if taken and server.pair:
            # What a writer has numbered since it was asked is its own.
            columns = fleet.ask(
                partial(ids_again, seen=seen[server.name]), [server.name], desired.answer_seconds
            )[server.name]
            if isinstance(columns, ServerError):
                unknown[server.name] = columns.message
            else:
                now = judging.next_ids(numbered[server.name], columns, server.pair, {})
                judged[server.name] = judging.problems_of(taken, now, server.pair)
    return judged, unknown


def _without(seen: Seen, subject: str, why: str) -> Seen:
    """Return what a server says with what it has not told."""
    return replace(seen, refused={**seen.refused, subject: why})


def _with_directory(fleet: Fleet, found: Observed) -> Observed:
    """Return it with what the directory has, or with the reason that nobody knows."""
    name = directory_on(found)
    if name not in fleet:
        return found
    try:
        directory: Found = rows.read(fleet[name], schema.VERSION)
    except ServerError as error:
        seen = found.servers.get(name)
        if seen is None:
            return found
        told = _without(seen, f"the schema {FABRIC}", f"error {error.number}: {error.message}")
        return replace(found, servers={**found.servers, name: told})
    return replace(found, directory=directory)
