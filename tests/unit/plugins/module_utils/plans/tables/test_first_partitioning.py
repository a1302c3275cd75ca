"""What stands against partitioning a table, and the months that it gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import (
    first_partitioning,
    months,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    EPOCH_MILLISECONDS,
    EPOCH_SECONDS,
    RANGE_COLUMNS,
    UNIX_TIMESTAMP,
    MonthPolicy,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.plain_table import (
    ForeignKey,
    PlainTable,
    TimeColumn,
    UniqueKey,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import Column

NOW = datetime(2013, 12, 15)
MONTH = Month.of(NOW)


def time_column(
    type_: str, rest: str = "", nullable: bool = False, attributes: str = "", **can: bool
) -> TimeColumn:
    return TimeColumn(Column("at", type_, f"{type_} {rest}", attributes, nullable=nullable), **can)


AT = time_column("datetime")
TABLE = PlainTable("s", "t", "InnoDB", AT, rows=1_000_000, data_bytes=5, index_bytes=2)
POLICY = MonthPolicy(months_ahead=1)
FILLED = "DEFAULT CURRENT_TIMESTAMP"


def plan(
    table: PlainTable,
    policy: MonthPolicy = POLICY,
    epoch: str = EPOCH_SECONDS,
    allowed: bool = True,
    now: datetime = NOW,
) -> Plan:
    return first_partitioning.plan(policy, now, table, epoch, allowed)


def problems(table: PlainTable, policy: MonthPolicy = POLICY, allowed: bool = True) -> list[str]:
    with pytest.raises(Refused) as refusal:
        plan(table, policy, allowed=allowed)
    return refusal.value.problems


@pytest.mark.parametrize(
    ("kind", "epoch", "scheme"),
    [
        ("date", EPOCH_SECONDS, RANGE_COLUMNS),
        ("datetime", EPOCH_SECONDS, RANGE_COLUMNS),
        ("timestamp", EPOCH_SECONDS, UNIX_TIMESTAMP),
        ("int", EPOCH_SECONDS, EPOCH_SECONDS),
        ("bigint", EPOCH_MILLISECONDS, EPOCH_MILLISECONDS),
    ],
)
def test_the_scheme_is_that_which_prunes_best(kind: str, epoch: str, scheme: str) -> None:
    table = replace(TABLE, column=time_column(kind), earliest=datetime(2013, 10, 5))
    (step,) = plan(table, epoch=epoch).steps
    assert step.action == first_partitioning.FIRST and step.target == "s.t"
    assert step.value.table.scheme == scheme and step.value.table.time_column == "at"
    assert [part.below for part in step.value.new] == [
        datetime(2013, 11, 1),
        datetime(2013, 12, 1),
        datetime(2014, 1, 1),
        datetime(2014, 2, 1),
    ]
    assert step.before == {"partitions": {}}
    (whole,) = step.value.old
    assert (whole.rows, whole.bytes) == (1_000_000, 7)
    # The next run, by the other plan, finds nothing to do.
    made = replace(step.value.table, partitions=step.value.new)
    assert months.plan(POLICY, MONTH, made) == Plan()


@pytest.mark.parametrize(
    ("earliest", "policy", "first"),
    [
        (None, {}, datetime(2014, 1, 1)),
        (datetime(2013, 5, 5), {"first_month": Month(2013, 10)}, datetime(2013, 11, 1)),
        (datetime(2013, 5, 5), {"months_kept": 3}, datetime(2013, 10, 1)),
        (datetime(2014, 1, 5), {}, datetime(2014, 1, 1)),
    ],
)
def test_the_first_month(
    earliest: datetime | None, policy: dict[str, object], first: datetime
) -> None:
    wanted = MonthPolicy(**{"months_ahead": 1, **policy})
    (step,) = plan(replace(TABLE, earliest=earliest, latest=earliest), wanted).steps
    assert step.value.new[0].below == first


@pytest.mark.parametrize(
    ("kind", "now", "first"),
    [
        ("datetime", datetime(2013, 12, 1, 13, 59), datetime(2013, 12, 1)),
        ("datetime", datetime(2013, 12, 1, 14), datetime(2014, 1, 1)),
        ("timestamp", datetime(2013, 12, 1), datetime(2014, 1, 1)),
    ],
)
def test_a_month_that_runs_in_some_zone_is_kept_apart(
    kind: str, now: datetime, first: datetime
) -> None:
    table = replace(TABLE, column=time_column(kind), earliest=datetime(2013, 5, 5))
    policy = MonthPolicy(months_ahead=1, months_kept=0)
    (step,) = plan(table, policy, now=now).steps
    assert step.value.new[0].below == first
    # The next run at that time agrees.
    made = replace(step.value.table, partitions=step.value.new)
    assert months.plan(policy.seen_at(now, made.scheme), MONTH, made) == Plan()


def test_a_plain_table_is_only_rewritten_when_told_to() -> None:
    (problem,) = problems(TABLE, allowed=False)
    assert "s.t has no partitions" in problem and "set partition_plain_table to true" in problem
    assert "about 1000000 rows, 7 bytes with indexes; expect about 10 s" in problem
    (told,) = plan(TABLE).warnings
    assert "by range columns" in told and "expect about 10 s" in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"column": None}, "does not have the column"),
        ({"column": time_column("varchar")}, "MODIFY `at` DATETIME(6) NOT NULL;"),
        (
            {"column": time_column("int unsigned", "DEFAULT NULL COMMENT 'c'", nullable=True)},
            "Give them a time, then: ALTER TABLE `s`.`t` MODIFY `at` int unsigned NOT NULL COMMENT "
            "'c';",
        ),
        (
            {"column": time_column("date", nullable=True, can_be_not_null=False)},
            "at is generated, and can be NULL, which cannot be changed on this server",
        ),
        (
            {"column": time_column("timestamp(3)", "NOT NULL", can_partition=False)},
            "SET time_zone = '+00:00'; ALTER TABLE `s`.`t` MODIFY `at` datetime(3) NOT NULL;",
        ),
        (
            {"column": time_column("timestamp(3)", nullable=True, can_partition=False)},
            "Give rows in which it is NULL a time. Then DATETIME keeps the fraction",
        ),
        ({"engine": "MyISAM"}, "ALTER TABLE `s`.`t` ENGINE = InnoDB;"),
        (
            {"foreign_keys": (ForeignKey("fk", "s", "t", True),)},
            "foreign key to another table, which a partitioned table cannot have (errors 1506, "
            "1217): ALTER TABLE `s`.`t` DROP FOREIGN KEY `fk`;",
        ),
        (
            {"foreign_keys": (ForeignKey("fk", "s", "child", False),)},
            "foreign key to it, which a partitioned table cannot have (errors 1506, 1217): "
            "ALTER TABLE `s`.`child` DROP FOREIGN KEY `fk`;",
        ),
        ({"refused_indexes": (("f", "FULLTEXT"),)}, "no FULLTEXT index"),
        ({"geometry_columns": ("place",)}, "ALTER TABLE `s`.`t` DROP COLUMN `place`;"),
        ({"latest": datetime(2014, 2, 1)}, "the latest row is of 2014-02-01 00:00:00, later than"),
        ({"earliest": datetime(1, 1, 1)}, "a table can have 8192"),
    ],
)
def test_each_obstacle_is_told(change: dict[str, object], said: str) -> None:
    (problem,) = problems(replace(TABLE, **change))
    assert said in problem


def test_keys_without_the_column_are_told_in_one_statement() -> None:
    keys = (
        UniqueKey("PRIMARY", ("id",), (None,)),
        UniqueKey("fits", ("code", "AT"), (None, None)),
        UniqueKey("odd` key", ("a", "b"), (None, 10)),
    )
    (problem,) = problems(replace(TABLE, unique_keys=keys))
    assert "the primary key and unique key odd` key must contain at" in problem
    assert problem.endswith(
        "ALTER TABLE `s`.`t` DROP PRIMARY KEY, ADD PRIMARY KEY (`id`, `at`), DROP INDEX "
        "`odd`` key`, ADD UNIQUE INDEX `odd`` key` (`a`, `b`(10), `at`);"
    )
    assert plan(replace(TABLE, unique_keys=keys[1:2])).changed


def test_everything_is_told_at_once() -> None:
    table = replace(TABLE, engine="MyISAM", latest=datetime(2020, 1, 1))
    assert len(problems(table, allowed=False)) == 3


def test_time_zone_traps() -> None:
    trapped = replace(TABLE, clock_offset_seconds=3600)
    assert "may be filled by the server's clock, which is 3600 s" in plan(trapped).warnings[1]
    filled = replace(trapped, column=time_column("datetime", attributes=FILLED))
    assert "and is filled by the server's clock" in plan(filled).warnings[1]
    stamped = replace(trapped, column=time_column("timestamp", attributes=FILLED))
    assert len(plan(stamped).warnings) == 1
