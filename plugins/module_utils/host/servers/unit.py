# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server as a unit of systemd's: asked, enabled, started, and what it said."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.config_change import (
    ServerEnded,
    ServerFailed,
)

SAID_LINES = 10


class Unit:
    """The unit of one server, and the error log that the server writes beside the journal."""

    def __init__(self, name: str, log_file: Path | None) -> None:
        self.name = name
        self.log_file = log_file

    def exists(self) -> bool:
        """Tell whether there is such a unit."""
        return bool(shutil.which("systemctl")) and _asked("systemctl", "cat", self.name) == 0

    def is_active(self) -> bool:
        """Tell whether the server runs."""
        return _asked("systemctl", "is-active", "--quiet", self.name) == 0

    def is_enabled(self) -> bool:
        """Tell whether the server is started at boot."""
        return _asked("systemctl", "is-enabled", "--quiet", self.name) == 0

    def started_after(self, file: Path) -> bool:
        """Tell whether the running server was started after the file was put into place.

        Asked of the file and the unit, not remembered from a run: one that was interrupted
        between writing and restarting is completed by the next.
        """
        if not file.is_file():
            return True
        shown = _run(
            *("systemctl", "show", "--timestamp=us+utc", "--property=ExecMainStartTimestamp"),
            *("--value", self.name),
        ).stdout.strip()
        if not shown:
            return False
        # For example: Thu 2026-11-26 18:15:26.506490 UTC
        started = datetime.strptime(shown.partition(" ")[2], "%Y-%m-%d %H:%M:%S.%f UTC")
        since = started.replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
        microseconds = (since.days * 86400 + since.seconds) * 10**6 + since.microseconds
        # The time of the change, not of the content: a file counts from when it was put in place.
        return microseconds * 1000 > file.stat().st_ctime_ns

    def unreadable(self, user: str, files: Sequence[str]) -> list[str]:
        """Return the files that the server's user cannot read.

        With a key that it cannot read MariaDB does not start, and MySQL starts without TLS.
        """
        return [file for file in files if _asked("runuser", "-u", user, "--", "test", "-r", file)]

    def enable(self) -> None:
        """Let the server be started at boot."""
        done = _run("systemctl", "enable", self.name)
        if done.returncode:
            raise ServerFailed(f"systemctl enable {self.name} failed: {done.stderr.strip()}")

    def restart(self) -> None:
        """Start the server, anew if it runs, and wait until it is ready.

        Raises ``ServerEnded``.
        """
        begun = time.time()
        read = self.log_file.stat().st_size if self.log_file and self.log_file.is_file() else 0
        done = _run("systemctl", "restart", self.name)
        if not done.returncode:
            return
        said = self._said_since(begun, read)
        end = "\n".join(said.splitlines()[-SAID_LINES:])
        raise ServerEnded(f"the unit {self.name} did not start; its log: {end}", said)

    def _said_since(self, begun: float, read: int) -> str:
        journal = _run(
            *("journalctl", f"--unit={self.name}", f"--since=@{begun:.0f}", "--output=cat"),
            "--no-pager",
        ).stdout
        if not self.log_file or not self.log_file.is_file():
            return journal
        with self.log_file.open("rb") as log:
            # One that was begun anew meanwhile is shorter.
            log.seek(read if read <= os.fstat(log.fileno()).st_size else 0)
            return journal + log.read().decode(errors="replace")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _asked(*command: str) -> int:
    return _run(*command).returncode
