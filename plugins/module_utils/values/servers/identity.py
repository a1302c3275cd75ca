# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By what servers are told apart in replication, and what comes of two that share it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import GtidPosition

# What a server is told by, as variables: the second is MySQL's alone, the others MariaDB's.
VARIABLES = ("server_id", "server_uuid", "gtid_domain_id", "gtid_binlog_state")

# A copy's log holds transactions of the same names as the other's, with other rows in them.
OWN_UUID = (
    "stop the copy, remove auto.cnf from its data directory and start it; it makes a new one. "
    "If it has written since it was copied, or has been a source, empty its binary log too "
    "(RESET BINARY LOGS AND GTIDS), before a channel connects to it again"
)
MISSED_ROWS = (
    "Rows that a read server has missed until then are not sent again: compare its rows with those "
    "of both servers, and add what is missing outside its binary log"
)

# Each identity with what to say of those who share it.
REMEDIES = {
    "server_id": (
        "they are one server, or cannot be distinguished, and replicas disconnect each other from "
        "their sources. Give each server its own number, and name each server once."
    ),
    "server_uuid": (
        "they are one server, or one is a copy of the other with its auto.cnf. Of two sources a "
        "replica leaves out the rows of one while its channels stay green, and two replicas "
        f"disconnect each other from their sources. Name each server once, or {OWN_UUID}. "
        f"{MISSED_ROWS}."
    ),
    "gtid_domain": (
        "both have written in it, and a replica that connects again stops (error 1236) or leaves "
        "rows out. Give each write server its own gtid_domain_id, and let no session set "
        "another. Once every read server has applied what was logged in another's, purge the "
        "logs that hold it (PURGE BINARY LOGS), and then FLUSH BINARY LOGS DELETE_DOMAIN_ID = "
        "(number)."
    ),
}


def identity(
    variables: Mapping[str, str | None], numbered: Collection[tuple[int, int]] = ()
) -> dict[str, Any]:
    """Return what a server is told by: server_id, server_uuid (None: it has none), gtid_domains.

    The last are MariaDB's, those in which it has written; sessions may set others than
    the server's own. ``numbered`` are transactions, by domain and number, that it has written for
    another member of its replica set, which was rebuilt, so that this one's numbers go on.
    """
    server_id = int(variables.get("server_id") or 0)
    states = (variables.get("gtid_binlog_state") or "").split(",")
    written = {
        domain
        for state in states
        # The state names a domain once for each server that has written in it.
        for domain, (server, number) in GtidPosition.parse(state).domains.items()
        if server == server_id and (domain, number) not in numbered
    }
    own = variables.get("gtid_domain_id")
    return {
        "server_id": server_id,
        "server_uuid": variables.get("server_uuid") or None,
        "gtid_domains": sorted(written | (set() if own is None else {int(own)})),
    }


def sharing(having: Iterable[tuple[str, Hashable]]) -> list[tuple[Any, list[str]]]:
    """Return what several names have, from pairs of a name and what it has, with these names.

    Nothing (None, 0 or empty) is shared by nobody.
    """
    names: dict[Any, list[str]] = {}
    for name, value in having:
        if value and name not in names.get(value, []):
            names.setdefault(value, []).append(name)
    return [
        (value, sorted(named))
        for value, named in sorted(names.items(), key=lambda one: str(one[0]))
        if len(named) > 1
    ]


def shared(servers: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any, list[str]]]:
    """Return what several servers have in common and must not: what it is, its value, their names.

    Each has a ``name`` and what ``identity`` returns; ``gtid_domains`` only where
    nobody else may write in them.
    """
    having: dict[str, list[tuple[str, Hashable]]] = {
        "server_id": [(one["name"], one.get("server_id")) for one in servers],
        "server_uuid": [(one["name"], one.get("server_uuid")) for one in servers],
        "gtid_domain": [
            (one["name"], f"{domain}") for one in servers for domain in one.get("gtid_domains", ())
        ],
    }
    return [
        (what, value, named) for what, pairs in having.items() for value, named in sharing(pairs)
    ]


def problems(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which servers cannot be told apart. See ``shared``."""
    return [
        f"{', '.join(named)} have the same {what}, {value}: {REMEDIES[what]}"
        for what, value, named in shared(servers)
    ]
