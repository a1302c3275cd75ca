"""What a change would move, of keys that a query gives; and a query that would change something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.placement_change import placement_change
from tests.integration.lines import TestServer, Topology
from tests.integration.modules import run_module

MODULE = "mysql_placement_change_info"
TWO = {f"s{number}": {"shard_number": number} for number in (1, 2)}
BEFORE = {"kind": "ring", "shards": TWO}
AFTER = {"kind": "ring", "shards": {**TWO, "s3": {"shard_number": 3}}}
KEYS = [f"customer {number}% \N{GRINNING FACE}" for number in range(3000)]
PASSWORD = "hushed monitor"


@pytest.fixture(scope="module")
def keys(bare: Topology) -> Iterator[TestServer]:
    server = bare.server("w1")
    server.rows("CREATE SCHEMA keys_of")
    server.rows(
        "CREATE TABLE keys_of.t (name VARCHAR(80) CHARACTER SET utf8mb4, id BIGINT UNSIGNED)"
    )
    rows = ", ".join(["(%s, %s)"] * len(KEYS))
    server.rows(
        f"INSERT INTO keys_of.t VALUES {rows}",
        *(value for number, key in enumerate(KEYS) for value in (key, 2**64 - 1 - number)),
    )
    server.rows("CREATE USER reader IDENTIFIED BY %s", PASSWORD)
    server.rows("GRANT ALL ON keys_of.* TO reader")
    yield server
    server.rows("DROP SCHEMA keys_of")
    server.rows("DROP USER reader")


def ask(server: TestServer, query: str, **options: Any) -> dict[str, Any]:
    login = {
        "login_unix_socket": None,
        "login_host": server.address,
        "login_port": server.port,
        "login_user": "reader",
        "login_password": PASSWORD,
    }
    return run_module(
        MODULE, server, **{**login, "before": BEFORE, "after": AFTER, "query": query, **options}
    )


@pytest.mark.parametrize("check", [False, True])
def test_it_says_what_the_filter_says(keys: TestServer, check: bool) -> None:
    query = "SELECT name FROM keys_of.t UNION ALL SELECT name FROM keys_of.t WHERE name LIKE '%1%'"
    told = run_module(MODULE, keys, check, query=query, before=BEFORE, after=AFTER)
    expected = placement_change(KEYS, BEFORE, AFTER)
    assert expected.pop("problems") == [] and told["changed"] is False
    moves, asked = (sorted(one.pop("moves"), key=str) for one in (expected, told))
    assert moves == asked and {key: told[key] for key in expected} == expected
    numbers = [2**64 - 1 - number for number in range(len(KEYS))]
    asked_numbers = ask(keys, "SELECT id FROM keys_of.t")
    assert asked_numbers["report"] == placement_change(numbers, BEFORE, AFTER)["report"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("INSERT INTO keys_of.t VALUES ('x', 1)", "READ ONLY transaction"),
        ("DROP TABLE keys_of.t", "READ ONLY transaction"),
        ("SELECT name FROM keys_of.t; DELETE FROM keys_of.t", "syntax"),
        ("SET @a = 1", "gives no rows"),
        ("SELECT id, name FROM keys_of.t", "gives 2 columns"),
        ("SELECT NULL", "A key is None"),
        ("SELECT name FROM keys_of.t WHERE id = 1", "No keys are given"),
        ("SELECT name FROM keys_of.nothing", "nothing"),
    ],
)
def test_what_is_no_query_for_keys_is_an_error(keys: TestServer, query: str, said: str) -> None:
    told = ask(keys, query)
    assert told["failed"] and said in told["msg"], told
    assert "hushed" not in str(told)
    assert keys.value("SELECT COUNT(*) FROM keys_of.t") == len(KEYS)


def test_all_mistakes_in_both_versions_are_named(keys: TestServer) -> None:
    told = ask(keys, "SELECT 1", before={"kind": "ring"}, after={"kind": "circle"})
    assert told["failed"] and {one.split(":")[0] for one in told["problems"]} == {"before", "after"}
