"""A replica set by its playbooks: born, switched, failed over, restarted, and never changed back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import Host, Played, TestServer, Topology, running_topology, wait_until
from tests.support.directory_watch import watched
from tests.support.replica_sets import F3, is_open, lifted, pair_of

pytestmark = pytest.mark.lines("one")

SWITCH, FAILOVER = "replica_set_switch.yml", "replica_set_failover.yml"
FABRIC = {"replica_set": "fabric"}


@pytest.fixture(scope="module")
def fabric(host: Host) -> Iterator[Topology]:
    with running_topology(host, "fabric", "f1", "f2") as topology:
        topology.playbook("site.yml")
        yield topology


def epoch(server: TestServer) -> tuple[int, str]:
    (row,) = server.rows("SELECT epoch, active FROM dbrw.epoch ORDER BY epoch DESC LIMIT 1")
    return row["epoch"], row["active"]


def assert_settled(fabric: Topology, *arguments: str) -> Played:
    """site.yml changes nothing, and what is written on the active writer arrives."""
    before = pair_of(fabric)[0].name
    again = fabric.playbook("site.yml", *arguments)
    assert set(again.changed.values()) == {0}, again.output
    active, other = pair_of(fabric)
    assert active.name == before
    active.rows("CREATE SCHEMA IF NOT EXISTS customers")
    active.rows("CREATE TABLE IF NOT EXISTS customers.t (id INT AUTO_INCREMENT PRIMARY KEY)")
    active.rows("INSERT INTO customers.t VALUES ()")
    rows = active.rows("SELECT id FROM customers.t ORDER BY id")
    wait_until(
        lambda: other.rows("SELECT id FROM customers.t ORDER BY id") == rows,
        20,
        f"{other.name} lacks rows of {active.name}",
    )
    return again


def test_a_set_is_born_once(fabric: Topology) -> None:
    assert [is_open(fabric.server(name)) for name in ("f1", "f2")] == [True, False]
    assert epoch(fabric.server("f1")) == (1, "f1")
    assert_settled(fabric)
    # Accounts were made on each by itself, but those that belong to the directory.
    for name in ("f1", "f2"):
        rows = fabric.server(name).rows("SELECT user FROM mysql.user ORDER BY user")
        made = {row.get("user") or row.get("User") for row in rows}
        wanted = {"agent", "application", "monitor", "operator", "directory", "supervision"}
        wanted |= {"replication_f1", "replication_f2"}
        assert wanted <= made


def test_the_directory_is_on_every_member(fabric: Topology) -> None:
    rows = [{"name": "f1", "state": "online"}, {"name": "f2", "state": "online"}]
    for name in ("f1", "f2"):
        server = fabric.server(name)
        wait_until(
            lambda at=server: at.rows("SELECT name, state FROM fabric.server") == rows,
            20,
            f"{name} lacks the directory",
        )
        assert server.value("SELECT active FROM fabric.replica_set") == "f1"


def version(server: TestServer) -> tuple[int, int]:
    (row,) = server.rows("SELECT epoch, counter FROM fabric.version")
    return row["epoch"], row["counter"]


def test_check_mode_of_a_switch_changes_nothing(fabric: Topology) -> None:
    before = epoch(fabric.server("f1"))
    predicted = fabric.playbook(SWITCH, "--check", **FABRIC)
    assert sum(predicted.changed.values()) == 1, predicted.output
    assert epoch(fabric.server("f1")) == before
    assert is_open(fabric.server("f1"))


@pytest.mark.parametrize(
    ("playbook", "variables", "arguments", "said"),
    [
        (SWITCH, {}, (), "No replica set is named; there is fabric."),
        (SWITCH, {"replica_set": "s9"}, (), "There is no replica set s9 in the inventory"),
        (SWITCH, {**FABRIC, "to": "f9"}, (), "to is f9, which is no member of fabric"),
        (SWITCH, {**FABRIC, "max_pause_seconds": 0}, (), "max_pause_seconds is 0"),
        (SWITCH, FABRIC, ("--limit", "f2"), "--limit leaves out f1"),
        (FAILOVER, FABRIC, ("--limit", "f2"), "--limit leaves out f1"),
        (FAILOVER, {**FABRIC, "confirm_fenced": "w1"}, (), "confirm_fenced is w1"),
    ],
)
def test_what_is_refused_touches_nothing(
    fabric: Topology,
    playbook: str,
    variables: dict[str, str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    before = epoch(fabric.server("f1"))
    refused = fabric.try_playbook(playbook, *arguments, **variables)
    assert refused.code != 0
    output = " ".join(refused.output.split())
    assert said in output and "Nothing has been touched." in output
    assert epoch(fabric.server("f1")) == before


def test_a_failover_is_refused_while_the_active_writer_answers(fabric: Topology) -> None:
    active, _other = pair_of(fabric)
    refused = fabric.try_playbook(FAILOVER, **FABRIC)
    assert refused.code != 0
    assert f"{active.name} is the active writer and answers" in " ".join(refused.output.split())
    assert "could not be reached" not in refused.output
    assert is_open(active)


def test_a_switch_there_and_back(fabric: Topology) -> None:
    first, second = pair_of(fabric)
    number, known = epoch(first)[0], version(first)
    with watched(fabric, "f1", "f2") as watch:
        switched = fabric.playbook(SWITCH, **FABRIC)
    # Clients of the directory see it as one change.
    now = (known[0] + 1, known[1])
    assert watch.seen == [(known, first.name), (now, second.name)]
    assert watch.delay(now, second.name) < 1
    assert f"{second.name} is the active writer, in epoch {number + 1}" in switched.output
    assert (is_open(first), is_open(second)) == (False, True)
    assert_settled(fabric)
    fabric.playbook(SWITCH, **FABRIC, to=first.name, max_pause_seconds=2)
    assert (is_open(first), is_open(second)) == (True, False)
    assert_settled(fabric)
    # It is there already.
    again = fabric.playbook(SWITCH, **FABRIC, to=first.name)
    assert set(again.changed.values()) == {0}, again.output


@pytest.mark.lines("later")
def test_of_two_members_that_take_writes_a_switch_closes_one(fabric: Topology) -> None:
    """Without a name, too: the one that no epoch names is closed first of all."""
    active, other = pair_of(fabric)
    other.rows("SET GLOBAL read_only = 0")
    ended = fabric.playbook(SWITCH, **FABRIC)
    assert f"{active.name} is the active writer, in epoch" in ended.output
    assert (is_open(active), is_open(other)) == (True, False)
    assert_settled(fabric)


@pytest.mark.lines("later")
def test_check_mode_knows_that_the_operator_gets_another_password(fabric: Topology) -> None:
    active, other = pair_of(fabric)
    predicted = fabric.playbook("site.yml", "--check", dbrw_operator_password="another one")
    assert predicted.changed == {active.name: 1, other.name: 0}, predicted.output
    given = {"dbrw_operator_password": "another one"}
    done = fabric.playbook("site.yml", **given)
    assert done.changed == {active.name: 1, other.name: 0}, done.output
    again = fabric.playbook("site.yml", **given)
    assert set(again.changed.values()) == {0}, again.output
    fabric.playbook("site.yml")


@pytest.mark.lines("later")
def test_accounts_are_changed_on_the_active_writer_and_arrive(fabric: Topology) -> None:
    active, other = pair_of(fabric)
    sets = {"fabric": {"schemas": ["customers", "orders"]}}
    changed = fabric.playbook("site.yml", dbrw_replica_sets=sets)
    assert changed.changed[active.name] == 1 and changed.changed[other.name] == 0, changed.output
    wait_until(
        lambda: any("orders" in str(row) for row in other.rows("SHOW GRANTS FOR application@'%'")),
        20,
        "the privilege has not arrived",
    )
    fabric.playbook("site.yml")
    assert_settled(fabric)


def test_the_active_writer_is_killed(fabric: Topology) -> None:
    lost, survivor = pair_of(fabric)
    number, known = epoch(survivor)[0], version(survivor)
    with watched(fabric, "f1", "f2") as watch:
        lost.kill()
        # Nothing is opened by the way.
        stopped = fabric.try_playbook("replica_sets.yml")
        assert stopped.code != 0 and not is_open(survivor)
        done = fabric.playbook(FAILOVER, **FABRIC)
    now = (known[0] + 1000, known[1])
    assert watch.seen == [(known, lost.name), (now, survivor.name)]
    assert watch.delay(now, survivor.name) < 1
    assert f"{survivor.name} is the active writer, in epoch {number + 1000}" in done.output
    # One of the two hosts has worked, and not both at once.
    assert done.output.count("is the active writer, in epoch") == 1, done.output
    assert is_open(survivor)
    fabric.playbook("servers.yml")
    wait_until(lost.answers, 30, f"{lost.name} was not started")
    assert not is_open(lost)
    fabric.playbook("site.yml")
    assert_settled(fabric)
    assert is_open(survivor)


@pytest.mark.lines("later")
def test_members_are_restarted_one_by_one_and_the_active_writer_is_left(fabric: Topology) -> None:
    active, other = pair_of(fabric)
    pids = active.pid, other.pid
    settings = {"mysqld_settings": {"innodb_buffer_pool_size": "64M"}}
    left = fabric.playbook("site.yml", **settings)
    assert f"{active.name} takes writes, and has to be restarted" in " ".join(left.output.split())
    assert active.pid == pids[0] and other.pid != pids[1]
    assert pair_of(fabric)[0].name == active.name
    moved = fabric.playbook("site.yml", replica_set_restart="switch", **settings)
    assert active.pid != pids[0], moved.output
    assert pair_of(fabric)[0].name == other.name
    # Restarted as it is, it takes writes again.
    fabric.playbook("site.yml", replica_set_restart="active")
    assert pair_of(fabric)[0].name == other.name
    assert_settled(fabric)


@pytest.mark.lines("later")
def test_a_set_with_rows_and_without_an_epoch_is_adopted_by_name(fabric: Topology) -> None:
    active, other = pair_of(fabric)
    for server in (other, active):
        with lifted(server):
            outside_binary_log(server, "DROP SCHEMA dbrw", "DROP USER monitor")
    pids = active.pid, other.pid
    refused = fabric.try_playbook("site.yml", mysqld_settings={"max_connections": 190})
    assert refused.code != 0
    assert "name that one with -e adopt=MEMBER" in " ".join(refused.output.split())
    # Not even the configuration, for which the closed one would be restarted.
    assert (active.pid, other.pid) == pids and set(refused.changed.values()) == {0}, refused.output
    wrong = fabric.try_playbook("site.yml", adopt=other.name)
    assert wrong.code != 0 and "it is closed (read_only)" in " ".join(wrong.output.split())
    unknown = fabric.try_playbook("site.yml", adopt="f9", replica_set_restart="yes")
    said = " ".join(unknown.output.split())
    assert "adopt is f9, which is no member" in said and "replica_set_restart is yes" in said
    # No account was made by any of them.
    assert active.rows("SELECT user FROM mysql.user WHERE user = 'monitor'") == []
    fabric.playbook("site.yml", adopt=active.name)
    assert epoch(active) == (1, active.name)
    assert_settled(fabric)


@pytest.mark.lines("later")
def test_a_failover_works_on_the_first_survivor_whose_host_answers(host: Host) -> None:
    """The one that would work, f2, answers other servers, and its host is out of Ansible's reach."""
    with running_topology(host, "three", "f1", "f2", more=F3) as topology:
        topology.playbook("site.yml")
        names = ("f1", "f2", "f3")
        topology.server("f1").kill()
        reached = host.connection.get("ansible_connection", "local")
        away = f"{{{{ 'ssh' if inventory_hostname == 'f2' else '{reached}' }}}}"
        done = topology.playbook(FAILOVER, **FABRIC, ansible_connection=away, ansible_port=1)
        assert "is the active writer, in epoch 1001" in done.output
        assert len([name for name in names[1:] if is_open(topology.server(name))]) == 1
