# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server as a plain process of this machine: made, found, started, stopped."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import socket as sockets
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.config_change import (
    ConfigChange,
    ServerEnded,
    ServerFailed,
    text_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.start_options import (
    MARIADBD,
    MYSQLD,
    PROGRAMS,
)

# A running server's environment tells which text its option file had when it
# was started. Comparing times instead would restart it needlessly, or never,
# when a run is interrupted between writing the file and restarting.
DIGEST = "MYSQLD_PROCESS_DEFAULTS_DIGEST"


@dataclass(frozen=True)
class _Program:
    """How a server's program judges an option file, and how its data directory is made.

    ``judging`` are its options for the first, without starting; ``makers`` the programs for the
    second, one of which is there, and ``making`` their options; ``first_statements`` are in a file
    that these may name.
    """

    judging: tuple[str, ...]
    makers: tuple[str, ...]
    making: tuple[str, ...]
    first_statements: str = ""


_PROGRAMS = {
    MARIADBD: _Program(
        # It looks at the names only for its long help.
        judging=("--help", "--verbose"),
        makers=("mariadb-install-db", "mysql_install_db"),
        making=(
            "--auth-root-authentication-method=socket",
            "--auth-root-socket-user={user}",
            "--skip-test-db",
        ),
    ),
    MYSQLD: _Program(
        judging=("--validate-config",),
        makers=(MYSQLD,),
        making=("--initialize-insecure", "--init-file={file}"),
        # The binary log is on by default: what is in it travels through every channel.
        first_statements=(
            "SET SESSION sql_log_bin = 0;\n"
            "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';\n"
            "ALTER USER root@localhost IDENTIFIED WITH auth_socket AS '{user}';\n"
        ),
    ),
}


class Process:
    """The server of one option file."""

    def __init__(
        self,
        defaults_file: Path,
        defaults_text: str | None,
        datadir: Path,
        socket: str,
        log_file: Path,
        timeout_seconds: float,
    ) -> None:
        self.defaults_file = defaults_file
        self.datadir = datadir
        self.socket = socket
        self.log_file = log_file
        # A server that starts deletes the temporary tables that it finds in its
        # temporary folder, so two servers must never share one.
        self.tmpdir = self.datadir.with_name(self.datadir.name + ".tmp")
        self.timeout = timeout_seconds
        self.argument = f"--defaults-file={self.defaults_file}"
        self.text = text_of(defaults_file) if defaults_text is None else defaults_text
        self.config = ConfigChange(defaults_file, self.text or "")

    def pid(self) -> int:
        """Return the process id of the server that runs with this option file, or 0."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            # Clients and backups take the same option file as their first word.
            if Path(os.fsdecode(words[0])).name not in PROGRAMS:
                continue
            if len(words) > 1 and words[1] == os.fsencode(self.argument):
                return int(entry.name)
        return 0

    def digest(self) -> str:
        """Return the digest of the text that the option file shall have."""
        return _digest(self.text)

    def runs_with_present_text(self, pid: int) -> bool:
        """Tell whether the server was started with the text that the file shall have."""
        return self._runs_with(pid, self.text)

    def _runs_with(self, pid: int, text: str | None) -> bool:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return os.fsencode(f"{DIGEST}={_digest(text)}") in variables

    def remember(self, pid: int) -> None:
        """Keep the text that the file has, if the server runs with it."""
        if self._runs_with(pid, self.config.before):
            self.config.remember(self.config.before)

    def judge(self, folder: str) -> None:
        """Let the server judge the text that the file shall have; its draft is made in ``folder``.

        Raises ``ServerFailed``. A host without the program tells so where it is started.
        """
        try:
            program, binary = _installed()
        except ServerFailed:
            return
        command = [binary, "--defaults-file=%s", *program.judging]
        self.config.judge(command, folder, {**os.environ, "TMPDIR": folder})

    def initialise(self) -> None:
        """Make the data directory, under another name until it is complete."""
        draft = self.datadir.with_name(self.datadir.name + ".initialising")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        user = pwd.getpwuid(os.geteuid()).pw_name
        program, _binary = _installed()
        with tempfile.NamedTemporaryFile("w", suffix=".sql", dir=draft.parent) as first_statements:
            first_statements.write(program.first_statements.format(user=user))
            first_statements.flush()
            names = {"user": user, "file": first_statements.name}
            command = [
                _which(*program.makers),
                self.argument,
                f"--datadir={draft}",
                *(option.format(**names) for option in program.making),
            ]
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                env=self._environment(),
            )
        if done.returncode:
            said = done.stdout[-2000:] + self._end_of_log()
            raise ServerFailed(f"{command[0]} failed with code {done.returncode}: {said}")
        draft.rename(self.datadir)

    def start(self) -> None:
        """Start the server and wait until it greets a client.

        With a new text with which it does not, it is started with the one before.
        """
        self.config.start(self._start, ran=False)

    def _start(self, text: str) -> None:
        begun = self.log_file.stat().st_size if self.log_file.is_file() else 0
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                [_installed()[1], self.argument],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env={**self._environment(), DIGEST: _digest(text)},
            )
        self._wait(lambda: process.poll() is not None or self._greets(), "answer")
        if process.poll() is not None:
            raise ServerEnded(
                f"the server ended with code {process.returncode}: {self._end_of_log()}",
                self._log_since(begun),
            )

    def wait_for_greeting(self) -> None:
        """Wait for a server that an earlier run has started and given up on."""
        self._wait(self._greets, "answer")

    def stop(self, pid: int) -> None:
        """Ask the server to end, and wait until it has."""
        os.kill(pid, signal.SIGTERM)
        self._wait(lambda: self.pid() != pid, "stop")

    def _environment(self) -> dict[str, str]:
        self.tmpdir.mkdir(mode=0o700, exist_ok=True)
        return {**os.environ, "TMPDIR": str(self.tmpdir)}

    def _greets(self) -> bool:
        # The server's first packet: length (3 bytes), number, protocol version.
        with sockets.socket(sockets.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(self.socket)
                return client.recv(5)[4:] == b"\x0a"
            except OSError:
                return False

    def _wait(self, condition: Callable[[], bool], verb: str) -> None:
        end = time.monotonic() + self.timeout
        while not condition():
            if time.monotonic() > end:
                raise ServerFailed(
                    f"the server of {self.defaults_file} did not {verb} within {self.timeout} s: "
                    + self._end_of_log()
                )
            time.sleep(0.05)

    def _end_of_log(self) -> str:
        if not self.log_file.is_file():
            return f"{self.log_file} is not there"
        text = self.log_file.read_text(encoding="utf-8", errors="replace")
        return f"the end of {self.log_file}: " + "\n".join(text.splitlines()[-10:])

    def _log_since(self, place: int) -> str:
        with self.log_file.open("rb") as log:
            log.seek(place)
            return log.read().decode(errors="replace")


def _installed() -> tuple[_Program, str]:
    """Return the program of this host's server, and where it is; MariaDB may have both names."""
    mariadbd = shutil.which(MARIADBD, path=_search_path())
    if mariadbd:
        return _PROGRAMS[MARIADBD], mariadbd
    return _PROGRAMS[MYSQLD], _which(MYSQLD)


def _search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/usr/libexec:/usr/local/sbin"


def _which(*names: str) -> str:
    for name in names:
        found = shutil.which(name, path=_search_path())
        if found:
            return found
    raise ServerFailed(
        f"{' or '.join(names)} not found on this host: install a server, on Debian and Ubuntu for "
        "example the package mariadb-server-core (programs only, no service)"
    )


def _digest(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()
