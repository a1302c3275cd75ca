"""What is wrong with an inventory, on paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.topology import (
    READ,
    WRITE,
    Member,
    problems,
    too_long_for,
)

SECRETS = {
    "application_password": "a",
    "monitor_password": "m",
    "maintenance_password": "d",
}


def writer(number: int, **changes: Any) -> Member:
    given = {
        "address": f"10.0.0.{number}",
        "server_id": number,
        "datacenter": "dc1",
        "offset": number,
        "increment": 20,
        **SECRETS,
        **changes,
    }
    return Member(f"w{number}", WRITE, {k: v for k, v in given.items() if v is not None})


def reader(number: int, **changes: Any) -> Member:
    given = {
        "address": f"10.0.1.{number}",
        "server_id": 100 + number,
        "datacenter": "dc1",
        "replication_password": "r",
        **SECRETS,
        **changes,
    }
    return Member(f"r{number}", READ, {k: v for k, v in given.items() if v is not None})


@given(st.integers(1, 20), st.integers(0, 5))
def test_a_right_topology_has_no_problems(writers: int, readers: int) -> None:
    members = [writer(number) for number in range(1, writers + 1)]
    members += [reader(number) for number in range(1, readers + 1)]
    assert problems(members) == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([writer(1), writer(2, offset=1)], "w1, w2: the same offset 1"),
        ([writer(1), writer(2, increment=10)], "Different increments (10 on w2; 20 on w1)"),
        ([writer(1, offset=21)], "w1: offset 21 is above increment 20"),
        ([writer(1, offset=None)], "w1: dbrw_offset is not set (the first id of the server, diff"),
        ([writer(1, increment=None)], "w1: dbrw_increment is not set"),
        ([writer(1, offset="1")], "w1: dbrw_offset is '1'; it must be a whole number"),
        ([writer(1, offset=True)], "w1: dbrw_offset is True; it must be a whole number"),
        ([writer(1, weight="often")], "w1: dbrw_weight is 'often'; it must be a number"),
        ([writer(1), reader(1, weight=-1)], "r1: dbrw_weight is -1; it must be a number"),
        ([writer(1, weight=float("nan"))], "w1: dbrw_weight is nan; it must be a number"),
        ([writer(1, weight=True)], "w1: dbrw_weight is True; it must be a number"),
        ([writer(1, address=None)], "w1: dbrw_address is not set (where the other servers and"),
        ([writer(1, datacenter=None)], "w1: dbrw_datacenter is not set"),
        ([writer(1, server_id=None)], "w1: dbrw_server_id is not set ("),
        (
            [writer(1, application_password="")],
            "application_password is missing or empty (the account of the app",
        ),
        (
            [writer(1, maintenance_password="")],
            "password is missing or empty (the account of the nightly",
        ),
        ([writer(1, server_id=0)], "w1: dbrw_server_id 0 is outside 1..4294967295"),
        ([writer(1, gtid_domain_id=2**32)], "dbrw_gtid_domain_id 4294967296 is outside 0.."),
        ([writer(1, port=0)], "w1: dbrw_port 0 is outside 1..65535"),
        ([writer(1), reader(1, server_id=1)], "w1, r1: the same dbrw_server_id 1"),
        ([writer(1), writer(2, gtid_domain_id=1)], "w1, w2: the same GTID domain 1"),
        ([writer(1), reader(1, address="10.0.0.1")], "w1, r1: the same address 10.0.0.1:3306"),
        (
            [writer(1, monitor_password="")],
            "dbrw_monitor_password is missing or empty (the account of the monitoring)",
        ),
        (
            [reader(1, replication_password=None)],
            "replication_password is missing or empty (its account on every write",
        ),
        ([], "No host is in the group write_servers"),
        ([reader(1)], "No host is in the group write_servers"),
        (
            [writer(1), replace(reader(1), name="w1")],
            "w1 is in write_servers and in read_servers",
        ),
    ],
)
def test_each_mistake_is_told(members: list[Member], said: str) -> None:
    found = problems(members)
    assert [text for text in found if said in text], found


def test_a_port_of_its_own_makes_an_address_different() -> None:
    assert problems([writer(1), writer(2, address="10.0.0.1", port=3307)]) == []


def test_read_servers_may_share_a_gtid_domain() -> None:
    readers = [reader(1, gtid_domain_id=9), reader(2, gtid_domain_id=9)]
    assert problems([writer(1), *readers]) == []


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(
        [writer(1, address=None, offset=30), writer(2, server_id=1, monitor_password="")]
    )
    assert len(found) == 5, found


def test_no_secret_is_told() -> None:
    found = problems([writer(1, application_password="xyzzy", offset=None), reader(1, port=-1)])
    assert found and "xyzzy" not in str(found)


@pytest.mark.parametrize(
    ("password", "flavour", "said"),
    [
        ("x" * 32, "mysql", ""),
        ("x" * 33, "mysql", "33 bytes, and channels of mysql keep 32 at most"),
        ("\u00fc" * 17, "mysql", "34 bytes"),
        ("x" * 33, "mariadb", ""),
        # Nobody has said what it is.
        ("x" * 96, None, ""),
        ("x" * 97, None, "97 bytes, and channels of any server keep 96 at most"),
        ("x" * 97, "mariadb", "channels of mariadb keep 96 at most"),
        ("a\nb", None, "has a line feed"),
    ],
)
def test_a_replication_password_that_no_channel_keeps(
    password: str, flavour: str | None, said: str
) -> None:
    members = [writer(1), reader(1, replication_password=password, flavour=flavour)]
    found = problems(members)
    assert len(found) == bool(said)
    assert all(said in one and "r1: dbrw_replication_password" in one for one in found)
    assert not any("xxx" in one for one in found)


def test_for_whom_a_replication_password_is_too_long() -> None:
    assert too_long_for([]) == too_long_for([writer(1), reader(1)]) == {}
    long = [writer(1), reader(1), reader(2, replication_password="x" * 33)]
    assert too_long_for(long) == {"mysql": 32}
    assert too_long_for([reader(1, replication_password="x" * 97)]) == {"mysql": 32, "mariadb": 96}
