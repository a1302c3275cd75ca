"""What mysql_month_partition_info refuses before it asks any server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.month_partition_info import (  # noqa: E501
    Desired,
    MonthPartitionInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def desired(**given: Any) -> Desired:
    options = {name: option.get("default") for name, option in MonthPartitionInfo.options.items()}
    return MonthPartitionInfo().desired({**options, "schema": "s", **given})


def test_everything_is_refused_at_once() -> None:
    with pytest.raises(Refused) as refused:
        desired(schema="mysql", months_ahead=0, now="noon")
    system, now, ahead = refused.value.problems
    assert "schema: mysql is a schema of the server itself" in system
    assert "months_ahead 0 leaves no month" in ahead and "now: " in now


def test_it_needs_no_right_to_leave_the_binary_log() -> None:
    assert MonthPartitionInfo.logged
