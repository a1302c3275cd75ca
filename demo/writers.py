"""Clients that write permanent data to whoever takes writes, and keep a book of every answer.

They know the members of a replica set and nothing else: a member that refuses, because it is
read-only, or does not answer is left for the next one. A row whose answer was lost is sent
again with its own key; a duplicate then says that it was there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import pymysql

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 10.0
# A busy machine may be late with an answer.
FIND_SECONDS = 10.0
# Between two rows of a client: it is an application with something else to do, too.
THINK_SECONDS = 0.004
# Between two attempts while no member takes writes.
AGAIN_SECONDS = 0.005

DUPLICATE = 1062
# The server answered that it will not do it, see examples/dbrw.py.
READ_ONLY = frozenset({1290, 1836})

CREATE = (
    "CREATE TABLE IF NOT EXISTS {table} ("
    " id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,"
    " request VARCHAR(40) NOT NULL COMMENT 'the application''s own key of the row',"
    " ordered_at DATETIME(3) NOT NULL,"
    " PRIMARY KEY (id), UNIQUE KEY request (request)"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
)
INSERT = "INSERT INTO {table} (request, ordered_at) VALUES (%s, UTC_TIMESTAMP(3))"

REQUESTS = "SELECT request FROM {table} WHERE request LIKE %s"


@dataclass(frozen=True)
class Member:
    """One server of a replica set, as applications know it."""

    name: str
    host: str
    port: int
    datacenter: str = ""


@dataclass(frozen=True)
class Acknowledgement:
    """A row of a client that a member has committed; times are those of the monotonic clock."""

    request: str
    member: str
    # When it was sent for the first time, and when it was acknowledged.
    sent: float
    at: float
    # The first answer was lost, and the row was there when it was sent again.
    found: bool = False


@dataclass
class Book:
    """What was acknowledged to each client, in order; shared by all threads."""

    clients: int
    started: float
    lines: list[list[Acknowledgement]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A list for each client, to which that client alone appends.
        self.lines = [[] for _client in range(self.clients)]

    def acknowledged(self, client: int, line: Acknowledgement) -> None:
        """Note down what was acknowledged to a client."""
        self.lines[client].append(line)

    @property
    def rows(self) -> int:
        """Number of rows acknowledged so far."""
        return sum(len(lines) for lines in self.lines)

    @property
    def requests(self) -> set[str]:
        """The keys of all rows acknowledged so far."""
        return {line.request for lines in self.lines for line in lines}

    def between(self, begin: float, end: float) -> list[Acknowledgement]:
        """Return what was acknowledged within a time."""
        return [line for lines in self.lines for line in lines if begin <= line.at < end]

    def pause(self, begin: float, end: float) -> float:
        """Return the longest that any row waited for its acknowledgement, of those within a time."""
        return max((line.at - line.sent for line in self.between(begin, end)), default=0.0)

    def first_after(self, begin: float) -> Acknowledgement | None:
        """Return the first row that was acknowledged after a moment."""
        later = [line for lines in self.lines for line in lines if line.at > begin]
        return min(later, key=lambda line: line.at, default=None)


class Writers:
    """Threads that write a row each, and another, until they are stopped."""

    def __init__(
        self,
        members: Sequence[Member],
        user: str,
        password: str,
        table: str,
        clients: int = 8,
        run: str = "1",
        think_seconds: float = THINK_SECONDS,
    ) -> None:
        self.members = members
        self.user, self.password, self.table, self.run = user, password, table, run
        self.think_seconds = think_seconds
        self.book = Book(clients, time.monotonic())
        self.failures: list[BaseException] = []
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(client,), daemon=True)
            for client in range(clients)
        ]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(ANSWER_SECONDS + CONNECT_SECONDS)

    def wait_for_all(self, since: float, seconds: float) -> bool:
        """Wait until every client was answered after a moment; return whether they were."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.failures:
                raise self.failures[0]
            if all(lines and lines[-1].at > since for lines in self.book.lines):
                return True
            time.sleep(0.01)
        return False

    def _work(self, client: int) -> None:
        try:
            self._write(client)
        except BaseException as error:
            self.failures.append(error)

    def _write(self, client: int) -> None:
        """Write rows until it is over; a connection to each member stays open, as in a pool."""
        at, doubtful = 0, False
        connections: dict[str, pymysql.Connection] = {}
        numbers = (f"{self.run}-{client}-{number}" for number in count(1))
        request, begun = next(numbers), time.monotonic()
        while not self._stopped.is_set():
            member = self.members[at % len(self.members)]
            sent = False
            try:
                if member.name not in connections:
                    connections[member.name] = self.connect(member)
                with connections[member.name].cursor() as cursor:
                    # From here on its answer can be lost.
                    sent = True
                    cursor.execute(INSERT.format(table=self.table), (request,))
                line = Acknowledgement(request, member.name, begun, time.monotonic())
            except pymysql.MySQLError as error:
                code = error.args[0] if error.args else None
                if code == DUPLICATE and doubtful:
                    line = Acknowledgement(
                        request, member.name, begun, time.monotonic(), found=True
                    )
                elif code == DUPLICATE:
                    raise
                else:
                    if code not in READ_ONLY:
                        doubtful = doubtful or sent
                        close(connections.pop(member.name, None))
                    at += 1
                    if at % len(self.members) == 0:
                        self._stopped.wait(AGAIN_SECONDS)
                    continue
            self.book.acknowledged(client, line)
            self._stopped.wait(self.think_seconds)
            request, doubtful, begun = next(numbers), False, time.monotonic()
        for connection in connections.values():
            close(connection)

    def connect(self, member: Member) -> pymysql.Connection:
        """Log in to a member as the application does."""
        return pymysql.connect(
            host=member.host,
            port=member.port,
            user=self.user,
            password=self.password,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            # They share this machine's loopback. To offer TLS, PyMySQL reads all authorities of the
            # system for each connection: 30 ms, one client after the other when all come again.
            ssl_disabled=True,
        )

    def takes_writes(self, member: Member) -> bool:
        """Whether a member answers, and is not read-only."""
        with (
            contextlib.suppress(pymysql.MySQLError),
            contextlib.closing(self.connect(member)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT @@global.read_only")
            return cursor.fetchone() == (0,)
        return False

    def active(self, seconds: float = FIND_SECONDS) -> Member | None:
        """Return the member that takes writes; None if for so long none or more than one does."""
        end = time.monotonic() + seconds
        while True:
            found = [member for member in self.members if self.takes_writes(member)]
            if len(found) == 1:
                return found[0]
            if time.monotonic() >= end:
                return None
            time.sleep(0.1)

    def requests_on(self, member: Member) -> set[str]:
        """Return the keys of this run's rows that a member has."""
        with contextlib.closing(self.connect(member)) as connection, connection.cursor() as cursor:
            cursor.execute(REQUESTS.format(table=self.table), (f"{self.run}-%",))
            return {row[0] for row in cursor.fetchall()}

    def lost(self, member: Member, seconds: float = 0.0) -> set[str]:
        """Return the acknowledged rows that a member has not.

        It is waited for as long as it applies some of them within so many seconds.
        """
        fewest, progress_at = -1, time.monotonic()
        while missing := self.book.requests - self.requests_on(member):
            if fewest < 0 or len(missing) < fewest:
                fewest, progress_at = len(missing), time.monotonic()
            if time.monotonic() - progress_at >= seconds:
                break
            time.sleep(0.2)
        return missing


def close(connection: pymysql.Connection | None) -> None:
    """Close a connection, whatever state it is in."""
    if connection is not None:
        with contextlib.suppress(pymysql.MySQLError):
            connection.close()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, so long at most; return whether it holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)
    return True
