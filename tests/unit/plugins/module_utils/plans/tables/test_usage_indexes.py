"""Which indexes are missing, and what they are expected to cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_indexes import (
    DraftedIndex,
    TableSize,
    adding,
    expected_cost,
    match,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
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
    # A prefix and an order are part of an index.
    for extras in (("(3)", ""), ("", " DESC")):
        other = replace(K, extras=extras)
        assert match((K,), (other,)).missing == (K,) and match((other,), (other,)).missing == ()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["url(100)", "at"], Index("i", ("url", "at"), "KEY", ("(100)", ""))),
        ([" url ( 0100 ) desc"], Index("i", ("url",), "KEY", ("(100) DESC",))),
        (["at DESC", "who ASC"], Index("i", ("at", "who"), "KEY", (" DESC", ""))),
        (["`a``b(1)`(2)", "`x` DESC"], Index("i", ("a`b(1)", "x"), "KEY", ("(2)", " DESC"))),
        (["odd` %s name", "desc", "a(b)"], Index("i", ("odd` %s name", "desc", "a(b)"))),
        ([""], Index("i", ("",))),
    ],
)
def test_columns_of_an_index_as_a_person_writes_them(columns: list[str], expected: Index) -> None:
    assert Index.parse("i", columns, False) == expected
    assert Index.parse("i", columns, True) == replace(expected, kind="UNIQUE KEY")


URL = Index("k", ("url", "at"))


def with_prefix(extra: str) -> Index:
    return replace(URL, extras=(extra, ""))


@pytest.mark.parametrize(
    ("drafted", "as_asked"),
    [
        (DraftedIndex(URL, URL), True),
        # All of a column is no prefix.
        (DraftedIndex(with_prefix("(20)"), URL), True),
        (DraftedIndex(with_prefix("(20) DESC"), with_prefix(" DESC")), True),
        (DraftedIndex(with_prefix(" DESC"), URL), False),
        (DraftedIndex(with_prefix("(20) DESC"), URL), False),
        (DraftedIndex(URL, with_prefix("(20)")), False),
        (DraftedIndex(with_prefix("(30)"), with_prefix("(20)")), False),
        (DraftedIndex(URL, replace(URL, hashed=True)), False),
        (DraftedIndex(URL, None), False),
    ],
)
def test_an_index_is_made_as_it_was_asked_for(drafted: DraftedIndex, as_asked: bool) -> None:
    assert drafted.as_asked == as_asked


@pytest.mark.parametrize(
    ("drafted", "said"),
    [
        (
            DraftedIndex(URL, None, "error 1170: without a key length", with_prefix("(768)")),
            "indexes: KEY k (url, at) is not accepted by this server (error 1170: without a key "
            "length); write columns: [url(768), at], the longest prefix that it accepts.",
        ),
        (
            DraftedIndex(URL, with_prefix("(768)"), "too long", with_prefix("(768)")),
            "indexes: KEY k (url, at) is created by this server as KEY k (url(768), at), which "
            "a later run would not recognise (too long); write columns: [url(768), at], the "
            "longest prefix that it accepts.",
        ),
        (
            DraftedIndex(URL, replace(URL, hashed=True)),
            "indexes: KEY k (url, at) is a hash index on this server, which cannot sort and cannot "
            "be added to an existing table; leave the index out, or name other columns.",
        ),
    ],
)
def test_what_is_said_of_an_index_that_is_not(drafted: DraftedIndex, said: str) -> None:
    assert drafted.problem == said


def test_a_name_that_is_taken() -> None:
    taken = match((K,), (Index("K", ("id",)),))
    (problem,) = taken.name_problems()
    assert "KEY k (who, at) cannot be added: KEY K (id) already has its name" in problem
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
