# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading on a server's host what the server would read at its next start.

The files are read as the server reads them: in its order, as its user, and with its rules for
those that it passes over. None of it needs a program of the server's.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.start_options import (
    INIT_FILE,
    PROGRAMS,
    StartOption,
    StartOptions,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import (
    Include,
    NotUnderstood,
    entries,
)

# The groups of option files that a server reads; {} is its version, as 11.8.
_GROUPS = {
    MYSQL: ("mysqld", "server", "mysqld-{}"),
    MARIADB: (
        *("mysqld", "server", "mysqld-{}", "mariadb", "mariadb-{}", "mariadbd", "mariadbd-{}"),
        *("client-server", "galera"),
    ),
}
_SUFFIXES = ("MARIADB_GROUP_SUFFIX", "MYSQL_GROUP_SUFFIX")
_HOMES = ("MARIADB_HOME", "MYSQL_HOME")
# Options that count at the beginning of a command line only.
_FILE, _EXTRA, _SUFFIX, _NONE = (
    "--defaults-file",
    "--defaults-extra-file",
    "--defaults-group-suffix",
    "--no-defaults",
)
_DEEPEST = 10
STORED = "mysqld-auto.cnf"
_PAIR = re.compile(rb"auto_increment_(increment|offset)", re.IGNORECASE)
ELSEWHERE = (
    "the server's process is not found on the host where this module runs; run it there, and log "
    "in over the socket (login_unix_socket)"
)


class Unknown(Exception):
    """It cannot be seen from here; the message says why."""


def read(server: Server, wanted: ConfigFile | None = None) -> StartOptions:
    """Return what the server would be started with if the file ``wanted`` were as it says."""
    try:
        process = _process_of(server)
        try:
            return _Reader(server, process, wanted).read()
        finally:
            if process.root is not None:
                os.close(process.root)
    except Unknown as error:
        return StartOptions(unknown=str(error))
    except NotUnderstood as error:
        return StartOptions(unknown=f"an option file cannot be parsed, line {error.line}: {error}")
    except OSError as error:
        return StartOptions(unknown=f"{error.filename}: {error.strerror}")


@dataclass(frozen=True)
class _User:
    """By whom the server's process runs: numbers of the user and of the user's groups."""

    number: int
    group: int
    groups: tuple[int, ...]

    @property
    def name(self) -> str:
        try:
            return pwd.getpwuid(self.number).pw_name
        except KeyError:
            return str(self.number)

    @property
    def home(self) -> str:
        try:
            return pwd.getpwuid(self.number).pw_dir
        except KeyError:
            return "/"


@dataclass(frozen=True)
class _Process:
    """The server's process: who it is, how it was started, and where its files begin."""

    user: _User
    words: tuple[str, ...]
    environment: Mapping[str, str]
    root: int | None


def _process_of(server: Server) -> _Process:
    number, is_proven = server.process_id(), True
    # systemd may have opened the socket before it started the server.
    if number in (None, 1):
        number, is_proven = _by_its_file(server), False
    folder = Path(f"/proc/{number}")
    try:
        words = [os.fsdecode(word) for word in (folder / "cmdline").read_bytes().split(b"\0")]
        if Path(words[0]).name not in PROGRAMS:
            raise Unknown(ELSEWHERE)
        user = _user_of((folder / "status").read_text())
        environment, root, cwd = _seen(folder, user)
    except FileNotFoundError:
        raise Unknown(ELSEWHERE) from None
    except OSError as error:
        raise Unknown(
            f"the server's process {number} cannot be read ({error.strerror}); run the module "
            "on the server's host, as root (become) or as the server's user"
        ) from None
    # Its working directory, in which no other server can be.
    if cwd and not (is_proven or _is_same(cwd, Path(_datadir(server)).stat())):
        raise Unknown(ELSEWHERE)
    return _Process(user, tuple(words[1:-1]), environment, root)


def _by_its_file(server: Server) -> int:
    """Return the number that the server's own file tells."""
    if not server.is_local():
        raise Unknown(ELSEWHERE)
    said = str(server.row("SELECT @@GLOBAL.pid_file AS file")["file"])
    try:
        return int(Path(_datadir(server), said).read_text())
    except (OSError, ValueError):
        raise Unknown(ELSEWHERE) from None


def _datadir(server: Server) -> str:
    return str(server.row("SELECT @@GLOBAL.datadir AS datadir")["datadir"])


def _user_of(status: str) -> _User:
    lines = (line.partition(":") for line in status.splitlines())
    ids = {name: value.split() for name, _colon, value in lines}
    # Real, effective, saved, and for files.
    return _User(int(ids["Uid"][1]), int(ids["Gid"][1]), tuple(map(int, ids["Groups"])))


Seen = tuple[Mapping[str, str], Union[int, None], Union[os.stat_result, None]]


def _seen(folder: Path, user: _User) -> Seen:
    """Return a process's environment, its root as a descriptor, and its working directory.

    In a container root may look at its own processes alone, and nobody at a process whose
    program has capabilities of its own. Then the latter two are None, the environment is
    what a service has, and the process must have the same root as this one.
    """
    try:
        return _looked_at(folder)
    except PermissionError:
        pass
    try:
        with _as(user):
            return _looked_at(folder)
    except PermissionError:
        if _mounted_at_root(folder) != _mounted_at_root(Path("/proc/self")):
            raise
        return {"HOME": user.home}, None, None


def _looked_at(folder: Path) -> Seen:
    variables = (folder / "environ").read_bytes().split(b"\0")
    environment = dict(os.fsdecode(one).partition("=")[::2] for one in variables if one)
    cwd = (folder / "cwd").stat()
    return environment, os.open(folder / "root", os.O_PATH), cwd


def _mounted_at_root(folder: Path) -> list[str]:
    """Return the device, and the place on it, of a process's root."""
    lines = [line.split() for line in (folder / "mountinfo").read_text().splitlines()]
    return [word for line in lines if line[4] == "/" for word in line[2:4]][-2:]


@dataclass
class _Reader:
    server: Server
    process: _Process
    wanted: ConfigFile | None
    options: list[StartOption] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)

    def read(self) -> StartOptions:
        given, rest = _given_first(self.process.words)
        files = [] if _NONE in given else self._first_files(given)
        names = _GROUPS[self.server.flavour]
        version = ".".join(str(part) for part in self.server.version[:2])
        suffix = given.get(_SUFFIX) or self._variable(_SUFFIXES) or ""
        self.groups = {
            (name.format(version) + more).encode() for name in names for more in ("", suffix)
        }
        datadir = _datadir(self.server)
        with _as(self.process.user):
            for file in files:
                self._read(file, 0)
            for word in rest:
                name, equals, value = word[2:].partition("=")
                if word.startswith("--"):
                    where = "its command line"
                    self.options.append(StartOption(name, value if equals else None, where))
            found = StartOptions(tuple(self.options), tuple(self.files), tuple(self.passed_over))
            init = found.last(INIT_FILE)
            init_file = init.value if init and init.value else ""
            sets = init_file and _PAIR.search(self._content(Path(datadir, init_file)) or b"")
            lacks = self.server.dialect.has_persist and not self._is_there(Path(datadir, STORED))
        return StartOptions(
            found.options,
            found.files,
            found.passed_over,
            no_defaults=_NONE in given,
            sets_pair=f"init_file {init_file} sets it" if sets else "",
            lacks_stored=lacks,
        )

    def _first_files(self, given: Mapping[str, str]) -> list[Path]:
        if _FILE in given:
            return [Path(given[_FILE])]
        self._see(Path("/"))
        files = []
        for file in self._default_files():
            if not file.startswith("~/"):
                files.append(Path(file))
                continue
            # Just before the user's own.
            home, user = self._variable(_HOMES), self._variable(["HOME"])
            files += [Path(home, "my.cnf")] if home else []
            files += [Path(given[_EXTRA])] if _EXTRA in given else []
            files += [Path(user, file[2:])] if user else []
        return files

    def _default_files(self) -> list[str]:
        program = shutil.which("my_print_defaults", path=f"{os.defpath}:/usr/sbin:/usr/local/bin")
        if not program:
            raise Unknown(
                "the program my_print_defaults, which lists the option files, is not installed"
            )
        said = subprocess.run(
            [program, "--help"],
            # Without those of the server's environment, which may have spaces.
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        lines = iter(said.splitlines())
        for line in lines:
            if line.startswith("Default options are read from"):
                return next(lines, "").split()
        raise Unknown(f"{program} --help does not list the option files")

    def _variable(self, names: Sequence[str]) -> str | None:
        found = (self.process.environment.get(name) for name in names)
        return next((value for value in found if value), None)

    def _read(self, file: Path, depth: int) -> None:
        if not file.is_absolute():
            raise Unknown(f"the option file {file} was given without its folder")
        content = self._content(file)
        if content is None or depth > _DEEPEST:
            return
        # As the user writes it: its folder may have another name, too.
        is_wanted = self.wanted and _is_same_path(Path(self.wanted.path), file)
        label = self.wanted.path if self.wanted and is_wanted else str(file)
        self.files.append(label)
        for entry in entries(content):
            if isinstance(entry, Include):
                path = Path(os.fsdecode(entry.path))
                for one in self._files_of(path) if entry.is_folder else [path]:
                    self._read(one, depth + 1)
            elif entry.group in self.groups:
                value = None if entry.value is None else os.fsdecode(entry.value)
                where = f"{label}, line {entry.line}"
                self.options.append(StartOption(os.fsdecode(entry.name), value, where))

    def _files_of(self, folder: Path) -> list[Path]:
        self._see(folder)
        names = {file.name for file in folder.iterdir()}
        if self.wanted and _is_same_path(Path(self.wanted.path).parent, folder):
            names.add(Path(self.wanted.path).name)
        return [folder / name for name in sorted(names, key=os.fsencode) if name.endswith(".cnf")]

    def _content(self, file: Path) -> bytes | None:
        """Return a file's content as the server would read it; None: it would not."""
        wanted = None
        if self.wanted and _is_same_path(Path(self.wanted.path), file):
            wanted = (self.wanted.text or "").encode()
        try:
            self._see(file)
            mode = file.stat().st_mode
            if not stat.S_ISREG(mode):
                raise Unknown(f"{file} is not a regular file, and can be read only once")
            if mode & stat.S_IWOTH:
                self.passed_over.append(
                    f"{file} is ignored, because everybody can write to it: chmod o-w {file}"
                )
                return None
            content = file.read_bytes()
        except FileNotFoundError:
            return wanted
        except PermissionError:
            self.passed_over.append(
                f"{file} is ignored, because the server's user {self.process.user.name} "
                "cannot read it"
            )
            return None
        return content if wanted is None else wanted

    def _is_there(self, path: Path) -> bool:
        self._see(path)
        return path.exists()

    def _see(self, path: Path) -> None:
        """Raise ``Unknown`` where the server sees another file at this path than this module."""
        if self.process.root is None:
            return
        resolved = path.resolve()
        ours, theirs = _state(resolved), _state(resolved, self.process.root)
        if not (ours == theirs or ours and theirs and _is_same(ours, theirs)):
            raise Unknown(
                f"the server sees another {path} than this module does; it runs in a container, or "
                "in a file system of its own"
            )


def _state(path: Path, root: int | None = None) -> os.stat_result | None:
    """Return the state of a file; None: it is not there. ``root``: where its path begins."""
    relative = path if root is None else path.relative_to("/")
    try:
        return os.stat(relative, dir_fd=root)
    except FileNotFoundError:
        return None


def _given_first(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return what a command line says of files, and its other words."""
    given: dict[str, str] = {}
    for number, word in enumerate(words):
        name, _equals, value = word.partition("=")
        if name not in (_FILE, _EXTRA, _SUFFIX, _NONE):
            return given, list(words[number:])
        given[name] = value
    return given, []


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _is_same_path(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


@contextlib.contextmanager
def _as(user: _User) -> Iterator[None]:
    """See files as the server's user does; only root can see as somebody else."""
    me, my_group, my_groups = os.geteuid(), os.getegid(), os.getgroups()
    if me == user.number:
        yield
        return
    if me:
        raise Unknown("the module runs neither as root (become) nor as the server's user")
    try:
        os.setgroups(user.groups)
        os.setegid(user.group)
        os.seteuid(user.number)
        yield
    finally:
        os.seteuid(me)
        os.setegid(my_group)
        os.setgroups(my_groups)
