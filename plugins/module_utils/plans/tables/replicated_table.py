# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a channel makes of a table that is not the same on source and replica.

Measured with row events (FULL images, no type conversions) on MariaDB 10.11,
MariaDB 11.8 and MySQL 9.7. An applier knows columns by their position, never by
name. It compares how values are laid out in the row event; what is laid out
alike is taken over byte by byte, whatever it means on the replica.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.table_comparison import (
    ATTRIBUTES,
    CHARACTER_SET,
    COLLATION,
    GENERATED,
    NULL,
    NUMBERING,
    TYPE,
    ColumnPair,
    TableComparison,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    Column,
    TableShape,
)

STOPS, CHANGES, HARMLESS = "stops", "changes", "none"

_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
_TIMES = ("datetime", "timestamp", "time")
_MEMBERS = ("enum", "set")
_BLOBS = {
    f"{size}{kind}": f"{size}blob"
    for size in ("tiny", "", "medium", "long")
    for kind in ("blob", "text")
}
_SPATIAL = {
    *("geometry", "point", "linestring", "polygon", "geometrycollection", "geomcollection"),
    *("multipoint", "multilinestring", "multipolygon"),
}
_FIXED = {"char": "char", "binary": "char"}
_VARYING = {"varchar": "varchar", "varbinary": "varchar"}
# MariaDB's types that are laid out as BINARY of that many bytes.
_AS_BINARY = {"inet6": 16, "uuid": 16, "inet4": 4}

_BINARY = "binary"
_WITH_ASCII = {"latin1", "utf8", "utf8mb3", "utf8mb4"}
# Character sets whose bytes mean the same in another one.
_READ_ALIKE = {
    *(("ascii", other) for other in _WITH_ASCII),
    *((utf8mb3, "utf8mb4") for utf8mb3 in ("utf8", "utf8mb3")),
}


@dataclass(frozen=True)
class TableDifference:
    """How a replica's table differs from its source's, and what a channel makes of it.

    ``effect`` is the worst that can come of it: it stops a channel, it changes
    values without a word, or none.
    """

    column: str | None
    what: str
    source: str | None
    here: str | None
    effect: str
    why: str

    @property
    def harmless(self) -> bool:
        """Whether every row arrives as it is."""
        return self.effect == HARMLESS

    def __str__(self) -> str:
        what = f"column {self.column}, {self.what}" if self.column else self.what
        return f"{what}: {self.source or 'none'} there, {self.here or 'none'} here; {self.why}"


def name_difference(name: str, source: Names, here: Names) -> TableDifference | None:
    """Say what becomes of rows of the table ``name`` (schema.table) that the two name otherwise.

    A source logs a table under the name that it has stored, and a replica looks for
    that one.
    """
    sent, ours = source.stored(name), here.stored(name)
    if here.stored(sent) == ours:
        return None
    return TableDifference(
        None,
        "lower_case_table_names",
        sent,
        ours,
        STOPS,
        "the source stores names in lower case, and this server distinguishes upper and lower "
        "case: rows arrive for a table that it does not have (error 1146)",
    )


def compare(
    source: TableShape | None,
    here: TableShape | None,
    enforces_checks: bool,
    logs_generated: bool,
) -> list[TableDifference]:
    """Return how the table of a replica differs from a source's, in the order of its parts.

    None is a table that is not there. ``enforces_checks``: whether the replica's
    applier refuses rows that a CHECK does not accept. ``logs_generated``: whether
    the source logs what it computes for generated columns at an UPDATE, too.
    Indexes that are not unique are a replica's own affair and are not compared.
    """
    if source is None or here is None:
        return list(_missing(source, here))
    compared = TableComparison(source, here)
    columns = _columns(compared, logs_generated)
    return [*columns, *_keys(compared), *_rules(compared, enforces_checks)]


def _missing(source: TableShape | None, here: TableShape | None) -> Iterator[TableDifference]:
    if source:
        why = "the first row stops the channel (error 1146)"
        yield TableDifference(None, "table", "there", None, STOPS, why)
    elif here:
        why = "no rows arrive from there"
        yield TableDifference(None, "table", None, "there", HARMLESS, why)


def _columns(compared: TableComparison, logs_generated: bool) -> Iterator[TableDifference]:
    for position, pair in enumerate(compared.by_position(), 1):
        theirs, ours = pair.one, pair.other
        if theirs and ours:
            if theirs.name.lower() != ours.name.lower():
                yield TableDifference(
                    theirs.name,
                    "order" if compared.other.column(theirs.name) else "name",
                    f"{position}: {theirs.name}",
                    f"{position}: {ours.name}",
                    CHANGES,
                    f"columns are matched by position: the values of {theirs.name} are stored in "
                    f"{ours.name}",
                )
            yield from _column(pair, theirs, ours, logs_generated)
        elif theirs:
            why = "its values do not arrive"
            yield TableDifference(theirs.name, "column", theirs.definition, None, CHANGES, why)
        elif ours:  # pragma: no branch (a pair has one at least)
            why = "rows get its default, or the type's zero value"
            yield TableDifference(ours.name, "column", None, ours.definition, HARMLESS, why)


def _column(
    pair: ColumnPair, theirs: Column, ours: Column, logs_generated: bool
) -> Iterator[TableDifference]:
    """Compare two columns that have the same position."""

    def difference(of: str, effect: str, why: str) -> TableDifference:
        return TableDifference(theirs.name, of, *pair.differs[of], effect, why)

    if row_layout(theirs) != row_layout(ours):
        yield TableDifference(
            theirs.name,
            _what_differs(theirs, ours),
            _spelled(theirs),
            _spelled(ours),
            STOPS,
            "the first row stops the channel, which does not convert",
        )
        return
    if TYPE in pair.differs:
        yield difference(TYPE, *_effect_of_types(theirs, ours))
    sets = (theirs.character_set or _BINARY, ours.character_set or _BINARY)
    if sets[0] != sets[1]:
        effect = _effect_of_character_sets(theirs, *sets)
        yield TableDifference(theirs.name, CHARACTER_SET, *sets, *effect)
    elif COLLATION in pair.differs:
        yield difference(COLLATION, HARMLESS, "compares and sorts differently here")
    if GENERATED in pair.differs:
        yield difference(GENERATED, *_effect_of_generated(ours, logs_generated))
    elif NULL in pair.differs:
        yield difference(
            NULL,
            *(
                (HARMLESS, "more values are accepted here")
                if ours.nullable
                else (CHANGES, "a NULL becomes the default, or the type's zero value")
            ),
        )
    elif ATTRIBUTES in pair.differs:
        yield difference(ATTRIBUTES, HARMLESS, "matters only where a row is inserted")
    if NUMBERING in pair.differs:
        yield difference(NUMBERING, HARMLESS, "rows bring their ids")


def row_layout(column: Column) -> tuple[object, ...]:
    """Return what a row event says of a column's values: all that an applier compares."""
    base, arguments = column.base_type, _arguments(column)
    # COMPRESSED, and MariaDB's old formats of times.
    comments = tuple(re.findall(r"/\*.*?\*/", column.type)) if base not in _MEMBERS else ()
    if base in _MEMBERS:
        count = len(_members(column))
        if base == "enum":
            return base, 1 if count < 256 else 2
        size = (count + 7) // 8
        return base, size if size < 5 else 8
    if base in _FIXED:
        return _FIXED[base], column.octets
    if base in _VARYING:
        return (_VARYING[base], column.octets, *comments)
    if base in _BLOBS:
        return (_BLOBS[base], *comments)
    if base in _TIMES:
        return (base, arguments or "0", *comments)
    if base in _SPATIAL:
        return ("geometry",)
    if base in _AS_BINARY:
        return "char", _AS_BINARY[base]
    if base in (*_INTEGERS, "year", "float", "double"):
        return (base,)
    return base, arguments


def _arguments(column: Column) -> str:
    """Return what stands in the parentheses of a type: '5,2' of 'decimal(5,2) unsigned'."""
    found = re.search(r"\((.*)\)", column.type)
    return found[1].replace(" ", "") if found else ""


def _members(column: Column) -> list[str]:
    return re.findall(r"'((?:[^']|'')*)'", column.type)


def _what_differs(theirs: Column, ours: Column) -> str:
    if theirs.type == ours.type:
        return CHARACTER_SET
    same = theirs.base_type == ours.base_type
    return "time precision" if same and theirs.base_type in _TIMES else TYPE


def _effect_of_generated(ours: Column, logs_generated: bool) -> tuple[str, str]:
    if ours.generated:
        return CHANGES, "the value may be computed here, regardless of the row"
    if logs_generated:
        return HARMLESS, "the value is taken from the row"
    return CHANGES, "an UPDATE keeps the previous value, because the column is not logged there"


def _effect_of_types(theirs: Column, ours: Column) -> tuple[str, str]:
    """Say what comes of two types that are laid out alike."""
    bases = (theirs.base_type, ours.base_type)
    if bases[0] in _MEMBERS:
        members = _members(theirs)
        if _members(ours)[: len(members)] == members:
            return HARMLESS, "all members that the rows can have are the same"
        return (
            CHANGES,
            "members are sent as numbers, which stand for another member here, or for none",
        )
    if bases[0] in _INTEGERS and ("unsigned" in theirs.type) != ("unsigned" in ours.type):
        return CHANGES, "negative and very large values are read as different numbers here"
    if bases[0] in ("float", "double") and _arguments(ours) not in ("", _arguments(theirs)):
        return CHANGES, "numbers are rounded here"
    if {*bases} & {*_AS_BINARY} or (bases[0] != bases[1] and bases[1] in _SPATIAL - {"geometry"}):
        return CHANGES, "the bytes are copied, and mean something else here"
    return HARMLESS, "the bytes are copied, and mean the same here"


def _effect_of_character_sets(theirs: Column, source: str, here: str) -> tuple[str, str]:
    if theirs.base_type in _MEMBERS or (source, here) in _READ_ALIKE:
        return HARMLESS, "the texts that the rows can have are the same here"
    if here == _BINARY and theirs.base_type not in _FIXED:
        return HARMLESS, "the bytes are kept as they are"
    return CHANGES, "the bytes are copied, and are read as other characters here"


def _spelled(column: Column) -> str:
    name = column.character_set
    return f"{column.type} CHARACTER SET {name}" if name else column.type


def _keys(compared: TableComparison) -> Iterator[TableDifference]:
    source, here = compared.one, compared.other
    # What the source's key is on the replica, whose rows go by position.
    pairs = {
        pair.one.name.lower(): (pair.one, pair.other)
        for pair in compared.by_position()
        if pair.one and pair.other
    }
    of_key = [pairs.get(name.lower()) for name in source.primary_key]
    key = {pair[1].name.lower() if pair else None for pair in of_key}
    merged = [pair[1] for pair in of_key if pair and _may_merge(*pair)]
    said = _said(source.primary_key)
    unique = [index for index in here.indexes if index.unique]
    if here.primary_key and not _implied(here.primary_key, key):
        yield TableDifference(
            None,
            "primary key",
            said,
            _said(here.primary_key),
            STOPS,
            "rows that differ there can be duplicates here (error 1062)",
        )
    elif here.primary_key and merged:
        yield TableDifference(
            None,
            "collation of the primary key",
            _collations(pair[0] for pair in of_key if pair),
            _collations(pair[1] for pair in of_key if pair),
            STOPS,
            "texts that differ there can be equal here (error 1062)",
        )
    elif source.primary_key and not here.primary_key:
        why = "each UPDATE and DELETE may read the whole table"
        yield TableDifference(None, "primary key", said, None, HARMLESS, why)
    for index in unique:
        if not _implied(index.whole_columns, key) or merged:
            why = "rows of one source, or of two, can be duplicates here (error 1062)"
            yield TableDifference(None, "unique index", None, str(index), STOPS, why)


def _may_merge(theirs: Column, ours: Column) -> bool:
    """Whether two values that differ on the source can be the same on the replica.

    They cannot where the replica compares bytes, and trailing spaces with them.
    """
    if theirs.collation == ours.collation or ours.collation is None:
        return False
    return ours.collation != "utf8mb4_0900_bin" and not ours.collation.endswith("_nopad_bin")


def _collations(columns: Iterable[Column]) -> str:
    return ", ".join(f"{column.name} {column.collation or _BINARY}" for column in columns)


def _implied(columns: tuple[str, ...], key: set[str | None]) -> bool:
    """Whether rows that differ in the source's key also differ in these columns."""
    return bool(key) and key <= {name.lower() for name in columns}


def _said(columns: tuple[str, ...]) -> str | None:
    return ", ".join(columns) or None


def _rules(compared: TableComparison, enforces_checks: bool) -> Iterator[TableDifference]:
    for text in compared.other.foreign_keys:
        why = "a row whose parent is missing here stops the channel (error 1452)"
        yield TableDifference(None, "foreign key", None, text, STOPS, why)
    _theirs, ours = compared.checks
    for text in ours:
        yield TableDifference(
            None,
            "check",
            None,
            text,
            *(
                (STOPS, "a row that it does not accept stops the channel (error 3819)")
                if enforces_checks and "NOT ENFORCED" not in text
                else (HARMLESS, "it is not checked for rows from a channel")
            ),
        )
    engines = compared.options.get("ENGINE")
    if engines:
        why = "rows arrive all the same, but only InnoDB loses none in a crash"
        yield TableDifference(None, "engine", *engines, HARMLESS, why)
