"""What playbooks take from the filter id_parts."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.filter.id_parts import FilterModule


def test_it_splits_an_id() -> None:
    id_parts = FilterModule().filters()["id_parts"]
    assert id_parts(241294492511762325) == {"shard": 3429, "type": 1, "local": 7075733}
    assert id_parts("17", {"shard": 4, "type": 0, "local": 4}) == {
        "shard": 1,
        "type": 0,
        "local": 1,
    }
    with pytest.raises(AnsibleFilterError, match="'x' is no id"):
        id_parts("x")
    with pytest.raises(AnsibleFilterError, match="bits: shards is unknown"):
        id_parts(1, {"shards": 4})
