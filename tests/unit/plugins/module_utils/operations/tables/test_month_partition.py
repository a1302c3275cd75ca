"""What mysql_month_partition refuses before it asks any server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.month_partition import (  # noqa: E501
    Desired,
    MonthPartition,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def desired(**given: Any) -> Desired:
    options = {name: option.get("default") for name, option in MonthPartition.options.items()}
    return MonthPartition().desired({**options, "schema": "s", "table": "t", **given})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"months_ahead": 0}, "months_ahead 0 leaves no month"),
        ({"months_kept": -1}, "months_kept -1 is outside"),
        ({"max_drops": -1}, "max_drops -1 is no number"),
        ({"first_month": "2013-13"}, "first_month: there is no month 13"),
        ({"first_month": "May"}, "write it as YYYY-MM"),
        ({"now": "noon"}, "write it as YYYY-MM-DD"),
        ({"lock_wait_timeout_seconds": 0}, "lock_wait_timeout_seconds 0 is no time"),
        ({"lock_wait_retries": -1}, "lock_wait_retries -1 is no number"),
        ({"archive_table": "old"}, "gives every partition's archive one name"),
        ({"archive_table": "{table}_{year}"}, "something else than table, month or partition"),
        ({"archive_table": "{month"}, "something else than table, month or partition"),
        ({"cold_after_months": 3}, "need each other"),
        ({"cold_data_directory": "/srv"}, "need each other"),
        (
            {"cold_after_months": -1, "cold_data_directory": "/srv"},
            "cold_after_months -1 is no age",
        ),
        ({"cold_after_months": 1, "cold_data_directory": "srv"}, "srv is no absolute path"),
        ({"max_moves": -1}, "max_moves -1 is no number"),
        ({"schema": "mysql"}, "schema: mysql is a schema of the server itself"),
        ({"archive_schema": "sys"}, "archive_schema: sys is a schema of the server itself"),
    ],
)
def test_what_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        desired(**options)
    (problem,) = refused.value.problems
    assert said in problem


def test_everything_is_refused_at_once() -> None:
    with pytest.raises(Refused) as refused:
        desired(schema="mysql", months_ahead=0, max_moves=-1, now="noon", lock_wait_retries=-1)
    assert len(refused.value.problems) == 5


def test_what_becomes_of_the_past() -> None:
    assert MonthPartition.options["past"]["choices"] == ["drop", "archive", "keep"]
