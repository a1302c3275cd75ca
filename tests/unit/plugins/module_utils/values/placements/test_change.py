"""What a change of a placement would move."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.change import (
    Change,
    change_of,
    keys_of_lines,
    ranges,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

KEYS = [f"customer_{number}" for number in range(5000)]


def shards(*numbers: int) -> dict[str, Any]:
    return {f"s{number}": {"shard_number": number} for number in numbers}


def ring(*numbers: int, **more: Any) -> dict[str, Any]:
    return {"kind": "ring", "shards": shards(*numbers), **more}


def mapped(count: int = 8, **of_shards: list[Any]) -> dict[str, Any]:
    return {
        "kind": "pre_sharded",
        "shards": shards(*(int(name[1:]) for name in of_shards)),
        "logical_shards": count,
        "logical_map": of_shards,
    }


def change(before: dict[str, Any], after: dict[str, Any], keys: Any = KEYS) -> Change:
    return change_of(placement_of(before), placement_of(after), keys)


def test_a_shard_more_in_a_ring() -> None:
    found = change(ring(1, 2, 3, 4), ring(1, 2, 3, 4, 5))
    assert found.keys == 5000 and abs(len(found.moves) - 1000) < 200 and found.between_kept == 0
    assert {pair[1] for pair in found.by_shards} == {"s5"} and len(found.by_shards) == 4
    assert sum(found.by_shards.values()) == len(found.moves)
    first, *pairs = found.report()
    moved = len(found.moves)
    assert first == (
        f"adds s5: {moved:,} of 5,000 keys move ({moved / 50:.1f} %); none between old shards"
    )
    counts = list(found.by_shards.values())
    assert counts == sorted(counts, reverse=True)
    assert pairs == [f"{old} to s5: {count}" for (old, _new), count in found.by_shards.items()]


def test_a_shard_less_in_a_ring() -> None:
    found = change(ring(1, 2, 3), ring(1, 3))
    assert {pair[0] for pair in found.by_shards} == {"s2"}
    assert found.report()[0].startswith("removes s2: ")
    assert found.report()[0].endswith("; none between shards that stay")


def test_modulo_moves_between_old_shards_too() -> None:
    modulo = {"kind": "modulo"}
    found = change({**modulo, "shards": shards(1, 2, 3)}, {**modulo, "shards": shards(1, 2, 3, 4)})
    kept = sum(count for (_old, new), count in found.by_shards.items() if new != "s4")
    assert found.between_kept == kept > 1000
    assert found.report()[0].endswith(f" %); {kept:,} of them between old shards")


def test_another_kind() -> None:
    found = change({"kind": "modulo", "shards": shards(1, 2)}, ring(1, 2))
    assert found.report()[0].startswith("becomes ring (was modulo): ")
    assert found.report()[0].endswith(" %)")


def test_weights_and_pins() -> None:
    heavier = ring(1, 2, pins={"customer_1": "s1", "customer_2": "s2", "customer_3": "s1"})
    heavier["shards"]["s2"]["weight"] = 1.5
    before = ring(1, 2, pins={"customer_2": "s1", "customer_3": "s1"})
    found = change(before, heavier)
    assert found.report()[0].startswith("gives s2 the weight 1.5 (was 1), changes pins of 2 keys: ")
    moved = {move.key: move for move in found.moves}
    assert moved["customer_2"].after.shard == 2 and "customer_3" not in moved


def test_nothing_changes() -> None:
    found = change(ring(1), ring(1))
    assert found.report() == ["keeps its shards: 0 of 5,000 keys move (0.0 %)"]


def test_logical_shards_move_as_a_whole() -> None:
    found = change(mapped(s1=["0-7"], s2=[8]), mapped(s1=["0-3", 6], s2=[8], s3=[4, 5, 7]))
    first, keys, schemas = found.report()
    assert first.startswith("adds s3, moves 3 logical shards: 1,")
    assert first.endswith("; none between old shards")
    assert keys == f"s1 to s3: {len(found.moves):,}"
    assert schemas == "s1 to s3: logical shards 4-5, 7, which move as schemas"
    assert all(move.with_schema for move in found.moves)
    told = found.told()
    assert told["logical_shards"] == [{"from": "s1", "to": "s3", "numbers": [4, 5, 7]}]
    assert told["moves"][0]["with_schema"] is True


def test_another_number_of_logical_shards_moves_keys_within_a_shard() -> None:
    found = change(mapped(8, s1=["0-7"]), mapped(9, s1=["0-8"]))
    assert len(found.moves) > 4000 and found.logical_moves == {} and found.between_kept == 0
    assert set(found.by_shards) == {("s1", "s1")}
    assert not any(move.with_schema for move in found.moves)
    pinned = {**mapped(8, s1=["0-8"]), "pins": {"customer_1": 8}}
    (move,) = change(mapped(8, s1=["0-8"]), pinned).moves
    assert (move.key, move.after.logical_shard, move.with_schema) == ("customer_1", 8, False)


def test_what_programs_take_from_it() -> None:
    before = {"kind": "directory", "shards": shards(1, 2), "keys": {"a": "s1", "b": "s1", 3: "s2"}}
    found = change(before, {**before, "keys": {**before["keys"], "b": "s2"}}, ["a", "b", 3, "3"])
    assert found.told() == {
        "keys": 3,
        "moved": 1,
        "percent": 33.3,
        "between_old_shards": 1,
        "by_shards": [{"from": "s1", "to": "s2", "keys": 1}],
        "logical_shards": [],
        "moves": [{"key": "b", "from": "s1", "to": "s2", "with_schema": False}],
        "report": ["keeps its shards: 1 of 3 keys move (33.3 %)", "s1 to s2: 1"],
    }


def refused(before: dict[str, Any], after: dict[str, Any], keys: Any = KEYS) -> list[str]:
    with pytest.raises(Refused) as refusal:
        change(before, after, keys)
    return refusal.value.problems


def test_versions_that_are_not_of_one_placement() -> None:
    swapped = {"s1": {"shard_number": 2}, "s2": {"shard_number": 1}}
    assert refused(ring(1, 2), {"kind": "ring", "shards": swapped}) == [
        "shard_number 1 is s1 before and s2 after; a number is never given again.",
        "shard_number 2 is s2 before and s1 after; a number is never given again.",
        "s1 has the shard_number 1 before and 2 after; a shard keeps its number.",
        "s2 has the shard_number 2 before and 1 after; a shard keeps its number.",
    ]
    ids = {"kind": "id_bits", "shards": shards(1)}
    assert refused(ids, {**ids, "bits": {"shard": 15}}, [1 << 46]) == [
        "bits are 16, 10, 36 before and 15, 10, 36 after; "
        "the ids that were given out would mean other shards."
    ]
    assert change(ids, {**ids, "shards": shards(1, 2)}, [1 << 46]).moves == ()


def test_keys_without_a_place() -> None:
    assert refused(ring(1), ring(1), []) == [
        "No keys are given; a change cannot be judged without."
    ]
    directory = {"kind": "directory", "shards": shards(1), "keys": {"a": "s1"}}
    assert refused(directory, ring(1), ["b", True, "a", "b"]) == [
        "The key 'b' has no row; write one before its first data.",
        "A key is True; it must be a text or an integer: quote it.",
    ]
    problems = refused(ring(1), directory, KEYS)
    assert len(problems) == 11 and problems[-1] == "And 4,990 more like these."


def test_keys_of_a_file() -> None:
    assert keys_of_lines("a\n b \n\u2028\n") == ["a", " b ", "\u2028"]
    assert keys_of_lines("a\nb") == ["a", "b"]
    assert keys_of_lines("") == []
    with pytest.raises(Refused) as refusal:
        keys_of_lines("\ufeffa\n\nb\r\n\r\n")
    assert refusal.value.problems == [
        "The keys begin with a byte order mark; save them as UTF-8 without one.",
        "Line 2 of the keys is empty.",
        "Line 3 of the keys ends with a carriage return; save it without.",
        "Line 4 of the keys is empty.",
    ]


@given(st.sets(st.integers(0, 60)))
def test_ranges_say_all_numbers(numbers: set[int]) -> None:
    said = ranges(sorted(numbers))
    read: list[int] = []
    for part in said.split(", ") if said else []:
        first, _dash, last = part.partition("-")
        read += range(int(first), int(last or first) + 1)
    assert read == sorted(numbers)


def test_ranges() -> None:
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
