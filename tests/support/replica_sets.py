"""A replica set of real servers for tests: made by the module, written to, broken, and looked at."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pymysql

from tests.integration.lines import Host, TestServer, Topology, running_topology, wait_until
from tests.integration.modules import run_module

MODULE, INFO = "mysql_replica_set", "mysql_replica_set_info"
NAME, PASSWORD = "fabric", "hushed operator"
F3 = {
    "fabric_servers": {
        "f3": {
            "dbrw_datacenter": "dc1",
            "dbrw_server_id": 203,
            "dbrw_set_offset": 3,
            "dbrw_address": "127.1.{{ local_net }}.202",
        }
    }
}
# A row has the epoch that its server knew.
INSERT = "INSERT INTO shop.t (tag, epoch) VALUES (%s, (SELECT MAX(epoch) FROM dbrw.epoch))"
# What a session is told whose server has just been closed, or has gone.
CLOSED, LOST, NO_SERVER, SHUTDOWN = 1290, 2013, 2003, 1053


@contextmanager
def set_servers(host: Host) -> Iterator[Topology]:
    """Give f1, f2 and f3 as the role mysqld leaves members: closed, and strangers to each other."""
    with running_topology(host, "set", "f1", "f2", more=F3) as topology:
        topology.playbook("servers.yml")
        yield topology


@dataclass
class ReplicaSet:
    """Some of the servers as one set, with accounts that were made by hand."""

    topology: Topology
    names: tuple[str, ...] = ("f1", "f2")
    durability: str = "available"

    def __getitem__(self, name: str) -> TestServer:
        return self.topology.server(name)

    @property
    def servers(self) -> list[TestServer]:
        return [self[name] for name in self.names]

    def reset(self) -> None:
        """Let all three servers be as new ones: running, closed, empty, with accounts alone."""
        for name in ("f1", "f2", "f3"):
            start(self[name])
            as_new(self[name])

    def members(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "host": self[name].address,
                "port": self[name].port,
                "replication_user": f"replication_{name}",
                "replication_password": PASSWORD,
            }
            for name in self.names
        ]

    def options(self, here: str, **more: Any) -> dict[str, Any]:
        return {
            "name": NAME,
            "member": here,
            "members": self.members(),
            "durability": self.durability,
            "operator_password": PASSWORD,
            "operator_tls": False,
            "connect_timeout": 10,
            **more,
        }

    def call(self, here: str, check: bool = False, **more: Any) -> dict[str, Any]:
        """Call the module on a member; it may fail."""
        given = self.options(here, source_ssl=False, **more)
        return run_module(MODULE, self[here], check, **given)

    def settle(self, here: str = "f1", **more: Any) -> dict[str, Any]:
        """Call the module on a member, which must succeed and have nothing left to do."""
        result = self.call(here, **more)
        assert "failed" not in result, result
        again = self.call(here, **{key: one for key, one in more.items() if key != "failover"})
        assert "failed" not in again and not again["changed"], again
        return result

    def info(self, here: str = "f1") -> dict[str, Any]:
        told = run_module(INFO, self[here], **self.options(here))
        assert "failed" not in told, told
        assert told["changed"] is False
        return told

    def codes(self, here: str = "f1") -> list[str]:
        """Return the codes of the diagnosis, without their common beginning."""
        return [one["code"].split(".")[1] for one in self.info(here)["diagnosis"]]


def is_open(server: TestServer) -> bool:
    """Tell whether applications can write on a server."""
    return str(server.value("SELECT @@GLOBAL.read_only")) == "0"


def pair_of(topology: Topology) -> tuple[TestServer, TestServer]:
    """Return the active writer of f1 and f2, and the other one."""
    servers = [topology.server(name) for name in ("f1", "f2")]
    (active,) = [server for server in servers if is_open(server)]
    (other,) = [server for server in servers if server is not active]
    return active, other


@contextmanager
def lifted(server: TestServer) -> Iterator[None]:
    """Let root write on a closed server; on MariaDB it can."""
    is_lifted = server.flavour == "mysql" and not is_open(server)
    if is_lifted:
        server.rows("SET GLOBAL super_read_only = 0")
    yield
    if is_lifted:
        server.rows("SET GLOBAL super_read_only = 1")


def start(server: TestServer) -> None:
    """Start a member that was ended, as its host does, and wait until it answers."""
    if server.answers():
        return
    server.close()
    program = "mariadbd" if server.host.line.flavour == "mariadb" else "mysqld"
    config = server.work_dir / "my.cnf"
    server.host.run(
        "sh",
        "-c",
        f"PATH=$PATH:/usr/sbin setsid {program} --defaults-file={config} </dev/null "
        f">/dev/null 2>&1 &",
    )
    wait_until(server.answers, 30, f"{server.name} does not start: {server.error_log()}")


def as_new(server: TestServer, *more: str) -> None:
    """Let a server forget its set and its rows, and give it the set's accounts.

    ``more`` is done outside the binary log, before it is closed.
    """
    server.close()
    users = ["operator", "app", *(f"replication_{name}" for name in ("f1", "f2", "f3"))]
    if server.flavour == "mysql":
        before = ["STOP REPLICA", f"RESET REPLICA ALL FOR CHANNEL '{NAME}'"]
        source, forget = "rpl_semi_sync_source", ["RESET BINARY LOGS AND GTIDS"]
        closed = "super_read_only"
    else:
        before = ["STOP ALL SLAVES", f"RESET SLAVE '{NAME}' ALL"]
        source, forget = "rpl_semi_sync_master", ["RESET MASTER", "SET GLOBAL gtid_slave_pos = ''"]
        closed = "read_only"
    for number in _others(server):
        _try(server, f"KILL {number}")
    for statement in before:
        _try(server, statement)
    for statement in (
        f"SET GLOBAL {source}_enabled = 0",
        f"SET GLOBAL {source}_timeout = 10000",
        "SET GLOBAL read_only = 0",
        "SET SESSION sql_log_bin = 0",
        *(f"DROP SCHEMA IF EXISTS {schema}" for schema in ("shop", "dbrw")),
        *(f"DROP USER IF EXISTS {user}" for user in users),
        *(f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}'" for user in users),
        "GRANT ALL ON *.* TO operator WITH GRANT OPTION",
        "GRANT ALL ON shop.* TO app",
        "GRANT SELECT ON dbrw.* TO app",
        *(f"GRANT REPLICATION SLAVE ON *.* TO {user}" for user in users[2:]),
        *more,
        *forget,
        f"SET GLOBAL {closed} = 1",
    ):
        server.rows(statement)
    server.close()


def _others(server: TestServer) -> list[int]:
    rows = server.rows("SHOW PROCESSLIST")
    users = ("operator", "app", "root")
    own = server.value("SELECT CONNECTION_ID()")
    return [row["Id"] for row in rows if row["User"] in users and row["Id"] != own]


def _try(server: TestServer, statement: str) -> None:
    """Run what has nothing to do on a server that is new already."""
    try:
        server.rows(statement)
    except pymysql.MySQLError as error:
        # No such channel, no such session.
        assert error.args[0] in (1617, 3074, 1094), error


def make_table(server: TestServer) -> None:
    """Make the table that clients write to, on the active writer."""
    server.rows("CREATE SCHEMA shop")
    server.rows(
        "CREATE TABLE shop.t (id BIGINT AUTO_INCREMENT PRIMARY KEY, tag VARCHAR(40) NOT NULL, "
        "epoch BIGINT, KEY (tag))"
    )


@dataclass(frozen=True)
class Acknowledged:
    """A row that a server has acknowledged, when it was sent, and when that was known."""

    tag: str
    server: str
    sent: float
    at: float


def two_at_once(acknowledged: Sequence[Acknowledged], epochs: Mapping[str, int]) -> list[str]:
    """Say where two servers have taken writes at once, by rows with their epochs.

    An epoch has one active writer. From the first to the last row of its epoch a server has taken
    writes all the time, so that no row of another may have been sent and acknowledged meanwhile.
    """
    ended: dict[tuple[int, str], float] = {}
    begun: dict[tuple[int, str], float] = {}
    for one in acknowledged:
        key = epochs[one.tag], one.server
        ended[key] = min(one.at, ended.get(key, one.at))
        begun[key] = max(one.sent, begun.get(key, one.sent))
    writers: dict[int, set[str]] = {}
    for epoch, name in ended:
        writers.setdefault(epoch, set()).add(name)
    found = [
        f"epoch {epoch}: {', '.join(sorted(names))} have acknowledged rows"
        for epoch, names in writers.items()
        if len(names) > 1
    ]
    return found + [
        f"{one.server} has acknowledged {one.tag} while {name} took writes in epoch {epoch}"
        for one in acknowledged
        for (epoch, name), first in ended.items()
        if name != one.server and first < one.sent and one.at < begun[epoch, name]
    ]


@dataclass
class Clients:
    """Clients that insert rows one by one where it is possible, and remember what was acknowledged.

    ``hopping`` ones go to another member when theirs does not take writes; the others are
    observers that try to write to their own member again and again.
    """

    members: ReplicaSet
    number: int = 4
    user: str = "app"
    acknowledged: list[Acknowledged] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Clients:
        for number in range(self.number):
            self._begin(f"c{number}", list(self.members.names))
        for name in self.members.names:
            self._begin(f"o-{name}", [name])
        self.go_on()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _begin(self, label: str, names: list[str]) -> None:
        thread = threading.Thread(target=self._write, args=(label, names), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _write(self, label: str, names: list[str]) -> None:
        connection, turn, number = None, 0, 0
        while not self._stop.is_set():
            name = names[turn % len(names)]
            server = self.members[name]
            number += 1
            tag = f"{label}-{number}"
            try:
                if connection is None:
                    connection = pymysql.connect(
                        host=server.address,
                        port=server.port,
                        user=self.user,
                        password=PASSWORD,
                        autocommit=True,
                        connect_timeout=2,
                        read_timeout=60,
                        ssl_disabled=server.flavour == "mariadb",
                    )
                sent = time.monotonic()
                with connection.cursor() as cursor:
                    cursor.execute(INSERT, (tag,))
                self.acknowledged.append(Acknowledged(tag, name, sent, time.monotonic()))
            except (pymysql.MySQLError, OSError) as error:
                self.errors.append(f"{time.monotonic():.2f} {name} {error.args}")
                if connection is not None and error.args[0] != CLOSED:
                    connection.close()
                if error.args[0] != CLOSED or len(names) > 1:
                    connection = None
                turn += 1
                time.sleep(0.01)
            time.sleep(0.002)
        if connection is not None and connection.open:
            connection.close()

    def go_on(self, number: int = 20) -> None:
        """Wait until so many rows more are acknowledged."""
        wanted = len(self.acknowledged) + number
        wait_until(lambda: len(self.acknowledged) > wanted, 30, "nothing is acknowledged any more")

    def longest_pause(self) -> float:
        """Return the longest time in which no row was acknowledged, in seconds."""
        times = sorted(one.at for one in self.acknowledged)
        return max((after - before for before, after in zip(times, times[1:])), default=0.0)

    def check(self, *servers: TestServer) -> None:
        """No acknowledged row is lost or there twice, on each of the servers, and all are equal.

        Nor have two members taken writes at once.
        """
        tags = [one.tag for one in self.acknowledged]
        assert len(set(tags)) == len(tags)
        found = []
        for server in servers:
            rows = [row["tag"] for row in server.rows("SELECT tag FROM shop.t ORDER BY id")]
            lost = set(tags) - set(rows)
            assert not lost, f"{len(lost)} of {len(tags)} lost on {server.name}: {sorted(lost)[:5]}"
            assert len(set(rows)) == len(rows), f"rows twice on {server.name}"
            found.append(rows)
        assert all(rows == found[0] for rows in found)
        epochs = {
            row["tag"]: row["epoch"] for row in servers[0].rows("SELECT tag, epoch FROM shop.t")
        }
        assert two_at_once(self.acknowledged, epochs) == []
