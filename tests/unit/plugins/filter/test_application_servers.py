"""The servers of the applications' file come with the directory's states."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.filter.application_servers import FilterModule


def test_it_takes_what_jinja_and_the_module_give() -> None:
    application_servers = FilterModule().filters()["application_servers"]
    servers = (one for one in [{"name": "w1", "kind": "write", "weight": 1}])
    told = [{"name": "w1", "state": "draining", "is_down": False}]
    assert application_servers(servers, told) == [{"name": "w1", "kind": "write", "weight": 0}]
    assert (
        application_servers([{"name": "w1", "kind": "write", "weight": 1}], [], True)[0]["weight"]
        == 1
    )
