# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daily purge of a write server: old rows go once every read server has applied them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.host import disk
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Operation,
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import (
    retention as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.throttle import Throttle
from ansible_collections.dbrw.sharding.plugins.module_utils.server.clock import utc_now
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.named_lock import (
    lock_name,
    take_lock,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import ask_servers
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import channels
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    retention as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names, named_twice
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    collect,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import now_of
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.retention import (
    Chunk,
    OldRows,
    Outlook,
    Purged,
    ReaderStanding,
    Replica,
    Retention,
)

_OF_A_TABLE: Options = {
    "schema": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "id_column": {"type": "str", "default": "id"},
    "time_column": {"type": "str", "required": True},
    "days_kept": {"type": "int", "required": True},
    "updated_within_hours": {"type": "int", "default": 48},
    "months_kept": {"type": "int"},
    "time_zone": {"type": "str", "default": "UTC"},
}


@dataclass(frozen=True)
class Readers:
    """The read servers by name, as ``Settings`` of channels to them, and the account's password.

    ``here`` leads with the same account to the write server itself. ``users`` are those by which
    they read its binary log. ``seconds`` bound a connection and each answer, ``wait_seconds`` how
    long what they lack is waited for.
    """

    here: Settings
    settings: Mapping[str, Settings]
    password: Secret
    users: Collection[str]
    seconds: float
    wait_seconds: float

    def login(self, settings: Settings) -> Callable[[], Login]:
        """Return how one is logged in to."""
        return partial(channels.source_login, settings, self.password, self.seconds)

    def logins(self) -> dict[str, Callable[[], Login]]:
        """Return how each is logged in to."""
        return {name: self.login(settings) for name, settings in self.settings.items()}


@dataclass(frozen=True)
class Desired:
    """What is asked for. ``now`` None: what the server's clock says."""

    server: str
    tables: tuple[Retention, ...]
    readers: Readers
    now: datetime | None
    max_rows: int | None
    max_seconds: float | None
    chunk_rows: int
    growth: float
    verify: bool


@dataclass(frozen=True)
class Current:
    """What is old, what covers it, and what the read servers say.

    ``found`` are the tables in the order asked; ``position`` covers all their old rows, and
    ``began`` is when they were looked for, by this machine's clock without dates. ``in_order`` is
    when a purge last found each read server in order; ``free`` are the bytes left on this server's
    disk (None: not known).
    """

    found: tuple[server_side.Found, ...]
    position: str
    standings: tuple[ReaderStanding, ...]
    replicas: tuple[Replica, ...]
    in_order: Mapping[str, datetime]
    free: int | None
    began: float

    @property
    def outlook(self) -> Outlook:
        """What comes of it when nothing is purged."""
        return Outlook(self.free, sum(one.old.bytes_a_day for one in self.found))


class RetentionPurge(Operation[Desired, Current]):
    """Old rows of one write server's usage tables."""

    options = {
        "server": {"type": "str", "required": True},
        "server_host": {"type": "str", "required": True},
        "server_port": {"type": "int", "default": 3306},
        "tables": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": _OF_A_TABLE,
        },
        "read_servers": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "host": {"type": "str", "required": True},
                "port": {"type": "int", "default": 3306},
                "replication_user": {"type": "str", "required": True},
            },
        },
        "read_server_user": {"type": "str", "required": True},
        "read_server_password": {"type": "str", "no_log": True},
        "read_server_ssl": {"type": "bool", "default": True},
        "read_server_ssl_ca": {"type": "path"},
        "read_server_timeout_seconds": {"type": "float", "default": 60.0},
        "now": {"type": "str"},
        "max_rows": {"type": "int"},
        "max_seconds": {"type": "float"},
        "chunk_rows": {"type": "int", "default": 1000},
        "max_p99_growth_percent": {"type": "float", "default": 100.0},
        "verify": {"type": "bool", "default": False},
    }

    def desired(self, params: Params) -> Desired:
        problems: list[Reason] = []
        tables = tuple(Retention(**one) for one in params["tables"])
        for one in tables:
            problems += [f"tables: {one}: {said}" for said in one.problems()]
        problems += named_twice("tables", map(str, tables))
        problems += named_twice("read_servers", (one["name"] for one in params["read_servers"]))
        if not params["read_servers"]:
            problems.append(
                "read_servers is empty: nobody would have the rows that are purged. Name them all."
            )
        problems += [
            f"{name} is {params[name]}; it must be at least {least}."
            for name, least in (
                *(("max_rows", 1), ("max_seconds", 0), ("chunk_rows", 1)),
                *(("max_p99_growth_percent", 0), ("read_server_timeout_seconds", 0)),
            )
            if params[name] is not None and params[name] < least
        ]
        now = None
        with collect(problems):
            now = now_of(params)
        refuse_if_any(problems)
        return Desired(
            params["server"],
            tables,
            _readers(params),
            now,
            params["max_rows"],
            params["max_seconds"],
            params["chunk_rows"],
            params["max_p99_growth_percent"] / 100,
            params["verify"],
        )

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        names = ask()
        return replace(desired, tables=tuple(one.named(names) for one in desired.tables))

    def current(self, server: Server, desired: Desired) -> Current:
        began = time.monotonic()
        server_side.prepare(server)
        now = desired.now or utc_now(server)
        problems: list[Reason] = []
        cuts = []
        for one in desired.tables:
            problems += server_side.problems(server, one)
            cut = server_side.cut_of(server, one, now)
            if cut is None:
                problems.append(
                    f"server {server.address}: {one}: the time zone {one.time_zone} is not known "
                    "there; load its time zones (mysql_time_zones), or write it as +01:00."
                )
            else:
                cuts.append((one, cut))
        refuse_if_any(problems)
        found = tuple(
            server_side.find_old(server, one, cut, desired.chunk_rows) for one, cut in cuts
        )
        # After the rows, so that it covers them.
        position = server_side.position(server)
        return Current(
            found,
            position,
            _standings(server, desired),
            _replicas(desired),
            server_side.last_in_order(server),
            disk.free_bytes(*server_side.data_folder(server)),
            began,
        )

    def plan(self, desired: Desired, current: Current) -> Plan:
        plan = planning.plan([one.old for one in current.found], desired.max_rows)
        if plan.steps:
            users = desired.readers.users
            behind = planning.reader_findings(
                desired.server, current.standings, current.in_order, current.outlook
            )
            # One that is down or stopped reads no log.
            others = planning.replica_findings(current.replicas, users, () if behind else users)
            refuse_if_any([*behind, *others])
        return plan

    def statements(self, server: Server, current: Current, step: Step) -> list[Statement]:
        found = _found(current, step)
        whole = Chunk(found.chunks[0].after, found.chunks[-1].until, found.old.rows)
        return [server_side.statement(found.old, whole)]

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: Current,
        step: Step,
        statements: Sequence[Statement],
    ) -> Purged:
        """Wait until every read server has the rows, and remove them; return what was done."""
        holder = take_lock(server, lock_name("purge", desired.server))
        if holder:
            raise ServerError(server.address, f"another purge is at work: {holder}")
        done = Purged()
        with contextlib.ExitStack() as stack:
            readers = {
                name: stack.enter_context(contextlib.closing(connect(login())))
                for name, login in desired.readers.logins().items()
            }
            _wait(readers, current.position, desired.readers.wait_seconds)
            server_side.make_own_table(server)
            server_side.note_in_order(server, readers)
            probe = server_side.Probe(server)
            throttle = Throttle(probe.trials(), desired.growth)
            until = None if desired.max_seconds is None else current.began + desired.max_seconds
            found = _found(current, step)
            same = _comparison(server, readers, found.old) if desired.verify else None
            limits = server_side.Limits(step.value.limit, until)
            try:
                for so_far in server_side.purge(server, found, limits, throttle, probe, same):
                    done = so_far
            except ServerError as error:
                error.details["purged"] = {str(found.old): asdict(done)}
                raise
        return done

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        purged: dict[str, Purged] = {taken.step.target: taken.outcome for taken in done or ()}
        if done is None:
            # What would go.
            purged = {step.target: Purged(step.value.rows) for step in plan.steps}
        tables = [_told(one.old, purged.get(str(one.old), Purged())) for one in current.found]
        warnings = [
            f"{one['schema']}.{one['table']}: {one['held']} old rows were left, because others had "
            "locked or added rows among them; the next run takes them."
            for one in tables
            if one["held"]
        ]
        return {"tables": tables, "position": current.position, "warnings": warnings}


def _readers(params: Params) -> Readers:
    ca = params["read_server_ssl_ca"]

    def reached(host: str, port: int) -> Settings:
        return Settings(
            source_host=host,
            source_port=port,
            source_user=params["read_server_user"],
            source_ssl=params["read_server_ssl"],
            source_ssl_ca=ca,
            source_ssl_verify_server_cert=bool(ca),
        )

    return Readers(
        reached(params["server_host"], params["server_port"]),
        {one["name"]: reached(one["host"], one["port"]) for one in params["read_servers"]},
        Secret(params["read_server_password"] or ""),
        {reader["replication_user"] for reader in params["read_servers"]},
        params["connect_timeout"],
        params["read_server_timeout_seconds"],
    )


def _standings(server: Server, desired: Desired) -> tuple[ReaderStanding, ...]:
    own = int(server.row("SELECT @@GLOBAL.server_id AS id")["id"])
    tables = [str(one) for one in desired.tables]
    answers = ask_servers(
        desired.readers.logins(),
        lambda name, reader: server_side.standing(name, reader, desired.server, own, tables),
        2 * desired.readers.seconds,
    )
    return tuple(
        ReaderStanding(name, unknown=str(answer)) if isinstance(answer, ServerError) else answer
        for name, answer in answers.items()
    )


def _replicas(desired: Desired) -> tuple[Replica, ...]:
    """Return who reads this server's binary log, as the account sees it that asks read servers."""
    with contextlib.closing(connect(desired.readers.login(desired.readers.here)())) as server:
        return tuple(server_side.replicas(server))


def _wait(readers: Mapping[str, Server], position: str, seconds: float) -> None:
    """Wait until all have applied the position; raise ``ServerError`` that names those that lack it."""
    end = time.monotonic() + seconds
    late = dict(readers)
    while late:
        left = end - time.monotonic()
        late = {
            name: reader
            for name, reader in late.items()
            if not channels.has_applied(reader, position, left)
        }
        if late and left <= 0:
            names = ", ".join(f"{name} ({reader.address})" for name, reader in late.items())
            raise ServerError(
                next(iter(late.values())).address,
                f"{names} did not apply {position} within {seconds:.0f} s, so nothing is purged",
            )


def _comparison(
    server: Server, readers: Mapping[str, Server], old: OldRows
) -> Callable[[Chunk], bool]:
    """Return what tells whether every read server has a chunk's old rows as this server has them."""
    rows = server_side.Comparison(server, old)
    for reader in readers.values():
        server_side.prepare(reader)

    def same(chunk: Chunk) -> bool:
        here = rows.checksum(server, chunk)
        for name, reader in readers.items():
            there = rows.checksum(reader, chunk)
            if there != here:
                raise ServerError(
                    reader.address,
                    f"{old}: of the rows with ids above {chunk.after} up to {chunk.until}, "
                    f"{here[0]} are old here, and {name} has {there[0]} of them"
                    f"{' with other values' if here[0] == there[0] else ''}. They stay; look why, "
                    "before they are purged without verify",
                )
        return True

    return same


def _found(current: Current, step: Step) -> server_side.Found:
    (found,) = [one for one in current.found if str(one.old) == step.target]
    return found


def _told(old: OldRows, purged: Purged) -> dict[str, Any]:
    """Return the result of one table."""
    rows, seconds = purged.rows, purged.seconds
    left = old.rows - rows
    oldest = old.oldest if left else old.oldest_kept
    return {
        "schema": old.retention.schema,
        "table": old.retention.name,
        "older_than": str(old.cut),
        "rows": rows,
        "bytes": old.bytes * rows // old.rows if old.rows else 0,
        "rows_left": left,
        "held": purged.held,
        "seconds": round(seconds, 3),
        "paused_seconds": round(purged.paused_seconds, 3),
        "rows_per_second": round(rows / seconds) if seconds else None,
        "oldest_left": None if oldest is None else str(oldest),
    }
