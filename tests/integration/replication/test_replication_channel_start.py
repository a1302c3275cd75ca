"""A channel counts as started only once it has shown that it applies what its source has."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    MODULE,
    channels,
    control,
    follow,
    wait_for_error,
)


@pytest.mark.parametrize("knows_password", [True, False])
def test_a_channel_that_stops_again_at_once_is_a_failure_each_time(
    replica: TestServer, source: TestServer, schema: str, knows_password: bool
) -> None:
    outside_binary_log(source, f"CREATE TABLE {schema}.only_here (id INT PRIMARY KEY)")
    source.rows(f"INSERT INTO {schema}.only_here VALUES (1)")
    if not knows_password and replica.flavour == "mariadb":
        # Nobody can ask the source then, so it runs until the row has come.
        wait_for_error(replica, "w1")
    for attempt in range(10):
        if knows_password:
            tried = follow(replica, source)
        else:
            tried = run_module(MODULE, replica, channel="w1", state="started")
        assert tried.get("failed") and "1146" in tried["msg"], (attempt, tried)
    outside_binary_log(replica, f"CREATE TABLE {schema}.only_here (id INT PRIMARY KEY)")
    healed = follow(replica, source)
    assert "failed" not in healed and healed["changed"], healed
    # What the source had is there when the module says so.
    assert replica.value(f"SELECT COUNT(*) FROM {schema}.only_here") == 1


@contextmanager
def held(replica: TestServer, table: str) -> Iterator[None]:
    """Keep the applier from a table."""
    with replica.admin() as session, session.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {table} WRITE")
        yield


def wait_until_it_waits(replica: TestServer) -> None:
    asked = "SELECT state AS state FROM information_schema.processlist WHERE user = 'system user'"
    wait_until(
        lambda: any("metadata lock" in str(row["state"]) for row in replica.rows(asked)),
        20,
        "the applier does not wait for the lock",
    )


def test_a_channel_that_runs_at_the_first_look_and_is_about_to_stop(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    """Nothing is started in this run: somebody else did that just now."""
    outside_binary_log(source, f"CREATE TABLE {schema}.only_here (id INT PRIMARY KEY)")
    results: list[dict[str, Any]] = []
    look = threading.Thread(target=lambda: results.append(follow(replica, source)))
    with held(replica, f"{schema}.t"):
        source.rows(f"INSERT INTO {schema}.t VALUES (1)")
        source.rows(f"INSERT INTO {schema}.only_here VALUES (1)")
        wait_until_it_waits(replica)
        assert channels(replica)["w1"]["running"]
        look.start()
        # Long enough for the first looks, which see both threads run.
        time.sleep(1.5)
    look.join()
    assert results[0].get("failed") and "1146" in results[0]["msg"], results
    assert not results[0]["changed"], results


def test_a_channel_that_applies_nothing_is_told(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    control(replica, "STOP", "w1")
    source.rows(f"INSERT INTO {schema}.t VALUES (1)")
    with held(replica, f"{schema}.t"):
        late = follow(replica, source)
    # It has not stopped, and may go on within a second: a warning, and no failure.
    assert "failed" not in late and late["changed"], late
    (said,) = late["warnings"]
    assert "channel w1 runs, and within 10 s has applied nothing" in said, late
    # MySQL's applier waits in its workers, of which the status tells nothing.
    assert ("metadata lock" in said) == (replica.flavour == "mariadb"), late
    again = follow(replica, source)
    assert not again["changed"] and not again["warnings"], again


def test_a_channel_that_goes_on_applying_is_not_waited_for(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    """A backlog of hours would keep site.yml for hours."""
    control(replica, "STOP", "w1")
    for server in (source, replica):
        outside_binary_log(server, f"CREATE TABLE {schema}.later (id INT PRIMARY KEY)")
    source.rows(f"INSERT INTO {schema}.t VALUES (1)")
    source.rows(f"INSERT INTO {schema}.later VALUES (1)")
    began = time.monotonic()
    with held(replica, f"{schema}.later"):
        made = follow(replica, source)
    assert "failed" not in made and not made["warnings"], made
    assert time.monotonic() - began < 9


def test_a_delay_that_is_asked_for_is_not_waited_for(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    source.rows(f"INSERT INTO {schema}.t VALUES (1)")
    began = time.monotonic()
    delayed = follow(replica, source, source_delay_seconds=600)
    source.rows(f"INSERT INTO {schema}.t VALUES (2)")
    assert "failed" not in delayed and not delayed["warnings"], delayed
    again = follow(replica, source, source_delay_seconds=600)
    assert not again["changed"] and not again["warnings"], again
    assert time.monotonic() - began < 6
