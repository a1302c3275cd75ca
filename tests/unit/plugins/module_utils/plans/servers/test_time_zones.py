"""Time zones: what is loaded, and what servers must have in common."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers.time_zones import (
    clock_risks,
    judge,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    Clock,
    ServerZones,
    Zone,
    ZoneType,
)

HEADER = b"TZif\0" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
UTC_FILE = HEADER + bytes(6) + b"UTC\0"
EAT_FILE = HEADER + struct.pack(">lBB", 10800, 0, 0) + b"EAT\0"

UTC = Clock("SYSTEM (UTC)", 2026, (("2026-01-01", 0),))
ZERO = Clock("+00:00", 2026, (("2026-01-01", 0),))
PARIS = Clock("Europe/Paris", 2026, (("2026-01-01", 3600), ("2026-03-30", 7200)))
COLUMNS = ["s.calls.at"]


def zones(server: str, *names: str, clock: Clock = UTC) -> ServerZones:
    return ServerZones(server, clock, frozenset(names))


def judged(*sources: ServerZones, vital: bool = True, columns: Any = (), here: Any = ()) -> Any:
    verdict = judge(vital, zones("this server", *here), sources, columns)
    return list(verdict.problems), list(verdict.risks)


def test_a_server_that_knows_all_is_left_alone() -> None:
    assert not plan("/z", {}, 600, 0).changed


def test_names_of_one_zone_share_its_rows() -> None:
    files = {"UTC": UTC_FILE, "Africa/Nairobi": EAT_FILE, "Zulu": UTC_FILE}
    (step,) = plan("/z", files, 5, 40).steps
    assert step.value.names == {"Africa/Nairobi": 41, "UTC": 42, "Zulu": 42}
    assert step.value.zones == {
        41: Zone((), (ZoneType(10800, False, "EAT"),)),
        42: Zone((), (ZoneType(0, False, "UTC"),)),
    }
    assert (step.before, step.after) == ({"names": 5}, {"names": 8})


def test_a_file_that_is_torn_is_named() -> None:
    with pytest.raises(Refused) as refused:
        plan("/z", {"A": b"TZif", "B": UTC_FILE, "C": b"TZif2"}, 0, 0)
    assert [problem.split(":")[0] for problem in refused.value.problems] == ["/z/A", "/z/C"]
    assert "package tzdata" in refused.value.problems[0]


def test_servers_that_agree() -> None:
    one = zones("w1", "UTC", "Europe/Paris")
    other = zones("w2", "UTC", "Europe/Paris", clock=ZERO)
    assert judged(one, other, columns=COLUMNS, here=("UTC", "Europe/Paris")) == ([], [])
    assert judged() == ([], [])


def test_a_name_that_the_read_server_lacks() -> None:
    source = zones("w1", "UTC", "US/Pacific")
    (problem,), risks = judged(source, here=("UTC",))
    assert problem.startswith(
        "w1 knows the time zone (US/Pacific), and this server does not: the first"
    )
    assert "tzdata-legacy" in problem and risks == []
    problems, (risk,) = judged(source, here=("UTC",), vital=False)
    assert problems == [] and "a statement (not a row) that is logged there" in risk


def test_many_names_are_told_in_part() -> None:
    source = zones("w1", *(f"A/{number}" for number in range(7)))
    (problem,), _risks = judged(source)
    assert "7 time zones (A/0, A/1, A/2, A/3, A/4 and 2 more)" in problem


def test_a_name_that_another_write_server_lacks() -> None:
    problems, (risk,) = judged(zones("w1", "UTC"), zones("w2"), here=("UTC",))
    assert problems == []
    assert risk.startswith("w2 does not know the time zone (UTC) that w1 knows: a session")
    assert "into w2 with mysql_time_zones" in risk


def test_clocks_that_differ() -> None:
    sources = (zones("w1"), zones("w2", clock=PARIS), zones("w3", clock=ZERO))
    problems, (risk,) = judged(*sources)
    assert problems == []
    assert "differ: w1 (SYSTEM (UTC)), w3 (+00:00) and w2 (Europe/Paris). One" in risk
    (problem,), risks = judged(*sources, columns=COLUMNS)
    assert "takes it (s.calls.at); set default_time_zone = '+00:00' in" in problem and risks == []


def test_clocks_that_were_asked_in_different_years_are_not_compared() -> None:
    later = Clock("SYSTEM (UTC)", 2027, (("2027-01-01", 0),))
    assert judged(zones("w1", clock=later), zones("w2")) == ([], [])


def test_a_clock_that_is_put_back_is_a_risk() -> None:
    assert clock_risks(UTC) == []
    (risk,) = map(str, clock_risks(PARIS))
    assert risk.startswith("time_zone is Europe/Paris, a time zone with daylight saving time")
