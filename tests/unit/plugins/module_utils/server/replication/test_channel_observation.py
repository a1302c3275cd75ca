"""Details of errors and real lag, from rows as servers give them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import DIALECTS
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_observation import (
    heartbeat_lags,
    with_details,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
)

RUNS = ChannelStatus("w2")
STOPPED = ChannelStatus("W1", sql_fault=Fault(1062, "see the table"))
CUT_OFF = ChannelStatus("w1", io_fault=Fault(2003, "refused"))


class Answers:
    """Answers by the table that a query names, and remembers what was asked."""

    def __init__(self, flavour: str, **answers: list[dict[str, Any]] | ServerError) -> None:
        self.dialect = DIALECTS[flavour]
        self.answers = answers
        self.asked: list[str] = []

    def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        self.asked.append(sql)
        answer = next((rows for table, rows in self.answers.items() if table in sql), [])
        if isinstance(answer, ServerError):
            raise answer
        return answer

    def set_session(self, variable: str, value: Any) -> None:
        self.asked.append(f"{variable}={value}")


def detailed(server: Answers, *found: ChannelStatus) -> list[ChannelStatus]:
    return with_details(cast(Server, server), found)


def test_without_an_error_nothing_is_asked() -> None:
    server = Answers("mysql")
    assert detailed(server, RUNS) == [RUNS] and server.asked == []


def test_a_workers_error_says_more_than_the_coordinators() -> None:
    worker = {"name": "w1", "number": 1062, "message": "row 7", "seconds": Decimal("0.5")}
    general = {"name": "w1", "number": 1062, "message": "see", "seconds": Decimal("1.5")}
    server = Answers("mysql", by_worker=[worker], by_coordinator=[general])
    told = detailed(server, STOPPED, RUNS)
    assert told == [
        ChannelStatus("W1", sql_fault=Fault(1062, "row 7", "1970-01-01T00:00:00Z")),
        RUNS,
    ]


def test_a_coordinators_error_is_told_where_there_is_no_workers() -> None:
    general = {"name": "w1", "number": 13114, "message": "see", "seconds": Decimal("1.5")}
    (told,) = detailed(Answers("mysql", by_coordinator=[general]), STOPPED)
    assert told.sql_fault == Fault(13114, "see", "1970-01-01T00:00:01Z")


def test_an_old_error_of_a_channel_that_has_none_is_not_told() -> None:
    old = {"name": "w2", "number": 2003, "message": "old", "seconds": 0}
    now = {"name": "w1", "number": 2003, "message": "now", "seconds": 0}
    told = detailed(Answers("mysql", replication_connection_status=[old, now]), CUT_OFF, RUNS)
    assert [one.io_fault for one in told] == [Fault(2003, "now"), Fault()]


def test_mariadb_tells_no_more_and_no_times() -> None:
    server = Answers("mariadb")
    assert detailed(server, STOPPED, CUT_OFF) == [STOPPED, CUT_OFF] and server.asked == []


def test_a_login_that_may_not_read_the_tables_gets_what_the_status_says() -> None:
    denied = ServerError("r1", "SELECT command denied", 1142)
    assert detailed(Answers("mysql", performance_schema=denied), STOPPED) == [STOPPED]
    with pytest.raises(ServerError, match="gone"):
        detailed(Answers("mysql", performance_schema=ServerError("r1", "gone", 2006)), STOPPED)


def test_passwords_in_messages_are_hidden() -> None:
    said = "Error on query. Default database: ''. Query: 'CREATE USER a IDENTIFIED BY 'p'w''"
    (told,) = detailed(Answers("mariadb"), ChannelStatus("w1", sql_fault=Fault(1396, said)))
    assert "p'w" not in told.sql_fault.message and "CREATE USER a" in told.sql_fault.message


def test_lags_by_server_id() -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "late": 1_500_400},
        {"id": "2", "late": Decimal("-200000")},
        {"id": 3, "late": None},
    ]
    server = Answers("mariadb", heartbeat=rows)
    assert heartbeat_lags(cast(Server, server), "s`x", "heartbeat") == {1: 1.5, 2: -0.2}
    # Columns of type TIMESTAMP are shown in the session's time zone.
    assert server.asked[0] == "time_zone=+00:00" and "`s``x`.`heartbeat`" in server.asked[1]
