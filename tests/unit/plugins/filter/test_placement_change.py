"""What playbooks take from the filter placement_change."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.filter.placement_change import FilterModule

TWO = {"kind": "modulo", "shards": {"s1": {"shard_number": 1}, "s2": {"shard_number": 2}}}
SWAPPED = {**TWO, "slots": ["s2", "s1"]}


def test_it_gives_what_would_move() -> None:
    placement_change = FilterModule().filters()["placement_change"]
    told = placement_change(["a", "b", 7], TWO, SWAPPED)
    assert told["problems"] == [] and told["moved"] == 3
    assert told == placement_change("a\nb\n7\n", TWO, SWAPPED)


def test_it_names_every_mistake() -> None:
    placement_change = FilterModule().filters()["placement_change"]
    assert placement_change("a\n\n", {}, {**TWO, "slots": []}) == {
        "problems": [
            "before: kind is None; it must be one of directory, modulo, ring, id_bits, "
            "pre_sharded.",
            "after: slots is []; it must be a list of shards.",
            "Line 2 of the keys is empty.",
        ]
    }
    assert placement_change([], TWO, TWO) == {
        "problems": ["No keys are given; a change cannot be judged without."]
    }
    assert placement_change(7, TWO, TWO) == {
        "problems": ["The keys are 7; they must be a list, or a text with one a line."]
    }
