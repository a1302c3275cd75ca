from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.retention import (
    OldRows,
    Outlook,
    Retention,
)

RULE = Retention("usage_data", "calls", "id", "at", days_kept=7)


def test_a_rule_that_can_be_kept() -> None:
    assert RULE.problems() == []
    assert replace(RULE, months_kept=1).problems() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"days_kept": 0}, "days_kept is 0"),
        ({"days_kept": 2}, "rows are updated for 48 hours and kept for 2 days"),
        ({"updated_within_hours": -1}, "updated_within_hours is -1"),
        ({"days_kept": 28, "months_kept": 1}, "read servers may drop them after 28"),
        ({"months_kept": 0}, "read servers may drop them after 0"),
        ({"time_column": "ID"}, "both id"),
        ({"schema": "MySQL"}, "system schema"),
    ],
)
def test_a_rule_that_would_lose_rows(changes: dict[str, Any], said: str) -> None:
    (problem,) = replace(RULE, **changes).problems()
    assert said in problem


def test_names_as_the_server_has_them() -> None:
    assert str(replace(RULE, name="Calls").named(Names(ignores_case=True))) == "usage_data.calls"


def test_how_much_is_written_a_day() -> None:
    cut = datetime(2024, 5, 3)
    found = OldRows(RULE, cut, oldest=datetime(2024, 4, 30), table_bytes=1000)
    assert found.bytes_a_day == 100
    assert replace(found, oldest=None, oldest_kept=cut).bytes_a_day == 1000 / 7
    assert replace(found, oldest=None).bytes_a_day == 0


def test_how_long_a_disk_lasts() -> None:
    assert str(Outlook(None, 5)) == "How long its disk lasts cannot be told from here."
    assert "left, more than ten years at the present rate" in str(Outlook(3650 << 20, 1 << 20))
    assert str(Outlook(3 << 20, 0)) == "Its disk has 3 MiB left."
    assert str(Outlook(30 << 20, 1 << 20)) == (
        "Its disk has 30 MiB left, some 30 days at the present rate of 1.0 MiB a day."
    )
