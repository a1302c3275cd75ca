"""Boundaries that are months' by another clock than UTC's."""

from __future__ import annotations

from datetime import datetime

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import EPOCH
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    Partition,
    counted_for_months,
    slivers,
    spans,
)


def parts(*bounds: datetime | None) -> tuple[Partition, ...]:
    return tuple(Partition(f"p{number}", below) for number, below in enumerate(bounds))


@pytest.mark.parametrize(
    "bound",
    [
        datetime(2013, 10, 31, 10),  # Kiritimati
        datetime(2013, 10, 31, 18, 15),  # Kathmandu
        datetime(2013, 10, 31, 23),  # Berlin
        datetime(2013, 11, 1, 4),  # New York, in summer
        datetime(2013, 11, 1, 12),  # Baker Island
    ],
)
def test_a_months_first_moment_by_some_clock_counts_for_the_month(bound: datetime) -> None:
    (found,) = counted_for_months(parts(bound))
    assert (found.below, found.bound, found.end) == (datetime(2013, 11, 1), bound, bound)


@pytest.mark.parametrize(
    "bounds",
    [
        (datetime(2013, 11, 1),),
        (datetime(2013, 10, 31),),
        (datetime(2013, 11, 1, 14, 1),),
        (None,),
        (datetime.min,),
        (EPOCH,),
        (datetime(1970, 1, 1, 12),),
        (datetime(9999, 12, 31, 23),),
        # The hours of the turn are told apart here: each boundary is what it says.
        (datetime(2013, 10, 31, 23), datetime(2013, 11, 1)),
        (datetime(2013, 10, 31, 23), datetime(2013, 11, 1, 1)),
    ],
)
def test_any_other_boundary_is_what_it_says(bounds: tuple[datetime | None, ...]) -> None:
    assert counted_for_months(parts(*bounds)) == parts(*bounds)


def test_the_hours_between_two_midnights_are_a_sliver() -> None:
    berlin = parts(datetime(2013, 10, 31, 23), datetime(2013, 11, 1), datetime(2013, 12, 1))
    assert slivers(berlin) == {"p1"}
    new_york = parts(datetime(2013, 11, 1), datetime(2013, 11, 1, 5), datetime(2013, 12, 1))
    assert slivers(new_york) == {"p1"}
    hours = parts(*(datetime(2013, 11, 1, hour) for hour in (0, 1, 2)))
    assert slivers(hours) == set()
    assert slivers(parts(datetime(2013, 10, 31, 23), datetime(2013, 11, 1, 1))) == set()


def test_a_span_is_told_as_it_is() -> None:
    found = counted_for_months(parts(datetime(2013, 10, 31, 23), datetime(2013, 11, 30, 23), None))
    assert [str(span) for span in spans(found)] == [
        "everything below 2013-10-31 23:00:00",
        "from 2013-10-31 23:00:00 below 2013-11-30 23:00:00",
        "from 2013-11-30 23:00:00 on",
    ]
