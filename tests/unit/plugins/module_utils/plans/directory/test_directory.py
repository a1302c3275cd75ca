"""The directory gets what the inventory owns, and keeps the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory.directory import plan
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    Contents,
    DirectoryServer,
    DirectorySet,
    Found,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

F1 = DirectoryServer("f1", "member", "dc1", "10.1.0.21", replica_set="fabric")
W1 = DirectoryServer("w1", "write", "dc1", "10.1.0.1", id_increment=20, id_offset=1)
R1 = DirectoryServer("r1", "read", "dc1", "10.1.0.101")
P1 = DirectoryServer("p1", "member", "dc1", "10.1.0.31", replica_set="s1")
FABRIC = DirectorySet("fabric", "available", weight=1.0)
S1 = DirectorySet("s1", "strict", shard_number=1, weight=2.0)


def contents(*servers: DirectoryServer, **more: Any) -> Contents:
    given = {"sets": {"fabric": FABRIC, "s1": S1}, **more}
    return Contents({one.name: one for one in servers}, **given)


ALL = contents(F1, W1, R1, P1, usage_tables=frozenset({"u.t"}), active={"s1": "p1"})
STATES = {"f1": "joining", "w1": "online", "r1": "online", "p1": "joining"}
THERE = Found(1, False, (1, 9), ["main"], ALL, STATES)


def steps(wanted: Contents, found: Found, *announce: str) -> list[str]:
    return [f"{step.action}: {step.target}" for step in plan(wanted, announce, found, 1).steps]


def refusals(wanted: Contents, found: Found, *announce: str) -> list[str]:
    with pytest.raises(Refused) as refused:
        plan(wanted, announce, found, 1)
    return [str(problem) for problem in refused.value.problems]


def test_nothing_to_do() -> None:
    assert steps(ALL, THERE) == []
    # What is online stays so, and what the operator has taken out is not brought back.
    draining = replace(THERE, states={**STATES, "w1": "draining"})
    assert steps(ALL, draining, "w1", "r1") == []


def test_a_new_directory() -> None:
    assert steps(ALL, Found(), "w1") == [
        "upgrade: directory",
        "put replica set: replica set fabric",
        "put replica set: replica set s1",
        "put server: server f1",
        "put server: server w1",
        "announce: state of w1",
        "put server: server r1",
        "put server: server p1",
        "put usage table: usage table u.t",
        "point: active writer of s1",
    ]
    made = plan(ALL, (), Found(), 1)
    assert made.steps[0].before == {"schema_version": None}
    assert made.steps[3].before is None and made.steps[3].after == F1.told()


def test_what_differs_is_changed_and_what_is_gone_is_left() -> None:
    heavier = replace(W1, weight=3.0)
    wanted = contents(F1, heavier, P1, usage_tables=frozenset({"u.x"}), active={"s1": "p1"})
    assert steps(wanted, THERE) == [
        "put server: server w1",
        "put usage table: usage table u.x",
        "drop usage table: usage table u.t",
    ]
    (warning,) = plan(wanted, (), THERE, 1).warnings
    assert warning.startswith("The directory has the server r1 (online), which is not in the inv")
    retired = replace(THERE, states={**STATES, "r1": "retired"})
    assert plan(wanted, (), retired, 1).warnings == ()


def test_what_the_inventory_does_not_say_of_a_set_stays() -> None:
    sets = {"fabric": FABRIC, "s1": DirectorySet("s1", "strict")}
    assert steps(replace(ALL, sets=sets), THERE) == []
    made = plan(replace(ALL, sets=sets), (), Found(), 1).steps[2]
    assert made.after == {"name": "s1", "durability": "strict", "weight": 1.0}


def test_who_joins_is_announced_when_all_follow_it() -> None:
    joining = replace(THERE, states={**STATES, "w1": "joining"})
    assert steps(ALL, joining) == []
    assert steps(ALL, joining, "w1") == ["announce: state of w1"]


@pytest.mark.parametrize(
    ("wanted", "found", "announce", "said"),
    [
        (ALL, replace(THERE, closed=True), "", "This member does not take writes"),
        (ALL, Found(2), "", "of version 2, and this collection knows up to 1"),
        (ALL, replace(THERE, topologies=["other"]), "", "holds the topology other"),
        (ALL, THERE, "w9", "announce names w9, which is none of servers"),
        (contents(replace(W1, id_offset=None)), Found(), "", "w1: a write server needs id_increm"),
        (contents(replace(W1, id_offset=21)), Found(), "", "w1: id_offset 21 is outside 1..20"),
        (contents(replace(R1, id_offset=2)), Found(), "", "id_offset are for write servers"),
        (contents(replace(R1, replica_set="s1")), Found(), "", "replica_set is for members"),
        (
            contents(replace(F1, replica_set="s2")),
            Found(),
            "",
            "its replica set s2 is none of sets",
        ),
        (contents(replace(W1, weight=-1.0)), Found(), "", "weight is -1.0"),
        (contents(F1, active={"fabric": "f1"}), Found(), "", "its own epochs say who is active"),
        (contents(F1, active={"s1": "f1"}), Found(), "", "names f1, which is no member of it"),
        (contents(F1, R1, P1, replace(W1, name="w2")), THERE, "", "gives ids that w1 has given"),
        (contents(F1, P1, replace(R1, name="r2")), THERE, "", "10.1.0.101:3306 is that of r1"),
        (
            contents(F1, sets={"fabric": FABRIC, "s2": replace(S1, name="s2")}),
            THERE,
            "",
            "the shard number 1 was given to s1",
        ),
        (contents(F1, replace(W1, id_offset=2)), THERE, "", "were 20 and 1, and are 20 and 2"),
        (contents(F1, replace(W1, id_increment=40)), THERE, "", "were 20 and 1, and are 40 and 1"),
        (
            contents(F1, R1, P1, replace(W1, name="w2", host="x", id_increment=40, id_offset=21)),
            THERE,
            "",
            "gives ids that w1 has given",
        ),
        (
            contents(F1, replace(R1, name="r2", host=W1.host)),
            THERE,
            "",
            "Give the row w1 of fabric.servers another host",
        ),
        (
            contents(F1, W1, replace(R1, host=W1.host)),
            THERE,
            "",
            "Let w1 have another one first, in a run of its own",
        ),
        (
            contents(F1, sets={"fabric": FABRIC, "s1": replace(S1, shard_number=2)}),
            THERE,
            "",
            "s1: its shard_number was 1 and is 2",
        ),
        (
            contents(F1, replace(R1, name="w1")),
            THERE,
            "",
            "w1: it is write in the directory, and r",
        ),
    ],
)
def test_what_is_refused(wanted: Contents, found: Found, announce: str, said: str) -> None:
    problems = refusals(wanted, found, *announce.split())
    assert [one for one in problems if said in one], problems


def test_what_a_server_confirms_is_put_right() -> None:
    """Without that, another offset or kind is a mistake of the inventory."""
    there = replace(
        THERE, contents=contents(F1, replace(W1, id_offset=7), R1, P1, active={"s1": "p1"})
    )
    wanted = replace(ALL, usage_tables=frozenset())
    assert "were 20 and 7, and are 20 and 1" in refusals(wanted, there)[0]
    # What nobody has changed by hand is history: ids of it are there.
    with pytest.raises(Refused, match="were 20 and 7, and are 20 and 1"):
        plan(wanted, (), there, 1, ["w1"])
    written = {"w1": [W1.identity]}
    there = replace(there, written=written)
    assert "were 20 and 7, and are 20 and 1" in refusals(wanted, there)[0]
    made = plan(wanted, (), there, 1, ["w1"])
    assert [step.target for step in made.steps] == ["server w1"]
    reader = replace(W1, kind="read", id_increment=None, id_offset=None)
    there = replace(there, contents=contents(F1, reader, R1, P1, active={"s1": "p1"}))
    assert plan(wanted, (), there, 1, ["w1"]).steps[0].after == W1.told()
    assert "it is read in the directory, and write" in refusals(wanted, there)[0]
    # Nobody is taken for another on the way.
    w2 = replace(W1, name="w2", host="10.1.0.2", id_offset=2)
    swapped = contents(F1, replace(W1, id_offset=2), replace(w2, id_offset=1), R1, P1)
    with pytest.raises(Refused) as refused:
        there = replace(there, contents=swapped, written={"w1": [W1.identity], "w2": [w2.identity]})
        plan(contents(F1, W1, w2, R1, P1), (), there, 1, ["w1", "w2"])
    assert [str(one).partition(" in the")[0] for one in refused.value.problems] == [
        "servers: w1: its id_offset 1 gives ids of w2",
        "servers: w2: its id_offset 2 gives ids of w1",
    ]
    with pytest.raises(Refused, match="confirmed names w9, which is none of servers"):
        plan(ALL, (), THERE, 1, ["w9"])


def test_a_directory_that_has_changed_since_it_was_looked_at() -> None:
    assert not plan(ALL, (), THERE, 1, (), (1, 9)).steps
    with pytest.raises(Refused, match=r"its version was \(1, 8\), and is \(1, 9\)"):
        plan(ALL, (), THERE, 1, (), (1, 8))
