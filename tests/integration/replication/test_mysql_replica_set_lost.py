"""Servers are lost under load: the candidate in the middle of a switch, and the only replica."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from pymysql.connections import Connection
from pymysql.constants.COMMAND import COM_QUERY

from tests.integration.lines import Host, TestServer, Topology, wait_until
from tests.integration.modules import try_module
from tests.support.replica_sets import (
    MODULE,
    Clients,
    ReplicaSet,
    is_open,
    make_table,
    set_servers,
    start,
)

pytestmark = pytest.mark.lines("later")


@pytest.fixture(scope="module")
def topology(host: Host) -> Iterator[Topology]:
    with set_servers(host) as made:
        yield made


def born(topology: Topology, durability: str = "available") -> ReplicaSet:
    """Return f1 and f2 as a new set whose active writer is f1."""
    members = ReplicaSet(topology, durability=durability)
    members.reset()
    members.settle()
    make_table(members["f1"])
    return members


def same(members: ReplicaSet) -> None:
    wait_until(
        lambda: len({one.value("SELECT COUNT(*) FROM shop.t") for one in members.servers}) == 1,
        20,
        "members differ",
    )


# What the switch says to the candidate after the fence, in this order.
STOPPED, WRITTEN, OPENED = (
    ("STOP ",),
    ("INSERT INTO `DBRW`.`EPOCH`",),
    ("SET GLOBAL READ_ONLY = 0",),
)


def kill_a_server_at(words: tuple[str, ...], kill: list[str]) -> None:
    """Let a server be killed just before a statement is sent to it over its socket."""
    send: Any = Connection._execute_command
    killed: list[bool] = []

    def watched(connection: Any, command: int, sql: Any) -> None:
        text = sql.decode(errors="replace") if isinstance(sql, bytes) else str(sql)
        at = command == COM_QUERY and text.lstrip().upper().startswith(words)
        if at and connection.unix_socket and not killed:
            killed.append(True)
            subprocess.run(kill, check=True)
        send(connection, command, sql)

    Connection._execute_command = watched


@pytest.mark.parametrize(
    ("words", "opens_again"), [(STOPPED, True), (WRITTEN, False), (OPENED, False)]
)
def test_the_candidate_is_killed_in_the_middle_of_a_switch(
    topology: Topology, words: tuple[str, ...], opens_again: bool
) -> None:
    members = born(topology)
    f1, f2 = members.servers
    arguments = members.options("f2", source_ssl=False, active="f2", max_pause_seconds=20)
    with Clients(members) as clients:
        kill = f2.host.command("sh", "-c", f"kill -9 {f2.pid}")
        ended = try_module(MODULE, f2, partial(kill_a_server_at, words, kill), **arguments)
        assert isinstance(ended, dict) and ended.get("failed"), ended
        wait_until(lambda: not f2.answers(), 10, "the candidate was not killed")
        # Before anything was said to it that could open it, the writer goes on; else nobody does.
        assert is_open(f1) is opens_again
        if opens_again:
            clients.go_on()
        start(f2)
        assert not is_open(f2)
        if opens_again:
            # Its agent would start the channel, as site.yml does.
            members.settle("f1")
        again = members.call("f2", active="f2", max_pause_seconds=20)
        assert "failed" not in again, again
        assert [is_open(one) for one in members.servers] == [False, True]
        clients.go_on()
    same(members)
    clients.check(*members.servers)
    members.settle("f2")
    told = members.info()
    assert (told["active"], told["epoch"]["epoch"], told["diagnosis"]) == ("f2", 2, [])


def kill_itself_after(words: tuple[str, ...]) -> None:
    """Let this process end when it has sent a statement over a socket, which the server runs."""
    send: Any = Connection._execute_command

    def watched(connection: Any, command: int, sql: Any) -> None:
        text = sql.decode(errors="replace") if isinstance(sql, bytes) else str(sql)
        send(connection, command, sql)
        if command == COM_QUERY and connection.unix_socket and text.upper().startswith(words):
            # Its answer says that it has been run.
            connection._read_query_result()
            os.kill(os.getpid(), signal.SIGKILL)

    Connection._execute_command = watched


def stop_receiving(server: TestServer) -> None:
    word = "REPLICA IO_THREAD FOR CHANNEL" if server.flavour == "mysql" else "SLAVE"
    rest = "" if server.flavour == "mysql" else " IO_THREAD"
    server.rows(f"STOP {word} 'fabric'{rest}")


def notes(server: TestServer) -> int:
    return int(server.value("SELECT COUNT(*) FROM dbrw.failover_note"))


def test_a_failover_that_is_killed_while_it_tries_leaves_no_proof(topology: Topology) -> None:
    """It has started a receiving thread that somebody had stopped long before."""
    members = born(topology)
    f1, f2 = members.servers
    same_tables(members)
    stop_receiving(f2)
    f1.rows("INSERT INTO shop.t (tag) VALUES ('only on f1')")
    f1.kill()
    assert "had stopped receiving before" in members.call("f2", failover=True)["msg"]
    given = members.options("f2", source_ssl=False, failover=True, allow_loss=True)
    # The second one finds it running.
    for words in ("START ", "STOP "):
        assert try_module(MODULE, f2, partial(kill_itself_after, (words,)), **given) == -9
        refused = members.call("f2", failover=True)
        assert refused.get("failed") and "may lack transactions" in refused["msg"], refused
        assert not is_open(f2)
    start(f1)
    members.settle("f1", active="f1")
    same(members)
    assert f2.value("SELECT tag FROM shop.t") == "only on f1"
    assert members.codes() == []


def test_what_a_failover_has_noted_is_void_once_the_writer_was_seen(topology: Topology) -> None:
    members = born(topology)
    f1, f2 = members.servers
    same_tables(members)
    f1.kill()
    given = members.options("f2", source_ssl=False, failover=True)
    assert try_module(MODULE, f2, partial(kill_itself_after, ("STOP ",)), **given) == -9
    assert notes(f2) == 1
    # Back, and seen by a call that is refused; then it takes writes that no other member gets.
    start(f1)
    refused = members.call("f2", failover=True)
    assert "f1 is the active writer and answers" in refused["msg"]
    assert notes(f2) == 0
    f1.rows("SET GLOBAL read_only = 0")
    f1.rows("INSERT INTO shop.t (tag) VALUES ('only on f1')")
    f1.kill()
    refused = members.call("f2", failover=True)
    assert refused.get("failed") and "may lack transactions" in refused["msg"], refused
    assert not is_open(f2)


def same_tables(members: ReplicaSet) -> None:
    wait_until(
        lambda: members["f2"].rows("SHOW TABLES FROM shop LIKE 't'"), 20, "f2 lacks the table"
    )


def semi_sync(members: ReplicaSet) -> dict[str, Any]:
    found: dict[str, Any] = members.info()["members"][0]["semi_sync"]
    return found


def test_the_only_replica_of_an_available_set_dies_and_returns(topology: Topology) -> None:
    members = born(topology)
    with Clients(members) as clients:
        assert semi_sync(members)["unacknowledged"] == 0
        members["f2"].kill()
        clients.go_on(100)
        told = members.info()
        assert told["members"][0]["semi_sync"]["unacknowledged"] > 0
        findings = {one["code"]: one for one in told["diagnosis"]}
        assert sorted(findings) == ["replica_set.active_lonely", "replica_set.member_unreachable"]
        start(members["f2"])
        members.settle("f1")
        clients.go_on()
        wait_until(lambda: semi_sync(members)["working"], 20, "nobody acknowledges again")
        assert members.codes() == []
    same(members)
    clients.check(*members.servers)


def waiting(server: TestServer) -> int:
    """Return how many sessions wait for an acknowledgement."""
    rows = server.rows("SHOW PROCESSLIST")
    return len([row for row in rows if "semi-sync ack" in str(row["State"]).lower()])


def test_the_only_replica_of_a_strict_set_dies_and_returns(topology: Topology) -> None:
    members = born(topology, "strict")
    with Clients(members) as clients:
        members["f2"].kill()
        wait_until(lambda: waiting(members["f1"]) > 0, 20, "nobody waits")
        known = len(clients.acknowledged)
        # Longer than an available set would wait.
        time.sleep(4)
        assert len(clients.acknowledged) == known
        told = members.info()
        (lonely,) = [one for one in told["diagnosis"] if one["code"].endswith("active_lonely")]
        assert lonely["severity"] == "critical" and "it acknowledges nothing" in lonely["text"]
        start(members["f2"])
        members.settle("f1")
        clients.go_on()
    same(members)
    clients.check(*members.servers)
    assert members.codes() == []
    assert members.info()["epoch"]["durability"] == "strict"


def test_a_strict_writer_that_its_members_do_not_reach_goes_on_alone(topology: Topology) -> None:
    """They answer the control node, and not the writer, which is open and acknowledges nothing."""
    members = born(topology, "strict")
    f1, f2 = members.servers
    stop, begin = (
        ("STOP REPLICA", "START REPLICA")
        if f2.flavour == "mysql"
        else ("STOP ALL SLAVES", "START ALL SLAVES")
    )
    f1.rows("ALTER USER replication_f2 ACCOUNT LOCK")
    f2.rows(stop)
    with_clients = Clients(members)
    with_clients._begin("c0", ["f1"])
    try:
        wait_until(lambda: waiting(f1) > 0, 20, "nobody waits")
        lonely = members.info()["diagnosis"][0]
        assert lonely["code"] == "replica_set.active_lonely"
        assert "-e to=f1 -e alone=true" in lonely["todo"]
        done = members.call("f1", active="f1", alone=True)
        assert "failed" not in done, (done["msg"], done["steps"])
        assert [(one["step"], one["target"]) for one in done["steps"]] == [
            ("promise", "f2"),
            ("set semi-synchronous", "f1"),
            ("promise", "f1"),
        ]
        with_clients.go_on()
        # Who could take over knows it.
        for server in members.servers:
            assert server.value("SELECT durability FROM dbrw.epoch") == "available"
        again = members.call("f1", active="f1", alone=True)
        assert "failed" not in again and not again["changed"], again
        f1.rows("ALTER USER replication_f2 ACCOUNT UNLOCK")
        f2.rows(begin)
        wait_until(lambda: members.info()["members"][1]["running"], 30, "f2 does not follow")
        members.settle("f1")
        with_clients.go_on()
    finally:
        with_clients.__exit__()
    same(members)
    with_clients.check(*members.servers)
    assert members.codes() == []
    assert members.info()["epoch"]["durability"] == "strict"
