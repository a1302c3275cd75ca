"""What fabric_reconcile.yml is asked for, judged by the inventory alone."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.filter.reconcile_problems import FilterModule


def test_the_mistakes_of_the_inventory_come_first() -> None:
    judge = FilterModule().filters()["reconcile_problems"]
    paper = {
        "problems": [],
        "replica_sets": {"fabric": {}},
        "directory": {"servers": [{"name": "w1"}, {"name": "f1"}]},
    }
    assert judge(paper, "", ["w1", "f1"]) == []
    found = judge({**paper, "problems": ["w1: wrong."]}, "x", ["f1"])
    assert found[0] == "w1: wrong." and len(found) == 3
    (none,) = judge({**paper, "replica_sets": {}}, "servers", ["w1", "f1"])
    assert none.startswith("The inventory has no replica set fabric")
