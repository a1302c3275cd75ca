"""maintenance_schedule.yml installs what runs the maintenance; here without systemd, and of another program."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lines import ROOT

PLAYBOOK = "maintenance_schedule.yml"


def schedule(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "ansible",
                "playbook",
                "--diff",
                "-i",
                str(folder / "hosts.yml"),
            ),
            *arguments,
            str(ROOT / "playbooks" / PLAYBOOK),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the role has installed; its ansible-playbook does what ``does`` says."""
    folder = tmp_path_factory.mktemp("schedule")
    fake = folder / "ansible-playbook"
    fake.write_text('#!/bin/sh\necho "arguments: $*"\n. ./does\n')
    fake.chmod(0o755)
    control = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "maintenance_supervisor": "none",
        "maintenance_user": getpass.getuser(),
        "maintenance_folder": str(folder),
        "maintenance_inventory": "inventory with a space",
        "maintenance_ansible_playbook": str(fake),
        "maintenance_on_failure": ["sh", "-c", 'cp "$DBRW_STATUS_FILE" failure.json'],
        "maintenance_program": str(folder / "lib/dbrw_maintenance"),
        "maintenance_config_file": str(folder / "etc/maintenance.json"),
        "maintenance_state_folder": str(folder / "state"),
    }
    hosts = {"all": {"children": {"control_nodes": {"hosts": {"control": control}}}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
    shown = schedule(folder, "--check")
    assert shown.returncode == 0, shown.stdout
    assert not (folder / "state").exists() and not (folder / "lib").exists()
    played = schedule(folder)
    assert played.returncode == 0 and "failed=0" in played.stdout, played.stdout
    again = schedule(folder)
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout
    return folder


def run(folder: Path, does: str) -> subprocess.CompletedProcess[str]:
    (folder / "does").write_text(does)
    return subprocess.run(
        [sys.executable, folder / "lib/dbrw_maintenance", folder / "etc/maintenance.json"],
        capture_output=True,
        text=True,
        check=False,
    )


def status(folder: Path) -> Any:
    return json.loads((folder / "state/status.json").read_text())


def test_a_run_that_went_well(installed: Path) -> None:
    done = run(installed, "cp state/status.json during.json")
    assert done.returncode == 0, done
    during = json.loads((installed / "during.json").read_text())
    assert (during["result"], during["end"], during["code"]) == ("running", None, None)
    told = status(installed)
    assert (told["result"], told["code"]) == ("ok", 0) and during["start"] == told["start"]
    assert told["start"] <= told["end"]
    log = installed / "state/maintenance.log"
    assert "arguments: -i inventory with a space dbrw.sharding.maintenance" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE((installed / "state/status.json").stat().st_mode) == 0o644
    assert not (installed / "failure.json").exists()


def test_a_run_that_failed_is_told_to_somebody(installed: Path) -> None:
    assert run(installed, "echo it broke; exit 2").returncode == 2
    assert (status(installed)["result"], status(installed)["code"]) == ("failed", 2)
    assert json.loads((installed / "failure.json").read_text()) == status(installed)
    assert "it broke" in (installed / "state/maintenance.log").read_text()
    assert run(installed, "kill -9 $$").returncode == 128 + 9


def test_one_run_at_a_time(installed: Path) -> None:
    run(installed, "exit 0")
    before = status(installed)
    with (installed / "state/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(installed, "touch ran")
    assert done.returncode == 75 and "another run is at work" in done.stderr
    assert status(installed) == before and not (installed / "ran").exists()


def test_a_run_without_a_control_node(installed: Path) -> None:
    played = schedule(installed, "--limit", "localhost")
    assert played.returncode != 0, played.stdout
    empty = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook", "-i", "other,"),
            str(ROOT / "playbooks" / PLAYBOOK),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert empty.returncode == 2 and "No host of the group control_nodes" in empty.stdout
