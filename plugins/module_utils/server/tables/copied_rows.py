# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing the rows of a table on two servers, and bringing what differs from one to the other.

Both are walked by the primary key, in ranges. A range is compared by a checksum that each server
makes of it; only where that differs are the rows' own compared, and only rows that differ are read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_columns,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.copied_table import (
    BEHIND,
    BYTES,
    DECIMAL,
    FLOATING,
    JSON,
    LONG,
    SHAPE,
    TEXT,
    WHOLE,
    CopiedColumn,
    CopiedTable,
    RowCounts,
)

Key = tuple[Any, ...]
_One = TypeVar("_One")

# How a value is read, so that it can be written again.
_VALUE = {
    WHOLE: "{0}",
    BEHIND: "CAST({0} AS UNSIGNED)",
    DECIMAL: "CAST({0} AS CHAR)",
    # A FLOAT by itself is told with six digits.
    FLOATING: "CAST(CAST({0} AS DOUBLE) AS CHAR)",
    TEXT: "CAST({0} AS CHAR)",
    BYTES: "CAST({0} AS BINARY)",
    LONG: "CAST({0} AS BINARY)",
    SHAPE: "{0}",
    JSON: "CAST({0} AS CHAR)",
}
# What goes into a row's checksum, where it is not the value itself: nothing with a comma in it.
_SUMMED = {
    BYTES: "HEX({0})",
    LONG: "SHA2({0}, 256)",
    SHAPE: "SHA2({0}, 256)",
    JSON: "SHA2(CAST({0} AS CHAR), 256)",
}
_SIZED = (BYTES, LONG, SHAPE, JSON)
_NO_LIMIT = 2**64 - 1
# Of one statement, and of one transaction.
_ROWS, _BYTES, _TRANSACTION_BYTES = 100, 512 * 1024, 4 * 1024 * 1024
# How many more rows than the source a range may have here.
_MORE = 2


@dataclass(frozen=True)
class Difference:
    """What differs in one range: rows to write, with their sizes, and keys of rows to delete."""

    counts: RowCounts
    write: Sequence[tuple[Key, int]] = ()
    delete: Sequence[Key] = ()


def count(source: Server, here: Server, table: CopiedTable, chunk_rows: int) -> RowCounts:
    """Return how many rows differ; changes nothing."""
    total = RowCounts()
    for one in differences(source, here, table, chunk_rows):
        total += one.counts
    return total


def count_all(source: Server, table: CopiedTable) -> RowCounts:
    """Return what has to be brought of a table that is not here yet."""
    number = int(source.row(f"SELECT COUNT(*) AS number FROM {_name(table)}")["number"])
    return RowCounts(there=number, missing=number)


def differences(
    source: Server, here: Server, table: CopiedTable, chunk_rows: int
) -> Iterator[Difference]:
    """Compare range by range, each when it is asked for."""
    after: Key | None = None
    while True:
        until = _nth(source, table, after, None, chunk_rows)
        # What only is here may be much more.
        until = _nth(here, table, after, until, chunk_rows * _MORE) or until
        yield _difference(source, here, table, after, until)
        if until is None:
            return
        after = until


def bring(source: Server, here: Server, table: CopiedTable, chunk_rows: int) -> None:
    """Write and delete what differs, in transactions of a bounded size."""
    for one in differences(source, here, table, chunk_rows):
        if one.counts.differ:
            _refuse_known(source, table, one.delete)
            with _transaction(here):
                _bring_range(source, here, table, one)


def _difference(
    source: Server, here: Server, table: CopiedTable, after: Key | None, until: Key | None
) -> Difference:
    there_sum, here_sum = (checksum(server, table, after, until) for server in (source, here))
    rows = RowCounts(there=there_sum[0], here=here_sum[0])
    if there_sum == here_sum:
        return Difference(rows)
    theirs, mine = (_sums(server, table, after, until) for server in (source, here))
    write = [(key, size) for key, (own, size) in theirs.items() if mine.get(key, (None,))[0] != own]
    different = sum(key in mine for key, _size in write)
    delete = [key for key in mine if key not in theirs]
    counts = RowCounts(rows.there, rows.here, len(write) - different, different, len(delete))
    return Difference(counts, write, delete)


def _bring_range(source: Server, here: Server, table: CopiedTable, one: Difference) -> None:
    written = 0
    # First, because a key that is another one by its bytes may be the same to the server.
    for keys in _slices(one.delete, lambda _key: 0):
        _write(here, Statement(*_of_keys(f"DELETE FROM {_name(table)}", table, keys)))
    for batch in _slices(one.write, lambda row: row[1]):
        rows = _rows(source, table, [key for key, _size in batch])
        if len(rows) != len(batch):
            raise ServerError(source.address, f"{table}: rows that were there cannot be read")
        # A row here that is in the way by another unique key is none of the source's: it differs
        # itself, and its turn comes or was.
        marks = quote_columns([column.name for column in table.written])
        values = "(" + ", ".join(["%s"] * len(table.written)) + ")"
        sql = f"REPLACE INTO {_name(table)} {marks} VALUES {', '.join([values] * len(rows))}"
        _write(here, Statement(sql, tuple(value for row in rows for value in row)))
        written += sum(size for _key, size in batch)
        if written > _TRANSACTION_BYTES:
            here.rows("COMMIT")
            here.rows("START TRANSACTION")
            written = 0


def _refuse_known(source: Server, table: CopiedTable, keys: Sequence[Key]) -> None:
    """Look once more whether the source really lacks rows that are about to be deleted here.

    Raises ``ServerError`` where it has one: both then order the keys in different ways.
    """
    for some in _slices(keys, lambda _key: 0):
        sql, args = _of_keys(f"SELECT {_key_values(table)} FROM {_name(table)}", table, some)
        found = {_key_of(row, table) for row in source.rows(sql, *args)}
        if found & {*some}:
            raise ServerError(
                source.address,
                f"{table}: this server and the other order the primary key in different ways, as "
                "two versions of one collation do. Bring the versions together",
            )


def _write(server: Server, statement: Statement) -> None:
    """Run what has the values of rows in it, which nothing shows."""
    try:
        server.run(statement, again=True)
    except ServerError as error:
        raise ServerError(error.address, error.message, error.number) from None


@contextlib.contextmanager
def _transaction(server: Server) -> Iterator[None]:
    server.rows("START TRANSACTION")
    try:
        yield
    except BaseException:
        with contextlib.suppress(ServerError):
            server.rows("ROLLBACK")
        raise
    server.rows("COMMIT")


def _nth(
    server: Server, table: CopiedTable, after: Key | None, until: Key | None, number: int
) -> Key | None:
    """Return the key of the row of this number in a range; None: it has not so many."""
    where, args = _range(table, after, until)
    keys = ", ".join(quote_identifier(name) for name in table.key)
    rows = server.rows(
        f"SELECT {_key_values(table)} FROM {_name(table)} {where} ORDER BY {keys} "
        f"LIMIT 1 OFFSET {number - 1}",
        *args,
    )
    return _key_of(rows[0], table) if rows else None


def checksum(
    server: Server,
    table: CopiedTable,
    after: Key | None,
    until: Key | None,
    condition: str = "",
    values: Key = (),
) -> tuple[int, int, int]:
    """Return how many rows a range has, and 128 bits that each of them has its part in.

    A ``condition`` with its ``values`` leaves out others.
    """
    where, args = _range(table, after, until)
    if condition:
        where, args = f"{where} {'AND' if where else 'WHERE'} {condition}", (*args, *values)
    half = "CAST(CONV(SUBSTRING(sum, {}, 16), 16, 10) AS UNSIGNED)"
    # With a limit, the sum is made once for a row, and not for each use of it.
    row = server.row(
        f"SELECT COUNT(*) AS number, COUNT(sum) AS sums, BIT_XOR({half.format(1)}) AS one, "
        f"BIT_XOR({half.format(17)}) AS other FROM (SELECT {_sum(table)} AS sum FROM {_name(table)} "
        f"{where} LIMIT {_NO_LIMIT}) AS sums",
        *args,
    )
    if row["number"] != row["sums"]:
        raise _not_summed(server, table)
    return int(row["number"]), int(row["one"]), int(row["other"])


def _sums(
    server: Server, table: CopiedTable, after: Key | None, until: Key | None
) -> dict[Key, tuple[str, int]]:
    """Return the checksum and the size of every row in a range, in the order of the key."""
    where, args = _range(table, after, until)
    keys = ", ".join(quote_identifier(name) for name in table.key)
    sizes = [
        f"COALESCE(LENGTH({quote_identifier(column.name)}), 0)"
        for column in table.written
        if column.kind in _SIZED
    ]
    rows = server.rows(
        f"SELECT {_key_values(table)}, {_sum(table)} AS sum, "
        f"{' + '.join([str(32 * len(table.written)), *sizes])} AS size FROM {_name(table)} {where} "
        f"ORDER BY {keys}",
        *args,
    )
    if any(row["sum"] is None for row in rows):
        raise _not_summed(server, table)
    return {_key_of(row, table): (str(row["sum"]), int(row["size"])) for row in rows}


def _not_summed(server: Server, table: CopiedTable) -> ServerError:
    return ServerError(
        server.address,
        f"{table}: the server's max_allowed_packet is too small to compare rows as long as these",
    )


def _rows(server: Server, table: CopiedTable, keys: Sequence[Key]) -> list[tuple[Any, ...]]:
    values = ", ".join(
        f"{_value(column)} AS value{number}" for number, column in enumerate(table.written)
    )
    sql, args = _of_keys(f"SELECT {values} FROM {_name(table)}", table, keys)
    return [
        tuple(row[f"value{number}"] for number in range(len(table.written)))
        for row in server.rows(sql, *args)
    ]


def _name(table: CopiedTable) -> str:
    return quote_table(table.schema, table.name)


def _value(column: CopiedColumn) -> str:
    return _VALUE[column.kind].format(quote_identifier(column.name))


def _key_values(table: CopiedTable) -> str:
    return ", ".join(
        f"{_value(column)} AS key{number}" for number, column in enumerate(table.key_columns)
    )


def _key_of(row: dict[str, Any], table: CopiedTable) -> Key:
    return tuple(row[f"key{number}"] for number in range(len(table.key)))


def _sum(table: CopiedTable) -> str:
    """Return the checksum of a row: of all that is written, and where there is nothing."""
    parts = [
        f"COALESCE({_SUMMED.get(column.kind, _VALUE[column.kind])}, '-')".format(
            quote_identifier(column.name)
        )
        for column in table.written
    ]
    # The key may be made of other columns.
    return f"SHA2(CONCAT_WS(',', {', '.join(parts)}), 256)"


def _compared(column: CopiedColumn) -> str:
    """Return a value of a key as the server compares it with the column's own."""
    if column.kind == DECIMAL:
        return f"CAST(%s AS DECIMAL({column.precision}, {column.scale}))"
    if column.kind == FLOATING:
        return "CAST(%s AS DOUBLE)"
    if column.character_set and column.collation and column.kind in (BYTES, LONG):
        characters, collation = map(quote_identifier, (column.character_set, column.collation))
        return f"CONVERT(%s USING {characters}) COLLATE {collation}"
    return "%s"


def _range(table: CopiedTable, after: Key | None, until: Key | None) -> tuple[str, Key]:
    """Return the condition of the rows behind one key and up to another, that one included."""
    conditions, args = [], []
    for key, sign, last in ((after, ">", ">"), (until, "<", "<=")):
        if key is None:
            continue
        found = []
        for number, column in enumerate(table.key_columns):
            equal = [f"{quote_identifier(c.name)} = {_compared(c)}" for c in table.key_columns]
            is_last = number == len(table.key) - 1
            own = f"{quote_identifier(column.name)} {last if is_last else sign} {_compared(column)}"
            found.append(f"({' AND '.join([*equal[:number], own])})")
            args += [*key[:number], key[number]]
        conditions.append(f"({' OR '.join(found)})")
    return (f"WHERE {' AND '.join(conditions)}" if conditions else "", tuple(args))


def _of_keys(sql: str, table: CopiedTable, keys: Sequence[Key]) -> tuple[str, Key]:
    """Return a statement for the rows with these keys."""
    one = " AND ".join(
        f"{quote_identifier(column.name)} = {_compared(column)}" for column in table.key_columns
    )
    where = " OR ".join([f"({one})"] * len(keys))
    return f"{sql} WHERE {where}", tuple(value for key in keys for value in key)


def _slices(all_of_them: Sequence[_One], size: Callable[[_One], int]) -> Iterator[list[_One]]:
    """Cut into parts that one statement takes."""
    part: list[_One] = []
    length = 0
    for one in all_of_them:
        if part and (len(part) >= _ROWS or length + size(one) > _BYTES):
            yield part
            part = []
            length = 0
        part.append(one)
        length += size(one)
    if part:
        yield part
