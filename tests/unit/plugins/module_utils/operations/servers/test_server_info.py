"""What mysql_server_info asks for, and how its judgements come together."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.servers.server_info import (
    Current,
    ServerInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    Verdict,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    Clock,
    ServerZones,
)
from tests.support import options

PARIS = Clock("Europe/Paris", 2026, (("2026-01-01", 3600), ("2026-03-30", 7200)))
UTC = Clock("+00:00", 2026, (("2026-01-01", 0),))
NO_SERVER = cast(Server, None)


def current(clock: Clock = UTC, *names: str) -> Current:
    return Current(
        variables={"server_id": "1"},
        schemas=["usage"],
        zones=ServerZones("this server", clock, frozenset(names)),
        zones_are_logged=True,
        identity={"server_id": 1},
        settings=Verdict(
            (
                Finding("settings.log_bin", CRITICAL, "", "a setting"),
                Finding("sessions.sql_log_bin", WARNING, "", "a session"),
            )
        ),
        log_problems=[Finding("binary_log.without_gtid", CRITICAL, "", "a log")],
    )


def result(found: Current, **given: Any) -> dict[str, Any]:
    operation = ServerInfo()
    desired = options.desired(operation, **given)
    return operation.result(NO_SERVER, desired, found, operation.plan(desired, found), None)


def test_it_only_asks() -> None:
    desired = options.desired(ServerInfo())
    assert ServerInfo.logged and ServerInfo().plan(desired, current()) == Plan()
    assert (desired.serves_as, desired.sources, desired.clock_columns) == (None, [], [])


def test_another_kind_is_refused() -> None:
    (said,) = options.refusals(ServerInfo(), serves_as="fabric")
    assert "value of serves_as must be one of" in said


def test_columns_that_a_clock_fills_are_looked_for_in_usage_tables() -> None:
    tables = [
        {"schema": "s", "name": "calls", "definition": "CREATE TABLE t (id INT, at TIMESTAMP)"},
        {"schema": "s", "name": "plain", "definition": "CREATE TABLE t (id INT, at DATETIME)"},
        {"schema": "s", "name": "none"},
    ]
    desired = options.desired(ServerInfo(), usage_tables=tables)
    assert desired.clock_columns == ["s.calls.at"]


@pytest.mark.parametrize("clock", [UTC, PARIS])
def test_a_write_servers_own_clock_is_judged(clock: Clock) -> None:
    told = result(current(clock), serves_as="write_server")
    assert told["problems"] == ["a setting", "a log"]
    assert told["risks"][0] == "a session" and told["warnings"] == told["risks"]
    assert ["daylight saving time" in risk for risk in told["risks"][1:]] == [True] * (
        clock == PARIS
    )
    assert told["time_zones"]["time_zone"] == clock.time_zone
    # Each problem and each risk, once more in parts.
    assert [(one["severity"], one["code"]) for one in told["findings"]] == [
        ("critical", "settings.log_bin"),
        ("warning", "sessions.sql_log_bin"),
        *[("warning", "time_zones.clock_put_back")] * (clock == PARIS),
        ("critical", "binary_log.without_gtid"),
    ]


def test_a_read_server_is_compared_with_its_write_servers() -> None:
    sources = [
        {**ServerZones(name, clock, frozenset({"Asia/Tokyo"})).told(), "name": name}
        for name, clock in (("w1", UTC), ("w2", PARIS))
    ]
    told = result(current(PARIS), serves_as="read_server", source_time_zones=sources)
    assert told["problems"][0] == "a setting" and told["problems"][-1] == "a log"
    assert [("Asia/Tokyo" in problem) for problem in told["problems"][1:-1]] == [True, True]
    assert told["risks"][0] == "a session" and "clocks differ" in told["risks"][1]
    assert len(told["risks"]) == 2
