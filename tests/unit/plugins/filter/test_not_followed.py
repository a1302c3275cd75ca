"""What playbooks take from the filter not_followed."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.filter.not_followed import FilterModule


def test_it_judges_the_last_look_at_every_read_server() -> None:
    judge = FilterModule().filters()["not_followed"]
    groups = {"write_servers": ["w1"], "read_servers": ["r1", "r2"], "all": ["w1", "r1", "r2"]}
    hostvars = {
        "w1": {},
        "r1": {"dbrw_last_look": {"channels": [{"channel": "w1", "running": True}]}},
        "r2": {"dbrw_last_look": {"channels": []}},
    }
    assert judge(groups, hostvars) == ["r2 does not follow w1: it has no channel of this name."]
    assert judge({}, {}) == []
