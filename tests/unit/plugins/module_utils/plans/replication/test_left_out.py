"""Channels that leave out what their sources have written."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.left_out import (
    problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    PRESENT,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.left_out import (
    LeftOut,
)

W1 = ChannelStatus("w1", source_server_id=1, gtid_received="1-1-5,2-2-9")
LEAVES_OUT = replace(W1, left_out=LeftOut(ignore_domain_ids=(1,)))


def judged(state: str, status: ChannelStatus, complete: bool = False) -> list[str]:
    return problems([Channel("W1", state), Channel("new", state)], {"w1": status}, complete)


def test_a_channel_that_shall_run_leaves_nothing_of_its_source_out() -> None:
    assert judged(STARTED, W1) == []
    (said,) = judged(STARTED, LEAVES_OUT)
    assert said.startswith("channel W1 skips what its source has written itself (IGNORE_")
    # What other servers have written is not this channel's business.
    assert judged(STARTED, replace(W1, left_out=LeftOut(ignore_domain_ids=(2,)))) == []


def test_others_are_judged_where_all_must_come_through() -> None:
    for state in (PRESENT, STOPPED):
        assert judged(state, LEAVES_OUT) == []
        assert len(judged(state, LEAVES_OUT, complete=True)) == 1
    assert judged(ABSENT, LEAVES_OUT, complete=True) == []


def test_transactions_that_are_about_to_be_skipped() -> None:
    (said,) = judged(STARTED, replace(W1, left_out=LeftOut(skip_counter=2)))
    assert "channel W1 would skip the next 2 transaction(s)" in said


def test_gtids_of_mysql_have_no_domains() -> None:
    uuid = "3b3a6275-e573-11f1-bce1-02fc00000001"
    mysql = replace(W1, gtid_received=f"{uuid}:1-5")
    assert judged(STARTED, replace(mysql, left_out=LeftOut(ignore_server_ids=(2,)))) == []
    assert len(judged(STARTED, replace(mysql, left_out=LeftOut(ignore_server_ids=(1,))))) == 1
