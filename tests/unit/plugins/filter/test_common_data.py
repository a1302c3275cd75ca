"""What the playbook takes from the filter common_data."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.filter.common_data import (
    APPLIED,
    CHANNELS,
    HERE,
    MEMBER,
    THERE,
    FilterModule,
)

PRICES = [{"schema": "prices", "objects": {"table t": "a"}}]
NOTHING = [{"schema": "prices", "objects": None}]
F1 = {
    "epoch": {"epoch": 1, "active": "f1"},
    "members": [{"name": "f1", "state": "active", "position": "1-1-9"}],
}
CHANNEL = {
    **{"channel": "common", "sql_running": True, "gtid_applied": "1-1-9"},
    "gtid_received": "1-1-9",
    "filters": {"do_databases": ["prices"]},
}


def test_what_hosts_have_registered() -> None:
    hosts: dict[str, Any] = {
        "f1": {MEMBER: F1, THERE: {"schemas": PRICES}},
        "f2": {MEMBER: {"unreachable": True}},
        "f3": {},
        "r1": {CHANNELS: {"channels": [CHANNEL]}, HERE: {"schemas": NOTHING}},
    }
    judge_them = FilterModule().filters()["common_data"]
    told = judge_them(["f1", "f2", "f3"], hosts, "r1")
    assert told == {
        **{"source": "f1", "problems": []},
        "differences": ["schema prices is not here"],
    }
    assert judge_them(["f1", "f2", "f3"], hosts) == {
        **{"source": "f1", "problems": [], "differences": []}
    }
    (nobody,) = judge_them(["f2"], hosts)["problems"]
    assert nobody.startswith("no active writer of the set could be asked")
    hosts["r1"][APPLIED] = {"schemas": PRICES}
    assert judge_them(["f1"], hosts, "r1")["problems"] == []
    hosts["r1"][APPLIED] = {"schemas": NOTHING}
    (problem,) = judge_them(["f1"], hosts, "r1")["problems"]
    assert "the channel common is stopped" in problem
