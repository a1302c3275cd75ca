from __future__ import annotations

import shutil

import pytest

from benchmarks import servers
from benchmarks.servers import Played, Servers, inventory

OUTPUT = """
TASK [Inventory | Ensure that it is right] ****
ok: [w1]

TASK [a.b.c : Write server | Ensure its accounts] ****
changed: [w1] => (item=application)
ok: [w1] => (item=monitor)
skipping: [w2]
skipping: [w3]

PLAY RECAP ****
w1   : ok=2    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
w2   : ok=0    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0
"""


def test_each_item_of_a_loop_is_a_result_and_a_skipped_task_is_none():
    assert Played(1.0, 1.0, OUTPUT).results == 3


def test_changes_are_counted_over_all_hosts():
    assert Played(1.0, 1.0, OUTPUT).changed == 3


PROFILE = """
TASKS RECAP ****
Saturday 21 November 2026  07:15:55 +0000 (0:00:03.943)       0:01:13.962 *****
===============================================================================
a.b.c : Write server | Ensure its accounts -- 13.04s
Applications | Ensure the file with the servers and the account --------- 3.94s
"""


def test_a_profiled_run_tells_the_seconds_of_its_tasks():
    played = Played(1.0, 1.0, OUTPUT + PROFILE)
    assert played.task_seconds == [
        ("Write server | Ensure its accounts", 13.04),
        ("Applications | Ensure the file with the servers and the account", 3.94),
    ]
    assert played.changed == 3


def test_a_run_that_was_not_profiled_tells_none():
    assert Played(1.0, 1.0, OUTPUT).task_seconds == []


def test_the_tasks_that_changed_something_are_named():
    assert Played(1.0, 1.0, OUTPUT).tasks_changed == {
        "a.b.c : Write server | Ensure its accounts": 1
    }


@pytest.mark.parametrize("sources", [4, 8, 16])
def test_both_data_centres_have_half_of_the_write_servers(sources):
    writers = inventory(7, sources)["all"]["children"]["write_servers"]["hosts"]
    datacenters = [writer["dbrw_datacenter"] for writer in writers.values()]
    assert datacenters.count("dc1") == datacenters.count("dc2") == sources // 2


def test_a_larger_inventory_has_the_smaller_one_unchanged():
    small, large = (inventory(7, size)["all"]["children"] for size in (4, 16))
    assert small["write_servers"]["hosts"].items() <= large["write_servers"]["hosts"].items()
    assert small["read_servers"] == large["read_servers"]


def test_no_two_servers_share_an_address_an_id_or_an_offset():
    children = inventory(7, 16)["all"]["children"]
    writers = children["write_servers"]["hosts"]
    hosts = [*writers.values(), *children["read_servers"]["hosts"].values()]
    assert len({host["dbrw_address"] for host in hosts}) == 17
    assert len({host["dbrw_server_id"] for host in hosts}) == 17
    assert sorted(host["dbrw_offset"] for host in writers.values()) == list(range(1, 17))


def test_a_server_that_cannot_be_stopped_keeps_its_folder(monkeypatch):
    def fails(self):
        raise servers.Failed("w1 does not stop")

    monkeypatch.setattr(Servers, "stop", fails)
    with pytest.raises(servers.Failed, match="does not stop"), servers.own_servers(1) as own:
        pass
    assert own.folder.is_dir()
    shutil.rmtree(own.folder)
