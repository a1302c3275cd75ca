"""A member returns to its set: compared, shown, rebuilt from a copy, and never heard twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lines import ROOT, Host, TestServer, Topology, running_topology, wait_until
from tests.integration.modules import run_module
from tests.support.replica_sets import F3, start

REJOIN, SWITCH, FAILOVER = (
    "replica_set_rejoin.yml",
    "replica_set_switch.yml",
    "replica_set_failover.yml",
)
SETS = "replica_sets.yml"
FABRIC = {"replica_set": "fabric"}
DISCARD = {"errant": "discard"}


@pytest.fixture(scope="module")
def fabric(host: Host) -> Iterator[Topology]:
    with running_topology(host, "fabric", "f1", "f2", more=F3) as topology:
        # With the agents, which are beside members that return, too.
        topology.playbook("site.yml")
        f1 = topology.server("f1")
        f1.rows("CREATE SCHEMA customers")
        f1.rows(
            "CREATE TABLE customers.t (id INT AUTO_INCREMENT PRIMARY KEY, tag VARCHAR(40) NOT NULL)"
        )
        yield topology


def is_open(server: TestServer) -> bool:
    return str(server.value("SELECT @@GLOBAL.read_only")) == "0"


def tags(server: TestServer) -> list[str]:
    return [row["tag"] for row in server.rows("SELECT tag FROM customers.t ORDER BY id")]


def insert(server: TestServer, *given: str) -> None:
    for tag in given:
        server.rows("INSERT INTO customers.t (tag) VALUES (%s)", tag)


def equal(one: TestServer, *others: TestServer) -> None:
    names = ", ".join(other.name for other in others)
    wait_until(
        lambda: all(tags(other) == tags(one) for other in others),
        30,
        f"one of {names} differs from {one.name}",
    )


def words(text: str) -> str:
    return " ".join(text.split())


def write_alone(server: TestServer, *given: str) -> None:
    """Let a closed server have transactions of its own."""
    if server.flavour == "mysql":
        server.rows("SET GLOBAL super_read_only = 0")
    insert(server, *given)
    server.rows("UPDATE customers.t SET tag = %s WHERE tag = %s", f"{given[0]}, again", given[0])
    if server.flavour == "mysql":
        server.rows("SET GLOBAL super_read_only = 1")


def test_rows_that_only_it_has_are_shown_saved_and_discarded(fabric: Topology) -> None:
    f1, f2, f3 = (fabric.server(name) for name in ("f1", "f2", "f3"))
    insert(f1, "both")
    equal(f1, f2, f3)
    f1.kill()
    fabric.playbook(FAILOVER, **FABRIC, to="f2")
    insert(f2, "after")
    start(f1)
    write_alone(f1, "lost one", "lost two")
    shown = fabric.try_playbook(REJOIN, **FABRIC, server="f1")
    assert shown.code != 0
    said = words(shown.output)
    assert "insert customers.t id=" in said and "tag='lost one'" in said, said
    assert "tag='lost one' -> id=" in said and "tag='lost one, again'" in said
    assert "Nothing has been changed: f1 has transactions that f2 has not" in said
    assert "lost two" in tags(f1)
    made = fabric.playbook(REJOIN, **FABRIC, **DISCARD, server="f1")
    (saved,) = f1.work_dir.glob("data.errant-*.txt")
    assert str(saved) in made.output
    kept = f1.host.run("cat", str(saved)).stdout
    assert "'lost two'" in kept and "'both'" not in kept
    assert f1.host.run("stat", "-c", "%a", str(saved)).stdout.strip() == "600"
    f1.close()
    assert not is_open(f1) and "lost one" not in tags(f1)
    insert(f2, "now")
    equal(f2, f1, f3)
    # The copy has become the data, and nothing is left beside it.
    assert not (f1.work_dir / "data.rejoin").exists()
    again = fabric.playbook(REJOIN, **FABRIC, server="f1")
    assert set(again.changed.values()) == {0}, again.output
    again = fabric.playbook("site.yml")
    assert set(again.changed.values()) == {0}, again.output


def own_numbers(server: TestServer) -> tuple[str, int]:
    """Return under which name a server's own transactions run, and the number of the last one."""
    if server.flavour == "mysql":
        return str(server.value("SELECT @@GLOBAL.server_uuid")), 0
    state = str(server.value("SELECT @@GLOBAL.gtid_current_pos")).split(",")
    found = [gtid.split("-") for gtid in state]
    (number,) = [int(number) for domain, _server, number in found if domain == "201"]
    return "201", number


def test_the_rebuilt_one_never_uses_a_number_twice(fabric: Topology) -> None:
    f1, f2, f3 = (fabric.server(name) for name in ("f1", "f2", "f3"))
    fabric.playbook(SWITCH, **FABRIC, to="f2")
    equal(f2, f1, f3)
    # What f1 discards is many transactions; f3 sees nothing of what follows until it is all written.
    f1.kill()
    start(f1)
    write_alone(f1, *(f"discarded {number}" for number in range(40)))
    before = own_numbers(f1)
    fabric.playbook(REJOIN, **FABRIC, **DISCARD, server="f1")
    f1.close()
    fabric.playbook(SWITCH, **FABRIC, to="f1")
    # A reader that has seen what was discarded passes over nothing: not one number is used again.
    after = own_numbers(f1)
    assert after[0] != before[0] or after[1] > before[1] > 40, (before, after)
    f3.kill()
    # More than it ever had before.
    insert(f1, *(f"new {number}" for number in range(80)))
    equal(f1, f2)
    start(f3)
    fabric.playbook(SETS)
    equal(f1, f2, f3)
    assert tags(f1).count("discarded 7") == 0 and tags(f3).count("new 7") == 1


def test_a_lost_member_is_rebuilt(fabric: Topology) -> None:
    f1, f2, f3 = (fabric.server(name) for name in ("f1", "f2", "f3"))
    fabric.playbook(SWITCH, **FABRIC, to="f2")
    f1.kill()
    f1.host.run("rm", "-rf", str(f1.work_dir / "data"))
    if f1.flavour == "mysql":
        # It needs a server to copy by.
        fabric.playbook("servers.yml", "--limit", "f1")
    fabric.playbook(REJOIN, **FABRIC, server="f1", donor="f2", keep_old=True)
    f1.close()
    insert(f2, "for a new one")
    equal(f2, f1, f3)
    fabric.playbook(SWITCH, **FABRIC, to="f1")
    insert(f1, "by the new one")
    equal(f1, f2, f3)


@pytest.mark.parametrize("moment", ["data", "complete", "before"])
def test_a_run_that_is_killed_is_made_good_by_another(fabric: Topology, moment: str) -> None:
    f1, f2, f3 = (fabric.server(name) for name in ("f1", "f2", "f3"))
    fabric.playbook(SWITCH, **FABRIC, to="f1")
    equal(f1, f2, f3)
    write_alone(f2, f"lost {moment}")
    killed_when(fabric, f2.work_dir / "data.rejoin" / moment)
    # Whatever there is, it is no member that could be switched to.
    refused = fabric.try_playbook(SWITCH, **FABRIC, to="f2")
    assert refused.code != 0 and is_open(f1)
    insert(f1, f"meanwhile {moment}")
    fabric.playbook(REJOIN, **FABRIC, **DISCARD, server="f2")
    f2.close()
    equal(f1, f2, f3)
    assert f"lost {moment}" not in tags(f1)
    assert not (f2.work_dir / "data.rejoin").exists()


def killed_when(fabric: Topology, path: Path) -> None:
    """Let f2 join again, and kill the run, with all that it has started, once a file is there."""
    extra = {
        **{"local_dir": str(fabric.folder), "local_net": fabric.net, "server": "f2"},
        **{**fabric.host.connection, **FABRIC, **DISCARD},
    }
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "ansible", "playbook", "-i", str(fabric.inventory)),
            *("-e", json.dumps(extra), str(ROOT / "playbooks" / REJOIN)),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 90
        there = ("sh", "-c", f"test -e {path} && echo yes || true")
        while not fabric.host.run(*there).stdout:
            assert run.poll() is None and time.monotonic() < end, f"{path} never came"
            time.sleep(0.02)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def test_what_cannot_be_done_touches_nothing(fabric: Topology) -> None:
    f1 = fabric.server("f1")
    refused = fabric.try_playbook(REJOIN, **FABRIC, **DISCARD, server="f1")
    assert refused.code != 0 and is_open(f1)
    assert "f1 is the active writer: applications write there" in words(refused.output)
    refused = fabric.try_playbook(REJOIN, **FABRIC, server="f9")
    assert "server is f9, which is no member of fabric" in words(refused.output)


def test_bad_options() -> None:
    members = [{"name": name, "host": f"10.0.0.{name[1]}"} for name in ("f1", "f2")]
    refused = run_module(
        "mysql_replica_set_rejoin",
        None,
        **{"name": "fabric", "member": "f9", "members": members, "donor": "f9", "datadir": "/x"},
    )
    assert "donor is f9, which is no other member of fabric" in refused["msg"]
    assert "member is f9, which is none of members" in refused["msg"]
