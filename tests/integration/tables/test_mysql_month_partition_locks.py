"""mysql_month_partition while somebody holds the table: archive, split and move give up in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.conftest import outside_binary_log, own_schema
from tests.integration.lines import TestServer, Topology
from tests.integration.tables.test_mysql_month_partition import (
    MODULE,
    days,
    insert,
    make,
    partitions,
)
from tests.integration.tables.test_mysql_month_partition_past import FIVE, HELD, files, held, tables

WAIT = {"lock_wait_timeout_seconds": 2, "lock_wait_retries": 1}


@contextmanager
def in_use(server: TestServer, schema: str) -> Iterator[Any]:
    """Keep the table in an open transaction, as an application that forgets one does."""
    with server.admin() as holder, holder.cursor() as cursor:
        holder.autocommit(False)
        cursor.execute(f"SELECT * FROM {schema}.calls")
        yield holder


def gives_up(server: TestServer, run_module: Any, options: dict[str, Any]) -> None:
    """Run the module while the table is in use; it must fail within its own time."""
    table = f"{options['schema']}.calls"
    before = partitions(server, options["schema"])
    with in_use(server, options["schema"]) as holder:
        # A wait without a bound shall fail the test, and not hang it for a day.
        release = threading.Timer(20, holder.rollback)
        release.start()
        started = time.monotonic()
        failed = run_module(MODULE, server, **options, **WAIT)
        took = time.monotonic() - started
        release.cancel()
        release.join()
        assert failed.get("failed") and failed["error_number"] == 1205, failed
        assert f"gave up after 2 tries of 2 s to get table {table}" in failed["msg"], failed
        assert f"{holder.thread_id()} (root@localhost)" in failed["msg"], failed
    # Two tries of two seconds and one between; the server's own default is a day or a year.
    assert took < 10, took
    assert partitions(server, options["schema"]) == before


def test_the_shortest_wait(server: TestServer, schema: str, run_module: Any) -> None:
    """The time that is told is kept to, or refused: MariaDB waits twice, for a second each."""
    options = make(server, schema, "a 2013-12-01") | {"lock_wait_retries": 0}
    shortest = 1 if server.flavour == "mysql" else 2
    with in_use(server, schema) as holder:
        release = threading.Timer(20, holder.rollback)
        release.start()
        for seconds in (1, 2, 3):
            started = time.monotonic()
            failed = run_module(MODULE, server, **options, lock_wait_timeout_seconds=seconds)
            took = time.monotonic() - started
            if seconds < shortest:
                assert "lock_wait_timeout_seconds 1 is too short" in failed["msg"], failed
                assert "choose 2 or more" in failed["msg"] and took < 2
                continue
            assert f"gave up after 1 try of {seconds} s" in failed["msg"], failed
            # Twice as long would be a wait that is not halved.
            assert took < 2 * seconds, took
        release.cancel()
        release.join()
    refused = run_module(MODULE, server, check=True, **options, lock_wait_timeout_seconds=1)
    assert refused.get("failed", False) is (shortest == 2), refused
    assert run_module(MODULE, server, **options)["changed"]


def test_an_archive_gives_up_and_the_next_run_finishes_it(
    server: TestServer, schema: str, run_module: Any
) -> None:
    options = make(server, schema, *FIVE) | {"months_kept": 2, "past": "archive"}
    insert(server, schema, *HELD)
    gives_up(server, run_module, options)
    # The archive is made without the table; it has no rows and no partitions yet.
    assert tables(server, schema) == ["calls", "calls_2013m09"]
    assert held(server, f"{schema}.calls_2013m09") == [] and days(server, schema) == HELD

    done = run_module(MODULE, server, **options)
    assert [step["action"] for step in done["steps"]] == ["archive partition"], done
    assert held(server, f"{schema}.calls_2013m09") == HELD[:1]
    assert days(server, schema) == HELD[1:]
    assert run_module(MODULE, server, **options)["steps"] == []


def test_an_archive_that_was_exchanged_gives_up_and_is_finished(
    server: TestServer, schema: str, run_module: Any
) -> None:
    """An earlier run came as far as the exchange; what is left is to drop the partition."""
    options = make(server, schema, *FIVE) | {"months_kept": 2, "past": "archive"}
    insert(server, schema, *HELD)
    table, archive = f"{schema}.calls", f"{schema}.calls_2013m09"
    outside_binary_log(
        server,
        f"CREATE TABLE {archive} LIKE {table}",
        f"ALTER TABLE {archive} REMOVE PARTITIONING",
        f"ALTER TABLE {table} EXCHANGE PARTITION a WITH TABLE {archive}",
    )
    gives_up(server, run_module, options)
    assert held(server, archive) == HELD[:1] and days(server, schema) == HELD[1:]
    done = run_module(MODULE, server, **options)
    assert done["changed"] and held(server, archive) == HELD[:1], done
    assert days(server, schema) == HELD[1:]
    assert run_module(MODULE, server, **options)["steps"] == []


def test_a_split_of_rows_gives_up(server: TestServer, schema: str, run_module: Any) -> None:
    options = make(server, schema, "a 2013-10-01", "tail MAX") | {"split_tail_with_rows": True}
    insert(server, schema, *HELD)
    gives_up(server, run_module, options)
    assert days(server, schema) == HELD
    done = run_module(MODULE, server, **options)
    assert done["changed"] and done["steps"][0]["action"] == "split partition", done
    assert days(server, schema) == HELD
    assert run_module(MODULE, server, **options)["steps"] == []


def test_a_move_gives_up_and_the_next_run_finishes_it(
    bare: Topology, cold_directory: str, run_module: Any
) -> None:
    server = bare.server("r1")
    with own_schema(server) as schema:
        options = make(server, schema, *FIVE)
        insert(server, schema, *HELD)
        options |= {"cold_after_months": 2, "cold_data_directory": cold_directory}
        gives_up(server, run_module, options)
        months = [file for file in files(server, schema) if "#p#" in file.lower()]
        assert len(months) == 5 and not any(one.startswith(cold_directory) for one in months)
        assert days(server, schema) == HELD

        done = run_module(MODULE, server, **options)
        assert done["changed"] and done["steps"][-1]["action"] == "move partition", done
        assert tables(server, schema) == ["calls"] and days(server, schema) == HELD
        moved = [file.startswith(cold_directory) for file in files(server, schema)]
        assert moved == [True] + [False] * 4
        assert run_module(MODULE, server, **options)["steps"] == []
