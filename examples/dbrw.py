"""How an application writes to many servers and reads from others.

The rule is the article's (https://blog.callr.tech/sharding-mysql-increment-offset/):

- INSERT on a write server and SELECT on a read server, chosen by weighted
  random among those of one's own data centre; another when one fails, those of
  other data centres after one's own.
- UPDATE on the server that made the id: ``id mod increment`` names it.

And two things that the rule needs so that nothing is lost or done twice:

- A server that has failed is left alone for some seconds; otherwise each
  statement would pay its connect timeout again.
- An INSERT that was sent and not acknowledged may have been committed. It is
  never sent elsewhere blindly: ``InDoubt`` says which server must be asked.

Made for one statement that is a transaction of its own (autocommit), which is
how usage data is written.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql

WRITE, READ = "write", "read"

# On loopback or a local network a server that lives answers at once; give
# servers across an ocean a little more.
CONNECT_SECONDS = 1.0
# Bounds the wait for any one answer: a server that hangs never says so. A
# client for reports, whose queries read whole tables, is given more.
ANSWER_SECONDS = 5.0
AVOID_SECONDS = 5.0

# The server answered that it will not do it: certainly nothing was done there.
# 1040, 1203, 1226: too many connections. 1129: host blocked. 1290, 1836: read only.
REFUSED = frozenset({1040, 1129, 1203, 1226, 1290, 1836})
# The server was interrupted, and its error does not tell before or after what.
# 1053: shutting down. 1180: error during COMMIT. 1317, 1927, 4031: killed.
INTERRUPTED = frozenset({1053, 1180, 1317, 1927, 4031})


@dataclass(frozen=True)
class Server:
    """One server as the application knows it; ``offset`` is a write server's alone."""

    name: str
    kind: str
    datacenter: str
    host: str
    port: int
    offset: int | None = None
    # Twice the weight, twice the statements; 0: in maintenance, not used at all.
    weight: float = 1


class NoServer(Exception):
    """No server could be reached, so nothing was sent: it can be tried again."""


class InDoubt(Exception):
    """A statement was sent to ``server`` and not acknowledged: it may have been committed.

    ``session`` names the session that ran it, for ``Client.has_ended``.
    """

    def __init__(self, server: Server, session: str, cause: Exception) -> None:
        self.server = server
        self.session = session
        super().__init__(f"{server.name} has not acknowledged what was sent to it: {cause}")


@dataclass
class Topology:
    """The servers, how to log in to them, and which of them failed lately.

    One for a process: what one thread learns about a server, all know.
    """

    servers: Sequence[Server]
    increment: int
    user: str = ""
    password: str = field(default="", repr=False)
    # File here with the authority that signed the servers' certificates. Without it
    # nobody is verified; PyMySQL then encrypts where the server can (1.2 and later).
    tls_ca: str = ""
    chance: random.Random = field(default_factory=random.Random, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _avoided_until: dict[str, float] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def from_file(cls, path: Path) -> Topology:
        """Read what ``playbooks/site.yml`` has written for applications."""
        config: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        tls_ca = config.get("tls_ca", "")
        if tls_ca and not Path(tls_ca).is_file():
            # Otherwise each server would seem not to answer.
            raise FileNotFoundError(f"{path}: its tls_ca {tls_ca} is not a file on this host")
        return cls(
            [Server(**server) for server in config["servers"]],
            config["increment"],
            config["user"],
            config["password"],
            tls_ca,
        )

    @property
    def tls(self) -> dict[str, Any]:
        """What PyMySQL needs to verify a server: its authority, and that it names the host."""
        if not self.tls_ca:
            return {}
        return {"ssl_ca": self.tls_ca, "ssl_verify_cert": True, "ssl_verify_identity": True}

    def of_kind(self, kind: str) -> list[Server]:
        """Return the servers of a kind, in the order of the configuration."""
        return [server for server in self.servers if server.kind == kind]

    def order(self, kind: str, datacenter: str) -> list[Server]:
        """Return the servers to try, best first.

        Weighted random; one's own data centre goes before others, and what has
        failed lately goes last: not nowhere, because it may be all there is.
        """
        now = self.clock()
        with self._lock:
            drawn = {
                # Sorting by this key draws by weight, without replacement
                # (Efraimidis and Spirakis, 2006).
                server.name: self.chance.random() ** (1 / server.weight)
                for server in self.of_kind(kind)
                if server.weight > 0
            }
            avoided = {name for name, until in self._avoided_until.items() if now < until}
        return sorted(
            (server for server in self.of_kind(kind) if server.name in drawn),
            key=lambda server: (
                server.name in avoided,
                server.datacenter != datacenter,
                -drawn[server.name],
            ),
        )

    def server_of(self, row_id: int) -> Server:
        """Return the write server that made an id: 41 mod 20 is 1, the offset of w1."""
        residue = row_id % self.increment
        for server in self.of_kind(WRITE):
            if server.offset is not None and server.offset % self.increment == residue:
                return server
        raise LookupError(
            f"id {row_id}: {row_id} mod {self.increment} is {residue}, and no write server has "
            "that offset"
        )

    def failed(self, server: Server) -> None:
        """Remember that a server does not answer."""
        with self._lock:
            self._avoided_until[server.name] = self.clock() + AVOID_SECONDS

    def answered(self, server: Server) -> None:
        """Remember that a server answers."""
        with self._lock:
            self._avoided_until.pop(server.name, None)


class Client:
    """One thread's connections, opened when needed and kept."""

    def __init__(
        self, topology: Topology, datacenter: str, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self.topology = topology
        self.answer_seconds = answer_seconds
        self.datacenter = datacenter
        # The server that works on a statement of this client at this moment.
        self.waits_for: Server | None = None
        self._connections: dict[str, tuple[Any, str]] = {}

    def insert(self, sql: str, args: Sequence[Any] = ()) -> Server:
        """Run one INSERT on some write server and return which.

        Raises ``NoServer`` (nothing was sent), ``InDoubt`` (it was sent, and is
        perhaps there), or the server's own error about the statement.
        """
        server, _rows, _count = self._anywhere(WRITE, sql, args)
        return server

    def select(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return rows from some read server."""
        # A read that was not answered is simply read elsewhere.
        return self._anywhere(READ, sql, args, (NoServer, InDoubt))[1]

    def update(self, row_id: int, sql: str, args: Sequence[Any] = ()) -> Server:
        """Run one UPDATE on the server that made the id, the only one that has the row."""
        server = self.topology.server_of(row_id)
        _rows, count = self.on(server, sql, args)
        if not count:
            raise LookupError(
                f"{server.name} changed no row for id {row_id}: it is not there, or no longer"
            )
        return server

    def on(
        self, server: Server, sql: str, args: Sequence[Any] = ()
    ) -> tuple[list[tuple[Any, ...]], int]:
        """Run a statement on this very server; return its rows and how many it touched."""
        connection, session = self._connection(server)
        self.waits_for = server
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, args or None)
                self.topology.answered(server)
                return list(cursor.fetchall()), cursor.rowcount
        except (pymysql.MySQLError, OSError) as error:
            number = number_of(error)
            if number in REFUSED:
                self._drop(server)
                raise NoServer(f"{server.name} refuses: {error}") from error
            if is_from_client(number) or number in INTERRUPTED:
                self._drop(server)
                raise InDoubt(server, session, error) from error
            raise
        finally:
            self.waits_for = None

    def has_ended(self, server: Server, session: str) -> bool:
        """Tell whether a session is over on its server, and with it what it was doing.

        Before that, asking whether a row is there is too early: the statement
        may still be running, or wait in a buffer, and be committed afterwards.
        """
        ((free,),), _count = self.on(server, "SELECT IS_FREE_LOCK(%s)", (session,))
        return bool(free == 1)

    def close(self) -> None:
        """Close what is open."""
        for connection, _session in self._connections.values():
            with contextlib.suppress(pymysql.MySQLError, OSError):
                connection.close()
        self._connections.clear()

    def _anywhere(
        self,
        kind: str,
        sql: str,
        args: Sequence[Any],
        next_after: tuple[type[Exception], ...] = (NoServer,),
    ) -> tuple[Server, list[tuple[Any, ...]], int]:
        causes = []
        for server in self.topology.order(kind, self.datacenter):
            try:
                return (server, *self.on(server, sql, args))
            except next_after as error:
                causes.append(str(error))
        raise NoServer(f"no {kind} server answers: {'; '.join(causes) or 'there is none'}")

    def _connection(self, server: Server) -> tuple[Any, str]:
        kept = self._connections.get(server.name)
        if kept:
            try:
                # Costs a fraction of a millisecond, and saves a doubt where the
                # connection has died since it was used last.
                kept[0].ping(reconnect=False)
                return kept
            except (pymysql.MySQLError, OSError):
                self._drop(server)
        try:
            connection = pymysql.connect(
                host=server.host,
                port=server.port,
                user=self.topology.user,
                password=self.topology.password.encode(),
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=self.answer_seconds,
                write_timeout=self.answer_seconds,
                **self.topology.tls,
            )
            # A lock that only this session holds, until it ends or the server
            # does: how others find out (see has_ended). Connection ids would
            # not do, they start again with the server.
            session = uuid.uuid4().hex
            with connection.cursor() as cursor:
                cursor.execute("SELECT GET_LOCK(%s, 0)", (session,))
        except (pymysql.MySQLError, OSError) as error:
            self.topology.failed(server)
            raise NoServer(f"{server.name} ({server.host}:{server.port}): {error}") from error
        self._connections[server.name] = (connection, session)
        return connection, session

    def _drop(self, server: Server) -> None:
        self.topology.failed(server)
        connection, _session = self._connections.pop(server.name)
        with contextlib.suppress(pymysql.MySQLError, OSError):
            connection.close()


def number_of(error: BaseException) -> int:
    """Return the server's or the client library's error number, or 0."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def is_from_client(number: int) -> bool:
    """Tell an error that no server sent (a lost connection, a timeout) by its number."""
    return number == 0 or 2000 <= number < 3000
