"""mysql_autoinc_offset that is killed at any of its statements, and run again (rule 12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.conftest import forget_pair, outside_binary_log, running
from tests.integration.lines import TestServer
from tests.integration.modules import run_module
from tests.support.crash import killed_everywhere

MODULE = "mysql_autoinc_offset"
USER, PASSWORD = "killed_app", "an application's"


def kept(server: TestServer, pair: dict[str, Any]) -> Any:
    """Return the pair that a server has, and the one for its next start."""
    persisted = (
        server.rows("SELECT * FROM performance_schema.persisted_variables ORDER BY 1")
        if server.flavour == "mysql"
        # The last line names the last connection from before.
        else Path(pair["persist_file"]).read_text().splitlines()[:-1]
    )
    return running(server), persisted


def test_a_pair_and_where_ids_begin(server: TestServer, schema: str, pair: dict[str, Any]) -> None:
    tables = (f"{schema}.calls", f"{schema}.texts")
    floors = dict(zip(tables, (1000, 2000), strict=True))
    arguments = {**pair, "check_schemas": [schema], "next_id_above": floors}

    def reset() -> None:
        forget_pair(server)
        outside_binary_log(
            server,
            f"DROP TABLE IF EXISTS {', '.join(tables)}",
            *(f"CREATE TABLE {one} (id BIGINT AUTO_INCREMENT PRIMARY KEY)" for one in tables),
        )

    def look() -> Any:
        shown = [server.rows(f"SHOW CREATE TABLE {table}") for table in tables]
        return kept(server, pair), shown

    assert killed_everywhere(MODULE, server, arguments, reset, look) > 5


def test_a_session_that_numbers_as_before(server: TestServer, pair: dict[str, Any]) -> None:
    before = {**pair, "increment": 3, "offset": 1, "check_ids": False}
    arguments = {**before, "increment": 6, "offset": 4, "stale_sessions": "end"}
    sessions: list[Any] = []

    def reset() -> None:
        leave()
        forget_pair(server)
        assert run_module(MODULE, server, **before)["changed"]
        sessions.append(server.login(USER, PASSWORD))

    def leave() -> None:
        while sessions:
            sessions.pop()._force_close()

    def look() -> Any:
        left = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = %s"
        return kept(server, pair), server.value(left, USER)

    outside_binary_log(
        server, f"DROP USER IF EXISTS {USER}", f'CREATE USER {USER} IDENTIFIED BY "{PASSWORD}"'
    )
    try:
        assert killed_everywhere(MODULE, server, arguments, reset, look) > 5
        assert look()[1] == 0
    finally:
        leave()
        outside_binary_log(server, f"DROP USER {USER}")
