# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking read servers, all at once, which ids they have of a write server's class."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import ask_servers
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channels import (
    source_login,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import (
    NEAR,
    IdsOnReader,
    UsageTable,
    ids_above,
    ids_below,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    quote_identifier,
    quote_table,
)

# What one query may take on a read server, which has other things to do.
QUERY_SECONDS = 1
# The variable that bounds a session's queries, and a second in its unit.
_BOUNDS = {MYSQL: ("max_execution_time", 1000), MARIADB: ("max_statement_time", 1)}
_NO_SCHEMA, _NO_TABLE = 1049, 1146


@dataclass(frozen=True)
class Readers:
    """The read servers by name, as ``Settings`` of channels to them, and the account's password.

    ``seconds`` bound a connection and each answer.
    """

    settings: Mapping[str, Settings]
    password: Secret
    seconds: float


# What one read server is asked, table by table.
Questions = Sequence[tuple[UsageTable, Callable[..., IdsOnReader]]]


def find(
    readers: Readers, pair: Autoinc, tables: Sequence[UsageTable], next_ids: Mapping[str, int]
) -> tuple[IdsOnReader, ...]:
    """Look for ids of the pair's class that are not below ``next_ids`` (by table).

    Only what was found and what could not be told is returned.
    """
    found = _ask(
        readers,
        {
            name: [
                (table, partial(_find, pair=pair, next_id=next_ids[table.table_name]))
                for table in tables
            ]
            for name in readers.settings
        },
    )
    return tuple(one for one in found if one.unknown or one.id is not None)


def found_on(
    server: Server,
    reader: str,
    pair: Autoinc,
    tables: Sequence[UsageTable],
    next_ids: Mapping[str, int],
) -> list[IdsOnReader]:
    """Look on one read server, whose session's queries are bounded from then on: see ``find``."""
    return _of_reader(
        reader,
        server,
        [
            (table, partial(_find, pair=pair, next_id=next_ids[table.table_name]))
            for table in tables
        ],
    )


def with_highest(
    readers: Readers, pair: Autoinc, tables: Sequence[UsageTable], found: Sequence[IdsOnReader]
) -> tuple[IdsOnReader, ...]:
    """Return what was found with the highest id of the class, where it is told in time."""
    by_name = {table.table_name: table for table in tables}
    questions: dict[str, list[tuple[UsageTable, Callable[..., IdsOnReader]]]] = {}
    for one in found:
        if one.id is not None:
            questions.setdefault(one.reader, []).append(
                (by_name[one.table], partial(_highest, pair=pair, lowest=one.id))
            )
    told = {(one.reader, one.table): one.highest for one in _ask(readers, questions)}
    return tuple(replace(one, highest=told.get((one.reader, one.table))) for one in found)


def _ask(readers: Readers, questions: Mapping[str, Questions]) -> list[IdsOnReader]:
    answers = ask_servers(
        {
            name: partial(source_login, readers.settings[name], readers.password, readers.seconds)
            for name in questions
        },
        lambda name, server: _of_reader(name, server, questions[name]),
        readers.seconds
        + max((3 * QUERY_SECONDS * len(asked) for asked in questions.values()), default=0),
    )
    told: list[IdsOnReader] = []
    for name, answer in answers.items():
        if isinstance(answer, ServerError):
            told.extend(
                IdsOnReader(name, table.table_name, unknown=str(answer))
                for table, _question in questions[name]
            )
        else:
            told.extend(answer)
    return told


def bound(server: Server, seconds: int) -> None:
    """Bound the queries of a session, and its waits for tables that others hold."""
    variable, second = _BOUNDS[server.flavour]
    server.set_session(variable, seconds * second)
    # A month that is being dropped holds the table's lock.
    server.set_session("lock_wait_timeout", seconds)


def _of_reader(name: str, server: Server, questions: Questions) -> list[IdsOnReader]:
    bound(server, QUERY_SECONDS)
    found = []
    for table, question in questions:
        try:
            found.append(question(server, name, table))
        except ServerError as error:
            # What is not there has no rows.
            if error.number not in (_NO_SCHEMA, _NO_TABLE):
                why = f"server {server.address}: {error.message}"
                found.append(IdsOnReader(name, table.table_name, unknown=why))
    return found


def _find(
    server: Server, reader: str, table: UsageTable, pair: Autoinc, next_id: int
) -> IdsOnReader:
    nothing = IdsOnReader(reader, table.table_name)
    above = _above(server, table, pair, next_id)
    if above is not None:
        return replace(nothing, id=above)
    # A server that goes on where its rows end has none above.
    if _top(server, table) < next_id or _below(server, table, pair, next_id):
        return nothing
    rows = server.rows(_of_class(table), next_id, pair.increment, pair.residue)
    return replace(nothing, id=int(rows[0]["id"])) if rows else nothing


def _highest(
    server: Server, reader: str, table: UsageTable, pair: Autoinc, lowest: int
) -> IdsOnReader:
    found = IdsOnReader(reader, table.table_name)
    end = time.monotonic() + QUERY_SECONDS
    while time.monotonic() < end:
        above = _above(server, table, pair, lowest + 1)
        if above is None:
            return replace(found, highest=lowest)
        lowest = above
    return found


def _top(server: Server, table: UsageTable) -> int:
    row = server.row(f"SELECT MAX({_column(table)}) AS highest FROM {_table(table)}")
    return int(row["highest"] or 0)


def _above(server: Server, table: UsageTable, pair: Autoinc, next_id: int) -> int | None:
    """Return a high id of the class that is not below ``next_id``."""
    top = _top(server, table)
    if top < next_id:
        return None
    far = _highest_of(server, table, ids_above(pair, next_id, top))
    near = server.row(
        f"SELECT MAX({_column(table)}) AS highest FROM {_table(table)} "
        f"WHERE {_column(table)} BETWEEN %s AND %s AND {_column(table)} MOD %s = %s",
        next_id,
        next_id + NEAR,
        pair.increment,
        pair.residue,
    )
    found = [int(one) for one in (far, near["highest"]) if one is not None]
    return max(found, default=None)


def _below(server: Server, table: UsageTable, pair: Autoinc, next_id: int) -> bool:
    """Tell whether the class has rows below ``next_id``."""
    if next_id <= pair.offset:
        return False
    near = server.rows(
        f"SELECT {_column(table)} AS id FROM {_table(table)} "
        f"WHERE {_column(table)} BETWEEN %s AND %s AND {_column(table)} MOD %s = %s "
        f"ORDER BY {_column(table)} DESC LIMIT 1",
        max(0, next_id - NEAR),
        next_id - 1,
        pair.increment,
        pair.residue,
    )
    return bool(near) or _highest_of(server, table, ids_below(pair, next_id)) is not None


def _highest_of(server: Server, table: UsageTable, ids: Sequence[int]) -> int | None:
    if not ids:
        return None
    marks = ", ".join(["%s"] * len(ids))
    column = _column(table)
    row = server.row(
        f"SELECT MAX({column}) AS highest FROM {_table(table)} WHERE {column} IN ({marks})", *ids
    )
    return None if row["highest"] is None else int(row["highest"])


def _of_class(table: UsageTable) -> str:
    """Return the query for the first id from one on, of a class (increment, residue)."""
    column = _column(table)
    return (
        f"SELECT {column} AS id FROM {_table(table)} WHERE {column} >= %s "
        f"AND {column} MOD %s = %s ORDER BY {column} LIMIT 1"
    )


def _column(table: UsageTable) -> str:
    return quote_identifier(table.id_column)


def _table(table: UsageTable) -> str:
    # Its key begins with the id; another index would be read from end to end.
    return f"{quote_table(table.schema, table.name)} FORCE INDEX (PRIMARY)"
