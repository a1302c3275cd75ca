"""Where keys are, and what a change of the shards moves: the promises of each kind."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements import ring
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import hash_of
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import Place
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.ring import (
    Points,
    points_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

KEYS = [f"customer_{number}" for number in range(20_000)]
ONE = Fraction(1)


def shards(*numbers: int) -> dict[str, Any]:
    return {f"s{number}": {"shard_number": number} for number in numbers}


def places(described: dict[str, Any], keys: Any = KEYS) -> list[int]:
    placement = placement_of(described)
    return [placement.place(key).shard for key in keys]


def shares(weights: dict[int, Fraction]) -> dict[int, float]:
    """Return what part of all hashes belongs to each shard, of 1 in all."""
    owners = Points(weights).owners
    order = list(owners)
    widths: Counter[int] = Counter()
    for before, point in zip([order[-1] - (1 << 64), *order], order):
        widths[owners[point]] += point - before
    return {number: width / (1 << 64) for number, width in widths.items()}


numbers_of_shards = st.lists(st.integers(0, (1 << 32) - 1), min_size=11, max_size=11, unique=True)


@settings(max_examples=10, deadline=None)
@given(numbers_of_shards)
def test_the_ring_is_balanced_and_moves_its_part_alone(numbers: list[int]) -> None:
    *old, new = numbers
    before = shares(dict.fromkeys(old, ONE))
    assert max(before.values()) <= 1.10 / len(old)
    after = shares(dict.fromkeys(numbers, ONE))
    # All that the new one has was moved, and nothing else: the others only lose.
    assert abs(after[new] * len(numbers) - 1) <= 0.20
    assert all(after[number] <= before[number] for number in old)


def test_the_ring_moves_keys_to_the_new_shard_alone() -> None:
    before = places({"kind": "ring", "shards": shards(*range(1, 11))})
    after = places({"kind": "ring", "shards": shards(*range(1, 12))})
    moved = [new for old, new in zip(before, after) if old != new]
    assert set(moved) == {11}
    assert abs(len(moved) * 11 / len(KEYS) - 1) <= 0.20
    assert max(Counter(before).values()) <= 1.10 * len(KEYS) / 10


def test_a_weight_that_changes_moves_this_shards_keys_alone() -> None:
    described = {"kind": "ring", "shards": shards(1, 2, 3)}
    before = places(described)
    described["shards"]["s2"]["weight"] = 2
    more = places(described)
    assert {new for old, new in zip(before, more) if old != new} == {2}
    assert Counter(more)[2] == pytest.approx(len(KEYS) / 2, rel=0.1)
    described["shards"]["s2"]["weight"] = 0.5
    less = places(described)
    assert {old for old, new in zip(before, less) if old != new} == {2}
    assert Counter(less)[2] == pytest.approx(len(KEYS) / 5, rel=0.1)


@pytest.mark.parametrize("weight", [Fraction(1, 10**9), Fraction(1, 4097), Fraction(1, 2048)])
def test_any_weight_above_0_gets_a_place(weight: Fraction) -> None:
    assert len(points_of(9, weight)) == 1
    assert shares({1: ONE, 9: weight})[9] > 0


@given(st.integers(0, (1 << 32) - 1), st.fractions(0, 3), st.fractions(0, 3))
@settings(max_examples=20, deadline=None)
def test_points_depend_on_the_number_alone(number: int, one: Fraction, other: Fraction) -> None:
    less, more = sorted((one, other))
    assert points_of(number, more)[: len(points_of(number, less))] == points_of(number, less)


def test_golden_points() -> None:
    """They can never be changed, nor how many there are: keys would belong to other shards."""
    assert points_of(1, Fraction(3, 2048)) == [hash_of("1/0"), hash_of("1/1"), hash_of("1/2")]
    assert points_of(4294967295, Fraction(1, 2048)) == [hash_of("4294967295/0")]
    assert len(points_of(1, ONE)) == 2048 and len(points_of(1, Fraction(5, 2))) == 5120
    wanted = {"customer_7": 3, "": 1, "caf\xe9": 2, "0": 2, "9223372036854775808": 2, "a": 3}
    described = {"kind": "ring", "shards": shards(1, 2, 3)}
    assert dict(zip(wanted, places(described, list(wanted)))) == wanted


def test_a_key_belongs_to_the_point_at_its_hash_or_the_next_one() -> None:
    points = Points({1: ONE, 2: ONE})
    order = list(points.owners)
    for place in (0, 7, len(order) - 1):
        owner = points.owners[order[place]]
        assert points.owner(order[place]) == points.owner(order[place] - 1) == owner
    assert points.owner(order[-1] + 1) == points.owner(0) == points.owners[order[0]]


def test_a_point_of_two_shards_belongs_to_the_lower_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "hash_of", lambda text: 5)
    assert Points({7: ONE, 3: ONE}).owners == {5: 3}


def test_modulo_moves_nearly_all() -> None:
    before = places({"kind": "modulo", "shards": shards(*range(1, 11))})
    assert before == [hash_of(key) % 10 + 1 for key in KEYS]
    after = places({"kind": "modulo", "shards": shards(*range(1, 12))})
    assert sum(old != new for old, new in zip(before, after)) > 0.85 * len(KEYS)


def test_twice_the_slots_move_half_of_the_keys_of_modulo() -> None:
    described = {"kind": "modulo", "shards": shards(1, 2), "slots": ["s1", "s2"]}
    before = places(described)
    after = places({**described, "shards": shards(1, 2, 3, 4), "slots": ["s1", "s2", "s3", "s4"]})
    moved = {(old, new) for old, new in zip(before, after) if old != new}
    assert moved == {(1, 3), (2, 4)}


def test_the_others_move_nothing() -> None:
    ids = [(shard << 46) + number for shard in (1, 2) for number in range(50)]
    for described, keys in (
        ({"kind": "directory", "keys": dict(zip(KEYS[:99], ["s1", "s2"] * 50))}, KEYS[:99]),
        ({"kind": "id_bits"}, ids),
        (
            {
                "kind": "pre_sharded",
                "logical_shards": 64,
                "logical_map": {"s1": ["0-31"], "s2": ["32-63"]},
            },
            KEYS[:999],
        ),
    ):
        before = places({**described, "shards": shards(1, 2)}, keys)
        assert before == places({**described, "shards": shards(1, 2, 3)}, keys)
        assert set(before) == {1, 2}


def test_pins_stand_over_any_kind() -> None:
    for described, key in (
        ({"kind": "directory", "keys": {"hot": "s1"}}, "hot"),
        ({"kind": "directory"}, "hot"),
        ({"kind": "modulo"}, "hot"),
        ({"kind": "ring"}, "hot"),
        ({"kind": "id_bits"}, 1 << 46),
        ({"kind": "id_bits"}, "hot"),
    ):
        for shard in (1, 2):
            pinned = {**described, "shards": shards(1, 2), "pins": {key: f"s{shard}"}}
            assert placement_of(pinned).place(key) == Place(shard, pinned=True)


def test_a_pin_of_a_pre_sharded_placement_is_to_a_logical_shard() -> None:
    placement = placement_of(
        {
            "kind": "pre_sharded",
            "shards": shards(1, 2),
            "logical_shards": 2,
            "logical_map": {"s1": [0, 1], "s2": ["2"]},
            "pins": {"hot": 2, 8: 0},
        }
    )
    assert placement.place("hot") == Place(2, 2, pinned=True)
    assert placement.place("8") == Place(1, 0, pinned=True)
    # The third has keys by pins alone.
    assert {placement.place(key).logical_shard for key in KEYS[:99]} == {0, 1}
    assert placement.place("a") == Place(1, hash_of("a") % 2)


@pytest.mark.parametrize(
    "described, key, words",
    [
        ({"kind": "directory", "keys": {"a": "s1"}}, "A", "The key 'A' has no row"),
        ({"kind": "directory", "keys": {"a": "s1"}}, "a ", "The key 'a ' has no row"),
        ({"kind": "directory"}, "x" * 99, "'" + "x" * 40 + "...' has no row"),
        ({"kind": "id_bits"}, 3 << 46, "is of shard 3, which this placement lacks."),
        ({"kind": "id_bits"}, "a", "'a' is no id"),
        ({"kind": "ring"}, True, "A key is True"),
    ],
    ids=str,
)
def test_a_key_without_a_place_is_an_error(described: dict[str, Any], key: Any, words: str) -> None:
    placement = placement_of({**described, "shards": shards(1, 2)})
    with pytest.raises(Refused) as refusal:
        placement.place(key)
    assert words in str(refusal.value)
