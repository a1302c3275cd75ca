# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTIDs of both flavours, as sets that can be compared.

Sources: MySQL Reference Manual, "GTID Format and Storage"; MariaDB Knowledge
Base, "Global Transaction ID".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

Interval = tuple[int, int]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TAG = re.compile(r"[a-z_][a-z0-9_]{0,31}")
_INTERVAL = re.compile(r"(\d+)(?:-(\d+))?")
_POSITION = re.compile(r"(\d+)-(\d+)-(\d+)")


@dataclass(frozen=True)
class GtidSet:
    """MySQL's: for each source (uuid, or uuid:tag) the numbers of its transactions.

    ``intervals`` are inclusive, sorted, and do not touch each other.
    """

    intervals: dict[str, tuple[Interval, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> GtidSet:
        """Read ``uuid:1-5:7, uuid:tag:1``. Raises ``ValueError`` with what is wrong."""
        found: dict[str, list[Interval]] = {}
        for part in _parts(text):
            uuid, *rest = part.lower().split(":")
            if not _UUID.fullmatch(uuid) or not rest:
                raise ValueError(f"{part!r} is not a GTID of MySQL, uuid:number-number")
            source = uuid
            for word in rest:
                if _TAG.fullmatch(word):
                    source = f"{uuid}:{word}"
                    continue
                interval = _INTERVAL.fullmatch(word)
                first = int(interval.group(1)) if interval else 0
                last = int(interval.group(2) or first) if interval else 0
                if not 1 <= first <= last:
                    raise ValueError(f"{word!r} in {part!r} is not a number or number-number")
                found.setdefault(source, []).append((first, last))
        return cls({source: _joined(given) for source, given in found.items()})

    def union(self, other: GtidSet) -> GtidSet:
        """Return all transactions of both."""
        return GtidSet(
            {
                source: _joined((*self.of(source), *other.of(source)))
                for source in {**self.intervals, **other.intervals}
            }
        )

    def of(self, source: str) -> tuple[Interval, ...]:
        """Return the intervals of one source."""
        return self.intervals.get(source, ())

    def only(self, sources: Iterable[str]) -> GtidSet:
        """Return the part of some sources."""
        return GtidSet({source: self.of(source) for source in sources})

    def parts(self) -> dict[str, GtidSet]:
        """Return the part of each source."""
        return {source: self.only([source]) for source in self.intervals}

    def contains(self, other: GtidSet) -> bool:
        """Whether every transaction of ``other`` is in this one."""
        return self.union(other) == self

    def minus(self, other: GtidSet) -> GtidSet:
        """Return the transactions of this set that ``other`` has not."""
        left = {
            source: _without(intervals, other.of(source))
            for source, intervals in self.intervals.items()
        }
        return GtidSet({source: intervals for source, intervals in left.items() if intervals})

    @property
    def count(self) -> int:
        """How many transactions it has."""
        return sum(last - first + 1 for part in self.intervals.values() for first, last in part)

    def shared_with(self, other: GtidSet) -> GtidSet:
        """Return the part of the sources that ``other`` names."""
        return self.only(other.intervals.keys() & self.intervals.keys())

    def __str__(self) -> str:
        return ",".join(
            ":".join(
                (source, *(f"{a}-{b}" if b > a else f"{a}" for a, b in self.intervals[source]))
            )
            for source in sorted(self.intervals)
        )


@dataclass(frozen=True)
class GtidPosition:
    """MariaDB's: for each domain the last transaction, as (server id, number)."""

    domains: dict[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> GtidPosition:
        """Read ``domain-server-number, ...``. Raises ``ValueError`` with what is wrong."""
        domains: dict[int, tuple[int, int]] = {}
        for part in _parts(text):
            found = _POSITION.fullmatch(part)
            if not found:
                raise ValueError(f"{part!r} is not a GTID of MariaDB, domain-server-number")
            domain, server, number = (int(group) for group in found.groups())
            if domain in domains:
                raise ValueError(f"domain {domain} is named twice in {text!r}")
            domains[domain] = (server, number)
        return cls(domains)

    def only(self, domains: Iterable[int]) -> GtidPosition:
        """Return the part of some domains."""
        return GtidPosition({domain: self.domains[domain] for domain in domains})

    def parts(self) -> dict[int, GtidPosition]:
        """Return the part of each domain."""
        return {domain: self.only([domain]) for domain in self.domains}

    def contains(self, other: GtidPosition) -> bool:
        """Whether all up to ``other`` is passed; the number alone counts, as for the server."""
        return all(
            domain in self.domains and self.domains[domain][1] >= number
            for domain, (_server, number) in other.domains.items()
        )

    def joined(self, other: GtidPosition) -> GtidPosition:
        """Return, for each domain, the later position of both."""
        return GtidPosition({**self.domains, **other.ahead_of(self).domains})

    def ahead_of(self, other: GtidPosition) -> GtidPosition:
        """Return the domains in which ``other`` has not all up to here.

        With the same number from another server the two have parted, and it is among them.
        """
        return GtidPosition(
            {
                domain: (server, number)
                for domain, (server, number) in self.domains.items()
                for theirs in [other.domains.get(domain)]
                if theirs is None
                or theirs[1] < number
                or (theirs[1] == number and theirs[0] != server)
            }
        )

    def shared_with(self, other: GtidPosition) -> GtidPosition:
        """Return the part of the domains that ``other`` names."""
        return self.only(other.domains.keys() & self.domains.keys())

    def domains_of(self, server_id: int | None) -> set[int]:
        """Return the domains whose last transaction a server has written itself."""
        return {domain for domain, (server, _rest) in self.domains.items() if server == server_id}

    def __str__(self) -> str:
        return ",".join(
            f"{domain}-{server}-{number}"
            for domain, (server, number) in sorted(self.domains.items())
        )


def is_applied(wanted: str, applied: str) -> bool:
    """Whether ``applied`` holds all of ``wanted``, texts of either flavour.

    Raises ``ValueError`` for what is of neither.
    """
    if ":" in wanted:
        return GtidSet.parse(applied).contains(GtidSet.parse(wanted))
    return not wanted or GtidPosition.parse(applied).contains(GtidPosition.parse(wanted))


def applied_part(wanted: str, applied: str) -> str:
    """Return the part of ``applied`` that is of the sources or domains of ``wanted``."""
    if ":" in wanted:
        return str(GtidSet.parse(applied).shared_with(GtidSet.parse(wanted)))
    if not wanted:
        return ""
    return str(GtidPosition.parse(applied).shared_with(GtidPosition.parse(wanted)))


def joined(one: str, other: str) -> str:
    """Return what two positions of one flavour have together; either may be empty."""
    if ":" in one or ":" in other:
        return str(GtidSet.parse(one).union(GtidSet.parse(other)))
    return str(GtidPosition.parse(one).joined(GtidPosition.parse(other)))


def missing(wanted: str, has: str) -> str:
    """Return the part of ``wanted`` that ``has`` does not hold, texts of one flavour.

    MariaDB: the positions of the domains that are behind, and those whose last transaction has the
    same number and is another server's.
    """
    if ":" in wanted or ":" in has:
        return str(GtidSet.parse(wanted).minus(GtidSet.parse(has)))
    return str(GtidPosition.parse(wanted).ahead_of(GtidPosition.parse(has)))


def missing_by_server(mine: str, theirs: str) -> str:
    """Return the last transactions of servers in a log of MariaDB that another log has not.

    Texts of ``gtid_binlog_state``. A pair of domain and server that the other log does not know at
    all is left out: its server may have begun with a copy.
    """
    known = numbers_in_log(theirs)
    return ",".join(
        f"{domain}-{server}-{number}"
        for (domain, server), number in sorted(numbers_in_log(mine).items())
        if (domain, server) in known and number > known[domain, server]
    )


def numbers_in_log(state: str) -> dict[tuple[str, str], int]:
    """Return the last number of each pair of domain and server in MariaDB's ``gtid_binlog_state``."""
    found = {}
    for part in _parts(state):
        domain, server, number = part.split("-")
        found[domain, server] = int(number)
    return found


def written_under(own: str, position: str) -> str:
    """Return the part of a position that one server has written.

    ``own`` is what it writes under: MySQL's server_uuid, MariaDB's gtid_domain_id.
    """
    if ":" in position:
        found = GtidSet.parse(position)
        return str(found.only([name for name in found.intervals if name.partition(":")[0] == own]))
    domains = GtidPosition.parse(position)
    return str(domains.only([domain for domain in domains.domains if str(domain) == own]))


def transactions_between(wanted: str, has: str) -> int:
    """Return how many transactions of ``wanted`` are not in ``has``.

    MariaDB: by the numbers, of which a domain may have left some out.
    """
    if ":" in wanted or ":" in has:
        return GtidSet.parse(wanted).minus(GtidSet.parse(has)).count
    theirs = GtidPosition.parse(has)
    ahead = GtidPosition.parse(wanted).ahead_of(theirs)
    return sum(
        max(number - theirs.domains.get(domain, (0, 0))[1], 1)
        for domain, (_server, number) in ahead.domains.items()
    )


def _parts(text: str) -> list[str]:
    return [part for part in (one.strip() for one in text.split(",")) if part]


def _without(mine: Iterable[Interval], theirs: Iterable[Interval]) -> tuple[Interval, ...]:
    """Cut intervals out of others."""
    left = list(mine)
    for low, high in theirs:
        left = [
            (first, last)
            for begin, end in left
            for first, last in ((begin, min(end, low - 1)), (max(begin, high + 1), end))
            if first <= last
        ]
    return tuple(left)


def _joined(given: Iterable[Interval]) -> tuple[Interval, ...]:
    """Sort intervals, and make one of those that overlap or touch."""
    joined: list[Interval] = []
    for first, last in sorted(given):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)
