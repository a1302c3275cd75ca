# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Range partitions by time, and the months that a table shall have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import (
    EPOCH,
    parse_moment,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month

# Both flavours' limit: MySQL Reference Manual, "Restrictions and Limitations on
# Partitioning"; MariaDB Knowledge Base, "Partitioning Limitations".
MOST_PARTITIONS = 8192

# How a table's partitions are told apart: the expression of PARTITION BY RANGE.
RANGE_COLUMNS = "range columns"
UNIX_TIMESTAMP = "unix_timestamp"
TO_DAYS = "to_days"
EPOCH_SECONDS = "epoch seconds"
EPOCH_MILLISECONDS = "epoch milliseconds"

# What an integer column may count since 1970-01-01 00:00:00 UTC, by the option's word.
EPOCH_UNITS = {"seconds": EPOCH_SECONDS, "milliseconds": EPOCH_MILLISECONDS}


# Times that stand as somebody's clock wrote them, without a word of its zone.
_LOCAL_TIMES = (RANGE_COLUMNS, TO_DAYS)

# How far a clock may be behind UTC: 12 h on earth, and no server takes a time_zone
# of 14 h ("MySQL Server Time Zone Support": from -13:59 on).
FURTHEST_BEHIND = timedelta(hours=14)
# How far one may be ahead: 14 h on earth and for servers.
FURTHEST_AHEAD = timedelta(hours=14)

# Later ones have no month that Python knows.
_LAST_TURN = datetime(9999, 12, 31)

# What becomes of partitions that are past their retention.
DROP_PAST = "drop"
ARCHIVE_PAST = "archive"
KEEP_PAST = "keep"


@dataclass(frozen=True)
class Partition:
    """A partition that takes every row before ``below`` that none before it takes.

    No ``below`` means MAXVALUE. ``rows`` (an estimate) and the sizes come from
    the server's statistics. ``counted`` is what the table itself says of its
    rows, None as long as nobody has asked; it is never above the limit that
    was asked with. ``data_directory`` is where its file lies; None: in the
    server's own data directory. ``may_hold_nulls``: rows without a time may be
    in it, among those of its months. ``bound`` is where the boundary really is, if
    ``below`` is the first moment of the month that it counts for: see
    ``counted_for_months``.
    """

    name: str
    below: datetime | None
    rows: int = 0
    data_bytes: int = 0
    index_bytes: int = 0
    counted: int | None = None
    data_directory: str | None = None
    may_hold_nulls: bool = False
    bound: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """The first moment that is no more in it; None: there is none."""
        return self.bound or self.below

    @property
    def is_catch_all(self) -> bool:
        """Whether it is there to catch NULL and nonsense, and is never past."""
        return self.below is not None and self.below <= EPOCH

    @property
    def bytes(self) -> int:
        """Its size with its indexes, an estimate of the server."""
        return self.data_bytes + self.index_bytes


@dataclass(frozen=True)
class Span:
    """A partition with its lower bound; None: it is the first, and takes everything older.

    ``start`` is where that bound really is, as ``Partition.end`` is of the upper one.
    """

    lower: datetime | None
    partition: Partition
    start: datetime | None

    @property
    def upper(self) -> datetime | None:
        """The partition's upper bound."""
        return self.partition.below

    def contains(self, moment: datetime) -> bool:
        """Whether a boundary at ``moment`` would split the partition."""
        return (self.lower is None or self.lower < moment) and (
            self.upper is None or moment < self.upper
        )

    def covers(self, month: Month) -> bool:
        """Whether every row of the month is in the partition."""
        return (self.lower is None or self.lower <= month.start) and (
            self.upper is None or month.end <= self.upper
        )

    def seen_from(self, current: Month) -> str:
        """Return past, current or ahead; tail for one without an upper bound."""
        if self.upper is None:
            return "tail"
        if self.upper <= current.start:
            return "past"
        return "ahead" if self.lower and current.end <= self.lower else "current"

    def __str__(self) -> str:
        lower = "everything" if self.start is None else f"from {text_of(self.start)}"
        end = self.partition.end
        return f"{lower} on" if end is None else f"{lower} below {text_of(end)}"


def spans(partitions: Sequence[Partition]) -> Iterator[Span]:
    """Yield the partitions, given in order, with their lower bounds."""
    lower = start = None
    for partition in partitions:
        yield Span(lower, partition, start)
        lower, start = partition.below, partition.end


def counted_for_months(partitions: Sequence[Partition]) -> tuple[Partition, ...]:
    """Return the partitions; a boundary at a month's first moment by some clock is that month's.

    Clocks are up to 14 h from UTC, and are put forward and back in the course of a year. Where
    there is more than one boundary so near to the first moment by UTC, each is what it says.
    """
    near = _near_the_turn(partitions)
    alone = {group[0].name: month for month, group in near.items() if len(group) == 1}
    return tuple(
        replace(partition, below=alone[partition.name].start, bound=partition.below)
        if partition.name in alone and partition.below != alone[partition.name].start
        else partition
        for partition in partitions
    )


def slivers(partitions: Sequence[Partition]) -> set[str]:
    """Return the names of those that hold the hours between a month's two first moments.

    One of the two is by UTC, the other by some clock: a change from one to the other
    leaves such a partition behind. Its hours are no month.
    """
    return {
        group[1].name
        for month, group in _near_the_turn(partitions).items()
        if len(group) == 2 and month.start in (group[0].below, group[1].below)
    }


def _near_the_turn(partitions: Sequence[Partition]) -> dict[Month, list[Partition]]:
    """Return by month the partitions that end where it begins, by UTC or by some clock."""
    found: dict[Month, list[Partition]] = {}
    for partition in partitions:
        below = partition.below
        if below is None or not EPOCH + FURTHEST_AHEAD < below < _LAST_TURN:
            continue
        month = Month.of(below + FURTHEST_AHEAD)
        if below - month.start <= FURTHEST_BEHIND:
            found.setdefault(month, []).append(partition)
    return found


def text_of(moment: datetime) -> str:
    """Return a moment as short as it can be: a date when it is midnight."""
    if moment == datetime(moment.year, moment.month, moment.day):
        return moment.date().isoformat()
    return moment.isoformat(" ")


@dataclass(frozen=True)
class PartitionedTable:
    """A table that is partitioned by range of one time column."""

    schema: str
    name: str
    time_column: str
    scheme: str
    partitions: tuple[Partition, ...]

    @property
    def ends_months_late(self) -> bool:
        """Whether a month of it ends later than by UTC, because a clock behind UTC bounds it."""
        return any(one.bound and one.below and one.bound > one.below for one in self.partitions)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class MonthPolicy:
    """Which months shall have a partition of their own, and which may be dropped.

    ``months_ahead`` are complete months after the current one, ``months_kept``
    those before it that stay (None: all stay). From ``first_month`` on months
    are kept apart where that moves no rows (None: from the first boundary that
    there is). A run never drops more than ``max_drops`` partitions, those that
    are archived first (``past``) included.

    Partitions that end ``cold_after_months`` months before the current one, or
    earlier, belong into ``cold_data_directory``; a run moves ``max_moves`` at
    most. A last partition that takes everything and holds rows is only split
    with ``split_tail_with_rows``.

    While ``last_month_runs``, the month before the current one has not ended
    everywhere yet, and is neither past nor cold: see ``seen_at``.
    """

    months_ahead: int = 3
    months_kept: int | None = None
    first_month: Month | None = None
    max_drops: int = 1
    past: str = DROP_PAST
    split_tail_with_rows: bool = False
    cold_after_months: int | None = None
    cold_data_directory: str | None = None
    max_moves: int = 1
    last_month_runs: bool = False

    def problems(self) -> list[str]:
        """Say what is wrong with the policy by itself."""
        found = []
        if self.months_ahead < 1:
            found.append(
                f"months_ahead {self.months_ahead} would leave rows written just after midnight on "
                "the 1st without a partition; a row without a partition stops a channel. Choose 1 "
                "or more."
            )
        if self.months_ahead > MOST_PARTITIONS:
            found.append(
                f"months_ahead {self.months_ahead} is more than a table's {MOST_PARTITIONS} "
                "partitions; choose less."
            )
        if self.months_kept is not None and not 0 <= self.months_kept <= MOST_PARTITIONS:
            found.append(
                f"months_kept {self.months_kept} is outside 0..{MOST_PARTITIONS}: the current "
                "month is never dropped, and a table has no more partitions. Choose one inside, or "
                "leave it out to keep everything."
            )
        if self.max_drops < 0:
            found.append(
                f"max_drops {self.max_drops} is no number of partitions; choose 0 or more."
            )
        return found + self._cold_problems()

    def _cold_problems(self) -> list[str]:
        found = []
        if (self.cold_after_months is None) != (self.cold_data_directory is None):
            found.append(
                "cold_after_months and cold_data_directory need each other: give both, or neither."
            )
        if self.cold_after_months is not None and self.cold_after_months < 0:
            found.append(
                f"cold_after_months {self.cold_after_months} is no age; choose 0 or more: the "
                "current month is never moved."
            )
        directory = self.cold_data_directory
        if directory is not None and not directory.startswith("/"):
            found.append(
                f"cold_data_directory {directory} is no absolute path; write it from / on."
            )
        if self.max_moves < 0:
            found.append(
                f"max_moves {self.max_moves} is no number of partitions; choose 0 or more."
            )
        return found

    def last(self, current: Month) -> Month:
        """Return the last month that must exist."""
        return current + self.months_ahead

    def seen_at(self, now: datetime, scheme: str, ends_late: bool = False) -> MonthPolicy:
        """Return the policy for ``now`` (UTC) and a table whose partitions go by ``scheme``.

        Nobody tells of which zone a DATE or a DATETIME is, nor, where months end
        later than by UTC (``ends_late``), of which zone these are: such a month
        is past only when it has ended in every zone.
        """
        local = scheme in _LOCAL_TIMES or ends_late
        runs = local and Month.of(now - FURTHEST_BEHIND) != Month.of(now)
        return replace(self, last_month_runs=runs)

    def running(self, current: Month) -> Month:
        """Return the earliest month that has not ended everywhere."""
        return current + -1 if self.last_month_runs else current

    def cutoff(self, current: Month) -> Month | None:
        """Return the first month that is kept; None when all are."""
        if self.months_kept is None or self.past == KEEP_PAST:
            return None
        return self.running(current) + -self.months_kept

    def is_cold(self, partition: Partition, current: Month) -> bool:
        """Whether a partition belongs into the cold directory and is not there."""
        if self.cold_after_months is None or self.cold_data_directory is None:
            return False
        edge = (self.running(current) + -self.cold_after_months).start
        if partition.below is None or partition.below > edge or partition.is_catch_all:
            return False
        return (partition.data_directory or "").rstrip("/") != self.cold_data_directory.rstrip("/")


def now_of(params: Mapping[str, Any]) -> datetime | None:
    """Return the time that a module's options take for now; None: ask the server.

    Raises ``Refused`` when it is none.
    """
    try:
        return parse_moment(params["now"]) if params.get("now") else None
    except ValueError as error:
        raise Refused(
            [
                f"now: {error}; write it as YYYY-MM-DD or YYYY-MM-DD HH:MM:SS, for example "
                "2013-12-15."
            ]
        ) from None


def months_of(params: Mapping[str, Any]) -> MonthPolicy:
    """Return the policy that a table's options name; those that are missing are not given.

    Raises ``Refused`` with everything that is wrong.
    """
    problems = []
    first_month = None
    try:
        first_month = Month.parse(params["first_month"]) if params.get("first_month") else None
    except ValueError as error:
        problems.append(f"first_month: {error}.")
    given = {
        name: params[name]
        for name in (
            "months_ahead",
            "months_kept",
            "max_drops",
            "past",
            "split_tail_with_rows",
            "cold_after_months",
            "cold_data_directory",
            "max_moves",
        )
        if params.get(name) is not None
    }
    policy = MonthPolicy(first_month=first_month, **given)
    refuse_if_any([*problems, *policy.problems()])
    return policy
