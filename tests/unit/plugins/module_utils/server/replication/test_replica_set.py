"""What a failover has noted of a survivor counts only as long as it is so."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    Note,
    failover_note,
    forget_failover_notes,
    has_failover_notes,
    note_failover,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Settings,
)


class Noted:
    """A server with a table of notes of one row, or without one."""

    flavour = MARIADB

    def __init__(self, row: dict[str, Any] | None = None, error: int = 0) -> None:
        self.row_of_notes, self.error = row, error
        self.told: list[tuple[str, tuple[Any, ...]]] = []

    def row(self, _sql: str, *_values: Any) -> dict[str, Any]:
        return {"Value": "100", "executed": "1-1-10,2-2-3"}

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        if self.error:
            raise ServerError("f2", "no", self.error)
        if not sql.startswith("SELECT"):
            self.told.append((sql, values))
        return [self.row_of_notes] if self.row_of_notes and sql.startswith("SELECT") else []


def note(channel: ChannelStatus | None, **row: Any) -> Note:
    given = {
        "epoch": 7,
        "had_all": 1,
        "source": "a:3306",
        "received": "1-1-10",
        "is_fresh": 1,
        **row,
    }
    return failover_note(cast(Server, Noted(given)), channel)


def channel(received: str | None, source: str = "a") -> ChannelStatus:
    return ChannelStatus(
        "fabric", Settings(source_host=source, source_port=3306), gtid_received=received
    )


HAD_ALL, DOUBTED, NOTHING = Note(7, True), Note(7), Note()


@pytest.mark.parametrize(
    ("at", "row", "wanted"),
    [
        (channel("1-1-10"), {}, HAD_ALL),
        (channel("1-1-9"), {}, HAD_ALL),
        (channel(None), {}, HAD_ALL),
        (None, {}, HAD_ALL),
        # It has followed since: what it lacks nobody knows.
        (channel("1-1-11"), {}, NOTHING),
        (channel("1-1-11"), {"had_all": 0}, NOTHING),
        # What it got from another survivor is the failover's own work.
        (channel("1-1-11", source="c"), {}, HAD_ALL),
        # That it had all counts for a while; that it had not, until it follows.
        (channel("1-1-10"), {"is_fresh": 0}, NOTHING),
        (channel("1-1-10"), {"is_fresh": 0, "had_all": 0}, DOUBTED),
    ],
)
def test_what_counts(at: ChannelStatus | None, row: dict[str, Any], wanted: Note) -> None:
    assert note(at, **row) == wanted


def test_where_no_failover_has_ever_been() -> None:
    for error in (1049, 1146):
        strange = cast(Server, Noted(error=error))
        assert failover_note(strange, channel("1-1-1")) == NOTHING
        assert not has_failover_notes(strange)
    with pytest.raises(ServerError):
        failover_note(cast(Server, Noted(error=2013)), None)


def test_what_is_written() -> None:
    server = Noted()
    note_failover(cast(Server, server), channel("1-1-12"), HAD_ALL)
    assert server.told[-1][1] == (7, 100, 1, "a:3306", "1-1-12,2-2-3")
    note_failover(cast(Server, server), channel(None), DOUBTED)
    assert server.told[-1][1] == (7, 100, 0, "a:3306", "1-1-10,2-2-3")
    forget_failover_notes(cast(Server, server))
    assert server.told[-1][0].startswith("DELETE")
    assert has_failover_notes(cast(Server, Noted({"epoch": 1})))
