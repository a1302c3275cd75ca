"""Work on two servers, step by step: killed, stopped, resumed, alone, and with whom it began."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from pymysql.connections import Connection

from tests.integration.conftest import logged, outside_binary_log
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module, try_module
from tests.support.crash import is_alone, killed_everywhere
from tests.support.numbered_rows import NAME

STEPS = ["create", "copy", "copy", "verify", "mark"]
ROWS = [{"number": 1, "text": "one"}, {"number": 2, "text": "two"}]


@pytest.fixture
def target(bare: Topology) -> TestServer:
    return bare.server("w1")


@pytest.fixture
def source(bare: Topology) -> TestServer:
    return bare.server("w2")


@pytest.fixture
def schema(source: TestServer, target: TestServer) -> Iterator[str]:
    """A schema on both servers, with two rows to bring; no binary log knows of it."""
    name = f"test_{secrets.token_hex(4)}"
    before = [logged(server) for server in (source, target)]
    for server in (source, target):
        outside_binary_log(server, f"CREATE SCHEMA {name} DEFAULT CHARACTER SET utf8mb4")
    outside_binary_log(
        source,
        f"CREATE TABLE {name}.t (number INT PRIMARY KEY, text VARCHAR(20))",
        f"INSERT INTO {name}.t VALUES (1, 'one'), (2, 'two')",
    )
    try:
        yield name
    finally:
        for server in (source, target):
            outside_binary_log(server, f"DROP SCHEMA {name}", "DROP SCHEMA IF EXISTS dbrw")
    assert [logged(server) for server in (source, target)] == before


@pytest.fixture
def arguments(schema: str, source: TestServer) -> dict[str, Any]:
    return {"schema": schema, "source_socket": source.socket}


def reset(schema: str, source: TestServer, target: TestServer) -> None:
    outside_binary_log(target, f"DROP TABLE IF EXISTS {schema}.t", "DROP SCHEMA IF EXISTS dbrw")
    outside_binary_log(source, f"DROP TABLE IF EXISTS {schema}.moved")


def look(schema: str, source: TestServer, target: TestServer) -> Any:
    return (
        target.rows(f"SELECT * FROM {schema}.t ORDER BY number"),
        source.rows(f"SHOW TABLES FROM {schema}"),
        # What was interrupted is known as such once the work is complete.
        target.rows("SELECT state FROM dbrw.journal WHERE closed IS NULL OR state = 'intent'"),
    )


def journal(target: TestServer) -> list[dict[str, Any]]:
    return target.rows(
        "SELECT step, target, server, state, closed IS NOT NULL AS closed, identity, detail, "
        "begun <= ended AS ordered, ABS(TIMESTAMPDIFF(SECOND, begun, UTC_TIMESTAMP())) AS age "
        "FROM dbrw.journal ORDER BY id"
    )


def steps(result: dict[str, Any]) -> list[str]:
    return [step["step"] for step in result["steps"]]


def has_nothing(schema: str, target: TestServer) -> bool:
    return not target.rows(f"SHOW TABLES FROM {schema}") and not target.rows(
        "SHOW DATABASES LIKE 'dbrw'"
    )


def test_check_mode_shows_the_whole_plan_and_changes_nothing(
    schema: str, target: TestServer, source: TestServer, arguments: dict[str, Any]
) -> None:
    shown = run_module(NAME, target, check=True, **arguments)
    assert shown["changed"] and not shown["done"] and steps(shown) == STEPS, shown
    assert shown["steps_left"] == len(STEPS)
    assert shown["diff"]["after"]["table t on source"] == {"moved": True}
    assert has_nothing(schema, target) and not source.rows(f"SHOW TABLES FROM {schema} LIKE 'm%'")


def test_it_runs_through(
    schema: str, target: TestServer, source: TestServer, arguments: dict[str, Any]
) -> None:
    made = run_module(NAME, target, **arguments)
    assert made["changed"] and made["done"] and steps(made) == STEPS, made
    assert made["diff"]["before"]["table t on source"] == {"moved": False}
    assert made["rows"] == 2 and made["steps_left"] == 0 and made["unreachable_servers"] == {}
    assert all(step["seconds"] >= 0 for step in made["steps"])
    assert len(made["steps"][1]["statements"]) == 2
    assert target.rows(f"SELECT * FROM {schema}.t ORDER BY number") == ROWS
    kept = journal(target)
    assert [entry["step"] for entry in kept] == STEPS
    assert {entry["state"] for entry in kept} == {"done"} and all(e["closed"] for e in kept)
    assert all(entry["ordered"] and entry["age"] < 60 for entry in kept), kept
    assert [entry["server"] for entry in kept] == ["here"] * 4 + ["source"]
    assert '"rows_before": 2' in kept[3]["detail"] and "1=one,2=two" in kept[3]["detail"]
    assert str(source.value("SELECT @@server_id")) in kept[4]["identity"]
    again = run_module(NAME, target, **arguments)
    assert not again["changed"] and again["done"] and again["steps"] == [], again
    assert len(journal(target)) == len(STEPS)


@pytest.mark.usefixtures("ahead_of_utc")
def test_times_are_utc_whatever_the_servers_zone(
    target: TestServer, arguments: dict[str, Any]
) -> None:
    assert run_module(NAME, target, **arguments)["done"]
    assert all(entry["age"] < 60 for entry in journal(target))


def test_killed_at_every_statement(
    schema: str, target: TestServer, source: TestServer, arguments: dict[str, Any]
) -> None:
    outside_binary_log(source, f"DELETE FROM {schema}.t WHERE number = 2")
    kills = killed_everywhere(
        NAME,
        target,
        arguments,
        partial(reset, schema, source, target),
        partial(look, schema, source, target),
        source,
    )
    # Before and after each of two logins, of five entries of the journal for each step, and more.
    assert kills >= 2 * 30


def test_a_call_ends_between_two_steps_when_its_time_is_over(
    schema: str, target: TestServer, source: TestServer, arguments: dict[str, Any]
) -> None:
    refused = run_module(NAME, target, run_seconds=-1, **arguments)
    assert refused["failed"] and refused["msg"] == (
        "run_seconds is -1.0; it must be at least 0."
    ), refused
    for number, step in enumerate(STEPS, 1):
        call = run_module(NAME, target, run_seconds=0, **arguments)
        assert steps(call) == [step] and call["changed"], call
        assert call["done"] == (number == len(STEPS)), call
        assert call["steps_left"] == len(STEPS) - number
    assert target.rows(f"SELECT * FROM {schema}.t ORDER BY number") == ROWS
    reset(schema, source, target)
    assert run_module(NAME, target, run_seconds=0, **arguments)["done"] is False
    rest = run_module(NAME, target, run_seconds=600, **arguments)
    assert rest["done"] and steps(rest) == STEPS[1:], rest


@contextlib.contextmanager
def held(source: TestServer, schema: str) -> Iterator[str]:
    """Hold a row of the source meanwhile, and give the statement that waits for it."""
    where = f"FROM {schema}.t WHERE number = 1"
    with source.admin() as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT 1 {where} FOR UPDATE")
        yield f"SELECT 1 {where} LOCK IN SHARE MODE"


def test_a_second_call_beside_it_is_refused(
    target: TestServer, source: TestServer, arguments: dict[str, Any], schema: str
) -> None:
    with ThreadPoolExecutor() as threads, held(source, schema) as waits:
        slow = {**arguments, "accident": ["verify", "source", waits]}
        first = threads.submit(run_module, NAME, target, **slow)
        wait_until(
            lambda: (
                target.rows("SHOW DATABASES LIKE 'dbrw'")
                and target.rows("SHOW TABLES FROM dbrw LIKE 'journal'")
                and target.rows("SELECT 1 FROM dbrw.journal WHERE step = 'verify'")
            ),
            20,
            "the first call does not come to its step",
        )
        second = run_module(NAME, target, **arguments)
        assert second["failed"] and not second["changed"], second
        assert f"{schema} is being worked on by another call: connection " in second["msg"]
        assert "root from localhost (verify table t on here, begun " in second["msg"], second
        # A check beside it is allowed.
        assert steps(run_module(NAME, target, check=True, **arguments)) == STEPS[3:]
        assert not first.done()
    assert first.result()["done"], first.result()
    assert not run_module(NAME, target, **arguments)["changed"]


def kill_when_sent(word: str) -> None:
    """Let this process end once it has sent a statement with this word."""
    send: Any = Connection._execute_command

    def watched(connection: Any, command: int, sql: Any) -> None:
        send(connection, command, sql)
        if word in (sql.decode(errors="replace") if isinstance(sql, bytes) else sql):
            os.kill(os.getpid(), signal.SIGKILL)

    Connection._execute_command = watched


def test_a_statement_of_a_killed_call_keeps_the_next_one_away_until_it_ends(
    target: TestServer, source: TestServer, arguments: dict[str, Any], schema: str
) -> None:
    with held(source, schema) as waits:
        slow = {**arguments, "accident": ["copy", "source", waits]}
        killed = try_module(NAME, target, partial(kill_when_sent, "IN SHARE MODE"), **slow)
        assert killed == -signal.SIGKILL
        refused = run_module(NAME, target, **arguments)
    assert refused["failed"] and f"of server {source.socket}" in refused["msg"], refused
    assert "(copy row 1 on here, begun " in refused["msg"], refused
    wait_until(partial(is_alone, source), 20, "the killed call's statement does not end")
    gone_on = run_module(NAME, target, **arguments)
    assert gone_on["done"] and steps(gone_on) == STEPS[1:], gone_on
    states = [entry["state"] for entry in journal(target)]
    assert states == ["done", "interrupted", "done", "done", "done", "done"]


def test_a_server_that_cannot_be_reached(
    schema: str, target: TestServer, arguments: dict[str, Any]
) -> None:
    nowhere = "/nonexistent.sock"
    refused = run_module(NAME, target, **{**arguments, "source_socket": nowhere})
    assert refused["failed"] and "source cannot be reached: cannot log in" in refused["msg"]
    both = {**arguments, "source_socket": nowhere, "witness_socket": "/neither.sock"}
    refused = run_module(NAME, target, **both)
    assert "source cannot be" in refused["msg"] and "witness cannot be" in refused["msg"], refused
    assert has_nothing(schema, target)
    made = run_module(NAME, target, witness_socket=nowhere, witness_optional=True, **arguments)
    assert made["done"] and made["without"] == ["witness"], made
    assert "witness cannot be reached" in made["unreachable_servers"]["witness"]
    assert sorted(made["servers"]) == ["here", "source"]


def test_a_server_that_hangs_costs_its_timeout_once(
    bare: Topology, target: TestServer, arguments: dict[str, Any]
) -> None:
    witness = bare.server("w3")
    host = witness.host
    host.run("sh", "-c", f"kill -STOP {witness.pid}")
    began = time.monotonic()
    try:
        made = run_module(
            NAME,
            target,
            witness_socket=witness.socket,
            witness_optional=True,
            connect_timeout=5,
            **arguments,
        )
    finally:
        took = time.monotonic() - began
        host.run("sh", "-c", f"kill -CONT {witness.pid}")
    assert made["done"] and made["without"] == ["witness"], made
    # Five steps are taken.
    assert len(made["steps"]) == 5 and took < 2 * 5, (took, made["steps"])


def test_a_server_that_becomes_another_one_stops_it(
    schema: str, target: TestServer, source: TestServer, arguments: dict[str, Any]
) -> None:
    number = source.value("SELECT @@GLOBAL.server_id")
    upset = {**arguments, "accident": ["copy", "source", "SET GLOBAL server_id = 4711"]}
    try:
        stopped = run_module(NAME, target, **upset)
    finally:
        source.rows(f"SET GLOBAL server_id = {number}")
    assert stopped["failed"] and stopped["changed"] and steps(stopped) == STEPS[:2], stopped
    assert stopped["msg"].startswith("step 3, copy row 2 on here: server "), stopped
    assert f"another server answers: server_id was {number} and is 4711" in stopped["msg"]
    assert stopped["msg"].endswith("the same call goes on from there.")
    assert len(journal(target)) == 2
    gone_on = run_module(NAME, target, **arguments)
    assert gone_on["done"] and steps(gone_on) == STEPS[2:], gone_on


def test_a_work_is_not_gone_on_with_another_server(
    bare: Topology, target: TestServer, source: TestServer, arguments: dict[str, Any], schema: str
) -> None:
    w3 = bare.server("w3")
    slow = {**arguments, "accident": ["mark", "source", "SELECT nonsense"]}
    failed = run_module(NAME, target, **slow)
    assert failed["failed"] and "step 5, mark table t on source: server" in failed["msg"], failed
    assert failed["error_number"] == 1054
    assert [entry["state"] for entry in journal(target)][-1] == "failed"
    other = {**arguments, "source_socket": w3.socket}
    for check in (True, False):
        refused = run_module(NAME, target, check=check, **other)
        assert refused["failed"] and not refused["changed"], refused
        assert "source: since the work was begun there, another server answers" in refused["msg"]
    refused = run_module(NAME, target, replaced_servers=["sauce"], **other)
    assert refused["msg"].startswith("replaced_servers names sauce; this work is on here, source")
    allowed = run_module(NAME, target, replaced_servers=["source"], **other)
    assert allowed["msg"] == f"source has no table {schema}.t.", allowed


def test_a_step_that_is_undone_each_time_is_an_error(
    schema: str, target: TestServer, arguments: dict[str, Any]
) -> None:
    outside_binary_log(
        target,
        f"CREATE TABLE {schema}.t (number INT PRIMARY KEY, text VARCHAR(20))",
        f"CREATE TRIGGER {schema}.undo BEFORE UPDATE ON {schema}.t FOR EACH ROW "
        "SET NEW.text = 'never'",
    )
    failed = run_module(NAME, target, **arguments)
    assert failed["failed"] and "the step was taken 2 times" in failed["msg"], failed
    assert "copy row 1 on here" in failed["msg"] and len(failed["steps"]) == 3


def test_the_lock_is_looked_at_before_each_step(
    target: TestServer, arguments: dict[str, Any]
) -> None:
    lost = {**arguments, "accident": ["create", "here", "DO RELEASE_ALL_LOCKS()"]}
    failed = run_module(NAME, target, **lost)
    assert "is no longer held" in failed["msg"] and steps(failed) == ["create"], failed
