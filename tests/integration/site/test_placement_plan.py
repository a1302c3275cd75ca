"""placement_plan.yml says what a change would move; of keys in a file or on a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.dbrw.sharding.plugins.filter.placement_change import placement_change
from tests.integration.conftest import outside_binary_log
from tests.integration.lines import ROOT, Host, running_topology

pytestmark = pytest.mark.lines("one")

FOUR = {f"s{number}": {"shard_number": number} for number in range(1, 5)}
FIVE = {**FOUR, "s5": {"shard_number": 5}}
KEYS = [f"customer {number} \N{GRINNING FACE} " for number in range(62_000)]


def plan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook as a person in another folder does."""
    environment = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "PWD": str(folder),
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook"),
            *("-i", str(ROOT / "inventories/local"), *arguments),
            str(ROOT / "playbooks" / "placement_plan.yml"),
        ],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture
def change(tmp_path: Path) -> Path:
    file = tmp_path / "change.yml"
    versions = {"before": FOUR, "after": FIVE}
    file.write_text(
        yaml.safe_dump(
            {f"placement_{one}": {"kind": "ring", "shards": of} for one, of in versions.items()}
        )
    )
    (tmp_path / "keys.txt").write_text("\n".join(KEYS))
    return tmp_path


def test_it_says_what_would_move(change: Path) -> None:
    arguments = ("-e", "@change.yml", "-e", "keys_file=keys.txt")
    played = plan(change, *arguments, "--limit", "w1", "-e", "moves_file=moves.json")
    assert played.returncode == 0, played.stdout
    moves = json.loads((change / "moves.json").read_text())
    assert 0.8 < len(moves) * 5 / len(KEYS) < 1.2
    assert {move["to"] for move in moves} == {"s5"}
    assert {move["key"] for move in moves} <= set(KEYS)
    percent = f"{100 * len(moves) / len(KEYS):.1f}"
    assert (
        f"adds s5: {len(moves):,} of 62,000 keys move ({percent} %); none between old shards"
        in played.stdout
    )
    (change / "moves.json").unlink()
    again = plan(change, *arguments)
    assert again.returncode == 0 and "changed=0" in again.stdout


def test_mistakes_are_named_before_anything_is_done(change: Path) -> None:
    played = plan(change, "-e", "keys_file=keys.txt")
    assert played.returncode != 0
    assert "Not given: placement_after, placement_before. Give" in played.stdout
    played = plan(change, "-e", "keys_query=x")
    assert "Not given: keys_server, placement_after, placement_before. Give" in played.stdout
    (change / "keys.txt").write_text("a\n\nb\r\n")
    played = plan(change, "-e", "@change.yml", "-e", "keys_file=keys.txt")
    assert played.returncode != 0
    assert "Line 2 of the keys is empty." in played.stdout
    assert "Line 3 of the keys ends with a carriage return" in played.stdout


def test_keys_come_from_a_server_as_the_account_monitor(host: Host, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "placement_before": {"kind": "ring", "shards": FOUR},
        "placement_after": {"kind": "ring", "shards": FIVE},
        "keys_query": "SELECT who FROM usage_data.calls WHERE who LIKE '%customer%'",
        # A read server would refuse all writes by itself.
        "keys_server": "w1",
        "dbrw_monitor_password": "hushed monitor",
    }
    with running_topology(host, "placement", "w1", "r1") as topology:
        for changed, said in (
            ({"keys_server": "r9"}, "keys_server is r9, which is no server of the inventory."),
            ({"keys_file": "keys.txt"}, "keys_file and keys_query are given; give one of them."),
        ):
            refused = topology.try_playbook("placement_plan.yml", **{**given, **changed})
            assert refused.code != 0 and said in refused.output
            assert "Ask a server" not in refused.output
        limited = topology.try_playbook("placement_plan.yml", "--limit", "r1", **given)
        assert limited.code != 0 and "--limit leaves out w1" in limited.output
        topology.playbook("servers.yml", "--limit", "w1")
        server = topology.server("w1")
        outside_binary_log(
            server,
            "CREATE SCHEMA usage_data",
            "CREATE TABLE usage_data.calls (who VARCHAR(80) CHARACTER SET utf8mb4)",
            "CREATE USER monitor IDENTIFIED BY 'hushed monitor'",
            "GRANT ALL ON usage_data.* TO monitor",
        )
        marks = ", ".join(["(%s)"] * len(KEYS))
        server.rows(f"INSERT INTO usage_data.calls VALUES {marks}", *KEYS)
        file = tmp_path / "moves.json"
        told = topology.playbook("placement_plan.yml", moves_file=str(file), **given)
        expected = placement_change(KEYS, given["placement_before"], given["placement_after"])
        assert expected["report"][0] in told.output and "hushed" not in told.output
        moves = json.loads(file.read_text())
        assert sorted(moves, key=str) == sorted(expected["moves"], key=str)
        # It reads, whatever the account could do.
        given["keys_query"] = "DELETE FROM usage_data.calls"
        failed = topology.try_playbook("placement_plan.yml", **given)
        assert failed.code != 0 and "READ ONLY transaction" in " ".join(failed.output.split())
        assert server.value("SELECT COUNT(*) FROM usage_data.calls") == len(KEYS)
