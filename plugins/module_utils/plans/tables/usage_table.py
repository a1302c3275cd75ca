# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one description of a usage table to its shape on a write or a read server.

A table that is there already is compared, and changed in one way only: it gets
indexes that it lacks, where that was asked for. How else to change a table that
holds data is for people to decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.table_comparison import (
    ATTRIBUTES,
    CHARACTER_SET,
    COLLATION,
    NUMBERING,
    TYPE,
    ColumnPair,
    Sides,
    TableComparison,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_indexes import (
    DraftedIndex,
    TableSize,
    adding,
    match,
    twins,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.create_table import (
    add_index,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    RANGE_COLUMNS,
    UNIX_TIMESTAMP,
    Partition,
    spans,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    READ,
    WRITE,
    Column,
    Index,
    TableShape,
    UsageTable,
)

CREATE_SCHEMA = "create schema"
CREATE_TABLE = "create table"

STOPS = "stops a channel, or changes what is replicated through it"
HARMLESS = "none"

# What a replica may hold otherwise than its source without anyone noticing.
_HARMLESS_OPTIONS = {"AUTO_INCREMENT", "COMMENT"}
# What every usage table has, whether its definition says so or not. In all other options
# a definition that says nothing leaves the table what its server has given it.
_GIVEN_OPTIONS = {"ENGINE", "CHARSET"}
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")


@dataclass(frozen=True)
class Wanted:
    """What shall be there: a shape, and on a read server its months."""

    table: UsageTable
    shape: TableShape
    scheme: str = RANGE_COLUMNS
    partitions: tuple[Partition, ...] = ()


@dataclass(frozen=True)
class Current:
    """What is there (None: no such table), and the description as the server understands it.

    ``size`` is only known where indexes may be added. ``drafted`` is what the server
    makes of those indexes that the table does not have, ``notes`` what else it says
    about the description.
    """

    written: TableShape
    existing: TableShape | None
    schema_exists: bool
    size: TableSize | None = None
    drafted: tuple[DraftedIndex, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """How a table differs from what is wanted.

    ``effect`` says what comes of it, ``fix`` is a statement that would mend it,
    ``advice`` what else can be done.
    """

    what: str
    expected: str | None
    found: str | None
    effect: str
    fix: str | None = None
    advice: str | None = None

    @property
    def harmless(self) -> bool:
        """Whether nothing comes of it."""
        return self.effect == HARMLESS

    def __str__(self) -> str:
        said = f"{self.what}: expected {self.expected or 'none'}, found {self.found or 'none'}"
        if not self.harmless:
            said += f" ({self.effect})"
        if self.advice:
            said += f"; {self.advice}"
        return said + (f"; {self.fix} would correct it, as add_indexes does" if self.fix else "")


def wanted(
    table: UsageTable,
    written: TableShape,
    months: Iterable[Partition],
    drafted: Iterable[DraftedIndex] = (),
) -> Wanted:
    """Return a table's shape on the server that is asked for.

    ``written`` is the description's definition as the server understands it,
    ``months`` are the partitions of a read server, ``drafted`` what it makes of
    indexes. Raises ``Refused`` with everything that makes the definition no write
    shape of a usage table, and with every index that the server makes otherwise.
    """
    drafted = tuple(drafted)
    time_column = written.column(table.time_column)
    refuse_if_any(
        [
            *_problems_of_keys(table, written),
            *_problems_of_time(table, time_column),
            *_problems_of_indexes(table, written),
            *(one.problem for one in drafted if not one.as_asked),
        ]
    )
    if table.shape == WRITE or time_column is None:
        return Wanted(table, written)
    options = tuple((name, value) for name, value in written.options if name != "AUTO_INCREMENT")
    id_name = written.primary_key[0]
    made = {one.asked.name: one.made for one in drafted if one.made}
    indexes = (spelled(index, written) for index in table.indexes)
    shape = replace(
        written,
        primary_key=(id_name, time_column.name),
        indexes=tuple(made.get(index.name, index) for index in indexes),
        options=options,
        partitioned=True,
    )
    scheme = UNIX_TIMESTAMP if time_column.base_type == "timestamp" else RANGE_COLUMNS
    return Wanted(table, shape, scheme, tuple(months))


def spelled(index: Index, shape: TableShape) -> Index:
    """Name the columns as the table does, so that an index can be compared."""
    columns = tuple((shape.column(name), name) for name in index.columns)
    return replace(index, columns=tuple(found.name if found else name for found, name in columns))


def _problems_of_keys(table: UsageTable, written: TableShape) -> Iterator[str]:
    id_column = written.column(table.id_column)
    if id_column is None:
        yield f"definition: the column {table.id_column}, which id_column names, does not exist."
    else:
        if id_column.base_type not in ("int", "bigint"):
            yield (
                f"definition: {id_column.name} is {id_column.type}; ids that advance by an "
                "increment need BIGINT (INT at least)."
            )
        if not id_column.numbered:
            yield (
                f"definition: {id_column.name} is not AUTO_INCREMENT; write servers number the "
                "rows. Add it."
            )
    if [name.lower() for name in written.primary_key] != [table.id_column.lower()]:
        said = ", ".join(written.primary_key) or "none"
        yield (
            f"definition: its primary key is ({said}); a write server's is ({table.id_column}) "
            "alone. A read server's gets the time column by itself."
        )
    for index in written.indexes:
        yield (
            f"definition: it has {index}; a write server has its primary key only. Put the "
            "index into indexes, for the read servers."
        )
    for text in written.foreign_keys:
        yield f"definition: it has {text}; usage tables have no foreign keys. Leave it out."
    for text in written.unknown:
        yield f"definition: {text} is not supported in a usage table. Leave it out."
    engine = written.option("ENGINE")
    if (engine or "").lower() != "innodb":
        yield (
            f"definition: its engine is {engine}; only InnoDB loses nothing in a crash. Leave "
            "ENGINE out."
        )


def _problems_of_time(table: UsageTable, column: Column | None) -> Iterator[str]:
    if column is None:
        yield (
            f"definition: the column {table.time_column}, which time_column names, does not exist."
        )
        return
    if column.base_type not in ("date", "datetime", "timestamp"):
        yield (
            f"definition: {column.name} is {column.type}; a month's partition needs DATE, DATETIME "
            "or TIMESTAMP."
        )
    if column.base_type == "timestamp" and "(" in column.type:
        yield (
            f"definition: {column.name} is {column.type}; a TIMESTAMP with a fraction cannot have "
            "partitions that queries make use of. Use DATETIME with the fraction, in UTC."
        )
    if column.nullable:
        yield (
            f"definition: {column.name} may be NULL; it is part of the read servers' primary key. "
            "Make it NOT NULL."
        )


def _problems_of_indexes(table: UsageTable, written: TableShape) -> Iterator[str]:
    for index in table.indexes:
        missing = [name for name in index.columns if not written.column(name)]
        if missing:
            yield (
                f"indexes: {index.name} names {', '.join(missing)}, which the definition does not "
                "have."
            )


def plan(desired: Wanted, current: Current) -> Plan:
    """Return the steps that create the table, or that add the indexes that it lacks.

    Raises ``Refused`` with every difference if one of them does harm, or when
    the schema is missing and may not be created.
    """
    table = desired.table
    notes = (
        *(f"{table}: server says of the definition: {note}" for note in current.notes),
        *(f"{table}: {text}." for text in twins(desired.shape.indexes)),
    )
    if current.existing:
        made = _plan_of_existing(desired, current, current.existing)
        return replace(made, warnings=(*made.warnings, *notes))
    steps = []
    if not current.schema_exists:
        if not table.create_schema:
            raise Refused(
                [
                    f"the schema {table.schema} does not exist; create it, or let the module do "
                    "it (create_schema)."
                ]
            )
        after = {"character_set": "utf8mb4"}
        steps.append(Step(CREATE_SCHEMA, table.schema, None, after, desired))
    steps.append(Step(CREATE_TABLE, str(table), None, _shown(desired), desired))
    return Plan(tuple(steps), notes)


def _plan_of_existing(desired: Wanted, current: Current, existing: TableShape) -> Plan:
    table = desired.table
    found = remaining(desired, existing)
    if any(not difference.harmless for difference in found):
        raise Refused(
            [
                f"{table} is not what its description says, and is left as it is. {difference}."
                for difference in found
            ]
        )
    warnings = tuple(f"{table}: {difference}." for difference in found)
    matched = match(desired.shape.indexes, existing.indexes)
    if not matched.missing:
        return Plan((), warnings)
    refuse_if_any([f"{table}: {problem}" for problem in matched.name_problems()])
    step = adding(table, existing, matched.missing, current.size or TableSize(0, 0))
    return Plan((step,), warnings)


def remaining(desired: Wanted, existing: TableShape) -> list[Difference]:
    """Return the differences that are left when the indexes have been added, where they may be."""
    return [
        difference
        for difference in differences(desired, existing)
        if not (desired.table.add_indexes and difference.fix)
    ]


def _shown(desired: Wanted) -> dict[str, object]:
    shape = desired.shape
    shown: dict[str, object] = {
        "columns": {column.name: column.definition for column in shape.columns},
        "primary_key": list(shape.primary_key),
        "indexes": [str(index) for index in shape.indexes],
        "checks": {check.name: check.expression for check in shape.checks},
        "options": dict(shape.options),
    }
    if desired.partitions:
        shown["partitions"] = {span.partition.name: str(span) for span in spans(desired.partitions)}
    return shown


def differences(desired: Wanted, existing: TableShape) -> list[Difference]:
    """Return how a table differs from what is wanted, in the order of its parts."""
    compared = TableComparison(desired.shape, existing)
    return [
        *_differences_of_columns(compared),
        *_differences_nobody_asked_for(compared),
        *_differences_of_keys(desired, existing),
        *_differences_of_indexes(desired, compared),
        *_differences_of_checks(compared),
        *_differences_of_options(compared),
    ]


def _differences_of_columns(compared: TableComparison) -> Iterator[Difference]:
    for pair in compared.by_name():
        wanted, found = pair.one, pair.other
        if wanted and found:
            yield from _differences_of_column(pair, wanted, found)
        elif wanted:
            yield Difference(f"column {wanted.name}", wanted.definition, None, STOPS)
        elif found:  # pragma: no branch (a pair has one at least)
            yield Difference(f"column {found.name}", None, found.definition, STOPS)
    if compared.order:
        expected, there = map(", ".join, compared.order)
        yield Difference("order of columns", expected, there, STOPS)


def _differences_of_column(pair: ColumnPair, wanted: Column, found: Column) -> Iterator[Difference]:
    def difference(of: str, effect: str) -> Difference:
        return Difference(f"column {wanted.name}, {of}", *pair.differs[of], effect)

    if TYPE in pair.differs:
        yield difference(
            TYPE, HARMLESS if _without_width(wanted) == _without_width(found) else STOPS
        )
    elif CHARACTER_SET in pair.differs:
        yield difference(CHARACTER_SET, STOPS)
    elif COLLATION in pair.differs and wanted.collation_asked:
        yield difference(COLLATION, "compares and sorts differently from the description")
    if ATTRIBUTES in pair.differs:
        yield difference(ATTRIBUTES, "accepts or stores other values than the other servers")
    if NUMBERING in pair.differs:
        yield difference(NUMBERING, "rows are numbered differently from the other servers")


def _without_width(column: Column) -> str:
    """Return a type without the number of digits in which clients may show an integer."""
    if column.base_type not in _INTEGERS or "zerofill" in column.type:
        return column.type
    return re.sub(r"\(\d+\)", "", column.type)


def _differences_nobody_asked_for(compared: TableComparison) -> Iterator[Difference]:
    """Tell which collations differ that the definition leaves to the server.

    What a server takes without being asked depends on its version and its settings,
    and what the table has was right when it was made. No channel minds.
    """
    names: dict[Sides, list[str]] = {}
    wanted, existing = compared.one, compared.other
    sets = [(shape.option("CHARSET"), shape.option("COLLATE")) for shape in (wanted, existing)]
    if sets[0][0] == sets[1][0] and sets[0] != sets[1] and "COLLATE" not in wanted.options_asked:
        names[(sets[0][1], sets[1][1])] = ["the table"]
    for pair in compared.by_name():
        if pair.one is None or pair.one.collation_asked:
            continue
        if pair.differs.keys() & {TYPE, CHARACTER_SET, COLLATION} == {COLLATION}:
            names.setdefault(pair.differs[COLLATION], []).append(pair.one.name)
    for (expected, there), columns in names.items():
        yield Difference(
            f"collation of {', '.join(columns)}, which the definition does not name",
            expected,
            there,
            HARMLESS,
            advice="a server where the table is made anew gives it the expected one; name a "
            f"collation in the definition (COLLATE {there}) to have one everywhere",
        )


def _differences_of_keys(desired: Wanted, existing: TableShape) -> Iterator[Difference]:
    wanted = desired.shape
    expected, found = _joined(wanted.primary_key), _joined(existing.primary_key)
    if expected.lower() != found.lower():
        effect = (
            "a partition for each month is impossible, and rows are looked up differently"
            if desired.table.shape == READ
            else "the ids of a write server are no longer what makes its rows unique"
        )
        yield Difference("primary key", expected, found, effect)
    for text in existing.foreign_keys:
        yield Difference("foreign key", None, text, "stops a channel when its rows are purged")
    for text in existing.unknown:
        yield Difference("definition", None, text, "not known")
    if wanted.partitioned and not existing.partitioned:
        yield Difference(
            "partitions",
            "one a month",
            None,
            "no month can be dropped, and queries read the whole table",
        )
    if existing.partitioned and not wanted.partitioned:
        yield Difference(
            "partitions", None, "some", "an insert for which there is none fails (error 1526)"
        )


def _differences_of_indexes(desired: Wanted, compared: TableComparison) -> Iterator[Difference]:
    matched = compared.indexes
    for index, found in matched.pairs:
        if found.name.lower() != index.name.lower():
            yield Difference("name of index", str(index), str(found), HARMLESS)
    for index in matched.missing:
        effect = (
            "duplicates are accepted, and queries are slow" if index.unique else "slows queries"
        )
        yield Difference("index", str(index), None, effect, add_index(desired.table, index))
    for index in matched.others:
        if index.unique:
            effect = "stops a channel at a row that it takes for a duplicate"
        elif desired.table.shape == WRITE:
            effect = "slows every insert"
        else:
            effect = HARMLESS
        yield Difference("index", None, str(index), effect)


def _differences_of_checks(compared: TableComparison) -> Iterator[Difference]:
    expected, found = compared.checks
    for text in expected:
        yield Difference("check", text, None, "accepts other rows than the other servers")
    for text in found:
        yield Difference(
            "check",
            None,
            text,
            "refuses a row that it does not accept, which stops a channel on MySQL",
        )


def _differences_of_options(compared: TableComparison) -> Iterator[Difference]:
    for name, (expected, found) in compared.options.items():
        if name == "AUTO_INCREMENT":
            continue
        asked = name.strip("`").upper() in compared.one.options_asked
        if not asked and (name == "COLLATE" or (found is None and name not in _GIVEN_OPTIONS)):
            # Told with the columns', or only what a new table would get without being asked.
            continue
        if name in _HARMLESS_OPTIONS or not (asked or name in _GIVEN_OPTIONS):
            effect = HARMLESS
        elif name == "ENGINE":
            effect = "loses rows in a crash, or cannot be rolled back"
        elif name in ("CHARSET", "COLLATE"):
            effect = "columns that are added later get another character set"
        else:
            effect = "rows are stored differently; no channel stops"
        yield Difference(f"table option {name}", expected, found, effect)


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names)
