"""The statements of tables, rows and functions; what they do is tested on real servers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements import (
    sql_functions,
    sql_tables,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.sql_functions import (
    FUNCTIONS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.sql_tables import (
    TABLES,
    PlacementRows,
    Table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

ROWS = PlacementRows("fabric", "calls", "customers")
SHARDS = {"s1": {"shard_number": 1}, "s2": {"shard_number": 2}}


def inserted(statements: list[Statement]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows by table, without what each begins with."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for one in statements:
        match = re.match(r"INSERT INTO `fabric`\.(\w+) \(([^)]*)\) VALUES ", one.sql)
        assert match
        width = len(match[2].split(", "))
        rows = [one.args[place : place + width] for place in range(0, len(one.args), width)]
        assert {row[:2] for row in rows} == {("calls", "customers")}
        found.setdefault(match[1], []).extend(row[2:] for row in rows)
    return found


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_part_of_a_placement(table: Table) -> None:
    assert table.name in (sql_tables.__doc__ or "")
    assert list(table.columns)[:2] == ["topology", "placement"]
    made = [one.name for one in TABLES[: TABLES.index(table)]]
    assert set(table.parents) <= set(made)
    for parent, columns in table.parents.items():
        (key,) = [one.primary_key for one in TABLES if one.name == parent]
        assert tuple(columns) == tuple(key)
    sql = table.create("fab`ric").sql
    assert sql.startswith(
        f"CREATE TABLE IF NOT EXISTS `fab``ric`.`{table.name}` (\n  `topology` VARCHAR(64)"
    )
    assert "ON DELETE" not in sql and "ON UPDATE" not in sql


def test_the_names_of_constraints_are_there_once() -> None:
    names = re.findall(r"CONSTRAINT `(\w+)`", " ".join(one.create("fabric").sql for one in TABLES))
    assert len(names) == len(set(names)) > 10


def test_the_rows_of_each_kind() -> None:
    pins = {"pins": {"hot": "s2", 7: "s1"}}
    ring = {"kind": "ring", "shards": {**SHARDS, "s3": {"shard_number": 3, "weight": 0.5}}}
    found = inserted(ROWS.add_version(4, placement_of({**ring, **pins})))
    assert found["placement_version"] == [(4, "ring", None, None, None, None, None)]
    assert found["placement_shard"] == [(4, 1, 1.0), (4, 2, 1.0), (4, 3, 0.5)]
    assert found["placement_pin"] == [(4, b"hot", 2), (4, b"7", 1)]
    owners = placement_of(ring).rule.points.owners  # type: ignore[attr-defined]
    assert found["placement_point"] == [(4, point, shard) for point, shard in owners.items()]
    assert len(owners) == 5120

    found = inserted(ROWS.add_version(1, placement_of({"kind": "modulo", "shards": SHARDS})))
    assert found["placement_version"] == [(1, "modulo", 2, None, None, None, None)]
    assert found["placement_slot"] == [(1, 0, 1), (1, 1, 2)]
    assert "placement_pin" not in found

    found = inserted(ROWS.add_version(1, placement_of({"kind": "id_bits", "shards": SHARDS})))
    assert found["placement_version"] == [(1, "id_bits", None, None, 16, 10, 36)]

    keys = {"kind": "directory", "shards": SHARDS, "keys": {"caf\xe9": "s1", 5: "s2"}}
    found = inserted(ROWS.add_version(1, placement_of(keys)))
    assert found["placement_key"] == [(1, b"caf\xc3\xa9", 1), (1, b"5", 2)]
    assert set(found) == {"placement_version", "placement_shard", "placement_key"}

    mapped = {
        "kind": "pre_sharded",
        "shards": SHARDS,
        "logical_shards": 2,
        "logical_map": {"s1": [1], "s2": [0, 9]},
        "pins": {"hot": 9},
    }
    statements = ROWS.add_version(1, placement_of(mapped))
    found = inserted(statements)
    assert found["placement_version"] == [(1, "pre_sharded", None, 2, None, None, None)]
    assert found["placement_logical_shard"] == [(1, 0, 2), (1, 1, 1), (1, 9, 2)]
    assert found["placement_pin"] == [(1, b"hot", 9)]
    assert "key_text, logical_shard)" in statements[-1].sql


def test_what_a_change_executes() -> None:
    assert ROWS.create().args == ("calls", "customers")
    assert ROWS.hold(1).args == ("current", "calls", "customers", 1)
    assert ROWS.begin_change(2).args == ("next", "calls", "customers", 2)
    assert ROWS.moved(7).args == (b"7", "calls", "customers")
    assert [one.args for one in ROWS.finish_change(2)] == [
        ("calls", "customers"),
        ("calls", "customers", 2),
        ("calls", "customers", 2),
    ]
    assert ROWS.abandon_change(2).args == ("calls", "customers", 2) * 2
    forgotten = ROWS.forget_version(1)
    assert {one.args for one in forgotten} == {("calls", "customers", 1)}
    # No table is left out, and children go first.
    assert (
        [re.search(r"\.(\w+)", one.sql)[1] for one in forgotten]
        == [  # type: ignore[index]
            table.name for table in reversed(TABLES[1:])
        ]
    )


def test_functions_call_only_those_before_them() -> None:
    made: list[str] = []
    for function in FUNCTIONS:
        called = set(re.findall(r"\$schema\.(\w+)\(", function.body))
        assert called <= {*made}, function.name
        made.append(function.name)
        assert function.name in (sql_functions.__doc__ or "")


def test_a_functions_statement() -> None:
    by_name = {function.name: function for function in FUNCTIONS}
    pure = by_name["key_hash"].create("fab`ric", "calls")
    assert pure.args == () and pure.sql.startswith(
        "CREATE FUNCTION `fab``ric`.`key_hash`(wanted_key"
    )
    assert "RETURNS BIGINT UNSIGNED DETERMINISTIC NO SQL SQL SECURITY INVOKER" in pure.sql
    reading = by_name["id_type"].create("fabric", "calls", ("owner", "local%host"))
    assert reading.args == ("calls",)
    assert reading.shown.startswith("CREATE DEFINER = `owner`@`local%host` FUNCTION `fabric`.`id_")
    assert "READS SQL DATA SQL SECURITY DEFINER" in reading.sql
    for function in FUNCTIONS:
        assert "$" not in function.create("fabric", "calls").sql
        assert function.drop("fabric").sql == f"DROP FUNCTION IF EXISTS `fabric`.`{function.name}`"


def test_no_message_is_too_long() -> None:
    """A message has 128 characters, and a longer one is another error."""
    for function in FUNCTIONS:
        for text in re.findall(r"MESSAGE_TEXT = '([^']*)'", function.create("f", "t").sql):
            assert len(text) <= 128
        for words in re.findall(r"said = CONCAT\(([^;]*)\);", function.create("f", "t").sql):
            # A placement has 65 characters, a version 10, and a number in an id 19.
            fixed = sum(len(text) for text in re.findall(r"'([^']*)'", words) if text != "NULL")
            rest = re.sub(r"'[^']*'", "", words)
            assert fixed + 65 + 10 * rest.count("version") + 19 * rest.count("of_shard") <= 128
