"""Calendar months."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month

MONTHS = st.builds(Month, st.integers(1000, 3000), st.integers(1, 12))
STEPS = st.integers(-5000, 5000)


@given(MONTHS, STEPS)
def test_adding_and_taking_away_are_inverse(month: Month, steps: int) -> None:
    assert (month + steps) - month == steps
    assert (month + steps) + -steps == month
    assert ((month + steps) > month) == (steps > 0)


@given(st.dates(date(1000, 1, 1), date(3000, 1, 1)))
def test_a_day_lies_in_its_month(day: date) -> None:
    month = Month.of(day)
    moment = datetime(day.year, day.month, day.day)
    assert month.start <= moment < month.end
    assert Month.of(month.end - timedelta(microseconds=1)) == month
    assert month.end == (month + 1).start


@given(st.datetimes(datetime(1000, 1, 1), datetime(3000, 1, 1)))
def test_starting_from_is_the_first_month_not_begun(moment: datetime) -> None:
    month = Month.starting_from(moment)
    assert (month + -1).start < moment <= month.start


@given(MONTHS)
def test_text_and_back(month: Month) -> None:
    assert Month.parse(str(month)) == month


@given(MONTHS, st.integers(-2, 200))
def test_range(first: Month, count: int) -> None:
    months = list(first.to(first + count))
    assert len(months) == max(0, count + 1)
    assert months == sorted(set(months))
    assert all(after - before == 1 for before, after in zip(months, months[1:], strict=False))


def test_turn_of_the_year() -> None:
    assert Month(2013, 12) + 1 == Month(2014, 1)
    assert Month(2014, 1) + -1 == Month(2013, 12)
    assert Month(2014, 2) - Month(2012, 12) == 14


@pytest.mark.parametrize("text", ["2013", "2013-1", "2013-13", "2013-00", "0000-01", "13-01-01"])
def test_no_month(text: str) -> None:
    with pytest.raises(ValueError, match="month"):
        Month.parse(text)
