"""A member returns to its set: compared, shown, rebuilt from a copy, and never heard twice."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lines import ROOT, Host, TestServer, Topology, running_topology, wait_until
from tests.integration.modules import run_module
from tests.support.replica_sets import F3, start

pytestmark = pytest.mark.lines("one")

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
        f1.rows(
            "CREATE TABLE customers.exact "
            "(id INT AUTO_INCREMENT PRIMARY KEY, raw VARBINARY(20), part FLOAT)"
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
        f"not all of {names} have the rows of {one.name}",
    )


def words(text: str) -> str:
    return " ".join(text.split())


# No text in any character set, and what ends lines for some.
RAW = b"\x00\xff'\\\xe9\r\n\x85\x1b"


def events(saved: str) -> bytes:
    """Return all events that are in a file, as a server would read them."""
    texts = re.findall(r"BINLOG '\n(.*?)\n'", saved, re.DOTALL)
    return b"".join(base64.b64decode(line) for text in texts for line in text.splitlines())


def write_alone(server: TestServer, *given: str) -> None:
    """Let a closed server have transactions of its own."""
    if server.flavour == "mysql":
        server.rows("SET GLOBAL super_read_only = 0")
    insert(server, *given)
    server.rows("UPDATE customers.t SET tag = %s WHERE tag = %s", f"{given[0]}, again", given[0])
    server.rows("INSERT INTO customers.exact (raw, part) VALUES (%s, 16777213)", RAW)
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
    if f1.flavour == "mariadb":
        # Judged before anything is written, all at once.
        refused = fabric.try_playbook(
            REJOIN,
            *("--forks", "1"),
            **{**FABRIC, **DISCARD, "server": "f1"},
            **{"dbrw_require_tls": True, "dbrw_set_tls": False},
        )
        said = words(refused.output)
        assert "Nothing has been changed: Two hosts have to work at once" in said, said
        assert "mysqld_tls does not name ca, cert and key of f1" in said
        assert not list(f1.work_dir.glob("data.[er]*"))
    made = fabric.playbook(REJOIN, **FABRIC, **DISCARD, server="f1")
    (saved,) = f1.work_dir.glob("data.errant-*.txt")
    assert str(saved) in made.output
    # Of what is no text, too, nothing is lost.
    kept = base64.b64decode(f1.host.run("base64", str(saved)).stdout).decode("latin-1")
    assert "'lost two'" in kept and "'both'" not in kept
    # To be read back as it was: a FLOAT is rounded where it is shown.
    assert RAW in events(kept) and struct.pack("<f", 16777213) in events(kept)
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


@pytest.mark.parametrize("with_a_new_server", [False, True])
def test_a_lost_member_is_rebuilt(fabric: Topology, with_a_new_server: bool) -> None:
    f1, f2, f3 = (fabric.server(name) for name in ("f1", "f2", "f3"))
    if f1.flavour == "mysql" and not with_a_new_server:
        pytest.skip("it needs a server to copy by")
    fabric.playbook(SWITCH, **FABRIC, to="f1")
    insert(f1, "by the lost one")
    fabric.playbook(SWITCH, **FABRIC, to="f2")
    before = own_numbers(f1)
    f1.kill()
    f1.host.run("rm", "-rf", str(f1.work_dir / "data"))
    if with_a_new_server:
        # As after a new disk: empty, under the old name.
        fabric.playbook("servers.yml", "--limit", "f1")
    fabric.playbook(REJOIN, **FABRIC, server="f1", donor="f2", keep_old=True)
    f1.close()
    insert(f2, "for a new one")
    equal(f2, f1, f3)
    fabric.playbook(SWITCH, **FABRIC, to="f1")
    insert(f1, "by the new one")
    equal(f1, f2, f3)
    # Readers may have seen more of the lost one than any member has.
    after = own_numbers(f1)
    assert after[0] != before[0] or after[1] > before[1] + 1_000_000, (before, after)


@pytest.mark.parametrize("moment", ["data", "complete", "stopped", "before"])
@pytest.mark.lines("later")
def test_a_run_that_is_killed_is_made_good_by_another(fabric: Topology, moment: str) -> None:
    f1, f2, f3 = (fabric.server(name) for name in ("f1", "f2", "f3"))
    fabric.playbook(SWITCH, **FABRIC, to="f1")
    equal(f1, f2, f3)
    write_alone(f2, f"lost {moment}")
    file = "complete" if moment == "stopped" else moment
    killed_when(fabric, f2.work_dir / "data.rejoin" / file)
    if moment == "stopped":
        f2.kill()
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
    there = ("sh", "-c", f"test -e {path} && echo yes || true")
    with tempfile.TemporaryFile("w+") as output:
        run = subprocess.Popen(
            [
                *(sys.executable, "-m", "ansible", "playbook", "-i", str(fabric.inventory)),
                *("-e", json.dumps(extra), str(ROOT / "playbooks" / REJOIN)),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            end = time.monotonic() + 90
            while not fabric.host.run(*there).stdout:
                if run.poll() is not None or time.monotonic() > end:
                    output.seek(0)
                    raise AssertionError(f"{path} never came:\n{output.read()}")
                time.sleep(0.02)
        finally:
            kill_all_of(run)
            if fabric.host.container:
                # What runs there is no child of the run; nobody else lets modules run there.
                fabric.host.run("sh", "-c", KILL_MODULES)


# A shell's own words: the image has no pkill.
KILL_MODULES = (
    "for one in /proc/[0-9]*; do grep -q AnsiballZ_ $one/cmdline 2>/dev/null "
    '&& test "$one" != "/proc/$$" && kill -9 "${one#/proc/}"; done; true'
)


def kill_all_of(run: subprocess.Popen[bytes]) -> None:
    """Kill a process and its descendants, which are in sessions of their own."""
    found = {run.pid}
    while True:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                # One that is stopped has no more children.
                os.kill(pid, signal.SIGSTOP)
        more = {pid for pid, parent in parents().items() if parent in found} - found
        if not more:
            break
        found |= more
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    run.wait()


def parents() -> dict[int, int]:
    """Return every process of this machine with its parent."""
    known = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # Behind the name, which may have anything in it.
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                known[int(entry.name)] = int(words[1])
    return known


@pytest.mark.lines("later")
def test_one_that_does_not_answer_is_not_discarded_unseen(fabric: Topology) -> None:
    f1, f2, f3 = (fabric.server(name) for name in ("f1", "f2", "f3"))
    write_alone(f2, "nobody has seen it")
    f2.kill()
    refused = fabric.try_playbook(REJOIN, **FABRIC, **DISCARD, server="f2")
    said = words(refused.output)
    assert refused.code != 0 and "Nothing has been changed: f2 does not answer" in said, said
    assert "run this again with -e errant=discard_unseen" in said
    assert not list(f2.work_dir.glob("data.rejoin*"))
    unseen = fabric.try_playbook(REJOIN, **FABRIC, errant="discard_unseen", server="f2")
    if f2.flavour == "mysql":
        # It copies by itself.
        assert "f2: its server must run to copy another. Start it" in words(unseen.output)
        start(f2)
        fabric.playbook(REJOIN, **FABRIC, **DISCARD, server="f2")
    else:
        assert unseen.code == 0, unseen.output
    f2.close()
    equal(f1, f2, f3)
    assert "nobody has seen it" not in tags(f2)


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
