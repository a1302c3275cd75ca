"""Common data brought to a server from which others replicate: exactly, and only what differs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any

import pymysql
import pytest
from pymysql.connections import Connection

from tests.integration.conftest import forget_binary_logs, logged, outside_binary_log
from tests.integration.lines import TestServer, Topology
from tests.integration.modules import run_module, try_module
from tests.support.crash import killed_everywhere

MODULE = "mysql_common_data"
PASSWORD = "re ad"
MODE = "SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+03:00'"
# Each value is one that comes out as another where it is taken through text or numbers.
TYPES = """
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, n BIGINT UNSIGNED, z INT(5) ZEROFILL,
  d DECIMAL(65, 30), f FLOAT, g DOUBLE, b BIT(64), e ENUM('a', 'B,c', 'é'),
  s SET({}), y YEAR, day DATE, dt DATETIME(6), ts TIMESTAMP(3) NULL, tm TIME(6),
  c CHAR(5), v VARCHAR(50) COLLATE utf8mb4_general_ci, l VARCHAR(50) CHARACTER SET latin1,
  u VARCHAR(20) CHARACTER SET ucs2, bin BINARY(4), vb VARBINARY(20), t MEDIUMTEXT, bl LONGBLOB,
  j JSON, p POINT, made INT AS (CHAR_LENGTH(v)) STORED, virt INT AS (y * 2)
""".format(", ".join(f"'x{number}'" for number in range(64)))
ROWS = (
    "(0, 18446744073709551615, 7, 12345678901234567890123456789012345.123456789012345678901234567891, "
    "0.1, 0.1, b'{ones}', 'é', 'x0,x63', 2024, '0000-00-00', '2024-02-31 23:59:59.999999', "
    "'2024-03-31 02:30:00.001', '-838:59:58.5', 'ab ', 'Straße 😀', 'é', 'ü', X'00FF', "
    "X'2727005C', '%s %% \\\\ \\'\\\"\\0 ,', X'00FF27225C0A', '{{\"a\": [1.0, null, \"é\"]}}', "
    "ST_GeomFromText('POINT(1.1 -2)'))"
).format(ones="1" * 64)
NULLS = "(3" + ", NULL" * 23 + ")"
MORE = (
    "(4, 0, 0, -0.000000000000000000000000000001, 16777217e20, 1.7976931348623157e308, b'0', 'a', '', "
    "0, '2024-00-10', '0000-00-00 00:00:00', '1970-01-01 03:00:01', '00:00:00.000001', '', '', '', '', "
    "X'', X'', '', '', '[]', NULL)"
)


@pytest.fixture
def source(bare: Topology) -> TestServer:
    return bare.server("w2")


@pytest.fixture
def target(bare: Topology) -> TestServer:
    return bare.server("w1")


@pytest.fixture
def schema(source: TestServer, target: TestServer) -> Iterator[str]:
    """A schema on the source, and an account that reads it; no binary log knows of what is done."""
    name = f"test_{secrets.token_hex(4)}"
    forget_binary_logs(source, target)
    before = [logged(server) for server in (source, target)]
    outside_binary_log(
        source,
        f"CREATE SCHEMA {name} DEFAULT CHARACTER SET utf8mb4",
        "DROP USER IF EXISTS reader",
        f"CREATE USER reader IDENTIFIED BY '{PASSWORD}'",
        f"GRANT SELECT ON {name}.* TO reader",
        "GRANT SELECT ON dbrw.* TO reader",
    )
    try:
        yield name
    finally:
        outside_binary_log(source, "DROP USER reader")
        for server in (source, target):
            outside_binary_log(server, f"DROP SCHEMA IF EXISTS {name}")
    assert [logged(server) for server in (source, target)] == before


@pytest.fixture
def arguments(schema: str, source: TestServer) -> dict[str, Any]:
    return {
        **{"target": "w1", "schemas": [schema], "source_name": "w2"},
        **{"source_host": source.address, "source_port": source.port, "source_ssl": False},
        **{"source_user": "reader", "source_password": PASSWORD, "chunk_rows": 3},
    }


def content(server: TestServer, schema: str, *tables: str) -> Any:
    """Return all that is in tables, as the server's own checksum and rows in exact forms."""
    return [
        (
            server.rows(f"CHECKSUM TABLE {schema}.{table}")[0]["Checksum"],
            server.rows(f"SELECT COUNT(*) AS number FROM {schema}.{table}"),
        )
        for table in tables
    ]


def counts(result: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {
        one["table"].partition(".")[2]: (one["inserted"], one["changed"], one["deleted"])
        for one in result["tables"]
    }


def assert_settled(target: TestServer, arguments: dict[str, Any]) -> None:
    for check in (True, False):
        again = run_module(MODULE, target, check=check, **arguments)
        assert again.get("changed") is False and again["done"], again
        assert all(one == (0, 0, 0) for one in counts(again).values())


def test_every_value_arrives_as_it_is(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    outside_binary_log(
        source,
        MODE,
        f"CREATE TABLE {schema}.t ({TYPES})",
        *(
            f"INSERT INTO {schema}.t (id, n, z, d, f, g, b, e, s, y, day, dt, ts, tm, c, v, l, u, bin, vb, "
            f"t, bl, j, p) VALUES {row}"
            for row in (ROWS, NULLS, MORE)
        ),
    )
    made = run_module(MODULE, target, **arguments)
    assert made.get("changed") and made["done"] and counts(made) == {"t": (3, 0, 0)}, made
    assert content(target, schema, "t") == content(source, schema, "t")
    exact = (
        "SELECT id, n, z, d, f + 0e0 AS f, g, HEX(b) AS b, e, e + 0 AS en, HEX(s) AS s, y + 0 AS y, "
        "CAST(day AS CHAR) AS day, CAST(dt AS CHAR) AS dt, CAST(ts AS CHAR) AS ts, "
        "CAST(tm AS CHAR) AS tm, HEX(c) AS c, HEX(v) AS v, HEX(l) AS l, HEX(u) AS u, HEX(bin) AS bin, "
        f"HEX(vb) AS vb, HEX(t) AS t, HEX(bl) AS bl, j, HEX(p) AS p, made, virt FROM {schema}.t"
    )
    assert target.rows(exact) == source.rows(exact)
    assert_settled(target, arguments)
    # One by one, whatever the type.
    for change in (
        "n = n - 1",
        "d = d + 0.000000000000000000000000000001",
        "f = 0.10000001",
        "g = 0.1 + 1e-17 * 2",
        "b = b'0'",
        "e = 1",
        "s = 'x62,x63'",
        "y = 2025",
        "day = '2024-00-00'",
        "dt = '2024-02-31 23:59:59.999998'",
        "ts = '2024-03-31 02:30:00.002'",
        "tm = '-838:59:58.500001'",
        "c = 'aB'",
        "v = 'STRASSE 😀'",
        "l = 'É'",
        "u = 'Ü'",
        "bin = X'00FE'",
        "vb = X'2727005C00'",
        "t = CONCAT(t, ' ')",
        "bl = X'00FF27225C0B'",
        'j = \'{"a": [1.0, null, "è"]}\'',
        "p = ST_GeomFromText('POINT(1.1 -2.0000000000000004)')",
    ):
        outside_binary_log(source, MODE, f"UPDATE {schema}.t SET {change} WHERE id = 0")
        if content(source, schema, "t") == content(target, schema, "t"):
            continue
        made = run_module(MODULE, target, **arguments)
        assert "failed" not in made and counts(made) == {"t": (0, 1, 0)}, (change, made)
        assert target.rows(exact) == source.rows(exact), change


def test_only_what_differs_is_brought_and_shown_before(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    outside_binary_log(
        source,
        f"CREATE TABLE {schema}.parent (name VARCHAR(20) COLLATE utf8mb4_general_ci, n DECIMAL(9, 2), "
        "tag INT UNIQUE, PRIMARY KEY (name, n))",
        f"CREATE TABLE {schema}.a_child (id INT PRIMARY KEY, name VARCHAR(20) COLLATE "
        "utf8mb4_general_ci, n DECIMAL(9, 2), "
        f"FOREIGN KEY (name, n) REFERENCES {schema}.parent (name, n) ON DELETE CASCADE)",
        f"INSERT INTO {schema}.parent VALUES "
        + ", ".join(f"('row {number % 7}', {number}.25, {number})" for number in range(40)),
        f"INSERT INTO {schema}.a_child SELECT tag, name, n FROM {schema}.parent",
    )
    shown = run_module(MODULE, target, check=True, **arguments)
    assert shown["changed"] and counts(shown) == {"a_child": (40, 0, 0), "parent": (40, 0, 0)}, (
        shown
    )
    assert not target.rows(f"SHOW DATABASES LIKE '{schema}'")
    made = run_module(MODULE, target, **arguments)
    assert made.get("changed") and made["done"], made
    assert [step["step"] for step in made["steps"]] == ["create", "copy"]
    assert_settled(target, arguments)
    outside_binary_log(
        target,
        "SET foreign_key_checks = 0",
        # Two values that are unique change places; keys that only their bytes tell apart.
        f"UPDATE {schema}.parent SET tag = -1 WHERE tag = 3",
        f"UPDATE {schema}.parent SET tag = 3 WHERE tag = 30",
        f"UPDATE {schema}.parent SET tag = 30 WHERE tag = -1",
        f"UPDATE {schema}.parent SET name = 'ROW 5' WHERE tag = 5",
        f"DELETE FROM {schema}.parent WHERE tag = 11",
        f"INSERT INTO {schema}.parent VALUES "
        + ", ".join(f"('row x', {number}, {number})" for number in range(1000, 1300)),
    )
    wanted = {"a_child": (0, 0, 0), "parent": (2, 2, 301)}
    shown = run_module(MODULE, target, check=True, **arguments)
    assert counts(shown) == wanted, shown["tables"]
    assert shown["diff"]["before"]["rows"] == {f"{schema}.parent": {"rows": 339}}
    assert shown["diff"]["after"]["rows"] == {
        f"{schema}.parent": {"rows": 40, "inserted": 2, "changed": 2, "deleted": 301}
    }
    made = run_module(MODULE, target, **arguments)
    assert made["changed"] and counts(made) == wanted, made
    for table in ("parent", "a_child"):
        rows = f"SELECT * FROM {schema}.{table} ORDER BY 1, 2"
        assert target.rows(rows) == source.rows(rows)
    assert_settled(target, arguments)


# Types of keys, and values in an order that is the server's own.
KEYS = {
    "ENUM('z', 'y', 'x', 'é')": ("'é'", "'y'", "'z'", "'x'"),
    "SET('a', 'b', 'c')": ("''", "'a,c'", "'b'", "'a,b,c'"),
    "BIT(9)": ("b'0'", "b'111111111'", "b'1100010'", "b'10'"),
    "YEAR": ("0", "1999", "2024", "2155"),
    "DATE": ("'0000-00-00'", "'2024-02-31'", "'1999-12-31'", "'9999-12-31'"),
    "TIMESTAMP(6)": ("'2024-03-31 02:30:00.000001'", "'1970-01-01 03:00:01'", "'2037-01-01'"),
    "TIME(3)": ("'-10:00:00.5'", "'-9:00:00'", "'100:00:00'", "'00:00:00.001'"),
    "FLOAT": ("0.1", "-16777217e20", "3.4e38", "0"),
    "DECIMAL(40, 20)": ("0.00000000000000000001", "12345678901234567890.5", "-1", "-2"),
    "BIGINT UNSIGNED": ("18446744073709551615", "18446744073709551614", "9223372036854775808", "0"),
    "VARBINARY(5)": ("X'00'", "X'0000'", "X'FF'", "''"),
    "VARCHAR(9) COLLATE utf8mb4_unicode_ci": ("'Österreich'", "'z%s'", "'ä'", "'B\\\\'", "'ab'"),
    "VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german2_ci": ("'ö'", "'of'", "'oz'", "'é'"),
}


def test_keys_of_every_type(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    for number, (kind, values) in enumerate(KEYS.items()):
        rows = ", ".join(f"({value}, {order})" for order, value in enumerate(values))
        outside_binary_log(
            source,
            MODE,
            f"CREATE TABLE {schema}.t{number} (k {kind} PRIMARY KEY, made INT AS (n) STORED, n INT)",
            f"INSERT INTO {schema}.t{number} (k, n) VALUES {rows}",
        )
    every = range(len(KEYS))
    result = run_module(MODULE, target, **{**arguments, "chunk_rows": 1})
    assert result.get("done"), result
    tables = [f"t{number}" for number in every]
    assert content(target, schema, *tables) == content(source, schema, *tables)
    for number in every:
        outside_binary_log(
            target,
            f"DELETE FROM {schema}.t{number} WHERE n = 0",
            f"UPDATE {schema}.t{number} SET n = 7 WHERE n = 1",
        )
        outside_binary_log(source, f"DELETE FROM {schema}.t{number} WHERE n = 2")
    result = run_module(MODULE, target, **{**arguments, "chunk_rows": 2})
    assert counts(result) == dict.fromkeys(tables, (1, 1, 1)), result
    assert content(target, schema, *tables) == content(source, schema, *tables)
    assert_settled(target, arguments)


def test_rows_that_are_longer_than_a_statement_or_a_transaction(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    outside_binary_log(
        source,
        f"CREATE TABLE {schema}.t (id VARCHAR(9) PRIMARY KEY, b LONGBLOB)",
        *(
            f"INSERT INTO {schema}.t VALUES ('row {number}', REPEAT(X'00FF27', {length}))"
            for number, length in enumerate((1500000, 300000, 300000, 300000, 1, 300000, 900000))
        ),
    )
    made = run_module(MODULE, target, **{**arguments, "chunk_rows": 1000})
    assert counts(made) == {"t": (7, 0, 0)}, made
    # Nothing of the rows is in what is told.
    assert len(str(made)) < 10000
    assert content(target, schema, "t") == content(source, schema, "t")
    assert_settled(target, arguments)


def test_what_is_refused(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    outside_binary_log(
        source,
        f"CREATE TABLE {schema}.keyless (id INT)",
        f"CREATE TABLE {schema}.other (id INT PRIMARY KEY, name VARCHAR(5))",
        f"CREATE TABLE {schema}.old (id INT PRIMARY KEY) ENGINE=MyISAM",
    )
    outside_binary_log(
        target,
        f"CREATE SCHEMA {schema} DEFAULT CHARACTER SET utf8mb4",
        f"CREATE TABLE {schema}.other (id INT PRIMARY KEY, name VARCHAR(6))",
        f"CREATE TABLE {schema}.mine (id INT PRIMARY KEY)",
        f"CREATE TRIGGER {schema}.tr BEFORE INSERT ON {schema}.other FOR EACH ROW SET NEW.id = 1",
    )
    for check in (True, False):
        refused = run_module(MODULE, target, check=check, **arguments)
        assert refused["failed"] and not refused["changed"], refused
        assert len(refused["problems"]) == 5, refused["problems"]
        for text in (
            f"table {schema}.keyless has no primary key",
            f"table {schema}.old is of the engine MyISAM",
            f"table {schema}.other is made otherwise than on w2: there `name` varchar(5)",
            f"table {schema}.other has triggers here (tr)",
            f"table {schema}.mine is not on w2",
        ):
            assert text in refused["msg"], refused["msg"]
    wrong = run_module(MODULE, target, **{**arguments, "schemas": ["mysql"], "chunk_rows": 0})
    assert "mysql is a system schema" in wrong["msg"] and "chunk_rows is 0" in wrong["msg"]
    outside_binary_log(source, f"REVOKE SELECT ON {schema}.* FROM reader")
    hidden = run_module(MODULE, target, **arguments)
    assert hidden["failed"] and f"grant the account SELECT on {schema}.*" in hidden["msg"], hidden


def test_foreign_keys_that_lead_out_or_in_are_refused(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    other = f"{schema}_other"
    for server in (source, target):
        outside_binary_log(
            server,
            f"CREATE SCHEMA IF NOT EXISTS {schema} DEFAULT CHARACTER SET utf8mb4",
            f"CREATE SCHEMA {other}",
            f"CREATE TABLE {other}.t (id INT PRIMARY KEY)",
            f"CREATE TABLE {schema}.t (id INT PRIMARY KEY, "
            f"FOREIGN KEY (id) REFERENCES {other}.t (id))",
        )
    outside_binary_log(
        target,
        f"CREATE TABLE {other}.u (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES {schema}.t (id))",
    )
    try:
        refused = run_module(MODULE, target, **arguments)
        assert refused["failed"] and len(refused["problems"]) == 2, refused
        assert f"its foreign keys name {other}.t, outside" in refused["msg"], refused["msg"]
        assert f"foreign keys of {other}.u name it, outside" in refused["msg"], refused["msg"]
    finally:
        outside_binary_log(target, f"DROP TABLE {other}.u")
        for server in (source, target):
            outside_binary_log(server, f"DROP SCHEMA {schema}", f"DROP SCHEMA {other}")


def test_killed_at_every_statement(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    outside_binary_log(
        source,
        f"CREATE TABLE {schema}.t (id INT PRIMARY KEY, tag VARCHAR(9) UNIQUE)",
        f"CREATE TABLE {schema}.u (id INT PRIMARY KEY)",
        f"INSERT INTO {schema}.t VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four')",
    )

    def reset() -> None:
        outside_binary_log(
            target,
            f"DROP SCHEMA IF EXISTS {schema}",
            f"CREATE SCHEMA {schema} DEFAULT CHARACTER SET utf8mb4",
            f"CREATE TABLE {schema}.t LIKE_SOURCE".replace(
                "LIKE_SOURCE", "(id INT PRIMARY KEY, tag VARCHAR(9) UNIQUE)"
            ),
            f"INSERT INTO {schema}.t VALUES (1, 'two'), (3, 'three'), (7, 'four')",
        )

    def look() -> Any:
        return target.rows(f"SELECT * FROM {schema}.t ORDER BY id"), target.rows(
            f"SELECT * FROM {schema}.u"
        )

    kills = killed_everywhere(MODULE, target, arguments, reset, look, source)
    assert look()[0] == source.rows(f"SELECT * FROM {schema}.t ORDER BY id")
    assert kills > 20


def insert_once_the_snapshot_is_there(socket: str, schema: str) -> None:
    """Let somebody write on the source as soon as this process has begun its snapshot."""
    send: Any = Connection._execute_command

    def watched(connection: Any, command: int, sql: Any) -> None:
        text = sql.decode(errors="replace") if isinstance(sql, bytes) else sql
        if "information_schema.SCHEMATA" in text:
            Connection._execute_command = send
            login = {"unix_socket": socket, "user": "root", "autocommit": True}
            with pymysql.connect(**login) as other, other.cursor() as cursor:
                cursor.execute("SET SESSION sql_log_bin = 0")
                for table in ("t", "u"):
                    cursor.execute(f"INSERT INTO {schema}.{table} VALUES (2)")
                    cursor.execute(f"DELETE FROM {schema}.{table} WHERE id = 1")
        send(connection, command, sql)

    Connection._execute_command = watched


def test_all_is_of_one_moment(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    for table in ("t", "u"):
        outside_binary_log(
            source,
            f"CREATE TABLE {schema}.{table} (id INT PRIMARY KEY)",
            f"INSERT INTO {schema}.{table} VALUES (1)",
        )
    prepare = partial(insert_once_the_snapshot_is_there, source.socket, schema)
    made = try_module(MODULE, target, prepare, **arguments)
    assert isinstance(made, dict) and made.get("done"), made
    for table in ("t", "u"):
        assert source.rows(f"SELECT * FROM {schema}.{table}") == [{"id": 2}]
        assert target.rows(f"SELECT * FROM {schema}.{table}") == [{"id": 1}]
    made = run_module(MODULE, target, **arguments)
    assert counts(made) == {"t": (1, 0, 1), "u": (1, 0, 1)}, made
    assert_settled(target, arguments)


def test_only_the_active_writer_is_a_source(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    source.rows("SET GLOBAL read_only = 1")
    try:
        refused = run_module(MODULE, target, **arguments)
    finally:
        source.rows("SET GLOBAL read_only = 0")
    assert refused["failed"] and "w2 takes no writes" in refused["msg"], refused


def test_logged_where_others_follow_in_a_set(
    schema: str, source: TestServer, target: TestServer, arguments: dict[str, Any]
) -> None:
    outside_binary_log(source, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    run_module(MODULE, target, **arguments)
    outside_binary_log(source, f"INSERT INTO {schema}.t VALUES (1)")
    before = logged(target)
    made = run_module(MODULE, target, logged=True, **arguments)
    assert counts(made) == {"t": (1, 0, 0)} and logged(target) != before, made
    forget_binary_logs(source, target)
