"""The directory is compared with the inventory and the servers, and resolved where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.lines import (
    ROOT,
    Host,
    Played,
    TestServer,
    Topology,
    running_topology,
    wait_until,
)
from tests.support.replica_sets import F3, pair_of

pytestmark = pytest.mark.lines("one")

RECONCILE = "fabric_reconcile.yml"
SERVERS, INVENTORY = {"direction": "servers"}, {"direction": "inventory"}
# A second set, of one member.
S1 = {
    "fabric_servers": {
        "f3": {**F3["fabric_servers"]["f3"], "dbrw_replica_set": "s1"},
    }
}


@pytest.fixture(scope="module")
def site(host: Host) -> Iterator[Topology]:
    with running_topology(host, "reconcile", "w1", "r1", "f1", "f2", more=S1) as topology:
        topology.playbook("site.yml")
        yield topology


def directory(site: Topology) -> TestServer:
    """Return the member that holds it and takes writes."""
    return pair_of(site)[0]


def version(site: Topology) -> tuple[int, int]:
    (row,) = directory(site).rows("SELECT epoch, counter FROM fabric.version")
    return row["epoch"], row["counter"]


def rows(site: Topology) -> dict[str, dict[str, Any]]:
    found = directory(site).rows("SELECT * FROM fabric.servers")
    return {row["name"]: row for row in found}


def said(played: Played) -> str:
    return " ".join(played.output.split())


def found(played: Played) -> str:
    """Return what a run has said that ended because something differs."""
    assert played.code == 2, played.output
    return said(played)


def test_a_copy_that_is_missing_is_taken_from_the_servers(site: Topology) -> None:
    # site.yml has written it down.
    active = "SELECT active FROM fabric.replica_set WHERE name = 's1'"
    assert directory(site).value(active) == "f3"
    directory(site).rows("UPDATE fabric.replica_sets SET active = NULL WHERE name = 's1'")
    before = version(site)
    only_told = site.try_playbook(RECONCILE)
    text = found(only_told)
    assert (
        "critical: directory.active_differs: s1: the directory has nobody as its active writer, and f3 "
        "takes writes; run it with -e direction=servers." in text
    )
    assert "Left: 1 difference(s)" in text
    assert set(only_told.changed.values()) == {0} and version(site) == before
    # The other direction has nothing to say of it.
    found(site.try_playbook(RECONCILE, **INVENTORY))
    shown = site.playbook(RECONCILE, "--check", **SERVERS)
    assert shown.changed["f1"] == 1 and version(site) == before
    site.playbook(RECONCILE, **SERVERS)
    assert version(site) == (before[0], before[1] + 1)
    assert directory(site).value(active) == "f3"
    again = site.playbook(RECONCILE, **SERVERS)
    assert set(again.changed.values()) == {0}
    assert "It is what the inventory and all servers say." in said(again)


@pytest.mark.lines("later")
def test_what_the_inventory_owns_is_put_right_and_nothing_else(site: Topology) -> None:
    clean, active = rows(site), directory(site)
    for sql in (
        "UPDATE fabric.servers SET id_offset = 7, state = 'draining' WHERE name = 'w1'",
        "UPDATE fabric.servers SET kind = 'write', id_increment = 20, id_offset = 9, "
        "host = '10.9.9.9', weight = 5 WHERE name = 'r1'",
        "DELETE FROM fabric.servers WHERE name = 'f2'",
        "INSERT INTO fabric.servers (topology, name, kind, datacenter, host, port, state) "
        "VALUES ('main', 'r9', 'read', 'dc1', '10.9.9.8', 3306, 'online')",
        "UPDATE fabric.replica_sets SET durability = 'strict' WHERE name = 's1'",
        "INSERT INTO fabric.usage_tables (topology, name) VALUES ('main', 'u.x')",
    ):
        active.rows(sql)
    planted = rows(site)
    before = version(site)
    text = found(site.try_playbook(RECONCILE))
    for one in (
        "critical: directory.ids_differ: w1: the directory has its ids as offset 7 of 20, the "
        "inventory as offset 1 of 20, and it gives itself offset 1 of 20; run it with",
        "critical: directory.kind_differs: r1: the directory has it as a write server, the inventory "
        "as a read server, and by its own account it is a read server; run it with",
        "critical: directory.server_missing: f2: the inventory has it (a member of fabric,",
        "warning: directory.server_differs: r1: the directory has host 10.9.9.9, weight 5.0, and",
        "warning: directory.server_unknown: r9: the directory has it (a read server, online), and the",
        "warning: directory.set_differs: s1: the directory has durability strict, and the inventory",
        "warning: directory.usage_table_differs: u.x: the directory has this usage table, and the",
        "Left: 7 difference(s)",
    ):
        assert one in text, text
    found(site.try_playbook(RECONCILE, **SERVERS))
    shown = site.try_playbook(RECONCILE, "--check", **INVENTORY)
    assert "Left: 1 difference(s)" in found(shown) and shown.changed["f1"] > 0
    assert rows(site) == planted and version(site) == before
    text = found(site.try_playbook(RECONCILE, **INVENTORY))
    assert "Left: 1 difference(s)" in text
    now = rows(site)
    assert now["w1"]["id_offset"] == 1 and now["w1"]["state"] == "draining"
    assert now["f2"]["state"] == "joining" and now["r9"] == planted["r9"]
    own = ("kind", "host", "port", "weight", "id_increment", "id_offset", "replica_set")
    for name, row in clean.items():
        assert {key: now[name][key] for key in own} == {key: row[key] for key in own}
    assert active.value("SELECT source FROM fabric.changes ORDER BY id DESC LIMIT 1") == (
        "mysql_fabric_directory"
    )
    active.rows("UPDATE fabric.servers SET state = 'retired' WHERE name = 'r9'")
    active.rows("UPDATE fabric.servers SET state = 'online' WHERE name = 'w1'")
    site.playbook(RECONCILE)


@pytest.mark.lines("later")
def test_what_a_server_has_otherwise_is_not_taken_over(site: Topology) -> None:
    writer = site.server("w1")
    before = version(site)
    writer.rows("SET GLOBAL auto_increment_offset = 5")
    try:
        for direction in ({}, SERVERS, INVENTORY):
            text = found(site.try_playbook(RECONCILE, **direction))
            assert (
                "critical: directory.server_with_other_ids: w1: the inventory has its ids as offset 1 of "
                "20, and it gives itself offset 5 of 20" in text
            )
    finally:
        writer.rows("SET GLOBAL auto_increment_offset = 1")
    assert version(site) == before


def test_what_cannot_be_done_is_refused_first(site: Topology) -> None:
    refused = site.try_playbook(RECONCILE, "--limit", "w1,f1", direction="both")
    text = found(refused)
    assert "Nothing has been touched." in text and "direction is both" in text
    assert "--limit leaves out r1, f2, f3" in text and "Ask for the" not in text


def test_a_defect_is_no_server_that_is_down(site: Topology) -> None:
    """What is no server's error ends the run where it happens, and is not taken for a difference."""
    login = {"login_user": "root", "no_such_option": 1}
    text = found(site.try_playbook(RECONCILE, dbrw_login=login))
    assert "Unsupported parameters" in text
    assert "Ensure that it is known which member" not in text and "server_silent" not in text


@pytest.mark.lines("later")
def test_a_lost_directory_is_made_anew(site: Topology) -> None:
    clean, active = rows(site), directory(site)
    active.rows("DROP SCHEMA fabric")
    for arguments, direction in (((), {}), ((), SERVERS)):
        text = found(site.try_playbook(RECONCILE, *arguments, **direction))
        assert "critical: directory.missing: There is no directory" in text
        assert not active.rows("SHOW SCHEMAS LIKE 'fabric'")
    shown = site.playbook(RECONCILE, "--check", **INVENTORY)
    assert shown.changed["f1"] == 1 and not active.rows("SHOW SCHEMAS LIKE 'fabric'")
    made = said(site.playbook(RECONCILE, **INVENTORY))
    assert "The directory is made anew. Applications are given no server that is joining" in made
    now = rows(site)
    # What was retired was only there.
    assert set(now) == set(clean) - {"r9"}
    assert {row["state"] for row in now.values()} == {"joining"}
    own = ("kind", "host", "port", "weight", "id_increment", "id_offset", "replica_set")
    for name, row in now.items():
        assert {key: clean[name][key] for key in own} == {key: row[key] for key in own}
    assert active.value("SELECT active FROM fabric.replica_set WHERE name = 's1'") == "f3"
    other = pair_of(site)[1]
    wait_until(lambda: other.rows("SHOW SCHEMAS LIKE 'fabric'"), 20, "it does not reach f2")
    site.playbook("site.yml")
    assert active.value("SELECT fabric.write_server('dc1')") == "w1"
    site.playbook(RECONCILE)


@pytest.mark.lines("later")
def test_a_server_that_is_down_is_named(site: Topology) -> None:
    site.server("r1").kill()
    text = found(site.try_playbook(RECONCILE, **INVENTORY))
    assert "warning: directory.server_silent: r1: It does not say what it is (" in text
    assert "Left: 1 difference(s)" in text
    site.playbook("servers.yml", "--limit", "r1")
    site.playbook(RECONCILE)


def test_a_read_server_that_only_the_directory_has_is_asked_before_a_purge(site: Topology) -> None:
    (table,) = yaml.safe_load((ROOT / "inventories/local/group_vars/all.yml").read_text())[
        "dbrw_usage_tables"
    ]
    rule = {"dbrw_usage_tables": [{**table, "days_kept": 7}]}
    site.server("w1").rows(
        "INSERT INTO usage_data.flights (request_id, scheduled_at, carrier, flight, origin, dest, distance) "
        "VALUES (1, '2013-12-01', 'UA', 1, 'EWR', 'IAH', 9)"
    )
    active = directory(site)
    active.rows(
        "REPLACE INTO fabric.servers (topology, name, kind, datacenter, host, port, state) "
        "VALUES ('main', 'r8', 'read', 'dc1', '127.0.0.1', 1, 'online')"
    )
    text = found(site.try_playbook("retention_purge.yml", **rule))
    assert "r8: it cannot be told what it has of w1" in text, text
    assert site.server("w1").value("SELECT COUNT(*) FROM usage_data.flights") == 1
    active.rows("UPDATE fabric.servers SET state = 'retired' WHERE name = 'r8'")
    site.playbook("retention_purge.yml", **rule)
    assert site.server("w1").value("SELECT COUNT(*) FROM usage_data.flights") == 0
