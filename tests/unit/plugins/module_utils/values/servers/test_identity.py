"""What servers are told by, and who shares it."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.identity import (
    identity,
    problems,
    sharing,
)

UUID = "4263d780-e9bf-11f1-a861-02fc00000001"


def test_what_a_server_is_told_by() -> None:
    mysql: dict[str, str | None] = {"server_id": "1", "server_uuid": UUID, "gtid_domain_id": None}
    assert identity(mysql) == {"server_id": 1, "server_uuid": UUID, "gtid_domains": []}
    # A session of it has written in domain 7; what is in 2 came from server 2.
    mariadb: dict[str, str | None] = {
        "server_id": "1",
        "server_uuid": None,
        "gtid_domain_id": "0",
        "gtid_binlog_state": "2-2-9,7-2-3,7-1-4",
    }
    assert identity(mariadb) == {"server_id": 1, "server_uuid": None, "gtid_domains": [0, 7]}
    assert identity({}) == {"server_id": 0, "server_uuid": None, "gtid_domains": []}


def test_who_shares_something() -> None:
    having = [("b", 1), ("a", 1), ("a", 1), ("c", 0), ("d", 0), ("e", None), ("f", 2)]
    assert sharing(having) == [(1, ["a", "b"])]


def server(name: str, number: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "server_id": number, "server_uuid": None, **more}


def test_servers_that_are_all_different() -> None:
    assert problems([]) == []
    different = [
        server("w1", 1, server_uuid="a", gtid_domains=[1]),
        server("w2", 2, server_uuid="b", gtid_domains=[2]),
        server("r1", 3),
    ]
    assert problems(different) == []


def test_all_that_is_shared_is_told_at_once() -> None:
    told = problems(
        [
            server("w1", 1, server_uuid=UUID, gtid_domains=[0, 1]),
            server("w2", 2, server_uuid=UUID, gtid_domains=[0]),
            server("r1", 1),
        ]
    )
    assert [one.split(":")[0] for one in told] == [
        "r1, w1 have the same server_id, 1",
        f"w1, w2 have the same server_uuid, {UUID}",
        "w1, w2 have the same gtid_domain, 0",
    ]
    assert "remove auto.cnf" in told[1] and "add what is missing" in told[1]


def test_a_number_that_was_written_for_another_makes_no_domain_of_ones_own() -> None:
    variables: dict[str, str | None] = {
        **{"server_id": "202", "gtid_domain_id": "202", "gtid_binlog_state": "201-202-8,202-202-9"},
    }
    assert identity(variables)["gtid_domains"] == [201, 202]
    assert identity(variables, {(201, 8)})["gtid_domains"] == [202]
    # It has written there since.
    assert identity(variables, {(201, 7)})["gtid_domains"] == [201, 202]
