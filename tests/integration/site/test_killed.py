"""Modules that are killed at any of their statements, and run again (rule 12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.accounts.test_mysql_account import LEAVE_BINARY_LOG
from tests.integration.conftest import forget_pair, logged, outside_binary_log
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.integration.tables.test_mysql_month_partition import days, insert, make, partitions
from tests.support.crash import killed_everywhere
from tests.support.replication import MODULE as CHANNEL
from tests.support.replication import channels, control, followed, options, remove

TABLE = """
CREATE TABLE calls (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at DATETIME NOT NULL,
  caller VARCHAR(20)
)
"""


@pytest.fixture
def nothing_is_logged(server: TestServer) -> Iterator[None]:
    before = logged(server)
    yield
    assert logged(server) == before


def shown(server: TestServer, table: str) -> str | None:
    """Return a table as its server shows it; None if there is none."""
    schema, name = table.split(".")
    if not server.rows(f"SHOW TABLES FROM {schema} LIKE %s", name):
        return None
    return str(server.rows(f"SHOW CREATE TABLE {table}")[0]["Create Table"])


@pytest.mark.usefixtures("nothing_is_logged")
def test_usage_tables_with_their_months(server: TestServer, schema: str) -> None:
    names = ("calls", "texts")
    arguments = {
        "schema": schema,
        "tables": [{"name": name, "definition": TABLE.replace("calls", name)} for name in names],
        "time_column": "at",
        "shape": "read",
        "indexes": [{"name": "caller", "columns": ["caller", "at"]}],
        "months_ahead": 2,
        "now": "2013-12-15",
    }
    kills = killed_everywhere(
        "mysql_usage_table",
        server,
        arguments,
        lambda: outside_binary_log(
            server, *(f"DROP TABLE IF EXISTS {schema}.{name}" for name in names)
        ),
        lambda: (
            [shown(server, f"{schema}.{name}") for name in names],
            server.rows(f"SHOW TABLES FROM {schema}"),
        ),
    )
    assert kills > 10


@pytest.mark.usefixtures("nothing_is_logged")
@pytest.mark.parametrize("past", ["drop", "archive"])
def test_months_that_are_made_and_that_are_past(server: TestServer, schema: str, past: str) -> None:
    arguments: dict[str, Any] = {}

    def reset() -> None:
        tables = server.rows(f"SHOW TABLES FROM {schema}")
        names = [f"{schema}.{name}" for table in tables for name in table.values()]
        if names:
            outside_binary_log(server, f"DROP TABLE {', '.join(names)}")
        arguments.update(make(server, schema, "a 2013-11-01", "b 2013-12-01"))
        arguments.update(months_kept=0, max_drops=2, past=past)
        insert(server, schema, "2013-10-06", "2013-11-07")

    def look() -> Any:
        archives = {
            name: server.rows(f"SELECT * FROM {schema}.{name}")
            for table in server.rows(f"SHOW TABLES FROM {schema}")
            for name in table.values()
            if name != "calls"
        }
        return partitions(server, schema), days(server, schema), archives

    reset()
    assert killed_everywhere("mysql_month_partition", server, arguments, reset, look) > 5


@pytest.mark.usefixtures("nothing_is_logged")
def test_accounts(server: TestServer) -> None:
    passwords = {"killed_new": "one of them", "killed_old": "another one"}
    arguments = {
        "accounts": [
            {
                "name": name,
                "host": "%",
                "password": password,
                "privileges": {
                    "*.*": [LEAVE_BINARY_LOG[server.flavour]],
                    "killed.*": ["SELECT", "DELETE"],
                },
                "revoke_unlisted": True,
            }
            for name, password in passwords.items()
        ]
    }

    def reset() -> None:
        outside_binary_log(
            server,
            *(f"DROP USER IF EXISTS {name}" for name in passwords),
            "CREATE USER killed_old IDENTIFIED BY 'an older one'",
            "GRANT SELECT, INSERT ON killed.* TO killed_old",
        )

    def look() -> Any:
        for name, password in passwords.items():
            server.login(name, password).close()
        # A hash has a salt of its own each time.
        return [
            str(*row.values()).partition(" IDENTIFIED ")[0]
            for name in passwords
            for row in server.rows(f"SHOW GRANTS FOR {name}")
        ]

    try:
        assert killed_everywhere("mysql_account", server, arguments, reset, look) > 5
    finally:
        outside_binary_log(server, *(f"DROP USER IF EXISTS {name}" for name in passwords))


def test_increment_and_offset(server: TestServer, pair: dict[str, Any]) -> None:
    file = Path(pair["persist_file"])

    def reset() -> None:
        forget_pair(server)
        file.unlink(missing_ok=True)

    def look() -> Any:
        persisted = (
            server.rows("SELECT * FROM performance_schema.persisted_variables ORDER BY 1")
            if server.flavour == "mysql"
            # The last line names the last connection from before.
            else file.read_text().splitlines()[:-1]
        )
        running = (
            "SELECT @@GLOBAL.auto_increment_increment AS i, @@GLOBAL.auto_increment_offset AS o"
        )
        return server.rows(running), persisted

    assert killed_everywhere("mysql_autoinc_offset", server, pair, reset, look) > 5


def test_channels(bare: Topology, server: TestServer, schema: str) -> None:
    sources, replica = [bare.server("w1"), bare.server("w2")], bare.server("r1")
    arguments = options(*sources)
    arguments["channels"][0]["connect_retry_seconds"] = 3

    def reset() -> None:
        for name in channels(replica):
            control(replica, "STOP", name)
            remove(replica, name)
        # One is there and runs, with a setting that is changed.
        run_module(CHANNEL, replica, **options(sources[0]))

    def look() -> Any:
        return {
            name: (channel["settings"], channel["running"])
            for name, channel in channels(replica).items()
        }

    with followed(replica, sources, f"{schema}_2", "t (id INT PRIMARY KEY)"):
        assert killed_everywhere(CHANNEL, replica, arguments, reset, look) > 5
        for number, source in enumerate(sources):
            source.rows(f"INSERT INTO {schema}_2.t VALUES ({number})")
        wait_until(
            lambda: len(replica.rows(f"SELECT id FROM {schema}_2.t")) == 2, 20, "not every row came"
        )
