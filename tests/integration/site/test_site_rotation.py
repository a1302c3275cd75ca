"""site.yml gives both ends of a channel what is changed in the inventory, in one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.lines import (
    LINES,
    Host,
    Played,
    TestServer,
    Topology,
    host_of,
    running_topology,
    wait_until,
)
from tests.support.replication import status, threads

WRITERS = ("w1", "w2")
ACCOUNT = "replication_r1"
SENT = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%%'"
HASH = "SELECT authentication_string AS hash FROM mysql.user WHERE user = %s"


@pytest.fixture(scope="module")
def site() -> Iterator[Topology]:
    """Two write servers and a read server, after one run of site.yml.

    How the plays work together is the same on every line. A server that shows the passwords of
    its channels in SQL has the least to lose: this one shows them in no SQL.
    """
    with (
        host_of(LINES[0]) as host,
        running_topology(host, "rotation", *WRITERS, "r1") as topology,
    ):
        topology.playbook("site.yml", dbrw_replication_password="rotated-1")
        yield topology


def reconnect(site: Topology) -> None:
    """End every channel's connection at its source, and wait until all are back."""
    reader = site.server("r1")
    for name in WRITERS:
        writer = site.server(name)
        old = writer.rows(SENT)
        assert old, f"{name} has no replica"
        for row in old:
            writer.rows(f"KILL {row['id']}")
        wait_until(
            lambda writer=writer, old=old: (new := writer.rows(SENT)) and new != old,
            20,
            f"r1 does not come back to {name}: {status(reader, name)}",
        )


def changes_nothing(site: Topology, **variables: Any) -> None:
    before = threads(site.server("r1"))
    again = site.playbook("site.yml", **variables)
    assert set(again.changed.values()) == {0}, again.output
    assert threads(site.server("r1")) == before


def words(played: Played) -> str:
    """Return what was printed without its line breaks, which 2.18 and 2.19 make differently."""
    return " ".join(played.output.split()).replace("''", "'")


@pytest.mark.lines("later")
def test_a_password(site: Topology) -> None:
    new = {"dbrw_replication_password": "rotated-2"}
    before = threads(site.server("r1"))
    predicted = site.playbook("site.yml", "--check", **new)
    assert predicted.changed == {"w1": 1, "w2": 1, "r1": 1}, predicted.output
    assert threads(site.server("r1")) == before
    done = site.playbook("site.yml", **new)
    assert done.changed == {"w1": 1, "w2": 1, "r1": 1}, done.output
    assert "rotated-2" not in done.output
    reconnect(site)
    changes_nothing(site, **new)


@pytest.mark.lines("later")
def test_a_run_that_was_killed_between_the_plays(site: Topology) -> None:
    new = {"dbrw_replication_password": "rotated-3"}
    half = site.playbook("write_servers.yml", **new)
    assert half.changed == {"w1": 1, "w2": 1}, half.output
    done = site.playbook("site.yml", **new)
    assert done.changed == {"w1": 0, "w2": 0, "r1": 1}, done.output
    reconnect(site)


@pytest.mark.lines("later")
def test_a_run_for_one_end_says_so_or_is_refused(site: Topology) -> None:
    new = {"dbrw_replication_password": "rotated-4"}
    before = threads(site.server("r1"))
    for arguments in ((), ("--check",)):
        alone = site.try_playbook("site.yml", "--limit", "r1", *arguments, **new)
        assert alone.code != 0, alone.output
        for writer in WRITERS:
            assert f"channel {writer} is connected, and would be stopped" in words(alone)
    assert threads(site.server("r1")) == before
    one_end = site.playbook("site.yml", "--limit", "w1", **new)
    assert "This run has left out r1, w2." in words(one_end), one_end.output
    # w2 has the password of before.
    two = site.try_playbook("site.yml", "--limit", "w1,r1", **new)
    assert two.code != 0 and "channel w2 is connected" in words(two), two.output
    assert threads(site.server("r1")) == before
    whole = site.playbook("site.yml", **new)
    assert "This run has left out" not in whole.output
    reconnect(site)


@pytest.mark.lines("later")
def test_an_address(site: Topology) -> None:
    """A port in its place: a write server that the playbooks configure listens on one address."""
    given = {"dbrw_replication_password": "rotated-4"}
    moved = {**given, "dbrw_port": 13307}
    predicted = site.playbook("site.yml", "--check", **moved)
    assert predicted.changed["r1"] > 0, predicted.output
    try:
        site.playbook("site.yml", **moved)
        reader = site.server("r1")
        for name in WRITERS:
            told = status(reader, name)
            assert (told["source_port"], told["replica_io_running"]) == (13307, "Yes"), told
        changes_nothing(site, **moved)
    finally:
        site.playbook("site.yml", **given)
    reconnect(site)


@pytest.mark.lines("later")
def test_another_account(site: Topology) -> None:
    given = {"dbrw_replication_password": "rotated-5", "dbrw_replication_user": "follower"}
    assert site.playbook("site.yml", "--check", **given).changed["r1"] == 1
    done = site.playbook("site.yml", **given)
    assert done.changed == {"w1": 1, "w2": 1, "r1": 1}, done.output
    reconnect(site)


def hashes(server: TestServer) -> list[dict[str, Any]]:
    return server.rows(HASH, ACCOUNT)


@pytest.mark.lines("later")
def test_a_password_that_no_channel_keeps_is_told_on_paper(site: Topology) -> None:
    before = hashes(site.server("w1"))
    refused = site.try_playbook("site.yml", dbrw_replication_password="x" * 97)
    assert refused.code != 0, refused.output
    assert "r1: dbrw_replication_password has 97 bytes" in words(refused), refused.output
    assert hashes(site.server("w1")) == before


@pytest.mark.flavour("mysql")
@pytest.mark.lines("later")
def test_a_password_that_this_flavour_does_not_keep_changes_no_account(host: Host) -> None:
    with running_topology(host, "long", "w1", "r1") as site:
        site.playbook("site.yml", dbrw_replication_password="p" * 32)
        before = hashes(site.server("w1"))
        for arguments in ((), ("--check",)):
            refused = site.try_playbook("site.yml", *arguments, dbrw_replication_password="x" * 33)
            assert refused.code != 0, refused.output
            assert "longer than what channels of mysql keep (32 bytes)" in words(refused)
        assert hashes(site.server("w1")) == before
        assert status(site.server("r1"), "w1")["replica_io_running"] == "Yes"
        # Where the inventory says what the servers are, no server is asked.
        paper = site.try_playbook(
            "inventory_validate.yml", dbrw_replication_password="x" * 33, mysqld_flavour="mysql"
        )
        assert "r1: dbrw_replication_password has 33 bytes" in words(paper), paper.output
