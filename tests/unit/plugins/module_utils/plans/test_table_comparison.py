"""What a channel makes of differences; that it is true is tested with real channels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.table_comparison import (
    CHANGES,
    HARMLESS,
    STOPS,
    compare,
    row_layout,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.usage_table import (
    Check,
    Column,
    Index,
    TableShape,
)

ID = Column("Id", "bigint", "bigint NOT NULL", "NOT NULL", None, False, True)
AT = Column("At", "datetime", "datetime NOT NULL", "NOT NULL", None, False)
WHO = Column("Who", "varchar(5)", "varchar(5)", "", "utf8mb4_bin", octets=20)
SOURCE = TableShape((ID, AT, WHO), ("Id",), options=(("ENGINE", "InnoDB"),))
# The read shape of the same table: nothing that a channel minds.
HERE = replace(SOURCE, primary_key=("Id", "At"), indexes=(Index("k", ("Who",)),), partitioned=True)


def told(
    source: TableShape | None, here: TableShape | None, enforces_checks: bool = False
) -> list[tuple[str | None, str, str]]:
    found = compare(source, here, enforces_checks)
    assert all(str(one).count(";") == 1 for one in found)
    return [(one.column, one.what, one.effect) for one in found]


def column(type_: str, collation: str | None = None, octets: int | None = None) -> Column:
    return Column("c", type_, type_, "", collation, octets=octets)


def of_columns(there: Column, here: Column) -> list[tuple[str, str]]:
    found = compare(TableShape((there,), ()), TableShape((here,), ()), False)
    return [(one.what, one.effect) for one in found]


def test_the_two_shapes_of_a_table_do_not_differ() -> None:
    assert told(SOURCE, HERE) == told(SOURCE, SOURCE) == told(None, None) == []


def test_a_table_that_is_missing() -> None:
    assert told(SOURCE, None) == [(None, "table", STOPS)]
    assert told(None, HERE) == [(None, "table", HARMLESS)]
    assert [one.harmless for one in compare(SOURCE, None, False)] == [False]


@pytest.mark.parametrize(
    ("there", "here", "expected"),
    [
        ("int", "bigint", [("type", STOPS)]),
        ("int(11)", "int", [("type", HARMLESS)]),
        ("int", "int unsigned", [("type", CHANGES)]),
        ("year", "year(4)", [("type", HARMLESS)]),
        ("decimal(5,2)", "decimal(5,2) unsigned", [("type", HARMLESS)]),
        ("decimal(5,2)", "decimal(5,3)", [("type", STOPS)]),
        ("double", "double(7,2)", [("type", CHANGES)]),
        ("double(7,2)", "double", [("type", HARMLESS)]),
        ("float(7,2) unsigned", "float(7,2)", [("type", HARMLESS)]),
        ("float", "double", [("type", STOPS)]),
        ("datetime", "datetime(6)", [("time precision", STOPS)]),
        ("datetime", "timestamp", [("type", STOPS)]),
        ("datetime", "datetime /* mariadb-5.3 */", [("time precision", STOPS)]),
        ("enum('a','b')", "enum('a','b','c')", [("type", HARMLESS)]),
        ("enum('a','b')", "enum('b','a')", [("type", CHANGES)]),
        ("enum('a')", "set('a')", [("type", STOPS)]),
        ("set('a')", "set('a','b')", [("type", HARMLESS)]),
        ("set('a')", "set('a','/* */','3','4','5','6','7','8','9')", [("type", STOPS)]),
        ("bit(3)", "bit(4)", [("type", STOPS)]),
        ("text", "mediumtext", [("type", STOPS)]),
        ("text", "text /*M!100301 COMPRESSED*/", [("type", STOPS)]),
        ("point", "geometry", [("type", HARMLESS)]),
        ("point", "polygon", [("type", CHANGES)]),
        ("uuid", "inet6", [("type", CHANGES)]),
        ("json", "longtext", [("type", STOPS)]),
        ("vector(3)", "vector(4)", [("type", STOPS)]),
    ],
)
def test_types(there: str, here: str, expected: list[tuple[str, str]]) -> None:
    assert of_columns(column(there), column(here)) == expected


def test_a_set_is_as_large_as_its_members_need() -> None:
    sizes = []
    for count in (1, 8, 9, 32, 33, 64):
        members = ",".join(f"'{number}'" for number in range(count))
        sizes.append(row_layout(column(f"set({members})"))[1])
    assert sizes == [1, 1, 2, 4, 8, 8]
    members = ",".join(f"'{number}'" for number in range(256))
    assert row_layout(column(f"enum({members})"))[1] == 2


@pytest.mark.parametrize(
    ("there", "here", "expected"),
    [
        (("varchar(5)", "utf8mb4_bin", 20), ("varchar(6)", "utf8mb4_bin", 24), [("type", STOPS)]),
        (
            ("varchar(5)", "utf8mb4_bin", 20),
            ("varchar(5)", "latin1_bin", 5),
            [("character set", STOPS)],
        ),
        (
            ("varchar(5)", "utf8mb4_bin", 20),
            ("varchar(20)", "latin1_bin", 20),
            [("type", HARMLESS), ("character set", CHANGES)],
        ),
        (("varchar(5)", "utf8mb4_bin", 20), ("char(5)", "utf8mb4_bin", 20), [("type", STOPS)]),
        (
            ("varchar(5)", "utf8mb4_bin", 20),
            ("varchar(5)", "utf8mb4_general_ci", 20),
            [("collation", HARMLESS)],
        ),
        (("char(5)", "ascii_bin", 5), ("char(5)", "latin1_bin", 5), [("character set", HARMLESS)]),
        (
            ("text", "utf8mb3_bin", 65535),
            ("text", "utf8mb4_bin", 65535),
            [("character set", HARMLESS)],
        ),
        (
            ("text", "utf8mb4_bin", 65535),
            ("blob", None, 65535),
            [("type", HARMLESS), ("character set", HARMLESS)],
        ),
        (
            ("blob", None, 65535),
            ("text", "utf8mb4_bin", 65535),
            [("type", HARMLESS), ("character set", CHANGES)],
        ),
        (
            ("char(5)", "latin1_bin", 5),
            ("binary(5)", None, 5),
            [("type", HARMLESS), ("character set", CHANGES)],
        ),
        (("inet4", None, None), ("binary(4)", None, 4), [("type", CHANGES)]),
        (
            ("enum('a')", "latin1_bin", 1),
            ("enum('a')", "utf8mb4_bin", 4),
            [("character set", HARMLESS)],
        ),
    ],
)
def test_texts(
    there: tuple[str, str | None, int | None],
    here: tuple[str, str | None, int | None],
    expected: list[tuple[str, str]],
) -> None:
    assert of_columns(column(*there), column(*here)) == expected


def test_null_numbering_and_what_counts_at_an_insert() -> None:
    plain = replace(column("int"), attributes="DEFAULT NULL")
    strict = replace(plain, attributes="NOT NULL", nullable=False)
    assert of_columns(plain, strict) == [("NULL", CHANGES)]
    assert of_columns(strict, plain) == [("NULL", HARMLESS)]
    assert of_columns(plain, replace(plain, attributes="DEFAULT 3")) == [("attributes", HARMLESS)]
    numbered = replace(strict, numbered=True)
    assert of_columns(strict, numbered) == of_columns(numbered, strict) == [("numbering", HARMLESS)]


def test_generated_columns() -> None:
    plain = column("int")
    stored = replace(plain, attributes="GENERATED ALWAYS AS (a) STORED", generated="a")
    virtual = replace(stored, attributes="GENERATED ALWAYS AS (a) VIRTUAL")
    assert of_columns(plain, stored) == [("generated column", CHANGES)]
    assert of_columns(stored, plain) == [("generated column", HARMLESS)]
    assert of_columns(stored, replace(virtual, generated="b")) == [("generated column", CHANGES)]
    assert of_columns(stored, virtual) == [("attributes", HARMLESS)]


def test_columns_go_by_position() -> None:
    other = replace(WHO, name="other")
    swapped = replace(SOURCE, columns=(ID, WHO, AT))
    assert told(SOURCE, swapped) == [
        ("At", "order", CHANGES),
        ("At", "type", STOPS),
        ("Who", "order", CHANGES),
        ("Who", "type", STOPS),
    ]
    assert told(SOURCE, replace(SOURCE, columns=(ID, AT, other))) == [("Who", "name", CHANGES)]
    more = replace(SOURCE, columns=(ID, AT, WHO, other))
    assert told(SOURCE, more) == [("other", "column", HARMLESS)]
    assert told(more, SOURCE) == [("other", "column", CHANGES)]
    upper = replace(SOURCE, columns=(replace(ID, name="ID"), AT, WHO), primary_key=("ID",))
    assert told(SOURCE, upper) == []


@pytest.mark.parametrize(
    ("primary_key", "indexes", "expected"),
    [
        (("At",), (), [("primary key", STOPS)]),
        ((), (), [("primary key", HARMLESS)]),
        (("Id",), (Index("u", ("Who",), "UNIQUE KEY"),), [("unique index", STOPS)]),
        (("Id",), (Index("u", ("Who", "ID"), "UNIQUE KEY"),), []),
        (("Id",), (Index("u", ("`Id` ( 3 )",), "UNIQUE KEY"),), [("unique index", STOPS)]),
    ],
)
def test_keys(
    primary_key: tuple[str, ...], indexes: tuple[Index, ...], expected: list[tuple[str, str]]
) -> None:
    here = replace(SOURCE, primary_key=primary_key, indexes=indexes)
    assert [found[1:] for found in told(SOURCE, here)] == expected


def test_a_key_goes_by_position_too() -> None:
    renamed = replace(SOURCE, columns=(replace(ID, name="no"), AT, WHO), primary_key=("no",))
    assert told(SOURCE, renamed) == [("Id", "name", CHANGES)]
    # Without a key there, nothing says that rows differ.
    keyless = replace(SOURCE, primary_key=())
    assert told(keyless, SOURCE) == [(None, "primary key", STOPS)]
    assert told(keyless, keyless) == []


def test_rules_of_the_table_here() -> None:
    here = replace(
        SOURCE,
        foreign_keys=("FOREIGN KEY ...",),
        checks=(Check("a", "(1)"), Check("b", "(2) NOT ENFORCED")),
        options=(("ENGINE", "MyISAM"),),
    )
    mild = [
        (None, "foreign key", STOPS),
        (None, "check", HARMLESS),
        (None, "check", HARMLESS),
        (None, "engine", HARMLESS),
    ]
    assert told(SOURCE, here) == mild
    assert told(SOURCE, here, enforces_checks=True) == [mild[0], (None, "check", STOPS), *mild[2:]]
    assert told(replace(SOURCE, checks=here.checks), here, enforces_checks=True) == [
        mild[0],
        mild[3],
    ]


TYPES = st.sampled_from(
    ["int", "int unsigned", "bigint", "varchar(5)", "datetime", "datetime(3)", "enum('a')", "json"]
)


@given(st.lists(TYPES, min_size=1, max_size=6))
def test_a_table_does_not_differ_from_itself(types: list[str]) -> None:
    columns = tuple(replace(column(one), name=f"c{at}") for at, one in enumerate(types))
    shape = TableShape(columns, ("c0",))
    assert compare(shape, shape, True) == []


@given(st.lists(TYPES, min_size=2, max_size=6), st.integers(1, 5))
def test_columns_at_the_end_only_matter_where_rows_bring_them(types: list[str], cut: int) -> None:
    columns = tuple(replace(column(one), name=f"c{at}") for at, one in enumerate(types))
    whole, short = TableShape(columns, ("c0",)), TableShape(columns[:cut], ("c0",))
    assert {one.effect for one in compare(short, whole, True)} <= {HARMLESS}
    assert {one.effect for one in compare(whole, short, True)} <= {CHANGES}
