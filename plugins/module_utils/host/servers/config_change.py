# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's configuration file: judged, put into place, and the last one back if need be.

A server is never left down by a new configuration. What it would not understand is
found by the server itself, before the file is touched. Other mistakes show only at the
end of a start; then the server gets back the text with which it last came up, which
is kept beside the file, and is started with that.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.config_lines import (
    at_fault,
)

# No server reads a file whose name ends otherwise than in .cnf.
KEPT = ".last-started"
JUDGING_SECONDS = 60


class ServerFailed(Exception):
    """The server did not initialise, start or stop; the message tells why."""


class ServerEnded(ServerFailed):
    """The server ended instead of starting; ``said`` is what it said since it was started."""

    def __init__(self, message: str, said: str) -> None:
        self.said = said
        super().__init__(message)


class ConfigChange:
    """A configuration file that a server is to be started with.

    ``wanted`` is the text that it shall have; ``before`` what it has, or None.
    """

    def __init__(self, file: Path, wanted: str) -> None:
        self.file = file
        self.wanted = wanted
        self.before = text_of(file)
        self.kept = file.with_name(file.name + KEPT)

    def remember(self, text: str | None) -> None:
        """Keep the text, with which the server has come up."""
        if text is not None and text_of(self.kept) != text:
            write_file(self.kept, text, 0o644)

    def judge(self, command: Sequence[str], folder: str, environment: dict[str, str]) -> None:
        """Let the server say whether it understands the wanted text; raise ``ServerFailed``.

        In ``command`` %s stands for the file, which is made in ``folder``. What the server
        has come up with before is not judged again.
        """
        if self.wanted == text_of(self.kept):
            return
        with tempfile.NamedTemporaryFile("w", suffix=".cnf", dir=folder, encoding="utf-8") as draft:
            draft.write(self.wanted)
            draft.flush()
            done = _run([word.replace("%s", draft.name) for word in command], environment)
            said = done.stderr.replace(draft.name, str(self.file))
        # Of InnoDB's settings MariaDB says so, and ends as if all were well (10.11, 11.8).
        if done.returncode or "Error while setting value" in said:
            raise ServerFailed(
                f"the server does not understand the new {self.file}, which has not been "
                f"installed. {self._fault(said)} It reports: {_complaints(said)}"
            )

    def put(self) -> None:
        """Give the file the wanted text."""
        if self.before != self.wanted:
            write_file(self.file, self.wanted, 0o644)

    def start(self, start: Callable[[str], None], ran: bool) -> None:
        """Start the server with the wanted text, and where it ends, with the one before.

        ``start`` takes the text that the file has; ``ran`` tells whether the server has
        run before, even if without such a file. Raises ``ServerFailed`` in every case in
        which it does not run with the wanted text.
        """
        try:
            start(self.wanted)
        except ServerEnded as error:
            raise ServerFailed(self._go_back(error, start, ran)) from None
        self.remember(self.wanted)

    def _go_back(self, error: ServerEnded, start: Callable[[str], None], ran: bool) -> str:
        fault = self._fault(error.said)
        good = self._good()
        if good == self.wanted or (good is None and not ran):
            return f"{error} {fault}".rstrip()
        if good is None:
            self.file.unlink()
            back = f"{self.file} did not exist before and has been removed again"
        else:
            write_file(self.file, good, 0o644)
            back = f"{self.file} has been restored to the text with which the server last ran"
        try:
            start(good or "")
        except ServerFailed as again:
            return (
                f"{error} {fault} {back}, but the server does not start with that either: {again}"
            )
        return f"{error} {fault} {back}, and the server runs again with that."

    def _good(self) -> str | None:
        """Return the text to go back to, if there is one."""
        kept = text_of(self.kept)
        return self.before if kept is None else kept

    def _fault(self, said: str) -> str:
        return at_fault(self._good() or "", self.wanted, said)


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            # MariaDB prints a help of many pages.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            timeout=JUDGING_SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise ServerFailed(
            f"{command[0]} did not check its configuration within {JUDGING_SECONDS} s"
        ) from None


def _complaints(said: str) -> str:
    """Return what is worth reading of what a server says of a file, which warns of much.

    MariaDB ends over some folders that are missing with no more than a warning.
    """
    lines = said.splitlines()
    worse = [line for line in lines if not re.search(r"\[(Warning|System|Note)\]", line)]
    return "\n".join((worse or lines)[-10:])


def text_of(path: Path) -> str | None:
    """Return what a file holds; None when there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else None


def write_file(path: Path, text: str, mode: int) -> None:
    """Put the text into place in one rename, never readable by more than ``mode`` says."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(draft).chmod(mode)
    Path(draft).replace(path)
