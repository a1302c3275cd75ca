# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A topology as it is checked: what there should be, and what each server says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    DesiredAccount,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.held import (
    HeldAccounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    READ_SERVER,
    SET_MEMBER,
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    MEMBER,
    READ,
    WRITE,
    Found,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Finding
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import IdColumn
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Member,
    SetState,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    HostFacts,
    Pending,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    ServerZones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    MonthPolicy,
    PartitionedTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    TableShape,
)

# What could not be asked is told by its subject; of these there is a judgement beside.
HEARTBEATS = "its heartbeats"
# What a server of each kind of the directory serves as.
SERVES_AS = {WRITE: WRITE_SERVER, READ: READ_SERVER, MEMBER: SET_MEMBER}


@dataclass(frozen=True)
class CheckedServer:
    """A server of the inventory; ``pair`` is a write server's, ``replica_set`` a member's."""

    name: str
    kind: str
    host: str
    port: int = 3306
    datacenter: str = ""
    pair: Autoinc | None = None
    replica_set: str = ""

    @property
    def address(self) -> str:
        """Where it is reached."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class CheckedSet:
    """A replica set of the inventory."""

    name: str
    durability: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class CheckedTable:
    """A usage table of the inventory, and which months it must have."""

    schema: str
    name: str
    id_column: str = "id"
    policy: MonthPolicy = MonthPolicy()

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Limits:
    """From where on something is a finding. Times are in seconds.

    ``ids_looked_at``: so many of the newest ids of each table, on each server. ``free_percent``: so
    much of a disk must be free, and half of it at the worst. ``silent_seconds``: so old the newest
    heartbeat of a write server may be, beside the lag that a channel reports.
    """

    max_lag_seconds: int = 60
    max_clock_seconds: int = 2
    used_percent: int = 80
    ids_looked_at: int = 1000
    binary_log_seconds: int = 3 * 24 * 3600
    certificate_days: int = 30
    free_percent: int = 20
    silent_seconds: int = 10


@dataclass(frozen=True)
class Checked:
    """What there should be.

    ``common_schemas`` are those that read servers get of the fabric, ``accounts`` by server those
    that belong there, each with what it may do, ``hosts`` by server what its host tells, where it
    was asked. ``heartbeats`` are the write servers that write them.
    """

    servers: tuple[CheckedServer, ...]
    sets: tuple[CheckedSet, ...] = ()
    tables: tuple[CheckedTable, ...] = ()
    common_schemas: tuple[str, ...] = ()
    require_tls: bool = True
    now: datetime | None = None
    limits: Limits = Limits()
    accounts: Mapping[str, tuple[DesiredAccount, ...]] = field(default_factory=dict)
    hosts: Mapping[str, HostFacts] = field(default_factory=dict)
    heartbeats: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> tuple[CheckedServer, ...]:
        """Return the servers of a kind."""
        return tuple(server for server in self.servers if server.kind == kind)

    @property
    def increment(self) -> int:
        """The increment of all write servers."""
        return next((one.pair.increment for one in self.of_kind(WRITE) if one.pair), 1)

    def server(self, name: str) -> CheckedServer:
        """Return a server by its name."""
        return next(one for one in self.servers if one.name == name)


@dataclass(frozen=True)
class TableSeen:
    """What a server has of a usage table.

    ``shape`` None: there is no such table. ``months`` is how a read server's is partitioned, or
    why that cannot be told. Of the newest ids ``twice`` are those that are there more than once,
    and ``residues`` has the highest id of each residue class; both are a read server's.
    """

    shape: TableShape | None = None
    months: PartitionedTable | tuple[str, ...] | None = None
    twice: tuple[int, ...] = ()
    residues: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What a server says of itself.

    ``clock_ahead_seconds`` is compared with the clock of whoever asks. ``findings`` are those of
    its settings and sessions. ``tables`` are in the order of the topology. ``accounts`` are those
    of the names that belong there; None: they were not asked for, or could not be. ``refused`` has
    what could not be asked, by subject, with the server's answer. ``heartbeats`` are the seconds since
    the newest one that it has of each server, by ``server_id``, told by its own clock.
    """

    flavour: str
    version: str
    clock_ahead_seconds: float = 0.0
    now: datetime | None = None
    variables: Mapping[str, str | None] = field(default_factory=dict)
    # What it is told by among others (values/servers/identity.py), and its clock's zone.
    identity: Mapping[str, Any] = field(default_factory=dict)
    zones: ServerZones | None = None
    findings: tuple[Finding, ...] = ()
    channels: tuple[ChannelStatus, ...] = ()
    tables: tuple[TableSeen, ...] = ()
    enforces_checks: bool = False
    logs_generated: bool = True
    id_columns: tuple[IdColumn, ...] = ()
    certificate_until: datetime | None = None
    binary_log_seconds: int | None = None
    accounts: HeldAccounts | None = None
    # What its option file has, and it would run with after a restart only.
    pending: tuple[Pending, ...] = ()
    heartbeats: Mapping[int, float] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version's numbers."""
        return tuple(int(one) for one in self.version.partition("-")[0].split(".") if one.isdigit())

    @property
    def pair(self) -> Autoinc:
        """The increment and the offset that it gives new sessions."""
        return Autoinc(
            int(self.variables.get("auto_increment_increment") or 1),
            int(self.variables.get("auto_increment_offset") or 1),
        )

    @property
    def takes_writes(self) -> bool:
        """Whether applications can write on it."""
        return self.variables.get("read_only") in ("OFF", "0")


@dataclass(frozen=True)
class Observed:
    """What all servers say; those that do not answer are in ``silent``, with the reason.

    ``given_again`` are judgements of write servers' counters, which take several questions.
    ``directory`` is what the fabric's active writer has; None where it was not asked. ``at`` is when
    they were asked, in UTC.
    """

    servers: Mapping[str, Seen] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, SetState] = field(default_factory=dict)
    given_again: Mapping[str, Sequence[Finding]] = field(default_factory=dict)
    directory: Found | None = None
    at: datetime | None = None


def on(server: str, finding: Finding) -> Finding:
    """Return a finding that one server's judge has made, with the server in its place."""
    return replace(finding, where=f"{server}, {finding.where}" if finding.where else server)
