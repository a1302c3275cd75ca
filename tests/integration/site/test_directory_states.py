"""A directory with two shards: what applications are told, who takes writes, and tenants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from examples import dbrw
from tests.integration.lines import Host, Topology, running_topology
from tests.support.replica_sets import is_open

pytestmark = pytest.mark.lines("one")

# Shards besides the directory's own set, a pair and one alone.
S1: dict[str, dict[str, dict[str, Any]]] = {
    "shard_servers": {
        name: {
            "dbrw_datacenter": f"dc{number}",
            "dbrw_server_id": 202 + number,
            "dbrw_set_offset": 2 + number,
            "dbrw_address": f"127.{number}.{{{{ local_net }}}}.202",
            "dbrw_replica_set": "s1",
            "dbrw_replica_sets": {"s1": {"shard_number": 1}},
        }
        for number, name in enumerate(("f3", "f4"), 1)
    }
    | {
        "f5": {
            "dbrw_datacenter": "dc1",
            "dbrw_server_id": 205,
            "dbrw_set_offset": 1,
            "dbrw_address": "127.1.{{ local_net }}.203",
            "dbrw_replica_set": "s2",
            "dbrw_replica_sets": {"s2": {"shard_number": 2, "weight": 0}},
        }
    }
}
OF_S1 = {"replica_set": "s1"}
STATE = "server_state.yml"


@pytest.fixture(scope="module")
def site(host: Host) -> Iterator[Topology]:
    with running_topology(host, "states", "w1", "r1", "f1", more=S1) as topology:
        topology.playbook("site.yml")
        yield topology


def told(site: Topology) -> dbrw.Topology:
    return dbrw.Topology.from_file(Path(site.folder / "application.json"))


def weights(site: Topology) -> dict[str, float]:
    return {server.name: server.weight for server in told(site).servers}


def states(site: Topology) -> dict[str, str]:
    rows = site.server("f1").rows("SELECT name, state FROM fabric.server WHERE kind <> 'member'")
    return {row["name"]: row["state"] for row in rows}


def version(site: Topology) -> tuple[int, int]:
    (row,) = site.server("f1").rows("SELECT epoch, counter FROM fabric.version")
    return row["epoch"], row["counter"]


def active(site: Topology) -> str:
    return str(site.server("f1").value("SELECT active FROM fabric.replica_set WHERE name = 's1'"))


def test_a_server_that_joins_is_announced_in_both(site: Topology) -> None:
    assert states(site) == {"w1": "online", "r1": "online"}
    assert weights(site) == {"w1": 1, "r1": 1}
    assert active(site) == "f3"


def test_the_file_has_the_states_of_the_directory(site: Topology) -> None:
    directory = site.server("f1")
    directory.rows("UPDATE fabric.servers SET state = 'draining' WHERE name = 'w1'")
    directory.rows("UPDATE fabric.servers SET state = 'joining' WHERE name = 'r1'")
    # It does not ask the directory by itself.
    left = site.playbook("application_file.yml", states_alone=True)
    assert "has been left as it is" in left.output and weights(site) == {"w1": 1, "r1": 1}
    shown = site.playbook("site.yml", "--check")
    assert weights(site) == {"w1": 1, "r1": 1} and shown.changed["w1"] == 1, shown.output
    done = site.playbook("site.yml")
    assert states(site) == {"w1": "draining", "r1": "online"}
    assert weights(site) == {"w1": 0, "r1": 1}
    assert done.changed == {"w1": 1, "r1": 0, "f1": 1, "f3": 0, "f4": 0, "f5": 0}, done.output
    # Nothing new goes there, and it is known whose the ids are.
    assert told(site).order(dbrw.WRITE, "dc1") == []
    assert told(site).server_of(21).name == "w1"
    directory.rows("UPDATE fabric.servers SET state = 'online' WHERE name = 'w1'")
    back = site.playbook("site.yml")
    assert weights(site) == {"w1": 1, "r1": 1}
    assert back.changed == {"w1": 1, "r1": 0, "f1": 0, "f3": 0, "f4": 0, "f5": 0}, back.output


def test_a_server_is_taken_out_and_given_back(site: Topology) -> None:
    """The last one is not; and applications that are still there are named."""
    refused = site.try_playbook(STATE, server="w1", state="maintenance", reason="new disks")
    assert refused.code == 2 and "w1 is the last write server" in " ".join(refused.output.split())
    for wrong, said in (
        ({"server": "w7", "state": "online"}, "server is w7; name one of w1"),
        ({"server": "w1", "state": "off"}, "state is off; it must be one of online, draining"),
        ({}, "server is not given"),
    ):
        refused = site.try_playbook(STATE, **wrong)
        assert refused.code == 2 and said in " ".join(refused.output.split()), refused.output
    limited = site.try_playbook(STATE, "--limit", "w1", server="w1", state="draining")
    assert limited.code == 2 and "--limit leaves out" in " ".join(limited.output.split())
    directory = site.server("f1")
    # Another one, which is no server of this topology, so that w1 is not the last.
    directory.rows(
        "INSERT INTO fabric.servers (topology, name, kind, datacenter, host, port, id_increment, "
        "id_offset, state) VALUES ('main', 'w9', 'write', 'dc1', '127.0.0.9', 3306, 20, 9, 'online')"
    )
    try:
        application = told(site)
        out = site.playbook(STATE, server="w1", state="draining", reason="new disks")
        assert states(site)["w1"] == "draining" and weights(site)["w1"] == 0, out.output
        again = site.playbook(STATE, server="w1", state="draining", reason="new disks")
        assert set(again.changed.values()) == {0}, again.output
        (server,) = [one for one in application.servers if one.name == "w1"]
        with pymysql.connect(
            host=server.host,
            port=server.port,
            user=application.user,
            password=application.password,
            **application.tls,
        ):
            busy = site.try_playbook(STATE, server="w1", state="maintenance", wait_seconds=2)
            assert busy.code == 2 and "applications are still logged in" in " ".join(
                busy.output.split()
            )
        site.playbook(STATE, server="w1", state="maintenance")
        writer = site.server("w1")
        writer.rows("SET GLOBAL read_only = 1")
        kept = site.try_playbook(STATE, server="w1", state="online")
        assert kept.code == 2 and "server.closed" in " ".join(kept.output.split()), kept.output
        assert states(site)["w1"] == "maintenance"
        writer.rows("SET GLOBAL read_only = 0")
        site.playbook(STATE, server="w1", state="online")
        assert states(site)["w1"] == "online" and weights(site)["w1"] == 1
    finally:
        directory.rows("DELETE FROM fabric.servers WHERE name = 'w9'")


TENANTS = {
    "dbrw_tenants": [
        {
            "name": f"Customer {number}",
            "schema": f"customer_{number}",
            "accounts": [{"name": f"customer_{number}", "password": "hushed"}],
        }
        for number in (1, 2)
    ]
}


def epoch_of_tenant(site: Topology, member: str) -> Any:
    with site.server(member).login("customer_1", "hushed") as session, session.cursor() as cursor:
        cursor.execute("SELECT dbrw_tenants.tenant_epoch('Customer 1') AS epoch")
        return cursor.fetchone()


def test_a_tenant_gets_to_a_shard_and_is_kept_out(site: Topology) -> None:
    for wrong, said in (
        ({"tenant": "Customer 3"}, "tenant is Customer 3; name one of dbrw_tenants: Customer 1"),
        ({"locked": True}, "locked: this is for one tenant; name it with -e tenant=NAME"),
        ({"state": "gone", "tenant": "Customer 1"}, "state is gone; it must be present or absent"),
    ):
        refused = site.try_playbook("tenants.yml", **TENANTS, **wrong)
        assert refused.code == 2 and said in " ".join(refused.output.split()), refused.output
    made = site.playbook("tenants.yml", **TENANTS)
    assert made.changed["f1"] == 1 and "hushed" not in made.output
    assert site.server("f1").rows("SELECT tenant_id, machine FROM fabric.tenant ORDER BY id") == [
        {"tenant_id": f"Customer {number}", "machine": site.server("f3").address}
        for number in (1, 2)
    ]
    again = site.playbook("tenants.yml", **TENANTS)
    assert set(again.changed.values()) == {0}, again.output
    assert epoch_of_tenant(site, "f3")
    site.playbook("tenants.yml", **TENANTS, tenant="Customer 1", locked=True, reason="bill")
    with pytest.raises(pymysql.MySQLError):
        epoch_of_tenant(site, "f3")


def test_a_tenant_moves_to_another_shard(site: Topology) -> None:
    move = {"tenant": "Customer 2", "to": "s2"}
    for wrong, said in (
        ({"to": "s2"}, "tenant is not given"),
        ({**move, "to": "s9"}, "to is s9; name one of s1, s2"),
        ({**move, "verb": "go"}, "verb is go; it must be one of start, complete, cancel"),
    ):
        refused = site.try_playbook("tenant_move.yml", **wrong)
        assert refused.code == 2 and said in " ".join(refused.output.split()), refused.output
    moved = site.playbook("tenant_move.yml", **move)
    assert "Customer 2 is on s2, epoch 2" in " ".join(moved.output.split())
    (row,) = site.server("f1").rows(
        "SELECT machine FROM fabric.tenant WHERE tenant_id = 'Customer 2'"
    )
    assert row["machine"] == site.server("f5").address
    again = site.playbook("tenant_move.yml", **move)
    assert set(again.changed.values()) == {0}, again.output
    site.playbook("tenant_move.yml", tenant="Customer 2", verb="complete", keep_days=0)
    assert not site.server("f3").rows("SHOW DATABASES LIKE 'customer_2'")


def test_a_switch_of_another_set_is_written_down_as_one_version(site: Topology) -> None:
    epoch, counter = version(site)
    shown = site.playbook("replica_set_switch.yml", "--check", **OF_S1)
    assert active(site) == "f3" and version(site) == (epoch, counter), shown.output
    site.playbook("replica_set_switch.yml", **OF_S1)
    assert is_open(site.server("f4")) and active(site) == "f4"
    assert version(site) == (epoch, counter + 1)
    # Who was kept out is kept out there.
    with pytest.raises(pymysql.MySQLError) as kept_out:
        epoch_of_tenant(site, "f4")
    assert kept_out.value.args[0] in (3118, 4151)


@pytest.mark.lines("later")
def test_a_failover_of_another_set_is_written_down_as_one_version(site: Topology) -> None:
    epoch, counter = version(site)
    site.server("f4").kill()
    site.playbook("replica_set_failover.yml", **OF_S1)
    assert is_open(site.server("f3")) and active(site) == "f3"
    assert version(site) == (epoch, counter + 1)
    # By hand it is put back, and a run of site.yml resolves it towards the servers.
    site.playbook("servers.yml", "--limit", "f4")
    site.server("f1").rows("UPDATE fabric.replica_sets SET active = 'f4' WHERE name = 's1'")
    site.playbook("site.yml")
    assert active(site) == "f3"


def test_a_switch_is_done_where_the_directory_is_away(site: Topology) -> None:
    """Last of all: the directory stays away."""
    other = {"f3": "f4", "f4": "f3"}[active(site)]
    site.server("f1").kill()
    done = site.playbook("replica_set_switch.yml", **OF_S1)
    assert "The directory could not be told who takes writes" in " ".join(done.output.split())
    assert is_open(site.server(other))
