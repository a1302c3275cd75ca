"""What each kind of value may be."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar

EVERYWHERE = str(IPv4Address(0))
RIGHT: list[tuple[grammar.Judge, list[Any]]] = [
    (
        grammar.address,
        ["10.0.0.1", "127.1.0.101", "::1", "fe80::1%eth0", "localhost", "w1", "db_1", "1a", "w-1.x"]
        + ["w1.dc1.example.com", "w1.example.com.", "a" * 63, ".".join(["a" * 63] * 4)],
    ),
    (
        grammar.bind_address,
        ["*", EVERYWHERE, "::", "10.0.0.1", "w1", "10.0.0.1,::1", "127.0.0.1, 10.0.0.1/red"],
    ),
    (
        grammar.account_host,
        ["%", "10.%", "10.1.2._", "%.example.com", "w1", "fe80::%", "::1", "db\\_1", "localhost"]
        + ["10.1.0.0/255.255.0.0", "10.1.0.0/16", "fd00::/8"],
    ),
    (grammar.account_name, ["a", "replication_r1", "ä", "a'b", "a b", "u" * 128]),
    (grammar.channel_name, ["w1", "w1.dc1.example.com", "w" * 64]),
    (grammar.identifier, ["usage_data", "ä", "a`b", "a b", "t" * 64]),
    (grammar.text, ["dc1", "a b", "ü"]),
    (grammar.secret, [" ", "a", "'\"\\", "pä ", "{{"]),
    (grammar.path, ["/", "/a b/#c"]),
    (grammar.file, ["/a", "~/a"]),
    (grammar.optional(grammar.path), ["", "/a"]),
    (grammar.between(1, 2), [1, 2, 1.5, "3"]),
]
CONTROLS = ["a\nb", "a\n", "\ra", "a\tb", "a\0", "\x1b[0m", "a\x85b", "a\u2028b", "a\x7f", "\udc80"]
WRONG: list[tuple[grammar.Judge, list[Any]]] = [
    (
        grammar.address,
        ["", " ", "a x", "a:13306", "10.0.0.1:3306", ":3306", "[::1]", "[::1]:3306", "10.0.0.256"]
        + ["10.0.0", "010.0.0.1", "-a", "a-", "a..b", ".", "a" * 64, ".".join(["a" * 62] * 5)]
        + [EVERYWHERE, "::", "*", "224.0.0.1", "http://a", "a/b", "fe80::1%e h", "w1%eth0", " w1"]
        + [5, None, True, ["a"], {"a": 1}, b"a", *CONTROLS],
    ),
    (grammar.bind_address, ["", "a b", "10.0.0.1,", "*/", "10.0.0.1/a b", "a;b", 5, *CONTROLS]),
    (
        grammar.account_host,
        ["", "a b", "a@b", "10.%,192.%", "'%'", "[::1]", "10.1.2.3/255.255.0.0", "10.1.0.0/33"]
        + ["h" * 256, "10.%/8", 5, *CONTROLS],
    ),
    (grammar.account_name, ["", " a", "u" * 129, 5, *CONTROLS]),
    (grammar.channel_name, ["", "w" * 65, 5, *CONTROLS]),
    (grammar.identifier, ["", "a ", "t" * 65, 5, *CONTROLS]),
    (grammar.text, ["", " ", " a", False, None, *CONTROLS]),
    (grammar.secret, ["", 123456, None, True, *CONTROLS]),
    (grammar.path, ["", "a", "~/a", "/a ", 5, *(f"/{text}" for text in CONTROLS)]),
    (grammar.file, ["a", "./a", *(f"/{text}" for text in CONTROLS)]),
    (grammar.optional(grammar.path), [" ", "a", None]),
    (grammar.between(1, 2), [0, 3, 2.1, float("nan"), float("inf")]),
]


@pytest.mark.parametrize(
    ("judge", "value"), [(judge, value) for judge, values in RIGHT for value in values]
)
def test_a_right_value(judge: grammar.Judge, value: Any) -> None:
    assert judge(value) is None


@pytest.mark.parametrize(
    ("judge", "value"), [(judge, value) for judge, values in WRONG for value in values]
)
def test_a_wrong_value(judge: grammar.Judge, value: Any) -> None:
    assert judge(value)


TEXTS = st.text() | st.text(st.sampled_from("a1.:/%-_,\n\r\0\x85\u2028 #\"'[]\\~*"))


@given(TEXTS)
def test_nothing_that_passes_adds_a_line(value: str) -> None:
    for judge, _values in RIGHT[:-1]:
        if judge(value) is None:
            assert len(f"{value}|".splitlines()) == 1
            assert "\0" not in value
            value.encode()


@given(TEXTS)
def test_a_secret_is_never_told(value: str) -> None:
    said = grammar.told("password", f"S3CRET{value}", grammar.secret)
    assert "S3CRET" not in str(said)
