"""How long to wait for a table."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.values.lock_wait import LockWait


def test_a_wait_for_a_lock_takes_time() -> None:
    assert LockWait(1, 0).problems() == []
    assert LockWait(0, -1).problems() == [
        "lock_wait_timeout_seconds is 0; it must be at least 1.",
        "lock_wait_retries is -1; it must be at least 0.",
    ]
