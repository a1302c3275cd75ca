"""The stored functions say where a key is as the collection's own code does, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.id_bits import (
    IdBits,
    IdParts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import (
    key_hash,
    key_text,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import (
    KINDS,
    Placement,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.sql_functions import (
    FUNCTIONS,
    SQL_MODE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.sql_tables import (
    TABLES,
    PlacementRows,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement
from tests.integration.lines import TestServer

pytestmark = pytest.mark.lines("every")

TOPOLOGY = "calls"
SIGNALLED, DUPLICATE, NO_PARENT, CHECK_FAILS = 1644, 1062, 1452, (3819, 4025)
# By the function, or by the server before it is called.
NOT_ANSWERED = (SIGNALLED, 1406)
SMILE, ACCENT = "\N{GRINNING FACE}", "\N{LATIN SMALL LETTER E WITH ACUTE}"
# Every key that went wrong somewhere else, and some at random.
KEYS: list[Any] = ["", " ", "a", "A", "a ", "a  ", " a", "a\0", "a\n", "\\", "'", "%", "%s", "_"]
KEYS += [ACCENT, "e\N{COMBINING ACUTE ACCENT}", "caf" + ACCENT, SMILE, SMILE * 255, "\u00df", "ss"]
KEYS += [0, "00", 7, "7 ", -5, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 2**64, "1e3", "0x10", "NULL"]
# Their hashes are points of a ring themselves.
KEYS += [f"{shard}/{node}" for shard in (0, 1, 7) for node in range(8)]
_random = random.Random(20)
KEYS += [
    "".join(_random.choice(f"ab 9{ACCENT}{SMILE}\u4e2d") for _place in range(_random.randrange(20)))
    for _number in range(150)
]
KEYS += [_random.randrange(2**63) for _number in range(50)]
IDS: list[Any] = [0, 1, 7 << 46, (7 << 46) + 9, str(7 << 46), (2 << 46) - 1, (1 << 46) + (1 << 36)]
NO_IDS: list[Any] = [
    1 << 62,
    2**63 - 1,
    2**63,
    -1,
    "",
    " ",
    "07",
    "7 ",
    "7\0",
    "7\n",
    "x",
    SMILE * 2,
]
NO_IDS += [3 << 46, "9" * 30, "1e3", "+7"]
SHARDS = {"s0": {"shard_number": 0}, "s1": {"shard_number": 1}, "s7": {"shard_number": 7}}
WEIGHTED = {**SHARDS, "s7": {"shard_number": 7, "weight": 0.3}, "s9": {"shard_number": 2**32 - 1}}
PINS = {"a": "s7", "A": "s1", "a ": "s0", SMILE: "s1", 0: "s7"}
DESCRIBED: dict[str, dict[str, Any]] = {
    "directory": {
        "shards": SHARDS,
        "keys": {key: ("s0", "s1", "s7")[place % 3] for place, key in enumerate(KEYS[::2])},
    },
    "modulo": {"shards": SHARDS, "slots": ["s7", "s0", "s1", "s7"]},
    "ring": {"shards": {**WEIGHTED, "s3": {"shard_number": 3, "weight": 1e-9}}},
    "id_bits": {"shards": SHARDS},
    "pre_sharded": {
        "shards": SHARDS,
        "logical_shards": 100,
        "logical_map": {"s0": ["0-49", 100], "s1": ["50-79"], "s7": ["80-98", 99]},
    },
}
LOGICAL_PINS = {"a": 100, "A": 0, "a ": 99, SMILE: 5, 0: 100}


def placement(kind: str, pins: bool = True) -> Placement:
    described = {"kind": kind, **DESCRIBED[kind]}
    if pins:
        described["pins"] = LOGICAL_PINS if kind == "pre_sharded" else PINS
    return placement_of(described)


class Sql:
    """A connection that leaves the binary log, in a schema of tables and functions."""

    def __init__(self, connection: Any, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    def run(self, *statements: Statement) -> list[int]:
        """Execute statements, and return how many rows each has changed."""
        with self.connection.cursor() as cursor:
            return [cursor.execute(one.sql, one.executed_args) for one in statements]

    def ask(self, function: str, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return what a function says of each row of arguments."""
        answers: list[Any] = []
        for first in range(0, len(rows), 50):
            some = rows[first : first + 50]
            marks = ", ".join(["%s"] * len(some[0]))
            calls = ", ".join([f"{self.schema}.{function}({marks})"] * len(some))
            with self.connection.cursor() as cursor:
                cursor.execute(f"SELECT {calls}", [value for row in some for value in row])
                answers += cursor.fetchone()
        return answers

    def one(self, function: str, *arguments: Any) -> Any:
        return self.ask(function, [arguments])[0]

    def error(self, function: str, *arguments: Any) -> Any:
        """Return the code of the error that a function ends with, with its message."""
        with pytest.raises(pymysql.MySQLError) as error:
            self.one(function, *arguments)
        return error.value.args

    def failure(self, *statements: Statement) -> int:
        """Return the code of the error that statements end with."""
        with pytest.raises(pymysql.MySQLError) as error:
            self.run(*statements)
        return int(error.value.args[0])


@contextmanager
def session(server: TestServer, schema: str) -> Iterator[Sql]:
    with server.admin() as connection:
        sql = Sql(connection, schema)
        sql.run(Statement("SET SESSION sql_log_bin = 0"))
        yield sql


@pytest.fixture
def sql(server: TestServer, schema: str) -> Iterator[Sql]:
    with session(server, schema) as made:
        made.run(SQL_MODE, *(table.create(schema) for table in TABLES))
        made.run(*(function.create(schema, TOPOLOGY) for function in FUNCTIONS))
        yield made


def rows_of(sql: Sql, name: str) -> PlacementRows:
    return PlacementRows(sql.schema, TOPOLOGY, name)


def make(sql: Sql, name: str, *versions: Placement) -> PlacementRows:
    """Write a placement with its versions, the first of which holds."""
    rows = rows_of(sql, name)
    sql.run(rows.create())
    for version, one in enumerate(versions, 1):
        sql.run(*rows.add_version(version, one))
    assert sql.run(rows.hold(1)) == [1]
    return rows


def test_a_ring_has_no_end(sql: Sql) -> None:
    """After the last point comes the first; here they are of different shards."""
    for second in range(2, 100):
        shards = {"s1": {"shard_number": 1}, "other": {"shard_number": second}}
        mine = placement_of({"kind": "ring", "shards": shards})
        owners = mine.rule.points.owners  # type: ignore[attr-defined]
        if owners[min(owners)] != owners[max(owners)]:
            break
    make(sql, "ring", mine)
    key = next(key for key in map(str, range(10**6)) if key_hash(key) > max(owners))
    assert mine.place(key).shard == owners[min(owners)] != owners[max(owners)]
    assert sql.one("shard_number_for_key", "ring", key) == mine.place(key).shard


@pytest.mark.parametrize("names", ["utf8mb4", "latin1"])
def test_a_lookup_reads_few_rows(sql: Sql, names: str) -> None:
    """Arguments in another character set than the column's would read a placement whole."""
    keys = {f"customer_{number}": "s1" for number in range(5000)}
    make(sql, "directory", placement_of({"kind": "directory", "shards": SHARDS, "keys": keys}))
    make(sql, "ring", placement("ring"))
    sql.run(Statement(f"SET NAMES {names}"))

    def rows_read() -> int:
        with sql.connection.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
            return sum(int(count) for _name, count in cursor.fetchall())

    for name in ("directory", "ring"):
        sql.one("shard_number_for_key", name, "customer_4999")
        # The question itself reads some hundreds.
        before, again = rows_read(), rows_read()
        sql.one("shard_number_for_key", name, "customer_4999")
        assert rows_read() - again - (again - before) < 50, name


@pytest.mark.parametrize("names", ["utf8mb4", "latin1", "utf8mb4 COLLATE utf8mb4_unicode_ci"])
def test_the_hash_is_the_same(sql: Sql, server: TestServer, names: str) -> None:
    with session(server, sql.schema) as other:
        other.run(Statement(f"SET NAMES {names}"))
        keys = KEYS
        if names == "latin1":
            # As a client does that speaks it.
            other.connection.encoding = "cp1252"
            keys = [key for key in KEYS if str(key).isascii() or key in (ACCENT, "\u00df")]
        assert ACCENT in keys
        assert other.ask("key_hash", [(key,) for key in keys]) == [key_hash(key) for key in keys]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "id_bits"])
@pytest.mark.parametrize("pins", [False, True], ids=["rule", "pins"])
def test_a_key_is_where_the_code_says(sql: Sql, kind: str, pins: bool) -> None:
    mine = placement(kind, pins)
    make(sql, kind, mine)
    keys = [key for key in KEYS if kind != "directory" or key_text(key) in {*mine.rule.keys}]  # type: ignore[attr-defined]
    keys += list(PINS) if pins else []
    places = [mine.place(key) for key in keys]
    asked = [(kind, key) for key in keys]
    assert sql.ask("shard_number_for_key", asked) == [place.shard for place in places]
    assert len({place.shard for place in places}) >= 3
    in_version = [(kind, 1, key) for key in keys]
    assert sql.ask("shard_number_in_version", in_version) == [place.shard for place in places]
    if kind == "pre_sharded":
        logical = [place.logical_shard for place in places]
        assert sql.ask("logical_shard_for_key", asked) == logical
        assert sql.ask("logical_shard_in_version", in_version) == logical


def test_shards_in_ids(sql: Sql) -> None:
    mine = placement("id_bits")
    make(sql, "id_bits", mine)
    for key in [*IDS, *PINS]:
        assert sql.one("shard_number_for_key", "id_bits", key) == mine.place(key).shard, key
    for key in NO_IDS:
        with pytest.raises(Refused):
            mine.place(key)
        assert sql.error("shard_number_for_key", "id_bits", key)[0] == SIGNALLED, ascii(key)
    bits = IdBits()
    for id_ in [*map(int, IDS), 241294492511762325, (1 << 62) - 1]:
        parts = bits.split(id_)
        found = [
            sql.one(f"id_{part}", "id_bits", id_) for part in ("shard_number", "type", "local")
        ]
        assert found == [parts.shard, parts.type, parts.local], id_
    for parts in (IdParts(7, 1023, (1 << 36) - 1), IdParts(0, 0, 0), IdParts(1, 5, 7075733)):
        made = sql.one("id_of_parts", "id_bits", parts.shard, parts.type, parts.local)
        assert made == bits.make(parts)
    for wrong in (
        (3, 0, 0),
        (7, 1024, 0),
        (7, 0, 1 << 36),
        (None, 0, 0),
        (7, None, 0),
        (7, 0, None),
    ):
        assert sql.error("id_of_parts", "id_bits", *wrong)[0] == SIGNALLED, wrong
    for id_ in (1 << 62, 2**63, None, "07"):
        assert sql.error("id_type", "id_bits", id_)[0] == SIGNALLED
    assert "There is no placement nowhere with shards in ids." in sql.error(
        "id_local", "nowhere", 1
    )


def test_what_is_unknown_is_an_error(sql: Sql) -> None:
    make(sql, "directory", placement("directory"))
    missing = "a key that has no row"
    assert sql.error("shard_number_for_key", "directory", missing) == (
        SIGNALLED,
        "Placement directory, version 1, has no shard for this key.",
    )
    assert sql.error("shard_number_for_key", "Directory", "a") == (
        SIGNALLED,
        "There is no placement Directory.",
    )
    assert sql.error("shard_number_for_key", "x" * 64, "a")[0] == SIGNALLED
    assert sql.error("shard_number_for_key", None, "a")[0] == SIGNALLED
    assert sql.error("shard_number_for_key", "directory", None) == (SIGNALLED, "The key is NULL.")
    assert sql.error("shard_number_in_version", "directory", 2, "a") == (
        SIGNALLED,
        "Placement directory has no version 2.",
    )
    assert sql.error("logical_shard_for_key", "directory", "a") == (
        SIGNALLED,
        "Placement directory has no version 1 with logical shards.",
    )


def test_a_session_that_is_not_strict_is_answered_alike(sql: Sql) -> None:
    """Servers cut its arguments off, and read -1 as 0: another key, another id."""
    directory = {"kind": "directory", "shards": SHARDS, "keys": {"a" * 255: "s1"}}
    make(sql, "d" * 64, placement_of(directory))
    make(sql, "id_bits", placement("id_bits"))
    for mode in ("STRICT_ALL_TABLES", ""):
        sql.run(Statement("SET SESSION sql_mode = %s", (mode,)))
        assert sql.one("shard_number_for_key", "d" * 64, "a" * 255) == 1
        for key in ("a" * 256, "a" * 255 + " ", "a" * 300, SMILE * 300):
            assert sql.error("key_hash", key)[0] in NOT_ANSWERED
            assert sql.error("shard_number_for_key", "d" * 64, key)[0] in NOT_ANSWERED
            assert sql.error("logical_shard_for_key", "d" * 64, key)[0] in NOT_ANSWERED
            assert sql.error("placement_version_for_key", "d" * 64, key)[0] in NOT_ANSWERED
        assert sql.error("shard_number_for_key", "d" * 65, "a" * 255)[0] in NOT_ANSWERED
        assert sql.error("shard_number_for_key", "d" * 99, "a" * 255)[0] in NOT_ANSWERED
        for id_ in (-1, "x", "", "1x", 2**64, "9" * 300, 1.5):
            assert sql.error("id_shard_number", "id_bits", id_)[0] in NOT_ANSWERED, id_
            assert sql.error("shard_number_for_key", "id_bits", id_)[0] in NOT_ANSWERED, id_
            assert sql.error("id_of_parts", "id_bits", id_, 1, 1)[0] in NOT_ANSWERED, id_
            assert sql.error("id_of_parts", "id_bits", 1, id_, 1)[0] in NOT_ANSWERED, id_
            assert sql.error("id_of_parts", "id_bits", 1, 1, id_)[0] in NOT_ANSWERED, id_


def test_topologies_share_nothing(sql: Sql) -> None:
    other = PlacementRows(sql.schema, "statistics", "theirs")
    sql.run(other.create(), *other.add_version(1, placement("ring")), other.hold(1))
    assert "There is no placement theirs." in sql.error("shard_number_for_key", "theirs", "a")


def test_a_change_moves_keys_one_by_one(sql: Sql) -> None:
    old, new = placement("ring"), placement("modulo")
    keys = [key for key in dict.fromkeys(map(key_text, KEYS)) if old.place(key) != new.place(key)]
    assert len(keys) > 50
    rows = make(sql, "p", old, new)

    def shards(*of: Any) -> list[Any]:
        return sql.ask("shard_number_for_key", [("p", key) for key in of])

    before = [old.place(key).shard for key in keys]
    assert shards(*keys) == before
    assert sql.run(rows.moved(keys[0])) == [0], "no change is in progress"
    assert sql.run(rows.begin_change(2)) == [1]
    assert shards(*keys) == before
    for key in keys[:20]:
        assert sql.run(rows.moved(key)) == [1]
    assert sql.failure(rows.moved(keys[0])) == DUPLICATE
    after = [new.place(key).shard for key in keys]
    assert shards(*keys) == after[:20] + before[20:]
    versions = sql.ask("placement_version_for_key", [("p", key) for key in keys])
    assert versions == [2] * 20 + [1] * (len(keys) - 20)
    assert sql.run(rows.abandon_change(2)) == [0], "keys have moved"
    sql.run(Statement("START TRANSACTION"))
    assert sql.run(*rows.finish_change(2)) == [1, 1, 20]
    sql.run(Statement("COMMIT"))
    assert shards(*keys) == after
    assert sql.run(*rows.forget_version(1))[-1] == 1
    assert shards(*keys) == after


def test_a_change_is_taken_back_and_a_version_is_forgotten(sql: Sql) -> None:
    rows = make(sql, "p", placement("ring"), placement("pre_sharded"), placement("directory"))
    assert sql.run(rows.begin_change(2), rows.abandon_change(2)) == [1, 1]
    assert sql.run(*rows.forget_version(2))[-1] == 1
    assert sql.run(*rows.forget_version(3))[-1] == 1
    assert sql.one("shard_number_for_key", "p", "a") == 7
    sql.run(Statement("START TRANSACTION"))
    assert sql.run(*rows.forget_version(1))[-1] == 0, "it holds"
    sql.run(Statement("ROLLBACK"))
    assert sql.one("shard_number_for_key", "p", "b") == placement("ring").place("b").shard


def test_bad_states_are_impossible(sql: Sql) -> None:
    rows = make(sql, "p", placement("ring"), placement("modulo"), placement("pre_sharded"))
    assert sql.run(rows.begin_change(2)) == [1]
    assert sql.failure(rows.begin_change(3)) == DUPLICATE
    assert sql.failure(rows.hold(3)) == DUPLICATE
    version = f"INSERT INTO {sql.schema}.placement_version (topology, placement, version, "
    known = "VALUES ('calls', 'p', "
    for columns, values in (
        ("kind) ", "9, 'rings')"),
        ("kind, role) ", "9, 'ring', 'both')"),
        ("kind) ", "0, 'ring')"),
        ("kind) ", "9, 'modulo')"),
        ("kind, slots) ", "9, 'modulo', 0)"),
        ("kind, slots) ", "9, 'ring', 4)"),
        ("kind) ", "9, 'pre_sharded')"),
        ("kind, logical_shards) ", "9, 'ring', 4)"),
        ("kind, shard_bits, type_bits) ", "9, 'id_bits', 16, 10)"),
        ("kind, shard_bits, type_bits, local_bits) ", "9, 'id_bits', 16, 10, 38)"),
        ("kind, shard_bits, type_bits, local_bits) ", "9, 'id_bits', 0, 10, 36)"),
    ):
        assert sql.failure(Statement(version + columns + known + values)) in CHECK_FAILS, values
    pin = f"INSERT INTO {sql.schema}.placement_pin VALUES ('calls', 'p', 3, 'new', "
    assert sql.failure(Statement(pin + "NULL, NULL)")) in CHECK_FAILS
    assert sql.failure(Statement(pin + "1, 1)")) in CHECK_FAILS
    assert sql.failure(Statement(pin + "5, NULL)")) == NO_PARENT
    assert sql.failure(Statement(pin + "NULL, 101)")) == NO_PARENT
    key = f"INSERT INTO {sql.schema}.placement_slot VALUES ('calls', 'p', 2, 9, 5)"
    assert sql.failure(Statement(key)) == NO_PARENT


def test_a_locked_definer_is_enough(sql: Sql, server: TestServer) -> None:
    """Who only may execute reads no table; the definer needs what it calls."""
    owner, reader = f"{sql.schema}_o", f"{sql.schema}_r"
    make(sql, "ring", placement("ring"))
    try:
        for user in (owner, reader):
            sql.run(Statement("CREATE USER %s@'%%' IDENTIFIED BY 'Secret-1'", (user,)))
        sql.run(
            Statement(f"GRANT SELECT, EXECUTE ON {sql.schema}.* TO %s@'%%'", (owner,)),
            Statement(f"GRANT EXECUTE ON {sql.schema}.* TO %s@'%%'", (reader,)),
            Statement("ALTER USER %s@'%%' ACCOUNT LOCK", (owner,)),
        )
        for function in FUNCTIONS:
            definer = (owner, "%")
            sql.run(function.drop(sql.schema), function.create(sql.schema, TOPOLOGY, definer))
        with server.login(reader, "Secret-1", charset="utf8mb4") as connection:
            theirs = Sql(connection, sql.schema)
            expected = placement("ring").place("b").shard
            assert theirs.one("shard_number_for_key", "ring", "b") == expected
            with pytest.raises(pymysql.MySQLError):
                theirs.run(Statement(f"SELECT * FROM {sql.schema}.placement"))
    finally:
        for user in (owner, reader):
            sql.run(Statement("DROP USER IF EXISTS %s@'%%'", (user,)))
