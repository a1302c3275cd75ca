"""What servers do with tables that differ between source and replica.

What mysql_usage_table_info says of a difference is compared with what a real
channel does: the next version of a server is caught doing something else.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest
from pymysql.cursors import DictCursor

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.replicated_table import (
    CHANGES,
    HARMLESS,
    STOPS,
    compare,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables.usage_table import (
    read_table,
)
from tests.integration.conftest import forget_binary_logs, outside_binary_log
from tests.integration.lines import TestServer, Topology, wait_until
from tests.support.replication import MODULE, PASSWORD, USER, make_account

pytestmark = pytest.mark.lines("later")

ID = "id BIGINT UNSIGNED NOT NULL PRIMARY KEY"
SEVERITY = [HARMLESS, CHANGES, STOPS]
ERROR = re.compile(r"error (\d+)")


class Session:
    """What a test does on one of the two servers, in no binary log unless it says so."""

    def __init__(self, server: TestServer, table: str) -> None:
        self.server, self.table = server, table
        # Values as bytes: some are no text at all after the way.
        self._connection = server.admin(use_unicode=False, conv={}, cursorclass=DictCursor)
        self._login = connect(Login(unix_socket=server.socket, user="root"))
        self.run("SET SESSION sql_log_bin = 0")

    def run(self, sql: str) -> list[dict[str, Any]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def create(self, definition: str) -> None:
        self.run(f"DROP TABLE IF EXISTS {self.table}")
        self.run(f"CREATE TABLE {self.table} ({definition})")

    def shape(self) -> Any:
        return read_table(self._login, *self.table.split("."))

    @property
    def enforces_checks(self) -> bool:
        return self._login.dialect.applier_enforces_checks

    @property
    def logs_generated(self) -> bool:
        return self._login.logs_generated

    def close(self) -> None:
        self._connection.close()
        self._login.close()


class Channel:
    """A channel from w1 to r1, and what becomes of rows on their way through it."""

    def __init__(self, source: TestServer, replica: TestServer, schema: str) -> None:
        self.schema, self.table = schema, f"{schema}.t"
        self.source, self.replica = Session(source, self.table), Session(replica, self.table)
        self.line, self.flavour = source.host.line.name, source.flavour
        self.marks = 0
        self.error = ""
        self.told_errors: set[str] = set()

    def create(self, there: str, here: str) -> None:
        self.source.create(there)
        self.replica.create(here)

    def told(self) -> str:
        """Return the worst effect that is told."""
        found = compare(
            self.source.shape(),
            self.replica.shape(),
            self.replica.enforces_checks,
            self.source.logs_generated,
        )
        self.told_errors = {number for one in found for number in ERROR.findall(one.why)}
        return max((one.effect for one in found), key=SEVERITY.index, default=HARMLESS)

    def outcome(self, there: str, *statements: str) -> str:
        """Send rows as one transaction and return what comes of them."""
        self.marks += 1
        mark = f"INSERT INTO {self.schema}.mark VALUES ({self.marks})"
        self.source.run("SET SESSION sql_log_bin = 1")
        try:
            for statement in ("BEGIN", *statements, "COMMIT", mark):
                self.source.run(statement.format(self.table))
        finally:
            self.source.run("ROLLBACK")
            self.source.run("SET SESSION sql_log_bin = 0")
        if not self.arrives():
            # A number that is told is the real one.
            assert self.told_errors <= {self.error}
            # With the source's own table, what stopped the channel goes through.
            self.replica.create(there)
            maria = self.flavour == "mariadb"
            self.replica.run(
                "START SLAVE 'compared'" if maria else "START REPLICA FOR CHANNEL 'compared'"
            )
            assert self.arrives(), "the channel stops for another reason"
            return STOPS
        columns = [row["Field"].decode() for row in self.source.run(f"DESC {self.table}")]
        query = f"SELECT {', '.join(columns)} FROM {self.table} ORDER BY id"
        try:
            same = self.source.run(query) == self.replica.run(query)
        except pymysql.MySQLError as error:
            assert error.args[0] == 1054, error  # A column that is not there.
            same = False
        return HARMLESS if same else CHANGES

    def arrives(self) -> bool:
        """Whether the last mark arrives; otherwise the applier has stopped."""
        maria = self.flavour == "mariadb"
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self.replica.run(f"SELECT 1 FROM {self.schema}.mark WHERE id = {self.marks}"):
                return True
            rows = self.replica.run("SHOW ALL SLAVES STATUS" if maria else "SHOW REPLICA STATUS")
            name = "Connection_name" if maria else "Channel_Name"
            (row,) = [one for one in rows if one[name] == b"compared"]
            if row["Slave_SQL_Running" if maria else "Replica_SQL_Running"] == b"No":
                self.error = row["Last_SQL_Errno"].decode() if maria else self.worker_error()
                return False
            time.sleep(0.02)
        raise AssertionError("neither the mark nor a stop within 20 s")

    def worker_error(self) -> str:
        """Return the error of the worker that stopped first: the status may show another's."""
        (row,) = self.replica.run(
            "SELECT LAST_ERROR_NUMBER AS number "
            "FROM performance_schema.replication_applier_status_by_worker "
            "WHERE LAST_ERROR_NUMBER NOT IN (0, 3030) AND CHANNEL_NAME = 'compared'"
        )
        return str(row["number"].decode())


@pytest.fixture(scope="module")
def channel(bare: Topology, run_module: Any) -> Iterator[Channel]:
    source, replica = bare.server("w1"), bare.server("r1")
    schema = f"test_{secrets.token_hex(4)}"
    forget_binary_logs(source, replica)
    for one in (source, replica):
        outside_binary_log(
            one,
            f"CREATE SCHEMA {schema} DEFAULT CHARACTER SET utf8mb4",
            f"CREATE TABLE {schema}.mark (id INT PRIMARY KEY)",
            f"CREATE TABLE {schema}.parent (id INT PRIMARY KEY)",
        )
    make_account(source)
    made = run_module(
        MODULE,
        replica,
        channel="compared",
        state="started",
        source_host=source.address,
        source_port=source.port,
        source_user=USER,
        source_password=PASSWORD,
    )
    assert "failed" not in made, made
    sent = Channel(source, replica, schema)
    yield sent
    sent.source.close()
    sent.replica.close()
    run_module(MODULE, replica, channel="compared", state="absent")
    outside_binary_log(source, f"DROP SCHEMA {schema}", f"DROP USER {USER}")
    outside_binary_log(replica, f"DROP SCHEMA {schema}")


# A column there, the same column here, and values for which the worst happens.
STOPPING = [
    ("INT", "BIGINT", "5"),
    ("BIGINT", "INT", "5"),
    ("MEDIUMINT", "INT", "5"),
    ("INT", "VARCHAR(10)", "5"),
    ("YEAR", "SMALLINT", "2026"),
    ("VARCHAR(10)", "VARCHAR(20)", "'abc'"),
    ("VARCHAR(20)", "VARCHAR(10)", "'abc'"),
    ("VARCHAR(300)", "VARCHAR(10)", "'abc'"),
    ("VARCHAR(10)", "VARCHAR(300)", "'abc'"),
    ("VARCHAR(10)", "TEXT", "'abc'"),
    ("CHAR(2)", "CHAR(3)", "'ab'"),
    ("CHAR(3)", "VARCHAR(3)", "'abc'"),
    ("BINARY(3)", "BINARY(4)", "'abc'"),
    ("TEXT", "MEDIUMTEXT", "'abc'"),
    ("TINYTEXT", "TEXT", "'abc'"),
    ("VARCHAR(10) CHARACTER SET latin1", "VARCHAR(10)", "'abc'"),
    ("VARCHAR(10)", "VARCHAR(10) CHARACTER SET latin1", "'abc'"),
    ("VARCHAR(10) CHARACTER SET utf8mb3", "VARCHAR(10)", "'abc'"),
    ("CHAR(3)", "CHAR(3) CHARACTER SET latin1", "'abc'"),
    ("DATETIME(6)", "DATETIME", "'2026-01-02 03:04:05.987654'"),
    ("DATETIME(3)", "DATETIME(6)", "'2026-01-02 03:04:05.987'"),
    # Not told apart by the applier, and then read as a corrupt event.
    ("DATETIME", "DATETIME(6)", "'2026-01-02 03:04:05'"),
    ("TIMESTAMP NULL", "TIMESTAMP(1) NULL", "'2026-01-02 03:04:05'"),
    ("TIME", "TIME(3)", "'03:04:05'"),
    ("TIMESTAMP NULL", "DATETIME", "'2026-01-02 03:04:05'"),
    ("DATE", "DATETIME", "'2026-01-02'"),
    ("ENUM('a', 'b')", "VARCHAR(10)", "'b'"),
    ("ENUM('a')", "SET('a')", "'a'"),
    (
        "SET('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')",
        "SET('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')",
        "'a'",
    ),
    ("DECIMAL(5, 2)", "DECIMAL(6, 2)", "3.14"),
    ("DECIMAL(5, 2)", "FLOAT", "3.14"),
    ("FLOAT", "DOUBLE", "3.14"),
    ("BIT(3)", "BIT(4)", "b'101'"),
    ("POINT", "BLOB", "POINT(1, 2)"),
]
CHANGING = [
    ("INT UNSIGNED", "INT", "4000000000"),
    ("INT", "INT UNSIGNED", "-5"),
    ("BIGINT UNSIGNED", "BIGINT", "18446744073709551615"),
    ("TINYINT UNSIGNED", "TINYINT", "200"),
    # As many bytes, so that the applier sees no difference.
    ("VARCHAR(40) CHARACTER SET latin1", "VARCHAR(10)", "'\xe9'"),
    ("VARCHAR(10)", "VARCHAR(40) CHARACTER SET latin1", "'\xe9'"),
    ("VARCHAR(10) CHARACTER SET latin1", "VARCHAR(10) CHARACTER SET ascii", "'\xe9'"),
    ("TEXT", "TEXT CHARACTER SET latin1", "'\xe9'"),
    ("VARBINARY(40)", "VARCHAR(40) CHARACTER SET latin1", "X'FF'"),
    ("CHAR(3) CHARACTER SET latin1", "BINARY(3)", "'ab'"),
    ("ENUM('a', 'b', 'c')", "ENUM('a', 'b')", "'c'"),
    ("ENUM('a', 'b')", "ENUM('b', 'a')", "'b'"),
    ("SET('a', 'b')", "SET('b', 'a')", "'a'"),
    ("DOUBLE", "DOUBLE(7, 2)", "3.14159"),
    ("INT", "INT NOT NULL", "NULL"),
    ("INT", "INT NOT NULL DEFAULT 9", "NULL"),
    ("VARCHAR(5)", "VARCHAR(5) NOT NULL", "NULL"),
    ("DATETIME", "DATETIME NOT NULL", "NULL"),
]
ARRIVING = [
    ("TINYINT(1)", "TINYINT", "5"),
    ("INT(5) ZEROFILL", "INT UNSIGNED", "12345"),
    ("DECIMAL(5, 2)", "DECIMAL(5, 2) UNSIGNED", "-3.14"),
    ("FLOAT", "FLOAT UNSIGNED", "-3.5"),
    ("DOUBLE(7, 2)", "DOUBLE", "3.14"),
    ("INT NOT NULL", "INT", "5"),
    ("INT DEFAULT 3", "INT DEFAULT 4", "DEFAULT"),
    ("INT", "INT INVISIBLE", "5"),
    ("INT COMMENT 'a'", "INT COMMENT 'b'", "5"),
    (
        "TIMESTAMP NULL DEFAULT '2020-01-01 00:00:00'",
        "TIMESTAMP NULL DEFAULT '2020-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP",
        "DEFAULT",
    ),
    ("VARCHAR(9) COLLATE utf8mb4_bin", "VARCHAR(9) COLLATE utf8mb4_general_ci", "'\xe9'"),
    ("TEXT CHARACTER SET utf8mb3", "TEXT CHARACTER SET utf8mb4", "'\xe9'"),
    ("CHAR(4) CHARACTER SET utf8mb3", "CHAR(3) CHARACTER SET utf8mb4", "'\xe9'"),
    ("CHAR(4) CHARACTER SET ascii", "CHAR(4) CHARACTER SET latin1", "'e'"),
    ("TEXT", "BLOB", "'\xe9'"),
    ("VARCHAR(10)", "VARBINARY(40)", "'\xe9'"),
    ("ENUM('a', 'b')", "ENUM('a', 'b', 'c')", "'b'"),
    ("SET('a', 'b')", "SET('a', 'b', 'c')", "'b'"),
    ("ENUM('a', 'b') CHARACTER SET latin1", "ENUM('a', 'b')", "'b'"),
    ("POINT", "GEOMETRY", "POINT(1, 2)"),
]
# Types that one flavour has, or that the flavours have otherwise.
OF_FLAVOUR = {
    "mysql": [
        (STOPS, "JSON", "LONGTEXT", "'[]'"),
        (STOPS, "LONGTEXT", "JSON", "'[]'"),
        (CHANGES, "POINT", "LINESTRING", "POINT(1, 2)"),
    ],
    "mariadb": [
        (HARMLESS, "JSON", "LONGTEXT", "'[]'"),
        (HARMLESS, "LONGTEXT", "JSON", "'no document'"),
        (STOPS, "JSON", "TEXT", "'[]'"),
        (STOPS, "TEXT", "TEXT COMPRESSED", "'abc'"),
        (STOPS, "VARCHAR(9) COMPRESSED", "VARCHAR(9)", "'abc'"),
        (CHANGES, "INET6", "BINARY(16)", "'::1'"),
        (CHANGES, "UUID", "INET6", "UUID()"),
    ],
}


def columns(effect: str, cases: list[tuple[str, str, str]]) -> list[Any]:
    return [
        pytest.param(effect, *case, id=f"{case[0]} to {case[1]}".replace(" CHARACTER SET", ""))
        for case in cases
    ]


def check_column(channel: Channel, effect: str, there: str, here: str, value: str) -> None:
    # With a column after it: what is read too long or too short is told from that.
    definition = f"{ID}, c {there}, z INT"
    channel.create(definition, f"{ID}, c {here}, z INT")
    assert channel.told() == effect
    row = f"INSERT INTO {{}} (id, c, z) VALUES (1, {value}, 7)"
    assert channel.outcome(definition, row) == effect


@pytest.mark.parametrize(
    ("effect", "there", "here", "value"),
    [
        *columns(STOPS, STOPPING),
        *columns(CHANGES, CHANGING),
        *columns(HARMLESS, ARRIVING),
    ],
)
def test_a_column(channel: Channel, effect: str, there: str, here: str, value: str) -> None:
    check_column(channel, effect, there, here, value)


def test_the_errors_of_types(channel: Channel) -> None:
    corrupt = {"mysql": ["1610", "1105"], "mariadb": ["1030"]}[channel.flavour]
    for there, here, errors in (
        ("INT", "BIGINT", ["13146" if channel.flavour == "mysql" else "1677"]),
        ("DATETIME", "DATETIME(6)", corrupt),
    ):
        channel.create(f"{ID}, c {there}", f"{ID}, c {here}")
        assert channel.told() == STOPS
        assert channel.outcome(f"{ID}, c {there}", "INSERT INTO {} VALUES (1, 20260101)") == STOPS
        assert channel.error in errors


def test_a_column_of_one_flavour(channel: Channel) -> None:
    for case in OF_FLAVOUR[channel.flavour]:
        check_column(channel, *case)


STORED, VIRTUAL = "g INT AS (c * 2) STORED", "g INT AS (c * 2) VIRTUAL"
C2 = "INSERT INTO {} (id, c) VALUES (1, 2)"
SET_C, SET_G = "UPDATE {} SET c = 3", "UPDATE {} SET g = 9"
TWICE, THREE = "INSERT INTO {} (id, c) VALUES (1, 2), (2, 2)", "INSERT INTO {} VALUES (1, 2, 3)"
NO_KEY = "id BIGINT UNSIGNED NOT NULL, c INT"
# By what the case shows: the worst effect, both tables without their id, and rows.
TABLES = {
    "order": (CHANGES, "c INT, z INT", "z INT, c INT", THREE),
    "order of types": (STOPS, "c INT, z DATE", "z DATE, c INT", C2),
    "name": (CHANGES, "c INT, z INT", "d INT, z INT", THREE),
    "case of a name": (HARMLESS, "c INT, z INT", "C INT, z INT", THREE),
    "more": (HARMLESS, "c INT", "c INT, e INT", C2, SET_C),
    "more, with a default": (HARMLESS, "c INT", "c INT, e INT NOT NULL DEFAULT 4", C2, SET_C),
    "more, without default": (HARMLESS, "c INT", "c INT, e VARCHAR(5) NOT NULL", C2, SET_C),
    "more, a time": (HARMLESS, "c INT", "c INT, e DATETIME NOT NULL", C2, SET_C),
    "more, computed": (HARMLESS, "c INT", f"c INT, {STORED}", C2, SET_C),
    "more in the middle": (CHANGES, "c INT, z INT", "c INT, e INT, z INT", THREE),
    "other in the middle": (STOPS, "c INT, z INT", "c INT, e DATE, z INT", THREE),
    "computed in the middle": (CHANGES, "c INT, z INT", f"c INT, {VIRTUAL}, z INT", THREE),
    "less": (CHANGES, "c INT, z INT", "c INT", THREE),
    "less in the middle": (CHANGES, "c INT, z INT", "z INT", THREE),
    "stored and virtual": (HARMLESS, f"c INT, {STORED}", f"c INT, {VIRTUAL}", C2, SET_C),
    "virtual here": (CHANGES, "c INT, g INT", f"c INT, {VIRTUAL}", C2, SET_G),
    "computed otherwise": (CHANGES, "c INT, g INT AS (c * 5) VIRTUAL", f"c INT, {VIRTUAL}", C2),
    "check there": (HARMLESS, "c INT, CHECK (c > 1)", "c INT", C2),
    "unique with the key": (HARMLESS, "c INT", "c INT, UNIQUE (id, c), KEY (c)", TWICE),
    "unique": (STOPS, "c INT", "c INT, UNIQUE (c)", TWICE),
    "foreign key": (STOPS, "c INT", "c INT, FOREIGN KEY (c) REFERENCES parent (id)", C2),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table(channel: Channel, name: str) -> None:
    effect, there, here, *rows = TABLES[name]
    here = here.replace("parent", f"{channel.schema}.parent")
    channel.create(f"{ID}, {there}", f"{ID}, {here}")
    assert channel.told() == effect
    assert channel.outcome(f"{ID}, {there}", *rows) == effect


@pytest.mark.parametrize(
    ("effect", "here"),
    [
        (HARMLESS, f"{NO_KEY} NOT NULL, PRIMARY KEY (id, c)"),
        (HARMLESS, NO_KEY),
        (STOPS, f"{NO_KEY} NOT NULL, PRIMARY KEY (c)"),
    ],
)
def test_a_key(channel: Channel, effect: str, here: str) -> None:
    there = f"{ID}, c INT NOT NULL"
    channel.create(there, here)
    channel.replica.run(f"ALTER TABLE {channel.table} ENGINE=MyISAM")
    assert channel.told() == effect
    assert channel.outcome(there, TWICE, "UPDATE {} SET c = id") == effect


# What texts have by default on servers of two versions.
COLLATIONS = {
    "mariadb": ("utf8mb4_general_ci", "utf8mb4_uca1400_ai_ci"),
    "mysql": ("utf8mb4_general_ci", "utf8mb4_0900_ai_ci"),
}
# A collation by which no two texts are the same that are two on the source.
EXACT = {"mariadb": "utf8mb4_nopad_bin", "mysql": "utf8mb4_0900_bin"}


def text_keys(there: str, here: str) -> tuple[str, str]:
    column = "id BIGINT NOT NULL, c VARCHAR(10) COLLATE {} NOT NULL"
    key = "PRIMARY KEY (c), UNIQUE (c, id)"
    return f"{column.format(there)}, {key}", f"{column.format(here)}, {key}"


def test_a_collation_beside_the_key_is_no_matter(channel: Channel) -> None:
    old, new = COLLATIONS[channel.flavour]
    for source, replica in ((old, new), (new, old)):
        definitions = [f"{ID}, c VARCHAR(10) COLLATE {one}" for one in (source, replica)]
        channel.create(*definitions)
        assert channel.told() == HARMLESS
        rows = "INSERT INTO {} VALUES (1, 'a'), (2, 'A '), (3, '\U0001f600'), (4, '\U0001f601')"
        assert channel.outcome(definitions[0], rows, "UPDATE {} SET c = 'ss' WHERE id = 3") == (
            HARMLESS
        )


@pytest.mark.parametrize(
    ("here", "values"),
    [
        # Every emoji is the same to the older default.
        (0, "(1, '\U0001f600'), (2, '\U0001f601')"),
        (1, "(1, 'a'), (2, 'A')"),
    ],
)
def test_a_collation_of_the_key_decides_what_is_a_duplicate(
    channel: Channel, here: int, values: str
) -> None:
    exact = EXACT[channel.flavour]
    there, ours = text_keys(exact, COLLATIONS[channel.flavour][here])
    channel.create(there, ours)
    assert channel.told() == STOPS and channel.told_errors == {"1062"}
    assert channel.outcome(there, f"INSERT INTO {{}} VALUES {values}") == STOPS
    # The other way round nothing can be the same that was not.
    channel.create(ours, there)
    assert channel.told() == HARMLESS
    assert channel.outcome(ours, "INSERT INTO {} VALUES (1, 'a'), (2, 'b')") == HARMLESS


def test_bytes_with_trailing_spaces_are_no_bytes(channel: Channel) -> None:
    """What is called binary may leave trailing spaces out of account, as the source may not."""
    there, ours = text_keys(EXACT[channel.flavour], "utf8mb4_bin")
    channel.create(there, ours)
    assert channel.told() == STOPS
    assert channel.outcome(there, "INSERT INTO {} VALUES (1, 'a'), (2, 'a ')") == STOPS


def described(server: TestServer, definition: str) -> tuple[str, list[str]]:
    """Return how a server spells a temporary table, and what it says about it."""
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE mysql.drafted ({definition}) CHARSET=utf8mb4")
        cursor.execute("SHOW WARNINGS")
        warnings = [str(row[2]) for row in cursor.fetchall()]
        cursor.execute("SHOW CREATE TABLE mysql.drafted")
        return cursor.fetchall()[0][1], warnings


@pytest.mark.parametrize(
    ("definition", "made", "error"),
    [
        # MariaDB shortens, makes hashes, and says nothing of the latter two.
        ("id INT, u VARCHAR(1000), KEY k (u)", "KEY `k` (`u`(768))", 1071),
        ("id INT, u TEXT, KEY k (u)", "KEY `k` (`u`(768))", 1170),
        ("id INT, u TINYTEXT, KEY k (u)", "KEY `k` (`u`(255))", 1170),
        ("id INT, u TEXT, UNIQUE KEY k (u)", "UNIQUE KEY `k` (`u`) USING HASH", 1170),
        ("id INT, u VARCHAR(1000), UNIQUE k (u)", "UNIQUE KEY `k` (`u`) USING HASH", 1071),
    ],
)
def test_indexes_that_one_flavour_changes(
    server: TestServer, definition: str, made: str, error: int
) -> None:
    if server.flavour == "mariadb":
        text, warnings = described(server, definition)
        assert made in text
        silent = "HASH" in made or "255" in made
        assert ("max key length is 3072" in str(warnings)) == (not silent)
        return
    with pytest.raises(pymysql.MySQLError) as refused:
        described(server, definition)
    assert refused.value.args[0] == error


def test_all_of_a_column_is_no_prefix(server: TestServer) -> None:
    text, _warnings = described(server, "id INT, u VARCHAR(10), KEY k (u(10)), KEY l (u(9))")
    assert "KEY `k` (`u`)" in text and "KEY `l` (`u`(9))" in text


def test_the_character_set_s_own_collation(server: TestServer) -> None:
    """What a server gives without being asked can be had on every version."""
    given = {
        "mariadb": ("character_set_collations", "", "utf8mb4_general_ci"),
        "mysql": ("default_collation_for_utf8mb4", "utf8mb4_0900_ai_ci", "utf8mb4_0900_ai_ci"),
    }
    variable, value, collation = given[server.flavour]
    with server.admin(cursorclass=DictCursor) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW VARIABLES LIKE %s", (variable,))
        if cursor.fetchall():
            cursor.execute(f"SET SESSION {variable} = %s", (value,))
        cursor.execute("CREATE TEMPORARY TABLE mysql.drafted (c CHAR(3)) CHARACTER SET utf8mb4")
        cursor.execute("SHOW FULL COLUMNS FROM mysql.drafted")
        assert cursor.fetchall()[0]["Collation"] == collation


def test_names_of_schemas_where_the_server_tells_case(server: TestServer, schema: str) -> None:
    """MariaDB's SHOW SCHEMAS and IN do not, its SCHEMATA and = do."""
    upper, maria = schema.upper(), server.flavour == "mariadb"
    assert server.rows("SHOW SCHEMAS WHERE `Database` = %s", upper) == (
        [{"Database": schema}] if maria else []
    )
    query = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
    assert server.rows(query, upper) == []
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    query = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA {}"
    assert server.rows(query.format("= %s"), upper) == []
    assert len(server.rows(query.format("IN (%s, 'x')"), upper)) == maria


def test_a_check_is_asked_by_one_flavour(channel: Channel) -> None:
    effect = STOPS if channel.flavour == "mysql" else HARMLESS
    channel.create(f"{ID}, c INT", f"{ID}, c INT, CHECK (c > 5)")
    assert channel.told() == effect
    assert channel.outcome(f"{ID}, c INT", C2) == effect


@pytest.mark.parametrize("computed", [STORED, VIRTUAL])
def test_a_column_that_is_computed_there_alone(channel: Channel, computed: str) -> None:
    """MariaDB 11.8.9 leaves it out of an UPDATE's rows, full image or not; 11.8 did not before."""
    there = f"{ID}, c INT, {computed}"
    channel.create(there, f"{ID}, c INT, g INT")
    updated = CHANGES if channel.line == "mariadb-11.8" else HARMLESS
    assert channel.told() == updated
    assert channel.outcome(there, C2) == HARMLESS
    assert channel.outcome(there, SET_C) == updated


@pytest.mark.parametrize("there", ["c INT, g INT", "c INT, g INT AS (c * 5) STORED"])
def test_a_stored_column_may_be_computed_here(channel: Channel, there: str) -> None:
    channel.create(f"{ID}, {there}", f"{ID}, c INT, {STORED}")
    assert channel.told() == CHANGES
    # Of the lines only one takes the value of the row. That is nothing to rely on.
    takes_the_row = channel.line == "mariadb-10.11"
    rows = [C2, SET_G] if there == "c INT, g INT" else [C2]
    outcome = channel.outcome(f"{ID}, {there}", *rows)
    assert outcome == (HARMLESS if takes_the_row else CHANGES)


def test_a_table_that_is_missing(channel: Channel) -> None:
    definition = f"{ID}, c INT"
    channel.create(definition, definition)
    channel.replica.run(f"DROP TABLE {channel.table}")
    assert channel.told() == STOPS and channel.told_errors == {"1146"}
    assert channel.outcome(definition, C2) == STOPS
    # One that the source lacks brings nothing, and takes nothing away.
    channel.source.run(f"DROP TABLE {channel.table}")
    assert channel.told() == HARMLESS


def test_mysql_has_no_md5_any_more(server: TestServer) -> None:
    """Rows are compared by functions that both have."""
    if server.flavour == "mysql":
        # Without a schema it says that none is chosen to look for a stored function in.
        with (
            server.admin(database="mysql") as connection,
            connection.cursor() as cursor,
            pytest.raises(pymysql.MySQLError) as refused,
        ):
            cursor.execute("SELECT MD5('a')")
        assert refused.value.args[0] == 1305
    else:
        assert server.value("SELECT MD5('a')") == "0cc175b9c0f1b6a831c399e269772661"
    assert server.value("SELECT CRC32('a')") == 0xE8B7BE43
    assert server.value("SELECT LEFT(SHA2('a', 256), 8)") == "ca978112"


def test_the_read_key_does_not_catch_a_duplicate_id(
    channel: Channel, bare: Topology, run_module: Any
) -> None:
    other, table = bare.server("w2"), channel.table
    replica = channel.replica.server
    key = "id BIGINT NOT NULL, at DATETIME NOT NULL, PRIMARY KEY"
    channel.create(f"{key} (id)", f"{key} (id, at)")
    forget_binary_logs(other)
    outside_binary_log(
        other,
        f"CREATE SCHEMA {channel.schema}",
        f"CREATE TABLE {table} ({key} (id))",
    )
    make_account(other)
    try:
        made = run_module(
            MODULE,
            replica,
            channel="other",
            state="started",
            source_host=other.address,
            source_port=other.port,
            source_user=USER,
            source_password=PASSWORD,
        )
        assert "failed" not in made, made
        assert channel.outcome("", "INSERT INTO {} VALUES (1, '2026-01-01')") == HARMLESS
        other.rows(f"INSERT INTO {table} VALUES (1, '2026-01-02')")
        query = f"SELECT id FROM {table} GROUP BY id HAVING COUNT(*) > 1"
        wait_until(lambda: replica.rows(query), 10, "the second row does not arrive")
    finally:
        run_module(MODULE, replica, channel="other", state="absent")
        outside_binary_log(other, f"DROP SCHEMA {channel.schema}", f"DROP USER {USER}")
