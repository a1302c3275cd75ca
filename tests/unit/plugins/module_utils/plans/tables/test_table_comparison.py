"""How two tables differ, whatever comes of it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.table_comparison import (
    ATTRIBUTES,
    CHARACTER_SET,
    COLLATION,
    GENERATED,
    NAME,
    NULL,
    NUMBERING,
    TYPE,
    ColumnPair,
    TableComparison,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    Check,
    Column,
    Index,
    TableShape,
)

COLUMNS = [Column(name, "int", "int") for name in ("a", "b", "c", "d")]
TEXT = Column("t", "varchar(9)", "varchar(9)", "", "utf8mb4_bin")


def test_what_columns_differ_in() -> None:
    other = Column("T", "int", "int", "x", "ascii_bin", False, True, generated="1")
    assert ColumnPair(TEXT, other).differs == {
        NAME: ("t", "T"),
        TYPE: ("varchar(9)", "int"),
        CHARACTER_SET: ("utf8mb4", "ascii"),
        COLLATION: ("utf8mb4_bin", "ascii_bin"),
        NULL: ("NULL", "NOT NULL"),
        GENERATED: (None, "1"),
        ATTRIBUTES: ("", "x"),
        NUMBERING: (None, "AUTO_INCREMENT"),
    }
    # The definition is what all of them make together, and a length in bytes follows from them.
    assert not ColumnPair(TEXT, replace(TEXT, definition="text", octets=36)).differs
    assert not ColumnPair(TEXT, None).differs
    assert not ColumnPair(None, TEXT).differs


@given(st.permutations(COLUMNS), st.permutations(COLUMNS), st.integers(0, 4), st.integers(0, 4))
def test_pairs(one: list[Column], other: list[Column], left: int, right: int) -> None:
    one, other = one[left:], other[right:]
    compared = TableComparison(TableShape(tuple(one), ()), TableShape(tuple(other), ()))
    for pairs in (list(compared.by_name()), list(compared.by_position())):
        assert [pair.one for pair in pairs if pair.one] == one
        assert {pair.other.name for pair in pairs if pair.other} == {c.name for c in other}
    assert all(p.one is p.other for p in compared.by_name() if p.one and p.other)
    assert all(p.one and p.other for p in list(compared.by_position())[: min(len(one), len(other))])
    common = [[c.name for c in two if c in one and c in other] for two in (one, other)]
    assert compared.order == (None if common[0] == common[1] else tuple(common))


def test_keys_checks_and_options() -> None:
    one = TableShape(
        (TEXT,),
        ("t",),
        (Index("k", ("t",)), Index("l", ("t", "u"))),
        (Check("x", "(`t` > 'b')"), Check("y", "(`t` > 'a')")),
        (("ENGINE", "InnoDB"), ("COMMENT", "c")),
    )
    other = replace(
        one,
        indexes=(Index("m", ("T",)), Index("n", ("u",))),
        checks=(Check("z", "(_latin1'b')", "(`t` > 'b')"), Check("y", "(`t` > 'c')")),
        options=(("ROW_FORMAT", "COMPACT"), ("ENGINE", "InnoDB")),
    )
    compared = TableComparison(one, other)
    assert compared.indexes.pairs == ((one.indexes[0], other.indexes[0]),)
    assert compared.indexes.missing == one.indexes[1:]
    assert compared.indexes.others == other.indexes[1:]
    assert compared.checks == (["(`t` > 'a')"], ["(`t` > 'c')"])
    assert compared.options == {"COMMENT": ("c", None), "ROW_FORMAT": (None, "COMPACT")}
