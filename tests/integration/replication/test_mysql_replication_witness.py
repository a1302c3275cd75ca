"""Whether a replica still reaches its source, told by a new connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import channels, control, follow, followed, threads

MODULE = "mysql_replication_witness"


@pytest.fixture(scope="module")
def replica(bare: Topology) -> Iterator[TestServer]:
    source, server = bare.server("w1"), bare.server("r1")
    with followed(server, [source], "witnessed", "t (id INT PRIMARY KEY)"):
        assert "failed" not in follow(server, source)
        yield server


def test_what_is_refused(replica: TestServer) -> None:
    refused = run_module(MODULE, replica, channel="w1", timeout_seconds=0)
    assert refused["failed"] and "timeout_seconds is 0.0" in refused["msg"]


def test_a_source_that_answers(bare: Topology, replica: TestServer) -> None:
    before = threads(replica)
    shown = run_module(MODULE, replica, check=True, channel="w1")
    assert shown["changed"] and shown["sees_source"] is None and len(shown["statements"]) == 2
    assert threads(replica) == before
    seen = run_module(MODULE, replica, channel="W1")
    assert seen["changed"] and seen["sees_source"] is True
    source = bare.server("w1")
    assert (seen["source_host"], seen["source_port"]) == (source.address, source.port)
    assert channels(replica)["w1"]["running"]
    # The thread that applies goes on.
    assert len(threads(replica) & before) == len(before) - 1


def test_without_a_channel_or_its_receiving_thread_nothing_is_told(replica: TestServer) -> None:
    none = run_module(MODULE, replica, channel="move_1")
    assert not none["changed"] and none["sees_source"] is None and none["source_host"] is None
    control(replica, "STOP", "w1", "IO_THREAD")
    stopped = run_module(MODULE, replica, channel="w1")
    assert not stopped["changed"] and stopped["sees_source"] is None and stopped["source_host"]
    assert not channels(replica)["w1"]["io_running"]
    control(replica, "START", "w1", "IO_THREAD")


def test_a_source_that_has_died(bare: Topology, replica: TestServer) -> None:
    source = bare.server("w1")
    source.kill()
    try:
        for _time in range(2):
            seen = run_module(MODULE, replica, channel="w1")
            assert seen["changed"] and seen["sees_source"] is False
    finally:
        bare.playbook("servers.yml", "--limit", "w1")
    wait_until(lambda: channels(replica)["w1"]["running"], 20, "the channel has not come back")
