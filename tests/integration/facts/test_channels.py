"""What servers do with channels by themselves, which the module answers to.

Each test is a fact that something was decided by. One that fails on a new
version of a server asks for that decision to be looked at again.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any

import pymysql
import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channels import (
    has_applied,
)
from tests.integration.conftest import forget_binary_logs, outside_binary_log, restart
from tests.integration.lines import TestServer, Topology, wait_until
from tests.support.replication import (
    PASSWORD,
    SECRET,
    control,
    make_account,
    make_by_hand,
    remove,
    status,
)

pytestmark = pytest.mark.lines("later")

NAMES = ("fact1", "fact2")


@pytest.fixture(scope="module")
def source(bare: Topology) -> Iterator[TestServer]:
    server = bare.server("w1")
    make_account(server, "follower")
    yield server
    outside_binary_log(server, "DROP USER follower")


@pytest.fixture
def replica(bare: Topology, source: TestServer) -> Iterator[TestServer]:
    server = bare.server("r1")
    forget_binary_logs(source, server)
    yield server
    for name in NAMES:
        if name in present(server):
            control(server, "STOP", name)
            remove(server, name)


@pytest.fixture
def config(replica: TestServer) -> Iterator[Path]:
    """A file that the replica reads when it starts."""
    file = replica.work_dir / "conf.d" / "facts.cnf"
    yield file
    file.unlink(missing_ok=True)


def present(server: TestServer) -> set[str]:
    show = "SHOW REPLICA STATUS" if server.flavour == "mysql" else "SHOW ALL SLAVES STATUS"
    return {row.get("Channel_Name") or row.get("Connection_name") for row in server.rows(show)}


def error(server: TestServer, sql: str, *args: Any) -> int:
    """Return the number of the error that a statement gives."""
    with pytest.raises(pymysql.MySQLError) as raised:
        server.rows(sql, *args)
    number: int = raised.value.args[0]
    return number


def filter_databases(server: TestServer, name: str, databases: str) -> str:
    """Return the statement that has a channel apply some databases only."""
    if server.flavour == "mysql":
        return f"CHANGE REPLICATION FILTER REPLICATE_DO_DB = ({databases}) FOR CHANNEL '{name}'"
    return f"SET GLOBAL `{name}`.replicate_do_db = '{databases}'"


def heartbeat(server: TestServer, name: str) -> str:
    """Return a statement that changes a setting of a channel's receiver."""
    if server.flavour == "mysql":
        return f"CHANGE REPLICATION SOURCE TO SOURCE_HEARTBEAT_PERIOD = 3 FOR CHANNEL '{name}'"
    return f"CHANGE MASTER '{name}' TO MASTER_HEARTBEAT_PERIOD = 3"


def test_nothing_is_changed_of_a_channel_that_runs(replica: TestServer, source: TestServer) -> None:
    """So the module compares first, and stops the one channel that differs."""
    make_by_hand(replica, "fact1", source, "follower")
    control(replica, "START", "fact1")
    mysql = replica.flavour == "mysql"
    assert error(replica, heartbeat(replica, "fact1")) == (3021 if mysql else 1198)
    assert error(replica, filter_databases(replica, "fact1", "a")) == (3085 if mysql else 1198)
    remove = "RESET REPLICA ALL FOR CHANNEL 'fact1'" if mysql else "RESET SLAVE 'fact1' ALL"
    assert error(replica, remove) == (3081 if mysql else 1198)
    if mysql:
        # What the applier keeps has another error, and both together a third.
        change = "CHANGE REPLICATION SOURCE TO {} FOR CHANNEL 'fact1'"
        assert error(replica, change.format("SOURCE_DELAY = 1")) == 3085
        assert error(replica, change.format("SOURCE_DELAY = 1, SOURCE_AUTO_POSITION = 0")) == 3081


def test_what_a_channel_is_by_default(replica: TestServer, source: TestServer) -> None:
    """MySQL gives up after ten attempts, a minute apart; so 0, and a few seconds, are said."""
    make_by_hand(replica, "fact1", source, "follower")
    told = status(replica, "fact1")
    assert told["connect_retry"] == 60
    if replica.flavour == "mysql":
        assert told["source_retry_count"] == 10
        replica.rows("CHANGE REPLICATION SOURCE TO SOURCE_RETRY_COUNT = 0 FOR CHANNEL 'fact1'")
        assert status(replica, "fact1")["source_retry_count"] == 0
        assert told["source_tls_version"] == ""
        # It takes any word, and never connects with it.
        replica.rows("CHANGE REPLICATION SOURCE TO SOURCE_TLS_VERSION = 'x' FOR CHANNEL 'fact1'")
        assert status(replica, "fact1")["source_tls_version"] == "x"
    else:
        assert "source_retry_count" not in told
        assert error(replica, "CHANGE MASTER 'fact1' TO MASTER_TLS_VERSION = 'TLSv1.3'") == 1064


class Interrupted:
    """A way to a server on which connections end when a replica asks for the binary log.

    Of the connections that ask, the first ``TIMES`` are ``ended`` and the others ``let_through``.
    """

    DUMP_REQUESTS = (0x12, 0x1E)
    TIMES = 3

    def __init__(self, server: TestServer) -> None:
        self.server = server
        self.ended = self.let_through = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # A thread that accepts would keep the socket open.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self.listener.accept()
                server = socket.create_connection((self.server.address, self.server.port))
                for carry in (self._ask, self._answer):
                    threading.Thread(target=carry, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with closing(server), closing(client), suppress(OSError):
            # Each packet: three bytes of length, its number, and of a command the first byte.
            while head := client.recv(4, socket.MSG_WAITALL):
                body = client.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL)
                if head[3] == 0 and body[:1] and body[0] in self.DUMP_REQUESTS:
                    if self.ended < self.TIMES:
                        self.ended += 1
                        break
                    self.let_through += 1
                server.sendall(head + body)
            for one in (client, server):
                # The other thread, which reads, would keep it open.
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)


@pytest.fixture
def way(source: TestServer) -> Iterator[Interrupted]:
    made = Interrupted(source)
    yield made
    made.close()


def follow_interrupted(replica: TestServer, source: TestServer, way: Interrupted) -> None:
    """Make a channel that goes the interrupted way and tries every second, and start it."""
    make_by_hand(replica, "fact1", source, "follower")
    address = "127.0.0.1", way.port
    if replica.flavour == "mysql":
        replica.rows(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_SSL = 0, "
            "SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0 FOR CHANNEL 'fact1'",
            *address,
        )
    else:
        replica.rows(
            "CHANGE MASTER 'fact1' TO MASTER_HOST = %s, MASTER_PORT = %s, MASTER_SSL = 0, "
            "MASTER_CONNECT_RETRY = 1",
            *address,
        )
    control(replica, "START", "fact1")


def assert_becomes(replica: TestServer, way: Interrupted, *expected: int | str) -> None:
    """Wait for the connections ended and let through, and whether the receiving thread runs."""
    wait_until(
        lambda: (
            (way.ended, way.let_through, status(replica, "fact1")["replica_io_running"]) == expected
        ),
        20,
        f"ended, let through, running: not {expected}",
    )
    told = status(replica, "fact1")
    assert (told["last_io_errno"], told["last_io_error"]) == (0, ""), told


def test_a_channel_outlives_connections_lost_in_a_row(
    replica: TestServer, source: TestServer, way: Interrupted
) -> None:
    """With what the collection sets: 0 tries for MySQL's channel, the role's limit for MariaDB."""
    follow_interrupted(replica, source, way)
    assert_becomes(replica, way, way.TIMES, 1, "Yes")


@pytest.mark.flavour("mariadb")
def test_without_a_limit_mariadb_gives_up_at_the_second_loss(
    bare: Topology, replica: TestServer, source: TestServer, config: Path, way: Interrupted
) -> None:
    """So the role sets a limit that is never reached, and not 0.

    It tries to connect without end. But a receiving thread that loses two connections without
    an event between them ends for ever, and tells no error.
    """
    config.write_text("[mysqld]\nmaster_retry_count = 0\n")
    restart(bare, replica)
    try:
        follow_interrupted(replica, source, way)
        assert_becomes(replica, way, 2, 0, "No")
    finally:
        config.unlink()
        restart(bare, replica)


def test_who_verifies_a_source_by_default(replica: TestServer, source: TestServer) -> None:
    """MariaDB from 11.4 on, MySQL never: whoever wants the one or the other has to say it."""
    if replica.flavour == "mysql":
        replica.rows(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_USER = 'x' FOR CHANNEL 'fact1'",
            source.address,
        )
    else:
        replica.rows("CHANGE MASTER 'fact1' TO MASTER_HOST = %s, MASTER_USER = 'x'", source.address)

    def tls() -> tuple[str, str]:
        told = status(replica, "fact1")
        return told["source_ssl_allowed"], told["source_ssl_verify_server_cert"]

    by_default = {
        "mariadb-10.11": ("No", "No"),
        "mariadb-11.8": ("Yes", "Yes"),
        "mysql-9.7": ("Yes", "No"),
    }[replica.host.line.name]
    assert tls() == by_default
    if replica.flavour == "mysql":
        replica.rows("CHANGE REPLICATION SOURCE TO SOURCE_SSL = 0 FOR CHANNEL 'fact1'")
    else:
        # It goes on saying that it verifies, where there is nothing to verify.
        replica.rows("CHANGE MASTER 'fact1' TO MASTER_SSL = 0")
    assert tls() == ("No", by_default[1])


def test_who_shows_the_stored_password(replica: TestServer, source: TestServer) -> None:
    """Where it is shown it is compared; elsewhere only a denied access tells."""
    make_by_hand(replica, "fact1", source, "follower")
    assert SECRET not in str(status(replica, "fact1"))
    if replica.flavour == "mysql":
        (row,) = replica.rows(
            "SELECT User_password AS password FROM mysql.slave_master_info "
            "WHERE Channel_name = 'fact1'"
        )
        stored = row["password"]
        assert (stored.decode() if isinstance(stored, bytes) else stored) == PASSWORD
    else:
        assert error(replica, "SELECT * FROM mysql.slave_master_info") == 1146


def test_where_a_channels_state_can_be_asked_for(server: TestServer) -> None:
    """MariaDB's performance_schema is off by default, so its channels are asked for by SHOW."""
    assert server.value("SELECT @@performance_schema") == (server.flavour == "mysql")


def test_two_channels_to_one_source(replica: TestServer, source: TestServer) -> None:
    """MariaDB refuses the second where it is told the port; MySQL's two throw each other out."""
    make_by_hand(replica, "fact1", source, "follower")
    if replica.flavour == "mariadb":
        with pytest.raises(pymysql.MySQLError) as raised:
            make_by_hand(replica, "fact2", source, "follower")
        assert raised.value.args[0] == 1934
        return
    make_by_hand(replica, "fact2", source, "follower")
    for name in NAMES:
        control(replica, "START", name)
    (thrown_out,) = wait_until(
        lambda: [name for name in NAMES if status(replica, name)["last_io_errno"]],
        10,
        "both channels go on",
    )
    told = status(replica, thrown_out)
    assert told["last_io_errno"] == 13114 and "same server_uuid" in told["last_io_error"]
    # And it does not come back.
    assert told["replica_io_running"] == "No"


def test_filters_of_a_channel_after_it_is_removed(replica: TestServer, source: TestServer) -> None:
    """MariaDB gives them to the next channel of the name, unseen until then."""
    make_by_hand(replica, "fact1", source, "follower")
    replica.rows(filter_databases(replica, "fact1", "a"))
    assert status(replica, "fact1")["replicate_do_db"] == "a"
    remove(replica, "fact1")
    if replica.flavour == "mariadb":
        assert replica.value("SELECT @@GLOBAL.`fact1`.replicate_do_db") is None
        assert error(replica, filter_databases(replica, "fact1", "")) == 1210
    make_by_hand(replica, "fact1", source, "follower")
    left = "a" if replica.flavour == "mariadb" else ""
    assert status(replica, "fact1")["replicate_do_db"] == left
    if replica.flavour == "mariadb":
        replica.rows(filter_databases(replica, "fact1", ""))


def test_what_filters_cannot_say(replica: TestServer, source: TestServer) -> None:
    """So such names are refused before anything is touched."""
    make_by_hand(replica, "fact1", source, "follower")
    if replica.flavour == "mysql":
        replica.rows(filter_databases(replica, "fact1", "`a,b`, `c`"))
        # One name and two are shown alike.
        assert status(replica, "fact1")["replicate_do_db"] == "a,b,c"
        return
    replica.rows("SET GLOBAL `fact1`.replicate_rewrite_db = 'a->b c'")
    assert status(replica, "fact1")["replicate_rewrite_db"] == "a->b"
    replica.rows("SET GLOBAL `fact1`.replicate_rewrite_db = ''")
    # What it refuses it has half done.
    replica.rows("SET GLOBAL `fact1`.replicate_do_table = 'a.b'")
    assert error(replica, "SET GLOBAL `fact1`.replicate_do_table = 'a.c,without_a_dot'") == 1210
    assert replica.value("SELECT @@GLOBAL.`fact1`.replicate_do_table") == "a.c"
    replica.rows("SET GLOBAL `fact1`.replicate_do_table = ''")


def test_filters_after_a_restart(
    bare: Topology, replica: TestServer, source: TestServer, config: Path
) -> None:
    """Set at run time they are gone, so they stand in a file too, under the very name."""
    mysql = replica.flavour == "mysql"
    make_by_hand(replica, "fact1", source, "follower")
    replica.rows(filter_databases(replica, "fact1", "a"))
    line = "replicate_ignore_db = {}:{}\n" if mysql else "{}.replicate_ignore_db = {}\n"
    # Statements take a channel's name in capitals too; a file only on MariaDB 11.8.
    wanted = [("fact1", "b"), ("FACT1", "c"), ("fact2", "d")]
    config.write_text("[mysqld]\n" + "".join(line.format(*one) for one in wanted))
    restart(bare, replica)
    told = status(replica, "fact1")
    capitals_too = not mysql and not replica.version.startswith("10.")
    assert told["replicate_ignore_db"] == ("b,c" if capitals_too else "b")
    assert told["replicate_do_db"] == ""
    # A channel that is made afterwards: MySQL has thrown its filters away.
    replica.rows(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.9.9.9', SOURCE_USER = 'x' "
        "FOR CHANNEL 'fact2'"
        if mysql
        else "CHANGE MASTER 'fact2' TO MASTER_HOST = '127.9.9.9', MASTER_USER = 'x'"
    )
    assert status(replica, "fact2")["replicate_ignore_db"] == ("" if mysql else "d")
    for name in NAMES:
        control(replica, "STOP", name)
        remove(replica, name)
    config.unlink()
    restart(bare, replica)


def test_to_mysql_no_time_to_wait_is_without_end(server: TestServer) -> None:
    """A wait whose time is over asks for a moment more."""
    mysql = server.flavour == "mysql"
    position = "11111111-2222-3333-4444-555555555555:1" if mysql else "99-99-1"
    function = "WAIT_FOR_EXECUTED_GTID_SET" if mysql else "MASTER_GTID_WAIT"
    hangs = pytest.raises(pymysql.OperationalError, match="2013") if mysql else nullcontext()
    with hangs, server.admin(read_timeout=2) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, 0)", (position,))
    # It would raise after these 2 s.
    with closing(connect(Login(unix_socket=server.socket, user="root", read_timeout=2))) as asked:
        assert not has_applied(asked, position, 0)
