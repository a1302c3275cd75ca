"""placement_plan.yml says what a change would move; it asks no server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.lines import ROOT

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
    (change / "keys.txt").write_text("a\n\nb\r\n")
    played = plan(change, "-e", "@change.yml", "-e", "keys_file=keys.txt")
    assert played.returncode != 0
    assert "Line 2 of the keys is empty." in played.stdout
    assert "Line 3 of the keys ends with a carriage return" in played.stdout
