"""What read servers say of the active writer, as a failover takes it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.failover_witnesses import failover_witnesses

SEES = {"source_host": "127.0.0.1", "source_port": 3306, "sees_source": True}
NONE = {"source_host": None, "source_port": None, "sees_source": None}


@pytest.mark.parametrize(
    ("registered", "taken"),
    [
        ({**SEES, "changed": False}, [{"name": "r1", **SEES}]),
        ({**SEES, "sees_source": None}, [{"name": "r1", **SEES, "sees_source": None}]),
        # It has no such channel, so it follows no member.
        (NONE, []),
        # Its server or its host is down, or it was not asked: the writer may live for it.
        ({"failed": True, "error_number": 2003, "msg": "down"}, [{"name": "r1"}]),
        ({"unreachable": True, "msg": "ssh"}, [{"name": "r1"}]),
        ({}, [{"name": "r1"}]),
    ],
)
def test_what_is_taken(registered: dict[str, Any], taken: list[dict[str, Any]]) -> None:
    hostvars = {"r1": {"dbrw_witness": registered}, "r2": {}}
    assert failover_witnesses(["r1"], hostvars) == taken
    assert failover_witnesses(["r2", "r1"], hostvars) == [{"name": "r2"}, *taken]


def test_nobody_was_asked() -> None:
    assert failover_witnesses([], {"r1": {}}) == []
