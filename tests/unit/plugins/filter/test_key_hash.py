"""What playbooks take from the filter key_hash."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.filter.key_hash import FilterModule


def test_it_gives_the_hash_of_a_key() -> None:
    key_hash = FilterModule().filters()["key_hash"]
    assert key_hash("customer_7") == 0xD0244B2E899AB6BC
    assert key_hash(7) == key_hash("7") == 0x7902699BE42C8A8E
    with pytest.raises(AnsibleFilterError, match="A key is True"):
        key_hash(True)
