"""Rows that clients got acknowledged show whether two servers have taken writes at once."""

from __future__ import annotations

import pytest

from tests.support.replica_sets import Acknowledged, two_at_once

# Tag, server, epoch, sent, acknowledged.
Row = tuple[str, str, int, float, float]
A, B, C = ("a", "f1", 1, 0.0, 1.0), ("b", "f2", 2, 3.0, 4.0), ("c", "f1", 3, 6.0, 7.0)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], []),
        ([A, B, C], []),
        # Which was committed first is not known.
        ([A, B, ("d", "f1", 1, 3.5, 9.0)], []),
        (
            [A, B, ("d", "f1", 1, 4.5, 5.0)],
            ["f2 has acknowledged b while f1 took writes in epoch 1"],
        ),
        # Whoever is told late may have been told of what was before.
        ([A, ("b", "f2", 2, 0.5, 4.0), ("d", "f1", 1, 4.5, 5.0)], []),
        ([A, ("b", "f2", 1, 3.0, 4.0)], ["epoch 1: f1, f2 have acknowledged rows"]),
    ],
)
def test_where_two_take_writes(rows: list[Row], found: list[str]) -> None:
    acknowledged = [Acknowledged(tag, server, sent, at) for tag, server, _e, sent, at in rows]
    assert two_at_once(acknowledged, {row[0]: row[2] for row in rows}) == found
