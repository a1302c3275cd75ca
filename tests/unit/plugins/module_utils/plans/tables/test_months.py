"""From any partitions to those that the months need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import months
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.month_archive import (
    Archive,
    Found,
    archive_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import EPOCH
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    ARCHIVE_PAST,
    DROP_PAST,
    EPOCH_MILLISECONDS,
    EPOCH_SECONDS,
    KEEP_PAST,
    RANGE_COLUMNS,
    TO_DAYS,
    UNIX_TIMESTAMP,
    MonthPolicy,
    Partition,
    PartitionedTable,
    counted_for_months,
    months_of,
    now_of,
    spans,
)

NOW = Month(2013, 12)
COLD = "/srv/cold"
FIRST_DAY = datetime(2012, 6, 1)


@dataclass(frozen=True)
class Simulated:
    """A server's table: partitions with a lower and an upper bound, and the days of its rows."""

    parts: tuple[tuple[str, datetime | None], ...]
    days: frozenset[datetime]
    # Rows that have been archived, and the partitions that lie on another disk.
    archived: frozenset[datetime] = frozenset()
    cold: frozenset[str] = frozenset()
    nullable: bool = False

    def bounds(self) -> list[tuple[str, datetime, datetime]]:
        found, lower = [], datetime.min
        for name, below in self.parts:
            found.append((name, lower, below or datetime.max))
            lower = below or datetime.max
        return found

    def rows_of(self, name: str) -> set[datetime]:
        ((low, high),) = [(low, high) for part, low, high in self.bounds() if part == name]
        return {day for day in self.days if low <= day < high}

    def table(self) -> PartitionedTable:
        """As the server layer reads it: nothing is counted."""
        return PartitionedTable(
            "s",
            "t",
            "at",
            RANGE_COLUMNS,
            tuple(
                Partition(
                    name,
                    below,
                    data_directory=COLD if name in self.cold else None,
                    may_hold_nulls=self.has_nulls(name),
                )
                for name, below in self.parts
            ),
        )

    def has_nulls(self, name: str) -> bool:
        """Whether rows without a time may be in a partition of other rows."""
        first, below = self.parts[0]
        return self.nullable and name == first and below is not None and below > EPOCH

    def stays(self, name: str) -> bool:
        """Whether a partition holds rows of no month."""
        below = dict(self.parts)[name]
        return self.has_nulls(name) or (below is not None and below <= EPOCH)

    def counted(self, policy: MonthPolicy) -> PartitionedTable:
        """As the server layer gives it to the plan: what is in question is counted."""
        table = self.table()
        asked = {
            part.name
            for part in (
                *months.in_question(policy, NOW, table.partitions),
                *months.to_archive(policy, NOW, table.partitions),
            )
        }
        return replace(
            table,
            partitions=tuple(
                replace(part, counted=len(self.rows_of(part.name)) if part.name in asked else None)
                for part in table.partitions
            ),
        )

    def plan(self, policy: MonthPolicy) -> Plan:
        """As the module asks for it: with the archives that would be made."""
        table = self.counted(policy)
        past = months.to_archive(policy, NOW, table.partitions)
        archives = tuple(archive_of("{table}_{partition}", None, table, part) for part in past)
        return months.plan(policy, NOW, table, months.Beside(archives))

    def apply(
        self, plan: Plan, may_split_tail: bool = False, may_be_earlier: bool = False
    ) -> Simulated:
        """What a server does with the steps, and what it refuses."""
        now = self
        for step in plan.steps:
            old = [part.name for part in step.value.old]
            new = [(part.name, part.below) for part in step.value.new]
            names = [name for name, _rest in now.parts]
            if step.action == months.ADD:
                assert not old
                parts = (*now.parts, *new)
            elif step.action == months.SPLIT:
                (name,) = old
                at = names.index(name)
                assert new[-1][1] == now.parts[at][1], "REORGANIZE must keep the upper bound"
                may = may_split_tail and now.parts[at][1] is None
                assert may or not now.rows_of(name), "a partition with rows was split"
                parts = (*now.parts[:at], *new, *now.parts[at + 1 :])
            elif step.action == months.MOVE:
                assert [(part.name, part.below) for part in step.value.old] == new
                assert all(below > EPOCH for _rest, below in new), "a catch-all was moved"
                moved = {part.name for part in step.value.new if part.data_directory == COLD}
                now, parts = replace(now, cold=now.cold | moved), now.parts
            else:
                assert not new
                assert step.action in (months.DROP, months.ARCHIVE)
                rest = plan.steps[plan.steps.index(step) :]
                assert {after.action for after in rest} <= {step.action, months.MOVE}, (
                    "months are made before any is dropped"
                )
                assert not any(now.stays(name) for name in old), "rows of no month dropped"
                gone = set().union(*(now.rows_of(name) for name in old))
                earliest = NOW + -1 if may_be_earlier else NOW
                assert all(day < earliest.start for day in gone), "rows of a running month dropped"
                if step.action == months.ARCHIVE:
                    assert step.value.archive.partition == old[0]
                    now = replace(now, archived=now.archived | gone)
                now = replace(now, days=now.days - gone)
                parts = tuple(part for part in now.parts if part[0] not in old)
            now = replace(now, parts=parts)
            now.check()
        return now

    def check(self) -> None:
        names = [name.lower() for name, _rest in self.parts]
        assert len(names) == len(set(names)), "1517: duplicate partition name"
        below = [moment or datetime.max for _rest, moment in self.parts]
        assert below == sorted(set(below)), "1493: boundaries must increase"
        assert None not in [moment for _rest, moment in self.parts[:-1]], "1481: MAXVALUE only last"


@st.composite
def tables(draw: st.DrawFn) -> Simulated:
    """Tables made by hand: weeks, months, several months, any names, with and without a tail."""
    widths = draw(st.lists(st.sampled_from(["month", "week", "quarter", "days"]), max_size=12))
    moment = FIRST_DAY + timedelta(days=draw(st.sampled_from([0, 0, 0, 7, 40, 400])))
    below: list[datetime | None] = []
    for width in widths:
        if width == "month":
            moment = Month.of(moment).end
        elif width == "quarter":
            moment = (Month.of(moment) + 2).end
        else:
            moment += timedelta(days=7 if width == "week" else draw(st.integers(1, 100)))
        below.append(moment)
    if draw(st.booleans()):
        below.insert(0, datetime(1970, 1, 1))
    if draw(st.booleans()) or not below:
        below.append(None)
    names = st.one_of(
        st.sampled_from(["pmax", "P2013M12", "p2013m12_2", "p2014m01", "p2013m05"]),
        st.text("abc`'% é", min_size=1, max_size=4),
    )
    named = draw(
        st.lists(
            names, min_size=len(below), max_size=len(below), unique_by=lambda name: name.lower()
        )
    )
    nonsense = st.just(datetime(1969, 12, 31))
    rows = st.integers(-60, 900).map(_day) | nonsense
    days = draw(st.frozensets(rows, max_size=6))
    last = below[-1]
    if last:
        days = frozenset(day for day in days if day < last)
    parts = tuple(zip(named, below, strict=True))
    return Simulated(parts, days, nullable=draw(st.booleans()))


def _day(number: int) -> datetime:
    return FIRST_DAY + timedelta(days=number)


POLICIES = st.builds(
    MonthPolicy,
    months_ahead=st.integers(1, 5),
    months_kept=st.none() | st.integers(0, 24),
    first_month=st.none() | st.builds(Month, st.just(2013), st.integers(1, 12)),
    max_drops=st.integers(0, 100),
    past=st.sampled_from([DROP_PAST, ARCHIVE_PAST, KEEP_PAST]),
    split_tail_with_rows=st.booleans(),
    cold_after_months=st.none() | st.integers(0, 12),
    cold_data_directory=st.just(COLD),
    max_moves=st.integers(0, 30),
    last_month_runs=st.booleans(),
)


@given(tables(), POLICIES)
def test_reaches_the_target_and_stays_there(before: Simulated, policy: MonthPolicy) -> None:
    before.check()
    try:
        plan = before.plan(policy)
    except Refused:
        assume(False)
    after = before.apply(plan, policy.split_tail_with_rows, policy.last_month_runs)

    cutoff = policy.cutoff(NOW)
    boundaries = {below for _rest, below in after.parts}
    assert after.parts[-1][1] is None or after.parts[-1][1] >= policy.last(NOW).end
    first = min(policy.first_month or NOW, NOW)
    if cutoff:
        first = max(first, cutoff)
    for month in first.to(policy.last(NOW)):
        for name, low, high in after.bounds():
            # A month shares its partition only where that has rows; the first
            # month may also share it with everything older.
            if low <= month.start and month.end <= high and not after.rows_of(name):
                assert month.end in boundaries
                assert month.start in boundaries or month == first or low == datetime.min
    if cutoff:
        left = [part for part, below in after.parts if below and below <= cutoff.start]
        assert left == [part for part, _rest in before.parts if part in left and before.stays(part)]
    else:
        assert after.days == before.days
    assert {day for day in before.days if not cutoff or day >= cutoff.start} <= after.days
    if policy.past == ARCHIVE_PAST:
        assert after.archived | after.days == before.days
    cold = [part for part in after.table().partitions if policy.is_cold(part, NOW)]
    moves = [step for step in plan.steps if step.action == months.MOVE]
    assert len(moves) <= policy.max_moves and (not cold or len(moves) == policy.max_moves)
    assert bool(cold) == any("max_moves allows" in warning for warning in plan.warnings)
    for part in after.table().partitions:
        if part.data_directory == COLD and part.name not in before.cold:
            earliest = NOW + -1 if policy.last_month_runs else NOW
            assert part.below and part.below <= earliest.start, "a running month was moved"

    again = after.plan(policy)
    assert {step.action for step in again.steps} <= ({months.MOVE} if cold else set())
    assert len(again.warnings) <= len(plan.warnings)


@given(tables(), POLICIES)
def test_refuses_for_a_reason(before: Simulated, policy: MonthPolicy) -> None:
    past = [
        below
        for part, below in before.parts
        if below and policy.cutoff(NOW) and below <= policy.cutoff(NOW).start
        if not before.stays(part)
    ]
    name, low, high = before.bounds()[-1]
    blocked = (
        before.parts[-1][1] is None
        and low < policy.last(NOW).end
        and bool(before.rows_of(name))
        and not policy.split_tail_with_rows
    )
    refused = False
    try:
        before.plan(policy)
    except Refused as refusal:
        refused = True
        assert len(refusal.problems) == (len(past) > policy.max_drops) + blocked
        for problem in refusal.problems:
            assert (
                "Set split_tail_with_rows" in problem or f"set max_drops to {len(past)}" in problem
            )
    assert refused == (len(past) > policy.max_drops or blocked)


@given(tables(), POLICIES)
def test_shows_every_state_between(before: Simulated, policy: MonthPolicy) -> None:
    try:
        plan = before.plan(policy)
    except Refused:
        assume(False)
    for step, following in zip(plan.steps, plan.steps[1:], strict=False):
        assert step.after == following.before
    if plan.steps:
        assert list(plan.diff()["before"]["s.t"]["partitions"]) == [n for n, _rest in before.parts]
        after = before.apply(plan, policy.split_tail_with_rows, policy.last_month_runs)
        assert list(plan.diff()["after"]["s.t"]["partitions"]) == [n for n, _rest in after.parts]
        assert [part.name for part in plan.steps[-1].value.after] == [n for n, _rest in after.parts]


@given(POLICIES)
def test_a_new_table_needs_nothing(policy: MonthPolicy) -> None:
    policy = replace(policy, months_kept=None, cold_after_months=None)
    made = months.initial(policy, NOW)
    table = PartitionedTable("s", "t", "at", RANGE_COLUMNS, made)
    assert months.plan(policy, NOW, table) == Plan()
    first = min(policy.first_month or NOW, NOW)
    assert [part.below for part in made] == [m.end for m in first.to(NOW + policy.months_ahead)]


def simulated(*below: str, rows: tuple[str, ...] = ()) -> Simulated:
    return Simulated(
        tuple(
            (f"x{number}", None if text == "MAX" else datetime.fromisoformat(text))
            for number, text in enumerate(below)
        ),
        frozenset(datetime.fromisoformat(day) for day in rows),
    )


def outcome(before: Simulated, **policy: object) -> list[str]:
    wanted = MonthPolicy(**{"months_ahead": 1, "max_drops": 99, **policy})
    after = before.apply(months.plan(wanted, NOW, before.counted(wanted)))
    return [f"{name} {below:%Y-%m-%d}" if below else f"{name} MAX" for name, below in after.parts]


def test_twelve_months_of_2013() -> None:
    made = months.initial(MonthPolicy(1, first_month=Month(2013, 1)), NOW)
    assert [part.name for part in made] == [
        *(f"p2013m{month:02}" for month in range(1, 13)),
        "p2014m01",
    ]
    assert made[0].below == datetime(2013, 2, 1)
    assert made[-1].below == datetime(2014, 2, 1)


@pytest.mark.parametrize(
    ("below", "rows", "policy", "expected"),
    [
        # Missing months at the end are added; the first partition is not wide.
        (["2013-12-01"], (), {}, ["x0 2013-12-01", "p2013m12 2014-01-01", "p2014m01 2014-02-01"]),
        # An empty tail is split and keeps its name.
        (
            ["2013-12-01", "MAX"],
            ("2013-01-01",),
            {},
            ["x0 2013-12-01", "p2013m12 2014-01-01", "p2014m01 2014-02-01", "x1 MAX"],
        ),
        # A tail that is only MAXVALUE: the first piece takes everything older.
        (["MAX"], (), {}, ["p2013m12 2014-01-01", "p2014m01 2014-02-01", "x0 MAX"]),
        # A tail beyond the months is in nobody's way, whatever it holds.
        (
            ["2014-01-01", "2014-02-01", "MAX"],
            ("2015-01-01",),
            {},
            ["x0 2014-01-01", "x1 2014-02-01", "x2 MAX"],
        ),
        # A gap is filled where it is empty.
        (
            ["2013-10-01", "2014-02-01"],
            (),
            {},
            [
                "x0 2013-10-01",
                "p2013m10 2013-11-01",
                "p2013m11 2013-12-01",
                "p2013m12 2014-01-01",
                "p2014m01 2014-02-01",
            ],
        ),
        # ... and left alone where it holds rows.
        (["2013-10-01", "2014-02-01"], ("2013-10-05",), {}, ["x0 2013-10-01", "x1 2014-02-01"]),
        # Weeks are no obstacle; what follows begins where they end.
        (
            ["2013-12-01", "2013-12-25", "2014-01-04"],
            (),
            {},
            ["x0 2013-12-01", "x1 2013-12-25", "x2 2014-01-04", "p2014m01 2014-02-01"],
        ),
        # A partition that catches nonsense does not make months since 1970.
        (
            ["1970-01-01", "MAX"],
            (),
            {},
            [
                "x0 1970-01-01",
                "p2013m11 2013-12-01",
                "p2013m12 2014-01-01",
                "p2014m01 2014-02-01",
                "x1 MAX",
            ],
        ),
        # first_month before the first boundary: only where that moves no rows.
        (
            ["2014-01-01", "2014-02-01"],
            (),
            {"first_month": Month(2013, 11)},
            ["p2013m11 2013-12-01", "p2013m12 2014-01-01", "x1 2014-02-01"],
        ),
        (
            ["2014-01-01", "2014-02-01"],
            ("2013-12-05",),
            {"first_month": Month(2013, 11)},
            ["x0 2014-01-01", "x1 2014-02-01"],
        ),
        # Retention: wholly past partitions go, those that reach into what is kept stay.
        (
            ["2013-09-01", "2013-10-01", "2013-10-15", "2013-12-01", "2014-02-01"],
            ("2013-08-01", "2013-10-10", "2013-11-01", "2013-12-24"),
            {"months_kept": 2},
            ["x2 2013-10-15", "x3 2013-12-01", "x4 2014-02-01"],
        ),
        # Everything is older than the retention: new months first, then the drop.
        (
            ["2001-01-01", "2002-01-01"],
            (),
            {"months_kept": 0},
            ["p2013m12 2014-01-01", "p2014m01 2014-02-01"],
        ),
    ],
)
def test_examples(
    below: list[str], rows: tuple[str, ...], policy: dict[str, object], expected: list[str]
) -> None:
    before = simulated(*below, rows=rows)
    assert outcome(before, **policy) == expected


def test_warns_of_a_wide_partition_with_rows() -> None:
    before = simulated("2013-10-01", "2014-02-01", rows=("2013-10-05", "2013-10-06"))
    plan = months.plan(MonthPolicy(1), NOW, before.counted(MonthPolicy(1)))
    (warning,) = plan.warnings
    assert "partition x1 (from 2013-10-01 below 2014-02-01) holds 2 rows" in warning
    assert "Reorganise it by hand" in warning


def test_a_tail_with_rows_is_refused() -> None:
    before = simulated("2013-10-01", "MAX", rows=("2013-10-05",))
    with pytest.raises(Refused, match=r"partition x1 \(from 2013-10-01 on\) holds 1 row, "):
        months.plan(MonthPolicy(1), NOW, before.counted(MonthPolicy(1)))


def test_more_rows_than_are_counted() -> None:
    many = Partition("p", None, counted=months.COUNT_LIMIT + 1)
    assert months.rows_text(many) == "more than 1000000 rows"


def test_too_many_drops_are_refused_by_name() -> None:
    before = simulated("2013-09-01", "2013-10-01", "2014-02-01")
    policy = MonthPolicy(1, months_kept=2, max_drops=1)
    with pytest.raises(Refused) as refusal:
        before.plan(policy)
    assert "x0 (below 2013-09-01), x1 (below 2013-10-01)" in str(refusal.value)
    assert "set max_drops to 2" in str(refusal.value)
    (found,) = refusal.value.findings
    assert (found.code, found.where) == ("months.too_many_drops", str(before.table()))


@pytest.mark.parametrize("below", ["0001-01-01", "1970-01-01"])
@pytest.mark.parametrize("past", [DROP_PAST, ARCHIVE_PAST])
def test_what_catches_nonsense_is_never_past(below: str, past: str) -> None:
    before = simulated(below, "2013-11-01", "2013-12-01", "2014-01-01", "2014-02-01")
    policy = MonthPolicy(
        1, months_kept=0, max_drops=2, past=past, cold_after_months=0, cold_data_directory=COLD
    )
    plan = before.plan(policy)
    assert [name for name, _rest in before.apply(plan).parts] == ["x0", "x3", "x4"]
    assert plan.warnings == ()
    kept = before.plan(replace(policy, past=KEEP_PAST, max_moves=9))
    assert [part.name for step in kept.steps for part in step.value.old] == ["x1", "x2"]


def test_rows_without_a_time_keep_the_first_partition() -> None:
    table = simulated("2013-10-01", "2013-11-01", "2013-12-01", "2014-01-01", "2014-02-01")
    before = replace(table, nullable=True)
    plan = before.plan(MonthPolicy(1, months_kept=1))
    assert [name for name, _rest in before.apply(plan).parts] == ["x0", "x2", "x3", "x4"]
    (warning,) = plan.warnings
    assert "s.t: partition x0 has expired, but is kept: at can be NULL" in warning
    assert (
        "outside the binary log: ALTER TABLE `s`.`t` REORGANIZE PARTITION `x0` INTO (PARTITION "
        "`pnull` VALUES LESS THAN ('1970-01-01'), PARTITION `x0` VALUES LESS THAN "
        "('2013-10-01')); or"
    ) in warning
    assert before.plan(MonthPolicy(1)).warnings == ()


LOCAL = (RANGE_COLUMNS, TO_DAYS)
UTC = (UNIX_TIMESTAMP, EPOCH_SECONDS, EPOCH_MILLISECONDS)


@pytest.mark.parametrize(
    ("now", "schemes", "runs"),
    [
        (datetime(2013, 12, 1), LOCAL, True),
        (datetime(2013, 12, 1, 13, 59, 59), LOCAL, True),
        (datetime(2013, 12, 1, 14), LOCAL, False),
        (datetime(2013, 12, 31, 23, 59), LOCAL, False),
        (datetime(2013, 12, 1), UTC, False),
    ],
)
def test_a_month_of_no_zone_is_past_when_it_has_ended_in_every_zone(
    now: datetime, schemes: tuple[str, ...], runs: bool
) -> None:
    """2013-12 is the current month of UTC; 2013-11 is what may still run elsewhere."""
    before = simulated("2013-11-01", "2013-12-01", "2014-01-01", "2014-02-01")
    policy = MonthPolicy(1, months_kept=0, max_drops=9)
    cold = MonthPolicy(1, cold_after_months=0, cold_data_directory=COLD, max_moves=9)
    for scheme in schemes:
        for told in (policy, cold):
            steps = before.plan(told.seen_at(now, scheme)).steps
            names = [part.name for step in steps for part in step.value.old]
            assert names == (["x0"] if runs else ["x0", "x1"])
        with pytest.raises(Refused) as refusal:
            before.plan(replace(policy.seen_at(now, scheme), max_drops=0))
        first = "2013-11" if runs else "2013-12"
        assert f"older than {first}, the first of 0 months that are kept before {first}:" in str(
            refusal.value
        )


def test_more_partitions_than_a_table_can_have_are_refused() -> None:
    before = simulated("1200-01-01")
    policy = MonthPolicy(first_month=Month(1200, 1))
    with pytest.raises(Refused, match="a table can have 8192"):
        before.plan(policy)


def test_policies() -> None:
    policy = months_of({"months_ahead": 2, "months_kept": 12, "first_month": "2013-01"})
    assert policy == MonthPolicy(2, 12, Month(2013, 1))
    assert now_of({"now": "2013-12-15"}) == datetime(2013, 12, 15)
    with pytest.raises(Refused, match="today"):
        now_of({"now": "today"})
    with pytest.raises(Refused) as refusal:
        months_of(
            {
                "months_ahead": 0,
                "months_kept": -1,
                "first_month": "January",
                "max_drops": -1,
                "cold_after_months": -1,
                "max_moves": -1,
            }
        )
    assert len(refusal.value.problems) == 7
    with pytest.raises(Refused, match="srv is no absolute path"):
        months_of({"cold_after_months": 1, "cold_data_directory": "srv"})
    with pytest.raises(Refused, match="months_ahead 9000 is more than a table's 8192"):
        months_of({"months_ahead": 9000})


@pytest.mark.parametrize(
    ("below", "rows", "said"),
    [
        (["2013-12-01", "2014-01-01", "2014-02-01"], ("2013-12-05",), None),
        (["2013-12-01", "2014-01-01"], ("2013-12-05",), "would add partitions: p2014m01."),
        (["2013-12-01", "MAX"], (), "would split partition: p2013m12, p2014m01, x1."),
        (["2013-12-01", "MAX"], ("2014-01-01",), "holds 1 row"),
        (["2013-10-01", "2014-02-01"], ("2014-01-01",), "holds 1 row"),
    ],
)
def test_problems(below: list[str], rows: tuple[str, ...], said: str | None) -> None:
    found = months.problems(
        MonthPolicy(1), NOW, simulated(*below, rows=rows).counted(MonthPolicy(1))
    )
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_time_of_a_partition() -> None:
    table = simulated("2013-11-01", "2013-12-01", "2013-12-15", "2014-02-01", "2014-03-01", "MAX")
    assert [span.seen_from(NOW) for span in spans(table.table().partitions)] == [
        "past",
        "past",
        "current",
        "current",
        "ahead",
        "tail",
    ]


def test_a_split_tail_tells_its_size() -> None:
    before = simulated("2013-10-01", "MAX", rows=("2013-10-05",))
    policy = MonthPolicy(1, split_tail_with_rows=True)
    table = before.counted(policy)
    tail = replace(table.partitions[1], rows=250_000, data_bytes=1000, index_bytes=24)
    plan = months.plan(policy, NOW, replace(table, partitions=(table.partitions[0], tail)))
    assert [step.action for step in plan.steps] == [months.SPLIT]
    (warning,) = plan.warnings
    assert "holds 1 row, and splitting it moves them" in warning
    assert "about 250000 rows, 1024 bytes with indexes; expect about 2 s" in warning


def test_what_an_interrupted_move_left_goes_first() -> None:
    before = simulated("2013-12-01", "2014-01-01")
    policy = MonthPolicy(1)
    plan = months.plan(policy, NOW, before.counted(policy), months.Beside(leftover="t#moving"))
    assert [step.action for step in plan.steps] == [months.CLEAN, months.ADD]
    assert plan.steps[0].target == "s.t#moving" and plan.steps[0].value.leftover == "t#moving"
    assert plan.diff()["before"]["s.t#moving"] == {"exists": True}
    assert plan.diff()["after"]["s.t#moving"] is None


def test_the_directory_is_shown() -> None:
    before = simulated("2013-12-01", "2014-01-01", "2014-02-01")
    policy = MonthPolicy(1, cold_after_months=0, cold_data_directory=COLD + "/")
    (step,) = before.plan(policy).steps
    assert step.after == {
        "partitions": {
            "x0": "everything below 2013-12-01 in /srv/cold/",
            "x1": "from 2013-12-01 below 2014-01-01",
            "x2": "from 2014-01-01 below 2014-02-01",
        }
    }
    assert not replace(before, cold=frozenset(["x0"])).plan(policy).steps


def test_an_archive_that_is_taken_is_a_problem() -> None:
    before = simulated("2013-11-01", "2014-02-01", rows=("2013-10-05",))
    policy = MonthPolicy(1, months_kept=0, past=ARCHIVE_PAST)
    taken = Archive("x0", "s", "t_x0", Found(has_rows=True))
    with pytest.raises(Refused, match="s.t_x0, which holds rows already"):
        months.plan(policy, NOW, before.counted(policy), months.Beside((taken,)))


def begins(month: Month, zone: str) -> datetime:
    """Return the month's first moment by a zone's clock, in UTC."""
    at = datetime(month.year, month.month, 1, tzinfo=ZoneInfo(zone))
    return at.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def by_clock(zone: str, first: Month, last: Month, tail: bool = False) -> PartitionedTable:
    """Return a table whose months somebody has cut at the midnights of a zone."""
    parts = [Partition(f"old{month}", begins(month + 1, zone)) for month in first.to(last)]
    if tail:
        parts.append(Partition("tail", None))
    return PartitionedTable("s", "t", "clock", EPOCH_SECONDS, tuple(parts))


ZONES = ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Etc/GMT+12", "UTC"]


@pytest.mark.parametrize("tail", [False, True])
@pytest.mark.parametrize("zone", ZONES)
def test_months_by_another_clock_go_on_without_slivers(zone: str, tail: bool) -> None:
    """For three years, with a run a month: one month comes and one goes."""
    start = Month(2013, 1)
    table = by_clock(zone, start + -12, start + 2, tail)
    for number in range(36):
        current = start + number
        # In the last minute of a month that has begun by UTC, and in the middle of it.
        for now in (current.start + timedelta(minutes=1), current.start + timedelta(days=14)):
            table = replace(
                table,
                partitions=counted_for_months(
                    [Partition(part.name, part.end, counted=0) for part in table.partitions]
                ),
            )
            policy = MonthPolicy(months_kept=12).seen_at(now, EPOCH_SECONDS, table.ends_months_late)
            for step in months.plan(policy, current, table).steps:
                table = replace(table, partitions=step.value.after)
        found = list(spans(table.partitions))[1:]
        assert len(found) == (16 if tail else 15)
        lengths = [
            span.partition.end - span.start for span in found if span.partition.end and span.start
        ]
        assert all(timedelta(days=27) < length < timedelta(days=32) for length in lengths)


def test_a_month_that_has_not_ended_by_its_own_clock_is_not_past() -> None:
    table = by_clock("America/New_York", Month(2013, 1), Month(2014, 3))
    table = replace(table, partitions=counted_for_months(table.partitions))
    assert table.ends_months_late
    kept = MonthPolicy(months_kept=0, max_drops=20)
    ends = begins(Month(2013, 12), "America/New_York")
    assert ends == datetime(2013, 12, 1, 5)
    dropped = []
    for now in (ends - timedelta(seconds=1), Month(2013, 12).start + timedelta(hours=14)):
        policy = kept.seen_at(now, EPOCH_SECONDS, table.ends_months_late)
        (drop,) = months.plan(policy, NOW, table).steps
        dropped.append([part.name for part in drop.value.old][-1])
    assert dropped == ["old2013-10", "old2013-11"]
    berlin = by_clock("Europe/Berlin", Month(2013, 1), Month(2014, 3))
    berlin = replace(berlin, partitions=counted_for_months(berlin.partitions))
    assert not berlin.ends_months_late


def test_the_hours_between_two_midnights_go_with_their_month() -> None:
    """What an earlier version of the collection has made of such a table."""
    parts = (
        Partition("p2013m10", datetime(2013, 10, 31, 23)),
        Partition("p2013m10_2", datetime(2013, 11, 1)),
        *months.initial(MonthPolicy(first_month=Month(2013, 11)), NOW),
    )
    table = PartitionedTable("s", "t", "clock", EPOCH_SECONDS, parts)
    (drop,) = months.plan(MonthPolicy(months_kept=1), NOW, table).steps
    assert [part.name for part in drop.value.old] == ["p2013m10", "p2013m10_2"]
    with pytest.raises(Refused, match=r"set max_drops to 1\."):
        months.plan(MonthPolicy(months_kept=1, max_drops=0), NOW, table)


def test_a_split_leaves_a_boundary_where_it_is() -> None:
    bound = datetime(2014, 1, 31, 23)
    parts = counted_for_months(
        [Partition("old", datetime(2013, 11, 1)), Partition("wide", bound, counted=0)]
    )
    table = PartitionedTable("s", "t", "clock", EPOCH_SECONDS, parts)
    split, add = months.plan(MonthPolicy(), NOW, table).steps
    assert [(part.name, part.end) for part in split.value.new] == [
        ("p2013m11", datetime(2013, 12, 1)),
        ("p2013m12", datetime(2014, 1, 1)),
        ("p2014m01", bound),
    ]
    assert [(part.name, part.end) for part in add.value.new] == [
        ("p2014m02", datetime(2014, 3, 1)),
        ("p2014m03", datetime(2014, 4, 1)),
    ]
