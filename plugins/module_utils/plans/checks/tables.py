# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with usage tables: shapes that differ, months that are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import (
    months as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.replicated_table import (
    compare,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.table_comparison import (
    TableComparison,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    CheckedServer,
    CheckedTable,
    Observed,
    Seen,
    TableSeen,
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
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    PartitionedTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    TableShape,
)

_OUTSIDE = "outside the binary log (sql_log_bin = 0), read servers first"
_MOMENT = timedelta(microseconds=1)


def judge(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Judge every usage table, on each server and between them."""
    for number, table in enumerate(checked.tables):
        for server in (*checked.of_kind(WRITE), *checked.of_kind(READ)):
            seen = observed.servers.get(server.name)
            if seen and str(table) not in seen.refused:
                yield from _of_server(server, table, seen, seen.tables[number], checked)
        yield from _writers_and_readers(number, table, checked, observed)
        yield from _readers(number, table, checked, observed)


def _of_server(
    server: CheckedServer, table: CheckedTable, seen: Seen, there: TableSeen, checked: Checked
) -> Iterator[Finding]:
    where = f"{server.name}, {table}"
    if there.shape is None:
        harm = (
            "applications cannot write to it"
            if server.kind == WRITE
            else "the first row of it stops a channel"
        )
        yield Finding(
            "tables.missing",
            CRITICAL,
            where,
            f"The server does not have this usage table: {harm}.",
            "Run site.yml, which makes it. If it was there, find out who dropped it, and restore it "
            "first.",
        )
    elif isinstance(there.months, PartitionedTable):
        now = checked.now or seen.now
        if now is not None:
            yield from _months(where, table, there.months, Month.of(now))
    elif there.months:
        yield Finding(
            "months.not_partitioned",
            CRITICAL,
            where,
            " ".join(there.months),
            "Make its months with mysql_month_partition.",
        )


def _months(
    where: str, table: CheckedTable, there: PartitionedTable, month: Month
) -> Iterator[Finding]:
    # How the past is divided stops no channel.
    policy = replace(table.policy, first_month=month)
    try:
        steps = planning.plan(policy, month, there).steps
    except Refused as refusal:
        yield from (replace(finding, where=where) for finding in refusal.findings)
        return
    made = [partition for step in steps for partition in step.value.new if partition.below]
    ends = sorted(one.below - _MOMENT for one in made if one.below)
    if not ends:
        return
    first, tail = Month.of(ends[0]), there.partitions[-1].below is None
    stops = not tail and first <= month + 1
    harm = (
        "They fall into the last partition, which has to be split before they are many."
        if tail
        else "The first row of it stops all channels of the server."
    )
    yield Finding(
        "months.missing",
        CRITICAL if stops else WARNING,
        where,
        f"{len(ends)} of the {policy.months_ahead + 1} months from {month} on have no partition, "
        f"from {first} on. {harm}",
        "Run site.yml, or mysql_month_partition, which makes them.",
    )


def _writers_and_readers(
    number: int, table: CheckedTable, checked: Checked, observed: Observed
) -> Iterator[Finding]:
    """Say what channels make of differences, once for all write servers that differ alike."""
    for reader, here, seen in _having(READ, number, checked, observed):
        differing: dict[str, list[str]] = {}
        for writer, there, source in _having(WRITE, number, checked, observed):
            if source.flavour != seen.flavour:
                continue
            found = compare(there, here, seen.enforces_checks, source.logs_generated)
            for difference in found:
                if not difference.harmless:
                    differing.setdefault(str(difference), []).append(writer)
        for text, writers in differing.items():
            yield Finding(
                "tables.differ",
                CRITICAL,
                f"{reader}, {table}",
                f"The table is not that of {', '.join(writers)}: {text}.",
                f"Change the one that is wrong, {_OUTSIDE}.",
            )


def _readers(
    number: int, table: CheckedTable, checked: Checked, observed: Observed
) -> Iterator[Finding]:
    """Say how read servers differ from the first one: what write servers have, they share."""
    having = [*_having(READ, number, checked, observed)]
    for name, shape, seen in having[1:]:
        first, theirs, of_first = having[0]
        if of_first.flavour != seen.flavour:
            continue
        compared = TableComparison(theirs, shape)
        lacking = [str(index) for index in compared.indexes.missing]
        more = [str(index) for index in compared.indexes.others]
        said = [f"it lacks {', '.join(lacking)}"] if lacking else []
        said += [f"it alone has {', '.join(more)}"] if more else []
        if said:
            yield Finding(
                "tables.readers_differ",
                WARNING,
                f"{name}, {table}",
                f"The table has other indexes than on {first}: {'; '.join(said)}. A query that is "
                "quick on one is slow on the other.",
                "Run site.yml, which adds what is described and missing.",
            )


def _having(
    kind: str, number: int, checked: Checked, observed: Observed
) -> Iterator[tuple[str, TableShape, Seen]]:
    """Yield the servers of a kind that have the table."""
    for server in checked.of_kind(kind):
        seen = observed.servers.get(server.name)
        shape = seen.tables[number].shape if seen else None
        if seen and shape:
            yield server.name, shape, seen
