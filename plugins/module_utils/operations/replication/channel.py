# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing replication channels to a state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union

from ansible_collections.dbrw.sharding.plugins.module_utils.host.files import read_file
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import timeout_problems
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import (
    channel_trials,
    gtid_seed,
    sources,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import (
    channels as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channel_filters import (
    FiltersFile,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channel_trials import (
    Trial,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.sources import Source
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channel_filters,
    channel_promises,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    gtid_seed as seeding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    sources as source_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_start import (
    refuse_faults,
    wait_until_running,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.waiting import (
    wait_until_applied,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    COMPARED,
    PRESENT,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    KINDS,
    REWRITE,
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
    tell,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

# What a source says of itself, or why it did not.
Answer = Union[Source, ServerError]

_SETTINGS: dict[str, dict[str, Any]] = {
    "source_host": {"type": "str"},
    "source_port": {"type": "int"},
    "source_user": {"type": "str"},
    "source_ssl": {"type": "bool"},
    "source_ssl_ca": {"type": "path"},
    "source_ssl_cert": {"type": "path"},
    "source_ssl_key": {"type": "path"},
    "source_ssl_verify_server_cert": {"type": "bool"},
    "source_tls_version": {"type": "str"},
    "source_public_key_path": {"type": "path", "no_log": False},
    "get_source_public_key": {"type": "bool", "no_log": False},
    "connect_retry_seconds": {"type": "int"},
    "heartbeat_seconds": {"type": "float"},
    "retry_count": {"type": "int"},
    "source_delay_seconds": {"type": "int"},
    "require_row_format": {"type": "bool"},
    "privilege_checks_user": {"type": "str"},
    "auto_position": {"type": "bool"},
}
_PLACE: dict[str, dict[str, Any]] = {
    "source_log_file": {"type": "str"},
    "source_log_position": {"type": "int"},
}
_NAMES = {"type": "list", "elements": "str", "default": []}
_RENAMED = {"from": {"type": "str", "required": True}, "to": {"type": "str", "required": True}}
_FILTERS: dict[str, dict[str, Any]] = {
    "filters": {
        "type": "dict",
        "options": {
            **{kind: _NAMES for kind in KINDS if kind != REWRITE},
            REWRITE: {"type": "list", "elements": "dict", "default": [], "options": _RENAMED},
        },
    }
}
_PASSWORD: dict[str, dict[str, Any]] = {"source_password": {"type": "str", "no_log": True}}
_STATES = [PRESENT, STARTED, STOPPED, ABSENT]
_UPDATES = ["on_difference", "always", "on_create"]


@dataclass(frozen=True)
class Desired:
    """The channels as they shall be, and how the run goes about it. Times are in seconds.

    ``filters_file`` is where filters outlive a restart, ``gtid_seed`` what the server's data
    contains already.
    """

    channels: Sequence[Channel]
    filters_file: str | None = None
    required_tables: Sequence[str] = ()
    check_sources: bool = True
    gtid_seed: Sequence[str] = ()
    wait: bool = False
    wait_timeout: float = 60
    connect_timeout: float = 10
    read_timeout: float = 30


@dataclass(frozen=True)
class Current:
    """What the server and the sources that were asked say.

    ``known`` are the GTIDs that count as applied, ``replica`` is what the server says of
    itself, ``words`` are the settings of channels that it has a word for. ``inherited`` are
    the filters that a new channel gets from it; None where nobody asks for them. ``answers``
    are by channel.
    """

    channels: Sequence[ChannelStatus]
    known: str
    replica: Source
    words: Sequence[str] = COMPARED
    filters_file: FiltersFile | None = None
    inherited: Filters | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class _Asked:
    """Channels whose sources are asked, by name.

    Those that are ``new`` to their source, those that were ``stopped`` and are started
    again, and running ones that will log in otherwise.
    """

    new: Mapping[str, Settings] = field(default_factory=dict)
    stopped: Mapping[str, Settings] = field(default_factory=dict)
    trials: Mapping[str, Trial] = field(default_factory=dict)

    @classmethod
    def of(cls, desired: Desired, channels: Sequence[ChannelStatus]) -> _Asked:
        """Choose them."""
        if not desired.check_sources:
            return cls()
        return cls(
            sources.to_judge(desired.channels, channels),
            sources.to_compare(desired.channels, channels),
            channel_trials.to_try(desired.channels, channels),
        )

    @property
    def compared(self) -> Mapping[str, Settings]:
        """Those that would leave rows out if this server counted more than their source has."""
        return {**self.stopped, **self.new}


class ReplicationChannel(Operation[Desired, Current]):
    """Brings the channels of a replica to a state."""

    options = {
        "channel": {"type": "str"},
        "channels": {
            "type": "list",
            "elements": "dict",
            "options": {
                "channel": {"type": "str", "required": True},
                "state": {"type": "str", "choices": _STATES},
                **_SETTINGS,
                **_PLACE,
                **_FILTERS,
                **_PASSWORD,
                "update_password": {"type": "str", "choices": _UPDATES, "no_log": False},
            },
        },
        "state": {"type": "str", "choices": _STATES, "default": PRESENT},
        **_SETTINGS,
        **_PLACE,
        **_FILTERS,
        "filters_file": {"type": "path"},
        "required_tables": _NAMES,
        **_PASSWORD,
        "update_password": {
            "type": "str",
            "choices": _UPDATES,
            "default": "on_difference",
            "no_log": False,
        },
        "wait": {"type": "bool", "default": False},
        "wait_timeout_seconds": {"type": "int", "default": 60},
        "check_sources": {"type": "bool", "default": True},
        "gtid_seed": {"type": "list", "elements": "str"},
        "read_timeout_seconds": {"type": "int", "default": 30},
    }
    constraints = {
        "required_one_of": [("channel", "channels")],
        "mutually_exclusive": [("channel", "channels")],
    }
    # Servers never log a statement about channels, filters or the GTIDs that count as applied.
    # So the narrow account of a run needs no right to leave the binary log.
    logged = True

    def desired(self, params: Params) -> Desired:
        given = params["channels"]
        if given is None:
            given = [{"channel": params["channel"]}]
        desired = Desired(
            channels=tuple(_channel(one, params) for one in given),
            filters_file=params["filters_file"],
            required_tables=tuple(params["required_tables"]),
            check_sources=params["check_sources"],
            gtid_seed=tuple(params["gtid_seed"] or ()),
            wait=params["wait"],
            wait_timeout=params["wait_timeout_seconds"],
            connect_timeout=params["connect_timeout"],
            read_timeout=params["read_timeout_seconds"],
        )
        refuse_if_any(_problems(desired))
        return desired

    def read_timeout(self, desired: Desired) -> float:
        return desired.read_timeout

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        if not (desired.required_tables or any(channel.filters for channel in desired.channels)):
            return desired
        names = ask()
        return replace(
            desired,
            channels=tuple(
                replace(channel, filters=channel.filters and channel.filters.named(names))
                for channel in desired.channels
            ),
            required_tables=tuple(names.stored(table) for table in desired.required_tables),
        )

    def current(self, server: Server, desired: Desired) -> Current:
        refuse_if_any(channel_promises.problems(server, desired.channels))
        file = None
        if desired.filters_file:
            file = channel_filters.file(server, read_file(desired.filters_file))
        channels = server_side.read(server, with_passwords=True)
        # Before the sources are asked: they know more all the time.
        known = seeding.known(server)
        words = tuple(server.dialect.channel_options)
        return Current(
            channels=channels,
            known=known,
            replica=source_side.describe(server),
            words=words,
            filters_file=file,
            inherited=channel_filters.inherited(server) if desired.required_tables else None,
            answers=_ask_sources(desired, channels, words),
        )

    def plan(self, desired: Desired, current: Current) -> Plan:
        asked = _Asked.of(desired, current.channels)
        answers = current.answers
        said = {name: one for name, one in answers.items() if isinstance(one, Source)}
        errors = {name: str(one) for name, one in answers.items() if name not in said}
        problems = _source_problems(desired, current, asked, said)
        problems += channel_trials.problems_of(asked.trials, errors)
        try:
            change = planning.plan(
                desired.channels,
                current.channels,
                filters_file=current.filters_file,
                words=current.words,
                required_tables=desired.required_tables,
                waits=desired.wait,
                inherited=current.inherited,
            )
        except Refused as refusal:
            raise Refused([*refusal.reasons, *problems]) from None
        refuse_if_any(problems)
        unknown = [
            f"channel {name}: its source's settings are unknown: {error}"
            for name, error in errors.items()
            if name in asked.new or name in asked.trials
        ]
        unseen = planning.unseen_passwords(desired.channels, current.channels)
        seed = _seed(desired, current)
        return Plan(seed.steps + change.steps, (*unknown, *unseen, *change.warnings))

    def statements(self, server: Server, current: Current, step: Step) -> list[Statement]:
        if step.action == gtid_seed.SEED:
            return [seeding.statement(step, server)]
        return server_side.statements(step, server)

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: Current,
        step: Step,
        statements: Sequence[Statement],
    ) -> None:
        for statement in statements:
            try:
                server.run(statement)
            except ServerError as error:
                if step.action == planning.FILTER:
                    # MariaDB keeps the first half of filters that it refuses.
                    more = (
                        "the channel stays stopped, because its filters may be half changed; "
                        "correct them and run again with state: started"
                    )
                else:
                    try:
                        again = _start_again(server, desired, current, step)
                    except ServerError as second:
                        more = (
                            "the channels that ran before are stopped and could not be started: "
                            f"{second}"
                        )
                    else:
                        if not again:
                            raise
                        more = "the channels that ran before run again with their previous settings"
                if error.number == seeding.MISSING_DOMAIN:
                    more += "; name that GTID in gtid_seed as well"
                raise ServerError(
                    server.address, f"{error.message} ({more})", error.number, statement
                ) from None

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        if done is None:
            return {"channels": tell(current.channels)}
        # A change stops and starts those as well that shall merely be present.
        restarted = {step.value.key for step in plan.steps if step.action == planning.START}
        started = [one for one in desired.channels if one.state == STARTED or one.key in restarted]
        stored = {status.key: status.password for status in current.channels}
        found, late = wait_until_running(
            server,
            started,
            restarted,
            {
                one.key: one.source_password or stored.get(one.key)
                for one in started
                # A wait asks them all itself.
                if (desired.check_sources and not desired.wait) or one.key in restarted
            },
            current.known,
            desired.connect_timeout,
        )
        refuse_faults(server, started, found)
        told: dict[str, Any] = {}
        if desired.wait:
            told["waited"] = wait_until_applied(
                server,
                [one for one in desired.channels if one.state != ABSENT],
                desired.wait_timeout,
                desired.connect_timeout,
            )
            found = server_side.read(server)
        warnings = [explain(status) for status in found if status.io_fault or status.lacks_room]
        return {"channels": tell(found), "warnings": [*warnings, *late], **told}


def _channel(one: Mapping[str, Any], params: Params) -> Channel:
    """Make a channel of one's own options and, where they are not given, the module's."""
    merged = {
        name: one[name] if one.get(name) is not None else params[name]
        for name in (*_SETTINGS, *_PLACE, *_FILTERS, *_PASSWORD, "state", "update_password")
    }
    if merged["source_log_file"] is not None and merged["auto_position"] is None:
        merged["auto_position"] = False
    password, filters = merged["source_password"], merged["filters"]
    return Channel(
        name=one["channel"],
        state=merged["state"],
        settings=Settings(**{name: merged[name] for name in _SETTINGS}),
        source_password=None if password is None else Secret(password),
        update_password=merged["update_password"],
        **{name: merged[name] for name in _PLACE},
        filters=None if filters is None else Filters.of(filters),
    )


def _problems(desired: Desired) -> list[str]:
    """Say what no server could do of what is asked for."""
    names = [channel.key for channel in desired.channels]
    problems = [
        f"channels: {name} is named {names.count(name)} times; name it once."
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    problems.extend(
        f"required_tables has {table!r}, which is not database.table; write both names."
        for table in desired.required_tables
        if not all(table.partition("."))
    )
    schemas = {table.partition(".")[0]: None for table in desired.required_tables}
    problems.extend(system_schema_problems("required_tables", *schemas))
    problems.extend(gtid_seed.problems_of(desired.gtid_seed))
    problems.extend(timeout_problems(desired.read_timeout))
    for channel in desired.channels:
        problems.extend(channel.problems())
        if channel.filters is not None and channel.state != ABSENT and not desired.filters_file:
            problems.append(
                f"channel {channel.name}: filters need a filters_file that the server "
                "includes; MySQL forgets them with its next start, and MariaDB then brings "
                "back what its files say."
            )
        if desired.wait and channel.state == STOPPED:
            problems.append(
                f"channel {channel.name}: wait and state: stopped exclude each other; a "
                "stopped channel applies nothing."
            )
    return problems


def _ask_sources(
    desired: Desired, channels: Sequence[ChannelStatus], words: Sequence[str]
) -> dict[str, Answer]:
    """Ask all at once, each with its channel's account, where the password is known."""
    asked = _Asked.of(desired, channels)
    passwords = {status.key: status.password for status in channels}
    passwords.update(
        {one.key: one.source_password for one in desired.channels if one.source_password}
    )
    logins = {name: (one, passwords.get(name.lower())) for name, one in asked.compared.items()}
    logins.update({name: (one.settings, one.password) for name, one in asked.trials.items()})
    known = {
        name: (settings.in_words(words), password)
        for name, (settings, password) in logins.items()
        if password
    }
    return source_side.describe_each(known, desired.connect_timeout)


def _source_problems(
    desired: Desired, current: Current, asked: _Asked, said: Mapping[str, Source]
) -> list[str]:
    """Say which sources would break the replica, or make it leave rows out."""
    found = []
    if desired.check_sources:
        schemas = sorted({table.partition(".")[0] for table in desired.required_tables})
        new = {name: one for name, one in said.items() if name in asked.new}
        found = sources.problems_of(
            new, current.replica, desired.channels, current.channels, schemas
        )
    by_gtid = {
        name: one
        for name, one in said.items()
        if name in asked.compared and asked.compared[name].auto_position is not False
    }
    return found + sources.ahead_of(by_gtid, [current.known, *desired.gtid_seed])


def _seed(desired: Desired, current: Current) -> Plan:
    """Plan what is added to the GTIDs that count as applied."""
    if not desired.gtid_seed:
        return Plan()
    return _SEEDS[current.replica.flavour](desired, current)


def _seed_set(desired: Desired, current: Current) -> Plan:
    return gtid_seed.plan_set(desired.gtid_seed, current.known)


def _seed_position(desired: Desired, current: Current) -> Plan:
    decided = {one.key for one in desired.channels if one.state != PRESENT}
    return gtid_seed.plan_position(desired.gtid_seed, current.known, current.channels, decided)


_SEEDS: dict[str, Callable[[Desired, Current], Plan]] = {
    MYSQL: _seed_set,
    MARIADB: _seed_position,
}


def _start_again(server: Server, desired: Desired, current: Current, step: Step) -> list[Step]:
    """Start what this run has stopped for a step; the next run could not know that it should."""
    stopped: list[Step] = []
    if step.action == gtid_seed.SEED:
        seed = _seed(desired, current)
        stopped = [one for one in seed.steps if one.action == planning.START]
    elif step.action == planning.CHANGE and step.before and step.before["running"] == "yes":
        stopped = [replace(step, action=planning.START, value=step.value[0])]
    for one in stopped:
        for start in server_side.statements(one, server):
            server.run(start)
    return stopped
