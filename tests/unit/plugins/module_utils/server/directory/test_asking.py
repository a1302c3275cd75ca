"""Any member answers, and never an older one than has spoken before."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory.asking import (
    Asked,
    ask,
    servers_and_sets,
    shards_of_keys,
    shards_of_tenants,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.told import (
    NOTHING_SAID,
    Address,
    Version,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from tests.support.directory_members import Member, let_answer

AWAY = ServerError("f1:3306", "cannot log in: refused", 2003)


def asked(
    monkeypatch: pytest.MonkeyPatch,
    question: Any,
    *members: Member,
    said: Version = NOTHING_SAID,
) -> Asked[Any]:
    by_address = {f"f{number}:3306": one for number, one in enumerate(members, 1)}
    let_answer(monkeypatch, by_address)
    addresses = [Address(f"f{number}") for number in range(1, len(members) + 1)]
    return ask(addresses, Login(user="directory"), question, 5, said)


def test_all_servers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member()
    found = asked(monkeypatch, servers_and_sets, member)
    servers, sets = found.answer
    assert found.version == (3, 7) and not found.unheard
    assert {one.name: one.is_active for one in servers} == {
        **{"f1": True, "f2": False, "w1": False, "w2": False}
    }
    assert (servers[2].id_increment, servers[2].id_offset, servers[2].is_usable) == (20, 1, True)
    assert [(one.name, one.active, one.port) for one in sets] == [
        ("fabric", "f1", 3306),
        ("s1", None, None),
    ]
    # What is told and of which version it is are from one snapshot.
    assert "START TRANSACTION WITH CONSISTENT SNAPSHOT" in member.heard[1]
    assert "version" in member.heard[2] and member.heard[-1] == "closed"


def test_the_next_one_is_asked_where_one_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Member(places={"a": "s1"})
    found = asked(monkeypatch, shards_of_tenants(["a"]), Member(error=AWAY), there)
    assert [one.told() for one in found.answer] == [
        {"name": "s1", "host": "10.0.0.9", "port": 3307}
    ]
    assert found.unheard == ["f1:3306: error 2003: cannot log in: refused"]
    with pytest.raises(Refused, match="No member of the directory answers. f1:3306: error 2003"):
        asked(monkeypatch, servers_and_sets, Member(error=AWAY))


def test_an_empty_directory_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Member(version=None)
    found = asked(monkeypatch, servers_and_sets, empty, Member(version=(1, 1)))
    assert found.version == (1, 1) and "its directory is empty" in found.unheard[0]
    with pytest.raises(Refused, match="its directory is empty"):
        asked(monkeypatch, servers_and_sets, empty)


def test_one_that_is_behind_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Member((3, 9), places={"a": "s2"}), Member((4, 1), places={"a": "s1"})
    question = shards_of_tenants(["a"])
    for members in ((old, new), (new, old)):
        assert asked(monkeypatch, question, *members).answer[0].name == "s1"
    # What the newest refuses counts, although an older one has an answer.
    with pytest.raises(Refused, match="The directory says: there is no b."):
        asked(
            monkeypatch,
            shards_of_tenants(["b"]),
            Member((3, 9), places={"b": "s1"}),
            Member((3, 10)),
        )
    with pytest.raises(Refused, match="it is behind"):
        asked(monkeypatch, question, old, said=(3, 10))
    assert asked(monkeypatch, question, new, said=(3, 10)).version == (4, 1)


def test_what_has_no_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {("customers", "7"): "s1", "empty": "s2", "lost": "s9"}
    member = Member(places=places)
    found = asked(monkeypatch, shards_of_keys("customers", [7, "7"]), member)
    assert [one.name for one in found.answer] == ["s1", "s1"]
    with pytest.raises(Refused, match="there is no"):
        asked(monkeypatch, shards_of_keys("customers", ["8"]), member)
    with pytest.raises(Refused, match="shard s2 has no active writer"):
        asked(monkeypatch, shards_of_tenants(["empty"]), member)
    with pytest.raises(Refused, match="s9 is no shard"):
        asked(monkeypatch, shards_of_tenants(["lost"]), member)
    with pytest.raises(Refused, match="must be a text or an integer"):
        shards_of_tenants([True])


def test_a_members_own_trouble_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Denied(Member):
        def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
            if "shard_for" in sql:
                raise ServerError("f1:3306", "execute command denied", 1370)
            return super().rows(sql, *args)

    question, denied = shards_of_tenants(["a"]), Denied(version=(4, 1))
    found = asked(monkeypatch, question, denied, Member((4, 1), places={"a": "s1"}))
    assert found.answer[0].name == "s1" and "error 1370" in found.unheard[0]
    with pytest.raises(Refused, match="it is behind"):
        asked(monkeypatch, question, denied, Member((4, 0), places={"a": "s1"}))
