"""Check mode on what has converged has nothing to change."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from lab.servers import read_servers, write_servers


def test_check_mode_has_nothing_to_change() -> None:
    inventory = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
    own = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "converge.yml"
    playbook = own if own.exists() else Path(__file__).parents[1] / "converge.yml"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "--check",
            "--diff",
            "-i",
            inventory,
            playbook,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
        check=False,
    )
    recap = re.findall(r"changed=(\d+) +unreachable=(\d+) +failed=(\d+)", done.stdout)
    assert done.returncode == 0, done.stdout
    assert recap == [("0", "0", "0")] * len([*write_servers(), *read_servers()]), done.stdout
