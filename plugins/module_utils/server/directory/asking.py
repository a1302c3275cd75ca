# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the directory as applications do: any member, over views and functions alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory.schema import named
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import ask_servers
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    TOPOLOGY,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.told import (
    Address,
    Told,
    ToldServer,
    ToldSet,
    ToldShard,
    Version,
    newest,
    troubles,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import key_text
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

What = TypeVar("What")
Question = Callable[[Server], What]

# What the directory says to who asks for what is not there, and what a server says of a text that
# is longer than any name there. Both are answers; other errors are a member's own.
_REFUSALS = (1644, 1406)
_SERVER = (
    "name, kind, datacenter, host, port, weight, id_increment, id_offset, replica_set, state, "
    "is_down, is_usable"
)


@dataclass(frozen=True)
class Asked(Generic[What]):
    """An answer: of which version it is, and why some members have not been heard."""

    answer: What
    version: Version
    unheard: Sequence[str] = ()


def ask(
    members: Sequence[Address],
    login: Login,
    question: Question[What],
    seconds: float,
    said: Version,
) -> Asked[What]:
    """Ask all members at once, for ``seconds``, and return the answer of the newest version.

    All of them, because one that is behind does not know it; one of them is enough. ``login`` has
    all but host and port, ``said`` is the newest version that was told before. Raises ``Refused``
    where nobody answers, where all that answer are older than ``said``, and where the directory
    itself refuses, because it does not know what it is asked for.
    """
    heard = ask_servers(
        {str(one): replace(login, host=one.host, port=one.port) for one in members},
        lambda _name, server: _in_one_version(server, question),
        seconds,
    )
    told: dict[str, Told[What]] = {}
    unheard = []
    for name, answer in heard.items():
        if isinstance(answer, ServerError):
            unheard.append(f"{name}: {_said(answer)}")
        else:
            told[name] = answer
    if not told:
        raise Refused([f"No member of the directory answers. {'; '.join(unheard)}"])
    best = newest(told, said)
    if best.answer is None:
        raise Refused([f"The directory says: {best.refusal}."])
    return Asked(best.answer, best.version, [*unheard, *troubles(told)])


def _in_one_version(server: Server, question: Question[What]) -> Told[What]:
    """Put a question to a member, and return the version that its answer is of.

    In one transaction, so that a change between the two is in both or in neither.
    """
    server.rows("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    server.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    rows = server.rows(
        f"SELECT COALESCE(epoch, 0) AS epoch, counter FROM {named('version')} WHERE topology = %s",
        TOPOLOGY,
    )
    if not rows:
        raise ServerError(server.address, "its directory is empty")
    version = int(rows[0]["epoch"]), int(rows[0]["counter"])
    try:
        return Told(version, question(server))
    except Refused as refusal:
        return Told(version, refusal=str(refusal).rstrip("."))
    except ServerError as error:
        if error.number in _REFUSALS:
            return Told(version, refusal=error.message.rstrip("."))
        return Told(version, trouble=_said(error))


def _said(error: ServerError) -> str:
    return f"error {error.number}: {error.message}" if error.number else error.message


def servers_and_sets(server: Server) -> tuple[list[ToldServer], list[ToldSet]]:
    """Return all servers, in the order of their names, and all replica sets."""
    sets = [
        ToldSet(row["name"], row["active"], row["host"], _number(row["port"]), row["durability"])
        for row in server.rows(
            f"SELECT name, active, host, port, durability FROM {named('replica_set')} ORDER BY name"
        )
    ]
    active = {(one.name, one.active) for one in sets}
    servers = [
        ToldServer(
            row["name"],
            row["kind"],
            row["datacenter"],
            row["host"],
            int(row["port"]),
            float(row["weight"]),
            _number(row["id_increment"]),
            _number(row["id_offset"]),
            row["replica_set"],
            row["state"],
            bool(row["is_down"]),
            bool(row["is_usable"]),
            (row["replica_set"], row["name"]) in active,
        )
        for row in server.rows(f"SELECT {_SERVER} FROM {named('server')} ORDER BY name")
    ]
    return servers, sets


def shards_of_tenants(tenants: Sequence[Any]) -> Question[list[ToldShard]]:
    """Return what asks for the shards of tenants. Raises ``Refused`` for what is no name."""
    return _shards([("shard_for_tenant", (key_text(tenant),)) for tenant in tenants])


def shards_of_keys(placement: str, keys: Sequence[Any]) -> Question[list[ToldShard]]:
    """Return what asks where a placement has keys. Raises ``Refused`` for what is no key."""
    return _shards([("shard_for_key", (placement, key_text(key))) for key in keys])


def _shards(calls: Sequence[tuple[str, tuple[str, ...]]]) -> Question[list[ToldShard]]:
    def question(server: Server) -> list[ToldShard]:
        found = []
        for function, arguments in calls:
            marks = ", ".join(["%s"] * len(arguments))
            name = server.row(f"SELECT {named(function)}({marks}) AS name", *arguments)["name"]
            found.append(_shard(server, name))
        return found

    return question


def _shard(server: Server, name: str) -> ToldShard:
    rows = server.rows(f"SELECT host, port FROM {named('shard')} WHERE name = %s", name)
    if not rows:
        raise Refused([f"{name} is no shard"])
    if rows[0]["host"] is None:
        raise Refused([f"shard {name} has no active writer that the directory knows"])
    return ToldShard(name, rows[0]["host"], int(rows[0]["port"]))


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
