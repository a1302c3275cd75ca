"""Time zones on real servers: what they know, what a channel needs, and what is compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.integration.conftest import outside_binary_log, own_schema
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.tables.test_mysql_month_partition import binary_log
from tests.support import replication

MODULE, INFO = "mysql_time_zones", "mysql_server_info"
TABLES = (
    "time_zone_name",
    "time_zone",
    "time_zone_transition",
    "time_zone_transition_type",
)
UNKNOWN = 1298


def forget(bare: Topology, *servers: TestServer) -> None:
    """Let servers know no time zone by name; what they have used they know until a restart."""
    for server in servers:
        outside_binary_log(server, *(f"TRUNCATE mysql.{table}" for table in TABLES))
        server.kill()
        bare.playbook("servers.yml", "--limit", server.name, mysqld_time_zones=False)
        assert contents(server) == [0, 0, 0, 0]


def names(server: TestServer) -> set[str]:
    return {row["Name"] for row in server.rows("SELECT Name FROM mysql.time_zone_name")}


def contents(server: TestServer) -> list[Any]:
    return [server.value(f"SELECT COUNT(*) FROM mysql.{table}") for table in TABLES]


@pytest.fixture
def ignorant(bare: Topology, server: TestServer) -> Iterator[TestServer]:
    """A server as its distribution's package leaves it."""
    forget(bare, server)
    yield server
    outside_binary_log(server, "DELETE FROM mysql.time_zone_name WHERE Name = 'Our/Own'")
    bare.playbook("servers.yml", "--limit", server.name)


@pytest.fixture
def one_host(bare: Topology, run_module: Any) -> None:
    """Servers that know the same names: modules of tests run on this machine, roles maybe not."""
    for name in ("w1", "w2", "r1"):
        assert "failed" not in run_module(MODULE, bare.server(name))


def test_the_role_mysqld_has_loaded_what_the_host_knows(bare: Topology, run_module: Any) -> None:
    for name in ("w1", "r1"):
        server = bare.server(name)
        zones = names(server)
        assert {"Europe/Paris", "Asia/Tokyo", "UTC"} <= zones, (name, len(zones))
        assert server.value("SELECT CONVERT_TZ('2026-07-01', 'UTC', 'Europe/Paris')")
        assert "time_zone_name" not in str(server.rows("SHOW BINLOG EVENTS")), name


def test_zones_are_loaded_outside_the_binary_log_and_a_second_run_changes_nothing(
    ignorant: TestServer, run_module: Any
) -> None:
    before = binary_log(ignorant)
    told = run_module(MODULE, ignorant, check=True)
    assert told["changed"] and contents(ignorant) == [0, 0, 0, 0]
    loaded = run_module(MODULE, ignorant)
    assert loaded["loaded"] == told["loaded"] and loaded["statements"] == told["statements"]
    assert names(ignorant) == set(loaded["loaded"]) and len(loaded["loaded"]) > 400
    assert all(len(statement) < 200 for statement in loaded["statements"])
    assert loaded["diff"]["after"] == {"mysql.time_zone_name": {"names": len(loaded["loaded"])}}
    filled = contents(ignorant)
    again = run_module(MODULE, ignorant)
    assert (again["changed"], again["loaded"], again["statements"]) == (False, [], [])
    assert contents(ignorant) == filled and binary_log(ignorant) == before


def test_every_zone_that_was_loaded_is_one_that_the_server_can_use(
    ignorant: TestServer, run_module: Any
) -> None:
    """A zone with a transition too many, or after 2038, is one that a server does not know."""
    run_module(MODULE, ignorant)
    unusable = ignorant.rows(
        "SELECT Name FROM mysql.time_zone_name WHERE CONVERT_TZ('2026-07-01', 'UTC', Name) IS NULL"
    )
    assert unusable == []
    asked = {
        "SELECT CONVERT_TZ('2026-07-01', 'UTC', 'Europe/Paris')": "2026-07-01 02:00:00",
        "SELECT CONVERT_TZ('2026-12-01', 'UTC', 'Europe/Paris')": "2026-12-01 01:00:00",
        "SELECT CONVERT_TZ('2036-07-01', 'UTC', 'America/New_York')": "2036-06-30 20:00:00",
        "SELECT CONVERT_TZ('1985-07-01', 'UTC', 'Asia/Kathmandu')": "1985-07-01 05:30:00",
        "SELECT CONVERT_TZ('1986-07-01', 'UTC', 'Asia/Kathmandu')": "1986-07-01 05:45:00",
    }
    for query, answer in asked.items():
        assert str(ignorant.value(query)) == answer, query


def test_what_a_server_lacks_is_added_and_the_rest_left_alone(
    ignorant: TestServer, run_module: Any
) -> None:
    run_module(MODULE, ignorant)
    whole = names(ignorant)
    outside_binary_log(
        ignorant,
        "DELETE FROM mysql.time_zone_name WHERE Name IN ('Europe/Paris', 'Asia/Tokyo')",
        "INSERT INTO mysql.time_zone_name VALUES ('Our/Own', 1)",
        # As an interrupted run leaves it: an id of which no name tells.
        "INSERT INTO mysql.time_zone_transition VALUES (60000, 0, 0)",
    )
    told = run_module(MODULE, ignorant)
    assert told["loaded"] == ["Asia/Tokyo", "Europe/Paris"]
    assert names(ignorant) == whole | {"Our/Own"}
    assert ignorant.value("SELECT MAX(Time_zone_id) FROM mysql.time_zone_name") == 60002
    offset = "SELECT TIMESTAMPDIFF(HOUR, '2026-01-01', CONVERT_TZ('2026-01-01', 'UTC', %s))"
    assert ignorant.value(offset, "Asia/Tokyo") == 9


@pytest.mark.usefixtures("one_host")
def test_a_read_server_takes_them_too(bare: Topology, run_module: Any) -> None:
    r1 = bare.server("r1")
    assert r1.value("SELECT @@GLOBAL.read_only") in (1, "ON")
    outside_binary_log(r1, "DELETE FROM mysql.time_zone_name WHERE Name = 'Asia/Tokyo'")
    assert run_module(MODULE, r1)["loaded"] == ["Asia/Tokyo"]


def test_a_host_without_zone_files_is_told_what_to_install(
    server: TestServer, run_module: Any, tmp_path: Path
) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        told = run_module(MODULE, server, zoneinfo=str(folder))
        assert told["failed"] and "the package tzdata" in told["msg"], told
    (tmp_path / "Torn").write_bytes(b"TZif2")
    told = run_module(MODULE, server, zoneinfo=str(tmp_path))
    assert told["failed"] and f"{tmp_path}/Torn: " in told["msg"], told


TABLE = "calls (id BIGINT AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP NULL, d DATETIME NULL)"


@pytest.fixture
def zone_of_one(bare: Topology, run_module: Any) -> Iterator[str]:
    """A zone that w1 knows and r1 does not."""
    w1, r1 = bare.server("w1"), bare.server("r1")
    forget(bare, r1)
    yield "Asia/Tokyo"
    for server in (w1, r1):
        bare.playbook("servers.yml", "--limit", server.name)


def insert_in(server: TestServer, schema: str, zone: str) -> None:
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = %s", zone)
        cursor.execute(f"INSERT INTO {schema}.calls (at, d) VALUES (NOW(), NOW())")


def applied(server: TestServer, schema: str) -> Any:
    return server.value(f"SELECT COUNT(*) FROM {schema}.calls")


@pytest.mark.flavour("mysql")
def test_a_zone_that_a_read_server_lacks_stops_it_until_it_is_loaded(
    bare: Topology, zone_of_one: str, run_module: Any
) -> None:
    w1, r1 = bare.server("w1"), bare.server("r1")
    with replication.followed(r1, [w1], "zones", TABLE):
        replication.follow(r1, w1)
        insert_in(w1, "zones", zone_of_one)
        replication.wait_for_error(r1, "w1")
        explanation = replication.channels(r1)["w1"]["explanation"]
        assert explanation["number"] == UNKNOWN
        assert explanation["event"] == "BEGIN"
        assert "time zone tables lack" in explanation["meaning"]
        assert "mysql_time_zones" in explanation["remedies"][0]
        # The server needs no restart.
        assert zone_of_one in run_module(MODULE, r1)["loaded"]
        replication.follow(r1, w1)
        wait_until(lambda: applied(r1, "zones") == 1, 20, "the row has not arrived")


@pytest.mark.flavour("mariadb")
def test_mariadb_names_a_zone_where_it_logs_a_statement(
    bare: Topology, zone_of_one: str, run_module: Any
) -> None:
    """The fact behind NAMED_IN_EVERY_TRANSACTION."""
    w1, r1 = bare.server("w1"), bare.server("r1")
    with replication.followed(r1, [w1], "zones", TABLE):
        replication.follow(r1, w1)
        insert_in(w1, "zones", zone_of_one)
        wait_until(lambda: applied(r1, "zones") == 1, 20, "the row has not arrived")
        with w1.admin() as connection, connection.cursor() as cursor:
            cursor.execute("SET time_zone = %s", zone_of_one)
            cursor.execute("CREATE TABLE zones.leak (at TIMESTAMP DEFAULT '2026-01-01')")
        replication.wait_for_error(r1, "w1")
        explanation = replication.channels(r1)["w1"]["explanation"]
        assert (explanation["number"], explanation["table"]) == (UNKNOWN, "leak")
        run_module(MODULE, r1)
        replication.follow(r1, w1)
        wait_until(
            lambda: r1.rows("SHOW TABLES IN zones LIKE 'leak'"), 20, "the table has not arrived"
        )


def told_by(run_module: Any, *servers: TestServer) -> list[dict[str, Any]]:
    return [{"name": one.name, **run_module(INFO, one)["time_zones"]} for one in servers]


@pytest.mark.usefixtures("one_host")
def test_a_name_that_only_a_write_server_knows_is_found_before(
    bare: Topology, run_module: Any
) -> None:
    w1, r1 = bare.server("w1"), bare.server("r1")
    same = {"serves_as": "read_server", "source_time_zones": told_by(run_module, w1)}
    found = run_module(INFO, r1, **same)
    assert (found["problems"], found["risks"]) == ([], [])
    outside_binary_log(r1, "DELETE FROM mysql.time_zone_name WHERE Name = 'Asia/Tokyo'")
    try:
        found = run_module(INFO, r1, **same)
    finally:
        run_module(MODULE, r1)
    (said,) = found["problems" if r1.flavour == "mysql" else "risks"]
    assert said.startswith("w1 knows the time zone (Asia/Tokyo), and this server does not: ")
    assert "tzdata-legacy" in said and len(found["problems"] + found["risks"]) == 1


@pytest.fixture
def paris(bare: Topology) -> Iterator[TestServer]:
    """A write server with another clock than the others have."""
    w2 = bare.server("w2")
    before = w2.value("SELECT @@GLOBAL.time_zone")
    w2.rows("SET GLOBAL time_zone = 'Europe/Paris'")
    w2.close()
    yield w2
    w2.rows("SET GLOBAL time_zone = %s", before)
    w2.close()


@pytest.mark.usefixtures("one_host")
def test_write_servers_with_different_clocks_are_found_before(
    bare: Topology, paris: TestServer, run_module: Any
) -> None:
    w1, r1 = bare.server("w1"), bare.server("r1")
    asked = {"serves_as": "read_server", "source_time_zones": told_by(run_module, w1, paris)}
    found = run_module(INFO, r1, **asked)
    assert found["problems"] == []
    (risk,) = found["risks"]
    assert "clocks differ: w1 (SYSTEM (UTC)) and w2 (Europe/Paris)" in risk
    calls = {"schema": "s", "name": "calls", "definition": f"CREATE TABLE {TABLE}", "months": 3}
    found = run_module(INFO, r1, **asked, usage_tables=[calls])
    (problem,) = found["problems"]
    assert "(s.calls.at)" in problem and found["risks"] == []
    # Two names for one clock.
    paris.rows("SET GLOBAL time_zone = '+00:00'")
    asked["source_time_zones"] = told_by(run_module, w1, paris)
    found = run_module(INFO, r1, **asked, usage_tables=[calls])
    assert (found["problems"], found["risks"]) == ([], [])


def test_different_clocks_store_different_times_for_one_statement(
    bare: Topology, paris: TestServer
) -> None:
    stored = []
    for server in (bare.server("w1"), paris):
        with own_schema(server) as schema:
            outside_binary_log(
                server,
                f"CREATE TABLE {schema}.{TABLE}",
                f"INSERT INTO {schema}.calls (at) VALUES ('2026-07-01 12:00:00')",
            )
            stored.append(server.value(f"SELECT UNIX_TIMESTAMP(at) FROM {schema}.calls"))
    assert stored[0] - stored[1] == 7200


def test_a_clock_that_is_put_back_writes_an_hour_twice(paris: TestServer, run_module: Any) -> None:
    told = run_module(INFO, paris, serves_as="write_server")
    (risk,) = told["risks"]
    assert risk.startswith("time_zone is Europe/Paris, a time zone with daylight saving time")
    days = [change["day"] for change in told["time_zones"]["utc_offsets"]]
    assert len(days) == 5 and all(day[5:7] in ("01", "03", "04", "10", "11") for day in days)
    # 2026-10-25 00:30 and 01:30 in UTC.
    twice = [
        paris.value("SELECT CAST(FROM_UNIXTIME(%s) AS CHAR)", moment)
        for moment in (1792888200, 1792891800)
    ]
    assert twice == ["2026-10-25 02:30:00"] * 2
    with paris.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'STRICT_TRANS_TABLES'")
        cursor.execute("CREATE TEMPORARY TABLE mysql.gap (at TIMESTAMP NULL)")
        with pytest.raises(pymysql.MySQLError) as refused:
            cursor.execute("INSERT INTO mysql.gap VALUES ('2026-03-29 02:30:00')")
    assert refused.value.args[0] == 1292


def test_a_write_servers_settings_tell_its_time_zones(
    server: TestServer, pair: dict[str, Any], run_module: Any
) -> None:
    told = run_module("mysql_autoinc_offset", server, check=True, **pair, check_settings=True)
    assert told["time_zones"] == run_module(INFO, server)["time_zones"]
    assert "time_zones" not in run_module("mysql_autoinc_offset", server, check=True, **pair)


def test_a_login_that_may_not_read_the_names_is_no_error(
    bare: Topology, server: TestServer, run_module: Any
) -> None:
    outside_binary_log(server, "CREATE USER looker IDENTIFIED BY 'secret'")
    try:
        told = run_module(
            INFO,
            None,
            login_host=server.address,
            login_port=server.port,
            login_user="looker",
            login_password="secret",
        )
    finally:
        outside_binary_log(server, "DROP USER looker")
    assert told["time_zones"]["names"] is None and told["time_zones"]["time_zone"]
    there = {"name": "w9", **told["time_zones"]}
    asked = {"serves_as": "read_server", "source_time_zones": [there]}
    assert run_module(INFO, bare.server("r1"), **asked)["problems"] == []
