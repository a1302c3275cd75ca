"""Increments and offsets, judged by the ids that they yield."""

from __future__ import annotations

from itertools import combinations, islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import (
    HIGHEST,
    Autoinc,
    NamedAutoinc,
    problems_between,
)

IDS = 200


def first_ids(pair: Autoinc) -> list[int]:
    return list(islice(pair.ids(), IDS))


@st.composite
def valid_pairs(draw: st.DrawFn, highest: int = HIGHEST) -> Autoinc:
    increment = draw(st.integers(1, highest))
    return Autoinc(increment, draw(st.integers(1, increment)))


def named(pairs: list[Autoinc]) -> list[NamedAutoinc]:
    return [NamedAutoinc(f"w{number}", pair) for number, pair in enumerate(pairs, 1)]


# Few numbers, so that pairs collide often; sometimes one increment for all.
small_sets = st.one_of(
    st.lists(valid_pairs(highest=6), min_size=2, max_size=6),
    st.integers(2, 8).flatmap(
        lambda increment: st.lists(
            st.integers(1, increment).map(lambda offset: Autoinc(increment, offset)),
            min_size=2,
            max_size=8,
        )
    ),
)


def test_the_article() -> None:
    pair = Autoinc(20, 1)
    assert list(islice(pair.ids(), 5)) == [1, 21, 41, 61, 81]
    assert pair.owns(41) and Autoinc(20, 2).owns(62) and not pair.owns(62)
    last = Autoinc(20, 20)
    assert last.residue == 0 and list(islice(last.ids(), 2)) == [20, 40] and last.owns(40)


@given(valid_pairs())
def test_a_valid_pair_has_no_problems_and_owns_exactly_its_ids(pair: Autoinc) -> None:
    assert pair.problems("w1") == []
    ids = first_ids(pair)
    assert {row_id % pair.increment for row_id in ids} == {pair.residue}
    owned = [row_id for row_id in range(1, ids[-1] + 1)[: 5 * IDS] if pair.owns(row_id)]
    assert owned == ids[: len(owned)]


@example(20, 20)
@example(20, 21)
@example(HIGHEST, HIGHEST)
@example(HIGHEST + 1, 1)
@example(1, 0)
@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_a_pair_that_a_server_would_not_keep_is_refused(increment: int, offset: int) -> None:
    valid = 1 <= offset <= increment <= HIGHEST
    problems = Autoinc(increment, offset).problems("w7")
    assert bool(problems) != valid
    assert all(text.startswith("w7: ") for text in problems)


@pytest.mark.parametrize(
    ("increment", "offset", "said"),
    [
        (3, 5, ["w1: offset 5 is above increment 3"]),
        (0, 1, ["w1: increment 0 is outside 1..65535"]),
        (70000, 1, ["w1: increment 70000 is outside 1..65535"]),
        (70000, 0, ["w1: increment 70000 is outside", "w1: offset 0 is outside"]),
    ],
)
def test_problems_are_told_all_at_once(increment: int, offset: int, said: list[str]) -> None:
    problems = Autoinc(increment, offset).problems("w1")
    assert len(problems) == len(said)
    assert all(start in text for start, text in zip(said, problems, strict=True))


@given(small_sets)
def test_what_is_accepted_never_collides_and_what_collides_is_refused(
    pairs: list[Autoinc],
) -> None:
    problems = problems_between(named(pairs))
    collide = any(
        set(first_ids(one)) & set(first_ids(other)) for one, other in combinations(pairs, 2)
    )
    if collide:
        assert problems
    if not problems:
        assert not collide
        everything = [row_id for pair in pairs for row_id in first_ids(pair)]
        assert len(everything) == len(set(everything))


@given(st.integers(1, HIGHEST), st.data())
def test_the_intended_layout_is_accepted(increment: int, data: st.DataObject) -> None:
    offsets = data.draw(st.sets(st.integers(1, increment), max_size=20))
    assert problems_between(named([Autoinc(increment, offset) for offset in offsets])) == []


def test_who_collides_is_named() -> None:
    pairs = [Autoinc(20, 1), Autoinc(20, 2), Autoinc(20, 1), Autoinc(10, 4)]
    same_offset, increments = problems_between(named(pairs))
    assert same_offset.startswith("w1, w3: the same offset 1")
    assert "10 on w4; 20 on w1, w2, w3" in increments


def test_what_is_said_of_numbers_that_servers_do_not_take() -> None:
    assert Autoinc(65536, 0).problems("w1") == [
        "w1: increment 65536 is outside 1..65535; choose one inside.",
        "w1: offset 0 is outside 1..65535; choose one inside.",
    ]
