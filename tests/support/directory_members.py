"""Members of a directory that are asked without a server: what they say, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server import questions
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    ServerError,
)

SERVERS: list[dict[str, Any]] = [
    {
        **{"name": name, "kind": kind, "datacenter": datacenter, "host": f"10.0.0.{last}"},
        **{"port": 3306, "weight": 1.0, "id_increment": increment, "id_offset": offset},
        **{"replica_set": replica_set, "state": state, "is_down": 0, "is_usable": usable},
    }
    for name, kind, datacenter, last, increment, offset, replica_set, state, usable in (
        ("f1", "member", "dc-1", 1, None, None, "fabric", "joining", 0),
        ("f2", "member", "dc2", 2, None, None, "fabric", "joining", 0),
        ("w1", "write", "dc-1", 3, 20, 1, None, "online", 1),
        ("w2", "write", "dc2", 4, 20, 2, None, "draining", 0),
    )
]
SETS: list[dict[str, Any]] = [
    {
        **{"name": "fabric", "active": "f1", "host": "10.0.0.1", "port": 3306},
        "durability": "available",
    },
    {"name": "s1", "active": None, "host": None, "port": None, "durability": "strict"},
]
SHARDS = {"s1": ("10.0.0.9", 3307), "s2": (None, None)}


@dataclass
class Member:
    """One of them. ``places`` has the shard of each tenant and of each (placement, key)."""

    version: tuple[int | None, int] | None = (3, 7)
    error: ServerError | None = None
    servers: list[dict[str, Any]] = field(default_factory=lambda: SERVERS)
    places: dict[Any, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    address: str = ""

    def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        self.heard.append(sql)
        if "`fabric`.`version`" in sql:
            if self.version is None:
                return []
            return [{"epoch": self.version[0] or 0, "counter": self.version[1]}]
        if "`fabric`.`server`" in sql:
            return self.servers
        if "`fabric`.`replica_set`" in sql:
            return SETS
        if "shard_for" in sql:
            asked = args if len(args) > 1 else args[0]
            if asked not in self.places:
                raise ServerError(self.address, f"there is no {asked}", 1644)
            return [{"name": self.places[asked]}]
        if "`fabric`.`shard`" in sql:
            found = SHARDS.get(args[0])
            return [{"host": found[0], "port": found[1]}] if found else []
        assert "TRANSACTION" in sql, sql
        return []

    def row(self, sql: str, *args: Any) -> dict[str, Any]:
        return self.rows(sql, *args)[0]

    def close(self) -> None:
        self.heard.append("closed")


def let_answer(monkeypatch: pytest.MonkeyPatch, members: dict[str, Member]) -> list[Login]:
    """Let whoever logs in at an address reach that member; return the logins."""
    logins = []

    def connect(login: Login) -> Member:
        logins.append(login)
        member = members[login.address]
        if member.error:
            raise member.error
        member.address = login.address
        return member

    monkeypatch.setattr(questions, "connect", connect)
    return logins
