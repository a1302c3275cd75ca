"""What the playbook takes from the filter fabric_differences."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.filter.fabric_differences import (
    CHANNELS,
    MEMBER,
    SERVER,
    FilterModule,
)

compared = FilterModule().filters()["fabric_differences"]


def member(name: str, replica_set: str, host: str) -> dict[str, Any]:
    return {
        **{"name": name, "kind": "member", "datacenter": "dc1", "host": host, "port": 3306},
        **{"weight": 1, "replica_set": replica_set},
    }


INVENTORY: dict[str, Any] = {
    "servers": [
        member("f1", "fabric", "a"),
        member("p1", "s1", "b"),
        {
            **{"name": "w1", "kind": "write", "datacenter": "dc1", "host": "c", "port": 3306},
            **{"weight": 1, "id_increment": 20, "id_offset": 1},
        },
        {
            **{"name": "r1", "kind": "read", "datacenter": "dc1", "host": "d", "port": 3306},
            "weight": 1,
        },
    ],
    "sets": [{"name": "fabric", "durability": "available"}, {"name": "s1", "durability": "strict"}],
    "usage_tables": ["u.t"],
}
STATE: dict[str, Any] = {"state": "online", "written": []}
FOUND: dict[str, Any] = {
    **{"schema_version": 1, "newest_schema_version": 1, "takes_writes": True, "tenants": 3},
    "version": {"epoch": 4, "counter": 9},
    "servers": [{**one, **STATE} for one in INVENTORY["servers"]],
    "sets": [
        {**one, "active": active, "weight": 1.0, "capacity_gib": None, "state": "open"}
        for one, active in zip(INVENTORY["sets"], (None, "p1"), strict=True)
    ],
    "usage_tables": ["u.t"],
}
LOST: dict[str, Any] = {
    **FOUND,
    **{"schema_version": 0, "servers": [], "sets": [], "usage_tables": [], "tenants": 0},
}


def settings(increment: int, offset: int, read_only: str = "OFF") -> dict[str, Any]:
    return {
        SERVER: {
            "variables": {
                "auto_increment_increment": str(increment),
                "auto_increment_offset": str(offset),
                "read_only": read_only,
            }
        }
    }


def told(name: str, state: str, epoch: int, active: str) -> dict[str, Any]:
    return {
        MEMBER: {
            "epoch": {"epoch": epoch, "active": active},
            "members": [{"name": name, "state": state, "unreachable": None}],
        }
    }


HOSTS: dict[str, Any] = {
    "f1": {**settings(8, 1), **told("f1", "active", 4, "f1")},
    "p1": {**settings(8, 1), **told("p1", "active", 2, "p1")},
    "w1": {**settings(20, 1), CHANNELS: {"channels": []}},
    "r1": {**settings(1, 1, "ON"), CHANNELS: {"channels": [{"channel": "w1"}]}},
}


def test_who_has_the_directory() -> None:
    assert compared(INVENTORY, HOSTS) == {"writer": "f1", "problem": ""}
    closed = {**HOSTS, "f1": {**settings(8, 1), **told("f1", "closed", 4, "f1")}}
    assert "no member takes writes" in compared(INVENTORY, closed)["problem"]


def test_nothing_differs() -> None:
    found = compared(INVENTORY, HOSTS, FOUND)
    assert found["differences"] == [] and found["servers"] == {} and found["notes"] == []
    assert found["inventory"]["confirmed"] == ["f1", "p1", "w1", "r1"]
    # The copy of who is active is none of the inventory's.
    assert [one["active"] for one in found["inventory"]["sets"]] == [None, None]
    assert found["report"] == [
        "The directory on f1, epoch 4, counter 9: servers: 4, replica sets: 2, usage tables: 1, "
        "tenants: 3.",
        "It is what the inventory and all servers say.",
    ]


def test_what_servers_say_is_taken_over_and_nothing_else() -> None:
    heavier = [{**one, "weight": 5.0} for one in FOUND["servers"]]
    stale = {**FOUND, "servers": heavier, "sets": [FOUND["sets"][0], {**FOUND["sets"][1]}]}
    stale["sets"][1]["active"] = None
    found = compared(INVENTORY, HOSTS, stale)
    assert {one["direction"] for one in found["differences"]} == {"servers", "inventory"}
    # The rows are the directory's own, in all else.
    assert {one["weight"] for one in found["servers"]["servers"]} == {5.0}
    assert [one["active"] for one in found["servers"]["sets"]] == [None, "p1"]
    assert found["servers"]["usage_tables"] == ["u.t"]
    assert found["report"][1].startswith(
        "critical: directory.active_differs: s1: the directory has"
    )


def test_a_copy_that_cannot_be_taken_over_does_not_keep_others_from_it() -> None:
    q1 = member("q1", "s2", "q")
    more = {
        **INVENTORY,
        "servers": [*INVENTORY["servers"], q1],
        "sets": [*INVENTORY["sets"], {"name": "s2", "durability": "strict"}],
    }
    hosts = {**HOSTS, "q1": {**settings(8, 1), **told("q1", "active", 1, "q1")}}
    sets = [*FOUND["sets"], {**FOUND["sets"][1], "name": "s2"}]
    # The directory does not know q1.
    found = compared(more, hosts, {**FOUND, "sets": [{**one, "active": None} for one in sets]})
    assert [one["active"] for one in found["servers"]["sets"]] == [None, "p1", None]


def test_the_log_says_whether_a_change_was_by_hand() -> None:
    changed = [{**one} for one in FOUND["servers"]]
    changed[2]["id_offset"] = 7
    (one,) = compared(INVENTORY, HOSTS, {**FOUND, "servers": changed})["differences"]
    assert (one["code"], one["direction"]) == ("directory.ids_differ", "")
    changed[2]["written"] = [
        {"kind": "write", "replica_set": None, "id_increment": 20, "id_offset": 1}
    ]
    found = compared(INVENTORY, HOSTS, {**FOUND, "servers": changed})
    assert [one["direction"] for one in found["differences"]] == ["inventory"]
    assert "w1" in found["inventory"]["confirmed"]


def test_a_lost_directory_gets_who_is_active_from_servers() -> None:
    found = compared(INVENTORY, HOSTS, LOST)
    assert [one["code"] for one in found["differences"]] == ["directory.missing"]
    assert [one["active"] for one in found["inventory"]["sets"]] == [None, "p1"]
    assert found["servers"] == {} and len(found["notes"]) == 1
    assert found["report"][0] == "f1 takes writes, and would hold the directory."


def test_hosts_that_do_not_answer() -> None:
    hosts = {
        **HOSTS,
        "p1": {SERVER: {"unreachable": True, "msg": "no route"}},
        "w1": {},
        "r1": {**settings(1, 1), CHANNELS: {"msg": "denied"}},
    }
    found = compared(INVENTORY, hosts, FOUND)
    silent = {one["where"]: one["text"] for one in found["differences"] if "silent" in one["code"]}
    assert {name: text.partition("(")[2] for name, text in silent.items()} == {
        "p1": "no route).",
        "w1": "it was not asked).",
        "r1": "denied).",
    }
    assert found["inventory"]["confirmed"] == ["f1"]
