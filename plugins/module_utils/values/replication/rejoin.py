# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member that returns to its set, or is rebuilt: what its host has of it, and what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    SetState,
)

# What to do with transactions that only the member has: show them and change nothing, or discard
# them with all else that it has.
ASK, DISCARD = "ask", "discard"


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
    ``free`` is how many bytes the disk has left. ``is_mounted``: the data directory is a disk of its
    own.
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
    themselves. ``log_outside`` is the folder of the member's binary log where that is not its data
    directory. ``saved`` is whether what only the member has is in its file.
    """

    members: SetState
    host: OnHost
    size: int = 0
    clones: bool = False
    log_outside: str = ""
    saved: bool = False
    found: Found = field(default_factory=Found)


def report(result: Mapping[str, Any]) -> list[str]:
    """Return the result of mysql_replica_set_rejoin as lines to read."""
    errant = result["errant"]
    lines = [f"{result['why']}."]
    if not errant["gtids"]:
        return lines
    found = errant["found"]
    lines.append(
        f"Transactions that only it has: {errant['transactions']}; in its binary log are "
        f"{found['transactions']} of them, with {found['count']} changes."
    )
    lines += [_shown(change) for change in found["changes"]]
    if found["count"] > len(found["changes"]):
        lines.append(f"... and {found['count'] - len(found['changes'])} more")
    if errant["saved_to"]:
        lines.append(f"All of it is saved in {errant['saved_to']}.")
    return lines


def _shown(change: Mapping[str, Any]) -> str:
    where = f"{change['transaction']}  {change['at']}  {change['change']}"
    if change["change"] == "statement":
        return f"{where}  {change['statement']}"
    images = [_image(change[name]) for name in ("before", "after") if change[name]]
    return f"{where}  {change['table']}  {' -> '.join(images)}"


def _image(values: Mapping[str, str]) -> str:
    return ", ".join(f"{column}={value}" for column, value in values.items())
