"""Which indexes are missing, and what they are expected to cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.usage_indexes import (
    TableSize,
    adding,
    expected_cost,
    match,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.usage_table import (
    READ,
    Column,
    Index,
    TableShape,
    UsageTable,
)

ID = Column("id", "bigint(20) unsigned", "", "NOT NULL", None, False, True)
AT = Column("at", "datetime", "", "NOT NULL", None, False)
WHO = Column("who", "varchar(20)", "", "", "utf8mb4_bin")
SHAPE = TableShape((ID, AT, WHO), ("id", "at"))
TABLE = UsageTable("s", "t", "CREATE TABLE ...", READ, "id", "at")
K, L = Index("k", ("who", "at")), Index("l", ("at",))


def test_indexes_match_by_columns() -> None:
    found = match((K, L), (Index("other", ("WHO", "At")), Index("x", ("who",))))
    assert found.pairs == ((K, Index("other", ("WHO", "At"))),)
    assert found.missing == (L,) and found.others == (Index("x", ("who",)),)
    # Of two that would do, the one of that name; the other is one too many.
    twin = replace(K, name="twin")
    assert match((K,), (twin, K)).others == (twin,)
    assert match((K,), (replace(K, kind="UNIQUE KEY"),)).missing == (K,)


def test_a_name_that_is_taken() -> None:
    taken = match((K,), (Index("K", ("id",)),))
    (problem,) = taken.name_problems()
    assert "KEY k (who, at) cannot be added: KEY K (id) has its name" in problem
    # Also by an index that is another one's match.
    assert len(list(match((K, L), (Index("l", ("who", "at")),)).name_problems())) == 1
    assert list(match((K, L), (Index("x", ("who",)),)).name_problems()) == []


@pytest.mark.parametrize(
    ("type_", "size"),
    [
        ("int(11) unsigned", 4),
        ("date", 3),
        ("datetime", 5),
        ("datetime(6)", 8),
        ("timestamp(3)", 6),
        ("decimal(9,2)", 5),
        ("enum('a','b')", 2),
        ("geometry", 8),
    ],
)
def test_bytes_of_an_entry(type_: str, size: int) -> None:
    shape = replace(SHAPE, columns=(ID, AT, replace(WHO, type=type_)))
    cost = expected_cost(shape, (Index("k", ("who",)),), TableSize(1, 99))
    # Around it, its own column, and the primary key.
    assert cost.index_bytes == 13 + size + 8 + 5


def test_the_cost_of_two_indexes() -> None:
    cost = expected_cost(SHAPE, (K, L), TableSize(800_000, 2**20, {"who": 18.0}))
    # The primary key is in each entry, and once only: `at` is in both indexes.
    assert cost.index_bytes == 800_000 * ((13 + 19 + 5 + 8) + (13 + 5 + 8))
    assert cost.temporary_bytes == cost.index_bytes and cost.seconds == 4.0
    assert str(cost) == (
        "reads 800000 rows (1.0 MiB), takes 54.2 MiB of disk, meanwhile another 54.2 MiB of "
        "temporary files, and about 4.0 s"
    )


def test_the_step() -> None:
    step = adding(TABLE, replace(SHAPE, indexes=(L,)), (K,), TableSize(0, 0))
    assert step.before == {"indexes": ["KEY l (at)"]}
    assert step.after and step.after["indexes"] == ["KEY l (at)", "KEY k (who, at)"]
    assert step.value.indexes == (K,)


INDEXES = st.lists(
    st.builds(
        Index,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([("id",), ("at",), ("who", "at")]),
        st.sampled_from(["KEY", "UNIQUE KEY"]),
    ),
    max_size=5,
)


@given(INDEXES, INDEXES)
def test_with_the_missing_ones_nothing_is_missing(wanted: list[Index], there: list[Index]) -> None:
    found = match(wanted, there)
    assert len(found.pairs) + len(found.missing) == len(wanted)
    assert len(found.pairs) + len(found.others) == len(there)
    assert match(wanted, [*there, *found.missing]).missing == ()
