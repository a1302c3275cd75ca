"""A third member is put into the inventory of a set that works: it joins, and takes over."""

from __future__ import annotations

import pytest
import yaml

from tests.integration.lines import Host, TestServer, Topology, running_topology, wait_until
from tests.support.replica_sets import F3, is_open

pytestmark = pytest.mark.lines("later")

SITE, SWITCH, REJOIN = "site.yml", "replica_set_switch.yml", "replica_set_rejoin.yml"
FABRIC = {"replica_set": "fabric"}
NAMES = ("f1", "f2", "f3")


def add_f3(topology: Topology) -> None:
    """Write it into the inventory."""
    file = topology.inventory / "hosts.yml"
    written = yaml.safe_load(file.read_text())
    written["all"]["children"]["fabric_servers"]["hosts"].update(F3["fabric_servers"])
    file.write_text(yaml.safe_dump(written))


def assert_all_follow(topology: Topology, name: str) -> None:
    """It alone takes writes, what is written there arrives everywhere, and nothing is to be done."""
    servers = [topology.server(one) for one in NAMES]
    assert [one.name for one in servers if is_open(one)] == [name]
    writer = topology.server(name)
    writer.rows("INSERT INTO customers.t (tag) VALUES (%s)", name)
    rows = tags(writer)
    for server in servers:
        wait_until(lambda at=server: tags(at) == rows, 20, f"{server.name} lacks rows of {name}")
    for _twice in range(2):
        again = topology.playbook(SITE)
        assert set(again.changed.values()) == {0}, again.output
    assert [one.name for one in servers if is_open(one)] == [name]


def tags(server: TestServer) -> list[dict[str, str]]:
    return server.rows("SELECT id, tag FROM customers.t ORDER BY id")


def test_a_third_member_joins_later_and_takes_over(host: Host) -> None:
    with running_topology(host, "added", "f1", "f2") as topology:
        topology.playbook(SITE)
        f1 = topology.server("f1")
        f1.rows("CREATE SCHEMA customers")
        f1.rows("CREATE TABLE customers.t (id INT AUTO_INCREMENT PRIMARY KEY, tag VARCHAR(9))")
        f1.rows("INSERT INTO customers.t (tag) VALUES ('before')")
        add_f3(topology)
        # It is made, and left alone: what the set has comes by a copy.
        made = topology.playbook(SITE)
        f3 = topology.server("f3")
        assert not is_open(f3) and made.changed["f3"] > 0
        assert f3.rows("SHOW DATABASES LIKE 'customers'") == []
        topology.playbook(REJOIN, **FABRIC, server="f3")
        assert_all_follow(topology, "f1")
        for name in ("f2", "f3"):
            topology.playbook(SWITCH, **FABRIC, to=name)
            assert_all_follow(topology, name)
