"""A fence that does not hold leaves the writer as it was: open, and waiting for its replica."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB
from ansible_collections.dbrw.sharding.plugins.module_utils.server.lock_wait import (
    LOCK_WAIT_TIMEOUT,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import fence
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

WAITS = "rpl_semi_sync_master_enabled"
OPEN, CLOSED = "SET GLOBAL read_only = 0", "SET GLOBAL read_only = 1"


class World:
    """An open writer with one commit that no replica acknowledges (``lonely``).

    ``breaks`` is asked before each statement, with all that was done before.
    """

    def __init__(self, lonely: bool = True, breaks: Any = lambda sql, done: None):
        self.lonely, self.breaks = lonely, breaks
        self.waits, self.is_open = True, True
        self.done: list[str] = []
        self.waits_no_more = threading.Event()
        self.prepared_later = False
        # What could be acknowledged though it is on this server alone.
        self.open_without_waiting = False

    def do(self, sql: str) -> None:
        if sql == CLOSED and self.lonely and self.waits and not self.breaks(sql, self.done):
            # Closing ends once commits do not wait any more, as it does on a server.
            assert self.waits_no_more.wait(10)
        error = self.breaks(sql, self.done)
        if error:
            raise error
        self.done.append(sql)
        if sql in (OPEN, CLOSED):
            self.is_open = sql == OPEN
        elif WAITS in sql:
            self.waits = sql.endswith("1")
            if not self.waits:
                self.waits_no_more.set()
        self.open_without_waiting |= self.is_open and CLOSED in self.done and not self.waits


class Session:
    """A connection to it; the first of two closes, the other one looks."""

    address, flavour = "f1", MARIADB

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number = world, number

    def row(self, sql: str, *_values: Any) -> dict[str, Any]:
        return {"id": self.number, "executed": "1-1-10"}

    def set_session(self, *_values: Any) -> None: ...

    def variables(self, *names: str) -> dict[str, str]:
        return dict.fromkeys(names, "ON" if self.world.waits else "OFF")

    def run(self, statement: Statement) -> None:
        self.world.do(statement.sql % statement.args if statement.args else statement.sql)

    def rows(self, sql: str, *_values: Any) -> list[dict[str, Any]]:
        if sql == "XA RECOVER":
            prepared = self.world.prepared_later and CLOSED in self.world.done
            return [{"data": "x"}] if prepared else []
        if sql.startswith("SHOW GLOBAL STATUS"):
            return [
                {
                    "Variable_name": "Rpl_semi_sync_master_clients",
                    "Value": str(int(not self.world.lonely)),
                },
                {"Variable_name": "Rpl_semi_sync_master_status", "Value": "ON"},
            ]
        if sql.startswith(("SHOW", "KILL")):
            self.world.do(sql)
        return []


def close(world: World, opens_again: bool = True) -> None:
    server, watcher = Session(world, 1), Session(world, 2)
    fence.close(cast(Server, server), cast(Server, watcher), opens_again=opens_again)


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits that wait are ended as on a server: they do not wait any more."""

    def end(server: Session, _own: object, _ended: object) -> None:
        server.run(Statement(f"SET GLOBAL {WAITS} = 0"))

    one = fence.Client(7, "app", "h", "Query", 1, "Waiting for semi-sync ACK from slave", "COMMIT")

    def clients(server: Session, _own: object) -> list[fence.Client]:
        server.rows("SHOW FULL PROCESSLIST")
        return [one] if server.world.waits and server.world.lonely else []

    monkeypatch.setattr(fence, "_end_unacknowledged", end)
    monkeypatch.setattr(fence, "clients", clients)


def test_a_writer_is_closed() -> None:
    world = World()
    close(world)
    assert (world.is_open, world.waits) == (False, False)


@pytest.mark.parametrize("lonely", [True, False])
def test_one_that_is_refused_after_it_was_closed_waits_again_before_it_is_open(
    lonely: bool,
) -> None:
    world = World(lonely)
    world.prepared_later = True
    with pytest.raises(fence.NotFenced, match="prepared XA"):
        close(world)
    assert (world.is_open, world.waits, world.open_without_waiting) == (True, True, False)
    # One that must not be open in any case is closed, whatever is prepared there.
    world = World(lonely)
    world.prepared_later = True
    close(world, opens_again=False)
    assert not world.is_open


def test_sessions_that_do_not_end_and_a_look_that_fails_leave_it_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_given: object) -> None:
        raise ServerError("f1", "sessions do not end")

    monkeypatch.setattr(fence, "end_clients", never)
    world = World()
    with pytest.raises(ServerError, match="do not end"):
        close(world)
    assert (world.is_open, world.waits, world.open_without_waiting) == (True, True, False)
    # One that must not be open stays closed, and nobody is acknowledged there.
    world = World()
    with pytest.raises(ServerError, match="do not end"):
        close(world, opens_again=False)
    assert (world.is_open, world.waits) == (False, True)


def test_one_that_does_not_close_in_time_goes_on_waiting() -> None:
    error = ServerError("f1", "lock wait timeout", LOCK_WAIT_TIMEOUT)
    world = World(breaks=lambda sql, done: error if sql == CLOSED else None)
    with pytest.raises(fence.NotFenced, match="did not close within 10 s"):
        close(world)
    assert (world.is_open, world.waits) == (True, True)


def test_one_whose_waiting_cannot_be_turned_on_is_not_opened() -> None:
    def breaks(sql: str, done: list[str]) -> ServerError | None:
        return ServerError("f1", "gone") if sql.endswith(f"{WAITS} = 1") else None

    world = World(breaks=breaks)
    world.prepared_later = True
    with pytest.raises(fence.NotFenced, match="prepared XA"):
        close(world)
    assert (world.is_open, world.waits) == (False, False)
