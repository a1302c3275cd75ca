"""What the channel modules tell of sources and replicas that hang, and how they wait."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    INFO,
    MODULE,
    SECRET,
    channels,
    control,
    follow,
    followed,
    options,
)

pytestmark = pytest.mark.lines("one")

TABLE = "t (id INT PRIMARY KEY)"
HEARTBEAT = "heartbeat (ts VARCHAR(26) NOT NULL, server_id INT UNSIGNED PRIMARY KEY)"


@pytest.fixture(scope="module")
def sources(bare: Topology) -> list[TestServer]:
    return [bare.server("w1"), bare.server("w2")]


@pytest.fixture(scope="module")
def replica(bare: Topology) -> TestServer:
    return bare.server("r1")


@pytest.fixture(scope="module")
def schema(replica: TestServer, sources: list[TestServer]) -> Iterator[str]:
    """A schema on two sources and the replica that follows them."""
    name = f"test_{secrets.token_hex(4)}"
    with followed(replica, sources, name, TABLE, HEARTBEAT):
        made = follow(replica, *sources, wait=True)
        assert "failed" not in made, made
        # Both channels were waited for, and say so.
        assert [(one["channel"], one["applied"]) for one in made["waited"]] == [
            ("w1", True),
            ("w2", True),
        ]
        yield name


def stop(server: TestServer) -> None:
    """Stop a server's process, so that it answers nothing and closes nothing.

    On a busy machine its threads run on for a while after the signal has been sent.
    """
    server.host.run(
        "sh",
        "-c",
        f"kill -STOP {server.pid}; "
        f"while cat /proc/{server.pid}/task/*/status | grep '^State:' | grep -qv stopped; "
        "do sleep 0.01; done",
    )


def go_on(server: TestServer) -> None:
    server.host.run("sh", "-c", f"kill -CONT {server.pid}")


@contextmanager
def hanging(server: TestServer) -> Iterator[None]:
    """Let a server hang while the block runs."""
    stop(server)
    try:
        yield
    finally:
        go_on(server)


def beat(server: TestServer, schema: str) -> None:
    """Write the row that a source's pt-heartbeat writes every second."""
    server.rows(
        f"REPLACE INTO {schema}.heartbeat "
        "SELECT REPLACE(UTC_TIMESTAMP(6), ' ', 'T'), @@GLOBAL.server_id"
    )


def test_a_source_that_hangs_is_told_by_its_heartbeat(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    table = f"{schema}.heartbeat"
    for source in sources:
        beat(source, schema)
    follow(replica, *sources, wait=True)
    fresh = channels(replica, heartbeat_table=table)
    assert all(0 <= one["heartbeat_lag_seconds"] < 30 for one in fresh.values()), fresh
    assert fresh["w1"]["source_server_id"] == 1
    assert channels(replica)["w1"]["heartbeat_lag_seconds"] is None
    with hanging(sources[0]):
        time.sleep(1.5)
        beat(sources[1], schema)

        def lags() -> dict[str, float]:
            said = channels(replica, heartbeat_table=table)
            told.update(said)
            return {name: one["heartbeat_lag_seconds"] for name, one in said.items()}

        told: dict[str, Any] = {}
        wait_until(
            lambda: (found := lags())["w2"] < found["w1"] - 1,
            10,
            "the heartbeat of w2 has not come",
        )
        # What the server says of itself is that all is well.
        assert told["w1"]["running"] and told["w1"]["seconds_behind_source"] == 0, told
        assert told["w1"]["last_io_error"]["number"] == 0, told
        # A wait asks the source itself: it fails in time, with what it knows.
        began = time.monotonic()
        late = follow(replica, *sources, wait=True, wait_timeout_seconds=2, connect_timeout=60)
        assert time.monotonic() - began < 40, late
        assert late["failed"] and "channel w1" in late["msg"] and "did not answer" in late["msg"]
        assert "channel w2" not in late["msg"]
        waited = {one["channel"]: one for one in late["waited"]}
        assert waited["w2"]["applied"] and waited["w2"]["waited_seconds"] >= 0
        assert not waited["w1"]["applied"] and waited["w1"]["source_position"] is None
        assert waited["w1"]["last_sql_error"]["number"] == 0
        assert {one["channel"] for one in late["channels"]} == {"w1", "w2"}


def test_a_wait_goes_on_while_a_source_is_away_for_a_moment(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    sources[0].rows(f"INSERT INTO {schema}.t VALUES (1)")
    newest = "SELECT MAX(id) FROM information_schema.processlist"
    before = replica.value(newest)

    def revive() -> None:
        wait_until(lambda: replica.value(newest) > before, 60, "the module has not logged in")
        time.sleep(2.5)
        go_on(sources[0])

    again = threading.Thread(target=revive)
    with hanging(sources[0]):
        again.start()
        # One attempt to ask takes a second here; the first two of them fail.
        waited = follow(replica, *sources, wait=True, wait_timeout_seconds=60, connect_timeout=1)
        again.join()
    assert "failed" not in waited and not waited["changed"], waited
    assert waited["waited"][0]["applied"], waited
    assert replica.value(f"SELECT COUNT(*) FROM {schema}.t WHERE id = 1") == 1


def test_a_wait_for_rows_that_do_not_come(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """The applier waits for a lock: no thread has stopped, and there is no error."""
    with replica.admin() as session, session.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {schema}.t WRITE")
        sources[0].rows(f"INSERT INTO {schema}.t VALUES (2)")
        late = follow(replica, *sources, wait=True, wait_timeout_seconds=2)
        sources[1].rows(f"INSERT INTO {schema}.t VALUES (3)")
        # The first of two that are late leaves the second no time: that one ends, too.
        both = follow(replica, *sources, wait=True, wait_timeout_seconds=1)
    for name in ("w1", "w2"):
        assert f"channel {name} has not applied" in both["msg"], both
    assert late["failed"] and "channel w1 has not applied" in late["msg"], late
    first, second = late["waited"]
    assert not first["applied"] and first["source_position"] and second["applied"], late
    # A known lag is a number of seconds, no word.
    assert isinstance(first["seconds_behind_source"], int), late
    assert 1 <= first["seconds_behind_source"] < 60, late
    assert "failed" not in follow(replica, *sources, wait=True)


@contextmanager
def answering_until(server: TestServer, word: bytes, path: Path) -> Iterator[None]:
    """Pass a client's connection on to a server, whose process stops when it hears a word."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def copy(take: socket.socket, give: socket.socket, stops: bool) -> None:
        while True:
            try:
                data = take.recv(65536)
                if stops and word in data.upper():
                    stop(server)
                if not data:
                    return
                give.sendall(data)
            except OSError:
                # The client has given up.
                return

    def serve() -> None:
        client, _rest = listener.accept()
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(server.socket)
        # Without the offer of TLS, so that the word can be heard: behind the version's
        # end come a number, a salt and a zero, then the capabilities.
        greeting = bytearray(upstream.recv(65536))
        greeting[greeting.index(0, 5) + 15] &= ~0x08
        client.sendall(greeting)
        threading.Thread(target=copy, args=(client, upstream, True), daemon=True).start()
        copy(upstream, client, False)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        go_on(server)
        listener.close()


@pytest.mark.parametrize("module", [INFO, MODULE])
def test_a_replica_that_hangs_costs_a_timeout(
    replica: TestServer, sources: list[TestServer], schema: str, module: str, tmp_path: Path
) -> None:
    given = options(*sources) if module == MODULE else {}
    with hanging(replica):
        began = time.monotonic()
        dead = run_module(module, replica, connect_timeout=1, **given)
    assert dead["failed"] and "cannot log in: no answer in time" in dead["msg"], dead
    # Far less than the defaults, 10 s and 30 s.
    assert time.monotonic() - began < 9
    path = tmp_path / "s"
    with answering_until(replica, b"STATUS", path):
        began = time.monotonic()
        hung = run_module(
            module, replica, login_unix_socket=str(path), read_timeout_seconds=6, **given
        )
    assert hung["failed"] and "the server hangs" in hung["msg"], hung
    assert "STATUS" in hung["msg"] and time.monotonic() - began < 20, hung
    assert channels(replica)["w1"]["sql_running"]


def test_two_replicas_with_one_server_id(
    replica: TestServer, sources: list[TestServer], schema: str, bare: Topology
) -> None:
    """MariaDB's throw each other out for ever; MySQL's do not."""
    other = bare.server("w3")
    # How much it applies before it is thrown out is chance: it must be able to apply all.
    outside_binary_log(
        other,
        f"CREATE SCHEMA {schema}",
        f"CREATE TABLE {schema}.{TABLE}",
        f"CREATE TABLE {schema}.{HEARTBEAT}",
    )
    mine = other.value("SELECT @@GLOBAL.server_id")
    other.rows("SET GLOBAL server_id = %s", replica.value("SELECT @@GLOBAL.server_id"))
    dumps = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%%'"
    before = sources[0].rows(dumps)
    assert len(before) == 1, before
    try:
        made = follow(other, sources[0], check_sources=False)
        if other.flavour == "mysql":
            # It tells its replicas apart by their server_uuid.
            assert "failed" not in made, made
            wait_until(lambda: len(sources[0].rows(dumps)) == 2, 10, "one of them is not there")
            both = (channels(replica)["w1"], channels(other)["w1"])
            assert all(one["connected"] for one in both), both
        else:
            assert "failed" not in made or "4052" in made["msg"], made
            wait_until(lambda: before[0] not in sources[0].rows(dumps), 10, "both are there")
    finally:
        run_module(MODULE, other, channel="w1", state="absent")
        other.rows("SET GLOBAL server_id = %s", mine)
        if other.flavour == "mariadb":
            other.rows("SET GLOBAL gtid_slave_pos = ''")
        outside_binary_log(other, f"DROP SCHEMA {schema}")
        for word in ("STOP", "START"):
            control(replica, word, "w1")
    wait_until(lambda: channels(replica)["w1"]["running"], 20, "w1 does not come back")
    assert SECRET not in str(made)
