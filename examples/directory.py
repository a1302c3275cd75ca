"""What the directory says, remembered: a lookup that may be old and does no harm.

- A member is asked its version first and the question after it. The answer is kept
  under that version, so what was asked before a change is not kept after it.
- A member that is behind what this process has seen is passed over.
- The version is polled: one row says whether all that is kept is still right.
- An answer lives a second. Asked again under the same version it lives twice as
  long, up to 30 seconds.
- Where no member answers, what is known goes on to be used, and says how old it is.

What an old answer can lead to is refused by the server: one that is no longer the
active writer takes no writes. The application then asks again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pymysql

from examples.dbrw import AVOID_SECONDS, READ, Client, InDoubt, NoServer, Topology, number_of

# Half of the second within which a change is to be seen.
POLL_SECONDS = 0.5
# The directory answers in less than a millisecond.
ANSWER_SECONDS = 1.0
FIRST_SECONDS, LONGEST_SECONDS = 1.0, 30.0
# Answers kept; with more, the one asked longest ago is forgotten.
MOST = 100_000
VERSION = "SELECT COALESCE(epoch, 0), counter FROM fabric.version"
# The directory itself has answered: there is no such tenant, server, key.
UNKNOWN = 1644

Version = tuple[int, int]
Rows = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Answer:
    """Rows, and how many seconds ago they were last known to be right."""

    rows: Rows
    age_seconds: float

    @property
    def value(self) -> Any:
        """What a function returned."""
        return self.rows[0][0]


@dataclass(frozen=True)
class _Kept:
    rows: Rows
    version: Version
    right_at: float
    lives_seconds: float
    until: float


class Directory:
    """What the directory says. One for a process; any thread may ask.

    ``members`` are those of the replica set ``fabric`` as servers of the kind READ, with the
    account that has the role ``fabric_directory``. Each thread that asks has a connection.
    """

    def __init__(self, members: Topology, datacenter: str) -> None:
        self.members = members
        self.datacenter = datacenter
        self.version: Version = (0, 0)
        self._right_at = float("-inf")
        self._away_until = float("-inf")
        self._answers: dict[tuple[str, tuple[Any, ...]], _Kept] = {}
        self._lock = threading.Lock()
        self._threads = threading.local()

    def look_up(self, sql: str, args: Sequence[Any] = ()) -> Answer:
        """Return what the directory says to a query, or has said.

        Raises ``NoServer`` where nothing is known and no member answers, and
        the directory's own error for a name that it does not know.
        """
        key = (sql, tuple(args))
        now = self.members.clock()
        kept = self._answers.get(key)
        if kept is not None and (
            now < self._away_until or (kept.version == self.version and now < kept.until)
        ):
            return self._answer(kept, now)
        try:
            version, rows = self._ask(sql, args)
        except NoServer:
            self._is_away()
            if kept is None:
                raise
        except pymysql.MySQLError as error:
            if number_of(error) == UNKNOWN:
                with self._lock:
                    self._answers.pop(key, None)
                raise
            # While site.yml makes the functions anew, they are missing for a moment.
            if kept is None:
                raise
        else:
            kept = self._keep(key, rows, version, now)
        return self._answer(kept, self.members.clock())

    def poll(self) -> bool:
        """Ask for the version; return whether a member has said it."""
        now = self.members.clock()
        try:
            version, _rows = self._ask()
        except (NoServer, pymysql.MySQLError):
            self._is_away()
            return False
        with self._lock:
            self._note(version, now)
        return True

    @contextlib.contextmanager
    def polled(self, seconds: float = POLL_SECONDS) -> Iterator[None]:
        """Poll the version in a thread of its own."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(seconds):
                self.poll()
            self.close()

        thread = threading.Thread(target=work, name="directory", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    @property
    def age_seconds(self) -> float:
        """Seconds since a member last said the version: what to watch, and to warn of."""
        return self.members.clock() - self._right_at

    def close(self) -> None:
        """Close this thread's connections."""
        self._client.close()

    @property
    def _client(self) -> Client:
        client: Client | None = getattr(self._threads, "client", None)
        if client is None:
            client = Client(self.members, self.datacenter, ANSWER_SECONDS)
            self._threads.client = client
        return client

    def _ask(self, sql: str = "", args: Sequence[Any] = ()) -> tuple[Version, Rows]:
        """Ask a member that is not behind; return its version before it answered, and the rows."""
        causes = []
        for server in self.members.order(READ, self.datacenter):
            try:
                said, _count = self._client.on(server, VERSION)
                version = tuple(said[0]) if said else (0, 0)
                if version < self.version:
                    causes.append(f"{server.name} is at {version}, behind {self.version}")
                    continue
                rows = self._client.on(server, sql, args)[0] if sql else []
                return version, tuple(rows)
            except (NoServer, InDoubt) as error:
                causes.append(str(error))
        raise NoServer(
            f"no member of the directory answers: {'; '.join(causes) or 'none is known'}"
        )

    def _keep(
        self, key: tuple[str, tuple[Any, ...]], rows: Rows, version: Version, asked_at: float
    ) -> _Kept:
        with self._lock:
            self._note(version, asked_at)
            before = self._answers.get(key)
            lives = FIRST_SECONDS
            if before is not None and before.version == version:
                lives = min(2 * before.lives_seconds, LONGEST_SECONDS)
            kept = _Kept(rows, version, asked_at, lives, asked_at + lives)
            # A change has been seen since it was asked: it is given, and not kept.
            if version == self.version:
                self._answers.pop(key, None)
                self._answers[key] = kept
                if len(self._answers) > MOST:
                    del self._answers[next(iter(self._answers))]
            return kept

    def _note(self, version: Version, asked_at: float) -> None:
        """Remember that a member has said this version; what is kept under an older one ends."""
        self._away_until = float("-inf")
        if version < self.version:
            return
        if version > self.version:
            # They were right until the older version was last said.
            for key, kept in self._answers.items():
                if kept.version == self.version:
                    right_at = max(kept.right_at, self._right_at)
                    self._answers[key] = replace(kept, right_at=right_at)
            self.version = version
        self._right_at = max(self._right_at, asked_at)

    def _is_away(self) -> None:
        """Use what is known for a while, instead of waiting for a timeout at each lookup."""
        self._away_until = self.members.clock() + AVOID_SECONDS

    def _answer(self, kept: _Kept, now: float) -> Answer:
        right_at = kept.right_at
        if kept.version == self.version:
            right_at = max(right_at, self._right_at)
        return Answer(kept.rows, max(0.0, now - right_at))
