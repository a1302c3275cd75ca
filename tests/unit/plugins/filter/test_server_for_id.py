"""The filter that says who has given an id."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.filter.server_for_id import FilterModule


def test_it_names_the_server_or_the_mistake() -> None:
    server_for_id = FilterModule().filters()["server_for_id"]
    numbering = {"increment": 20, "offsets": {"w1": 1, "w2": 2}}
    assert server_for_id(22, numbering) == "w2"
    with pytest.raises(AnsibleFilterError, match="no write server gives the id 23"):
        server_for_id(23, numbering)
    with pytest.raises(AnsibleFilterError, match="increment is None"):
        server_for_id(22, {})
