"""Playbooks about the fabric where there is none: nothing is touched, and no server is asked.

``site.yml`` and the playbooks of write and read servers run without one in test_site.py,
test_site_announcing.py and test_site_rotation.py, and with one in test_fabric_reconcile.py,
test_common_data.py and test_directory_states.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.lines import Host, Topology, running_topology

pytestmark = pytest.mark.lines("one")

NO_SET = "The inventory has no replica set; put servers into the group fabric_servers."


@pytest.fixture(scope="module")
def site(host: Host) -> Iterator[Topology]:
    """Give a write server and a read server that do not even run."""
    with running_topology(host, "without", "w1", "r1") as topology:
        yield topology


@pytest.mark.parametrize(
    "playbook",
    ["agents.yml", "common_data.yml", "fabric_active.yml", "fabric_directory.yml"]
    + ["inventory_validate.yml", "replica_sets.yml"],
)
def test_it_has_nothing_to_do(site: Topology, playbook: str) -> None:
    played = site.playbook(playbook)
    assert set(played.changed.values()) <= {0}, played.output


@pytest.mark.parametrize(
    ("playbook", "said"),
    [
        ("fabric_reconcile.yml", "The inventory has no replica set fabric"),
        ("replica_set_failover.yml", NO_SET),
        ("replica_set_rejoin.yml", NO_SET),
        ("replica_set_switch.yml", NO_SET),
    ],
)
def test_it_is_refused(site: Topology, playbook: str, said: str) -> None:
    refused = site.try_playbook(playbook, replica_set="s1", member="f1")
    text = " ".join(refused.output.split())
    assert refused.code != 0 and "Nothing has been touched." in text and said in text, text
