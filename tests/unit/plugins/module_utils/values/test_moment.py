"""Moments as text."""

from __future__ import annotations

from datetime import datetime

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import parse_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-12-15", datetime(2013, 12, 15)),
        ("2013-12-15 01:02:03", datetime(2013, 12, 15, 1, 2, 3)),
        ("2013-12-15T01:02:03", datetime(2013, 12, 15, 1, 2, 3)),
        ("2013-12-15 01:02:03.4", datetime(2013, 12, 15, 1, 2, 3, 400000)),
        ("2013-12-15 01:02:03.000001", datetime(2013, 12, 15, 1, 2, 3, 1)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize("text", ["", "now", "2013-02-30", "2013-12-15 01:02:03+01:00"])
def test_no_moment(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text)
