# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which read servers must have a row before it leaves a write server, and whether all are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

_READ, _RETIRED = "read", "retired"


def request_problems(
    needed: Sequence[str], writers: Sequence[str], hosts: Collection[str]
) -> list[str]:
    """Return why a run cannot purge, before a server is touched.

    ``needed`` are the servers that have to be asked, ``writers`` the write servers, ``hosts`` those
    that --limit has left.
    """
    found = []
    left_out = [name for name in needed if name not in hosts]
    if left_out:
        found.append(
            f"--limit leaves out {', '.join(left_out)}, which must be asked before a row goes; it may "
            "leave out write servers alone."
        )
    if not set(writers) & set(hosts):
        found.append("No write server is part of this run, so that there is nothing to purge.")
    return found


def told_readers(
    known: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the read servers that are not retired and that the inventory does not have.

    ``known`` are the inventory's, ``told`` the servers of directories.
    """
    names = {str(one["name"]) for one in known}
    found: dict[str, dict[str, Any]] = {}
    for one in told:
        name = str(one["name"])
        if one["kind"] == _READ and one["state"] != _RETIRED and name not in names:
            found[name] = {
                "name": name,
                "host": one["host"],
                "port": one["port"],
                "replication_user": f"replication_{name}",
            }
    return [found[name] for name in sorted(found)]


def directory_problem(members: Sequence[str], said: Mapping[str, str]) -> list[str]:
    """Return why nobody knows all read servers: no member of the fabric has told of its directory.

    ``said`` is the error of each that was asked, empty where it answered.
    """
    if not members or any(said.get(name) == "" for name in members):
        return []
    errors = "; ".join(f"{name}: {said.get(name) or 'not reached'}" for name in members)
    return [
        f"Nothing is purged: the directory knows read servers that the inventory may lack, and no member "
        f"of the fabric tells of it ({errors}). Bring one back."
    ]
