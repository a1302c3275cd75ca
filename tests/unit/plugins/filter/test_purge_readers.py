"""The read servers of an inventory and of a directory, for a purge."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.filter.purge_readers import FilterModule

R1 = {"name": "r1", "host": "10.1.0.101", "port": 3306}
PAPER: dict[str, Any] = {
    "problems": [],
    "write_servers": [{"name": "w1"}],
    "read_servers": [{"server": R1, "replication_account": {"name": "follower", "password": "x"}}],
    "replica_sets": {},
}
WITH_FABRIC = {**PAPER, "replica_sets": {"fabric": {"addresses": [{"name": "f1"}]}}}


def test_read_servers_and_what_stands_in_the_way() -> None:
    judge = FilterModule().filters()["purge_readers"]
    known = {**R1, "replication_user": "follower"}
    assert judge(PAPER, ["w1", "r1"], {}) == {"read_servers": [known], "problems": []}
    found = judge({**WITH_FABRIC, "problems": ["w1: wrong."]}, ["w1"])
    assert found["problems"][0] == "w1: wrong." and "r1, f1" in found["problems"][1]
    hosts = ["w1", "r1", "f1"]
    # It is asked later.
    assert judge(WITH_FABRIC, hosts)["problems"] == []
    other = {"name": "r2", "kind": "read", "state": "online", "host": "10.1.0.102", "port": 3306}
    told = judge(WITH_FABRIC, hosts, {"f1": {"dbrw_purge_directory": {"servers": [other]}}})
    assert [one["name"] for one in told["read_servers"]] == ["r1", "r2"] and not told["problems"]
    down = judge(WITH_FABRIC, hosts, {"f1": {"dbrw_purge_directory": {"msg": "it is down"}}})
    assert "f1: it is down" in down["problems"][0]
    assert "f1: not reached" in judge(WITH_FABRIC, hosts, {"f1": {}})["problems"][0]
