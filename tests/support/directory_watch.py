"""What an application sees of a set's directory while playbooks work: every version, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pymysql

from examples.dbrw import READ, Server
from examples.dbrw import Topology as Members
from examples.directory import Directory, Version
from tests.integration.lines import TestServer, Topology

ACTIVE = "SELECT active FROM fabric.replica_set WHERE name = 'fabric'"
_PAUSE_SECONDS = 0.02


@dataclass
class Watch:
    """Versions, and who took writes by the directory, in the order in which a client saw them.

    ``told`` has the moment of each; ``opened`` is when a member first took writes. ``held_up`` is how
    long this process got no time at most: a machine that is busy with other things.
    """

    told: dict[tuple[Version, str], float] = field(default_factory=dict)
    opened: dict[str, float] = field(default_factory=dict)
    held_up: float = 0.0

    @property
    def seen(self) -> list[tuple[Version, str]]:
        return list(self.told)

    def delay(self, version: Version, active: str) -> float:
        """Seconds from when a member took writes until a client was told so, without that time."""
        return self.told[version, active] - self.opened[active] - self.held_up


@contextmanager
def watched(topology: Topology, *names: str) -> Iterator[Watch]:
    """Watch, with the client of the examples, and with a look at each member by itself."""
    password = (topology.folder / "secrets/directory").read_text(encoding="utf-8").strip()
    servers = [topology.server(name) for name in names]
    members = Members(
        [Server(one.name, READ, "dc1", one.address, one.port) for one in servers],
        increment=1,
        user="directory",
        password=password,
    )
    watch, ended = Watch(), threading.Event()
    directory = Directory(members, "dc1")

    def ask() -> None:
        while not ended.wait(_PAUSE_SECONDS):
            version = directory.version
            active = directory.look_up(ACTIVE).value
            # Between the two the poll may have learned of a newer one.
            if version == directory.version:
                watch.told.setdefault((version, active), time.monotonic())
        directory.close()

    def pace() -> None:
        before = time.monotonic()
        while not ended.wait(_PAUSE_SECONDS):
            now = time.monotonic()
            watch.held_up = max(watch.held_up, now - before - _PAUSE_SECONDS)
            before = now

    def look(server: TestServer) -> None:
        while not ended.wait(_PAUSE_SECONDS):
            if server.name not in watch.opened and _is_open(server):
                watch.opened[server.name] = time.monotonic()

    # Answered before anything begins: what is known goes on while no member answers.
    directory.look_up(ACTIVE)
    threads = [threading.Thread(target=one, daemon=True) for one in (ask, pace)]
    threads += [threading.Thread(target=look, args=(one,), daemon=True) for one in servers]
    with directory.polled():
        for thread in threads:
            thread.start()
        try:
            yield watch
            # What comes last is seen, too.
            time.sleep(1)
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def _is_open(server: TestServer) -> bool:
    try:
        with (
            server.admin(connect_timeout=1, read_timeout=1) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT @@GLOBAL.read_only")
            return not int(cursor.fetchone()[0])
    except pymysql.MySQLError:
        return False
