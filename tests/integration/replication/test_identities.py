"""Servers that cannot be told apart: copies with their original's identity, one under two names.

What comes of them, how it is told by the module that makes channels and by site.yml, and that the
remedies that are told do help.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import (
    Host,
    Played,
    TestServer,
    Topology,
    running_topology,
    wait_until,
)
from tests.integration.modules import run_module
from tests.support.replication import (
    INFO,
    channels,
    control,
    follow,
    followed,
    ids,
    remove,
    wait_for_error,
)

pytestmark = pytest.mark.lines("one")


@pytest.fixture
def sources(bare: Topology) -> list[TestServer]:
    return [bare.server("w1"), bare.server("w2")]


@pytest.fixture
def replica(bare: Topology) -> TestServer:
    return bare.server("r1")


@pytest.fixture
def schema(replica: TestServer, sources: list[TestServer]) -> Iterator[str]:
    name = f"test_{secrets.token_hex(4)}"
    with followed(replica, sources, name, "t (id INT PRIMARY KEY)"):
        yield name


def uuid_of(server: TestServer) -> str:
    return str(server.value("SELECT @@server_uuid"))


def restarted(topology: Topology, server: TestServer, *command: str) -> None:
    """Run a command while a server is stopped."""
    server.close()
    server.kill()
    server.host.run(*command)
    topology.playbook("servers.yml", "--limit", server.name)


def give_uuid(topology: Topology, server: TestServer, uuid: str) -> None:
    """Give a server the auto.cnf of another one, as a copy of the whole host has it."""
    text = f"[auto]\\nserver-uuid={uuid}\\n"
    file = server.work_dir / "data" / "auto.cnf"
    restarted(topology, server, "sh", "-c", f"printf '{text}' > {file}")
    assert uuid_of(server) == uuid


def remove_auto_cnf(topology: Topology, server: TestServer) -> None:
    """Do what the messages say."""
    restarted(topology, server, "rm", str(server.work_dir / "data" / "auto.cnf"))


@contextmanager
def copied(topology: Topology, copy: TestServer, original: TestServer) -> Iterator[str]:
    """Let a server have another one's uuid for a while; it gets a new one afterwards."""
    uuid = uuid_of(original)
    give_uuid(topology, copy, uuid)
    try:
        yield uuid
    finally:
        if uuid_of(copy) == uuid:
            remove_auto_cnf(topology, copy)


@pytest.mark.flavour("mysql")
def test_a_source_that_is_a_copy_of_another(
    bare: Topology, replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    w1, w2 = sources
    with copied(bare, w2, w1) as uuid:
        said = f"channels w1, w2 have sources with the same server_uuid, {uuid}"
        for check in (True, False):
            refused = follow(replica, w1, w2, check=check)
            assert refused["failed"] and said in refused["msg"] and not refused["changed"], refused
            assert channels(replica) == {}
        # What is lost where nobody looks.
        made = follow(replica, w1, w2, wait=True, check_sources=False)
        assert "failed" not in made, made
        for number in range(5):
            w1.rows(f"INSERT INTO {schema}.t VALUES ({number * 10 + 1})")
            w2.rows(f"INSERT INTO {schema}.t VALUES ({number * 10 + 2})")
        waited = follow(replica, w1, w2, wait=True, check_sources=False)
        assert "failed" not in waited and all(one["applied"] for one in waited["waited"]), waited
        assert all(one["running"] for one in channels(replica).values())
        lost = sorted({*ids(w1, schema), *ids(w2, schema)} - {*ids(replica, schema)})
        assert len(lost) == 5, lost

        # The replica knows of the channels that it has; no source is logged in to.
        questions = int(w1.rows("SHOW GLOBAL STATUS LIKE 'Connections'")[0]["Value"])
        for check in (True, False):
            refused = follow(replica, w1, w2, check=check)
            assert refused["failed"] and said in refused["msg"] and not refused["changed"], refused
        assert int(w1.rows("SHOW GLOBAL STATUS LIKE 'Connections'")[0]["Value"]) == questions
        assert "remove auto.cnf from its data directory and start it" in refused["msg"], refused
        assert "(RESET BINARY LOGS AND GTIDS)" in refused["msg"], refused
        # Nobody is kept from stopping one.
        ended = run_module(
            "mysql_replication_channel", replica, channel="w2", state="stopped", check=True
        )
        assert "failed" not in ended and ended["changed"], ended

        # The remedy, word for word.
        control(replica, "STOP", "w2")
        remove_auto_cnf(bare, w2)
        w2.rows("RESET BINARY LOGS AND GTIDS")
        control(replica, "START", "w2")
        for number in lost:
            outside_binary_log(replica, f"INSERT INTO {schema}.t VALUES ({number})")
        for source, number in ((w1, 1001), (w2, 1002)):
            source.rows(f"INSERT INTO {schema}.t VALUES ({number})")
        mended = follow(replica, w1, w2, wait=True)
        assert "failed" not in mended and not mended["changed"], mended
        assert ids(replica, schema) == sorted([*ids(w1, schema), *ids(w2, schema)])


@pytest.mark.flavour("mysql")
def test_a_source_that_is_a_copy_of_the_replica(
    bare: Topology, replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    w1, _w2 = sources
    with copied(bare, w1, replica) as uuid:
        refused = follow(replica, w1)
        said = f"channel w1: its source has the server_uuid {uuid}, which is this server's own"
        assert refused["failed"] and said in refused["msg"], refused
        assert channels(replica) == {}
        follow(replica, w1, check_sources=False)
        wait_for_error(replica, "w1", "IO")
        told = channels(replica)["w1"]["explanation"]
        assert told["number"] == 13117 and "the same server_uuid" in told["meaning"], told
        assert any("remove auto.cnf" in one for one in told["remedies"]), told
    # The account of the replica is there still, and so are its rows.
    again = follow(replica, w1, wait=True)
    assert "failed" not in again, again


@pytest.mark.flavour("mysql")
def test_replicas_that_are_copies_of_each_other(
    bare: Topology, replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    w1, _w2 = sources
    other = bare.server("w3")
    with copied(bare, other, replica):
        for one in (replica, other):
            assert "failed" not in follow(one, w1), one
        try:
            wait_for_error(replica, "w1", "IO")
            told = channels(replica)["w1"]["explanation"]
            assert told["number"] == 13114, told
            assert "another replica with this server's server_uuid follows" in told["meaning"], told
            assert any("remove auto.cnf" in one for one in told["remedies"]), told
        finally:
            control(other, "STOP", "w1")
            remove(other, "w1")


@pytest.mark.flavour("mariadb")
def test_sources_that_have_one_number_since(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """Given after their channels were made. MariaDB has no uuid; server_uid is the machine's."""
    w1, w2 = sources
    assert w1.value("SELECT @@server_uid") == w2.value("SELECT @@server_uid")
    assert "failed" not in follow(replica, w1, w2, wait=True)
    w2.rows("SET GLOBAL server_id = 1")
    try:
        control(replica, "STOP", "w2")
        control(replica, "START", "w2")
        follow(replica, w1, w2, wait=True, check_sources=False)
        refused = follow(replica, w1, w2)
        assert "channels w1, w2 have sources with the same server_id, 1" in refused["msg"], refused
    finally:
        w2.rows("SET GLOBAL server_id = 2")


@pytest.fixture(scope="module")
def alike(host: Host) -> Iterator[Topology]:
    """Two write servers and two read servers that are started, and nothing more."""
    with running_topology(host, "alike", "w1", "w3", "r1", "r2") as topology:
        topology.playbook("servers.yml")
        yield topology


def refusal(topology: Topology, *arguments: str) -> str:
    """Run site.yml, which must refuse before a channel is made, and return what it said."""
    played: Played = topology.try_playbook("site.yml", *arguments)
    assert played.code != 0, played.output
    for name in ("r1", "r2"):
        told = run_module(INFO, topology.server(name))
        assert told["channels"] == [], told
    return played.output


@pytest.mark.lines("later")
def test_read_servers_that_cannot_be_told_apart(alike: Topology) -> None:
    r1, r2 = (alike.server(name) for name in ("r1", "r2"))
    if r1.flavour == "mysql":
        with copied(alike, r2, r1) as uuid:
            for arguments in (("--check",), ()):
                assert f"r1, r2 have the same server_uuid, {uuid}" in refusal(alike, *arguments)
        return
    r2.rows("SET GLOBAL server_id = 101")
    for arguments in (("--check",), ()):
        assert "r1, r2 have the same server_id, 101" in refusal(alike, *arguments)
    r2.rows("SET GLOBAL server_id = 102")


def test_a_read_server_that_is_a_copy_of_a_write_server(alike: Topology) -> None:
    w3, r2 = (alike.server(name) for name in ("w3", "r2"))
    if r2.flavour == "mysql":
        with copied(alike, r2, w3) as uuid:
            assert f"r2, w3 have the same server_uuid, {uuid}" in refusal(alike)
        return
    r2.rows("SET GLOBAL server_id = 3")
    assert "r2, w3 have the same server_id, 3" in refusal(alike)
    r2.rows("SET GLOBAL server_id = 102")


def test_write_servers_that_cannot_be_told_apart(alike: Topology) -> None:
    w1, w3 = (alike.server(name) for name in ("w1", "w3"))
    if w1.flavour == "mysql":
        with copied(alike, w3, w1) as uuid:
            for arguments in (("--check",), ()):
                assert f"w1, w3 have the same server_uuid, {uuid}" in refusal(alike, *arguments)
        return
    # Two names of one server have its number both.
    w3.rows("SET GLOBAL server_id = 1")
    assert "w1, w3 have the same server_id, 1" in refusal(alike)
    w3.rows("SET GLOBAL server_id = 3")
    # The global domain is right; a session has set another server's.
    with w3.admin() as session, session.cursor() as cursor:
        cursor.execute("SET gtid_domain_id = 1")
        cursor.execute("CREATE SCHEMA elsewhere")
    assert "w1, w3 have the same gtid_domain, 1" in refusal(alike)
    # The remedy, word for word.
    w3.rows("FLUSH BINARY LOGS")
    last = w3.rows("SHOW BINARY LOGS")[-1]["Log_name"]
    wait_until(
        lambda: (
            w3.rows(f"PURGE BINARY LOGS TO '{last}'") == []
            and len(w3.rows("SHOW BINARY LOGS")) == 1
        ),
        10,
        "the binary logs are not purged",
    )
    w3.rows("FLUSH BINARY LOGS DELETE_DOMAIN_ID = (1)")
    outside_binary_log(w3, "DROP SCHEMA elsewhere")


@pytest.mark.lines("later")
def test_servers_that_can(alike: Topology) -> None:
    """After all that: one run, and the next changes nothing."""
    alike.playbook("site.yml")
    again: dict[str, Any] = alike.playbook("site.yml").changed
    assert set(again.values()) == {0}, again
    for name in ("r1", "r2"):
        told = run_module(INFO, alike.server(name))["channels"]
        assert [one["running"] for one in told] == [True, True], told
