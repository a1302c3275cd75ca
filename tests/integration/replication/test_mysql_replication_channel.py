"""mysql_replication_channel and its info module on real servers."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import forget_binary_logs, outside_binary_log
from tests.integration.lines import TestServer, Topology, wait_until
from tests.support.replication import (
    INFO,
    MODULE,
    PASSWORD,
    SECRET,
    USER,
    make_account,
    status,
    wait_for_error,
)


@pytest.fixture(scope="module")
def sources(bare: Topology) -> list[TestServer]:
    """Two sources with an account that may replicate."""
    servers = [bare.server("w1"), bare.server("w2")]
    for server in servers:
        make_account(server)
    return servers


@pytest.fixture
def replica(bare: Topology, sources: list[TestServer], run_module: Any) -> Iterator[TestServer]:
    """A replica without channels; it and the sources have empty binary logs."""
    server = bare.server("r1")
    forget_binary_logs(*sources, server)
    yield server
    result = run_module(
        MODULE,
        server,
        channels=[{"channel": name, "state": "absent"} for name in ("w1", "w2", "w9")],
    )
    assert "failed" not in result, result


@pytest.fixture
def options(sources: list[TestServer]) -> dict[str, Any]:
    return {
        "source_user": USER,
        "source_password": PASSWORD,
        "channels": [
            {"channel": source.name, "source_host": source.address, "source_port": source.port}
            for source in sources
        ],
    }


@pytest.fixture
def table(sources: list[TestServer], replica: TestServer) -> Iterator[str]:
    """A table that is on the sources and the replica, made outside the binary logs."""
    schema = f"test_{secrets.token_hex(4)}"
    for server in (*sources, replica):
        outside_binary_log(
            server,
            f"CREATE SCHEMA {schema}",
            f"CREATE TABLE {schema}.t (id INT PRIMARY KEY, source CHAR(2))",
        )
    yield f"{schema}.t"
    for server in (*sources, replica):
        outside_binary_log(server, f"DROP SCHEMA {schema}")


def channels(run_module: Any, replica: TestServer) -> dict[str, dict[str, Any]]:
    told = run_module(INFO, replica)
    assert not told["changed"]
    return {channel["channel"]: channel for channel in told["channels"]}


def io_threads(replica: TestServer) -> dict[str, int]:
    """Return when each channel's receiving thread was made, as its thread's number."""
    name = "system user"
    rows = replica.rows("SELECT id, time FROM information_schema.processlist WHERE user = %s", name)
    return {str(row["id"]): row["id"] for row in rows}


def test_one_rhythm(
    replica: TestServer,
    sources: list[TestServer],
    run_module: Any,
    options: dict[str, Any],
    table: str,
) -> None:
    predicted = run_module(MODULE, replica, check=True, state="started", **options)
    assert predicted["changed"] and channels(run_module, replica) == {}

    for source in sources:
        source.rows(f"INSERT INTO {table} VALUES (%s, %s)", int(source.name[1]), source.name)
    done = run_module(MODULE, replica, state="started", wait=True, **options)
    assert done["changed"], done
    assert done["statements"] == predicted["statements"]
    assert SECRET not in str(done) and "********" in str(done["statements"])
    rows = replica.rows(f"SELECT * FROM {table} ORDER BY id")
    assert rows == [{"id": 1, "source": "w1"}, {"id": 2, "source": "w2"}]
    # A server goes on telling the last row's lag for a moment.
    told = wait_until(
        lambda: (
            (now := channels(run_module, replica))
            and all(one["seconds_behind_source"] == 0 for one in now.values())
            and now
        ),
        10,
        "a channel is behind",
    )
    assert set(told) == {"w1", "w2"}
    for source in sources:
        one = told[source.name]
        assert one["running"] and one["connected"], one
        assert one["settings"]["source_host"] == source.address
        assert one["settings"]["auto_position"] is True
        assert one["settings"]["connect_retry_seconds"] == 2
        assert one["settings"].get("retry_count", 0) == 0

    threads = io_threads(replica)
    again = run_module(MODULE, replica, state="started", **options)
    assert not again["changed"] and again["statements"] == []
    assert io_threads(replica) == threads

    changed = run_module(
        MODULE,
        replica,
        channel="w1",
        state="started",
        connect_retry_seconds=3,
        heartbeat_seconds=2.5,
    )
    assert changed["changed"], changed
    assert all("w1" in statement and "w2" not in statement for statement in changed["statements"])
    settings = channels(run_module, replica)["w1"]["settings"]
    assert settings["connect_retry_seconds"] == 3 and settings["heartbeat_seconds"] == 2.5
    assert channels(run_module, replica)["w1"]["running"]

    stopped = run_module(MODULE, replica, channel="w1", state="stopped")
    assert stopped["changed"] and not channels(run_module, replica)["w1"]["io_running"]
    assert not run_module(MODULE, replica, channel="w1", state="stopped")["changed"]
    # present does not start what is stopped, and does not stop what runs.
    assert not run_module(MODULE, replica, channel="w1", state="present")["changed"]
    assert not run_module(MODULE, replica, channel="w2", state="present")["changed"]
    assert channels(run_module, replica)["w2"]["running"]

    absent = run_module(MODULE, replica, channel="w1", state="absent")
    assert absent["changed"] and set(channels(run_module, replica)) == {"w2"}
    assert not run_module(MODULE, replica, channel="w1", state="absent")["changed"]


def test_wrong_password_is_told_and_put_right(
    replica: TestServer, run_module: Any, options: dict[str, Any]
) -> None:
    wrong = {**options, "source_password": "wrong"}
    refused = run_module(MODULE, replica, state="started", **wrong)
    assert refused["failed"] and "1045" in refused["msg"], refused
    assert "cannot receive from" in refused["msg"] and "wrong" not in refused["msg"].split()
    right = run_module(MODULE, replica, state="started", wait=True, **options)
    assert right["changed"] and "failed" not in right, right
    assert not run_module(MODULE, replica, state="started", **options)["changed"]


@pytest.mark.flavour("mysql")
def test_a_channel_that_could_not_be_changed_runs_again(
    replica: TestServer, run_module: Any, options: dict[str, Any]
) -> None:
    run_module(MODULE, replica, state="started", wait=True, **options)
    outside_binary_log(
        replica,
        "CREATE USER keeper IDENTIFIED BY 'k'",
        "GRANT REPLICATION CLIENT, REPLICATION_SLAVE_ADMIN ON *.* TO keeper",
        "GRANT SELECT ON performance_schema.* TO keeper",
    )
    # This login may not look whether there is such an account. Only CHANGE tells, after STOP.
    failed = run_module(
        MODULE,
        replica,
        channel="w1",
        privilege_checks_user="nobody@%",
        login_user="keeper",
        login_password="k",
    )
    outside_binary_log(replica, "DROP USER keeper")
    assert failed["failed"] and "run again with their previous settings" in failed["msg"], failed
    assert failed["error_number"] == 3926, failed
    assert channels(run_module, replica)["w1"]["running"]
    assert not run_module(MODULE, replica, state="started", wait=True, **options)["changed"]


def test_a_source_that_is_down_is_no_failure(
    replica: TestServer, run_module: Any, sources: list[TestServer]
) -> None:
    nobody = {"source_host": sources[0].address, "source_port": 13999, "source_user": USER}
    made = run_module(MODULE, replica, channel="w9", state="started", **nobody)
    assert made["changed"] and "failed" not in made, made
    assert any("cannot receive from" in warning for warning in made["warnings"])
    again = run_module(MODULE, replica, channel="w9", state="started", **nobody)
    assert not again["changed"] and again["warnings"]
    wait = {"channel": "w9", "state": "started", "wait": True, "wait_timeout_seconds": 2}
    waited = run_module(MODULE, replica, **wait, **nobody, source_password=PASSWORD)
    assert waited["failed"] and "13999" in waited["msg"], waited
    # Without a password the source is asked with the stored one.
    stored = run_module(MODULE, replica, **wait, **nobody)
    assert stored["failed"] and "13999" in stored["msg"], stored


def test_a_stopped_applier_is_told(
    replica: TestServer,
    sources: list[TestServer],
    run_module: Any,
    options: dict[str, Any],
    table: str,
) -> None:
    run_module(MODULE, replica, state="started", wait=True, **options)
    outside_binary_log(replica, f"INSERT INTO {table} VALUES (7, 'r1')")
    sources[0].rows(f"INSERT INTO {table} VALUES (7, 'w1')")
    late = run_module(MODULE, replica, state="started", wait=True, **options)
    assert late["failed"] and "channel w1" in late["msg"] and "1062" in late["msg"], late
    told = channels(run_module, replica)
    assert told["w1"]["last_sql_error"]["number"] == 1062 and not told["w1"]["running"]
    assert told["w2"]["running"]
    if replica.flavour == "mysql":
        moment = datetime.fromisoformat(told["w1"]["last_sql_error"]["time"])
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1), told["w1"]
    else:
        assert told["w1"]["last_sql_error"]["time"] is None
    # A wait for one that nobody has asked to start tells of each channel what it knows.
    waited = run_module(MODULE, replica, wait=True, **options)
    assert waited["failed"] and "1062" in waited["msg"], waited
    first, second = waited["waited"]
    assert first["last_sql_error"] == told["w1"]["last_sql_error"], waited
    assert not first["applied"] and first["seconds_behind_source"] is None, waited
    assert second["last_sql_error"]["number"] == 0, waited
    assert isinstance(second["seconds_behind_source"], int), waited
    # The cause is removed: the same play carries on where it stopped.
    outside_binary_log(replica, f"DELETE FROM {table} WHERE id = 7")
    healed = run_module(MODULE, replica, state="started", wait=True, **options)
    assert healed["changed"] and "failed" not in healed, healed
    assert replica.rows(f"SELECT source FROM {table} WHERE id = 7") == [{"source": "w1"}]


def test_gtids_are_those_of_the_servers(
    replica: TestServer,
    sources: list[TestServer],
    run_module: Any,
    options: dict[str, Any],
    table: str,
) -> None:
    for number, source in enumerate(sources):
        source.rows(f"INSERT INTO {table} VALUES (%s, 'w')", number)
    run_module(MODULE, replica, state="started", wait=True, **options)
    told = channels(run_module, replica)
    mysql = replica.flavour == "mysql"
    applied = replica.value(f"SELECT @@GLOBAL.{'gtid_executed' if mysql else 'gtid_slave_pos'}")
    assert applied and told["w1"]["gtid_applied"] == applied.replace("\n", "")
    assert told["w2"]["gtid_applied"] == told["w1"]["gtid_applied"]
    for source in sources:
        name = "gtid_executed" if mysql else "gtid_binlog_pos"
        written = source.value(f"SELECT @@GLOBAL.{name}").replace("\n", "")
        received = told[source.name]["gtid_received"]
        # MariaDB's is a position in all domains.
        assert written and written in (received if mysql else received.split(",")), received
        assert not mysql or received == written


def test_wait_covers_all_that_was_written(
    replica: TestServer,
    sources: list[TestServer],
    run_module: Any,
    options: dict[str, Any],
    table: str,
) -> None:
    run_module(MODULE, replica, state="started", **options)
    for number in range(10, 210):
        sources[number % 2].rows(f"INSERT INTO {table} VALUES (%s, 'w')", number)
    run_module(MODULE, replica, state="started", wait=True, **options)
    assert replica.value(f"SELECT COUNT(*) FROM {table}") == 200


def test_a_channel_that_may_give_up_does_and_the_default_never(
    replica: TestServer,
    sources: list[TestServer],
    run_module: Any,
    options: dict[str, Any],
    bare: Topology,
) -> None:
    first, second = options["channels"]
    few = {**first, "retry_count": 2, "connect_retry_seconds": 1}
    made = run_module(
        MODULE, replica, state="started", wait=True, **{**options, "channels": [few, second]}
    )
    assert "failed" not in made, made
    mysql = replica.flavour == "mysql"
    for source in sources:
        source.kill()
    if mysql:
        wait_for_error(replica, "w1", "IO")
    for source in sources:
        wait_until(
            lambda name=source.name: status(replica, name)["last_io_errno"],
            20,
            f"{source.name} is not missed",
        )
    bare.playbook("servers.yml", "--limit", "w1,w2")
    # MySQL counts for each channel; MariaDB's limit is the server's, and is not reached here.
    back = ["w2"] if mysql else ["w1", "w2"]
    for name in back:
        wait_until(
            lambda name=name: status(replica, name)["replica_io_running"] == "Yes",
            20,
            f"{name} does not come back",
        )
    shown = status(replica, "w1")
    if mysql:
        assert shown["source_retry_count"] == 2 and shown["replica_io_running"] == "No", shown
        # What has given up is not what was asked for: the next run starts it.
        healed = run_module(MODULE, replica, state="started", wait=True, **options)
        assert healed["changed"] and "failed" not in healed, healed
    else:
        assert "source_retry_count" not in shown, shown


def test_survives_a_restart_of_source_and_replica(
    replica: TestServer,
    sources: list[TestServer],
    run_module: Any,
    options: dict[str, Any],
    table: str,
    bare: Topology,
) -> None:
    run_module(MODULE, replica, state="started", wait=True, **options)
    sources[0].rows(f"INSERT INTO {table} VALUES (1, 'w1')")
    for server in (sources[0], replica):
        server.kill()
    bare.playbook("servers.yml", "--limit", "w1,r1")
    sources[0].rows(f"INSERT INTO {table} VALUES (3, 'w1')")
    sources[1].rows(f"INSERT INTO {table} VALUES (2, 'w2')")
    wait_until(lambda: replica.value(f"SELECT COUNT(*) FROM {table}") == 3, 20, "rows are missing")
    assert not run_module(MODULE, replica, state="started", wait=True, **options)["changed"]
