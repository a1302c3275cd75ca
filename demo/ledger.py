"""What became of each batch of rows: waiting, sent, in doubt, or acknowledged.

Pure bookkeeping, shared by the threads that send: every batch ends up
acknowledged exactly once, whatever fails on the way.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from demo.flights import Row
from examples.dbrw import InDoubt, Server


@dataclass(frozen=True)
class Batch:
    """Rows that are inserted together, in one statement and so in one transaction."""

    number: int
    rows: Sequence[Row]

    @property
    def request_ids(self) -> list[int]:
        """The application's own keys of the rows, by which a server is asked for them."""
        return [int(str(row[0])) for row in self.rows]


@dataclass(frozen=True)
class Doubt:
    """A batch that perhaps is on a server: that one, and no other, can tell."""

    batch: Batch
    server: Server
    session: str


class Ledger:
    """Hands out batches and remembers where each stands."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._again: deque[Batch] = deque()
        self._sent: dict[int, Batch] = {}
        self._doubts: dict[int, Doubt] = {}
        self._acknowledged: set[int] = set()
        self._changed = threading.Condition()
        self._stopped = False
        self.rows_by_server: Counter[str] = Counter()
        # How doubts were settled: the batch was there, or it was not.
        self.found = 0
        self.not_found = 0

    def take(self) -> Batch | None:
        """Return a batch to send, or None when every batch is acknowledged, or at ``stop``.

        While the last batches are with other threads or in doubt, it waits:
        one of them may have to be sent again.
        """
        with self._changed:
            while not self._stopped:
                batch = self._again.popleft() if self._again else next(self._batches, None)
                if batch is not None:
                    self._sent[batch.number] = batch
                    return batch
                if not self._sent and not self._doubts:
                    return None
                self._changed.wait()
            return None

    def acknowledged(self, batch: Batch, server: Server) -> None:
        """The server has committed the batch."""
        with self._changed:
            del self._sent[batch.number]
            self._record(batch, server)

    def not_sent(self, batch: Batch) -> None:
        """The batch certainly is on no server: it is handed out again."""
        with self._changed:
            del self._sent[batch.number]
            self._again.append(batch)
            self._changed.notify_all()

    def in_doubt(self, batch: Batch, why: InDoubt) -> None:
        """The batch is set aside until its server tells whether it has it."""
        with self._changed:
            del self._sent[batch.number]
            self._doubts[batch.number] = Doubt(batch, why.server, why.session)
            self._changed.notify_all()

    def settle(self, doubt: Doubt, is_there: bool) -> None:
        """The very server of the doubt has told whether it has the batch."""
        with self._changed:
            del self._doubts[doubt.batch.number]
            if is_there:
                self.found += 1
                self._record(doubt.batch, doubt.server)
            else:
                self.not_found += 1
                self._again.append(doubt.batch)
                self._changed.notify_all()

    def doubts(self) -> list[Doubt]:
        """Return what is in doubt now."""
        with self._changed:
            return list(self._doubts.values())

    @property
    def rows(self) -> int:
        """Number of rows acknowledged so far."""
        return sum(self.rows_by_server.copy().values())

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _record(self, batch: Batch, server: Server) -> None:
        if batch.number in self._acknowledged:
            raise AssertionError(f"batch {batch.number} was acknowledged twice")
        self._acknowledged.add(batch.number)
        self.rows_by_server[server.name] += len(batch.rows)
        self._changed.notify_all()
