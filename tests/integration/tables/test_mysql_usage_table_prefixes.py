"""mysql_usage_table and indexes that a server would shorten, change, or not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer

MODULE = "mysql_usage_table"
PAGES = """
CREATE TABLE pages (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  created DATETIME NOT NULL,
  url TEXT,
  title VARCHAR(1000),
  short VARCHAR(100),
  tiny TINYTEXT,
  raw BLOB,
  `a``b(1)` VARCHAR(20),
  bytes VARBINARY(20),
  latin VARCHAR(4000) CHARACTER SET latin1,
  number INT
)
"""


@pytest.fixture
def options(schema: str) -> dict[str, Any]:
    return {
        "schema": schema,
        "name": "pages",
        "definition": PAGES,
        "time_column": "created",
        "shape": "read",
        "first_month": "2026-01",
        "now": "2026-02-15",
    }


@pytest.fixture
def compact(server: TestServer) -> Iterator[None]:
    """A server whose new tables have the row format of old ones."""
    server.rows("SET GLOBAL innodb_default_row_format = compact")
    yield
    server.rows("SET GLOBAL innodb_default_row_format = dynamic")


def index(*columns: str, unique: bool = False) -> list[dict[str, Any]]:
    return [{"name": "i", "columns": list(columns), "unique": unique}]


def tables(server: TestServer, schema: str) -> list[Any]:
    return server.rows(f"SHOW TABLES FROM {schema}")


def parts(server: TestServer, schema: str) -> list[tuple[str, int | None, str]]:
    """Return the index's columns with their prefixes and orders, as the server has them."""
    return [
        (row["Column_name"], row["Sub_part"], row["Collation"])
        for row in server.rows(f"SHOW KEYS FROM {schema}.pages WHERE Key_name = 'i'")
    ]


@pytest.mark.parametrize(
    ("asked", "fitting"),
    [
        (index("url"), "[url(768)]"),
        (index("url(769)"), "[url(768)]"),
        (index("title"), "[title(768)]"),
        (index("title", "created", unique=True), "[title(766), created]"),
        (index("raw"), "[raw(3072)]"),
        (index("latin DESC", "created"), "[latin(3067) DESC, created]"),
        # The longest on each flavour: MySQL counts bytes, and MariaDB characters.
        (index("tiny"), {"mysql": "[tiny(63)]", "mariadb": "[tiny(255)]"}),
        (index("short(101)"), "[short(100)]"),
        (index("number(2)"), None),
    ],
)
def test_refuses_what_the_server_would_not_make(
    server: TestServer,
    schema: str,
    run_module: Any,
    options: dict[str, Any],
    asked: list[dict[str, Any]],
    fitting: Any,
) -> None:
    options["indexes"] = asked
    refused = run_module(MODULE, server, **options)
    assert refused["failed"] and not refused["changed"], refused
    assert refused["msg"] == run_module(MODULE, server, check=True, **options)["msg"]
    assert tables(server, schema) == []
    expected = fitting[server.flavour] if isinstance(fitting, dict) else fitting
    if expected is None:
        assert "leave the index out, or name other columns" in refused["msg"], refused
    else:
        assert f"write columns: {expected}, the longest prefix" in refused["msg"], refused
        told = refused["msg"].split("write columns: [")[1].split("]")[0]
        options["indexes"] = index(*told.split(", "), unique=asked[0]["unique"])
        done = run_module(MODULE, server, **options)
        assert done["changed"], done
        assert len(parts(server, schema)) == len(asked[0]["columns"])
        again = run_module(MODULE, server, **options)
        assert not again["changed"] and again["differences"] == [], again


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["url(100)", "created"], [("url", 100, "A"), ("created", None, "A")]),
        (["created DESC", "number"], [("created", None, "D"), ("number", None, "A")]),
        (["URL(10) desc"], [("url", 10, "D")]),
        # All of a column is no prefix.
        (["short(100)", "bytes(20)"], [("short", None, "A"), ("bytes", None, "A")]),
        (["`a``b(1)`(3)", "created"], [("a`b(1)", 3, "A"), ("created", None, "A")]),
        (["short(100)", "created"], [("short", None, "A"), ("created", None, "A")]),
    ],
)
def test_makes_what_is_asked_for(
    server: TestServer,
    schema: str,
    run_module: Any,
    options: dict[str, Any],
    columns: list[str],
    expected: list[tuple[str, int | None, str]],
    later: bool,
) -> None:
    wanted = {**options, "indexes": index(*columns)}
    if later:
        assert run_module(MODULE, server, **options)["changed"]
        missing = run_module(MODULE, server, **wanted)
        assert missing["failed"] and "would correct it, as add_indexes does" in missing["msg"]
        wanted["add_indexes"] = True
    predicted = run_module(MODULE, server, check=True, **wanted)
    done = run_module(MODULE, server, **wanted)
    assert done["changed"] and done["statements"] == predicted["statements"], done
    assert parts(server, schema) == expected
    again = run_module(MODULE, server, **wanted)
    assert not again["changed"] and again["differences"] == [], again
    # Another prefix is another index.
    other = run_module(MODULE, server, **{**wanted, "indexes": index("url(11)"), "add_indexes": 0})
    assert other["failed"] and "index: expected KEY i (url(11)), found none" in other["msg"]


def test_unique_and_indexes_of_a_prefix(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    options["indexes"] = index("url(100)", "created", unique=True)
    assert run_module(MODULE, server, **options)["changed"]
    assert not run_module(MODULE, server, **options)["changed"]


def test_a_row_format_with_shorter_indexes(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any], compact: None
) -> None:
    options["indexes"] = index("title")
    refused = run_module(MODULE, server, **options)
    assert refused["failed"] and "767 bytes" in refused["msg"], refused
    assert "write columns: [title(191)]" in refused["msg"] and tables(server, schema) == []
    options["indexes"] = index("title(191)")
    assert run_module(MODULE, server, **options)["changed"]
    assert not run_module(MODULE, server, **options)["changed"]


def test_an_existing_table_s_row_format_counts(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    assert run_module(MODULE, server, **options)["changed"]
    outside_binary_log(server, f"ALTER TABLE {schema}.pages ROW_FORMAT=COMPACT")
    wanted = {**options, "indexes": index("url(200)"), "add_indexes": True}
    refused = run_module(MODULE, server, **wanted)
    assert refused["failed"] and "write columns: [url(191)]" in refused["msg"], refused
    wanted["indexes"] = index("url(191)")
    assert run_module(MODULE, server, **wanted)["changed"]


def test_an_index_that_an_earlier_run_has_shortened(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    """What MariaDB made of it is said; with that, the table is right as it is."""
    assert run_module(MODULE, server, **options)["changed"]
    outside_binary_log(server, f"ALTER TABLE {schema}.pages ADD KEY i (url(768))")
    refused = run_module(MODULE, server, **options, indexes=index("url"))
    assert refused["failed"] and "write columns: [url(768)]" in refused["msg"], refused
    found = run_module(MODULE, server, **options, indexes=index("url(768)"))
    assert not found["changed"] and found["differences"] == [], found


def test_every_mistake_at_once(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    options["indexes"] = [
        {"name": "a", "columns": ["url"]},
        {"name": "b", "columns": ["gate"]},
        {"name": "c", "columns": ["number(2)"]},
        {"name": "d", "columns": ["number"]},
    ]
    options["definition"] = PAGES.replace("DATETIME NOT NULL", "DATETIME")
    result = run_module(MODULE, server, **options)
    assert len(result["problems"]) == 4, result["problems"]
    assert tables(server, schema) == []
