"""Servers of all kinds are told apart by what this run has asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.server_identities import server_identities
from ansible_collections.dbrw.sharding.plugins.filter.shared_identities import shared_identities

PLAYBOOKS = Path(__file__).resolve().parents[4] / "playbooks"
GROUPS = {
    "all": ["w1", "w2", "f1", "r1"],
    "write_servers": ["w1", "w2"],
    "fabric_servers": ["f1"],
    "read_servers": ["r1"],
}
W1 = {"server_id": 1, "server_uuid": "u-1", "gtid_domains": [1]}
F1 = {"server_id": 201, "server_uuid": "u-1", "gtid_domains": [201]}
R1 = {"server_id": 101, "server_uuid": "u-3", "gtid_domains": [1, 101]}
HOSTVARS = {
    "w1": {"write_server_info": {"identity": W1}},
    # It was skipped, or left out.
    "w2": {"write_server_info": {"skipped": True}},
    "f1": {"replica_set_server_info": {"identity": F1}},
    "r1": {"read_server_info": {"identity": R1}},
}


def test_all_that_were_asked() -> None:
    assert server_identities(GROUPS, HOSTVARS) == [
        {**W1, "name": "w1"},
        {**F1, "name": "f1"},
        # A channel brings it what is in domain 1; nobody takes it from there.
        {**R1, "name": "r1", "gtid_domains": []},
    ]
    assert server_identities({"all": ["x"]}, {"x": {}}) == []
    nobody: dict[str, dict[str, object]] = {name: {} for name in GROUPS["all"]}
    assert server_identities(GROUPS, nobody) == []


def test_one_is_left_out() -> None:
    found = server_identities(GROUPS, HOSTVARS, "w1")
    assert [one["name"] for one in found] == ["f1", "r1"]


def test_a_member_that_is_a_copy_of_a_write_server_is_found() -> None:
    (problem,) = shared_identities(server_identities(GROUPS, HOSTVARS))
    assert problem.startswith("f1, w1 have the same server_uuid, u-1")


@pytest.mark.parametrize("playbook", ["write_servers", "read_servers", "replica_sets"])
def test_playbooks_judge_servers_of_all_kinds(playbook: str) -> None:
    text = (PLAYBOOKS / f"{playbook}.yml").read_text()
    assert "groups | dbrw.sharding.server_identities(hostvars" in text
