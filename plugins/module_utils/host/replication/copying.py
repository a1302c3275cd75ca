# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A physical copy of a MariaDB server, sent from host to host by mariadb-backup.

The donor connects to the target. Both prove by a word that only this run knows that they belong to it,
and, over TLS, by certificates. The data goes in parts with their lengths before them; the last one is
empty, and is sent only when the backup is complete.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import pwd
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.rejoin_folder import (
    RejoinFailed,
    RejoinFolder,
    give_all,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import GtidPosition
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import (
    BINARY_LOG,
    DATA_FILES,
    FOLDERS,
    outside,
)

_PART = 1 << 20
_LENGTH = struct.Struct("!I")
_DONE = b"complete"
# How long one side waits for the other to come, and for the next part.
_COME_SECONDS = 60.0
_PART_SECONDS = 300.0
_POSITION_FILES = ("mariadb_backup_binlog_info", "xtrabackup_binlog_info")


@dataclass(frozen=True)
class Meeting:
    """Where donor and target meet, and how they know each other; without ``tls`` by the word alone."""

    address: str
    port: int
    word: str
    tls: Mapping[str, str]

    @property
    def greeting(self) -> bytes:
        """What the donor sends first."""
        return f"dbrw copy {self.word}\n".encode()


@dataclass(frozen=True)
class Donor:
    """How the backup logs in to the server that is copied, and that server's option file."""

    user: str
    password: str
    socket: str
    defaults_file: str


def refuse_other_folders(defaults_file: str, datadir: Path) -> None:
    """Refuse a server whose configuration has some of its data outside its data directory."""
    words = [f"--defaults-file={defaults_file}"] if defaults_file else []
    # This starts no server.
    lines = _run(_program("mariadbd", "mysqld"), *words, "--verbose", "--help").splitlines()
    pairs = [line.split(None, 1) for line in lines if line[:1].isalpha()]
    told = {pair[0].replace("-", "_"): pair[1].strip() for pair in pairs if len(pair) > 1}
    names = {**{name: name for name in (*FOLDERS, DATA_FILES)}, BINARY_LOG: "log_bin"}
    found = {name: told.get(option, "") for name, option in names.items()}
    problems = outside(
        {name: value for name, value in found.items() if not value.startswith("(No default")},
        datadir,
    )
    if problems:
        raise RejoinFailed(" ".join(problems))


def receive(meeting: Meeting, folder: RejoinFolder) -> int:
    """Receive a copy into the folder, and return how many bytes came."""
    unpack = _program("mbstream")
    folder.begin_copy()
    folder.copy.mkdir(mode=0o700)
    with _listening(meeting) as listener, _met(meeting, listener) as donor:
        command = [unpack, "--extract", f"--directory={folder.copy}"]
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors)
            try:
                size = _take(donor, process)
            finally:
                with contextlib.suppress(OSError):
                    _pipe(process.stdin).close()
                code = process.wait()
            if code:
                errors.seek(0)
                raise RejoinFailed(f"{unpack} failed with code {code}: {errors.read()[-500:]}")
        donor.sendall(_DONE)
    return size


def _take(donor: socket.socket, process: subprocess.Popen[bytes]) -> int:
    size, pipe = 0, _pipe(process.stdin)
    try:
        while True:
            (length,) = _LENGTH.unpack(_exactly(donor, _LENGTH.size))
            if not length:
                return size
            pipe.write(_exactly(donor, length))
            size += length
    except BrokenPipeError:
        raise RejoinFailed("mbstream ended before the copy was complete") from None
    except (OSError, EOFError) as error:
        process.kill()
        raise RejoinFailed(
            f"the donor has broken off after {size} bytes ({error or 'connection closed'}); what it "
            "says tells why"
        ) from None


def send(meeting: Meeting, donor: Donor, folder: str) -> int:
    """Send a copy of a running server, and return how many bytes went; ``folder`` is for its log."""
    log = Path(folder) / "backup.log"
    command = [
        _program("mariadb-backup", "mariabackup"),
        *([f"--defaults-file={donor.defaults_file}"] if donor.defaults_file else []),
        "--backup",
        "--stream=mbstream",
        f"--target-dir={folder}/backup",
        f"--tmpdir={folder}",
        f"--user={donor.user}",
        *([f"--socket={donor.socket}"] if donor.socket else []),
    ]
    password = {"MYSQL_PWD": donor.password} if donor.password else {}
    with _reached(meeting) as target, log.open("wb") as said:
        target.sendall(meeting.greeting)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, **password},
        )
        size, pipe = 0, _pipe(process.stdout)
        try:
            while True:
                part = pipe.read(_PART)
                if not part:
                    break
                target.sendall(_LENGTH.pack(len(part)) + part)
                size += len(part)
        except OSError as error:
            raise RejoinFailed(
                f"the target has broken off after {size} bytes ({error}); what it says tells why"
            ) from None
        finally:
            # One that is complete has ended already.
            if process.poll() is None and pipe.read(1):
                process.kill()
            pipe.close()
            code = process.wait()
        if code:
            end = log.read_text(errors="replace").splitlines()[-5:]
            raise RejoinFailed(f"{command[0]} failed with code {code}: " + "\n".join(end))
        target.sendall(_LENGTH.pack(0))
        try:
            _exactly(target, len(_DONE))
        except (OSError, EOFError) as error:
            raise RejoinFailed(f"the target could not unpack what it got: {error}") from None
    return size


def prepare(
    folder: RejoinFolder, defaults_file: str, statements: Callable[[str], Sequence[str]]
) -> str:
    """Make a received copy one that a server can start with, and return the position that it has.

    What was committed while it was made is applied. ``statements`` write a position into it, so
    that its server goes on exactly there, whoever lets it follow.
    """
    _run(
        _program("mariadb-backup", "mariabackup"),
        "--prepare",
        f"--target-dir={folder.copy}",
    )
    position = position_of(folder.copy)
    give_all(folder.copy, folder.owner)
    user = pwd.getpwuid(folder.owner[0]).pw_name
    _run(
        _program("mariadbd", "mysqld"),
        *([f"--defaults-file={defaults_file}"] if defaults_file else []),
        "--bootstrap",
        f"--datadir={folder.copy}",
        "--skip-log-bin",
        "--log-error=",
        f"--pid-file={folder.folder}/bootstrap.pid",
        *([f"--user={user}"] if os.geteuid() == 0 else []),
        statements="".join(f"{statement};\n" for statement in statements(position)),
    )
    folder.end_copy()
    return position


def position_of(copy: Path) -> str:
    """Return the GTIDs of all that a backup has, as its own file tells."""
    for name in _POSITION_FILES:
        if (copy / name).is_file():
            words = (copy / name).read_text(encoding="utf-8").rstrip("\n").split("\t")
            if len(words) > 2 and words[2]:
                return str(GtidPosition.parse(words[2]))
    raise RejoinFailed(
        f"the backup in {copy} does not tell its GTID position: is log_bin off there?"
    )


def _listening(meeting: Meeting) -> socket.socket:
    try:
        return socket.create_server((meeting.address, meeting.port), backlog=4)
    except OSError as error:
        raise RejoinFailed(
            f"cannot listen on {meeting.address}:{meeting.port} for the copy: {error.strerror}"
        ) from None


def _met(meeting: Meeting, listener: socket.socket) -> socket.socket:
    """Return the connection of the donor; whoever does not know the word is sent away."""
    end = time.monotonic() + _COME_SECONDS
    refused = ""
    while True:
        listener.settimeout(max(0.1, end - time.monotonic()))
        try:
            plain, address = listener.accept()
        except OSError:
            raise RejoinFailed(
                f"the donor did not come to {meeting.address}:{meeting.port} within "
                f"{_COME_SECONDS:.0f} s{refused}"
            ) from None
        try:
            plain.settimeout(10.0)
            donor = _context(meeting, True).wrap_socket(plain, True) if meeting.tls else plain
            if hmac.compare_digest(_exactly(donor, len(meeting.greeting)), meeting.greeting):
                donor.settimeout(_PART_SECONDS)
                return donor
            refused = f"; {address[0]} came with another word"
        except (OSError, EOFError) as error:
            refused = f"; {address[0]} came, and was refused: {error}"
        plain.close()


def _reached(meeting: Meeting) -> socket.socket:
    """Return the connection to the target, which may not be ready yet."""
    end = time.monotonic() + _COME_SECONDS
    while True:
        try:
            plain = socket.create_connection((meeting.address, meeting.port), timeout=10.0)
            break
        except OSError as error:
            if time.monotonic() > end:
                raise RejoinFailed(
                    f"cannot reach the target at {meeting.address}:{meeting.port}: {error}. Is a "
                    "firewall between them?"
                ) from None
            time.sleep(0.2)
    plain.settimeout(_PART_SECONDS)
    if not meeting.tls:
        return plain
    try:
        return _context(meeting, False).wrap_socket(plain)
    except OSError as error:
        plain.close()
        raise RejoinFailed(f"no TLS with the target {meeting.address}: {error}") from None


def _context(meeting: Meeting, is_target: bool) -> ssl.SSLContext:
    """Return what verifies the other's certificate and shows the own one; names do not count."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_target else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=meeting.tls["ca"])
    context.load_cert_chain(meeting.tls["cert"], meeting.tls["key"])
    return context


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RejoinFailed("a program was started without a pipe")
    return stream


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts, left = [], length
    while left:
        part = connection.recv(min(left, _PART))
        if not part:
            raise EOFError("connection closed")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _run(*command: str, statements: str = "") -> str:
    done = subprocess.run(
        command,
        input=statements.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        end = done.stdout.decode(errors="replace").splitlines()[-8:]
        raise RejoinFailed(f"{command[0]} failed with code {done.returncode}: " + "\n".join(end))
    return done.stdout.decode(errors="replace")


def _program(*names: str) -> str:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/libexec:/usr/local/sbin"
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise RejoinFailed(
        f"no {names[0]} on this host; on Debian and Ubuntu it is in the package "
        + ("mariadb-server-core" if "mariadbd" in names else "mariadb-backup")
    )
