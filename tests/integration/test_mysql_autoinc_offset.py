"""mysql_autoinc_offset on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lines import TestServer

MODULE = "mysql_autoinc_offset"


@pytest.fixture
def pair(server: TestServer, tmp_path: Any) -> Iterator[dict[str, Any]]:
    """Options for increment 20, offset 1; the server's pair is put back afterwards."""
    yield {"increment": 20, "offset": 1, "persist_file": str(tmp_path / "autoinc.cnf")}
    if server.flavour == "mysql":
        server.rows("RESET PERSIST IF EXISTS auto_increment_increment")
        server.rows("RESET PERSIST IF EXISTS auto_increment_offset")
    server.rows("SET GLOBAL auto_increment_increment = 1, GLOBAL auto_increment_offset = 1")


def running(server: TestServer) -> tuple[int, int]:
    (row,) = server.rows(
        "SELECT @@GLOBAL.auto_increment_increment AS i, @@GLOBAL.auto_increment_offset AS o"
    )
    return row["i"], row["o"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"increment": 4, "offset": 9}, "offset 9 is above increment 4"),
        ({"increment": 0, "offset": 1}, "increment 0 is outside 1..65535"),
        ({"increment": 70000, "offset": 1}, "increment 70000 is outside 1..65535"),
        ({"increment": 20, "offset": 0}, "offset 0 is outside 1..65535"),
        (
            {"increment": 20, "offset": 2, "peers": [{"name": "w9", "increment": 20, "offset": 2}]},
            "this server, w9: the same offset 2",
        ),
        (
            {"increment": 20, "offset": 2, "peers": [{"name": "w9", "increment": 10, "offset": 1}]},
            "Different increments (10 on w9; 20 on this server)",
        ),
    ],
)
def test_refuses_before_any_sql(
    server: TestServer, run_module: Any, options: dict[str, Any], said: str
) -> None:
    result = run_module(MODULE, server, **options, login_unix_socket="/nowhere.sock")
    assert result["failed"] and said in result["msg"], result
    assert running(server) == (1, 1)


def test_one_rhythm(server: TestServer, run_module: Any, pair: dict[str, Any]) -> None:
    predicted = run_module(MODULE, server, check=True, **pair)
    assert predicted["changed"] and running(server) == (1, 1)

    done = run_module(MODULE, server, **pair)
    assert done["changed"] and running(server) == (20, 1)
    assert done["statements"] == predicted["statements"] != []
    assert done["diff"] == predicted["diff"]
    assert done["autoinc"] == {"increment": 20, "offset": 1, "residue": 1}

    again = run_module(MODULE, server, **pair)
    assert not again["changed"] and again["statements"] == []

    changed = run_module(MODULE, server, **{**pair, "offset": 20})
    assert changed["changed"] and running(server) == (20, 20)
    assert changed["autoinc"]["residue"] == 0


def test_persists(server: TestServer, run_module: Any, pair: dict[str, Any]) -> None:
    run_module(MODULE, server, **pair)
    # Someone changes the running values: the next start would still be right.
    server.rows("SET GLOBAL auto_increment_increment = 7")
    again = run_module(MODULE, server, **pair)
    assert again["changed"] and running(server) == (20, 1)
    if server.flavour == "mysql":
        server.rows("RESET PERSIST auto_increment_offset")
    else:
        Path(pair["persist_file"]).write_text("")
    lost = run_module(MODULE, server, **pair)
    assert lost["changed"] and running(server) == (20, 1)
    assert not run_module(MODULE, server, **pair)["changed"]


def test_mariadb_needs_a_file(server: TestServer, run_module: Any) -> None:
    result = run_module(MODULE, server, check=True, increment=20, offset=1)
    if server.flavour == "mysql":
        assert result["changed"]
    else:
        assert result["failed"] and "persist_file" in result["msg"]


def test_the_articles_numbers(
    server: TestServer, run_module: Any, pair: dict[str, Any], schema: str
) -> None:
    for offset, ids in ((1, [1, 21, 41, 61, 81]), (2, [2, 22, 42, 62, 82])):
        run_module(MODULE, server, **{**pair, "offset": offset})
        table = f"{schema}.calls_{offset}"
        server.rows(f"CREATE TABLE {table} (id BIGINT PRIMARY KEY AUTO_INCREMENT, what CHAR(4))")
        with server.admin() as connection, connection.cursor() as cursor:
            for _ in ids:
                cursor.execute(f"INSERT INTO {table} (what) VALUES ('call')")
        assert [row["id"] for row in server.rows(f"SELECT id FROM {table} ORDER BY id")] == ids
    assert (41 % 20, 62 % 20) == (1, 2)
    assert server.value(f"SELECT id MOD 20 FROM {schema}.calls_1 WHERE id = 41") == 1
    assert server.value(f"SELECT id MOD 20 FROM {schema}.calls_2 WHERE id = 62") == 2
