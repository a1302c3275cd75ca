"""Names as servers compare them: w1 and r1 store schemas and tables in lower case, r2 does not.

What is written otherwise in an inventory is the same thing there, to every module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import forget_binary_logs, outside_binary_log
from tests.integration.lines import Host, TestServer, Topology, running_topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    PASSWORD,
    USER,
    control,
    follow,
    make_account,
    make_by_hand,
    wait_for_error,
)

TABLE, CHANNEL, ACCOUNT = "mysql_usage_table", "mysql_replication_channel", "mysql_account"
MONTHS, AUTOINC = "mysql_month_partition", "mysql_autoinc_offset"
CALLS = """
CREATE TABLE Calls (
  Id BIGINT AUTO_INCREMENT PRIMARY KEY,
  Started DATETIME NOT NULL,
  Caller VARCHAR(20)
)
"""
OPTIONS = {
    "schema": "Usage_Data",
    "name": "Calls",
    "definition": CALLS,
    "id_column": "ID",
    "time_column": "STARTED",
    "indexes": [{"name": "Caller", "columns": ["CALLER", "started"]}],
    "first_month": "2026-01",
    "now": "2026-02-15",
}
ROW = "INSERT INTO Usage_Data.Calls (Id, Started) VALUES ({}, '2026-02-01')"


@pytest.fixture(scope="module")
def topology(host: Host) -> Iterator[Topology]:
    with running_topology(host, "lower", "w1", "r1", "r2") as made:
        settings = {"lower_case_table_names": 1}
        made.playbook("servers.yml", "--limit", "w1,r1", mysqld_settings=settings)
        made.playbook("servers.yml", "--limit", "r2")
        yield made


@pytest.fixture(scope="module")
def writer(topology: Topology) -> TestServer:
    server = topology.server("w1")
    made = run_module(TABLE, server, **OPTIONS, shape="write")
    assert made["changed"], made
    make_account(server)
    return server


@pytest.fixture(scope="module")
def reader(topology: Topology, writer: TestServer) -> TestServer:
    server = topology.server("r1")
    made = run_module(TABLE, server, **OPTIONS, shape="read")
    assert made["changed"], made
    forget_binary_logs(writer, server)
    return server


@pytest.fixture
def exact(topology: Topology) -> Iterator[TestServer]:
    """A server with the table that tells upper case from lower."""
    server = topology.server("r2")
    made = run_module(TABLE, server, **OPTIONS, shape="read")
    assert made["changed"], made
    forget_binary_logs(server)
    yield server
    outside_binary_log(server, "DROP SCHEMA Usage_Data")


def unchanged(result: dict[str, Any]) -> bool:
    return not result["changed"] and "failed" not in result


def test_tables(writer: TestServer, reader: TestServer) -> None:
    for server, shape in ((writer, "write"), (reader, "read")):
        found = server.rows("SHOW TABLES FROM usage_data")
        assert [list(row.values()) for row in found] == [["calls"]]
        for schema, name in (("Usage_Data", "Calls"), ("USAGE_DATA", "calls")):
            options = {**OPTIONS, "schema": schema, "definition": CALLS.replace("Calls", name)}
            again = run_module(TABLE, server, **{**options, "name": name}, shape=shape)
            assert unchanged(again) and again["warnings"] == [], again


def test_a_server_that_tells_case_has_two_tables(exact: TestServer) -> None:
    # Here the name of another schema.
    other = {**OPTIONS, "schema": "usage_data", "create_schema": False}
    refused = run_module(TABLE, exact, **other, shape="read")
    assert refused["failed"] and "the schema usage_data does not exist" in refused["msg"], refused
    assert unchanged(run_module(TABLE, exact, **OPTIONS, shape="read"))
    # MariaDB's SHOW SCHEMAS would find it all the same.
    months = {
        "schema": "Usage_Data",
        "table": "Calls",
        "past": "archive",
        "months_kept": 1,
        "now": "2026-03-15",
        "archive_schema": "usage_data",
    }
    refused = run_module(MONTHS, exact, **months)
    assert refused["failed"] and "no schema usage_data exists for the archives" in refused["msg"], (
        refused
    )


def test_months_and_archives(reader: TestServer) -> None:
    outside_binary_log(reader, "CREATE SCHEMA Usage_Archive", ROW.format(1).replace("02-", "01-"))
    options = {
        "schema": "Usage_Data",
        "table": "Calls",
        "time_column": "STARTED",
        "past": "archive",
        "months_kept": 1,
        "archive_schema": "Usage_Archive",
        "archive_table": "Old_{table}_{month}",
        "now": "2026-03-15",
    }
    try:
        done = run_module(MONTHS, reader, **options)
        assert done["changed"] and "failed" not in done, done
        archives = [step["archive"] for step in done["steps"] if "archive" in step]
        assert archives == ["usage_archive.old_calls_2026m01"]
        assert unchanged(run_module(MONTHS, reader, **options))
        assert reader.value("SELECT COUNT(*) FROM usage_archive.old_calls_2026m01") == 1
        for table in ({"table": "Calls"}, {}):
            info = run_module(
                "mysql_month_partition_info",
                reader,
                schema="Usage_DATA",
                now="2026-03-15",
                **table,
            )
            assert info["ok"] and [one["table"] for one in info["tables"]] == ["calls"], info
    finally:
        outside_binary_log(reader, "DROP SCHEMA usage_archive")


def test_ids(writer: TestServer) -> None:
    options = {
        "increment": 20,
        "offset": 1,
        "persist_file": str(writer.work_dir / "conf.d" / "autoinc.cnf"),
        "check_ids": True,
        "check_schemas": ["Usage_Data"],
        "next_id_above": {"Usage_Data.Calls": 100},
    }
    done = run_module(AUTOINC, writer, **options)
    assert done["changed"] and "failed" not in done, done
    assert [one["table"] for one in done["id_columns"]] == ["calls"] and (
        done["id_columns"][0]["next_id"] == 101
    )
    assert unchanged(run_module(AUTOINC, writer, **options))


def test_privileges(writer: TestServer) -> None:
    options = {
        "name": "App",
        "password": "aA1!aaaa",
        "privileges": {
            "Usage_Data.*": ["SELECT"],
            "Usage_Data.Calls": ["INSERT", "UPDATE (Caller)"],
            "Usage_Archive%.*": ["DELETE"],
        },
        "revoke_unlisted": True,
    }
    try:
        done = run_module(ACCOUNT, writer, **options)
        assert done["changed"] and "failed" not in done, done
        with writer.login("App", "aA1!aaaa") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM usage_data.calls")
            cursor.execute("UPDATE usage_data.calls SET caller = 'x' WHERE id = 0")
        for again in (options, {**options, "revoke_unlisted": False}):
            found = run_module(ACCOUNT, writer, **again)
            assert unchanged(found) and found["warnings"] == [], found
        more = {**options, "privileges": {**options["privileges"], "usage_DATA.*": ["INSERT"]}}
        assert run_module(ACCOUNT, writer, **more)["changed"]
        assert unchanged(run_module(ACCOUNT, writer, **more))
        assert "INSERT" in str(writer.rows("SHOW GRANTS FOR App"))
    finally:
        outside_binary_log(writer, "DROP USER App")


def test_filters(writer: TestServer, reader: TestServer) -> None:
    """MariaDB loses every row of a database that a filter does not spell as it is stored."""
    options = {
        "channel": "w1",
        "state": "started",
        "source_host": writer.address,
        "source_port": writer.port,
        "source_user": USER,
        "source_password": PASSWORD,
        "filters": {"do_databases": ["Usage_Data"], "ignore_tables": ["Usage_Data.Other"]},
        "filters_file": str(reader.work_dir / "conf.d" / "filters.cnf"),
        "required_tables": ["Usage_Data.Calls"],
        "wait": True,
    }
    try:
        done = run_module(CHANNEL, reader, **options)
        assert done["changed"] and "failed" not in done, done
        writer.rows(ROW.format(21))
        again = run_module(CHANNEL, reader, **options)
        assert unchanged(again), again
        assert reader.value("SELECT COUNT(*) FROM usage_data.calls WHERE id = 21") == 1
        kept_out = {**options, "required_tables": ["usage_data.OTHER"]}
        refused = run_module(CHANNEL, reader, **kept_out)
        assert refused["failed"] and "ignore_tables excludes usage_data.other" in refused["msg"]
    finally:
        gone = {"channel": "w1", "state": "absent", "filters_file": options["filters_file"]}
        run_module(CHANNEL, reader, **gone)
        forget_binary_logs(writer, reader)


def set_filter(server: TestServer, channel: str, *names: str) -> None:
    if server.flavour == "mysql":
        listed = ", ".join(f"`{name}`" for name in names)
        server.rows(
            f"CHANGE REPLICATION FILTER REPLICATE_DO_DB = ({listed}) FOR CHANNEL '{channel}'"
        )
    else:
        server.rows(f"SET GLOBAL {channel}.replicate_do_db = %s", ",".join(names))


def test_how_a_filter_by_hand_is_compared(writer: TestServer, reader: TestServer) -> None:
    for server in (writer, reader):
        mark = "CREATE TABLE marks.mark (id INT PRIMARY KEY)"
        outside_binary_log(server, "CREATE SCHEMA marks", mark)
    make_by_hand(reader, "hand", writer, USER)
    try:
        set_filter(reader, "hand", "Usage_Data", "marks")
        control(reader, "START", "hand")
        writer.rows(ROW.format(41))
        writer.rows("INSERT INTO marks.mark VALUES (1)")
        wait_until(lambda: reader.rows("SELECT 1 FROM marks.mark"), 20, "no mark arrives")
        arrived = reader.value("SELECT COUNT(*) FROM usage_data.calls WHERE id = 41")
        assert arrived == (reader.flavour == "mysql")
    finally:
        run_module(CHANNEL, reader, channel="hand", state="absent")
        for server in (writer, reader):
            outside_binary_log(server, "DROP SCHEMA marks")
        forget_binary_logs(writer, reader)


def test_a_source_in_lower_case_and_a_replica_that_tells_case(
    writer: TestServer, exact: TestServer
) -> None:
    outside_binary_log(writer, f"GRANT SELECT ON usage_data.* TO {USER}")
    source = {
        "server": "w1",
        "login_host": writer.address,
        "login_port": writer.port,
        "login_user": USER,
        "login_password": PASSWORD,
    }
    named = {"schema": "Usage_Data", "name": "Calls", "compare_with": [source]}
    found = run_module("mysql_usage_table_info", exact, **named)
    assert not found["ok"] and "error 1146" in found["problems"][0], found
    assert [one["what"] for one in found["servers"][0]["differences"]] == ["lower_case_table_names"]
    forget_binary_logs(writer)
    try:
        started = follow(exact, writer, wait=False)
        assert "failed" not in started, started
        writer.rows(ROW.format(61))
        stopped = wait_for_error(exact, "w1")
        # MySQL tells of the coordinator; the worker's own error is behind it.
        assert stopped["last_sql_errno"] in (1146, 1049, 13124), stopped
    finally:
        run_module(CHANNEL, exact, channel="w1", state="absent")
        forget_binary_logs(writer, exact)


def test_a_source_that_tells_case_and_a_replica_in_lower_case(
    exact: TestServer, reader: TestServer
) -> None:
    make_account(exact)
    try:
        started = follow(reader, exact, wait=True)
        assert "failed" not in started, started
        exact.rows(ROW.format(81))
        query = "SELECT 1 FROM usage_data.calls WHERE id = 81"
        wait_until(lambda: reader.rows(query), 20, "the row does not arrive")
        sources = [{"login_unix_socket": exact.socket, "login_user": "root"}]
        named = {"schema": "Usage_Data", "name": "Calls", "compare_with": sources}
        assert run_module("mysql_usage_table_info", reader, **named)["ok"]
    finally:
        run_module(CHANNEL, reader, channel="r2", state="absent")
        outside_binary_log(exact, f"DROP USER {USER}")
        forget_binary_logs(exact, reader)
