# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's option file on the managed host, with the files that it includes."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import (
    NotUnderstood,
    Option,
    entries,
)

# MySQL's clients read the first, MariaDB's all of them; a later line goes before an earlier one,
# whatever group it is in.
GROUPS = frozenset({b"client", b"client-server", b"client-mariadb"})
NAMES = ("user", "password", "host", "port", "socket", "ssl-ca", "ssl-cert", "ssl-key")


class Unreadable(Exception):
    """An option file that cannot be read, or not understood; the message quotes no line."""


@dataclass
class ClientOptions:
    """What an option file says: values by option name, and what to warn of."""

    values: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read_client_options(file: str) -> ClientOptions:
    """Read the clients' groups of an option file as the servers' own clients do.

    A file that is not there has no options. Raises ``Unreadable``.
    """
    found = ClientOptions()
    for path, option in _options(Path(file).expanduser(), found.warnings, ()):
        if option.group in GROUPS:
            _take(found, path, option)
    return found


def _take(found: ClientOptions, path: Path, option: Option) -> None:
    if not re.fullmatch(rb"[A-Za-z0-9_.-]+", option.name):
        raise _unreadable(path, option.line, "it is neither a [group] nor name = value")
    # An option that not every client knows is marked with loose.
    name = option.name.decode().replace("_", "-")
    while name.startswith("loose-"):
        name = name[len("loose-") :]
    if name not in NAMES:
        return
    # Without a value it is as if it were not there: a client would ask for the password.
    found.values.pop(name, None)
    if not option.value:
        return
    try:
        value = option.value.decode()
    except UnicodeDecodeError:
        raise _unreadable(path, option.line, "its value is not UTF-8") from None
    if name == "port" and not (value.isdecimal() and value.isascii() and int(value) < 1 << 16):
        raise _unreadable(path, option.line, "its port is not a number from 0 to 65535")
    # 0 is the clients' word for the default.
    if name != "port" or int(value):
        found.values[name] = value


def _options(
    path: Path, warnings: list[str], including: tuple[Path, ...]
) -> Iterator[tuple[Path, Option]]:
    """Return the options of a file and of those that it includes, in the clients' order."""
    try:
        content = _content(path, warnings)
        for entry in entries(content):
            if isinstance(entry, Option):
                yield path, entry
                continue
            included = Path(os.fsdecode(entry.path)).expanduser()
            if not included.is_absolute():
                raise NotUnderstood(
                    entry.line, "it includes a path that does not begin with / or ~"
                )
            if included in (*including, path):
                raise NotUnderstood(entry.line, "its include is circular")
            if entry.is_folder and not included.is_dir():
                raise NotUnderstood(entry.line, "it includes a folder that does not exist")
            for file in _files_of(included) if entry.is_folder else [included]:
                yield from _options(file, warnings, (*including, path))
    except NotUnderstood as error:
        raise _unreadable(path, error.line, str(error)) from None
    except OSError as error:
        raise Unreadable(
            f"cannot read the option file {path}: {error.strerror or type(error).__name__}; let "
            "the user that logs in read it, or give another config_file"
        ) from None


def _content(path: Path, warnings: list[str]) -> bytes:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return b""
    if not stat.S_ISREG(mode):
        # A pipe is an option file, too: a shell's <(...). A folder is not.
        return b"" if stat.S_ISDIR(mode) else path.read_bytes()
    if mode & stat.S_IWOTH:
        warnings.append(
            f"The option file {path} is ignored, as the servers' own clients ignore it: everybody "
            f"can write to it. Correct that with chmod o-w {path}."
        )
        return b""
    return path.read_bytes()


def _files_of(folder: Path) -> list[Path]:
    """Return a folder's option files; clients take those whose names end in .cnf."""
    return sorted(
        (file for file in folder.iterdir() if file.name.endswith(".cnf")), key=os.fsencode
    )


def _unreadable(path: Path, line: int, why: str) -> Unreadable:
    return Unreadable(
        f"cannot read the option file {path}, line {line}: {why}; correct it or give another "
        "config_file"
    )
