from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.throttle import (
    Throttle,
    p99,
)


def test_99_of_100() -> None:
    assert p99([]) == 0.0
    assert p99([2.0, 1.0]) == 2.0
    assert p99([0.001] * 99 + [1.0]) == 0.001


def test_commits_that_stay_fast_are_no_reason_to_pause() -> None:
    throttle = Throttle([0.010] * 50, growth=1.0)
    assert throttle.limit == 0.020
    assert [throttle.pause_after(0.019) for _commit in range(200)] == [0.0] * 200


def test_pauses_grow_while_commits_are_slow_and_shrink_again() -> None:
    throttle = Throttle([0.010] * 50, growth=1.0)
    slow = [throttle.pause_after(0.1) for _commit in range(20)]
    assert slow[0] == 0.002 and slow == sorted(slow) and slow[-1] == 1.0
    fast = [throttle.pause_after(0.010) for _commit in range(100)]
    assert fast == sorted(fast, reverse=True) and fast[-1] == 0.0


def test_one_slow_commit_in_more_than_a_hundred_is_none() -> None:
    throttle = Throttle([0.010] * 50, growth=1.0)
    for _commit in range(100):
        throttle.pause_after(0.010)
    assert throttle.pause_after(1.0) == 0.0


def test_what_is_fast_harms_nobody() -> None:
    assert Throttle([0.0001] * 50, growth=0.0).limit == 0.005
