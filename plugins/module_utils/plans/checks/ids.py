# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with ids: given again, of other servers, there twice, used up."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.id_columns import (
    foreign_ids,
    range_problems,
    unread,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    CheckedServer,
    Observed,
    Seen,
    on,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    READ,
    WRITE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import IdLimits


def judge(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Judge what write servers have numbered, and what read servers have of it."""
    told: set[str] = set()
    for writer in checked.of_kind(WRITE):
        seen = observed.servers.get(writer.name)
        for finding in _of_writer(writer, seen, checked) if seen else ():
            if finding.code == "ids.of_other_servers":
                told.add(finding.where)
            yield on(writer.name, finding)
        yield from (on(writer.name, one) for one in observed.given_again.get(writer.name, ()))
    for reader in checked.of_kind(READ):
        seen = observed.servers.get(reader.name)
        if seen:
            yield from _of_reader(reader, seen, checked, told)


def _of_writer(writer: CheckedServer, seen: Seen, checked: Checked) -> Iterator[Finding]:
    if writer.pair is None:
        return
    used = checked.limits.used_percent
    limits = IdLimits(True, (), checked.limits.ids_looked_at, used, True)
    for finding in range_problems(seen.id_columns, limits, writer.pair):
        yield replace(finding, todo="Change the column to BIGINT UNSIGNED, on read servers first.")
    yield from foreign_ids(seen.id_columns, writer.pair, CRITICAL)
    for finding in unread(seen.id_columns):
        yield replace(finding, todo="Give it an index that begins with the column.")


def _of_reader(
    reader: CheckedServer, seen: Seen, checked: Checked, told: Collection[str]
) -> Iterator[Finding]:
    known = {one.pair.residue: one.name for one in checked.of_kind(WRITE) if one.pair}
    for table, there in zip(checked.tables, seen.tables):
        where = f"{reader.name}, {table}"
        if there.twice:
            yield Finding(
                "ids.twice",
                CRITICAL,
                where,
                "Several rows have one id, of the newest "
                f"{checked.limits.ids_looked_at}: {', '.join(map(str, there.twice))}. An update of one of "
                "them may change the other.",
                "Stop the write server that gives ids of another one (mysql_autoinc_offset tells), and "
                "give the rows that are wrong ids of their own, everywhere.",
            )
        others = {
            residue: highest
            for residue, highest in there.residues.items()
            if residue not in known and str(table) not in told
        }
        if others:
            said = ", ".join(
                f"{highest} ({residue} modulo {checked.increment})"
                for residue, highest in sorted(others.items())
            )
            yield Finding(
                "ids.of_no_server",
                WARNING,
                where,
                f"It has rows with ids that no write server of the inventory gives: {said}.",
                "If they are of a server that was retired, keep its offset unused; if not, find out "
                "who wrote them.",
            )
