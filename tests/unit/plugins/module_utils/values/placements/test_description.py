"""Placements as people write them: every mistake is named, all at once."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.id_bits import IdBits
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import (
    Directory,
    Modulo,
    PreSharded,
    Ring,
    ShardInId,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

S1 = {"s1": {"shard_number": 1}}
TWO = {**S1, "s2": {"shard_number": 2}}


def problems(described: Any) -> list[str]:
    with pytest.raises(Refused) as refusal:
        placement_of(described)
    return refusal.value.problems


def test_what_each_kind_is_read_as() -> None:
    pins = {"pins": {7: "s2"}}
    directory = placement_of({"kind": "directory", "shards": TWO, "keys": {1: "s1"}, **pins})
    assert directory.rule == Directory({"1": 1}) and directory.pins == {"7": 2}
    assert directory.names == {1: "s1", 2: "s2"}
    backwards = {"s2": {"shard_number": 2}, **S1}
    assert placement_of({"kind": "modulo", "shards": backwards}).rule == Modulo((1, 2))
    slots = ["s2", "s1", "s2"]
    assert placement_of({"kind": "modulo", "shards": TWO, "slots": slots}).rule == Modulo((2, 1, 2))
    weighted = {**S1, "s2": {"shard_number": 2, "weight": 0.1}}
    assert placement_of({"kind": "ring", "shards": weighted}).rule == Ring(
        {1: Fraction(1), 2: Fraction(1, 10)}
    )
    bits = {"shard": 8, "type": 0, "local": 20}
    assert placement_of({"kind": "id_bits", "shards": TWO, "bits": bits}).rule == ShardInId(
        frozenset({1, 2}), IdBits(8, 0, 20)
    )
    assert placement_of(
        {
            "kind": "pre_sharded",
            "shards": TWO,
            "logical_shards": 4,
            "logical_map": {"s1": ["0-1", 3], "s2": ["2", 9]},
        }
    ).rule == PreSharded(4, {0: 1, 1: 1, 3: 1, 2: 2, 9: 2})


@pytest.mark.parametrize(
    "described, words",
    [
        (None, "A placement is None; it must be a mapping with kind and shards."),
        ({}, "kind is None; it must be one of directory, modulo, ring, id_bits, pre_sharded."),
        ({"kind": "rings"}, "kind is 'rings'"),
        ({"kind": ["ring"]}, "kind is ['ring']"),
        ({"kind": "ring"}, "shards is missing or empty; name each shard: s1: {shard_number: 1}."),
        ({"kind": "ring", "shards": ["s1"]}, "shards is missing or empty"),
        (
            {"kind": "ring", "shards": S1, "slots": ["s1"]},
            "slots is no part of a placement of the kind ring; it has kind, shards, pins.",
        ),
        ({"kind": "ring", "shards": {1: {"shard_number": 1}}}, "shards: 1: the name must be a"),
        ({"kind": "ring", "shards": {"s1": 1}}, "shards: s1 is 1; it must be a mapping"),
        (
            {"kind": "ring", "shards": {"s1": {"shard_number": 1, "wieght": 2}}},
            "shards: s1: wieght is unknown to a placement of the kind ring; there is shard_number",
        ),
        (
            {"kind": "modulo", "shards": {"s1": {"shard_number": 1, "weight": 2}}},
            "shards: s1: weight is unknown to a placement of the kind modulo",
        ),
        ({"kind": "ring", "shards": {"s1": {}}}, "shards: s1: shard_number is None"),
        ({"kind": "ring", "shards": {"s1": {"shard_number": -1}}}, "shard_number is -1"),
        ({"kind": "ring", "shards": {"s1": {"shard_number": "1"}}}, "shard_number is '1'"),
        ({"kind": "ring", "shards": {"s1": {"shard_number": True}}}, "shard_number is True"),
        ({"kind": "ring", "shards": {"s1": {"shard_number": 1 << 32}}}, "is 4294967296"),
        (
            {"kind": "ring", "shards": {**S1, "s9": {"shard_number": 1}}},
            "shards: s9: shard_number 1 is that of s1, too",
        ),
        (
            {"kind": "ring", "shards": {"s1": {"shard_number": 1, "weight": 0}}},
            "shards: s1: weight is 0; it must be a number above 0, and 100 at most.",
        ),
        ({"kind": "directory", "shards": S1, "keys": ["a"]}, "keys is ['a']; it must be a mapping"),
        (
            {"kind": "directory", "shards": S1, "keys": {"a": "s9"}},
            "keys: 'a': 's9' is none of the shards; there is s1.",
        ),
        ({"kind": "directory", "shards": S1, "keys": {True: "s1"}}, "keys: A key is True"),
        (
            {"kind": "directory", "shards": S1, "keys": {1: "s1", "1": "s1"}},
            "keys: '1' is there twice, as a text and as a number.",
        ),
        ({"kind": "modulo", "shards": S1, "slots": "s1"}, "slots is 's1'; it must be a list"),
        ({"kind": "modulo", "shards": S1, "slots": []}, "slots is []; it must be a list"),
        ({"kind": "modulo", "shards": S1, "slots": ["s1", "s2"]}, "slots: 1: 's2' is none of"),
        ({"kind": "modulo", "shards": S1, "slots": ["s1"] * 65537}, "slots has 65537 entries"),
        (
            {"kind": "modulo", "shards": TWO, "slots": ["s1"]},
            "slots: s2 has none; give it one, or take it out of shards.",
        ),
        ({"kind": "id_bits", "shards": S1, "bits": 16}, "bits is 16; it must be a mapping"),
        ({"kind": "id_bits", "shards": S1, "bits": {"shard": 0}}, "bits: shard is 0"),
        (
            {"kind": "id_bits", "shards": {"s1": {"shard_number": 65536}}},
            "shards: s1: shard_number 65536 has no room in 16 bits; the highest is 65535.",
        ),
        ({"kind": "pre_sharded", "shards": S1}, "logical_shards is None"),
        ({"kind": "pre_sharded", "shards": S1, "logical_shards": 0}, "logical_shards is 0"),
        ({"kind": "pre_sharded", "shards": S1, "logical_shards": 65537}, "from 1 to 65536."),
        ({"kind": "pre_sharded", "shards": S1, "logical_shards": 1}, "logical_map is missing"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value)[:60],
)
def test_a_mistake(described: Any, words: str) -> None:
    (problem,) = problems(described)
    assert words in problem


@pytest.mark.parametrize("weight", [-1, 101, "2", True, None, float("nan"), float("inf")], ids=str)
def test_a_weight_that_is_none(weight: Any) -> None:
    (problem,) = problems({"kind": "ring", "shards": {"s1": {"shard_number": 1, "weight": weight}}})
    assert f"weight is {weight!r}" in problem


@pytest.mark.parametrize(
    "given, words",
    [
        ({"s1": ["0-1"]}, "logical_map lacks 2 of 4 logical shards, of which the first is 2."),
        ({"s1": ["0-2"], "s2": [2, 3]}, "logical_map: s2: 2 is somewhere else, too."),
        ({"s1": [0, 0, "1-3"]}, "logical_map: s1: 0 is somewhere else, too."),
        ({"s9": ["0-3"]}, "logical_map: 's9' is none of the shards; there is s1, s2."),
        ({"s1": "0-3"}, "logical_map: s1 is '0-3'; it must be a list of numbers and ranges."),
        ({"s1": ["3-0"]}, "logical_map: s1: '3-0' is neither a number nor a range as 0-511"),
        ({"s1": ["0-65536"]}, "'0-65536' is neither"),
        ({"s1": ["0-1-3"]}, "'0-1-3' is neither"),
        ({"s1": [True]}, "True is neither"),
        ({"s1": [-1]}, "-1 is neither"),
        ({"s1": ["a"]}, "'a' is neither"),
    ],
    ids=str,
)
def test_a_map_of_logical_shards(given: Any, words: str) -> None:
    (problem,) = problems(
        {"kind": "pre_sharded", "shards": TWO, "logical_shards": 4, "logical_map": given}
    )
    assert words in problem


def test_pins_that_lead_nowhere() -> None:
    assert problems({"kind": "ring", "shards": S1, "pins": {"a": "s2", "b": 1}}) == [
        "pins: 'a': 's2' is none of the shards; there is s1.",
        "pins: 'b': 1 is none of the shards; there is s1.",
    ]
    mapped = {"kind": "pre_sharded", "shards": S1, "logical_shards": 1, "logical_map": {"s1": [0]}}
    assert problems({**mapped, "pins": {"a": "s1", "b": 1, "c": False}}) == [
        f"pins: '{key}': {value} is no logical shard of logical_map; name one by its number."
        for key, value in (("a", "'s1'"), ("b", "1"), ("c", "False"))
    ]


def test_all_mistakes_at_once() -> None:
    assert problems(
        {
            "kind": "modulo",
            "shards": {"s1": {"shard_number": "x"}, "s2": {"shard_number": 2}},
            "slots": ["s2", "s3"],
            "pins": {"a": "s4", None: "s2"},
            "virtual_nodes": 3,
        }
    ) == [
        "virtual_nodes is no part of a placement of the kind modulo; "
        "it has kind, shards, pins, slots.",
        "shards: s1: shard_number is 'x'; it must be an integer from 0 to 4294967295.",
        "slots: 1: 's3' is none of the shards; there is s2.",
        "pins: 'a': 's4' is none of the shards; there is s2.",
        "pins: A key is None; it must be a text or an integer: quote it.",
    ]
