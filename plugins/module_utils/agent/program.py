# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program dbrw_agent: its commands, its log, and the file that says how its server stands."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.agent.config import (
    Config,
    NotUsable,
    read_config,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.agent.turns import Agent
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.agent import (
    IN_SERVICE,
    Decision,
    Seen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import PYMYSQL_ERROR

# It asks again so often.
TURN_SECONDS = 1.0
_END_SECONDS = 15.0
_PAUSE_SECONDS = 0.05
_WELL, _NOT_IN_SERVICE, _UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Run a command, and return the process's exit code."""
    parser = argparse.ArgumentParser(
        "dbrw_agent", description="Brings a member of a replica set into service after a restart."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("run", "look every second, until it is ended"),
        ("once", "look until the server is in service, and end"),
        ("start", "run in the background, unless it does already"),
        ("stop", "end the one in the background"),
        ("check", "say whether one runs that was started with this program and configuration"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("config", type=Path, help="a JSON file with mode 0600")
        if name == "once":
            command.add_argument("--wait", type=float, default=0.0, help="seconds, at most")
    given = parser.parse_args(arguments)
    path = given.config.absolute()
    try:
        config = read_config(path)
        if PYMYSQL_ERROR:
            raise NotUsable("PyMySQL is missing: install python3-pymysql")
        if given.command == "once":
            return once(config, given.wait)
        # How the file is named is the same for all commands.
        return {"run": run, "start": start, "stop": stop, "check": check}[given.command](
            config, path
        )
    except NotUsable as error:
        sys.stderr.write(f"dbrw_agent: {error}\n")
        return _UNUSABLE


def run(config: Config, path: Path) -> int:
    """Take a turn every second; return only where another agent is at work for this server."""
    claim = _claim(config)
    if claim is None:
        raise NotUsable(f"another agent runs for {config.member}: {_process_file(config)}")
    os.truncate(claim, 0)
    os.write(claim, f"{os.getpid()} {_fingerprint(path)}\n".encode())
    state = StateFile(config)
    agent = Agent(config, state.seen())
    while True:
        began = time.monotonic()
        state.keep(agent.turn(), agent.seen)
        time.sleep(max(0.0, began + TURN_SECONDS - time.monotonic()))


def once(config: Config, seconds: float) -> int:
    """Take turns until the server is in service, for so long at most; one turn at least."""
    state = StateFile(config)
    agent = Agent(config, state.seen())
    end = time.monotonic() + seconds
    while True:
        decision = agent.turn()
        state.keep(decision, agent.seen)
        if decision.action == IN_SERVICE:
            return _WELL
        if time.monotonic() >= end:
            return _NOT_IN_SERVICE
        time.sleep(min(TURN_SECONDS, max(0.0, end - time.monotonic())))


def start(config: Config, path: Path) -> int:
    """Run in the background; an agent of another program or configuration makes way."""
    wanted = _fingerprint(path)
    running = _running(config)
    if running and running[1] == wanted:
        sys.stdout.write("running\n")
        return _WELL
    if running:
        _end(config, running[0])
    log = Path(f"{config.state_file}.log")
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, sys.argv[0], "run", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    end = time.monotonic() + _END_SECONDS
    while _running(config) != (process.pid, wanted):
        if process.poll() is not None or time.monotonic() > end:
            raise NotUsable(f"it does not start; see the end of {log}")
        time.sleep(_PAUSE_SECONDS)
    sys.stdout.write("started\n")
    return _WELL


def stop(config: Config, _path: Path) -> int:
    """End the agent in the background, if there is one."""
    running = _running(config)
    if running:
        _end(config, running[0])
    sys.stdout.write("stopped\n" if running else "not running\n")
    return _WELL


def check(config: Config, path: Path) -> int:
    """Say whether an agent runs for this server, and whether it is made of what is there now."""
    running = _running(config)
    said = "not running"
    if running:
        said = "running" if running[1] == _fingerprint(path) else "outdated"
    sys.stdout.write(f"{said}\n")
    return _WELL


class StateFile:
    """How the server stands, for people and playbooks; and what an agent must know that follows."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._written: dict[str, Any] = {}

    def seen(self) -> Seen | None:
        """Return what the last agent knew of the server."""
        try:
            said = json.loads(self._config.state_file.read_text(encoding="utf-8"))["seen"]
            return Seen(float(said["started"]), said["process"], bool(said["in_service"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, decision: Decision, seen: Seen | None) -> None:
        """Write it, and a line of the log, where it has changed."""
        content = {
            "set": self._config.set_name,
            "member": self._config.member,
            "state": decision.action,
            "reason": decision.reason,
            "seen": vars(seen) if seen else None,
        }
        if content == self._written:
            return
        told = ("state", "reason")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if any(content[name] != self._written.get(name) for name in told):
            # Its reader may be gone.
            line = f"{now} {self._config.member}: {decision.action}: {decision.reason}\n"
            sys.stdout.write(line)
            sys.stdout.flush()
        self._written = content
        file = self._config.state_file
        new = file.with_name(f"{file.name}.new")
        new.write_text(json.dumps({**content, "since": now}) + "\n", encoding="utf-8")
        new.chmod(0o644)
        new.replace(file)


def _process_file(config: Config) -> Path:
    return Path(f"{config.state_file}.pid")


def _claim(config: Config) -> int | None:
    """Return a descriptor that holds the place of the one agent of a server; None: it is taken."""
    claim = os.open(_process_file(config), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(claim)
        return None
    return claim


def _running(config: Config) -> tuple[int, str] | None:
    """Return the process of the agent that runs, and what it was made of."""
    try:
        # Another user's agent may be the first to make the file: it is only looked at.
        file = _process_file(config).open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            said = file.read().split()
        else:
            return None
    # One that has just begun has not written yet.
    return (int(said[0]), said[1]) if len(said) == 2 else None


def _end(config: Config, process: int) -> None:
    os.kill(process, signal.SIGTERM)
    end = time.monotonic() + _END_SECONDS
    while _running(config):
        if time.monotonic() > end:
            raise NotUsable(f"process {process} does not end")
        time.sleep(_PAUSE_SECONDS)


def _fingerprint(path: Path) -> str:
    program = Path(sys.argv[0])
    made_of = (program.read_bytes() if program.is_file() else b"") + b"\0" + path.read_bytes()
    return hashlib.sha256(made_of).hexdigest()
