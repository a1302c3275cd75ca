"""How long a server may be waited for."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import timeout_problems


def test_a_timeout_takes_time() -> None:
    assert timeout_problems(1) == []
    assert timeout_problems(0) == ["read_timeout_seconds is 0; it must be at least 1."]
