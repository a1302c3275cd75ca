"""mysql_usage_table on real servers."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.lines import TestServer

MODULE = "mysql_usage_table"

FLIGHTS = """
-- What one flight is; see the airline's manual.
CREATE TABLE flights (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  time_hour DATETIME NOT NULL,
  carrier CHAR(2) NOT NULL,
  flight SMALLINT UNSIGNED NOT NULL,
  origin CHAR(3) NOT NULL,
  dest CHAR(3) NOT NULL,
  dep_delay SMALLINT
);
"""
INDEXES = [
    {"name": "carrier_time", "columns": ["carrier", "time_hour"]},
    {"name": "route_time", "columns": ["origin", "dest", "time_hour"]},
]
# What is hard to take apart and to put together again.
ODD = r"""
create table if not exists `flights` /* with ( in a comment */ (
  `id` BIGINT UNSIGNED AUTO_INCREMENT, # a comment; with ) in it
  Time_Hour TIMESTAMP NOT NULL COMMENT 'a%s `b` ''c'' "d" \\ ; ) \n %%',
  `odd`` %s name` VARCHAR(10) DEFAULT '(%,''',
  doc JSON,
  kind ENUM('a)', 'b,''') NOT NULL,
  twice INT AS (price * 2) VIRTUAL,
  thrice INT GENERATED ALWAYS AS (LENGTH(`odd`` %s name`) * 3) STORED,
  hidden INT INVISIBLE,
  changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  price DECIMAL(5, 2) DEFAULT 3.1 CHECK (price > 1),
  old VARCHAR(3) CHARACTER SET latin1,
  exact VARCHAR(3) COLLATE utf8mb4_bin,
  PRIMARY KEY (id),
  CHECK (kind <> ') %s'),
  CONSTRAINT `named %` CHECK (price < 100)
) AUTO_INCREMENT = 77, COMMENT 'it''s 100%' ROW_FORMAT = DYNAMIC -- no end
"""


@pytest.fixture
def options(schema: str) -> dict[str, Any]:
    return {
        "schema": schema,
        "name": "flights",
        "definition": FLIGHTS,
        "time_column": "time_hour",
        "indexes": INDEXES,
        "first_month": "2013-01",
        "now": "2013-12-15",
    }


@pytest.fixture
def new_schema(server: TestServer) -> Iterator[str]:
    """The name of a schema that does not exist yet."""
    name = f"test_{secrets.token_hex(4)}"
    yield name
    server.rows(f"DROP SCHEMA IF EXISTS {name}")


def columns(server: TestServer, schema: str) -> list[dict[str, Any]]:
    return server.rows(
        "SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, IS_NULLABLE, "
        "COLUMN_DEFAULT, EXTRA, GENERATION_EXPRESSION, COLUMN_COMMENT "
        "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = 'flights' "
        "ORDER BY ORDINAL_POSITION",
        schema,
    )


def keys(server: TestServer, schema: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in server.rows(f"SHOW KEYS FROM {schema}.flights"):
        found.setdefault(row["Key_name"], []).append(row["Column_name"])
    return found


def partitions(server: TestServer, schema: str) -> list[str]:
    return [
        row["name"]
        for row in server.rows(
            "SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS "
            "WHERE TABLE_SCHEMA = %s AND PARTITION_NAME IS NOT NULL "
            "ORDER BY PARTITION_ORDINAL_POSITION",
            schema,
        )
    ]


def tables(server: TestServer, schema: str) -> list[str]:
    rows = server.rows(
        "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s", schema
    )
    return [row["name"] for row in rows]


def binary_log(server: TestServer) -> Any:
    statement = "BINARY LOG" if server.flavour == "mysql" else "MASTER"
    (row,) = server.rows(f"SHOW {statement} STATUS")
    return row["File"], row["Position"]


def body(*lines: str, tail: str = "") -> str:
    return f"CREATE TABLE flights ({', '.join(lines)}) {tail}"


ID, TIME, KEY = "id BIGINT AUTO_INCREMENT", "time_hour DATETIME NOT NULL", "PRIMARY KEY (id)"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"definition": body(ID, TIME, KEY, tail="nonsense")}, "does not accept it: error 1064"),
        ({"definition": body(ID, TIME, "PRIMARY KEY (id, time_hour)")}, "(id, time_hour)"),
        ({"definition": body("id SERIAL", TIME)}, "its primary key is (none)"),
        ({"definition": body("id BIGINT", TIME, KEY)}, "id is not AUTO_INCREMENT"),
        ({"definition": body("id SMALLINT AUTO_INCREMENT", TIME, KEY)}, "need BIGINT"),
        ({"definition": body(ID, TIME, KEY, "KEY k (time_hour)")}, "it has KEY k (time_hour)"),
        (
            {"definition": body(ID, TIME, KEY, "FOREIGN KEY (id) REFERENCES other (id)")},
            "usage tables have no foreign keys",
        ),
        ({"definition": body(ID, TIME, KEY, tail="ENGINE=MyISAM")}, "only InnoDB loses nothing"),
        ({"definition": body(ID, "time_hour DATETIME", KEY)}, "time_hour may be NULL"),
        ({"definition": body(ID, "time_hour BIGINT NOT NULL", KEY)}, "needs DATE, DATETIME or"),
        ({"definition": body(ID, "time_hour TIMESTAMP(3) NOT NULL", KEY)}, "with a fraction"),
        ({"time_column": "at"}, "the column at, which time_column names, does not exist"),
        ({"id_column": "no"}, "the column no, which id_column names, does not exist"),
        ({"indexes": [{"name": "k", "columns": ["gate"]}]}, "k names gate, which the definition"),
    ],
)
def test_refuses_what_is_no_usage_table(
    server: TestServer,
    schema: str,
    run_module: Any,
    options: dict[str, Any],
    change: dict[str, Any],
    said: str,
) -> None:
    options = {**options, "indexes": [], **change, "shape": "write"}
    if "indexes" in change:
        options["shape"] = "read"
    result = run_module(MODULE, server, check=True, **options)
    assert result["failed"] and said in result["msg"], result
    assert result["msg"] == run_module(MODULE, server, **options)["msg"]
    assert tables(server, schema) == []


def test_tells_every_mistake_at_once(
    server: TestServer, run_module: Any, options: dict[str, Any]
) -> None:
    options["definition"] = body("id BIGINT", "time_hour INT", "KEY (id)")
    result = run_module(MODULE, server, **options, shape="read")
    assert len(result["problems"]) == 7, result["problems"]


@pytest.mark.parametrize("shape", ["write", "read"])
def test_one_rhythm(
    server: TestServer, run_module: Any, options: dict[str, Any], new_schema: str, shape: str
) -> None:
    options |= {"schema": new_schema, "shape": shape}
    log, others = binary_log(server), tables(server, "mysql")

    refused = run_module(MODULE, server, **options, create_schema=False)
    assert refused["failed"] and f"the schema {new_schema} does not exist" in refused["msg"]

    predicted = run_module(MODULE, server, check=True, **options)
    assert predicted["changed"] and predicted["created"], predicted
    assert server.rows("SHOW DATABASES LIKE %s", new_schema) == []

    done = run_module(MODULE, server, **options)
    assert done["changed"] and done["created"], done
    assert done["statements"] == predicted["statements"]
    assert done["statements"][-1] == done["create_statement"] == predicted["create_statement"]
    assert done["diff"] == predicted["diff"]
    assert done["columns"] == [
        {"name": row["COLUMN_NAME"], "type": row["COLUMN_TYPE"]}
        for row in columns(server, new_schema)
    ]
    if shape == "write":
        assert keys(server, new_schema) == {"PRIMARY": ["id"]}
        assert partitions(server, new_schema) == []
    else:
        assert keys(server, new_schema) == {
            "PRIMARY": ["id", "time_hour"],
            "carrier_time": ["carrier", "time_hour"],
            "route_time": ["origin", "dest", "time_hour"],
        }
        assert partitions(server, new_schema) == [
            *(f"p2013m{month:02}" for month in range(1, 13)),
            *("p2014m01", "p2014m02", "p2014m03"),
        ]

    again = run_module(MODULE, server, **options)
    assert not again["changed"] and again["statements"] == [] == again["differences"], again
    assert again["create_statement"] == done["create_statement"]
    # A month later, with its partitions moved on, it is the same table still.
    later = run_module(MODULE, server, **{**options, "now": "2014-01-15"})
    assert not later["changed"] and "failed" not in later, later
    assert binary_log(server) == log and tables(server, "mysql") == others


def test_both_shapes_have_the_same_columns(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    options |= {
        "definition": ODD,
        "indexes": [{"name": "i`%s", "columns": ["ODD` %s NAME", "time_hour"], "unique": True}],
    }
    seen = {}
    for shape in ("write", "read"):
        predicted = run_module(MODULE, server, check=True, **options, shape=shape)
        done = run_module(MODULE, server, **options, shape=shape)
        assert done.get("changed") and done["statements"] == predicted["statements"], done
        again = run_module(MODULE, server, **options, shape=shape)
        assert not again["changed"] and again.get("differences") == [], again
        seen[shape] = columns(server, schema)
        text = server.rows(f"SHOW CREATE TABLE {schema}.flights")[0]["Create Table"]
        assert "ROW_FORMAT=DYNAMIC" in text and "COMMENT='it''s 100%'" in text
        assert "CONSTRAINT `named %` CHECK" in text
        assert ("AUTO_INCREMENT=77" in text) == (shape == "write")
        if shape == "read":
            assert "UNIQUE KEY `i``%s` (`odd`` %s name`,`Time_Hour`)" in text
        server.rows(f"DROP TABLE {schema}.flights")
    assert seen["write"] == seen["read"]
    by_name = {row["COLUMN_NAME"]: row for row in seen["read"]}
    assert by_name["Time_Hour"]["COLUMN_COMMENT"] == "a%s `b` 'c' \"d\" \\ ; ) \n %%"
    assert [by_name[name]["CHARACTER_SET_NAME"] for name in ("old", "exact", "kind")] == [
        "latin1",
        "utf8mb4",
        "utf8mb4",
    ]


def test_the_character_set_is_no_matter_of_the_schema(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    server.rows(f"ALTER DATABASE {schema} CHARACTER SET latin1")
    run_module(MODULE, server, **options, shape="write")
    assert columns(server, schema)[2]["CHARACTER_SET_NAME"] == "utf8mb4"
    assert not run_module(MODULE, server, **options, shape="write")["changed"]
    server.rows(f"DROP TABLE {schema}.flights")
    options["definition"] = FLIGHTS.replace(");", ") DEFAULT CHARSET=latin1;")
    run_module(MODULE, server, **options, shape="write")
    assert columns(server, schema)[2]["CHARACTER_SET_NAME"] == "latin1"


def test_a_timestamp_has_months(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    options["definition"] = FLIGHTS.replace("DATETIME", "TIMESTAMP")
    assert run_module(MODULE, server, **options, shape="read")["changed"]
    assert len(partitions(server, schema)) == 15
    months = run_module(
        "mysql_month_partition",
        server,
        schema=schema,
        table="flights",
        first_month="2013-01",
        now=options["now"],
    )
    assert months["changed"] is False, months
    assert months["partitions"][0] == {
        "name": "p2013m01",
        "from": None,
        "below": "2013-02-01",
        "data_directory": None,
    }


@pytest.mark.parametrize(
    ("shape", "alter", "said"),
    [
        ("read", "DROP COLUMN flight", "NOT NULL, found none (stops a channel"),
        ("write", "ADD COLUMN extra INT", "column extra: expected none, found int"),
        ("read", "MODIFY carrier CHAR(3) NOT NULL", "type: expected char(2), found char(3) (stops"),
        ("read", "MODIFY carrier CHAR(2) NOT NULL AFTER dest", "order of columns: expected id,"),
        (
            "write",
            "MODIFY carrier CHAR(2) CHARACTER SET latin1 NOT NULL",
            "character set: expected utf8mb4, found latin1 (stops",
        ),
        ("read", "MODIFY carrier CHAR(2)", "attributes: expected NOT NULL, found DEFAULT NULL"),
        ("write", "MODIFY id BIGINT UNSIGNED NOT NULL", "numbering: expected AUTO_INCREMENT"),
        ("read", "REMOVE PARTITIONING", "partitions: expected one a month, found none"),
        (
            "read",
            "DROP INDEX route_time",
            "ADD KEY `route_time` (`origin`, `dest`, `time_hour`) would correct it",
        ),
        ("write", "ADD INDEX k (dest)", "found KEY k (dest) (slows every insert)"),
        ("write", "ADD UNIQUE u (flight)", "found UNIQUE KEY u (flight) (stops a channel"),
        (
            "write",
            "DROP PRIMARY KEY, ADD PRIMARY KEY (id, time_hour)",
            "primary key: expected id, found id, time_hour",
        ),
        ("write", "ADD CONSTRAINT c CHECK (flight > 5)", "a row that it does not accept"),
        ("write", "ENGINE=MyISAM", "expected InnoDB, found MyISAM (loses rows in a crash"),
    ],
)
def test_tells_differences_and_does_not_guess(
    server: TestServer,
    schema: str,
    run_module: Any,
    options: dict[str, Any],
    shape: str,
    alter: str,
    said: str,
) -> None:
    options |= {"first_month": "2013-12", "months_ahead": 1}
    run_module(MODULE, server, **options, shape=shape)
    server.rows(f"ALTER TABLE {schema}.flights {alter}")
    before = server.rows(f"SHOW CREATE TABLE {schema}.flights")
    result = run_module(MODULE, server, **options, shape=shape)
    assert result["failed"] and not result["changed"], result
    (problem,) = result["problems"]
    assert said in problem, problem
    assert server.rows(f"SHOW CREATE TABLE {schema}.flights") == before


def test_the_statement_for_a_missing_index_mends_it(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    run_module(MODULE, server, **options, shape="read")
    server.rows(f"ALTER TABLE {schema}.flights DROP INDEX carrier_time, DROP INDEX route_time")
    result = run_module(MODULE, server, **options, shape="read")
    for problem in result["problems"]:
        server.rows(problem[problem.index("ALTER TABLE") :].split(" would correct it")[0])
    assert not run_module(MODULE, server, **options, shape="read").get("failed")


def test_harmless_differences_are_only_told(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    run_module(MODULE, server, **options, shape="read")
    server.rows(f"INSERT INTO {schema}.flights VALUES (21, '2013-05-01', 'UA', 1, 'A', 'B', 2)")
    for alter in (
        "ADD INDEX by_hand (dest)",
        "RENAME INDEX route_time TO routes",
        "COMMENT = 'by hand'",
        "MODIFY carrier CHAR(2) NOT NULL COMMENT 'by hand'",
        "AUTO_INCREMENT = 1000",
        "DROP PARTITION p2014m03",
    ):
        server.rows(f"ALTER TABLE {schema}.flights {alter}")
    result = run_module(MODULE, server, **options, shape="read")
    assert not result["changed"] and "failed" not in result, result
    assert [(found["what"], found["found"]) for found in result["differences"]] == [
        ("name of index", "KEY routes (origin, dest, time_hour)"),
        ("index", "KEY by_hand (dest)"),
        ("table option COMMENT", "'by hand'"),
    ]
    assert len(result["warnings"]) == 3
    assert server.value(f"SELECT COUNT(*) FROM {schema}.flights") == 1


def test_a_view_is_no_table(
    server: TestServer, schema: str, run_module: Any, options: dict[str, Any]
) -> None:
    server.rows(f"CREATE VIEW {schema}.flights AS SELECT 1 AS id")
    result = run_module(MODULE, server, **options, shape="read")
    assert result["failed"] and "is not a table but a VIEW" in result["msg"]
