"""Time zone files, clocks, and names."""

from __future__ import annotations

import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    EARLIEST,
    LATEST,
    Clock,
    ServerZones,
    Zone,
    ZoneType,
    is_zone_file,
    is_zone_name,
    zone_of,
)

# Of the EU, with an offset from before 1902, and with a rule for all years to come.
RULES = """
Rule EU 1981 max - Mar lastSun 1:00u 1:00 S
Rule EU 1979 max - Oct lastSun 1:00u 0 -
Zone Test/Town 0:53:28 - LMT 1893 Apr
 1:00 - CET 1980
 1:00 EU CE%sT
Zone Test/Fixed 3:00 - +03
"""


def compiled(folder: Path, style: str) -> dict[str, bytes]:
    """Return the zones as the compiler of the time zone database writes them."""
    source = folder / "source"
    source.write_text(RULES)
    subprocess.run(
        ["/usr/sbin/zic", "-b", style, "-d", str(folder / style), str(source)], check=True
    )
    return {name: (folder / style / "Test" / name).read_bytes() for name in ("Town", "Fixed")}


def clock_at(zone: Zone, moment: int) -> ZoneType:
    """Return what a server's clock is: that of the last transition before."""
    kinds = [kind for at, kind in zone.transitions if at <= moment]
    return zone.types[kinds[-1]]


@pytest.mark.parametrize("style", ["fat", "slim"])
def test_a_file_says_what_the_standard_library_says_of_it(tmp_path: Path, style: str) -> None:
    data = compiled(tmp_path, style)["Town"]
    zone = zone_of(data)
    with (tmp_path / style / "Test/Town").open("rb") as file:
        expected = ZoneInfo.from_file(file)
    for year in (1902, 1950, 1981, 1995, 1996, 2007, 2026, 2036, 2037):
        for month in range(1, 13):
            moment = int(datetime(year, month, 15, tzinfo=UTC).timestamp())
            local = datetime.fromtimestamp(moment, UTC).astimezone(expected)
            offset, dst = local.utcoffset(), local.dst()
            assert offset is not None
            assert clock_at(zone, moment) == ZoneType(
                int(offset.total_seconds()), bool(dst), local.tzname() or ""
            )
    moments = [at for at, _kind in zone.transitions]
    assert moments == sorted(set(moments)) and moments[0] >= EARLIEST and moments[-1] <= LATEST
    # What was before 1901 holds from the first moment on that a server can tell.
    assert moments[0] == EARLIEST and zone.types[zone.transitions[0][1]].abbreviation == "CET"
    # To the second, when the clocks are changed.
    assert int(datetime(2036, 3, 30, 1, tzinfo=UTC).timestamp()) in moments


@pytest.mark.parametrize("style", ["fat", "slim"])
def test_a_zone_without_changes(tmp_path: Path, style: str) -> None:
    zone = zone_of(compiled(tmp_path, style)["Fixed"])
    assert zone == Zone((), (ZoneType(10800, False, "+03"),))


def test_a_rule_that_holds_from_the_beginning_on() -> None:
    """As for a zone of which a file gives the rule alone."""
    header = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lBB", 3600, 0, 0) + b"CET\0"
    data = header + body + header + body + b"\nCET-1CEST,M3.5.0,M10.5.0/3\n"
    zone = zone_of(data)
    assert clock_at(zone, int(datetime(2026, 7, 1, tzinfo=UTC).timestamp())).abbreviation == "CEST"


def test_the_oldest_version_of_a_file() -> None:
    header = b"TZif\0" + bytes(15) + struct.pack(">6l", 0, 0, 0, 1, 2, 8)
    body = struct.pack(">l", 100) + b"\1" + struct.pack(">lBBlBB", 0, 0, 0, 3600, 1, 4)
    zone = zone_of(header + body + b"AAA\0BBB\0")
    assert zone == Zone(((100, 1),), (ZoneType(0, False, "AAA"), ZoneType(3600, True, "BBB")))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"TZif2",
        b"# tzdb " * 20,
        b"TZif\0" + bytes(15) + struct.pack(">6l", 0, 0, 0, 9, 2, 8),
        b"TZif\0" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 3) + bytes(6) + b"AAA",
    ],
)
def test_what_is_no_file_of_a_zone(data: bytes) -> None:
    with pytest.raises(ValueError, match="this is not a time zone file"):
        zone_of(data)


def test_which_files_and_names_are_zones() -> None:
    assert is_zone_file(b"TZif3") and not is_zone_file(b"# tz")
    assert is_zone_name("Europe/Paris") and is_zone_name("posix/UTC")
    for name in ("right/UTC", "localtime", "posixrules"):
        assert not is_zone_name(name)


def test_a_clock_is_told_by_its_changes() -> None:
    days = [("2026-01-01", 3600), ("2026-01-02", 3600), ("2026-01-03", 7200)]
    clock = Clock.of("Europe/Paris", 2026, days)
    assert clock.offsets == (("2026-01-01", 3600), ("2026-01-03", 7200))


@pytest.mark.parametrize("names", [None, frozenset({"UTC", "Europe/Paris"})])
def test_what_is_told_is_read_again(names: frozenset[str] | None) -> None:
    zones = ServerZones("w1", Clock("UTC", 2026, (("2026-01-01", 0),)), names)
    assert ServerZones.read({"name": "w1", **zones.told()}) == zones


def test_names_that_a_server_lacks() -> None:
    clock = Clock("UTC", 2026, ())
    here = ServerZones("r1", clock, frozenset({"utc", "Europe/Paris"}))
    there = ServerZones("w1", clock, frozenset({"UTC", "US/Pacific", "right/UTC", "localtime"}))
    unknown = ServerZones("w2", clock, None)
    assert here.lacks(there) == ["US/Pacific"]
    assert here.lacks(unknown) == unknown.lacks(there) == []
