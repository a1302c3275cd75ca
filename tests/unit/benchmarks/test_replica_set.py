from __future__ import annotations

import json
import os

import pytest

from benchmarks import replica_set
from benchmarks.replica_set import SCRIPTS, Switched, judged, result_of, seconds_of, table
from benchmarks.servers import PAIRS, Failed, inventory, pair_inventory


def switched(pause=0.1, answer=3.0, servers=0.05):
    """Return a repetition; by hand a switch takes 0.2 s and a failover 0.5 s."""
    return Switched([pause], [0.2], [0.01], [0.02], [0.04], [answer], [0.5], [servers], 1234)


def test_the_aims():
    assert ["**met**" in sentence for sentence in judged(switched())] == [True, True, True]
    assert ["**missed**" in sentence for sentence in judged(switched(0.3, 6.0, 0.2))] == [
        True,
        True,
        True,
    ]


def test_the_ways_are_compared():
    assert [row[1:] for row in table(switched()).rows] == [
        ["0.010", "0.020", "0.50", ""],
        ["0.100", "0.200", "0.50", "0.040"],
        ["3.0", "0.500", "6.00", "0.050"],
    ]


def output(**result):
    return "\n".join(
        [
            'ok: [f1] => {"status": "well", "epoch": {}}',
            f"changed: [f2] => {json.dumps(result)}",
            'ok: [f2] => {"msg": ["f2 is the active writer"]}',
        ]
    )


def test_what_the_module_returned():
    steps = [
        {"step": "fail over", "seconds": 0.05},
        {"step": "follow", "seconds": 3.0},
    ]
    text = output(pause_seconds=None, steps=steps)
    assert result_of(text)["steps"] == steps
    assert seconds_of(text) == 0.05


def test_a_run_that_has_not_failed_over():
    with pytest.raises(Failed, match="no step"):
        seconds_of(output(pause_seconds=None, steps=[{"step": "follow", "seconds": 3.0}]))


def test_a_run_that_does_not_show_it():
    with pytest.raises(Failed, match="does not show"):
        result_of("ok: [f1]\n")


def test_the_pairs_share_nothing_with_other_servers():
    sources = inventory(7, 16)["all"]["children"]
    hosts = [
        *sources["write_servers"]["hosts"].values(),
        *sources["read_servers"]["hosts"].values(),
        *(
            host
            for pair in PAIRS
            for host in pair_inventory(7, pair)["all"]["children"]["fabric_servers"][
                "hosts"
            ].values()
        ),
    ]
    for variable in ("dbrw_address", "dbrw_server_id"):
        assert len({host[variable] for host in hosts}) == 21


def test_a_pair_has_a_member_in_each_data_centre():
    hosts = pair_inventory(7, "fabric")["all"]["children"]["fabric_servers"]["hosts"]
    assert list(hosts) == ["f1", "f2"]
    assert [host["dbrw_datacenter"] for host in hosts.values()] == ["dc1", "dc2"]


@pytest.mark.parametrize("name", ["stock_switch.sh", "stock_failover.sh"])
def test_a_script_can_be_run(name):
    assert os.access(SCRIPTS / name, os.X_OK)


def test_a_script_that_fails_fails_the_benchmark(tmp_path):
    with pytest.raises(Failed, match=r"stock_failover\.sh has failed"):
        replica_set.script("stock_failover.sh", str(tmp_path / "no.sock"))
