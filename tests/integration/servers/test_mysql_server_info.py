"""mysql_server_info on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer, Topology

MODULE = "mysql_server_info"


@pytest.fixture
def minimal_image(server: TestServer) -> Iterator[None]:
    """A write server that logs rows without the read servers' key."""
    server.rows("SET GLOBAL binlog_row_image = 'MINIMAL'")
    yield
    server.rows("SET GLOBAL binlog_row_image = 'FULL'")


def test_a_server_says_what_it_is(server: TestServer, run_module: Any) -> None:
    for check in (True, False):
        told = run_module(MODULE, server, check=check)
        assert told["changed"] is False and told["statements"] == []
        assert told["server"] == {
            "address": server.socket,
            "flavour": server.flavour,
            "version": server.version,
        }
        assert (told["problems"], told["risks"]) == ([], [])
        assert int(told["variables"]["server_id"]) == server.value("SELECT @@server_id")


def test_schemas_that_users_have_made(server: TestServer, schema: str, run_module: Any) -> None:
    told = run_module(MODULE, server)["schemas"]
    there = [row["Database"] for row in server.rows("SHOW DATABASES")]
    assert schema in told
    assert set(there) - set(told) == {"information_schema", "mysql", "performance_schema", "sys"}


def test_what_the_role_mysqld_made_can_serve(bare: Topology, run_module: Any) -> None:
    for name, kind in (("w1", "write_server"), ("r1", "read_server")):
        told = run_module(MODULE, bare.server(name), serves_as=kind)
        assert (told["problems"], told["risks"], told["warnings"]) == ([], [], []), name


@pytest.fixture
def idempotent(bare: Topology) -> Iterator[str]:
    """The variable of a read server that overwrites and skips rows as it goes."""
    server = bare.server("r1")
    name = "replica_exec_mode" if server.flavour == "mysql" else "slave_exec_mode"
    server.rows(f"SET GLOBAL {name} = IDEMPOTENT")
    yield name
    server.rows(f"SET GLOBAL {name} = STRICT")


@pytest.mark.usefixtures("minimal_image")
def test_a_setting_that_would_stop_channels_is_told(server: TestServer, run_module: Any) -> None:
    told = run_module(MODULE, server, serves_as="write_server")
    (problem,) = told["problems"]
    assert problem.startswith("binlog_row_image is MINIMAL and must be FULL, or else an UPDATE")
    (finding,) = [one for one in told["findings"] if one["severity"] == "critical"]
    assert finding["code"] == "settings.binlog_row_image" and finding["where"] == ""
    assert problem == f"{finding['text']}; {finding['todo']}"
    # A read server's own log is nobody's source here.
    assert run_module(MODULE, server, serves_as="read_server")["problems"] == []


def test_a_read_server_that_overwrites_rows_is_told(
    bare: Topology, idempotent: str, run_module: Any
) -> None:
    (problem,) = run_module(MODULE, bare.server("r1"), serves_as="read_server")["problems"]
    assert problem.startswith(f"{idempotent} is IDEMPOTENT and must be STRICT, or else a row with")
    assert run_module(MODULE, bare.server("r1"), serves_as="write_server")["problems"] == []


def test_a_server_that_may_be_written_to_is_a_risk_as_a_read_server(
    server: TestServer, run_module: Any
) -> None:
    told = run_module(MODULE, server, serves_as="read_server")
    assert told["problems"] == []
    assert [risk.split(" is ")[0] for risk in told["risks"]] == ["read_only"]
    assert told["warnings"] == told["risks"]
    assert [one["code"] for one in told["findings"]] == ["settings.read_only"]


@pytest.mark.lines("every")
def test_a_server_that_accounts_with_tls_cannot_log_in_to_is_told(
    bare: Topology, server: TestServer, run_module: Any
) -> None:
    told = run_module(MODULE, server, serves_as="write_server", require_tls=True)
    outside_binary_log(server, "CREATE USER guarded IDENTIFIED BY 'secret' REQUIRE SSL")
    try:
        # The client takes TLS where there is some.
        server.login("guarded", "secret").close()
        logs_in = True
    except pymysql.OperationalError:
        logs_in = False
    finally:
        outside_binary_log(server, "DROP USER guarded")
    assert logs_in is (bare.host.line.name != "mariadb-10.11")
    assert [problem.split(":")[0] for problem in told["problems"]] == (
        [] if logs_in else ["have_ssl is DISABLED"]
    )
