# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the daily maintenance once: dbrw_maintenance CONFIG

One run at a time. What it prints is appended to maintenance.log in the state folder, and status.json there says
when the last run began and ended and what became of it. It ends with the code of the run, or with 75 where
another run is at work, which it leaves alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

BUSY, NOT_STARTED = 75, 127
LARGE_LOG = 10 << 20


def now() -> str:
    """Return the time as the status has it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def write_status(file: Path, status: dict[str, Any]) -> None:
    """Write the whole file, or leave it as it was."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w") as new:
            json.dump(status, new, indent=2)
            new.write("\n")
            new.flush()
            os.fsync(new.fileno())
            # It holds no secrets, and others watch it.
            os.fchmod(new.fileno(), 0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink()
        raise


def open_log(file: Path) -> int:
    """Open the log at its end; one that has grown large makes way."""
    if file.exists() and file.stat().st_size > LARGE_LOG:
        file.replace(f"{file}.1")
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def run(command: list[str], log: int, folder: str, more: dict[str, str]) -> int:
    """Run a command whose output goes into the log, and return its code."""
    os.write(log, f"--- {now()} {' '.join(command)}\n".encode())
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        ).returncode
    except OSError as error:
        os.write(log, f"{error}\n".encode())
        return NOT_STARTED


def main(config_file: str) -> int:
    """Run what the configuration names, and return the code to end with."""
    config = json.loads(Path(config_file).read_text())
    state = Path(config["state_folder"])
    status_file = state / "status.json"
    lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another run is at work; nothing has been done", file=sys.stderr)
        return BUSY
    log = open_log(state / "maintenance.log")
    status = {"start": now(), "end": None, "result": "running", "code": None}
    write_status(status_file, status)
    code = run(config["command"], log, config["folder"], {})
    result = "ok" if code == 0 else "failed"
    write_status(status_file, {**status, "end": now(), "result": result, "code": code})
    if code and config["on_failure"]:
        # What becomes of it changes nothing of the run's own result.
        run(config["on_failure"], log, config["folder"], {"DBRW_STATUS_FILE": str(status_file)})
    # A signal's number is negative.
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: dbrw_maintenance CONFIG")
    sys.exit(main(sys.argv[1]))
