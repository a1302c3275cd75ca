# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones: which a server lacks that its host knows, and what servers must have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    Verdict,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    Clock,
    ServerZones,
    Zone,
    zone_of,
)

LOAD = "load time zones"

# How many names a sentence gives.
_NAMES_TOLD = 5

_UTC = "set default_time_zone = '+00:00' in"


@dataclass(frozen=True)
class Load:
    """Zones with the ids that they get, and the id of each name."""

    zones: Mapping[int, Zone]
    names: Mapping[str, int]


def plan(folder: str, files: Mapping[str, bytes], known: int, last_id: int) -> Plan:
    """Return the step that loads the zones of ``files``, by name, which the server lacks.

    The server knows ``known`` names; ``last_id`` is the highest id in its tables. Raises
    ``Refused`` when a file describes no time zone.
    """
    if not files:
        return Plan()
    ids: dict[bytes, int] = {}
    zones: dict[int, Zone] = {}
    names: dict[str, int] = {}
    problems = []
    for name, data in sorted(files.items()):
        if data not in ids:
            # Above what an interrupted run has left.
            ids[data] = last_id + len(ids) + 1
            try:
                zones[ids[data]] = zone_of(data)
            except ValueError as error:
                problems.append(f"{folder}/{name}: {error}. Install the package tzdata again.")
        names[name] = ids[data]
    refuse_if_any(problems)
    step = Step(
        LOAD,
        "mysql.time_zone_name",
        {"names": known},
        {"names": known + len(names)},
        Load(zones, names),
    )
    return Plan((step,))


def clock_risks(clock: Clock) -> list[Finding]:
    """Say what a write server's clock does to times, if it is put forward and back."""
    if len({ahead for _day, ahead in clock.offsets}) < 2:
        return []
    return [
        Finding(
            "time_zones.clock_put_back",
            WARNING,
            "",
            f"time_zone is {clock.time_zone}, a time zone with daylight saving time: in autumn "
            "NOW() writes one hour of DATETIME values twice, and the two cannot be distinguished",
            f"{_UTC} the server's configuration.",
        )
    ]


def judge(
    vital: bool,
    replica: ServerZones,
    sources: Sequence[ServerZones],
    clock_columns: Sequence[str],
) -> Verdict:
    """Say what write servers must have in common, and a read server with them.

    ``vital`` says whether a transaction names the session's time zone in the binary log, whatever
    it does. ``clock_columns`` are columns of usage tables whose values depend on a session's time
    zone.
    """
    found: list[Finding] = []
    for source in sources:
        lacking = replica.lacks(source)
        if not lacking:
            continue
        harm = (
            "the first transaction there of a session with such a time_zone stops its channel "
            "(error 1298)."
            if vital
            else "sessions here cannot use them, and a statement (not a row) that is logged there "
            "with one stops its channel (error 1298)."
        )
        found.append(
            Finding(
                "time_zones.unknown_here",
                CRITICAL if vital else WARNING,
                source.server,
                f"{source.server} knows {_told(lacking)}, and this server does not: {harm}",
                _cure("this server"),
            )
        )
    for one in sources:
        for other in sources:
            lacking = one.lacks(other)
            if lacking:
                found.append(
                    Finding(
                        "time_zones.unknown_to_a_source",
                        WARNING,
                        one.server,
                        f"{one.server} does not know {_told(lacking)} that {other.server} knows: a "
                        "session that uses one is refused there (error 1298).",
                        _cure(one.server),
                    )
                )
    found.extend(_different_clocks(sources, clock_columns))
    return Verdict(tuple(found))


def _different_clocks(sources: Sequence[ServerZones], columns: Sequence[str]) -> list[Finding]:
    # Those of different years were asked at the turn of one; the next run compares them.
    latest = max((source.clock.year for source in sources), default=0)
    clocks: dict[tuple[tuple[str, int], ...], list[str]] = {}
    for source in sources:
        if source.clock.year == latest:
            told = f"{source.server} ({source.clock.time_zone})"
            clocks.setdefault(source.clock.offsets, []).append(told)
    if len(clocks) < 2:
        return []
    different = " and ".join(", ".join(servers) for servers in clocks.values())
    which = f" ({', '.join(columns)})" if columns else ""
    return [
        Finding(
            "time_zones.clocks_differ",
            CRITICAL if columns else WARNING,
            "",
            f"the write servers' clocks differ: {different}. One statement stores different times "
            "in a TIMESTAMP column, or through NOW() in a DATETIME column, depending on the server "
            f"that takes it{which}",
            f"{_UTC} the configuration of all, or one zone for all, and run SET GLOBAL time_zone "
            "with it.",
        )
    ]


def _told(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_TOLD
    rest = f" and {more} more" if more > 0 else ""
    what = "the time zone" if len(names) == 1 else f"{len(names)} time zones"
    return f"{what} ({', '.join(names[:_NAMES_TOLD])}{rest})"


def _cure(server: str) -> str:
    return (
        f"Load them into {server} with mysql_time_zones; if its host lacks them, install what the "
        "other host has first (on Debian the packages tzdata and tzdata-legacy)."
    )
