# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones: what a host's files say of them, and what a server says of its own."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

# RFC 8536, "The Time Zone Information Format (TZif)".
_MAGIC = b"TZif"
_HEADER = struct.Struct(">4sc15x6l")
_TYPE = struct.Struct(">lBB")

# The servers' own programs load what fits 32 bits, and a server that finds a later
# transition in its tables knows nothing of the zone (MariaDB 10.11, MySQL 9.7: 1298).
EARLIEST, LATEST = -(2**31), 2**31 - 1

# Names of no zones: the host's own choice, and clocks that count leap seconds, which a
# server's does not.
_NO_ZONES = ("localtime", "posixrules")
_LEAPING = "right/"


@dataclass(frozen=True)
class ZoneType:
    """A clock that a zone has for a time: seconds ahead of UTC, and its abbreviation."""

    offset: int
    is_dst: bool
    abbreviation: str


@dataclass(frozen=True)
class Zone:
    """A zone's clocks, and when it goes over to which (seconds since 1970, index of the type)."""

    transitions: tuple[tuple[int, int], ...]
    types: tuple[ZoneType, ...]


def is_zone_name(name: str) -> bool:
    """Whether a file of this name, or a row of a server's table, stands for a time zone."""
    return name.lower() not in _NO_ZONES and not name.lower().startswith(_LEAPING)


def is_zone_file(beginning: bytes) -> bool:
    """Whether a file that begins so describes a time zone."""
    return beginning.startswith(_MAGIC)


def zone_of(data: bytes) -> Zone:
    """Return what a file says; raises ``ValueError`` if it describes no time zone.

    Transitions that do not fit 32 bits are left out. What the file gives only as a rule for
    all years to come is worked out as far as these reach.
    """
    if not is_zone_file(data):
        raise ValueError("this is not a time zone file")
    try:
        transitions, types, rule = _parsed(data)
    except (struct.error, ValueError) as error:
        raise ValueError(f"this is not a time zone file: {error}") from None
    early = [kind for moment, kind in transitions if moment < EARLIEST]
    found = [(EARLIEST, early[-1])] if early else []
    found += [(at, kind) for at, kind in transitions if EARLIEST <= at <= LATEST]
    if "," in rule:
        _add_by_rule(data, found, types)
    return Zone(tuple(found), tuple(types))


def _parsed(data: bytes) -> tuple[list[tuple[int, int]], list[ZoneType], str]:
    _magic, version, *counts = _HEADER.unpack_from(data)
    at, size, number = _HEADER.size, 4, "l"
    if version != b"\0":
        # The same again with 64 bits follows; what is here may be empty.
        is_utc, is_std, leaps, times, types, letters = counts
        at += times * 5 + types * _TYPE.size + letters + leaps * 8 + is_std + is_utc
        counts = list(_HEADER.unpack_from(data, at)[2:])
        at, size, number = at + _HEADER.size, 8, "q"
    is_utc, is_std, leaps, times, types, letters = counts
    moments = struct.unpack_from(f">{times}{number}", data, at)
    at += times * size
    kinds = data[at : at + times]
    at += times
    described = [_TYPE.unpack_from(data, at + place * _TYPE.size) for place in range(types)]
    at += types * _TYPE.size
    names = data[at : at + letters]
    at += letters + leaps * (size + 4) + is_std + is_utc
    found = [
        ZoneType(offset, bool(dst), names[start : names.index(b"\0", start)].decode("ascii"))
        for offset, dst, start in described
    ]
    rule = data[at:].decode("ascii").strip() if version != b"\0" else ""
    return list(zip(moments, kinds)), found, rule


def _add_by_rule(data: bytes, found: list[tuple[int, int]], types: list[ZoneType]) -> None:
    """Add the transitions that a rule gives after the last one that is told."""
    zone = ZoneInfo.from_file(io.BytesIO(data))

    def kind_at(moment: int) -> ZoneType:
        local = datetime.fromtimestamp(moment, timezone.utc).astimezone(zone)
        ahead, dst = local.utcoffset() or timedelta(), local.dst()
        return ZoneType(int(ahead.total_seconds()), bool(dst), local.tzname() or "")

    before = found[-1][0] if found else EARLIEST
    known = kind_at(before)
    # No rule changes the clock twice within ten days.
    while before < LATEST:
        after = min(before + 10 * 86400, LATEST)
        kind = kind_at(after)
        if kind != known:
            low, high = before, after
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if kind_at(middle) == known else (low, middle)
            if kind not in types:
                types.append(kind)
            found.append((high, types.index(kind)))
        before, known = after, kind


@dataclass(frozen=True)
class Clock:
    """What a server's global time_zone makes of the days of two years, from ``year`` on.

    ``offsets`` are the days at which the number of seconds ahead of UTC changes, with it; the
    first is the first day of ``year``.
    """

    time_zone: str
    year: int
    offsets: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, time_zone: str, year: int, days: Iterable[tuple[str, int]]) -> Clock:
        """Return the clock of a server that says, day by day, how far it is ahead of UTC."""
        found: list[tuple[str, int]] = []
        for day, ahead in days:
            if not found or found[-1][1] != ahead:
                found.append((day, ahead))
        return cls(time_zone, year, tuple(found))


@dataclass(frozen=True)
class ServerZones:
    """What a server says of its clock and of the names that it knows (None: it does not tell)."""

    server: str
    clock: Clock
    names: frozenset[str] | None

    def told(self) -> dict[str, Any]:
        """Return it as a module's result, from which ``read`` makes it again."""
        return {
            "time_zone": self.clock.time_zone,
            "year": self.clock.year,
            "utc_offsets": [
                {"day": day, "seconds": seconds} for day, seconds in self.clock.offsets
            ],
            "names": None if self.names is None else sorted(self.names),
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> ServerZones:
        """Return what another server's module has told, with the server's ``name``."""
        offsets = tuple((str(one["day"]), int(one["seconds"])) for one in told["utc_offsets"])
        names = told["names"]
        return cls(
            str(told["name"]),
            Clock(str(told["time_zone"]), int(told["year"]), offsets),
            None if names is None else frozenset(map(str, names)),
        )

    def lacks(self, other: ServerZones) -> list[str]:
        """Return the names of zones that the other server knows and this one does not."""
        if self.names is None or other.names is None:
            return []
        # The servers compare them without regard to case.
        known = {name.lower() for name in self.names}
        return sorted(
            name for name in other.names if is_zone_name(name) and name.lower() not in known
        )
