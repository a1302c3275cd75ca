"""Sessions, and which of them are older than a change."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import (
    NEVER,
    WAIT,
    ConnectionMark,
    Session,
    StalePolicy,
    listed,
)


@pytest.mark.parametrize("seconds", [1, 30])
def test_a_wait_takes_time(seconds: int) -> None:
    assert StalePolicy(WAIT, seconds).problems() == []


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_wait_without_time_is_refused(seconds: int) -> None:
    assert StalePolicy(WAIT, seconds).problems() == [
        f"stale_sessions_timeout_seconds is {seconds}; it must be at least 1."
    ]


def test_a_start_is_the_same_within_what_clocks_drift() -> None:
    mark = ConnectionMark(100, 1_000_000)
    assert mark.same_start(1_000_000) and mark.same_start(999_998) and mark.same_start(1_000_060)
    assert not mark.same_start(1_000_061) and not mark.same_start(0)
    assert not NEVER.same_start(1_000_000)


def test_a_list_of_sessions_stays_readable() -> None:
    sessions = [Session(number, "app", "10.0.0.1", 5) for number in range(1, 13)]
    assert listed(sessions[:2]) == "1 (app@10.0.0.1), 2 (app@10.0.0.1)"
    assert listed(sessions).endswith("10 (app@10.0.0.1) and 2 more")
    assert listed(sessions[:10]).endswith("10 (app@10.0.0.1)")
