"""Common data by the playbooks: read servers follow the active writer, whoever that is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import logged_beside_heartbeats, outside_binary_log
from tests.integration.lines import Host, TestServer, Topology, running_topology, wait_until
from tests.integration.modules import run_module
from tests.support.replica_sets import is_open, pair_of
from tests.support.replication import control

pytestmark = pytest.mark.lines("one")

SITE, COMMON = "site.yml", "common_data.yml"
SWITCH, FAILOVER = "replica_set_switch.yml", "replica_set_failover.yml"
SCHEMAS: dict[str, Any] = {"dbrw_common_schemas": ["customers"]}
BROUGHT = {"dbrw_common_data": True}
FABRIC = {"replica_set": "fabric", **SCHEMAS}
ROWS = "SELECT id, tag FROM customers.t ORDER BY id"
_tags = itertools.count(1)


@pytest.fixture(scope="module")
def site(host: Host) -> Iterator[Topology]:
    with running_topology(host, "common", "w1", "r1", "f1", "f2") as topology:
        topology.playbook(SITE, **SCHEMAS)
        yield topology


def channel(site: Topology) -> dict[str, Any]:
    told = run_module("mysql_replication_channel_info", site.server("r1"))
    (found,) = [one for one in told["channels"] if one["channel"] == "common"]
    return dict(found)


def write(server: TestServer, rows: int = 1) -> None:
    for _row in range(rows):
        server.rows("INSERT INTO customers.t (tag) VALUES (%s)", next(_tags))


def assert_equal(site: Topology) -> None:
    """The read server gets what the active writer has, each row once, and from it."""
    active, reader = pair_of(site)[0], site.server("r1")
    rows = active.rows(ROWS)
    wait_until(lambda: reader.rows(ROWS) == rows, 20, "r1 has other rows than the active writer")
    found = channel(site)
    assert found["running"] and found["settings"]["source_host"] == active.address


def test_a_read_server_follows_the_active_writer(site: Topology) -> None:
    active, reader = pair_of(site)[0], site.server("r1")
    connection = active.admin()
    with connection.cursor() as cursor:
        for statement in (
            "CREATE SCHEMA customers",
            "CREATE SCHEMA elsewhere",
            "CREATE TABLE elsewhere.t (id INT PRIMARY KEY)",
            "USE customers",
            "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, tag INT UNIQUE)",
        ):
            cursor.execute(statement)
    connection.close()
    write(active, 3)
    wait_until(lambda: channel(site)["gtid_applied"], 20, "nothing is applied")
    assert_equal(site)
    schemas = {next(iter(row.values())) for row in reader.rows("SHOW SCHEMAS")}
    assert "customers" in schemas and "elsewhere" not in schemas
    # Of the collection's own schema it has what belongs to it alone, and nothing of the set's.
    own = {next(iter(row.values())) for row in reader.rows("SHOW TABLES FROM dbrw")}
    assert own == {"heartbeat"}
    # Whoever may write elsewhere may read here.
    application = (site.folder / "secrets/application").read_text().strip()
    with reader.login("application", application).cursor() as cursor:
        assert cursor.execute("SELECT * FROM customers.t") == 3


def test_filters_outlive_a_restart(site: Topology) -> None:
    reader = site.server("r1")
    reader.kill()
    write(pair_of(site)[0])
    site.playbook("servers.yml", "--limit", "r1", **SCHEMAS)
    assert channel(site)["filters"]["do_databases"] == ["customers"]
    assert_equal(site)


@pytest.mark.lines("later")
def test_a_write_server_is_brought_to_what_the_active_writer_has(site: Topology) -> None:
    active, writer = pair_of(site)[0], site.server("w1")
    site.playbook(SITE, **SCHEMAS, **BROUGHT)
    before = logged_beside_heartbeats(writer)
    rows = active.rows(ROWS)
    assert rows and writer.rows(ROWS) == rows
    again = site.playbook(COMMON, **SCHEMAS, **BROUGHT)
    assert set(again.changed.values()) == {0}, again.output
    outside_binary_log(writer, "DELETE FROM customers.t ORDER BY id LIMIT 2")
    shown = site.playbook(COMMON, "--check", "--diff", **SCHEMAS, **BROUGHT)
    assert shown.changed["w1"] == 1 and "inserted: 2" in shown.output, shown.output
    assert len(writer.rows(ROWS)) == len(rows) - 2
    site.playbook(COMMON, "--limit", "w1,fabric_servers", **SCHEMAS, **BROUGHT)
    assert writer.rows(ROWS) == rows and logged_beside_heartbeats(writer) == before
    # Applications may read it there.
    application = (site.folder / "secrets/application").read_text().strip()
    with writer.login("application", application).cursor() as cursor:
        assert cursor.execute("SELECT * FROM customers.t") == len(rows)
    # Without the members nobody knows from where, and nothing is done.
    left = site.playbook(COMMON, "--limit", "w1", **SCHEMAS, **BROUGHT)
    assert "no common data is brought to write servers" in " ".join(left.output.split())
    outside_binary_log(writer, "ALTER TABLE customers.t ADD COLUMN own INT")
    refused = site.try_playbook(COMMON, **SCHEMAS, **BROUGHT)
    said = " ".join(refused.output.split())
    assert refused.code != 0 and "table customers.t is made otherwise than on" in said, said
    outside_binary_log(writer, "DROP SCHEMA customers")


def test_a_change_of_a_table_that_did_not_come_stops_the_channel(site: Topology) -> None:
    active, reader = pair_of(site)[0], site.server("r1")
    # With no default database: the filters leave it out, and rows would lose the column in silence.
    active.rows("ALTER TABLE customers.t ADD COLUMN note INT")
    found = site.try_playbook(COMMON, **SCHEMAS)
    said = " ".join(found.output.split())
    assert found.code != 0
    assert f"table customers.t is made otherwise than on {active.name}" in said
    assert not channel(site)["sql_running"]
    # It stays so until somebody has made them alike.
    write(active)
    assert site.try_playbook(COMMON, **SCHEMAS).code != 0
    assert not channel(site)["sql_running"]
    outside_binary_log(reader, "ALTER TABLE customers.t ADD COLUMN note INT")
    site.playbook(COMMON, **SCHEMAS)
    assert_equal(site)


def test_it_follows_a_switch_there_and_back(site: Topology) -> None:
    for _row in range(2):
        before, after = pair_of(site)
        write(before, 2)
        site.playbook(SWITCH, **FABRIC)
        assert pair_of(site)[0] is after
        write(after, 2)
        assert_equal(site)


@pytest.mark.lines("later")
def test_it_follows_a_failover(site: Topology) -> None:
    lost, survivor = pair_of(site)
    write(lost, 3)
    lost.kill()
    # One that has not tried to reach it may still be served by it.
    control(site.server("r1"), "STOP", "common", "IO_THREAD")
    refused = site.try_playbook(FAILOVER, **FABRIC)
    said = " ".join(refused.output.split())
    assert refused.code != 0 and not is_open(survivor)
    assert f"r1 could not be asked whether it still reaches {lost.name}" in said
    control(site.server("r1"), "START", "common", "IO_THREAD")
    site.playbook(FAILOVER, **FABRIC)
    assert is_open(survivor)
    write(survivor, 2)
    rows = survivor.rows(ROWS)
    wait_until(lambda: site.server("r1").rows(ROWS) == rows, 20, "r1 lacks rows")
    assert channel(site)["settings"]["source_host"] == survivor.address
    # The lost one returns; nothing is changed back, and the next run changes nothing.
    site.playbook(SITE, **SCHEMAS)
    assert pair_of(site)[0] is survivor
    assert_equal(site)
    again = site.playbook(SITE, **SCHEMAS)
    assert set(again.changed.values()) == {0}, again.output


def test_what_a_failover_has_lost_is_found_on_the_read_server(site: Topology) -> None:
    lost, survivor = pair_of(site)
    control(survivor, "STOP", "fabric", "IO_THREAD")
    # The read server alone gets it.
    write(lost)
    rows = lost.rows(ROWS)
    wait_until(lambda: site.server("r1").rows(ROWS) == rows, 20, "r1 lacks rows")
    lost.kill()
    failed = site.try_playbook(FAILOVER, **FABRIC, allow_loss=True)
    assert failed.code != 0 and is_open(survivor), failed.output
    said = " ".join(failed.output.split())
    assert f"transactions of the set that its active writer {survivor.name} has not" in said
    found = channel(site)
    assert not (found["io_running"] or found["sql_running"])
    # It is found again, and nothing is skipped.
    assert site.try_playbook(COMMON, **SCHEMAS).code != 0
    assert site.server("r1").rows(ROWS) == rows
