# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data directory of a server that is rebuilt: the copy beside it, put in its place.

Everything is in one folder beside the data directory until the new data is known to be good:
``notes.json``, the copy (``data``), ``complete`` once that is whole, the old data (``before``).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import (
    Notes,
    OnHost,
)

# A receiver whose run was killed gives up after a minute without a donor.
_LOCK_SECONDS = 75.0


class RejoinFailed(Exception):
    """Something on the host kept a copy from being made or put in its place."""


class RejoinFolder:
    """The folder of a server's data directory, beside it; of what a link leads to, where it is one.

    ``user`` is whom the server runs as, where its data is lost and cannot tell.
    """

    def __init__(self, datadir: Path, user: str = "") -> None:
        self.datadir = Path(os.path.realpath(datadir))
        self.user = user
        self.folder = self.datadir.with_name(self.datadir.name + ".rejoin")
        self.copy = self.folder / "data"
        self._notes = self.folder / "notes.json"
        self._complete = self.folder / "complete"

    def look(self) -> OnHost:
        """Return what there is."""
        notes = None
        if self._notes.is_file():
            notes = Notes(**json.loads(self._notes.read_text(encoding="utf-8")))
        disk = next(path for path in self.datadir.parents if path.is_dir())
        room = os.statvfs(disk)
        return OnHost(
            has_data=_has_files(self.datadir),
            notes=notes,
            copied=self._complete.is_file() and self.copy.is_dir(),
            placed=self._complete.is_file() and not self.copy.is_dir(),
            free=room.f_bavail * room.f_frsize + _size(self.copy),
            is_mounted=os.path.ismount(self.datadir),
        )

    @property
    def owner(self) -> tuple[int, int]:
        """The user and the group that the server's files belong to."""
        known = self._old_data
        if known is None and self.user:
            try:
                user = pwd.getpwnam(self.user)
            except KeyError:
                raise RejoinFailed(
                    f"no user {self.user} on this host, to whom the data is to belong; install the "
                    "server first"
                ) from None
            return user.pw_uid, user.pw_gid
        status = (known or next(path for path in self.datadir.parents if path.is_dir())).stat()
        return status.st_uid, status.st_gid

    @property
    def _old_data(self) -> Path | None:
        """The data that is replaced, where it is or put aside; None: it is lost."""
        if _has_files(self.datadir):
            return self.datadir
        aside = [path for path in self.folder.glob("before*") if _has_files(path)]
        return max(aside, key=lambda path: path.stat().st_ctime_ns, default=None)

    def make(self) -> None:
        """Make the folder, for the server alone."""
        owner = self.owner
        self.folder.mkdir(mode=0o700, exist_ok=True)
        _give(self.folder, owner)

    def note(self, notes: Notes) -> None:
        """Write notes; what was copied for others counts no more."""
        self.make()
        self.begin_copy()
        write_durably(self._notes, json.dumps(notes.told()) + "\n")

    def begin_copy(self) -> None:
        """Remove a copy, whole or half, that is not in its place."""
        self._complete.unlink(missing_ok=True)
        shutil.rmtree(self.copy, ignore_errors=True)

    def end_copy(self) -> None:
        """Say that the copy is complete, once it is on disk."""
        os.sync()
        write_durably(self._complete, "\n")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one that copies to here."""
        self.make()
        with (self.folder / "lock").open("w") as lock:
            end = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise RejoinFailed(
                            f"another run is copying to {self.folder}; wait until it ends, or end it"
                        ) from None
                time.sleep(0.1)
            yield

    def put_aside(self) -> bool:
        """Put the old data aside, unless it is; tell whether it was there. The server must not run."""
        self._require_copy()
        if not self.datadir.exists():
            return False
        running = _process_in(self.datadir)
        if running:
            raise RejoinFailed(
                f"process {running} still works in {self.datadir}; stop the server first"
            )
        names = ["before", *(f"before-{number}" for number in range(2, 100))]
        free = next(self.folder / name for name in names if not (self.folder / name).exists())
        self.datadir.rename(free)
        return True

    def put_in_place(self) -> bool:
        """Put the copy where the data belongs; tell whether it was not there yet."""
        if self.datadir.exists():
            return False
        self._require_copy()
        owner, old = self.owner, self._old_data
        _give(self.copy, owner)
        if old:
            # Others may have to pass through it, to the server's socket.
            self.copy.chmod(stat.S_IMODE(old.stat().st_mode))
        self.copy.rename(self.datadir)
        return True

    def finish(self, keep_old: bool) -> bool:
        """Remove all but the new data; with ``keep_old`` the old data stays, under another name."""
        if not self.folder.exists():
            return False
        if keep_old:
            for old in sorted(self.folder.glob("before*")):
                stamp = time.strftime("%Y%m%d-%H%M%S")
                old.rename(self.datadir.with_name(f"{self.datadir.name}.{old.name}-{stamp}"))
        # Without its notes what is left of it means nothing any more.
        self._notes.unlink(missing_ok=True)
        shutil.rmtree(self.folder)
        return True

    def _require_copy(self) -> None:
        if not self.look().copied or not self.look().notes:
            raise RejoinFailed(f"{self.folder} has no complete copy")


def give_all(folder: Path, owner: tuple[int, int]) -> None:
    """Let everything in a folder belong to the server's user."""
    _give(folder, owner)
    for path in folder.rglob("*"):
        _give(path, owner)


def _give(path: Path, owner: tuple[int, int]) -> None:
    if os.geteuid() == 0:
        os.chown(path, *owner, follow_symlinks=False)


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _size(folder: Path) -> int:
    """Return how many bytes of the disk a folder takes; files may go meanwhile."""
    found = 0
    for where, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                found += Path(where, name).lstat().st_blocks * 512
    return found


@contextlib.contextmanager
def durable(path: Path) -> Iterator[TextIO]:
    """Give a file to write that only its owner reads; it is there, on disk, whole or not at all.

    Bytes that are no UTF-8 are written as they are where they were read as surrogates.
    """
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    with draft.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def write_durably(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    with durable(path) as file:
        file.write(text)


def _process_in(folder: Path) -> int:
    """Return a process whose working folder this is, as a server's data directory is; 0: none."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink() == folder.resolve():
                    return int(entry.name)
    return 0
