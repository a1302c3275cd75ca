"""Each difference between directory, inventory and servers is named, and only the right side wins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory.reconcile import (
    Comparison,
    Said,
    compare,
    notes,
    request_problems,
    writer,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    Contents,
    DirectoryServer,
    DirectorySet,
    Found,
)

F1 = DirectoryServer("f1", "member", "dc1", "10.1.0.21", replica_set="fabric")
W1 = DirectoryServer("w1", "write", "dc1", "10.1.0.1", id_increment=20, id_offset=1)
R1 = DirectoryServer("r1", "read", "dc1", "10.1.0.101")
P1 = DirectoryServer("p1", "member", "dc1", "10.1.0.31", replica_set="s1")
P2 = DirectoryServer("p2", "member", "dc2", "10.2.0.31", replica_set="s1")
FABRIC = DirectorySet("fabric", "available", weight=1.0)
S1 = DirectorySet("s1", "strict", shard_number=1, weight=1.0)
SERVERS = (F1, W1, R1, P1, P2)
SAID = {
    "f1": Said(True, "", 8, 1, True, (), 4, "f1"),
    "w1": Said(True, "", 20, 1, True),
    "r1": Said(True, "", 1, 1, False, ("w1",)),
    "p1": Said(True, "", 8, 1, True, (), 2, "p1"),
    "p2": Said(True, "", 8, 2, False, (), 2, "p1"),
}


def contents(*servers: DirectoryServer, **more: Any) -> Contents:
    given = {"sets": {"fabric": FABRIC, "s1": S1}, "usage_tables": frozenset({"u.t"}), **more}
    return Contents({one.name: one for one in servers or SERVERS}, **given)


INVENTORY = contents()
THERE = Found(
    1,
    False,
    (4, 9),
    ["main"],
    contents(active={"s1": "p1"}),
    {one.name: "online" for one in SERVERS},
    {one.name: [one.identity] for one in SERVERS},
)


def having(**changed: Any) -> Found:
    """The directory, with other contents."""
    return replace(THERE, contents=replace(THERE.contents, **changed))


def with_server(server: DirectoryServer, name: str = "") -> Found:
    return having(servers={**THERE.contents.servers, name or server.name: server})


def without(name: str) -> dict[str, DirectoryServer]:
    return {n: one for n, one in THERE.contents.servers.items() if n != name}


def of(found: Found = THERE, inventory: Contents = INVENTORY, **said: Said) -> Comparison:
    return compare(found, 1, inventory, {**SAID, **said})


def codes(compared: Comparison) -> list[tuple[str, str, str]]:
    """Return what differs, where, and what resolves it."""
    return [
        (one.finding.code.partition(".")[2], one.finding.where, one.direction)
        for one in compared.differences
    ]


def test_nothing_differs() -> None:
    compared = of()
    assert codes(compared) == []
    assert compared.confirmed == ["f1", "w1", "r1", "p1", "p2"]
    # Of the directory's own set there is no copy.
    assert compared.active == {"s1": "p1"}


def test_ids_that_only_the_directory_has() -> None:
    compared = of(with_server(replace(W1, id_offset=7)))
    assert codes(compared) == [("ids_differ", "w1", "inventory")]
    (one,) = compared.differences
    assert str(one.finding) == (
        "w1: the directory has its ids as offset 7 of 20, the inventory as offset 1 of 20, and it gives "
        "itself offset 1 of 20; run it with -e direction=inventory."
    )
    assert one.told()["direction"] == "inventory"


def test_an_identity_that_nobody_has_changed_by_hand_is_history() -> None:
    """Its ids and rows are there: the inventory and the server have been changed together."""
    w1 = replace(W1, id_offset=7)
    found = replace(with_server(w1), written={"w1": [w1.identity]})
    assert codes(of(found)) == [("ids_differ", "w1", "")]
    assert "w1" not in of(found).confirmed
    reader = replace(W1, kind="read", id_offset=None, id_increment=None)
    wanted = contents(F1, reader, R1, P1, P2)
    compared = of(inventory=wanted, w1=Said(True, "", 1, 1, False, ("w2",)))
    assert codes(compared) == [("kind_differs", "w1", "")] and "w1" not in compared.confirmed


@pytest.mark.parametrize(
    ("said", "found"),
    [
        # The server goes on as the directory knows it: the inventory has changed.
        (Said(True, "", 20, 7, True), [("ids_differ", "w1", "")]),
        # Three sides, three pairs.
        (Said(True, "", 20, 9, True), [("ids_differ", "w1", "")]),
    ],
)
def test_ids_that_nobody_may_change_by_itself(said: Said, found: list[Any]) -> None:
    compared = of(with_server(replace(W1, id_offset=7)), w1=said)
    assert [one for one in codes(compared) if one[0] == "ids_differ"] == found
    assert "w1" not in compared.confirmed


def test_ids_of_a_server_that_does_not_answer() -> None:
    compared = of(with_server(replace(W1, id_offset=7)), w1=Said(why="no route to it"))
    assert codes(compared) == [("ids_differ", "w1", ""), ("server_silent", "w1", "")]
    assert "and it does not say" in str(compared.differences[0].finding)
    assert "It does not say what it is (no route to it)." in str(compared.differences[1].finding)


def test_an_increment_that_the_inventory_has_changed() -> None:
    wanted = contents(F1, replace(W1, id_increment=40), R1, P1, P2)
    assert codes(of(inventory=wanted)) == [
        ("server_with_other_ids", "w1", ""),
        ("ids_differ", "w1", ""),
    ]


def test_ids_that_only_the_server_has_otherwise() -> None:
    compared = of(w1=Said(True, "", 20, 3, True))
    assert codes(compared) == [("server_with_other_ids", "w1", "")]
    assert "offset 1 of 20, and it gives itself offset 3 of 20" in str(
        compared.differences[0].finding
    )


def test_a_kind_that_only_the_directory_has() -> None:
    reader = replace(W1, kind="read", id_offset=None, id_increment=None)
    compared = of(with_server(reader))
    assert codes(compared) == [("kind_differs", "w1", "inventory")]
    assert (
        "w1: the directory has it as a read server, the inventory as a write server, and by its own "
        "account it is a write server" in str(compared.differences[0].finding)
    )
    moved = of(with_server(replace(P2, replica_set="fabric")))
    assert codes(moved) == [("kind_differs", "p2", "inventory")]


def test_a_kind_that_the_inventory_has_changed() -> None:
    reader = replace(W1, kind="read", id_increment=None, id_offset=None)
    wanted = contents(F1, reader, R1, P1, P2)
    assert codes(of(inventory=wanted)) == [
        ("server_of_other_kind", "w1", ""),
        ("kind_differs", "w1", ""),
    ]
    # It has no channel yet, and might be anything.
    unsure = of(inventory=wanted, w1=Said(True, "", 1, 1, True))
    assert codes(unsure) == [("kind_differs", "w1", "")]
    # A member whose set's writer is of another set is none of it.
    other = of(with_server(replace(P2, replica_set="fabric")), p2=replace(SAID["p2"], epoch=3))
    assert "p2" in other.confirmed
    strange = of(
        with_server(replace(P2, replica_set="fabric")), p2=replace(SAID["p2"], epoch_active="f1")
    )
    assert ("kind_differs", "p2", "") in codes(strange)


def test_servers_that_one_side_does_not_have() -> None:
    assert codes(of(having(servers=without("r1")))) == [("server_missing", "r1", "inventory")]
    r9 = replace(R1, name="r9", host="10.1.0.109")
    more = replace(with_server(r9), states={**THERE.states, "r9": "online"})
    assert codes(of(more)) == [("server_unknown", "r9", "")]
    assert codes(of(replace(more, states={**THERE.states, "r9": "retired"}))) == []


def test_what_the_inventory_owns() -> None:
    moved = of(with_server(replace(R1, host="10.9.0.9", weight=2.0)))
    assert codes(moved) == [("server_differs", "r1", "inventory")]
    assert (
        "r1: the directory has host 10.9.0.9, weight 2.0, and the inventory host 10.1.0.101, weight 1.0"
        in str(moved.differences[0].finding)
    )
    lenient = having(sets={"fabric": FABRIC, "s1": replace(S1, durability="available")})
    assert codes(of(lenient)) == [("set_differs", "s1", "inventory")]
    # What the inventory does not say of a set stays; a shard keeps its number.
    silent = contents(sets={"fabric": FABRIC, "s1": DirectorySet("s1", "strict")})
    assert codes(of(inventory=silent)) == []
    numbered = contents(sets={"fabric": FABRIC, "s1": replace(S1, shard_number=2)})
    assert codes(of(inventory=numbered)) == [("set_differs", "s1", "")]
    assert codes(of(having(sets={"fabric": FABRIC, "s1": replace(S1, shard_number=None)}))) == [
        ("set_differs", "s1", "inventory")
    ]
    tables = of(having(usage_tables=frozenset({"u.x"})))
    assert codes(tables) == [
        ("usage_table_differs", "u.t", "inventory"),
        ("usage_table_differs", "u.x", "inventory"),
    ]
    assert "the directory has this usage table, and the inventory has not" in str(
        tables.differences[1].finding
    )


def test_sets_that_one_side_does_not_have() -> None:
    members = {n: one for n, one in THERE.contents.servers.items() if one.replica_set != "s1"}
    fewer = having(sets={"fabric": FABRIC}, servers=members, active={})
    assert codes(of(fewer)) == [
        ("server_missing", "p1", "inventory"),
        ("server_missing", "p2", "inventory"),
        ("set_missing", "s1", "inventory"),
    ]
    small = contents(F1, W1, R1, sets={"fabric": FABRIC})
    assert codes(of(inventory=small)) == [
        ("server_unknown", "p1", ""),
        ("server_unknown", "p2", ""),
        ("set_unknown", "s1", ""),
    ]
    gone = replace(THERE, states={**THERE.states, "p1": "retired", "p2": "retired"})
    assert codes(of(gone, small)) == []


def test_the_copy_of_who_is_active() -> None:
    switched = {
        "p1": Said(True, "", 8, 1, False, (), 3, "p2"),
        "p2": Said(True, "", 8, 2, True, (), 3, "p2"),
    }
    compared = of(**switched)
    assert codes(compared) == [("active_differs", "s1", "servers")]
    assert "s1: the directory has p1 as its active writer, and p2 takes writes" in str(
        compared.differences[0].finding
    )
    assert compared.active == {"s1": "p2"}
    # The directory cannot name a member that it does not have.
    assert codes(of(having(servers=without("p2")), **switched)) == [
        ("server_missing", "p2", "inventory"),
        ("active_differs", "s1", ""),
    ]
    # Nor one that it has in another set.
    elsewhere = of(with_server(replace(P2, replica_set="fabric")), **switched)
    assert ("active_differs", "s1", "") in codes(elsewhere)
    assert codes(of(having(active={"s1": "p1", "fabric": "f1"}))) == [
        ("active_differs", "fabric", "")
    ]
    # Nobody is taken over where it is not known.
    lost = of(p1=Said(why="refused"))
    assert ("active_unknown", "s1", "") in codes(lost) and lost.active == {}


def test_the_epoch_of_the_version() -> None:
    f2 = replace(F1, name="f2", host="10.2.0.21")
    both = contents(*SERVERS, f2, active={"s1": "p1"})
    found = replace(THERE, contents=both, states={**THERE.states, "f2": "online"})
    behind = of(found, contents(*SERVERS, f2), f2=Said(True, "", 8, 2, False, (), 3, "f1"))
    assert codes(behind) == [("epoch_differs", "f2", "")]


@pytest.mark.parametrize(
    ("members", "known", "why"),
    [
        ({"a": SAID["p1"], "b": SAID["p2"]}, "p1", ""),
        ({"p1": SAID["p1"], "p2": replace(SAID["p2"], takes_writes=True)}, "", "p1 and p2 take"),
        ({"p1": SAID["p1"], "p2": replace(SAID["p2"], epoch=3, epoch_active="p2")}, "", "epoch 3"),
        ({"p2": SAID["p2"]}, "", "no member takes writes; in epoch 2 it was p1"),
        ({"p1": Said(why="off")}, "", "no member knows an epoch (p1: off)"),
        ({"p1": Said(True)}, "", "no member knows an epoch"),
        ({"p1": SAID["p1"], "p2": Said()}, "p1", ""),
    ],
)
def test_who_takes_writes(members: dict[str, Said], known: str, why: str) -> None:
    if "a" in members:
        members = {"p1": members["a"], "p2": members["b"]}
    found, because = writer(members)
    assert found == known and (why in because if why else not because)


def test_a_lost_directory() -> None:
    lost = Found(version=(4, 0))
    compared = of(lost)
    assert codes(compared) == [("missing", "", "inventory")]
    # What servers have otherwise would be written into it.
    other = of(lost, w1=Said(True, "", 20, 3, True), p1=Said())
    assert codes(other) == [
        ("missing", "", "inventory"),
        ("server_with_other_ids", "w1", ""),
        ("server_silent", "p1", ""),
        ("active_unknown", "s1", ""),
    ]
    (said,) = notes(lost, "inventory")
    assert "no server that is joining" in said and "tenants and placements" in said
    assert notes(lost, "servers") == notes(THERE, "inventory") == []


def test_the_schemas_version() -> None:
    assert codes(of(Found(2, version=(4, 9)))) == [("schema_newer", "", "")]
    stale = replace(having(active={"s1": "p2"}), schema_version=1)
    compared = compare(stale, 2, INVENTORY, SAID)
    # Taking over who is active would bring it up to date by the way.
    assert codes(compared) == [("active_differs", "s1", ""), ("schema_older", "", "inventory")]


def test_what_is_asked_for_is_judged_on_paper() -> None:
    assert request_problems("", ["w1"], True, ["w1", "x"]) == []
    assert request_problems("servers", [], True, []) == []
    found = request_problems("both", ["w1", "r1", "f1"], False, ["r1"])
    assert [one.partition(";")[0] for one in found] == [
        "The inventory has no replica set fabric, which would hold a directory",
        "direction is both",
        "--limit leaves out w1, f1, which would have to be asked",
    ]
