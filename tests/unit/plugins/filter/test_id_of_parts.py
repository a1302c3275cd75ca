"""What playbooks take from the filter id_of_parts."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.filter.id_of_parts import FilterModule


def test_it_makes_an_id() -> None:
    id_of_parts = FilterModule().filters()["id_of_parts"]
    assert id_of_parts({"shard": 3429, "type": 1, "local": 7075733}) == 241294492511762325
    bits = {"shard": 4, "type": 0, "local": 4}
    assert id_of_parts({"shard": 1, "type": 0, "local": 1}, bits) == 17
    with pytest.raises(AnsibleFilterError, match="shard is 16; with 4 bits"):
        id_of_parts({"shard": 16, "type": 0, "local": 1}, bits)
    with pytest.raises(AnsibleFilterError, match="lack local"):
        id_of_parts({"shard": 16, "type": 0}, bits)
