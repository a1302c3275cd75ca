"""What a channel makes of differences; that it is true is tested with real channels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.replicated_table import (
    CHANGES,
    HARMLESS,
    STOPS,
    compare,
    name_difference,
    row_layout,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
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
    found = compare(source, here, enforces_checks, True)
    assert all(str(one).count(";") == 1 for one in found)
    return [(one.column, one.what, one.effect) for one in found]


def column(type_: str, collation: str | None = None, octets: int | None = None) -> Column:
    return Column("c", type_, type_, "", collation, octets=octets)


def of_columns(there: Column, here: Column, logs_generated: bool = True) -> list[tuple[str, str]]:
    found = compare(TableShape((there,), ()), TableShape((here,), ()), False, logs_generated)
    return [(one.what, one.effect) for one in found]


def test_the_two_shapes_of_a_table_do_not_differ() -> None:
    assert told(SOURCE, HERE) == told(SOURCE, SOURCE) == told(None, None) == []


def test_a_table_that_is_missing() -> None:
    assert told(SOURCE, None) == [(None, "table", STOPS)]
    assert told(None, HERE) == [(None, "table", HARMLESS)]
    assert [one.harmless for one in compare(SOURCE, None, False, True)] == [False]


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
    assert of_columns(stored, plain, logs_generated=False) == [("generated column", CHANGES)]
    assert of_columns(plain, stored, logs_generated=False) == [("generated column", CHANGES)]
    assert of_columns(stored, virtual, logs_generated=False) == of_columns(stored, virtual)
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
        (("Id",), (Index("u", ("Id",), "UNIQUE KEY", ("(3)",)),), [("unique index", STOPS)]),
    ],
)
def test_keys(
    primary_key: tuple[str, ...], indexes: tuple[Index, ...], expected: list[tuple[str, str]]
) -> None:
    here = replace(SOURCE, primary_key=primary_key, indexes=indexes)
    assert [found[1:] for found in told(SOURCE, here)] == expected


BY_TEXT = replace(SOURCE, columns=(ID, AT, replace(WHO, nullable=False)), primary_key=("Who",))


@pytest.mark.parametrize(
    ("collation", "effect"),
    [
        ("utf8mb4_general_ci", STOPS),
        # It leaves trailing spaces out of account, as the source's may not.
        ("utf8mb4_0900_ai_ci", STOPS),
        ("utf8mb4_nopad_bin", HARMLESS),
        ("utf8mb4_0900_bin", HARMLESS),
        (None, HARMLESS),
    ],
)
def test_a_key_of_texts(collation: str | None, effect: str) -> None:
    """What is a duplicate depends on the collation."""
    columns = (*BY_TEXT.columns[:2], replace(BY_TEXT.columns[2], collation=collation))
    index = Index("u", ("who", "At"), "UNIQUE KEY")
    here = replace(BY_TEXT, columns=columns, indexes=(index,))
    found = [one for one in told(BY_TEXT, here) if one[0] is None]
    stopping = [(None, "collation of the primary key", STOPS), (None, "unique index", STOPS)]
    assert found == (stopping if effect == STOPS else [])
    # A text beside the key decides nothing.
    beside = replace(SOURCE, columns=BY_TEXT.columns)
    assert [one[2] for one in told(beside, replace(beside, columns=columns))] == [HARMLESS]


def test_names_that_only_one_of_them_stores_in_lower_case() -> None:
    lower, exact = Names(ignores_case=True), Names()
    for source, here in ((exact, exact), (lower, lower), (exact, lower)):
        assert name_difference("Usage_Data.Calls", source, here) is None
    assert name_difference("usage_data.calls", lower, exact) is None
    found = name_difference("Usage_Data.Calls", lower, exact)
    assert found and found.effect == STOPS
    assert str(found) == (
        "lower_case_table_names: usage_data.calls there, Usage_Data.Calls here; the source stores "
        "names in lower case, and this server distinguishes upper and lower case: rows arrive for "
        "a table that it does not have (error 1146)"
    )


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


# Two flights tables: what is there, what is here, and all that is said of it.
FLIGHTS = TableShape(
    (
        Column("id", "int", "int NOT NULL", "NOT NULL", nullable=False),
        Column("tail", "varchar(6)", "varchar(6)", "", "utf8mb4_bin", octets=24),
        Column("delay", "int", "int", "DEFAULT NULL"),
    ),
    ("id",),
    options=(("ENGINE", "InnoDB"),),
)


def with_column(column_name: str, /, **changes: Any) -> TableShape:
    """Return the table with one of its columns changed."""
    return replace(
        FLIGHTS,
        columns=tuple(
            replace(one, **changes) if one.name == column_name else one for one in FLIGHTS.columns
        ),
    )


SENTENCES: dict[str, tuple[TableShape | None, TableShape | None, str]] = {
    "no table here": (
        FLIGHTS,
        None,
        "table: there there, none here; the first row stops the channel (error 1146)",
    ),
    "no table there": (
        None,
        FLIGHTS,
        "table: none there, there here; no rows arrive from there",
    ),
    "another name": (
        FLIGHTS,
        with_column("delay", name="minutes"),
        "column delay, name: 3: delay there, 3: minutes here; columns are matched by position: "
        "the values of delay are stored in minutes",
    ),
    "less columns": (
        FLIGHTS,
        replace(FLIGHTS, columns=FLIGHTS.columns[:2]),
        "column delay, column: int there, none here; its values do not arrive",
    ),
    "more columns": (
        replace(FLIGHTS, columns=FLIGHTS.columns[:2]),
        FLIGHTS,
        "column delay, column: none there, int here; rows get its default, or the type's zero "
        "value",
    ),
    "another layout": (
        FLIGHTS,
        with_column("delay", type="bigint"),
        "column delay, type: int there, bigint here; the first row stops the channel, which does "
        "not convert",
    ),
    "another length of a text": (
        FLIGHTS,
        with_column("tail", collation="latin1_bin", octets=6),
        "column tail, character set: varchar(6) CHARACTER SET utf8mb4 there, varchar(6) CHARACTER "
        "SET latin1 here; the first row stops the channel, which does not convert",
    ),
    "another precision": (
        with_column("delay", type="time"),
        with_column("delay", type="time(3)"),
        "column delay, time precision: time there, time(3) here; the first row stops the channel, "
        "which does not convert",
    ),
    "more members": (
        with_column("delay", type="enum('none','some')"),
        with_column("delay", type="enum('none','some','much')"),
        "column delay, type: enum('none','some') there, enum('none','some','much') here; all "
        "members that the rows can have are the same",
    ),
    "other members": (
        with_column("delay", type="enum('none','some')"),
        with_column("delay", type="enum('some','none')"),
        "column delay, type: enum('none','some') there, enum('some','none') here; members are sent "
        "as numbers, which stand for another member here, or for none",
    ),
    "a sign": (
        FLIGHTS,
        with_column("delay", type="int unsigned"),
        "column delay, type: int there, int unsigned here; negative and very large values are "
        "read as different numbers here",
    ),
    "less digits": (
        with_column("delay", type="double"),
        with_column("delay", type="double(7,2)"),
        "column delay, type: double there, double(7,2) here; numbers are rounded here",
    ),
    "bytes of another meaning": (
        with_column("delay", type="uuid"),
        with_column("delay", type="inet6"),
        "column delay, type: uuid there, inet6 here; the bytes are copied, and mean something "
        "else here",
    ),
    "a width of display": (
        with_column("delay", type="int(11)"),
        FLIGHTS,
        "column delay, type: int(11) there, int here; the bytes are copied, and mean the same here",
    ),
    "a character set within another": (
        with_column("tail", type="text", collation="utf8mb3_bin"),
        with_column("tail", type="text", collation="utf8mb4_bin"),
        "column tail, character set: utf8mb3 there, utf8mb4 here; the texts that the rows can have "
        "are the same here",
    ),
    "another character set": (
        with_column("tail", type="text", collation="latin1_bin"),
        with_column("tail", type="text", collation="utf8mb4_bin"),
        "column tail, character set: latin1 there, utf8mb4 here; the bytes are copied, and are "
        "read as other characters here",
    ),
    "another collation": (
        FLIGHTS,
        with_column("tail", collation="utf8mb4_general_ci"),
        "column tail, collation: utf8mb4_bin there, utf8mb4_general_ci here; compares and sorts "
        "differently here",
    ),
    "computed here": (
        FLIGHTS,
        with_column("delay", generated="`id` * 2"),
        "column delay, generated column: none there, `id` * 2 here; the value may be computed "
        "here, regardless of the row",
    ),
    "computed there": (
        with_column("delay", generated="`id` * 2"),
        FLIGHTS,
        "column delay, generated column: `id` * 2 there, none here; the value is taken from the "
        "row",
    ),
    "NULL here": (
        with_column("delay", nullable=False),
        FLIGHTS,
        "column delay, NULL: NOT NULL there, NULL here; more values are accepted here",
    ),
    "NULL there": (
        FLIGHTS,
        with_column("delay", nullable=False),
        "column delay, NULL: NULL there, NOT NULL here; a NULL becomes the default, or the type's "
        "zero value",
    ),
    "another default": (
        FLIGHTS,
        with_column("delay", attributes="DEFAULT 5"),
        "column delay, attributes: DEFAULT NULL there, DEFAULT 5 here; matters only where a row "
        "is inserted",
    ),
    "numbered here": (
        FLIGHTS,
        with_column("id", numbered=True),
        "column id, numbering: none there, AUTO_INCREMENT here; rows bring their ids",
    ),
    "numbered there": (
        with_column("id", numbered=True),
        FLIGHTS,
        "column id, numbering: AUTO_INCREMENT there, none here; rows bring their ids",
    ),
    "another primary key": (
        FLIGHTS,
        replace(FLIGHTS, primary_key=("tail", "delay")),
        "primary key: id there, tail, delay here; rows that differ there can be duplicates here "
        "(error 1062)",
    ),
    "no primary key here": (
        FLIGHTS,
        replace(FLIGHTS, primary_key=()),
        "primary key: id there, none here; each UPDATE and DELETE may read the whole table",
    ),
    "a unique index": (
        FLIGHTS,
        replace(FLIGHTS, indexes=(Index("plane", ("tail",), "UNIQUE KEY"),)),
        "unique index: none there, UNIQUE KEY plane (tail) here; rows of one source, or of two, "
        "can be duplicates here (error 1062)",
    ),
    "a foreign key": (
        FLIGHTS,
        replace(FLIGHTS, foreign_keys=("FOREIGN KEY (`tail`) REFERENCES `planes` (`tail`)",)),
        "foreign key: none there, FOREIGN KEY (`tail`) REFERENCES `planes` (`tail`) here; a row "
        "whose parent is missing here stops the channel (error 1452)",
    ),
    "a check": (
        FLIGHTS,
        replace(FLIGHTS, checks=(Check("sane", "(`delay` > 0)"),)),
        "check: none there, (`delay` > 0) here; a row that it does not accept stops the channel "
        "(error 3819)",
    ),
    "a check that is not enforced": (
        FLIGHTS,
        replace(FLIGHTS, checks=(Check("sane", "(`delay` > 0) NOT ENFORCED"),)),
        "check: none there, (`delay` > 0) NOT ENFORCED here; it is not checked for rows "
        "from a channel",
    ),
    "another engine": (
        FLIGHTS,
        replace(FLIGHTS, options=(("ENGINE", "MyISAM"),)),
        "engine: InnoDB there, MyISAM here; rows arrive all the same, but only InnoDB loses none "
        "in a crash",
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_is_said(name: str) -> None:
    source, here, sentence = SENTENCES[name]
    assert [str(one) for one in compare(source, here, True, True)] == [sentence]


def test_what_is_said_of_a_column_that_a_source_does_not_log() -> None:
    here, there = FLIGHTS, with_column("delay", generated="`id` * 2")
    assert [str(one) for one in compare(there, here, True, False)] == [
        "column delay, generated column: `id` * 2 there, none here; an UPDATE keeps the previous "
        "value, because the column is not logged there"
    ]


def test_what_is_said_of_two_columns_that_changed_places() -> None:
    number, text, delay = FLIGHTS.columns
    other = replace(delay, name="distance")
    here = replace(FLIGHTS, columns=(number, text, other, delay))
    assert [
        str(one)
        for one in compare(replace(here, columns=(*FLIGHTS.columns, other)), here, True, True)
    ] == [
        "column delay, order: 3: delay there, 3: distance here; columns are matched by position: "
        "the values of delay are stored in distance",
        "column distance, order: 4: distance there, 4: delay here; columns are matched by "
        "position: the values of distance are stored in delay",
    ]


def test_what_is_said_of_bytes_that_become_a_text_and_back() -> None:
    text, blob = with_column("tail", type="text"), with_column("tail", type="blob", collation=None)
    assert [str(one) for one in compare(text, blob, True, True)] == [
        "column tail, type: text there, blob here; the bytes are copied, and mean the same here",
        "column tail, character set: utf8mb4 there, binary here; the bytes are kept as they are",
    ]
    assert [str(one) for one in compare(blob, text, True, True)][1:] == [
        "column tail, character set: binary there, utf8mb4 here; the bytes are copied, and are "
        "read as other characters here",
    ]


TYPES = st.sampled_from(
    ["int", "int unsigned", "bigint", "varchar(5)", "datetime", "datetime(3)", "enum('a')", "json"]
)


@given(st.lists(TYPES, min_size=1, max_size=6))
def test_a_table_does_not_differ_from_itself(types: list[str]) -> None:
    columns = tuple(replace(column(one), name=f"c{at}") for at, one in enumerate(types))
    shape = TableShape(columns, ("c0",))
    assert compare(shape, shape, True, True) == []


@given(st.lists(TYPES, min_size=2, max_size=6), st.integers(1, 5))
def test_columns_at_the_end_only_matter_where_rows_bring_them(types: list[str], cut: int) -> None:
    columns = tuple(replace(column(one), name=f"c{at}") for at, one in enumerate(types))
    whole, short = TableShape(columns, ("c0",)), TableShape(columns[:cut], ("c0",))
    assert {one.effect for one in compare(short, whole, True, True)} <= {HARMLESS}
    assert {one.effect for one in compare(whole, short, True, True)} <= {CHANGES}
