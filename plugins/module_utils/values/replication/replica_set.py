# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica set: servers with the same data, of which exactly one is the active writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    joined,
    missing,
    missing_by_server,
    written_under,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    host_key,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.set_events import (
    Events,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

# What an acknowledgement to an application promises: see the module mysql_replica_set.
AVAILABLE, STRICT, ASYNCHRONOUS = "available", "strict", "asynchronous"
DURABILITIES = (AVAILABLE, STRICT, ASYNCHRONOUS)
_WEAKEST_FIRST = (ASYNCHRONOUS, AVAILABLE, STRICT)

# A planned switch makes the next epoch. A failover leaves room: nobody knows what switches the
# other side has seen meanwhile.
FORCED_JUMP = 1000
# How many characters the table of epochs keeps of who asked, and why.
LONGEST_REASON = 255


@dataclass(frozen=True)
class Witness:
    """A server with a channel to a member, which was asked whether it still reaches it.

    ``source`` is the member's address as the channel has it; None: the server could not be asked.
    ``sees`` None: it has not tried a new connection.
    """

    name: str
    source: tuple[str, int] | None = None
    sees: bool | None = None

    def tells_of(self, member: Member) -> bool:
        """Whether it may be the member's replica."""
        return self.source in (None, member.address)


@dataclass(frozen=True)
class Epoch:
    """Who is the active writer, and since when: one row of dbrw.epoch.

    ``durability`` is what the set promises in it. ``at`` is UTC, by the clock of the writer.
    ``forced``: it was begun by a failover.
    """

    number: int
    active: str
    durability: str = AVAILABLE
    reason: str = ""
    by: str = ""
    at: str = ""
    forced: bool = False

    def next(self, forced: bool = False) -> int:
        """Return the number of the epoch in which another is active."""
        return self.number + (FORCED_JUMP if forced else 1)

    def told(self) -> dict[str, Any]:
        """Return it as a part of a module's result."""
        return {
            "epoch": self.number,
            "active": self.active,
            "durability": self.durability,
            "reason": self.reason,
            "by": self.by,
            "at": self.at,
            "forced": self.forced,
        }


def lock_of(name: str) -> tuple[str, str, str]:
    """Return the words of the lock that all work on a set takes, on each member."""
    return "", work_on(name), ""


def work_on(name: str) -> str:
    """Return what work on a set is called, to people and in its lock."""
    return f"replica set {name}"


@dataclass(frozen=True)
class Member:
    """A server of the set as the inventory describes it, with the account that it replicates by."""

    name: str
    host: str
    port: int = 3306
    replication_user: str = ""
    replication_password: Secret | None = None

    @property
    def address(self) -> tuple[str, int]:
        """What tells one server from another."""
        return host_key(self.host), self.port

    def problems(self) -> list[str]:
        """Say what cannot be a member."""
        return [
            *grammar.told(f"members: {self.name}: name", self.name, grammar.channel_name),
            *grammar.told(f"members: {self.name}: host", self.host, grammar.address),
        ]


@dataclass(frozen=True)
class SemiSync:
    """A member's two ends of semi-synchronous replication.

    ``source_on`` and ``replica_on`` are the settings. ``clients`` is how many replicas would
    acknowledge, ``working`` whether commits wait for them now; it is false after a fall back.
    ``timeout_ms`` is how long a commit waits, ``wait_point`` where. ``unacknowledged`` counts the
    transactions that were committed without an acknowledgement.
    """

    available: bool = False
    source_on: bool = False
    replica_on: bool = False
    clients: int = 0
    working: bool = False
    timeout_ms: int = 0
    wait_point: str = ""
    waits_without_replica: bool = True
    unacknowledged: int = 0

    def told(self) -> dict[str, Any]:
        """Return it as a part of a module's result."""
        return {
            "source": self.source_on,
            "replica": self.replica_on,
            "clients": self.clients,
            "working": self.working,
            "timeout_ms": self.timeout_ms,
            "unacknowledged": self.unacknowledged,
        }


@dataclass(frozen=True)
class Writing:
    """A statement that has been writing for so many ``seconds``, as a person reads it."""

    seconds: int
    sentence: str


@dataclass(frozen=True)
class MemberState:
    """What a member says of itself; with ``unreachable`` (why) it has said nothing.

    ``closed`` means that nobody but replication and administrators can write, ``lifted`` that on a
    closed MySQL server administrators can, too. ``executed`` has all transactions that it has
    committed or applied, ``logged`` on MariaDB the last number of each pair of domain and server in
    its log. ``channel`` is the one whose source is another member, ``source`` that
    member's name.
    ``was_connected``: since the channel, or the server, was started. ``stopped_in_epoch`` is the
    epoch whose writer was lost when a failover stopped receiving, which had gone on until then (0:
    none did); ``doubted_in_epoch`` the one of a failover that found it stopped, or may have started
    it. Neither counts once the channel has received something since.
    ``events`` are its scheduled events. ``writing`` are statements that have been writing for a
    second or longer, ``open_transactions`` how many have changed rows; both of an open one.
    ``rows_in`` is a table of a user that has rows; empty: none, or not looked for.
    """

    name: str
    unreachable: str = ""
    flavour: str = ""
    version: str = ""
    # MySQL's server_uuid, MariaDB's gtid_domain_id: under which its own transactions run.
    own: str = ""
    closed: bool = True
    lifted: bool = False
    epoch: Epoch | None = None
    executed: str = ""
    logged: str = ""
    channel: ChannelStatus | None = None
    source: str = ""
    was_connected: bool = False
    stopped_in_epoch: int = 0
    doubted_in_epoch: int = 0
    semi_sync: SemiSync = SemiSync()
    prepared_xa: tuple[str, ...] = ()
    events: Events = Events()
    writing: tuple[Writing, ...] = ()
    open_transactions: int = 0
    rows_in: str = ""
    uptime_seconds: int = 0

    @property
    def reachable(self) -> bool:
        """Whether it has answered."""
        return not self.unreachable

    @property
    def open(self) -> bool:
        """Whether applications can write."""
        return self.reachable and not self.closed

    @property
    def received(self) -> str:
        """All that it has applied or could apply by itself."""
        if self.channel is None or not self.channel.gtid_received:
            return self.executed
        return joined(self.executed, self.channel.gtid_received)

    def follows(self, name: str) -> bool:
        """Whether its channel gets what another member writes; it may be connecting."""
        return self.source == name and self.channel is not None and self.channel.running


@dataclass(frozen=True)
class SetState:
    """What all members say, in the order of the inventory."""

    members: Mapping[str, MemberState] = field(default_factory=dict)

    @property
    def reachable(self) -> Sequence[MemberState]:
        """Those that have answered."""
        return [member for member in self.members.values() if member.reachable]

    @property
    def unreachable(self) -> Sequence[MemberState]:
        """Those that have not."""
        return [member for member in self.members.values() if not member.reachable]

    @property
    def open(self) -> Sequence[MemberState]:
        """Those on which applications can write."""
        return [member for member in self.members.values() if member.open]

    @property
    def epoch(self) -> Epoch | None:
        """The newest that any member knows."""
        newest = max((m.epoch.number for m in self.reachable if m.epoch), default=None)
        found = {m.name: m.epoch for m in self.reachable if m.epoch and m.epoch.number == newest}
        # What it promises may have changed since, which its active writer is the first to know. Of
        # the others nobody knows whose is the newest.
        own = next((epoch for name, epoch in found.items() if name == epoch.active), None)
        return own or min(
            found.values(), key=lambda epoch: _WEAKEST_FIRST.index(epoch.durability), default=None
        )

    @property
    def writer(self) -> MemberState | None:
        """The active writer: the only one that is open, as the newest epoch says."""
        if len(self.open) != 1 or self.epoch is None:
            return None
        (member,) = self.open
        return member if member.name == self.epoch.active else None

    def beyond(self, name: str, other: str) -> str:
        """Return the transactions that a member has and another one has not; empty: none.

        MariaDB's position of a domain is the last one's number alone. Where a third server has
        written in it since, the log's state still tells whose are missing.
        """
        mine, theirs = self.members[name], self.members[other]
        found = missing(mine.executed, theirs.executed)
        return found or missing_by_server(mine.logged, theirs.logged)

    @property
    def in_flight(self) -> bool:
        """Whether a member has transactions that the writer has written, and has not itself yet."""
        writer = self.writer
        return writer is not None and any(
            bool(written_under(writer.own, missing(member.executed, writer.executed)))
            for member in self.reachable
            if member.name != writer.name
        )

    def errant(self, name: str) -> str:
        """Return the transactions that a member has and the active writer has not; empty: none.

        Read the writer last: what it commits while others are asked is not theirs alone.
        """
        writer = self.writer
        if writer is None or name == writer.name:
            return ""
        return self.beyond(name, writer.name)

    def behind(self, name: str) -> str:
        """Return what the writer has committed and a member has not applied."""
        writer = self.writer
        if writer is None or name == writer.name:
            return ""
        return missing(writer.executed, self.members[name].executed)
