"""Names of archives, and what stands against them."""

from __future__ import annotations

from datetime import datetime

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.month_archive import (
    Archive,
    Found,
    archive_of,
    archive_problems,
    description,
    difference,
    pattern_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    RANGE_COLUMNS,
    Partition,
    PartitionedTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    Column,
    Index,
    TableShape,
)

TABLE = PartitionedTable("s", "calls", "at", RANGE_COLUMNS, ())


@pytest.mark.parametrize("pattern", ["{table}_{month}", "old_{partition}", "{month}", "x{{{month}"])
def test_patterns(pattern: str) -> None:
    assert pattern_problems(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("old", "gives every partition's archive one name; put {month} or {partition} into it"),
        ("{table}", "gives every partition's archive one name"),
        ("{}{month}", "something else than table, month or partition"),
        ("{month}{", "something else than table, month or partition"),
        ("{month.year}", "something else than table, month or partition"),
    ],
)
def test_patterns_that_are_wrong(pattern: str, said: str) -> None:
    (problem,) = pattern_problems(pattern)
    assert f"archive_table {pattern}" in problem and said in problem


@pytest.mark.parametrize(
    ("below", "name"),
    [
        (datetime(2013, 11, 1), "calls_2013m10"),
        (datetime(2013, 11, 2), "calls_2013m11"),
        (None, "calls_9999m12"),
    ],
)
def test_names(below: datetime | None, name: str) -> None:
    archive = archive_of("{table}_{month}", None, TABLE, Partition("p", below))
    assert archive == Archive("p", "s", name)
    other = archive_of("{partition}", "old", TABLE, Partition("p", below))
    assert str(other) == "old.p"


def test_problems() -> None:
    one, two = Partition("one", None, counted=3), Partition("two", None, counted=0)

    def problems(*archives: Archive) -> list[str]:
        return [str(found) for found in archive_problems(TABLE, [one, two], archives)]

    free = Archive("one", "s", "x")
    assert problems(free, Archive("two", "s", "y")) == []
    assert problems(free, Archive("two", "other", "x")) == []
    (same,) = problems(free, Archive("two", "s", "X"))
    assert "partitions one and two would both be archived into s.X" in same
    (long,) = problems(free, Archive("two", "s", "y" * 65))
    assert "has 65 characters; a table's can have 64" in long
    # The exchange was done, and only the empty partition is left to drop.
    assert problems(free, Archive("two", "s", "y", Found(has_rows=True))) == []
    assert problems(Archive("one", "s", "x", Found(False)), Archive("two", "s", "y")) == []
    (taken,) = problems(Archive("one", "s", "x", Found(True)), Archive("two", "s", "y"))
    assert "s.calls: partition one holds rows" in taken and "s.x, which holds rows" in taken
    for rows in (True, False):
        other = Archive("two", "s", "y", Found(rows, difference="column a in place of column b"))
        (else_,) = problems(free, other)
        assert "partition two cannot be archived into s.y: there is something else" in else_
        assert "which has column a in place of column b. Rename it" in else_


def test_a_description() -> None:
    column = Column("at", "datetime", "datetime NOT NULL COMMENT 'c'", nullable=False)
    name = Column("n", "varchar(9)", "varchar(9)", collation="utf8mb4_bin", generated="lower(`m`)")
    table = TableShape(
        (column, name), ("n", "at"), (Index("k", ("n",)),), options=(("ENGINE", "InnoDB"),)
    )
    columns = [
        "engine InnoDB",
        "column at datetime NOT NULL",
        "column n varchar(9) utf8mb4_bin NULL AS (lower(`m`))",
    ]
    assert description(table, columns_only=True) == columns
    assert description(table, columns_only=False) == [
        *columns,
        "PRIMARY KEY (n, at)",
        "KEY k (n)",
    ]


def test_differences() -> None:
    assert difference(["a", "b"], ["a", "b"]) is None
    assert difference(["a", "b"], ["a", "c"]) == "c in place of b"
    assert difference(["a"], ["a", "c"]) == "c in place of nothing more"
    assert difference(["a", "b"], ["a"]) == "nothing more in place of b"
