# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a write server would give ids that read servers have already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import IdColumn
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import (
    IdsOnReader,
    UsageTable,
)


def next_ids(
    tables: Sequence[UsageTable],
    columns: Sequence[IdColumn],
    pair: Autoinc,
    floors: Mapping[str, int],
) -> dict[str, int]:
    """Return by table the id that a server with ``pair`` gives next, above its floor.

    One that the server does not have is made later, and begins with the first.
    """
    by_table = {column.table_name: column for column in columns}
    found = {}
    for name in (table.table_name for table in tables):
        column = by_table.get(name)
        now = column.next_id(pair) if column else pair.next_id(1)
        found[name] = max(now, pair.next_id(floors.get(name, 0) + 1))
    return found


def taken(found: Sequence[IdsOnReader], next_ids: Mapping[str, int]) -> list[IdsOnReader]:
    """Return what was found that the server would give again.

    ``next_ids`` have been read after the read servers were asked: what they had got
    meanwhile is below.
    """
    return [one for one in found if one.id is not None and one.id >= next_ids[one.table]]


def problems_of(
    found: Sequence[IdsOnReader], next_ids: Mapping[str, int], pair: Autoinc
) -> list[Finding]:
    """Say which ids would be given again, by table, and what to do."""
    by_table: dict[str, list[IdsOnReader]] = {}
    for one in taken(found, next_ids):
        by_table.setdefault(one.table, []).append(one)
    return [
        Finding(
            "ids.given_again",
            CRITICAL,
            table,
            f"this server's next id is {next_ids[table]}, and ids of its class ({pair.residue} "
            f"modulo {pair.increment}) exist already {_said(those)}. It would give them again, and "
            "read servers would store two rows with one id. The server has come back empty or "
            "from a backup, the table was truncated, or the offset belonged to another server.",
            "Give it an unused offset and an unused server id; or let it continue above them"
            f"{_floor(table, those)}.",
        )
        for table, those in sorted(by_table.items())
    ]


def unknown(found: Sequence[IdsOnReader]) -> list[str]:
    """Say, in one warning, what read servers have not told."""
    reasons: dict[str, list[str]] = {}
    for one in found:
        if one.unknown:
            reasons.setdefault(f"{one.reader}: {one.unknown}", []).append(one.table)
    if not reasons:
        return []
    said = "; ".join(f"{reason} ({', '.join(tables)})" for reason, tables in reasons.items())
    return [
        "It is unknown whether all read servers are free of ids that this server would give "
        f"again: {said}. In the first run of a new topology, which creates the account there, this "
        "is expected. If this server has come back empty or from a backup, run this again when "
        "they answer, before an application writes to it."
    ]


def _said(those: Sequence[IdsOnReader]) -> str:
    return ", ".join(
        f"up to {one.highest} on read server {one.reader}"
        if one.highest is not None
        else f"up to at least {one.id} on read server {one.reader}"
        for one in those
    )


def _floor(table: str, those: Sequence[IdsOnReader]) -> str:
    highest = [one.highest for one in those if one.highest is not None]
    if len(highest) < len(those):
        return ", with next_id_above: the highest id could not be read in time, look it up there"
    return f", with next_id_above: {{{table}: {max(highest)}}}"
