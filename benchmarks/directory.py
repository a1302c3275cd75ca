"""Lookups in the directory: through SQL on the local member, cached, and the module that fills it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from typing import Any

import pymysql

from benchmarks.measure import Sample, Table, number, part
from benchmarks.servers import READER, Failed, Servers, called
from demo.report import Report
from examples.dbrw import READ, Server, Topology
from examples.directory import Directory

MODULE = "mysql_fabric_directory"
MODULE_SECONDS = 600.0
SIZES = (10, 100, 1000)
TENANTS = 10_000
CLIENTS = (1, 8)
# Of each client; those that connect each time ask as often as fits in a like time.
LOOKUPS, CONNECTS, CACHED = 3000, 300, 100_000
ONE_P99, EIGHT_P50, CACHED_AIM = 1e-3, 0.5e-3, 10e-6
# One more server may take so much longer in the larger step than in the smaller.
GROWTH_AIM = 1.2
LOOKUP = "SELECT fabric.shard_for_tenant(%s)"
PASSWORD = "benchmark"


@dataclass(frozen=True)
class Lookups:
    """What some clients at once have measured; ``each`` has the seconds of every lookup."""

    clients: int
    seconds: float
    each: tuple[float, ...]

    @property
    def a_second(self) -> float:
        """Return how many there were a second."""
        return len(self.each) / self.seconds

    def part(self, share: float) -> float:
        """Return the seconds within which this share of the lookups was answered."""
        return part(self.each, share)


@dataclass
class Lookup:
    """All that is measured of the directory."""

    # By the number of clients: over a connection that is kept, and over a new one each time.
    kept: dict[int, Lookups] = field(default_factory=dict)
    connecting: dict[int, Lookups] = field(default_factory=dict)
    cached_seconds: list[float] = field(default_factory=list)
    # By the number of servers: a first run, and one that changes nothing.
    made: dict[int, list[float]] = field(default_factory=dict)
    again: dict[int, list[float]] = field(default_factory=dict)


def measure(servers: Servers, repetitions: int, report: Report) -> Lookup:
    """Make directories of each size on the read server, and ask the largest."""
    found = Lookup()
    with servers.session(READER) as cursor, _directory_made(cursor):
        for repetition in range(1, repetitions + 1):
            for size in SIZES:
                cursor.execute("DROP SCHEMA IF EXISTS fabric")
                found.made.setdefault(size, []).append(_module(servers, size, True))
                _register(cursor, TENANTS)
                found.again.setdefault(size, []).append(_module(servers, size, False))
                report.say(
                    f"a directory of {size:,} servers, run {repetition} of {repetitions}: "
                    f"{number(found.made[size][-1])} s, again {number(found.again[size][-1])} s"
                )
        address = _address(cursor)
        for clients in CLIENTS:
            found.kept[clients] = _ask(address, clients, LOOKUPS, False)
            found.connecting[clients] = _ask(address, clients, CONNECTS, True)
            report.say(
                f"{clients} client(s): {found.kept[clients].a_second:,.0f} lookups a second, "
                f"{found.connecting[clients].a_second:,.0f} with connecting"
            )
        for _repetition in range(repetitions):
            found.cached_seconds.append(_cached(address))
        report.say(f"cached: {1e6 * found.cached_seconds[-1]:.1f} us a lookup")
    return found


@contextmanager
def _directory_made(cursor: Any) -> Iterator[None]:
    """Give the server what the active writer of a set has, and the account; remove all after."""
    users = ("directory", "fabric_owner@localhost")
    statements = [
        "DROP SCHEMA IF EXISTS fabric",
        "DROP SCHEMA IF EXISTS dbrw",
        *(f"DROP USER IF EXISTS {user}" for user in users),
        *(f"DROP ROLE IF EXISTS {role}" for role in ("fabric_directory", "fabric_supervision")),
    ]
    cursor.execute("SELECT @@GLOBAL.read_only")
    (closed,) = cursor.fetchone()
    cursor.execute("CREATE SCHEMA dbrw")
    cursor.execute(
        "CREATE TABLE dbrw.epoch (epoch BIGINT UNSIGNED PRIMARY KEY, active VARCHAR(64) NOT NULL)"
    )
    cursor.execute("INSERT INTO dbrw.epoch VALUES (1, 'm1')")
    cursor.execute("SET GLOBAL read_only = 0")
    try:
        yield
    finally:
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET GLOBAL read_only = %s", (closed,))


def wanted(size: int) -> dict[str, Any]:
    """Return what the inventory would say of a topology of this many servers."""
    shards = max(1, size // 10)
    members = [
        {
            "name": f"m{one}",
            "kind": "member",
            "replica_set": "fabric" if one == 1 else f"s{one - 1}",
        }
        for one in range(1, shards + 2)
    ]
    readers: list[dict[str, Any]] = [{"name": f"r{one}", "kind": "read"} for one in range(1, 3)]
    writers: list[dict[str, Any]] = [
        {"name": f"w{one}", "kind": "write", "id_increment": 2000, "id_offset": one}
        for one in range(1, size - len(members) - len(readers) + 1)
    ]
    every = [*members, *readers, *writers]
    return {
        "sets": [
            {"name": "fabric"},
            *(
                {"name": f"s{one}", "shard_number": one, "active": f"m{one + 1}"}
                for one in range(1, shards + 1)
            ),
        ],
        "servers": [
            {**server, "datacenter": f"dc{1 + place % 2}", "host": f"host-{server['name']}"}
            for place, server in enumerate(every)
        ],
        "announce": [server["name"] for server in every],
    }


def _module(servers: Servers, size: int, changes: bool) -> float:
    """Run the module as Ansible does, as a process; return its seconds."""
    arguments = {
        "login_unix_socket": servers.socket(READER),
        "login_user": "root",
        **wanted(size),
    }
    seconds, said = called(MODULE, arguments, MODULE_SECONDS)
    if said["changed"] != changes:
        raise Failed(f"mysql_fabric_directory with {size} servers, changed is not {changes}")
    return seconds


def _register(cursor: Any, tenants: int) -> None:
    cursor.execute("START TRANSACTION")
    for one in range(1, tenants + 1):
        cursor.execute(f"CALL fabric.register_tenant('Customer {one}', 'customer_{one}', 's1')")
    cursor.execute("COMMIT")


def _address(cursor: Any) -> tuple[str, int]:
    """Make the account of applications; return where the server listens."""
    cursor.execute(f"CREATE USER directory IDENTIFIED BY '{PASSWORD}'")
    cursor.execute("GRANT fabric_directory TO directory")
    cursor.execute("SET DEFAULT ROLE fabric_directory FOR directory")
    cursor.execute("SELECT @@bind_address, @@port")
    host, port = cursor.fetchone()
    return str(host), int(port)


def _ask(address: tuple[str, int], clients: int, lookups: int, connects: bool) -> Lookups:
    """Let clients ask at once, each a process of its own."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(clients)
    with context.Pool(clients, _begin, (barrier,)) as pool:
        told = pool.starmap(
            _client, [(address, one, lookups, connects) for one in range(clients)], chunksize=1
        )
    each = [seconds for _from, _until, some in told for seconds in some]
    taken = max(until for _from, until, _some in told) - min(began for began, _until, _some in told)
    return Lookups(clients, taken, tuple(each))


_barriers: list[Barrier] = []


def _begin(barrier: Barrier) -> None:
    _barriers.append(barrier)


def _client(
    address: tuple[str, int], number_of_client: int, lookups: int, connects: bool
) -> tuple[float, float, list[float]]:
    """Ask for tenants in no order; return from when until when, and the seconds of each."""

    def connect() -> Any:
        return pymysql.connect(
            host=address[0],
            port=address[1],
            user="directory",
            password=PASSWORD,
            autocommit=True,
            # Else the driver reads every authority of the system each time, which takes 30 ms.
            ssl_disabled=True,
        )

    connection = connect()
    each = []
    _barriers[0].wait(60)
    # Of one clock for all processes.
    began = time.monotonic()
    for lookup in range(lookups):
        tenant = f"Customer {1 + (lookup * 7919 + number_of_client * 104729) % TENANTS}"
        started = time.perf_counter()
        if connects:
            connection.close()
            connection = connect()
        with connection.cursor() as cursor:
            cursor.execute(LOOKUP, (tenant,))
            if cursor.fetchone() != ("s1",):
                raise Failed(f"{tenant} is not on s1")
        each.append(time.perf_counter() - started)
    ended = time.monotonic()
    connection.close()
    return began, ended, each


def _cached(address: tuple[str, int]) -> float:
    """Return the seconds of a lookup that the example's client has kept, polling beside it."""
    member = Server("m1", READ, "dc1", *address)
    directory = Directory(Topology([member], 1, "directory", PASSWORD), "dc1")
    with closing(directory), directory.polled():
        directory.look_up(LOOKUP, ("Customer 1",))
        started = time.perf_counter()
        for _lookup in range(CACHED):
            directory.look_up(LOOKUP, ("Customer 1",))
        return (time.perf_counter() - started) / CACHED


def connecting_share(found: Lookup, clients: int) -> float:
    """Return which part of a lookup over a new connection is connecting."""
    return 1 - found.kept[clients].part(0.5) / found.connecting[clients].part(0.5)


def table(found: Lookup) -> Table:
    """Return the lookups through SQL."""
    return Table(
        f"shard_for_tenant among {TENANTS:,} tenants, on the local member",
        (
            "clients",
            "lookups a second",
            "p50, ms",
            "p99, ms",
            "with connecting, p50",
            "is connecting",
        ),
        [
            [
                str(clients),
                f"{kept.a_second:,.0f}",
                f"{1e3 * kept.part(0.5):.2f}",
                f"{1e3 * kept.part(0.99):.2f}",
                f"{1e3 * found.connecting[clients].part(0.5):.2f}",
                f"{100 * connecting_share(found, clients):.0f} %",
            ]
            for clients, kept in found.kept.items()
        ],
    )


def module_table(found: Lookup) -> Table:
    """Return the module's times by the number of servers."""
    return Table(
        f"mysql_fabric_directory with {TENANTS:,} tenants: seconds, median (min–max)",
        ("servers", "makes it, without tenants", "changes nothing"),
        [
            [
                f"{size:,}",
                str(Sample(tuple(found.made[size]))),
                str(Sample(tuple(found.again[size]))),
            ]
            for size in found.made
        ],
    )


def growth(times: dict[int, list[float]]) -> float:
    """Return what one more server takes in the larger step, by what it takes in the smaller.

    Above 1 a time grows faster than a straight line. Where starting takes so long that the smaller
    step does not show, one more server there counts as the smallest time by the middle size.
    """
    small, middle, large = sorted(times)
    at = {size: Sample(tuple(seconds)).median for size, seconds in times.items()}
    first = (at[middle] - at[small]) / (middle - small)
    second = (at[large] - at[middle]) / (large - middle)
    return second / max(first, at[small] / middle)


def judged(found: Lookup) -> Sequence[str]:
    """Return each aim with whether it is met, as sentences."""

    def met(value: float, aim: float) -> str:
        return "**met**" if value <= aim else "**missed**"

    one, eight = found.kept[1].part(0.99), found.kept[8].part(0.5)
    cached = Sample(tuple(found.cached_seconds)).median
    growths = [growth(found.made), growth(found.again)]
    return [
        f"A lookup through SQL, p99 below 1 ms with one client: {met(one, ONE_P99)}, "
        f"{1e3 * one:.2f} ms.",
        f"A lookup through SQL, p50 below 0.5 ms with 8 clients: {met(eight, EIGHT_P50)}, "
        f"{1e3 * eight:.2f} ms.",
        f"A cached lookup below 10 µs: {met(cached, CACHED_AIM)}, {1e6 * cached:.1f} µs.",
        f"The time of mysql_fabric_directory grows at most linearly up to {max(SIZES):,} servers: "
        f"{met(max(growths), GROWTH_AIM)}, by a straight line {growths[0]:.2f} where it makes the "
        f"directory, and {growths[1]:.2f} where it changes nothing.",
    ]
