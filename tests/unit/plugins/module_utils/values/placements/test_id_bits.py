"""Ids that have their shard in their upper bits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.id_bits import (
    IdBits,
    IdParts,
    bits_of,
    parts_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

PINTEREST = 241294492511762325


def test_pinterests_own_id() -> None:
    parts = IdParts(shard=3429, type=1, local=7075733)
    assert IdBits().split(PINTEREST) == IdBits().split(str(PINTEREST)) == parts
    assert IdBits().make(parts) == PINTEREST


@st.composite
def layouts(draw: st.DrawFn) -> IdBits:
    shard = draw(st.integers(1, 62))
    type_ = draw(st.integers(0, 62 - shard))
    return IdBits(shard, type_, draw(st.integers(1, 63 - shard - type_)))


@given(layouts(), st.data())
def test_what_is_made_is_split_again(bits: IdBits, data: st.DataObject) -> None:
    assert bits.problems() == []
    parts = IdParts(
        *(
            data.draw(st.integers(0, (1 << size) - 1))
            for size in (bits.shard, bits.type, bits.local)
        )
    )
    made = bits.make(parts)
    assert 0 <= made < 1 << 63
    assert bits.split(made) == bits.split(str(made)) == parts
    highest = bits.make(IdParts((1 << bits.shard) - 1, (1 << bits.type) - 1, (1 << bits.local) - 1))
    assert highest == (1 << bits.total) - 1


def test_every_part_without_room_is_named() -> None:
    with pytest.raises(Refused) as refusal:
        IdBits().make(IdParts(65536, 1024, 1 << 36))
    assert refusal.value.problems == [
        "shard is 65536; with 16 bits it must be an integer from 0 to 65535.",
        "type is 1024; with 10 bits it must be an integer from 0 to 1023.",
        "local is 68719476736; with 36 bits it must be an integer from 0 to 68719476735.",
    ]
    for wrong in (-1, True, "1", 1.0, None):
        with pytest.raises(Refused, match="shard is"):
            IdBits().make(IdParts(wrong, 0, 0))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "key",
    [-1, 1 << 62, str(1 << 62), "9" * 30, "007", "", " 7", "7 ", "7\n", "-7", "1e3", "\u0667", "x"]
    + [True, None, 7.0],
    ids=ascii,
)
def test_what_is_no_id(key: Any) -> None:
    with pytest.raises(Refused, match="is no id: it must be an integer from 0 to 46116860184"):
        IdBits().split(key)


@pytest.mark.parametrize(
    "described, words",
    [
        ({"shard": 0}, ["bits: shard is 0; it must be an integer, 1 at least."]),
        (
            {"shard": "16", "type": -1, "local": True},
            ["bits: shard is '16'", "bits: type is -1", "bits: local is True"],
        ),
        ({"shard": 20, "type": 8, "local": 36}, ["have 64 together; they may have 63 at most."]),
        ({"shards": 16}, ["bits: shards is unknown; there is shard, type, local."]),
        ([16, 10, 36], ["bits is [16, 10, 36]; it must be a mapping"]),
    ],
    ids=str,
)
def test_bits_that_there_cannot_be(described: Any, words: list[str]) -> None:
    with pytest.raises(Refused) as refusal:
        bits_of(described)
    assert len(refusal.value.problems) == len(words)
    for problem, part in zip(refusal.value.problems, words):
        assert part in problem


def test_bits_that_are_given() -> None:
    assert bits_of(None) == bits_of({}) == IdBits(16, 10, 36)
    assert bits_of({"shard": 12, "type": 0}) == IdBits(12, 0, 36)


def test_parts_that_are_given() -> None:
    assert parts_of({"shard": 1, "type": 2, "local": 3}) == IdParts(1, 2, 3)
    with pytest.raises(Refused) as refusal:
        parts_of({"local": 1})
    assert refusal.value.problems == [
        "The parts of an id lack shard.",
        "The parts of an id lack type.",
    ]
    with pytest.raises(Refused, match="number is unknown"):
        parts_of({"number": 1})
    with pytest.raises(Refused, match="5 must be a mapping"):
        parts_of(5)
