"""A call that switches, or fails over, is killed at each statement; the same call goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.lines import Host, wait_until
from tests.support.crash import killed_everywhere
from tests.support.replica_sets import MODULE, ReplicaSet, as_new, make_table, set_servers, start

pytestmark = pytest.mark.lines("one")


@pytest.fixture(scope="module")
def members(host: Host) -> Iterator[ReplicaSet]:
    with set_servers(host) as topology:
        yield ReplicaSet(topology)


def begin(members: ReplicaSet) -> None:
    """Make a new set whose writer is f1, with a row."""
    for name in ("f1", "f2"):
        start(members[name])
        as_new(members[name])
    made = members.call("f1")
    assert "failed" not in made, made
    make_table(members["f1"])
    members["f1"].rows("INSERT INTO shop.t (tag) VALUES ('x')")


def lose_the_writer(members: ReplicaSet) -> None:
    """Make a new set whose writer f1 is dead."""
    begin(members)
    wait_until(
        lambda: "shop" in [row["Database"] for row in members["f2"].rows("SHOW DATABASES")],
        20,
        "f2 does not follow",
    )
    wait_until(
        lambda: members["f2"].value("SELECT COUNT(*) FROM shop.t") == 1, 20, "f2 lacks the row"
    )
    members["f1"].kill()


def look(members: ReplicaSet, *names: str) -> list[object]:
    """Who is open, in which epoch, and which rows are where."""
    return [
        (
            server.value("SELECT @@GLOBAL.read_only"),
            server.value("SELECT CONCAT(MAX(epoch), MAX(active)) FROM dbrw.epoch"),
            server.value("SELECT COUNT(*) FROM shop.t"),
        )
        for server in map(members.__getitem__, names or members.names)
    ]


def test_a_switch_is_killed_everywhere(members: ReplicaSet) -> None:
    arguments = members.options("f2", source_ssl=False, active="f2", max_pause_seconds=20)

    def never_both() -> None:
        open_ones = [s.name for s in members.servers if not s.value("SELECT @@GLOBAL.read_only")]
        assert len(open_ones) < 2, open_ones

    kills = killed_everywhere(
        MODULE,
        members["f2"],
        arguments,
        lambda: begin(members),
        lambda: look(members),
        members["f1"],
        after_kill=never_both,
    )
    assert kills > 20


@pytest.mark.lines("later")
def test_a_failover_is_killed_everywhere(members: ReplicaSet) -> None:
    arguments = members.options("f2", source_ssl=False, failover=True)
    kills = killed_everywhere(
        MODULE,
        members["f2"],
        arguments,
        lambda: lose_the_writer(members),
        lambda: look(members, "f2"),
    )
    assert kills > 10
