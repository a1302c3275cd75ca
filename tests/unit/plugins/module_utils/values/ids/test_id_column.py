"""Columns' ranges, and what is left of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import (
    IdColumn,
    IdLimits,
    highest_of_type,
)

CALLS = IdColumn("usage_data", "calls", "id", "bigint(20)", 43, "PRIMARY", 42, 3)


@pytest.mark.parametrize(
    ("column_type", "highest"),
    [
        ("tinyint(4)", 127),
        ("tinyint unsigned", 255),
        ("smallint(6)", 32767),
        ("SMALLINT(5) UNSIGNED", 65535),
        ("mediumint", 8388607),
        ("mediumint(8) unsigned zerofill", 16777215),
        ("int(11)", 2147483647),
        ("int unsigned", 4294967295),
        ("bigint(20)", 9223372036854775807),
        ("bigint unsigned", 18446744073709551614),
        ("float", 16777216),
        ("double unsigned", 9007199254740992),
        ("decimal(10,0)", None),
    ],
)
def test_the_largest_id_of_a_type(column_type: str, highest: int | None) -> None:
    assert highest_of_type(column_type) == highest


def test_what_is_used_and_left() -> None:
    pair = Autoinc(20, 2)
    assert CALLS.table_name == "usage_data.calls"
    assert (CALLS.next_id(pair), CALLS.used_percent) == (62, 0.0)
    tiny = replace(CALLS, type="tinyint unsigned", counter=203, highest=202)
    assert (tiny.used_percent, tiny.left(pair)) == (79.2, 2)
    # Rows above the counter, or gone below it, have used their ids.
    assert replace(tiny, counter=1).used_percent == 79.2
    assert replace(tiny, highest=None).next_id(pair) == 222
    full = replace(tiny, counter=256, highest=255)
    assert (full.used_percent, full.left(pair)) == (100.0, 0)
    # All but one of a large range is not all of it.
    almost = replace(CALLS, type="bigint", counter=2**63 - 2, highest=2**63 - 3)
    assert almost.used_percent == 99.9
    unknown = replace(CALLS, type="decimal(10,0)")
    assert unknown.used_percent is None and unknown.left(pair) is None


@pytest.mark.parametrize(
    ("per_table", "percent", "said"),
    [
        (1, 1, []),
        (1, 100, []),
        (0, 90, ["ids_checked_per_table is 0; it must be at least 1."]),
        (1, 0, ["fail_when_used_percent is 0; it must be 1 to 100."]),
        (1, 101, ["fail_when_used_percent is 101; it must be 1 to 100."]),
        (
            -1,
            101,
            [
                "ids_checked_per_table is -1; it must be at least 1.",
                "fail_when_used_percent is 101; it must be 1 to 100.",
            ],
        ),
    ],
)
def test_limits_that_say_nothing_are_refused(per_table: int, percent: int, said: list[str]) -> None:
    assert IdLimits(True, (), per_table, percent, False).problems() == said
