"""Filters as values: sorted, compared, and refused where no server could keep them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    KINDS,
    Filters,
)

names = st.sampled_from(["a", "b_1", "Straße", "x-y", "c$d", "e;f:g"])
tables = st.builds("{}.{}".format, names, names)
patterns = st.sampled_from(["a.%", r"a\_b.t\%", "%._"])
given_filters = st.fixed_dictionaries(
    {},
    optional={
        "do_databases": st.lists(names),
        "ignore_databases": st.lists(names),
        "do_tables": st.lists(tables),
        "ignore_tables": st.lists(tables),
        "wild_do_tables": st.lists(patterns),
        "wild_ignore_tables": st.lists(patterns),
        "rewrite_databases": st.lists(
            st.fixed_dictionaries({"from": names, "to": names}), unique_by=lambda one: one["from"]
        ),
    },
)


def test_every_kind_is_a_field() -> None:
    assert tuple(sorted(field.name for field in fields(Filters))) == tuple(sorted(KINDS))


@given(given_filters)
def test_what_is_told_is_what_was_given(wanted: dict[str, Any]) -> None:
    made = Filters.of(wanted)
    assert made.problems("w1") == []
    told = made.told()
    assert set(told) == set(KINDS)
    assert Filters.of(told) == made and made.differing_from(made) == {}
    for kind in KINDS:
        one_by_one = [one for one in wanted.get(kind, []) if one not in told[kind]]
        assert one_by_one == [] and len(told[kind]) <= len(wanted.get(kind, []))


@given(given_filters, given_filters)
def test_the_order_says_nothing_and_only_what_differs_is_set(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    wanted, current = Filters.of(one), Filters.of(other)
    assert Filters.of({kind: list(reversed(found)) for kind, found in one.items()}) == wanted
    differing = wanted.differing_from(current)
    for kind in KINDS:
        differs = getattr(wanted, kind) != getattr(current, kind)
        assert (kind in differing) is differs
    assert set(wanted.differing_from(None)) == set(KINDS)


@pytest.mark.parametrize("character", " \t\n,.'\"`\\#()<>\0")
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_filter_cannot_hold_is_refused(kind: str, character: str) -> None:
    name = f"a{character}b"
    if kind == "rewrite_databases":
        for pair in ({"from": name, "to": "c"}, {"from": "c", "to": name}):
            (said,) = Filters.of({kind: [pair]}).problems("w1")
            assert said.startswith("channel w1: filters: rewrite_databases has ")
        return
    table = kind.endswith("tables")
    (said,) = Filters.of({kind: [f"{name}.t" if table else name]}).problems("w1")
    assert said.startswith(f"channel w1: filters: {kind} has ")


@pytest.mark.parametrize("kind", ["do_tables", "ignore_tables", "wild_do_tables"])
@pytest.mark.parametrize("text", ["", "t", ".t", "a.", "a.b.c"])
def test_a_table_has_a_database_and_a_name(kind: str, text: str) -> None:
    (said,) = Filters.of({kind: [text]}).problems("w1")
    assert "database.table" in said


def test_a_backslash_stands_only_before_a_wildcard() -> None:
    assert Filters.of({"wild_do_tables": [r"a\_b.\%"]}).problems("w1") == []
    assert len(Filters.of({"wild_do_tables": [r"a\b.t", "a.t\\"]}).problems("w1")) == 2


def test_a_database_is_sent_to_one_name() -> None:
    pairs = [{"from": "a", "to": "b"}, {"from": "a", "to": "c"}]
    (said,) = Filters.of({"rewrite_databases": pairs}).problems("w1")
    assert "sends 'a' to several names" in said


@pytest.mark.parametrize("name", ["w 1", "w.1", "w:1", "é", ""])
def test_a_filtered_channel_has_a_plain_name(name: str) -> None:
    (said,) = Filters(do_databases=("a",)).problems(name)
    assert "letters, digits" in said
    assert Filters().problems(name) == []
    assert Filters(do_databases=("a",)).problems("W-1_$") == []


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ({}, ""),
        ({"do_databases": ["a"], "ignore_databases": ["a"]}, ""),
        ({"do_databases": ["b"]}, "do_databases"),
        ({"do_databases": ["A"]}, "do_databases"),
        ({"ignore_databases": ["a"], "do_tables": ["a.t_1"]}, "ignore_databases"),
        ({"ignore_databases": ["A", "b"]}, ""),
        ({"do_tables": ["a.t_1"], "ignore_tables": ["a.t_1"]}, ""),
        ({"do_tables": ["a.t"]}, "do_tables"),
        ({"do_tables": ["a.t"], "wild_do_tables": ["a.%"]}, ""),
        ({"ignore_tables": ["a.t_1"], "wild_do_tables": ["a.%"]}, "ignore_tables"),
        ({"wild_do_tables": ["a.%"], "wild_ignore_tables": ["a.%"]}, ""),
        ({"wild_do_tables": ["a.t%x"]}, "wild_do_tables"),
        ({"wild_ignore_tables": ["%.t_1"]}, "wild_ignore_tables"),
        ({"wild_ignore_tables": [r"_.t\__"]}, "wild_ignore_tables"),
        ({"wild_ignore_tables": [r"a.t\%1", "a.t", "a.t_1_", "aat_1"]}, ""),
        ({"wild_ignore_tables": ["a.+"]}, ""),
        # Where flavours differ, what either keeps out is.
        ({"ignore_tables": ["A.T_1"]}, "ignore_tables"),
        ({"wild_ignore_tables": ["A.%"]}, "wild_ignore_tables"),
        ({"do_tables": ["A.t_1"], "wild_do_tables": ["a.T%"]}, "do_tables"),
        ({"rewrite_databases": [{"from": "a", "to": "b"}]}, "rewrite_databases"),
        ({"rewrite_databases": [{"from": "a", "to": "a"}, {"from": "b", "to": "a"}]}, ""),
    ],
)
def test_which_kind_keeps_a_table_out(wanted: dict[str, Any], kind: str) -> None:
    assert Filters.of(wanted).kind_against("a.t_1") == kind


def test_what_is_said_of_rewrites() -> None:
    twice = [{"from": "a", "to": "b"}, {"from": "a", "to": "c"}]
    assert Filters.of({"rewrite_databases": twice}).problems("w1") == [
        "channel w1: filters: rewrite_databases sends 'a' to several names; keep one."
    ]
    dotted = [{"from": "a.b", "to": "c"}]
    assert Filters.of({"rewrite_databases": dotted}).problems("w1") == [
        "channel w1: filters: rewrite_databases has 'a.b' to 'c'; both must be names of databases "
        "without a space, comma, dot, quote, backquote, backslash, # or bracket."
    ]
    (said,) = Filters.of({"wild_do_tables": ["a"]}).problems("w1")
    assert "'a', which is not database.table with the wildcards % and _, or has a" in said
