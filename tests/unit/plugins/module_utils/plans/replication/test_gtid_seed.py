"""Seeding GTIDs: only what a replica does not know is added."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import (
    START,
    STOP,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.gtid_seed import (
    SEED,
    plan_position,
    plan_set,
    problems_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    GtidPosition,
    GtidSet,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)

A, B, C = (f"{letter * 8}-0000-0000-0000-000000000000" for letter in "abc")
RUNS = ChannelStatus("w1", io_running=True, connected=True, sql_running=True)
HALF = ChannelStatus("w2", sql_running=True)
STOPPED = ChannelStatus("w3")


def seed_of(made: Plan) -> str:
    (step,) = [step for step in made.steps if step.action == SEED]
    return str(step.value)


def test_texts_of_neither_flavour_are_told_before_any_server_is_asked() -> None:
    assert problems_of([f"{A}:1-5", "1-1-5", ""]) == []
    (problem,) = problems_of(["1-1-5", "rubbish"])
    assert "'rubbish' is not a GTID of MySQL" in problem and "MariaDB" in problem
    assert problem.startswith("gtid_seed: ") and problem.endswith(
        "; give what the copy's tool wrote."
    )


def test_sources_that_are_not_known_are_added() -> None:
    made = plan_set([f"{A}:1-5", f"{B}:1-3"], f"{C}:1-9,\n{B}:1-7")
    assert seed_of(made) == f"{A}:1-5"
    assert made.diff()["after"] == {"GTIDs that are applied": {"gtid": f"{A}:1-5,{B}:1-7,{C}:1-9"}}
    made = plan_position(["1-1-5", "2-2-3"], "9-9-9,2-2-7", [])
    assert seed_of(made) == "1-1-5"
    assert made.diff()["after"] == {"GTIDs that are applied": {"gtid": "1-1-5,2-2-7,9-9-9"}}


def test_what_is_contained_changes_nothing() -> None:
    assert not plan_set([f"{A}:1-5"], f"{A}:1-6").changed
    assert not plan_set([""], "").changed
    assert not plan_position(["1-1-5"], "1-1-5", [RUNS, HALF]).changed
    assert not plan_position([""], "", [RUNS, HALF]).changed


@pytest.mark.parametrize(
    ("seeds", "known", "said"),
    [
        ([f"{A}:1-9"], f"{A}:1-5", "would skip what is between"),
        ([f"{A}:1-9", f"{A}:1-8"], "", "named twice"),
        (["1-1-5"], "", "GTIDs of the other flavour"),
    ],
)
def test_refused_on_mysql(seeds: list[str], known: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        plan_set(seeds, known)


@pytest.mark.parametrize(
    ("seeds", "known", "said"),
    [
        (["1-1-9"], "1-1-5", "would skip what is between"),
        (["1-1-9", "1-1-8"], "", "named twice"),
        ([f"{A}:1"], "", "GTIDs of the other flavour"),
    ],
)
def test_refused_on_mariadb(seeds: list[str], known: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        plan_position(seeds, known, [])


def test_two_copies_that_agree_are_taken() -> None:
    assert seed_of(plan_set([f"{A}:1-9,{B}:1", f"{A}:1-9"], "")) == f"{A}:1-9,{B}:1"
    assert seed_of(plan_position(["1-1-9,2-2-2", "1-1-9"], "", [])) == "1-1-9,2-2-2"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        plan_position(["1-1-9,2-2-2", "1-1-8", "x"], "2-2-1", [HALF])
    assert len(refusal.value.problems) == 4


def test_mariadbs_channels_stand_still_meanwhile() -> None:
    made = plan_position(["1-1-5"], "", [RUNS, STOPPED])
    assert [(step.action, step.target) for step in made.steps] == [
        (STOP, "channel w1"),
        (SEED, "GTIDs that are applied"),
        (START, "channel w1"),
    ]


def test_a_channel_that_runs_by_half_needs_a_word_of_the_user() -> None:
    with pytest.raises(
        Refused,
        match="channels w2 have only one of their two threads running, and .*: start or stop",
    ):
        plan_position(["1-1-5"], "", [RUNS, HALF])
    made = plan_position(["1-1-5"], "", [RUNS, HALF], decided={"w2"})
    # Its own plan says whether it is to be started.
    assert [(step.action, step.target[-2:]) for step in made.steps if step.action != SEED] == [
        (STOP, "w1"),
        (STOP, "w2"),
        (START, "w1"),
    ]


positions = st.dictionaries(
    st.integers(0, 4), st.tuples(st.integers(1, 3), st.integers(1, 5)), max_size=5
).map(lambda domains: GtidPosition(dict(domains)))
sets = st.dictionaries(
    st.sampled_from([A, B, C]), st.integers(1, 5).map(lambda last: ((1, last),)), max_size=3
).map(lambda intervals: GtidSet(dict(intervals)))


@given(positions, positions)
def test_no_domain_is_lost_nor_moved(seed: GtidPosition, known: GtidPosition) -> None:
    try:
        made = plan_position([str(seed)], str(known), [])
    except Refused:
        assert any(
            domain in known.domains and known.domains[domain][1] < number
            for domain, (_rest, number) in seed.domains.items()
        )
        return
    added = GtidPosition.parse(seed_of(made)) if made.changed else GtidPosition()
    assert not added.domains.keys() & known.domains.keys()
    after = GtidPosition({**known.domains, **added.domains})
    assert seed.domains.keys() <= after.domains.keys()
    # A second run changes nothing.
    assert not plan_position([str(seed)], str(after), []).changed


@given(sets, sets)
def test_no_transaction_is_lost(seed: GtidSet, known: GtidSet) -> None:
    try:
        made = plan_set([str(seed)], str(known))
    except Refused:
        assert not known.contains(seed)
        return
    added = GtidSet.parse(seed_of(made)) if made.changed else GtidSet()
    after = known.union(added)
    assert after == known.union(seed) and after.contains(known)
    # What is added must not overlap what is there: MySQL refuses that.
    assert not set(added.intervals) & set(known.intervals)
    assert not plan_set([str(seed)], str(after)).changed
