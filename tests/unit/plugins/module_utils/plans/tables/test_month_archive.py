"""Names of archives, and what stands against them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.month_archive import (
    Archive,
    Found,
    archive_of,
    archive_problems,
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
        (
            "old",
            "gives every partition's archive the same name; put {month} or {partition} into it",
        ),
        ("{table}", "gives every partition's archive the same name"),
        ("{}{month}", "something other than table, month or partition"),
        ("{month}{", "something other than table, month or partition"),
        ("{month.year}", "something other than table, month or partition"),
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
        assert "partition two cannot be archived into s.y: a different table of that name" in else_
        assert "which has column a in place of column b. Rename it" in else_


AT = Column("at", "datetime", "datetime NOT NULL COMMENT 'c'", nullable=False)
LOWER = Column("n", "varchar(9)", "varchar(9)", collation="utf8mb4_bin", generated="lower(`m`)")
SHAPE = TableShape((AT, LOWER), ("n", "at"), (Index("k", ("n",)),), options=(("ENGINE", "InnoDB"),))
AT_TEXT, LOWER_TEXT = (
    "column at datetime NOT NULL",
    "column n varchar(9) utf8mb4_bin NULL AS (lower(`m`))",
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"options": (("ENGINE", "MyISAM"),)}, "engine MyISAM in place of engine InnoDB"),
        ({"columns": (LOWER, AT)}, f"{LOWER_TEXT} in place of {AT_TEXT}"),
        (
            {"columns": (replace(AT, nullable=True), LOWER)},
            f"column at datetime NULL in place of {AT_TEXT}",
        ),
        (
            {"columns": (AT, replace(LOWER, generated=None))},
            f"column n varchar(9) utf8mb4_bin NULL in place of {LOWER_TEXT}",
        ),
        (
            {"columns": (AT, replace(LOWER, collation="ascii_bin"))},
            f"column n varchar(9) ascii_bin NULL AS (lower(`m`)) in place of {LOWER_TEXT}",
        ),
        (
            {"columns": (AT, replace(LOWER, name="N"))},
            f"column N varchar(9) utf8mb4_bin NULL AS (lower(`m`)) in place of {LOWER_TEXT}",
        ),
    ],
)
def test_an_archive_of_other_columns(changed: dict[str, Any], said: str) -> None:
    for columns_only in (True, False):
        assert difference(SHAPE, replace(SHAPE, **changed), columns_only) == said


def test_an_archive_of_more_or_fewer_columns() -> None:
    fewer = replace(SHAPE, columns=(AT,))
    assert difference(SHAPE, fewer, True) == f"nothing more in place of {LOWER_TEXT}"
    assert difference(SHAPE, fewer, False) == f"PRIMARY KEY (n, at) in place of {LOWER_TEXT}"
    assert difference(fewer, SHAPE, True) == f"{LOWER_TEXT} in place of nothing more"
    assert difference(fewer, SHAPE, False) == f"{LOWER_TEXT} in place of PRIMARY KEY (n, at)"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"columns": (replace(AT, definition="datetime NOT NULL", attributes="x"), LOWER)}, None),
        ({"options": (("ENGINE", "InnoDB"), ("COMMENT", "c"))}, None),
        ({"primary_key": ("n",)}, "PRIMARY KEY (n) in place of PRIMARY KEY (n, at)"),
        ({"indexes": ()}, "nothing more in place of KEY k (n)"),
        ({"indexes": (Index("l", ("n",)),)}, "KEY l (n) in place of KEY k (n)"),
        ({"indexes": (*SHAPE.indexes, Index("l", ("n",)))}, "KEY l (n) in place of nothing more"),
    ],
)
def test_an_archive_of_other_keys(changed: dict[str, Any], said: str | None) -> None:
    other = replace(SHAPE, **changed)
    assert difference(SHAPE, other, columns_only=False) == said
    assert difference(SHAPE, other, columns_only=True) is None
