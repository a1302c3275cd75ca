"""mysql_time_zones that is killed at any of its statements, and run again (rule 12)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer
from tests.support.crash import killed_everywhere

ZONES = {"Killed/One": "Europe/Paris", "Killed/Two": "Asia/Kathmandu"}
TABLES = ("time_zone_name", "time_zone_transition", "time_zone_transition_type", "time_zone")


@pytest.mark.usefixtures("nothing_is_logged")
def test_time_zones(server: TestServer, tmp_path: Path) -> None:
    for name, zone in ZONES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(Path("/usr/share/zoneinfo", zone), tmp_path / name)
    last = server.value("SELECT COALESCE(MAX(Time_zone_id), 0) FROM mysql.time_zone")

    def reset() -> None:
        forgotten = f"WHERE Time_zone_id > {last}"
        outside_binary_log(server, *(f"DELETE FROM mysql.{table} {forgotten}" for table in TABLES))

    def look() -> Any:
        """How many rows a name leads to: an interrupted run's are found by nobody."""
        counts = (f"(SELECT COUNT(*) FROM mysql.{table} {{}})" for table in TABLES[1:])
        found = ", ".join(counts).format(*["WHERE Time_zone_id = n.Time_zone_id"] * 3)
        rows = server.rows(f"SELECT Name, {found} FROM mysql.time_zone_name n ORDER BY Name")
        return [list(row.values()) for row in rows]

    before = look()
    try:
        arguments = {"zoneinfo": str(tmp_path)}
        assert killed_everywhere("mysql_time_zones", server, arguments, reset, look) > 10
        new = [row for row in look() if row not in before]
        assert [row[0] for row in new] == list(ZONES) and all(all(row) for row in new), new
    finally:
        reset()
