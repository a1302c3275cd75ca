"""The grammar of option files; tests/integration/servers/test_option_file.py asks the clients."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import (
    LONGEST_LINE,
    Include,
    NotUnderstood,
    Option,
    entries,
)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b"user", b"user", None),
        (b"\t user =  admin \r", b"user", b"admin"),
        (b"user=", b"user", b""),
        (b"user = a # not b", b"user", b"a"),
        (b"user # = a", b"user", None),
        (b"password = a#b", b"password", b"a"),
        (b"password = 'a#b' # c", b"password", b"a#b"),
        (b'password = "a\\"#b"', b"password", b'a"#b'),
        (b"password = 'a", b"password", b"'a"),
        (b"password = '", b"password", b"'"),
        (b"password = ''", b"password", b""),
        (b"password = a=b;c", b"password", b"a=b;c"),
        (b"password = \\sa\\tb\\nc\\rd\\be\\\\f\\g\\", b"password", b" a\tb\nc\rd\be\\f\\g\\"),
        (b"password = \xa0a\xa0", b"password", b"a"),
    ],
)
def test_an_option(line: bytes, name: bytes, value: bytes | None) -> None:
    assert list(entries(b"[client]\n" + line)) == [Option(2, b"client", name, value)]


def test_groups_comments_and_includes() -> None:
    text = b"# a\n; b\n\n [ client ] c = 1\n  !include /a b.cnf \nd\n[x]\n! includedir\t/c\n"
    assert list(entries(text)) == [
        Include(5, b"/a b.cnf", is_folder=False),
        Option(6, b" client", b"d", None),
        Include(8, b"/c", is_folder=True),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"[client",
        b"!include",
        b"!includedir ",
        b"!included /a",
        b"!include=/a",
        b"!",
        b"user = a\0b",
        b" = b",
        b"user = " + LONGEST_LINE * b"a",
        b"# " + LONGEST_LINE * b"a",
    ],
)
def test_what_clients_refuse_or_read_otherwise(line: bytes) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        list(entries(b"[client]\n\n" + line + b"\n"))
    assert refusal.value.line == 3


def test_an_option_before_any_group() -> None:
    with pytest.raises(NotUnderstood, match="before the first"):
        list(entries(b"#\nuser = a"))
