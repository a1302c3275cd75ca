# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and creating usage tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_indexes import (
    ADD_INDEXES,
    AddedIndexes,
    DraftedIndex,
    TableSize,
    match,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_table import (
    CREATE_SCHEMA,
    Current,
    Wanted,
    spelled,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import has_schema
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.create_table import (
    Written,
    create_statement,
    index_clause,
    shape_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition_text import (
    partition_by,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    READ,
    Column,
    Index,
    TableShape,
    UsageTable,
)

# A schema that every server has, for a temporary table while the table's own
# schema does not exist yet.
_ALWAYS_THERE = "mysql"

# What a definition means depends on these variables of the session. One description
# must give one table, whatever a server's version and its administrator prefer. Only
# what a server has and has otherwise is set: some take privileges, or say that they
# are deprecated. Without the last two, a character set that is named without a
# collation has the one that it has had in every version (MariaDB), or since 8.0 (MySQL).
_SESSION = {
    "sql_quote_show_create": "ON",
    "default_storage_engine": "InnoDB",
    "default_tmp_storage_engine": "InnoDB",
    "explicit_defaults_for_timestamp": "ON",
    "innodb_strict_mode": "ON",
    "old_mode": "UTF8_IS_UTF8MB3",
    "character_set_collations": "",
    "default_collation_for_utf8mb4": "utf8mb4_0900_ai_ci",
}

# Columns of which an index can have a prefix; of those of the second line, nothing else.
_PREFIXED = (
    *("char", "varchar", "binary", "varbinary"),
    *(f"{size}{kind}" for size in ("tiny", "", "medium", "long") for kind in ("text", "blob")),
)
# No server's index has more bytes of a column.
_LONGEST_PREFIX = 3072
# What a temporary table may have of a table's row formats, on which the length of an
# index depends. A compressed table's may be as long as a dynamic one's.
_ROW_FORMATS = ("DYNAMIC", "COMPACT", "REDUNDANT")

# Warnings of what will change in a later version.
_OF_THE_FUTURE = re.compile("deprecated|in a future (release|version)", re.IGNORECASE)

# Server errors of a definition that a temporary table cannot have, in words.
_NOT_IN_A_USAGE_TABLE = {
    1005: "usage tables have no foreign keys; leave them out",
    1215: "usage tables have no foreign keys; leave them out",
    1506: "leave the partitions out; read servers get one for each month",
    1562: "leave the partitions out; read servers get one for each month",
}


def read(server: Server, table: UsageTable, definition: Written) -> Current:
    """Read the table that is there, and let the server say what the definition means."""
    _prepare(server)
    schema_exists = has_schema(server, table.schema)
    # Before the temporary table, which hides a table of the same name.
    existing = _existing(server, table.schema, table.name)
    size = _size(server, table, existing) if existing and table.add_indexes else None
    row_format = _row_format(server, table, existing)
    schema = table.schema if schema_exists else _ALWAYS_THERE
    understood, notes = _understood(server, definition, schema)
    drafted: tuple[DraftedIndex, ...] = ()
    if table.shape == READ and understood.primary_key:
        draft = _Draft(server, schema, table.name, understood, row_format)
        drafted = tuple(draft.made(index) for index in _lacking(table, understood, existing))
    return Current(definition.asked(understood), existing, schema_exists, size, drafted, notes)


def read_table(server: Server, schema: str, name: str) -> TableShape | None:
    """Read a table as far as a channel is concerned; None: there is none, or none to be seen.

    Raises ``Refused`` when the name is a view's.
    """
    _prepare(server)
    shape = _existing(server, schema, name)
    if shape is None:
        return None
    rows = server.rows(
        "SELECT COLUMN_NAME AS name, CHARACTER_OCTET_LENGTH AS octets, "
        "GENERATION_EXPRESSION AS expression FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        schema,
        name,
    )
    octets = {str(row["name"]): row["octets"] for row in rows}
    expressions = {str(row["name"]): row["expression"] or None for row in rows}
    columns = (
        replace(column, octets=octets[column.name], generated=expressions[column.name])
        for column in shape.columns
    )
    return replace(shape, columns=tuple(columns))


def type_conversions(server: Server) -> str:
    """Return which types the server's appliers convert, where the source's are others."""
    # MySQL has both names, and will drop the second.
    found = server.variables("replica_type_conversions", "slave_type_conversions")
    return next((value for value in found.values() if value is not None), "")


def _size(server: Server, table: UsageTable, shape: TableShape) -> TableSize:
    """Read what the server estimates of a table, and how long texts in its indexes would be."""
    expiry = "information_schema_stats_expiry"
    if server.variables(expiry)[expiry] is not None:
        # Otherwise the figures may be a day old.
        server.set_session(expiry, 0)
    row = server.row(
        "SELECT TABLE_ROWS AS row_count, DATA_LENGTH AS data_bytes FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        table.schema,
        table.name,
    )
    prefixes = {
        name.lower(): _prefix(extra) for index in table.indexes for name, extra in index.parts
    }
    texts = [
        column.name
        for column in shape.columns
        if column.name.lower() in prefixes and column.base_type in _PREFIXED
    ]
    lengths = {}
    if texts:
        sample = ", ".join(
            f"LEFT({quote_identifier(name)}, {prefixes[name.lower()]}) AS {quote_identifier(name)}"
            for name in texts
        )
        averages = ", ".join(f"AVG(LENGTH({quote_identifier(name)}))" for name in texts)
        where = quote_table(table.schema, table.name)
        found = server.row(f"SELECT {averages} FROM (SELECT {sample} FROM {where} LIMIT 1000) AS s")
        lengths = {name: float(average or 0) for name, average in zip(texts, found.values())}
    return TableSize(int(row["row_count"] or 0), int(row["data_bytes"] or 0), lengths)


def _prefix(extra: str) -> int:
    """Return how much an index has of a column at most."""
    digits = "".join(letter for letter in extra if letter.isdigit())
    return int(digits) if digits else _LONGEST_PREFIX


def _prepare(server: Server) -> None:
    for variable, found in server.variables(*_SESSION).items():
        if found is not None and found != _SESSION[variable]:
            server.set_session(variable, _SESSION[variable])


def _row_format(server: Server, table: UsageTable, existing: TableShape | None) -> str:
    """Return the row format of the table, or that of a new one that names none.

    What the table names goes first: MySQL tells another of a table in partitions that
    was changed.
    """
    named = existing.option("ROW_FORMAT") if existing else None
    rows = server.rows(
        "SELECT ROW_FORMAT AS format FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        table.schema,
        table.name,
    )
    default = "innodb_default_row_format"
    found = str(rows[0]["format"] if rows else server.variables(default)[default])
    row_format = (named or found).upper()
    return row_format if row_format in _ROW_FORMATS else _ROW_FORMATS[0]


def _lacking(
    table: UsageTable, understood: TableShape, existing: TableShape | None
) -> Iterable[Index]:
    """Return the indexes that the table does not have, but for those on no column."""
    indexes = [spelled(index, understood) for index in table.indexes]
    for index in match(indexes, existing.indexes if existing else ()).missing:
        if index.columns and all(understood.column(name) for name in index.columns):
            yield index


class _Draft:
    """Temporary tables like the one that is described, each with one index."""

    def __init__(
        self, server: Server, schema: str, name: str, shape: TableShape, row_format: str
    ) -> None:
        self.server, self.schema, self.name = server, schema, name
        options = dict(shape.options)
        options.setdefault("ROW_FORMAT", row_format)
        self.shape = replace(shape, checks=(), indexes=(), options=tuple(options.items()))

    def made(self, index: Index) -> DraftedIndex:
        """Ask the server what it makes of an index, and which prefix it takes if not that."""
        drafted = self._ask(index)
        return drafted if drafted.as_asked else replace(drafted, fitting=self._fitting(index))

    def _ask(self, index: Index) -> DraftedIndex:
        shape = replace(self.shape, indexes=(index,))
        statement = create_statement(self.schema, self.name, shape, kind="TEMPORARY TABLE")
        try:
            self.server.rows(statement.sql, *statement.args)
        except ServerError as error:
            if _is_the_connections(error):
                raise
            return DraftedIndex(index, None, f"error {error.number}: {error.message}")
        try:
            said = "; ".join(_warnings(self.server))
            (made,) = _shape(self.server, self.schema, self.name).indexes
        finally:
            _drop_temporary(self.server, self.schema, self.name)
        return DraftedIndex(index, made, said)

    def _fitting(self, index: Index) -> Index | None:
        """Find the longest prefix of a column with which the server takes an index as it is."""
        for at, name in enumerate(index.columns):
            column = self.shape.column(name)
            if column is None or column.base_type not in _PREFIXED:
                continue
            taken, least, most = None, 1, min(_LONGEST_PREFIX, _length(column))
            while least <= most:
                middle = (least + most) // 2
                shorter = _with_prefix(index, at, middle)
                if self._ask(shorter).as_asked:
                    taken, least = shorter, middle + 1
                else:
                    most = middle - 1
            if taken:
                return taken
        return None


def _length(column: Column) -> int:
    """Return how many characters or bytes a column may have, a great number if any."""
    digits = "".join(letter for letter in column.type if letter.isdigit())
    return int(digits) if digits else _LONGEST_PREFIX + 1


def _with_prefix(index: Index, at: int, length: int) -> Index:
    parts = list(index.parts)
    column, extra = parts[at]
    parts[at] = (column, f"({length}){' DESC' if extra.endswith(' DESC') else ''}")
    return Index.of(index.name, parts, index.kind)


def _warnings(server: Server) -> list[str]:
    """Return what the server says about the last statement, but for its plans for the future."""
    found = [str(row["Message"]) for row in server.rows("SHOW WARNINGS")]
    return [text for text in found if not _OF_THE_FUTURE.search(text)]


def _is_the_connections(error: ServerError) -> bool:
    # The client library's own numbers (a lost connection) are from 2000 to 2999.
    return error.number == 0 or 2000 <= error.number < 3000


def _drop_temporary(server: Server, schema: str, name: str) -> None:
    server.rows(f"DROP TEMPORARY TABLE {quote_table(schema, name)}")


def _existing(server: Server, schema: str, name: str) -> TableShape | None:
    rows = server.rows(
        "SELECT TABLE_TYPE AS type FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        schema,
        name,
    )
    if not rows:
        return None
    if rows[0]["type"] != "BASE TABLE":
        raise Refused(
            [
                f"server {server.address}: {schema}.{name} exists already and is not a table but a "
                f"{rows[0]['type']}. Choose another name, or remove it."
            ]
        )
    return _shape(server, schema, name)


def _understood(
    server: Server, definition: Written, schema: str
) -> tuple[TableShape, tuple[str, ...]]:
    """Return what a definition means to the server, and what the server says about it."""
    try:
        statement = definition.temporary(schema)
        server.rows(statement.sql)
    except ServerError as error:
        if _is_the_connections(error):
            raise
        why = _NOT_IN_A_USAGE_TABLE.get(error.number, "correct it")
        raise Refused(
            [
                f"definition: server {server.address} does not accept it: error {error.number}: "
                f"{error.message}; {why}."
            ]
        ) from error
    try:
        notes = tuple(_warnings(server))
        return _shape(server, schema, definition.table), notes
    finally:
        _drop_temporary(server, schema, definition.table)


def _shape(server: Server, schema: str, table: str) -> TableShape:
    where = quote_table(schema, table)
    columns = {
        str(row["Field"]): (str(row["Type"]), row["Collation"], row["Null"] == "YES")
        for row in server.rows(f"SHOW FULL COLUMNS FROM {where}")
    }
    return shape_of(server.row(f"SHOW CREATE TABLE {where}")["Create Table"], columns)


def statements(step: Step, server: Server) -> list[Statement]:
    """Return the one statement of a step."""
    if step.action == ADD_INDEXES:
        return [add_indexes(step.value)]
    wanted: Wanted = step.value
    if step.action == CREATE_SCHEMA:
        return [
            Statement(
                f"CREATE SCHEMA {quote_identifier(wanted.table.schema)} "
                "DEFAULT CHARACTER SET utf8mb4"
            )
        ]
    return [create_table(wanted)]


def add_indexes(added: AddedIndexes) -> Statement:
    """Return the one statement that adds indexes while rows are read and written.

    Both flavours refuse it rather than to block writers: LOCK=NONE is a promise.
    """
    clauses = ", ".join(f"ADD {index_clause(index)}" for index in added.indexes)
    table = quote_table(added.table.schema, added.table.name)
    return Statement(f"ALTER TABLE {table} ALGORITHM=INPLACE, LOCK=NONE, {clauses}")


def create_table(wanted: Wanted) -> Statement:
    """Return the statement that creates the table as it is wanted."""
    clause, args = "", ()
    if wanted.partitions:
        column = wanted.shape.primary_key[-1]
        by, args = partition_by(wanted.scheme, column, wanted.partitions, in_lines=True)
        clause = f"\n{by}"
    return create_statement(wanted.table.schema, wanted.table.name, wanted.shape, (clause, args))
