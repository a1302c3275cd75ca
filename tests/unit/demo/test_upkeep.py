"""The part of the demo that purges and checks: what it runs, and what it says of what came out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from demo import local_servers, upkeep
from demo.report import Report
from demo.upkeep import Checked, Stopped, Upkeep
from examples.dbrw import Server, Topology

STOPPED = {
    "code": "channel.stopped",
    "severity": "critical",
    "where": "r1, channel w1",
    "text": "It is stopped, without an error.",
    "todo": "Start it.",
}
OTHER = {**STOPPED, "code": "channel.lagging"}
WENT = (
    "usage_data.flights: 7 rows (700 bytes) went, 70 a second; 0 old rows are left; "
    "the oldest row left is of 2013-03-06 05:00:00"
)


def topology() -> Topology:
    servers = [
        Server(name, kind, "dc1", "127.1.0.1", 13306, offset)
        for name, kind, offset in (
            *(("w1", "write", 1), ("w4", "write", 4)),
            *(("r1", "read", None), ("r2", "read", None)),
        )
    ]
    return Topology(servers, 20)


class World:
    """Stands in for the demo's playbooks and servers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, demo: Path) -> None:
        self.demo = demo
        self.played: list[tuple[str, ...]] = []
        self.findings: list[list[dict[str, Any]]] = [[], [STOPPED], []]
        self.told = WENT
        self.rows = {"w4": 10, "r1": 10, "r2": 10}
        self.purged = {"w4": 7}
        self.code = 0
        self.stopped: list[tuple[str, str]] = []
        monkeypatch.setattr(local_servers, "try_play", self.try_play)
        monkeypatch.setattr(Upkeep, "rows", lambda _self, name, *_residue: self.rows[name])
        monkeypatch.setattr(
            upkeep, "plant", lambda _upkeep, *where: self.stopped.append((where[0], where[1]))
        )
        monkeypatch.setattr(upkeep, "PATIENCE_SECONDS", 0)

    def try_play(self, _demo: Path, _net: int, playbook: str, *words: str) -> tuple[int, str]:
        self.played.append((playbook, *words))
        if playbook == upkeep.PURGE:
            for name, rows in self.purged.items():
                self.rows[name] -= rows
            # As the playbook breaks its lines.
            return self.code, self.told.replace("; ", ";\n      ")
        if playbook == upkeep.CHECK and self.findings:
            servers = [{"answers": True}, {"answers": True}]
            written = {"findings": self.findings.pop(0), "observation": {"servers": servers}}
            (self.demo / "check.json").write_text(json.dumps(written))
            return (2 if written["findings"] else 0), ""
        return self.code, "its output"

    @property
    def playbooks(self) -> list[str]:
        return [played[0] for played in self.played]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def play_all(world: World) -> dict[str, Any]:
    return upkeep.play_all(Upkeep(world.demo, 0, Report()), topology())


def test_all_of_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    kept = play_all(world)
    assert world.playbooks == [
        *("retention_purge.yml", "check.yml", "check.yml", "site.yml", "check.yml")
    ]
    assert world.stopped == [("r1", "w1")]
    said = " ".join(capsys.readouterr().out.split())
    assert f"w4: {WENT}" in said and "--limit w4,read_servers,fabric_servers" in said
    assert "CRITICAL r1, channel w1 channel.stopped" in said and "-> Start it." in said
    assert said.count("Nothing is wrong; 2 of 2 servers answer") == 2
    assert upkeep.shown(kept) == [
        "7 old rows have left w4, which has 3 yet; r1 and r2 have all of them.",
        "One defect was planted, channel.stopped (r1, channel w1); the check named it and no other, and "
        "site.yml cured it.",
    ]


def test_the_rule_is_that_of_the_inventorys_tables() -> None:
    (table,) = upkeep.with_days_kept()
    assert (table["name"], table["days_kept"]) == ("flights", upkeep.DAYS_KEPT)
    assert "CREATE TABLE flights" in table["definition"]


def test_it_is_done_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    kept = {"server": "w4", "rows": 7, "left": 3, "readers": ["r1"], "code": "c", "found": "r1"}
    (world.demo / "upkeep.json").write_text(json.dumps(kept))
    upkeep.run(world.demo, 0, Report())
    said = capsys.readouterr().out
    assert world.playbooks == ["check.yml"] and world.stopped == []
    assert "A write server was purged before" in said and "7 old rows have left w4" in said


def test_rows_that_a_read_server_has_lost_stop_the_run(world: World) -> None:
    world.purged = {"w4": 7, "r2": 1}
    with pytest.raises(Stopped, match="r2 does not have the rows of w4 any more"):
        play_all(world)


def test_a_purge_that_says_nothing_or_fails_stops_the_run(world: World) -> None:
    world.told = "PLAY RECAP"
    with pytest.raises(Stopped, match="has not said what went"):
        play_all(world)
    world.code = 2
    with pytest.raises(Stopped, match=r"retention_purge\.yml has failed"):
        play_all(world)


@pytest.mark.parametrize("wrong", [[], [OTHER], [STOPPED, OTHER]])
def test_a_defect_that_is_not_named_alone_stops_the_run(
    world: World, wrong: list[dict[str, Any]]
) -> None:
    world.findings = [[], wrong]
    with pytest.raises(Stopped, match=r"should have found channel\.stopped of r1 alone"):
        play_all(world)
    assert "site.yml" not in world.playbooks


def test_what_stays_wrong_is_named(world: World) -> None:
    world.findings = [[OTHER]]
    with pytest.raises(Stopped, match=r"(?s)should not be there.*channel\.lagging.*-> Start it\."):
        play_all(world)


def test_a_check_that_does_not_come_so_far(world: World) -> None:
    world.findings = []
    with pytest.raises(Stopped, match=r"check\.yml has failed:\nits output"):
        play_all(world)


def test_what_a_check_has_found_in_lines() -> None:
    assert Checked([], 8, 8).lines == ["Nothing is wrong; 8 of 8 servers answer"]
    assert Checked([STOPPED], 8, 8).lines[0] == "CRITICAL  r1, channel w1  channel.stopped"


def test_without_a_demo_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["upkeep", "--demo", str(tmp_path)])
    assert upkeep.main() == 1
    assert "There is no demo in" in capsys.readouterr().err
