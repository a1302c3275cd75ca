"""The demo's servers as processes of this machine: how much memory, kill, start again."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from demo.writers import Member

ROOT = Path(__file__).resolve().parents[1]


class NotOurs(Exception):
    """The process is not the server that the demo has started."""


def pid_of(demo: Path, name: str) -> int:
    """Return the process id of a server of the demo; raise ``NotOurs`` if it has none.

    The number in the pid file outlives a crash and may be another process's by
    now: only one that was started with the server's option file counts.
    """
    pid_file = demo / name / "data" / "mysqld.pid"
    wanted = f"--defaults-file={demo / name / 'my.cnf'}"
    try:
        pid = int(pid_file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError) as error:
        raise NotOurs(f"{name} does not run ({error})") from None
    if os.fsencode(wanted) not in words:
        raise NotOurs(f"process {pid}, which {pid_file} names, was not started with {wanted}")
    return pid


def kill(demo: Path, name: str, wait: Callable[[], None]) -> int:
    """End a server of the demo as a crash would (SIGKILL); return its process id.

    ``wait`` returns at the moment of the kill: finding the process takes longer
    than a statement.
    """
    pid = pid_of(demo, name)
    # A descriptor means one process, whatever becomes of its number meanwhile.
    handle = os.pidfd_open(pid)
    try:
        if pid_of(demo, name) != pid:
            raise NotOurs(f"{name} was started again at this moment")
        wait()
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], 10)
    finally:
        os.close(handle)
    return pid


def start(demo: Path, net: int, name: str) -> None:
    """Start a server again, as an administrator would; raise ``RuntimeError`` if it fails."""
    try:
        play(demo, net, "servers.yml", "--limit", name)
    except RuntimeError as error:
        raise RuntimeError(f"{name} could not be started again:\n{error}") from None


def play(demo: Path, net: int, playbook: str, *words: str) -> str:
    """Run a playbook on the demo's servers; return its output.

    Raise ``RuntimeError`` with the output if it fails.
    """
    code, output = try_play(demo, net, playbook, *words)
    if code:
        raise RuntimeError(output)
    return output


def try_play(demo: Path, net: int, playbook: str, *words: str) -> tuple[int, str]:
    """Run a playbook on the demo's servers; return its exit code and its output."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook", "-i", "inventories/local"),
            *("-e", json.dumps({"local_dir": str(demo), "local_net": net})),
            *(f"playbooks/{playbook}", *words),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def members(net: int) -> list[Member]:
    """Return the members of the demo's replica set, as its inventory names them."""
    folder = ROOT / "inventories/local"
    children = yaml.safe_load((folder / "hosts.yml").read_text())["all"]["children"]
    port = yaml.safe_load((folder / "group_vars/all.yml").read_text())["dbrw_port"]
    return [
        Member(
            name,
            host["dbrw_address"].replace("{{ local_net }}", str(net)),
            port,
            host["dbrw_datacenter"],
        )
        for name, host in children["fabric_servers"]["hosts"].items()
    ]


def resident_bytes(demo: Path, name: str) -> int:
    """Return the memory that a server's process holds now; 0 if it does not run."""
    try:
        status = Path(f"/proc/{pid_of(demo, name)}/status").read_text()
    except (NotOurs, OSError):
        return 0
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
