"""What the scripts take for a demo's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(("folder", "other"), [("demo?", "demo2"), ("[ab]", "a"), ("*", "b")])
def test_a_folder_is_no_pattern(tmp_path: Path, folder: str, other: str) -> None:
    """Otherwise script/down would end the servers of another demo."""
    running = [
        # As an agent runs: what it is told of is its fourth word.
        subprocess.Popen(
            ["sh", "-c", "read -r line", f"{tmp_path / name}/f1/agent.json"], stdin=subprocess.PIPE
        )
        for name in (folder, other)
    ]
    try:
        found = subprocess.run(
            ["bash", "-c", "source script/common.bash && demo_agents"],
            env={**os.environ, "LOCAL_DIR": str(tmp_path / folder)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.split()
    finally:
        for one in running:
            one.communicate(b"\n")
    assert found == [str(running[0].pid)]
