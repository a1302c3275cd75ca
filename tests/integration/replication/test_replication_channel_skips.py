"""Errors of channels that are the last sign of rows which the next start would leave out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.conftest import forget_binary_logs
from tests.integration.lines import TestServer, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    channels,
    control,
    follow,
    ids,
    wait_for_error,
)


@pytest.fixture
def schema(replica: TestServer, source: TestServer, schema: str) -> str:
    """With a row, which the replica has."""
    source.rows(f"INSERT INTO {schema}.t VALUES (1)")
    assert "failed" not in follow(replica, source, wait=True)
    return schema


@contextmanager
def without_gtids(source: TestServer) -> Iterator[None]:
    """Let a source log transactions without GTIDs for a moment, as an upgrade does."""
    for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE"):
        source.rows(f"SET GLOBAL gtid_mode = {mode}")
    try:
        yield
    finally:
        for mode in ("ON_PERMISSIVE", "ON"):
            source.rows(f"SET GLOBAL gtid_mode = {mode}")


def problems_of(source: TestServer) -> list[str]:
    found: list[str] = run_module("mysql_server_info", source, serves_as="write_server")["problems"]
    return found


def apply_again(source: TestServer, replica: TestServer, log: str, position: int) -> None:
    """Do on the replica what the explanation of the error says."""
    source.host.run(
        "sh",
        "-c",
        f"mysqlbinlog --disable-log-bin --skip-gtids --start-position={position} "
        f"{source.work_dir}/data/{log} | mysql --no-defaults --socket={replica.socket} --user=root",
    )


@pytest.mark.flavour("mysql")
def test_rows_without_a_gtid_stop_the_run_until_they_have_been_brought_back(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    with without_gtids(source):
        log = source.rows("SHOW BINARY LOG STATUS")[0]
        source.rows(f"INSERT INTO {schema}.t VALUES (2)")
        wait_for_error(replica, "w1", "IO")
    source.rows(f"INSERT INTO {schema}.t VALUES (3)")

    place = f"--start-position={log['Position']} {log['File']}"
    for check in (True, False):
        refused = follow(replica, source, check=check)
        assert refused["failed"] and not refused["changed"], refused
        assert "channel w1 has stopped with error 13114" in refused["msg"], refused
        assert f"mysqlbinlog --disable-log-bin --skip-gtids {place}" in refused["msg"], refused
    assert not channels(replica)["w1"]["io_running"]
    explanation = channels(replica)["w1"]["explanation"]
    assert explanation["skips"] and explanation["source_log_file"] == log["File"], explanation
    assert explanation["source_log_position"] == log["Position"], explanation

    # The source tells it too, to those that were away meanwhile.
    (said,) = problems_of(source)
    assert f"without a GTID ({log['File']} from position {log['Position']} on)" in said, said
    pair = {"increment": 1, "offset": 1, "check_settings": True}
    refused = run_module("mysql_autoinc_offset", source, check=True, **pair)
    assert refused["failed"] and "without a GTID" in refused["msg"], refused

    apply_again(source, replica, log["File"], log["Position"])
    assert ids(replica, schema) == [1, 2]
    control(replica, "START", "w1")
    went_on = follow(replica, source, wait=True)
    assert "failed" not in went_on and not went_on["changed"], went_on
    assert ids(replica, schema) == [1, 2, 3]
    # That its rows are there, only a person can say, by forgetting the log.
    after = said.split("PURGE BINARY LOGS TO '")[1].split("'")[0]
    source.rows("PURGE BINARY LOGS TO %s", after)
    assert problems_of(source) == []
    assert "failed" not in run_module("mysql_autoinc_offset", source, check=True, **pair)


@pytest.mark.flavour("mysql")
def test_a_replica_that_was_away_meanwhile_gets_no_error(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    """Which is why the source's log is looked at."""
    control(replica, "STOP", "w1")
    with without_gtids(source):
        source.rows(f"INSERT INTO {schema}.t VALUES (2)")
    source.rows(f"INSERT INTO {schema}.t VALUES (3)")
    made = follow(replica, source, wait=True)
    assert "failed" not in made, made
    assert ids(replica, schema) == [1, 3]
    assert len(problems_of(source)) == 1


@pytest.mark.flavour("mysql")
def test_a_server_that_got_its_gtids_later_is_not_told_so(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    """Its past without them is one that nobody follows by GTID."""
    remove(replica, source)
    reset(source)
    with without_gtids(source):
        source.rows(f"INSERT INTO {schema}.t VALUES (2)")
    source.rows(f"INSERT INTO {schema}.t VALUES (3)")
    assert problems_of(source) == []


def reset(source: TestServer) -> None:
    """Let a source begin anew, as one that was rebuilt."""
    source.rows("RESET BINARY LOGS AND GTIDS" if source.flavour == "mysql" else "RESET MASTER")


def test_a_source_that_has_lost_its_past_is_not_followed_again_in_silence(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    """It numbers its transactions anew: what has a number that is known would be left out."""
    for number in range(2, 6):
        source.rows(f"INSERT INTO {schema}.t VALUES ({number})")
    assert "failed" not in follow(replica, source, wait=True)
    control(replica, "STOP", "w1")
    reset(source)
    for row in ([], [6]):
        for number in row:
            source.rows(f"INSERT INTO {schema}.t VALUES ({number})")
        for check in (True, False):
            refused = follow(replica, source, check=check)
            assert refused.get("failed") and not refused["changed"], refused
            assert "channel w1: this server counts" in refused["msg"], refused
            assert "of its source as applied" in refused["msg"], refused
    # Somebody starts it all the same, and it stops with an error of its own.
    control(replica, "START", "w1")
    wait_for_error(replica, "w1", "IO")
    assert channels(replica)["w1"]["explanation"]["skips"]
    for number in range(7, 20):
        source.rows(f"INSERT INTO {schema}.t VALUES ({number})")
    # Its numbers are above those of this server now, and nothing but the error tells.
    for _attempt in range(2):
        refused = follow(replica, source)
        assert refused["failed"] and not refused["changed"], refused
        assert "It is not started" in refused["msg"], refused
    assert ids(replica, schema) == [1, 2, 3, 4, 5]
    control(replica, "START", "w1")
    wait_until(lambda: 19 in ids(replica, schema), 20, "it does not go on")
    lost = set(ids(source, schema)) - set(ids(replica, schema))
    assert {6, 7} <= lost, lost


def test_a_seed_that_is_ahead_of_its_source_is_refused(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    remove(replica, source)
    knows = source.value(
        "SELECT @@GLOBAL.gtid_executed" if source.flavour == "mysql" else "SELECT @@gtid_binlog_pos"
    )
    forget_binary_logs(replica)
    # The text ends with the number of the last transaction.
    head, number = re.fullmatch(r"(.*\D)(\d+)", knows.strip()).groups()
    later = f"{head}{int(number) + 4}"
    if source.flavour == "mysql":
        later = f"{source.value('SELECT @@server_uuid')}:1-{int(number) + 4}"
    refused = follow(replica, source, gtid_seed=[later])
    assert refused.get("failed") and not refused["changed"], refused
    assert f"this server counts {later} of its source as applied" in refused["msg"], refused
    made = follow(replica, source, gtid_seed=[knows], wait=True)
    assert "failed" not in made, made


def remove(replica: TestServer, source: TestServer) -> None:
    gone = run_module("mysql_replication_channel", replica, channel=source.name, state="absent")
    assert gone["changed"], gone
