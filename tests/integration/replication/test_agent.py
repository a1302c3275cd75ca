"""After a restart the agents bring a set back into service, or leave it closed and say why."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.agent.turns import set_lock
from tests.integration.lines import Host, TestServer, wait_until
from tests.support.agents import AGENT, MONITOR, NAMES, Agents, running_agents
from tests.support.replica_sets import lifted

SOON, WITHIN = 15, 30

pytestmark = pytest.mark.lines("one")


@pytest.fixture(scope="module")
def running(host: Host) -> Iterator[Agents]:
    with running_agents(host) as agents:
        yield agents


@pytest.fixture
def agents(running: Agents) -> Agents:
    """A set in which f1 is open and f2 follows, with its agents at work."""
    running.born()
    running.start(*NAMES)
    running.waits("f1", "in service: it is open")
    running.waits("f2", "in service: it follows f1")
    return running


def rows(server: TestServer) -> list[int]:
    return [row["id"] for row in server.rows("SELECT id FROM shop.t ORDER BY id")]


def has(server: TestServer, number: int) -> bool:
    return number in rows(server)


def write(agents: Agents, name: str, number: int) -> None:
    """Write a row as an application would, and see it everywhere."""
    agents.server(name).rows("INSERT INTO shop.t VALUES (%s)", number)
    for server in map(agents.server, NAMES):
        wait_until(partial(has, server, number), 10, f"{server.name} has no {number}")


def semi_sync(server: TestServer) -> str:
    (found,) = server.rows(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
        "('rpl_semi_sync_master_enabled', 'rpl_semi_sync_source_enabled')"
    )
    return str(found["Value"])


def timeout(server: TestServer) -> int:
    (found,) = server.rows(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
        "('rpl_semi_sync_master_timeout', 'rpl_semi_sync_source_timeout')"
    )
    return int(found["Value"])


def shut_down(server: TestServer) -> None:
    server.rows("SHUTDOWN")
    wait_until(lambda: not server.answers(), 30, f"{server.name} answers")


@pytest.mark.lines("flavours")
@pytest.mark.parametrize("plainly", [False, True], ids=["killed", "plainly"])
def test_a_writer_is_open_again_after_a_restart(agents: Agents, plainly: bool) -> None:
    write(agents, "f1", 1)
    server = agents.server("f1")
    shut_down(server) if plainly else server.kill()
    agents.waits("f1", "its own server does not answer")
    agents.start_servers("f1")
    wait_until(lambda: agents.is_open("f1"), SOON, agents.log("f1"))
    agents.waits("f1", "in service: it is open")
    # A member was there in time that acknowledges.
    assert semi_sync(server) == "ON", agents.log("f1")
    assert not agents.is_open("f2")
    write(agents, "f1", 2)
    # As the module would have it.
    assert not agents.play("f1")["changed"]


def test_both_restarted_at_once_are_in_service_again(agents: Agents) -> None:
    write(agents, "f1", 1)
    for name in NAMES:
        agents.server(name).kill()
    agents.start_servers(*NAMES)
    wait_until(lambda: agents.is_open("f1"), WITHIN, agents.log("f1") + agents.log("f2"))
    agents.waits("f2", "in service: it follows f1")
    write(agents, "f1", 2)
    assert not agents.is_open("f2")
    assert semi_sync(agents.server("f1")) == "ON"
    assert not agents.play("f1")["changed"]


def test_a_strict_writer_is_opened_when_a_member_acknowledges(agents: Agents) -> None:
    agents.play("f1", durability="strict")
    for name in NAMES:
        agents.server(name).kill()
    agents.stop("f2")
    agents.start_servers(*NAMES)
    agents.waits("f1", "no member that follows it acknowledges yet")
    assert not agents.is_open("f1")
    agents.start("f2")
    wait_until(lambda: agents.is_open("f1"), WITHIN, agents.log("f1") + agents.log("f2"))
    assert semi_sync(agents.server("f1")) == "ON"
    assert timeout(agents.server("f1")) == 2**32 - 1
    write(agents, "f1", 1)


def test_a_member_that_restarts_follows_again(agents: Agents) -> None:
    agents.server("f2").kill()
    agents.server("f1").rows("INSERT INTO shop.t VALUES (1)")
    agents.start_servers("f2")
    agents.waits("f2", "in service: it follows f1")
    write(agents, "f1", 2)
    assert not agents.is_open("f2")


def test_without_the_other_member_a_writer_stays_closed(agents: Agents) -> None:
    for name in NAMES:
        agents.server(name).kill()
    agents.start_servers("f1")
    agents.waits("f1", "stay closed: f2 does not answer")
    assert not agents.is_open("f1")
    assert "f2 does not answer" in agents.log("f1")
    agents.start_servers("f2")
    wait_until(lambda: agents.is_open("f1"), SOON, agents.log("f1"))
    write(agents, "f1", 1)


def test_a_writer_stays_closed_beside_a_member_that_has_more(agents: Agents) -> None:
    agents.server("f1").kill()
    other = agents.server("f2")
    with lifted(other):
        other.rows("INSERT INTO shop.t VALUES (7)")
    agents.start_servers("f1")
    agents.waits("f1", "stay closed: f2 has transactions that it lacks")
    assert not agents.is_open("f1")
    # Nor does f2 follow after a restart: it has what f1 lacks.
    other.kill()
    agents.start_servers("f2")
    agents.waits("f2", "stay closed: it has transactions that f1 lacks")
    agents.waits("f1", "f2 does not follow it")
    assert not agents.is_open("f1")


def test_a_former_writer_that_returns_is_not_opened(agents: Agents) -> None:
    write(agents, "f1", 1)
    agents.server("f1").kill()
    assert agents.play("f2", failover=True)["active"] == "f2"
    agents.waits("f2", "in service: it is open")
    agents.start_servers("f1")
    # It has nothing of its own, and follows.
    agents.waits("f1", "in service: it follows f2")
    assert not agents.is_open("f1")
    write(agents, "f2", 2)
    # The new one is opened again after its restart, and the former one is not.
    agents.server("f2").kill()
    agents.start_servers("f2")
    wait_until(lambda: agents.is_open("f2"), SOON, agents.log("f2"))
    assert not agents.is_open("f1")
    write(agents, "f2", 3)


def test_a_former_writer_with_rows_of_its_own_stays_as_it_is(agents: Agents) -> None:
    agents.stop(*NAMES)
    channel = "'fabric'" if agents.server("f2").flavour == "mariadb" else "FOR CHANNEL 'fabric'"
    word = "SLAVE" if agents.server("f2").flavour == "mariadb" else "REPLICA"
    thread = f"STOP {word} {channel} IO_THREAD"
    if agents.server("f2").flavour == "mysql":
        thread = f"STOP {word} IO_THREAD {channel}"
    agents.server("f2").rows(thread)
    # Acknowledged after two seconds, by f1 alone.
    agents.server("f1").rows("INSERT INTO shop.t VALUES (5)")
    agents.server("f1").kill()
    assert agents.play("f2", failover=True, allow_loss=True)["active"] == "f2"
    agents.start(*NAMES)
    agents.server("f2").rows("INSERT INTO shop.t VALUES (6)")
    agents.start_servers("f1")
    agents.waits("f1", "stay closed: it has transactions that f2 lacks")
    assert rows(agents.server("f1")) == [5]
    assert rows(agents.server("f2")) == [6]
    assert not agents.is_open("f1")


def test_what_somebody_closes_or_stops_stays_so(agents: Agents) -> None:
    channel = "'fabric'" if agents.server("f2").flavour == "mariadb" else "FOR CHANNEL 'fabric'"
    word = "SLAVE" if agents.server("f2").flavour == "mariadb" else "REPLICA"
    agents.server("f2").rows(f"STOP {word} {channel}")
    agents.server("f1").rows("SET GLOBAL read_only = 1")
    for name in NAMES:
        agents.waits(name, "after it had been in service")
    # Not even an agent that has just been started takes it for a restart.
    agents.stop(*NAMES)
    agents.start(*NAMES)
    for name in NAMES:
        assert agents.command(name, "start") == "running"
        agents.waits(name, "after it had been in service")
    assert not agents.is_open("f1")
    agents.play("f1", active="f1")
    agents.waits("f1", "in service: it is open")


def test_while_somebody_works_on_the_set_nothing_is_done(agents: Agents) -> None:
    for name in NAMES:
        agents.server(name).kill()
    agents.start_servers("f2")
    with agents.server("f2").admin() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 5)", (set_lock("fabric"),))
        agents.start_servers("f1")
        agents.waits("f2", "stay closed: the set is being worked on: connection")
        assert not agents.is_open("f1")
    wait_until(lambda: agents.is_open("f1"), WITHIN, agents.log("f1") + agents.log("f2"))


def test_once_ends_when_the_server_is_in_service(agents: Agents) -> None:
    agents.stop(*NAMES)
    agents.server("f1").kill()
    agents.start_servers("f1")
    agents.command("f1", "once", "--wait", "20")
    agents.waits("f1", "in service: it is open")
    write(agents, "f1", 1)
    agents.server("f1").kill()
    with pytest.raises(AssertionError, match="failed"):
        agents.command("f1", "once")


@pytest.mark.lines("later")
def test_the_role_lets_it_run_beside_its_server(running: Agents) -> None:
    """The wiring: agents.yml starts an agent beside each member, and servers_stop.yml ends it."""
    running.born()
    topology = running.topology
    given = {
        "dbrw_agent_password": AGENT,
        "dbrw_monitor_password": MONITOR,
        "agent_python": running.python,
        "agent_program": "{{ local_server_dir }}/dbrw_agent",
        "agent_config_file": "{{ local_server_dir }}/agent.json",
    }
    # In check mode there is nothing to start yet.
    assert sum(topology.playbook("agents.yml", "--check", **given).changed.values()) == 4
    # The program, its configuration, and the process.
    assert topology.playbook("agents.yml", **given).changed == {"f1": 3, "f2": 3}
    # One that has ended is started again, and check mode knows it.
    running.stop("f2")
    for arguments in (["--check"], []):
        again = topology.playbook("agents.yml", *arguments, **given)
        assert again.changed == {"f1": 0, "f2": 1}, again.output
    running.waits("f2", "in service: it follows f1")
    for name in NAMES:
        running.server(name).kill()
    running.start_servers(*NAMES)
    wait_until(lambda: running.is_open("f1"), WITHIN, running.log("f1"))
    # Another configuration is another agent.
    changed = topology.playbook("agents.yml", **given, agent_connect_timeout=3).changed
    assert changed == {"f1": 2, "f2": 2}
    stopped = topology.playbook("servers_stop.yml", **given).changed
    # The agent, and the server.
    assert stopped == {"f1": 2, "f2": 2}


@pytest.mark.lines("flavours")
def test_a_writer_that_hung_while_another_took_over_is_closed(agents: Agents) -> None:
    server = agents.server("f1")
    number = server.pid
    agents.host.run("sh", "-c", f"kill -STOP {number}")
    try:
        agents.play("f2", failover=True)
        assert agents.is_open("f2")
    finally:
        agents.host.run("sh", "-c", f"kill -CONT {number}")
    wait_until(lambda: not agents.is_open("f1"), SOON, agents.log("f1"))
    assert agents.is_open("f2")
