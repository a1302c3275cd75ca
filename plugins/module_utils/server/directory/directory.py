# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory's rows: read as they are, and written."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory.server_state import (
    Wanted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import closed_and_lifted
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory.schema import (
    EPOCHS,
    VERSIONS,
    named,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    JOINING,
    ONLINE,
    TOPOLOGY,
    Contents,
    DirectoryServer,
    DirectorySet,
    Everything,
    Found,
    Identity,
    ServerState,
    SetState,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

_NO_SCHEMA, _NO_TABLE = 1049, 1146
# Who makes changes, in the log.
SOURCE = "mysql_fabric_directory"
_SERVER = "kind, datacenter, host, port, weight, id_increment, id_offset, replica_set"
_SET = "durability, shard_number, weight, capacity_gib"
_SET_STATE = "state, state_reason, state_by, state_since"
_STATE = f"{_SET_STATE}, state_until"
_MARK = "is_down, down_reason, down_by, down_since"


def read(server: Server, newest: int) -> Found:
    """Read the directory. Of one that is newer than ``newest``, only which version it has."""
    closed = closed_and_lifted(server)[0]
    version = schema_version(server)
    if not 0 < version <= newest:
        return Found(version, closed)
    servers = server.rows(f"SELECT name, {_SERVER}, state FROM {named('servers')}")
    sets = server.rows(f"SELECT name, {_SET}, active FROM {named('replica_sets')}")
    tables = server.rows(f"SELECT name FROM {named('usage_tables')}")
    contents = Contents(
        {
            row["name"]: DirectoryServer(
                row["name"],
                row["kind"],
                row["datacenter"],
                row["host"],
                int(row["port"]),
                float(row["weight"]),
                row["id_increment"],
                row["id_offset"],
                row["replica_set"],
            )
            for row in servers
        },
        {
            row["name"]: DirectorySet(
                row["name"],
                row["durability"],
                row["shard_number"],
                float(row["weight"]),
                row["capacity_gib"],
            )
            for row in sets
        },
        frozenset(row["name"] for row in tables),
        {row["name"]: row["active"] for row in sets if row["active"]},
    )
    counters = server.rows(f"SELECT topology, counter FROM {named('versions')}")
    epoch = server.row(f"SELECT COALESCE(MAX(epoch), 0) AS epoch FROM {EPOCHS}")
    return Found(
        version,
        closed,
        (int(epoch["epoch"]), sum(int(row["counter"]) for row in counters)),
        [row["topology"] for row in counters],
        contents,
        {row["name"]: row["state"] for row in servers},
    )


def read_everything(server: Server, newest: int) -> Everything:
    """Read the directory with what it owns itself, all of one version.

    Of one that is newer than ``newest``, only which version it has.
    """
    # Anything weaker would take a new one for each query.
    server.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    server.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    try:
        found = read(server, newest)
        if not 0 < found.schema_version <= newest:
            return Everything(found)
        return Everything(
            replace(found, written=written(server)),
            {
                row["name"]: ServerState(
                    row["state"],
                    row["state_reason"],
                    row["state_by"],
                    _told(row["state_since"]),
                    _told(row["state_until"]),
                    bool(row["is_down"]),
                    row["down_reason"],
                    row["down_by"],
                    _told(row["down_since"]),
                )
                for row in server.rows(f"SELECT name, {_STATE}, {_MARK} FROM {named('servers')}")
            },
            {
                row["name"]: SetState(
                    row["state"], row["state_reason"], row["state_by"], _told(row["state_since"])
                )
                for row in server.rows(f"SELECT name, {_SET_STATE} FROM {named('replica_sets')}")
            },
            int(server.row(f"SELECT COUNT(*) AS tenants FROM {named('tenants')}")["tenants"]),
        )
    finally:
        server.rows("COMMIT")


def written(server: Server) -> dict[str, Collection[Identity]]:
    """Return what the collection has written of each server at any time, by the log."""
    log = server.rows(
        f"SELECT DISTINCT after_it FROM {named('changes')} WHERE topology = %s AND source = %s "
        "AND kind IN ('insert', 'update') AND what LIKE 'servers %%'",
        TOPOLOGY,
        SOURCE,
    )
    found: dict[str, set[Identity]] = {}
    for row in map(json.loads, (row["after_it"] for row in log)):
        one = Identity(row["kind"], row["replica_set"], row["id_increment"], row["id_offset"])
        found.setdefault(row["name"], set()).add(one)
    return {name: frozenset(identities) for name, identities in found.items()}


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(" ", "seconds")


def schema_version(server: Server) -> int:
    """Return the version of the directory's schema; 0: there is none, or none that is complete."""
    try:
        row = server.row(f"SELECT COALESCE(MAX(version), 0) AS version FROM {VERSIONS}")
    except ServerError as error:
        if error.number not in (_NO_SCHEMA, _NO_TABLE):
            raise
        return 0
    return int(row["version"])


def said(source: str, reason: str) -> Statement:
    """Return what lets the log of changes say who changes what follows, and why."""
    return Statement("SET @fabric_source = %s, @fabric_reason = %s", (source, reason))


def put_server(server: DirectoryServer, is_new: bool) -> Statement:
    """Return what writes a server's row; its state stays as it is."""
    return _put("servers", asdict(server), is_new)


def put_set(replica_set: DirectorySet, is_new: bool) -> Statement:
    """Return what writes a set's row; its active writer and its state stay as they are."""
    return _put("replica_sets", asdict(replica_set), is_new)


def put_table(name: str) -> Statement:
    """Return what writes down that there is a usage table."""
    return _put("usage_tables", {"name": name}, True)


def drop_table(name: str) -> Statement:
    """Return what takes a usage table away, of which only the name is there."""
    return Statement(
        f"DELETE FROM {named('usage_tables')} WHERE topology = %s AND name = %s", (TOPOLOGY, name)
    )


def point(name: str, active: str) -> Statement:
    """Return what copies who is the active writer of a set."""
    return Statement(
        f"UPDATE {named('replica_sets')} SET active = %s WHERE topology = %s AND name = %s",
        (active, TOPOLOGY, name),
    )


def active_writers(server: Server) -> dict[str, str]:
    """Return who takes writes in each replica set, as applications are told."""
    said = server.rows(f"SELECT name, active FROM {named('replica_set')}")
    return {row["name"]: row["active"] for row in said if row["active"]}


def set_state(wanted: Wanted) -> Statement:
    """Return what gives a server a state. Since when it has that, only another one changes."""
    return Statement(
        f"UPDATE {named('servers')} SET "
        "state_since = IF(state = %s, state_since, UTC_TIMESTAMP(6)), state = %s, "
        "state_reason = %s, state_by = LEFT(USER(), 255), state_until = %s "
        "WHERE topology = %s AND name = %s",
        (wanted.state, wanted.state, wanted.reason, wanted.until, TOPOLOGY, wanted.server),
    )


def announce(name: str) -> Statement:
    """Return what tells applications of a server that was joining."""
    return Statement(
        f"UPDATE {named('servers')} SET state = %s, state_since = UTC_TIMESTAMP(6) "
        "WHERE topology = %s AND name = %s AND state = %s",
        (ONLINE, TOPOLOGY, name, JOINING),
    )


def _put(table: str, row: Mapping[str, object], is_new: bool) -> Statement:
    # Not ON DUPLICATE KEY: a new server with another's address would be written over that.
    if is_new:
        columns = ["topology", *row]
        marks = ", ".join(["%s"] * len(columns))
        return Statement(
            f"INSERT INTO {named(table)} ({', '.join(columns)}) VALUES ({marks})",
            (TOPOLOGY, *row.values()),
        )
    changed = {name: value for name, value in row.items() if name != "name"}
    return Statement(
        f"UPDATE {named(table)} SET {', '.join(f'{name} = %s' for name in changed)} "
        "WHERE topology = %s AND name = %s",
        (*changed.values(), TOPOLOGY, row["name"]),
    )
