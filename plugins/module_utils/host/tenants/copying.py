# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a schema from server to server with the flavour's own programs: a dump, and its load."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import line_of

_PART = 1 << 20
_LAST_BYTES = 500


class CopyFailed(Exception):
    """A program is not there, or has not done its work."""


def copy_schema(
    programs: Sequence[str],
    source: Mapping[str, str | None],
    target: Mapping[str, str | None],
    dumped: Sequence[str],
    loaded: Sequence[str],
) -> int:
    """Send a dump into a load, and return how many bytes went.

    ``programs`` are the one that dumps and the one that loads, ``source`` and ``target`` the options
    by which they log in, ``dumped`` and ``loaded`` their other words. The bytes pass through this
    process: when it is killed, neither program goes on.
    """
    dump, load = programs
    with tempfile.TemporaryDirectory(prefix="dbrw-copy-") as folder, _log() as said, _log() as told:
        # mkdtemp has made it readable for this user alone.
        files = [
            _options(Path(folder, name), options)
            for name, options in (("source.cnf", source), ("target.cnf", target))
        ]
        reading = subprocess.Popen(
            [dump, f"--defaults-file={files[0]}", *dumped],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        writing = subprocess.Popen(
            [load, f"--defaults-file={files[1]}", *loaded],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=told,
        )
        size, complete = 0, False
        out, into = _pipe(reading.stdout), _pipe(writing.stdin)
        try:
            while True:
                part = out.read(_PART)
                if not part:
                    break
                into.write(part)
                size += len(part)
            complete = reading.wait() == 0
        except BrokenPipeError:
            # The load says why.
            pass
        finally:
            if not complete:
                # Half a dump must not be taken for a whole one.
                writing.kill()
                reading.kill()
            out.close()
            _close(into)
            codes = reading.wait(), writing.wait()
        # One that was killed here has the other to thank for it.
        if codes[0] not in (0, -signal.SIGKILL):
            raise CopyFailed(_failed(dump, codes[0], said))
        if codes[1] or not complete:
            raise CopyFailed(_failed(load, codes[1], told))
        return size


def _failed(program: str, code: int, log: IO[bytes]) -> str:
    log.seek(0)
    said = log.read()[-_LAST_BYTES:].decode(errors="replace").strip()
    return f"{program} failed with code {code}: {said or 'it said nothing'}"


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        # What was left is of no use any more.
        return


def _log() -> IO[bytes]:
    return tempfile.TemporaryFile()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise CopyFailed("the program has no pipe")
    return pipe


def _options(path: Path, options: Mapping[str, str | None]) -> Path:
    """Write an option file that only this user can read."""
    lines = ["[client]", *(line_of(name, value) for name, value in options.items())]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def program(names: Sequence[str], is_mariadb: bool) -> str:
    """Return the first of these programs that is on this host and of the right flavour."""
    others = []
    for name in names:
        found = shutil.which(name)
        if found:
            said = subprocess.run(
                [found, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if (b"MariaDB" in said.stdout) == is_mariadb:
                return found
            others.append(found)
    flavour, other = ("MariaDB", "MySQL") if is_mariadb else ("MySQL", "MariaDB")
    beside = f"; {', '.join(others)} is {other}'s" if others else ""
    raise CopyFailed(
        f"there is no {' or '.join(names)} of {flavour} on this host{beside}. Install the package of "
        "the server's client, or name the program."
    )
