"""The filter that compares what servers say of themselves."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.filter.shared_identities import FilterModule


def test_names_of_one_server() -> None:
    shared = FilterModule().filters()["shared_identities"]
    one = {"server_id": 1, "server_uuid": "a"}
    (problem,) = shared([{**one, "name": "w1"}, {**one, "name": "w2", "server_id": 2}])
    assert problem.startswith("w1, w2 have the same server_uuid, a: they are one server, or")
    assert shared([{**one, "name": "w1"}]) == []
