"""The hash of a key, which can never be changed."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import (
    key_hash,
    key_text,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

# Computed with sha256sum(1).
GOLDEN: dict[Any, int] = {
    "": 0xE3B0C44298FC1C14,
    "customer_7": 0xD0244B2E899AB6BC,
    "caf\xe9": 0x850F7DC43910FF89,
    "\U0001f600": 0xF0443A342C5EF547,
    "a ": 0x6583DCD6056FD32A,
    0: 0x5FECEB66FFC86F38,
    7: 0x7902699BE42C8A8E,
    -5: 0x37AA1CCF80E48183,
    9223372036854775808: 0xC5C29AF0C2B1BA23,
    18446744073709551615: 0x2CDB26265B4DC65E,
}


@pytest.mark.parametrize("key", GOLDEN, ids=ascii)
def test_golden_values(key: Any) -> None:
    assert key_hash(key) == GOLDEN[key]


@given(st.integers())
def test_an_integer_is_its_decimal_text(number: int) -> None:
    assert key_hash(number) == key_hash(str(number)) == key_hash(f"{number:d}")


@given(st.text(max_size=255))
def test_it_is_the_upper_half_of_the_upper_half_of_sha_256(text: str) -> None:
    value = key_hash(text)
    assert 0 <= value < 1 << 64
    assert f"{value:016x}" == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_every_character_counts() -> None:
    composed = unicodedata.normalize("NFC", "caf\N{LATIN SMALL LETTER E WITH ACUTE}")
    texts = ["a", "A", "a ", " a", "a\n", "a\0", "", composed]
    texts.append(unicodedata.normalize("NFD", composed))
    assert len({key_hash(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    "key, words",
    [
        (True, "A key is True; it must be a text or an integer: quote it."),
        (None, "A key is None; it must be a text or an integer"),
        (1.5, "A key is 1.5"),
        (b"a", "A key is b'a'"),
        ("x" * 256, "has 256 characters; it may have 255 at most."),
        (10**255, "has 256 characters"),
        ("a\ud800", "is no text in UTF-8: half a character at 2."),
    ],
    ids=str,
)
def test_what_is_no_key(key: Any, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        key_hash(key)
    assert words in str(refusal.value)


def test_the_longest_key() -> None:
    longest = "\N{GRINNING FACE}" * 255
    assert key_text(longest) == longest
