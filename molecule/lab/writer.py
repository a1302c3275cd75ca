"""An application in one data centre: inserts and updates, and remembers what was acknowledged.

Runs inside the data centre's network until SIGTERM. The record has a line for each event, in JSON:
what was acknowledged, what was in doubt and how that was settled, and the read servers of the
data centre each time that other channels of theirs run.

    python3 -m lab.writer dc1 FOLDER/dc1.jsonl
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from examples.dbrw import Client, InDoubt, NoServer, Server
from lab.servers import TABLE, application, read_servers

ANSWER_SECONDS = 1.0
# Several, so that a fault finds some of them waiting for an answer.
INSERTING = 3
# Between two statements of one thread: six servers share a machine.
REST_SECONDS = 0.03
# Rows are updated for a while after they were made, as a call's length is known at its end.
LATE_ROWS = 500
UPDATES = 2
# What is in doubt at the end is asked for this long.
PATIENCE_SECONDS = 60.0

INSERT = (
    f"INSERT INTO {TABLE} (request_id, started_at, seconds, caller) VALUES (%s, UTC_TIMESTAMP(), "
    "%s, %s)"
)
UPDATE = f"UPDATE {TABLE} SET seconds = %s WHERE id = %s"
FIND = f"SELECT id, seconds FROM {TABLE} WHERE request_id = %s"


@dataclass
class Row:
    """A row of the application; its content's version is what the column ``seconds`` holds."""

    request: str
    version: int = 0
    id: int | None = None

    @property
    def key(self) -> bytes:
        return bytes.fromhex(self.request)


@dataclass(frozen=True)
class Doubt:
    """A version that perhaps is on a server: that one, and no other, can tell."""

    row: Row
    version: int
    is_insert: bool
    server: Server
    session: str


class Record:
    """The application's own memory, a line of the file for each event."""

    def __init__(self, path: Path) -> None:
        # One write for each line, so that threads' lines do not mix. A reader may see half of the
        # last one all the same.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def add(self, event: str, **more: Any) -> None:
        line = json.dumps({"at": time.time(), "event": event, **more})
        os.write(self._file, f"{line}\n".encode())

    def acknowledged(self, server: Server, row: Row, is_insert: bool) -> None:
        self.add(
            "insert" if is_insert else "update",
            thread=threading.current_thread().name,
            server=server.name,
            request=row.request,
            id=row.id,
            version=row.version,
        )


class Application:
    """Threads that share what is to be sent, what is in doubt, and the record."""

    def __init__(self, datacenter: str, record: Record) -> None:
        self.datacenter = datacenter
        self.record = record
        self.topology = application()
        self.stopping = threading.Event()
        # Not on any server, for certain: inserts to be sent again, under their own key.
        self.again: queue.SimpleQueue[Row] = queue.SimpleQueue()
        self.late: deque[Row] = deque(maxlen=LATE_ROWS)
        self.doubts: deque[Doubt] = deque()
        self.failed = False

    def client(self) -> Client:
        return Client(self.topology, self.datacenter, ANSWER_SECONDS)

    def doubt(self, row: Row, version: int, is_insert: bool, why: InDoubt) -> None:
        self.record.add("doubt", server=why.server.name, request=row.request, version=version)
        self.doubts.append(Doubt(row, version, is_insert, why.server, why.session))

    def insert(self) -> None:
        """Insert row after row, on whatever write server takes them."""
        client = self.client()
        while not self.stopping.wait(REST_SECONDS):
            try:
                row = self.again.get_nowait()
            except queue.Empty:
                row = Row(uuid.uuid4().hex)
            try:
                server = client.insert(INSERT, (row.key, row.version, self.datacenter))
            except NoServer:
                self.again.put(row)
                continue
            except InDoubt as why:
                self.doubt(row, row.version, True, why)
                continue
            with contextlib.suppress(NoServer, InDoubt):
                # 0 where the connection is another one already. Such a row is not updated.
                ((row_id,),), _count = client.on(server, "SELECT LAST_INSERT_ID()")
                row.id = row_id or None
            self.record.acknowledged(server, row, True)
            if row.id:
                self.late.append(row)
        client.close()

    def update(self) -> None:
        """Update rows made lately, on the servers that made them."""
        client = self.client()
        while not self.stopping.wait(REST_SECONDS):
            try:
                row = self.late.popleft()
            except IndexError:
                continue
            version = row.version + 1
            try:
                server = client.update(row.id or 0, UPDATE, (version, row.id))
            except NoServer:
                self.late.append(row)
                continue
            except InDoubt as why:
                self.doubt(row, version, False, why)
                continue
            row.version = version
            self.record.acknowledged(server, row, False)
            if row.version < UPDATES:
                self.late.append(row)
        client.close()

    def settle(self) -> None:
        """Ask the very servers of the doubts; what does not answer stays in doubt."""
        client = self.client()
        end = float("inf")
        while not self.stopping.wait(0.1) or (self.doubts and time.monotonic() < end):
            if self.stopping.is_set():
                end = min(end, time.monotonic() + PATIENCE_SECONDS)
                time.sleep(0.1)
            for _number in range(len(self.doubts)):
                doubt = self.doubts.popleft()
                try:
                    self.ask(client, doubt)
                except (NoServer, InDoubt):
                    self.doubts.append(doubt)
        for doubt in self.doubts:
            self.record.add("unsettled", server=doubt.server.name, request=doubt.row.request)
        client.close()

    def ask(self, client: Client, doubt: Doubt) -> None:
        """Settle a doubt, or leave it for later where its session has not ended yet."""
        if not client.has_ended(doubt.server, doubt.session):
            self.doubts.append(doubt)
            return
        row = doubt.row
        rows, _count = client.on(doubt.server, FIND, (row.key,))
        there = {int(row_id): int(version) for row_id, version in rows}
        is_there = doubt.version in there.values()
        self.record.add("settled", server=doubt.server.name, request=row.request, there=is_there)
        if is_there:
            row.id, row.version = next(iter(there)), doubt.version
            self.record.acknowledged(doubt.server, row, doubt.is_insert)
            self.late.append(row)
        elif doubt.is_insert:
            self.again.put(row)
        else:
            self.late.append(row)

    def watch(self) -> None:
        """Remember each time that other channels of the data centre's read servers run."""
        readers = [one for one in read_servers() if one.datacenter == self.datacenter]
        seen: dict[str, list[str]] = {}
        while not self.stopping.wait(0.2):
            for reader in readers:
                try:
                    running = sorted(reader.running_channels())
                except (pymysql.MySQLError, OSError):
                    running = []
                if seen.get(reader.name) != running:
                    seen[reader.name] = running
                    self.record.add("channels", server=reader.name, running=running)

    def guard(self, work: Callable[[], None]) -> None:
        """Let no thread die unseen."""
        try:
            work()
        except BaseException:
            self.failed = True
            self.record.add("failure", text=traceback.format_exc())
            self.stopping.set()

    def run(self) -> int:
        signal.signal(signal.SIGTERM, lambda _number, _frame: self.stopping.set())
        self.record.add("start")
        works = {f"insert {number}": self.insert for number in range(INSERTING)}
        works |= {"update": self.update, "settle": self.settle, "watch": self.watch}
        threads = [
            threading.Thread(target=self.guard, name=name, args=(work,))
            for name, work in works.items()
        ]
        for thread in threads:
            thread.start()
        # Asleep for ever in C, it would not see the signal.
        while not self.stopping.wait(0.2):
            pass
        self.record.add("stop")
        for thread in threads:
            thread.join()
        return 1 if self.failed else 0


if __name__ == "__main__":
    sys.exit(Application(sys.argv[1], Record(Path(sys.argv[2]))).run())
