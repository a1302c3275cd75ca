"""Zone files of a host, and the statements that load them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers.time_zones import (
    LOAD,
    Load,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers.time_zones import (
    files,
    has_zones,
    statements,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    Zone,
    ZoneType,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.create_table import (
    clock_columns,
)


def test_zone_files_are_found_by_their_names_and_content(tmp_path: Path) -> None:
    for name in ("UTC", "Europe/Paris", "posix/UTC", "right/UTC", "localtime", "US/Pacific"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"TZif2" + name.encode())
    (tmp_path / "zone.tab").write_text("# tz")
    (tmp_path / "gone").symlink_to("nowhere")
    found = files(str(tmp_path), ["us/pacific"])
    assert sorted(found) == ["Europe/Paris", "UTC", "posix/UTC"]
    assert found["UTC"] == b"TZif2UTC"
    assert has_zones(str(tmp_path)) and not has_zones(str(tmp_path / "none"))


def test_a_server_finds_a_zone_only_once_it_is_whole() -> None:
    utc = ZoneType(0, False, "UTC")
    zones = {
        7: Zone(tuple((moment, 0) for moment in range(10_001)), (utc,)),
        8: Zone((), (utc, ZoneType(3600, True, "X'T"))),
    }
    found = statements(Step(LOAD, "t", {}, {}, Load(zones, {"Etc/UTC": 7, "UTC": 7, "X": 8})))
    assert [statement.shown for statement in found] == [
        "START TRANSACTION",
        "INSERT INTO mysql.time_zone VALUES (7, 'N'), ... (2 rows)",
        "INSERT INTO mysql.time_zone_transition_type VALUES (7, 0, 0, 0, 'UTC'), ... (3 rows)",
        "INSERT INTO mysql.time_zone_transition VALUES (7, 0, 0), ... (10000 rows)",
        "INSERT INTO mysql.time_zone_transition VALUES (7, 10000, 0)",
        "INSERT INTO mysql.time_zone_name VALUES ('Etc/UTC', 7), ... (3 rows)",
        "COMMIT",
    ]
    assert found[2].sql.endswith("VALUES (%s, %s, %s, %s, %s)" + ", (%s, %s, %s, %s, %s)" * 2)
    assert found[2].args[-5:] == (8, 1, 3600, 1, "X'T")


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ("id BIGINT PRIMARY KEY, at DATETIME NOT NULL", []),
        ("id BIGINT, at TIMESTAMP NOT NULL", ["at"]),
        ("id BIGINT, `a t` timestamp(3) NULL, KEY at (`a t`)", ["a t"]),
        ("id BIGINT, at DATETIME DEFAULT CURRENT_TIMESTAMP", ["at"]),
        ("id BIGINT, at DATETIME(3) DEFAULT now(3), b DATE DEFAULT (curdate())", ["at", "b"]),
        ("id BIGINT, at DATETIME ON UPDATE CURRENT_TIMESTAMP()", ["at"]),
        # No more than words: a column's name, a comment, a text.
        ("id BIGINT, timestamp BIGINT, PRIMARY KEY (id, timestamp)", []),
        ("id BIGINT COMMENT 'TIMESTAMP, at TIMESTAMP', /* x TIMESTAMP */ b INT", []),
        ("id BIGINT, UNIQUE timestamp (id), CHECK (at < NOW())", []),
        ("id BIGINT DEFAULT (1), ", []),
        ("id BIGINT, at TIMESTAMP", ["at"]),
    ],
)
def test_columns_that_depend_on_a_sessions_time_zone(columns: str, found: list[str]) -> None:
    assert clock_columns(f"CREATE TABLE s.calls ({columns}) ENGINE=InnoDB COMMENT='(NOW)'") == found


@pytest.mark.parametrize("text", ["", "None", "CREATE TABLE t (at TIMESTAMP"])
def test_a_text_without_a_list_of_columns_has_none(text: str) -> None:
    assert clock_columns(text) == []
