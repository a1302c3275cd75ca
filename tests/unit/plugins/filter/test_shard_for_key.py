"""What playbooks take from the filter shard_for_key."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.filter.shard_for_key import FilterModule

SHARDS = {"s1": {"shard_number": 1}, "s2": {"shard_number": 2}}


def test_it_gives_where_a_key_is() -> None:
    shard_for_key = FilterModule().filters()["shard_for_key"]
    ring = {"kind": "ring", "shards": {**SHARDS, "s3": {"shard_number": 3}}, "pins": {7: "s2"}}
    assert shard_for_key("customer_7", ring) == {
        "shard": "s3",
        "shard_number": 3,
        "logical_shard": None,
        "pinned": False,
    }
    assert shard_for_key("7", ring) == {
        "shard": "s2",
        "shard_number": 2,
        "logical_shard": None,
        "pinned": True,
    }
    map_ = {"s1": ["0-1"], "s2": ["2-3"]}
    mapped = {"kind": "pre_sharded", "shards": SHARDS, "logical_shards": 4, "logical_map": map_}
    # 0x...bc modulo 4
    assert shard_for_key("customer_7", mapped)["logical_shard"] == 0
    with pytest.raises(AnsibleFilterError, match="kind is 'rings'; it must be one of"):
        shard_for_key("a", {"kind": "rings"})
    with pytest.raises(AnsibleFilterError, match="The key 'a' has no row"):
        shard_for_key("a", {"kind": "directory", "shards": SHARDS})
