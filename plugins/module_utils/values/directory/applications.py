# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What applications are given of servers in their file, by what the directory says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    JOINING,
    ONLINE,
)

# A server with this weight gets nothing new. It stays in the file: its offset says whose an id is.
_NOTHING_NEW = 0


def application_servers(
    servers: Sequence[Mapping[str, Any]],
    told: Sequence[Mapping[str, Any]],
    also_joining: bool = False,
) -> list[dict[str, Any]]:
    """Return the servers of the file, with the weights that applications are to give them.

    ``servers`` are those of the inventory, ``told`` the directory's, with ``state`` and ``is_down``:
    the worse of the two counts. As the directory's own functions do, those that are marked as down
    are kept where no other of their kind is left. ``also_joining``: those that join, too, and those
    that the directory does not have yet, as at the end of a run that is only checked.
    """
    known = {one["name"]: one for one in told}
    states = {ONLINE, JOINING} if also_joining else {ONLINE}

    def is_online(server: Mapping[str, Any]) -> bool:
        return known.get(server["name"], {}).get("state", JOINING) in states

    def is_up(server: Mapping[str, Any]) -> bool:
        return is_online(server) and not known.get(server["name"], {}).get("is_down", False)

    kinds_up = {server["kind"] for server in servers if server["weight"] > 0 and is_up(server)}
    return [
        dict(server)
        if is_up(server) or (is_online(server) and server["kind"] not in kinds_up)
        else {**server, "weight": _NOTHING_NEW}
        for server in servers
    ]
