"""What mysql_month_partition_info refuses before it asks any server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.month_partition_info import (
    Desired,
    MonthPartitionInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from tests.support import options


def desired(**given: Any) -> Desired:
    return options.desired(MonthPartitionInfo(), **{"schema": "s", **given})


def test_everything_is_refused_at_once() -> None:
    with pytest.raises(Refused) as refused:
        desired(schema="mysql", months_ahead=0, now="noon")
    now, system, ahead = refused.value.problems
    assert "schema: mysql is a system schema" in system
    assert "months_ahead 0 would leave rows" in ahead and "now: " in now


def test_it_needs_no_right_to_leave_the_binary_log() -> None:
    assert MonthPartitionInfo.logged


def test_several_tables() -> None:
    calls, events = desired(
        months_ahead=2, tables=[{"table": "calls"}, {"table": "events", "months_ahead": 1}]
    ).tables
    assert (calls.table, calls.policy.months_ahead) == ("calls", 2)
    assert (events.table, events.policy.months_ahead) == ("events", 1)


def test_a_table_that_is_named_twice() -> None:
    with pytest.raises(Refused, match=r"s\.calls is named 2 times; name it once"):
        desired(tables=[{"table": "calls"}, {"schema": "s", "table": "calls"}])
