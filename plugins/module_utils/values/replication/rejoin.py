# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member that returns to its set, or is rebuilt: what its host has of it, and what is shown."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    SetState,
)

# What to do with what only the member has: show it and change nothing; discard it with all else that
# it has, once it is saved; discard it, too, where nobody can show or save it.
ASK, DISCARD, DISCARD_UNSEEN = "ask", "discard", "discard_unseen"


@dataclass(frozen=True)
class Notes:
    """What is written beside a member's data while it is rebuilt.

    ``domain`` and ``issued`` are MariaDB's: the number above which those of the member's own
    transactions must go on.
    """

    member: str
    domain: int = 0
    issued: int = 0

    def told(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {"member": self.member, "domain": self.domain, "issued": self.issued}


@dataclass(frozen=True)
class OnHost:
    """What the member's host has: its data directory, and the folder of a rebuild.

    ``copied`` means that a complete copy is there, ``placed`` that it is in its place already.
    ``free`` is how many bytes the disk has for a copy, with those of one that would be removed.
    ``is_mounted``: the data directory is a disk of its own.
    """

    has_data: bool
    notes: Notes | None = None
    copied: bool = False
    placed: bool = False
    free: int = 0
    is_mounted: bool = False


@dataclass(frozen=True)
class Found:
    """Changes that only the member has: the first ones, and how many there are.

    ``transactions`` is how many of them its logs still have.
    """

    changes: Sequence[Mapping[str, Any]] = ()
    count: int = 0
    transactions: int = 0

    def told(self) -> dict[str, Any]:
        """Return it as a part of a module's result."""
        return {
            "changes": [dict(one) for one in self.changes],
            "count": self.count,
            "transactions": self.transactions,
        }


@dataclass(frozen=True)
class State:
    """The set, the member's host, and what a copy would take.

    ``size`` is that of the writer's data in bytes. ``clones``: servers of this flavour copy
    themselves. ``outside`` says what of the member's data is not in its data directory. ``saved`` is
    whether what only the member has is in its file; ``unseen``, that some of it is in no log any more.
    """

    members: SetState
    host: OnHost
    size: int = 0
    clones: bool = False
    outside: tuple[str, ...] = ()
    saved: bool = False
    unseen: bool = False
    found: Found = field(default_factory=Found)


# Where a server's data is besides its data directory: variables with folders, and what is there.
FOLDERS = {
    "innodb_data_home_dir": "InnoDB system tablespace",
    "innodb_log_group_home_dir": "InnoDB log",
    "innodb_undo_directory": "InnoDB undo logs",
    "innodb_doublewrite_dir": "InnoDB doublewrite buffer",
    "aria_log_dir_path": "Aria log",
}
BINARY_LOG, DATA_FILES = "log_bin_basename", "innodb_data_file_path"


def outside(variables: Mapping[str, str | None], datadir: Path) -> tuple[str, ...]:
    """Say which parts of a server's data are not in its data directory itself.

    A copy that takes the place of the data directory would meet them there.
    """
    found = []
    base = variables.get(BINARY_LOG)
    if base and not _same(Path(base).parent, datadir):
        found.append(
            f"its binary log is in {Path(base).parent}, outside its data directory, and would outlive "
            "it. Let log_bin be a name without a folder."
        )
    for name, what in FOLDERS.items():
        folder = variables.get(name)
        if folder and not _same(Path(folder), datadir):
            found.append(
                f"its {what} is in {folder}, not in its data directory, and would be mixed with the "
                f"copy's. Leave out {name}, and let the server have its data in one folder."
            )
    files = [part.partition(":")[0] for part in (variables.get(DATA_FILES) or "").split(";")]
    found += [
        f"its InnoDB file {file} is not in its data directory, and would be mixed with the copy's. Let "
        f"{DATA_FILES} have names without folders."
        for file in files
        if file and not _same(Path(file).parent, datadir)
    ]
    return tuple(found)


def _same(folder: Path, datadir: Path) -> bool:
    return os.path.realpath(datadir / folder) == os.path.realpath(datadir)


def report(result: Mapping[str, Any]) -> list[str]:
    """Return the result of mysql_replica_set_rejoin as lines to read."""
    errant = result["errant"]
    lines = [f"{result['why']}."]
    if not errant["gtids"]:
        return lines
    found = errant["found"]
    only = f"Transactions that only it has: {errant['transactions']}"
    if found["count"] or not errant["saved_to"]:
        only += f"; in its binary log are {found['transactions']} of them, with {found['count']} changes"
    lines.append(f"{only}.")
    lines += [_shown(change) for change in found["changes"]]
    if found["count"] > len(found["changes"]):
        lines.append(f"... and {found['count'] - len(found['changes'])} more")
    if errant["saved_to"]:
        what = "What its binary log still has of it" if errant["unseen"] else "All of it"
        lines.append(f"{what} is saved in {errant['saved_to']}.")
    return lines


def _shown(change: Mapping[str, Any]) -> str:
    where = f"{change['transaction']}  {change['at']}  {change['change']}"
    if change["change"] == "statement":
        return f"{where}  {change['statement']}"
    images = [_image(change[name]) for name in ("before", "after") if change[name]]
    return f"{where}  {change['table']}  {' -> '.join(images)}"


def _image(values: Mapping[str, str]) -> str:
    return ", ".join(f"{column}={value}" for column, value in values.items())
