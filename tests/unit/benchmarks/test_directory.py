"""What is made of lookups in the directory."""

from __future__ import annotations

import pytest

from benchmarks.directory import (
    SIZES,
    Lookup,
    Lookups,
    connecting_share,
    growth,
    judged,
    module_table,
    table,
    wanted,
)


def looked_up(seconds: float = 0.0002, last: float = 10.0) -> Lookup:
    return Lookup(
        kept={one: Lookups(one, 0.5, (seconds,) * 100) for one in (1, 8)},
        connecting={one: Lookups(one, 0.5, (4 * seconds,) * 100) for one in (1, 8)},
        cached_seconds=[2e-6],
        made={10: [1.0], 100: [1.9], 1000: [last]},
        again={10: [0.5], 100: [0.5], 1000: [0.6]},
    )


def test_parts_of_the_lookups():
    some = Lookups(1, 2.0, tuple(one / 100 for one in range(100, 0, -1)))
    assert (some.part(0.5), some.part(0.99), some.a_second) == (0.5, 0.99, 50.0)


def test_the_share_of_connecting():
    assert connecting_share(looked_up(), 1) == pytest.approx(0.75)
    assert table(looked_up()).rows[1] == ["8", "200", "0.20", "0.20", "0.80", "75 %"]
    assert [row[1] for row in module_table(looked_up()).rows] == ["1.0", "1.9", "10.0"]


def test_a_straight_line_grows_once():
    assert growth({10: [1.0], 100: [10.0], 1000: [100.0]}) == pytest.approx(1.0)
    assert growth({10: [1.0], 100: [100.0], 1000: [10_000.0]}) == pytest.approx(10.0)
    # What has not grown at all at first is not divided by.
    assert growth({10: [1.0], 100: [0.9], 1000: [1.0]}) < 0.1


def test_aims_are_judged():
    assert all("**met**" in sentence for sentence in judged(looked_up()))
    slow = judged(looked_up(0.002, last=50.0))
    assert ["missed" in sentence for sentence in slow] == [True, True, False, True]


@pytest.mark.parametrize("size", SIZES)
def test_a_topology_of_each_size(size):
    servers = wanted(size)["servers"]
    assert len(servers) == len({server["host"] for server in servers}) == size
    assert {server["kind"] for server in servers} == {"member", "read", "write"}
