from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measure import Sample, growth, number, ratio


def test_a_sample_shows_its_median_and_how_far_it_spreads():
    assert str(Sample((3.0, 1.0, 20.0))) == "3.0 (1.0–20.0)"


def test_a_single_measurement_has_no_spread():
    assert str(Sample((0.0123,))) == "0.012"


def test_a_sample_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Sample(())


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0004, "0.000"), (0.25, "0.250"), (1.25, "1.2"), (99.94, "99.9"), (140.4, "140")],
)
def test_numbers_have_about_three_digits(value, shown):
    assert number(value) == shown


def test_the_ratio_is_of_the_medians():
    # The means would give 2.0.
    assert ratio(Sample((1.0, 1.0, 10.0)), Sample((2.0, 2.0, 2.0))) == 0.5


@given(st.floats(0, 100), st.floats(0.1, 10))
def test_a_straight_line_grows_with_hosts(fixed, each):
    found = growth({size: fixed + each * size for size in (4, 8, 16)})
    assert found.quotient == pytest.approx(1)
    assert found.with_hosts


@given(st.floats(0, 100), st.floats(0.1, 10))
def test_the_square_grows_with_sources_times_hosts(fixed, each):
    found = growth({size: fixed + each * size**2 for size in (16, 4, 8)})
    assert found.quotient == pytest.approx(found.square) == 2
    assert not found.with_hosts


def test_growth_says_what_one_more_takes():
    found = growth({4: 10.0, 8: 14.0, 16: 30.0})
    assert (found.first, found.second) == (1.0, 2.0)


def test_where_nothing_grew_there_is_no_quotient():
    found = growth({4: 10.0, 8: 10.0, 16: 30.0})
    assert found.quotient is None
    assert not found.with_hosts


def test_growth_needs_three_sizes():
    with pytest.raises(ValueError, match="unpack"):
        growth({4: 10.0, 8: 14.0})
