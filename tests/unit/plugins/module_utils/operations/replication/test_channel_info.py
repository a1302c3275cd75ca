"""What mysql_replication_channel_info refuses before it asks any server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.channel_info import (
    Desired,
    ReplicationChannelInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from tests.support import options


def desired(**given: Any) -> Desired:
    return options.desired(ReplicationChannelInfo(), **given)


def test_the_heartbeat_table() -> None:
    assert desired() == Desired(None, 30)
    assert desired(heartbeat_table="percona.heart.beat").heartbeat_table == (
        "percona",
        "heart.beat",
    )


@pytest.mark.parametrize("table", ["heartbeat", ".heartbeat", "percona.", ""])
def test_what_is_no_table(table: str) -> None:
    with pytest.raises(Refused, match=r"give schema\.table"):
        desired(heartbeat_table=table)


def test_what_is_no_time() -> None:
    with pytest.raises(Refused, match="read_timeout_seconds is 0"):
        desired(read_timeout_seconds=0)
