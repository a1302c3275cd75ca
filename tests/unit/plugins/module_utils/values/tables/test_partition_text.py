"""Boundaries as servers describe them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_MILLISECONDS,
    EPOCH_SECONDS,
    RANGE_COLUMNS,
    TO_DAYS,
    UNIX_TIMESTAMP,
    Partition,
    PartitionedTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition_text import (
    moment_of,
    part_nulls,
    partition_definitions,
)


@pytest.mark.parametrize(
    ("scheme", "description", "moment"),
    [
        # Measured on MariaDB 10.11, MariaDB 11.8 and MySQL 9.7.
        (RANGE_COLUMNS, "'2013-01-01'", datetime(2013, 1, 1)),
        (RANGE_COLUMNS, "'2013-02-01 00:00:00.000'", datetime(2013, 2, 1)),
        (RANGE_COLUMNS, "'2013-02-01 12:00:00'", datetime(2013, 2, 1, 12)),
        (RANGE_COLUMNS, "'0000-00-00'", datetime.min),
        (UNIX_TIMESTAMP, "1356998400", datetime(2013, 1, 1)),
        (UNIX_TIMESTAMP, "0", datetime(1970, 1, 1)),
        (EPOCH_SECONDS, "1356998400", datetime(2013, 1, 1)),
        (EPOCH_SECONDS, "-1", datetime(1970, 1, 1)),
        (EPOCH_MILLISECONDS, "1356998400123", datetime(2013, 1, 1, 0, 0, 0, 123000)),
        (TO_DAYS, "735234", datetime(2013, 1, 1)),
        (TO_DAYS, "366", datetime(1, 1, 1)),
        (TO_DAYS, "0", datetime.min),
    ],
)
def test_moments(scheme: str, description: str, moment: datetime) -> None:
    assert moment_of(scheme, description) == moment


@given(st.builds(Month, st.integers(1970, 2100), st.integers(1, 12)))
def test_a_boundary_is_read_as_it_was_written(month: Month) -> None:
    partitions = [Partition("p", month.start), Partition("q%", None)]
    for scheme in (UNIX_TIMESTAMP, EPOCH_SECONDS, EPOCH_MILLISECONDS):
        said, (value,) = partition_definitions(scheme, partitions)
        assert said == [
            "PARTITION `p` VALUES LESS THAN (%s)",
            "PARTITION `q%%` VALUES LESS THAN MAXVALUE",
        ]
        assert moment_of(scheme, str(value)) == month.start
    said, (value,) = partition_definitions(RANGE_COLUMNS, partitions)
    assert said[1] == "PARTITION `q%%` VALUES LESS THAN (MAXVALUE)"
    assert moment_of(RANGE_COLUMNS, f"'{value}'") == month.start
    said, (value,) = partition_definitions(TO_DAYS, partitions)
    assert said[0] == "PARTITION `p` VALUES LESS THAN (TO_DAYS(%s))"


def test_rows_without_a_time_get_a_partition_with_a_name_of_its_own() -> None:
    partitions = tuple(
        Partition(name, datetime(2013, month, 1))
        for month, name in enumerate(("a`", "PNULL", "pnull_2"), 1)
    )
    table = PartitionedTable("s", "t", "at", UNIX_TIMESTAMP, partitions)
    assert part_nulls(table).shown == (
        "ALTER TABLE `s`.`t` REORGANIZE PARTITION `a``` INTO (PARTITION `pnull_3` VALUES LESS "
        "THAN (0), PARTITION `a``` VALUES LESS THAN (1356998400))"
    )
