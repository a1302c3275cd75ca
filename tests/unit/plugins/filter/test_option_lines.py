"""Settings as lines of a configuration file."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.filter.option_lines import FilterModule
from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import (
    Option,
    entries,
    problems,
)

option_lines = FilterModule().filters()["option_lines"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (True, "x = ON"),
        (False, "x = OFF"),
        # What a template works out is text, before ansible-core 2.19.
        ("True", "x = ON"),
        ("False", "x = OFF"),
        ("true", "x = true"),
        (None, "x"),
        (0, "x = 0"),
        (1, "x = 1"),
        (1.0, "x = 1"),
        (1e9, "x = 1000000000"),
        (0.5, "x = 0.5"),
        ("96M", "x = 96M"),
        ("", 'x = ""'),
        ("a b", "x = a b"),
        ("a #b", 'x = "a #b"'),
        (" a", 'x = " a"'),
        ("it's", 'x = "it\'s"'),
        ('"a"', 'x = "\\"a\\""'),
        ("C:\\new", 'x = "C:\\\\new"'),
        ("ä", 'x = "ä"'),
    ],
)
def test_a_value_as_servers_read_it(value: Any, line: str) -> None:
    assert option_lines({"x": value}) == line


def test_the_order_is_that_of_the_names() -> None:
    assert option_lines({"b": 1, "a": 2}) == "a = 2\nb = 1"
    assert option_lines({}) == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"x": ["a", "b"]},
            "x is not a single value; a setting is a text, a number, or true or false.",
        ),
        ({"x": {"a": 1}}, "x is not a single value; "),
        ({"x": float("nan")}, "x is nan, which is not a number"),
        ({"x": float("inf")}, "x is inf, which is not a number"),
        ({"x": "S3CRET\nskip_grant_tables"}, "x has a line break"),
        ({"x": "S3CRET\0"}, "x has a line break, or another control character"),
        ({"x": "a" * 5000}, "x is longer than the 4093 bytes"),
        ({"a b": 1}, "'a b' is not the name of a setting"),
        ({"": 1}, "'' is not the name"),
        ({"[mysqld]": 1}, "'[mysqld]' is not the name"),
        ({"x\ny": 1}, "'x\\ny' is not the name"),
        ({True: 1}, "True is not the name"),
        ({"a_b": 1, "loose-a-b": 2}, "a_b and loose-a-b are the same setting"),
        ("a = 1", "not a dictionary"),
        ({"x": [], "y": {}}, "y is not a single value"),
    ],
)
def test_what_no_line_can_say(settings: Any, said: str) -> None:
    with pytest.raises(AnsibleFilterError) as refusal:
        option_lines(settings)
    assert said in str(refusal.value)
    assert "S3CRET" not in str(refusal.value)


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text() | st.text(st.sampled_from("ab #;'\"\\=[]!\n\xa0\t"))


@given(st.dictionaries(NAMES, TEXTS, max_size=3))
def test_the_servers_read_the_value_that_was_meant(settings: dict[str, str]) -> None:
    settings = {name: text for name, text in settings.items() if text not in {"True", "False"}}
    if problems(settings):
        with pytest.raises(AnsibleFilterError):
            option_lines(settings)
        return
    written = option_lines(settings)
    assert len(written.splitlines()) == len(settings)
    assert list(entries(f"[mysqld]\n{written}\n".encode())) == [
        Option(number, b"mysqld", name.encode(), text.encode())
        for number, (name, text) in enumerate(sorted(settings.items()), 2)
    ]


@given(TEXTS)
def test_only_control_characters_are_refused(text: str) -> None:
    refused = bool(problems({"x": text}))
    assert refused == bool(re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", text))
