"""Check mode on what has converged has nothing to change."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lab.playbooks import start
from lab.servers import read_servers, write_servers


def test_check_mode_has_nothing_to_change() -> None:
    own = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "converge.yml"
    playbook = own if own.exists() else Path(__file__).parents[1] / "converge.yml"
    done = start(playbook, "--check", "--diff")
    said, _errors = done.communicate()
    recap = re.findall(r"changed=(\d+) +unreachable=(\d+) +failed=(\d+)", said)
    assert done.returncode == 0, said
    assert recap == [("0", "0", "0")] * len([*write_servers(), *read_servers()]), said
