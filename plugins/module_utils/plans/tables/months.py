# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the partitions that a table has to those that its months need.

Boundaries are compared, never names: a partition that was made by hand counts
for what it holds. Months ahead are made before anything is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.month_archive import (
    Archive,
    archive_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import EPOCH
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    ARCHIVE_PAST,
    MOST_PARTITIONS,
    MonthPolicy,
    Partition,
    PartitionedTable,
    Span,
    slivers,
    spans,
    text_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition_text import (
    part_nulls,
)

ADD = "add partitions"
SPLIT = "split partition"
DROP = "drop partitions"
ARCHIVE = "archive partition"
MOVE = "move partition"
CLEAN = "remove what an interrupted move left"

# Rows that are counted at most: finding out must not take as long as moving.
COUNT_LIMIT = 1_000_000

# What rewriting rows was measured to do on two cores; only to tell what to expect.
ROWS_PER_SECOND = 100_000

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Change:
    """Partitions of ``table`` that go and those that come in their place.

    ``after`` are all of the table's partitions once it is done. ``archive`` is
    the table that takes the old one's rows, for ``ARCHIVE``; ``leftover`` the
    name of the table that goes, for ``CLEAN``.
    """

    table: PartitionedTable
    old: tuple[Partition, ...]
    new: tuple[Partition, ...]
    after: tuple[Partition, ...]
    archive: Archive | None = None
    leftover: str | None = None


@dataclass(frozen=True)
class Beside:
    """What is there beside the table: the archives of what is past, and an interrupted move's."""

    archives: tuple[Archive, ...] = ()
    leftover: str | None = None


def initial(policy: MonthPolicy, current: Month) -> tuple[Partition, ...]:
    """Return the partitions of a new table: one a month, the first takes everything older."""
    return _pieces(_boundaries(policy, current, ()), ())


def in_question(
    policy: MonthPolicy, current: Month, partitions: Sequence[Partition]
) -> list[Partition]:
    """Return the partitions that would be split: whether they hold rows must be known."""
    boundaries = _boundaries(policy, current, partitions)
    return [span.partition for span in spans(partitions) if _is_wide(span, boundaries)]


def to_archive(
    policy: MonthPolicy, current: Month, partitions: Sequence[Partition]
) -> tuple[Partition, ...]:
    """Return the partitions that would be archived: whether they hold rows must be known."""
    return _past(policy, current, partitions) if policy.past == ARCHIVE_PAST else ()


def plan(
    policy: MonthPolicy, current: Month, table: PartitionedTable, beside: Beside = Beside()
) -> Plan:
    """Return the steps that give every month its partition and put what is past in its place.

    Of each partition that ``in_question`` or ``to_archive`` names, ``counted``
    must be given, and of each of the latter its archive in ``beside``. A
    partition with rows is never split: that would move them; only the last one
    is, where the policy says so. Raises ``Refused`` when the last one takes
    everything and holds rows, when more than ``max_drops`` would be dropped,
    when an archive's name is taken, or when there would be too many partitions.
    """
    boundaries = _boundaries(policy, current, table.partitions)
    problems: list[Finding] = []
    warnings: list[str] = []
    state = list(table.partitions)
    steps: list[Step] = []

    def change(
        action: str,
        old: tuple[Partition, ...],
        new: tuple[Partition, ...],
        archive: Archive | None = None,
    ) -> None:
        before = _shown(state)
        at = state.index(old[0]) if old else len(state)
        state[at : at + len(old)] = new
        done = Change(table, old, new, tuple(state), archive)
        steps.append(Step(action, str(table), before, _shown(state), done))

    if beside.leftover is not None:
        unchanged = Change(table, (), (), tuple(state), leftover=beside.leftover)
        gone = f"{table.schema}.{beside.leftover}"
        steps.append(Step(CLEAN, gone, {"exists": True}, None, unchanged))
    for span in spans(table.partitions):
        if not _is_wide(span, boundaries):
            continue
        if span.partition.counted and span.upper is None and policy.split_tail_with_rows:
            warnings.append(_moves_rows(table, span))
        elif span.partition.counted:
            found = _holds_rows(table, span, boundaries)
            if found.severity == CRITICAL:
                problems.append(found)
            else:
                warnings.append(str(found))
            continue
        others = [other for other in state if other is not span.partition]
        inner = [boundary for boundary in boundaries if span.contains(boundary)]
        change(SPLIT, (span.partition,), _split(span.partition, inner, others))
    last = state[-1].below
    if last is not None:
        missing = _pieces([boundary for boundary in boundaries if boundary > last], state)
        if missing:
            change(ADD, (), missing)
    older = _older(policy, current, table.partitions)
    warnings += [_holds_nulls(table, p) for p in older if p.may_hold_nulls]
    past = _past(policy, current, table.partitions)
    if _months_in(table, past) > policy.max_drops:
        problems.append(_too_many_drops(table, policy, current, past))
    elif policy.past == ARCHIVE_PAST:
        archives = {archive.partition: archive for archive in beside.archives}
        problems.extend(archive_problems(table, past, beside.archives))
        for partition in past:
            change(ARCHIVE, (partition,), (), archives[partition.name])
    elif past:
        change(DROP, past, ())
    cold = [partition for partition in state if policy.is_cold(partition, current)]
    for partition in cold[: policy.max_moves]:
        moved = replace(partition, data_directory=policy.cold_data_directory)
        change(MOVE, (partition,), (moved,))
    if len(cold) > policy.max_moves:
        warnings.append(_more_moves(table, policy, cold))
    if len(state) > MOST_PARTITIONS:
        problems.append(
            Finding(
                "months.too_many",
                CRITICAL,
                str(table),
                f"{table} would have {len(state)} partitions; a table can have {MOST_PARTITIONS}.",
                "Choose a later first_month, or fewer months_ahead.",
            )
        )
    refuse_if_any(problems)
    return Plan(tuple(steps), tuple(warnings))


def problems(policy: MonthPolicy, current: Month, table: PartitionedTable) -> list[str]:
    """Say which months have no partition of their own, and why if they cannot have one.

    Of each partition that ``in_question`` names, ``counted`` must be given.
    """
    try:
        found = plan(policy, current, table)
    except Refused as refusal:
        return refusal.problems
    said = []
    for step in found.steps:
        names = ", ".join(partition.name for partition in step.value.new)
        said.append(f"{table}: mysql_month_partition would {step.action}: {names}.")
    return [*said, *found.warnings]


def _boundaries(
    policy: MonthPolicy, current: Month, partitions: Sequence[Partition]
) -> list[datetime]:
    """Return the bounds that partitions shall have, in order.

    The lower bound of the first month is left out where that month may share
    its partition with everything older: in the table's first partition, and at
    the retention's edge, where a partition of its own would only be dropped.
    """
    existing = [partition.below for partition in partitions if partition.below is not None]
    first = policy.first_month
    if first is None:
        known = [below for below in existing if below > EPOCH]
        first = Month.starting_from(known[0]) if known else current
    first = min(first, current)
    cutoff = policy.cutoff(current)
    if cutoff is not None:
        first = max(first, cutoff)
    wanted = [month.end for month in first.to(policy.last(current))]
    if existing and existing[0] < first.start and first != cutoff:
        wanted.insert(0, first.start)
    return wanted


def _is_wide(span: Span, boundaries: Sequence[datetime]) -> bool:
    """Whether a partition must be split: a month shares it with other months.

    A partition that only lies across the turn of a month, such as a week made
    by hand, is in nobody's way. One without an upper bound always is: what
    comes later would have to be added above it.
    """
    inner = [boundary for boundary in boundaries if span.contains(boundary)]
    if not inner or span.upper is None:
        return bool(inner)
    ends = [*inner, span.upper]
    months = (Month.of(end - _MOMENT) for end in ends)
    return any(month.end in ends and span.covers(month) for month in months)


def _split(
    old: Partition, inner: Sequence[datetime], others: Sequence[Partition]
) -> tuple[Partition, ...]:
    if old.below is None:
        return (*_pieces(inner, [*others, old]), old)
    *pieces, last = _pieces([*inner, old.below], others)
    return (*pieces, replace(last, bound=old.bound))


def _pieces(boundaries: Iterable[datetime], others: Iterable[Partition]) -> tuple[Partition, ...]:
    """Return new partitions below each boundary, with names that ``others`` do not have."""
    # Servers compare partition names without regard to case.
    taken = {other.name.lower() for other in others}
    pieces = []
    for boundary in boundaries:
        month = Month.of(boundary - _MOMENT)
        plain = name = f"p{month.year:04}m{month.month:02}"
        number = 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        pieces.append(Partition(name, boundary, counted=0))
    return tuple(pieces)


def _past(
    policy: MonthPolicy, current: Month, partitions: Sequence[Partition]
) -> tuple[Partition, ...]:
    return tuple(p for p in _older(policy, current, partitions) if not p.may_hold_nulls)


def _older(
    policy: MonthPolicy, current: Month, partitions: Sequence[Partition]
) -> tuple[Partition, ...]:
    """Return the partitions whose months are past; one may have rows of no month, too."""
    cutoff = policy.cutoff(current)
    if cutoff is None:
        return ()
    return tuple(
        p for p in partitions if p.below and p.below <= cutoff.start and not p.is_catch_all
    )


def _months_in(table: PartitionedTable, past: Sequence[Partition]) -> int:
    """Return how many partitions that is; the hours between two midnights are not another one."""
    apart = slivers(table.partitions)
    return sum(partition.name not in apart for partition in past)


def _shown(partitions: Sequence[Partition]) -> dict[str, object]:
    return {
        "partitions": {
            span.partition.name: f"{span} in {span.partition.data_directory}"
            if span.partition.data_directory
            else str(span)
            for span in spans(partitions)
        }
    }


def _holds_rows(table: PartitionedTable, span: Span, boundaries: Sequence[datetime]) -> Finding:
    inner = [text_of(boundary) for boundary in boundaries if span.contains(boundary)]
    where = inner[0] if len(inner) == 1 else f"{inner[0]} to {inner[-1]}"
    said = (
        f"partition {span.partition.name} ({span}) holds {rows_text(span.partition)}, so the "
        f"boundaries that months need inside it ({where}) would move rows."
    )
    if span.upper is None:
        return Finding(
            "months.tail_holds_rows",
            CRITICAL,
            str(table),
            f"{said} While it is there, no later partition can be added. "
            f"{moving_text(span.partition)}",
            "Set split_tail_with_rows to true at a quiet time, or reorganise it by hand into one "
            "partition for each month.",
        )
    return Finding(
        "months.share_a_partition",
        WARNING,
        str(table),
        f"{said} It is left as it is: its months can only be dropped together.",
        "Reorganise it by hand at a quiet time if they must be separate.",
    )


def _holds_nulls(table: PartitionedTable, partition: Partition) -> str:
    return (
        f"{table}: partition {partition.name} has expired, but is kept: {table.time_column} can "
        "be NULL, and rows with NULL are in this partition. Move them into a partition of their "
        f"own, at a quiet time and outside the binary log: {part_nulls(table).shown}; or make the "
        "column NOT NULL."
    )


def _moves_rows(table: PartitionedTable, span: Span) -> str:
    return (
        f"{table}: partition {span.partition.name} ({span}) holds {rows_text(span.partition)}, and "
        f"splitting it moves them. {moving_text(span.partition)}"
    )


def _more_moves(table: PartitionedTable, policy: MonthPolicy, cold: Sequence[Partition]) -> str:
    size = sum(partition.bytes for partition in cold[policy.max_moves :])
    return (
        f"{table}: {len(cold)} partitions belong into {policy.cold_data_directory}, and max_moves "
        f"allows {policy.max_moves} a run; about {size} bytes are left for later runs."
    )


def moving_text(partition: Partition) -> str:
    """Say how much would be rewritten, and how long that may take."""
    seconds = max(1, round(partition.rows / ROWS_PER_SECOND))
    return (
        f"By the server's statistics that is about {partition.rows} rows, {partition.bytes} bytes "
        f"with indexes; expect about {seconds} s (at {ROWS_PER_SECOND} rows/s, an estimate), "
        "during which nobody else can write to the table."
    )


def rows_text(partition: Partition) -> str:
    """Return a partition's counted rows in words."""
    count = partition.counted or 0
    if count > COUNT_LIMIT:
        return f"more than {COUNT_LIMIT} rows"
    return "1 row" if count == 1 else f"{count} rows"


def _too_many_drops(
    table: PartitionedTable, policy: MonthPolicy, current: Month, past: Sequence[Partition]
) -> Finding:
    names = ", ".join(
        f"{partition.name} (below {text_of(partition.end)})"
        for partition in past
        if partition.end is not None
    )
    return Finding(
        "months.too_many_drops",
        CRITICAL,
        str(table),
        f"{len(past)} partitions are older than {policy.cutoff(current)}, the first of "
        f"{policy.months_kept} months that are kept before {policy.running(current)}: {names}. "
        f"max_drops allows {policy.max_drops}, so nothing has been changed.",
        "Check now and months_kept; if all of these may be dropped, set max_drops to "
        f"{_months_in(table, past)}.",
    )
