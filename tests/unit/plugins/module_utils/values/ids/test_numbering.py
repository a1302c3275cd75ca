"""Which server has given an id: by the increment of its time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.numbering import (
    numberings_of,
    server_for_id,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

NOW: dict[str, Any] = {"increment": 40, "offsets": {"w1": 1, "w2": 22, "w3": 40}}
FORMER: dict[str, Any] = {"below": 1000, "increment": 20, "offsets": {"w2": 1, "w1": 2}}


def server(row_id: Any, *former: dict[str, Any]) -> str:
    return server_for_id(row_id, numberings_of({**NOW, "former": list(former)}))


def test_the_boundary_is_the_first_id_of_the_next_increment() -> None:
    assert server(41) == server("41") == "w1"
    assert server(41, FORMER) == "w2" and server(982, FORMER) == "w1"
    assert server(1001, FORMER) == "w1" and server(1000, FORMER) == "w3"
    # Of several, the one that ended first after it.
    first = {"below": 30, "increment": 7, "offsets": {"w9": 7}}
    assert server(21, FORMER, first) == "w9" and server(41, first, FORMER) == "w2"


@pytest.mark.parametrize("row_id", [0, -1, "x", "1.0", None, True, 10**19, "041", 43])
def test_what_no_server_gives_is_refused(row_id: Any) -> None:
    with pytest.raises(Refused):
        server(row_id)


@given(st.integers(1, 50), st.integers(1, 200), st.integers(2, 10**6), st.integers(0, 10**5))
def test_a_row_is_found_that_a_server_has_numbered(
    increment: int, times: int, below: int, turn: int
) -> None:
    """A grown increment: each server keeps its residue, and new ones take others of it."""
    old = {f"w{offset}": offset for offset in range(1, increment + 1)}
    new = {**old, **{f"n{offset}": offset + increment for offset in old.values() if times > 1}}
    described = {
        **{"increment": increment * times, "offsets": new},
        "former": [{"below": below, "increment": increment, "offsets": old}],
    }
    numberings = numberings_of(described)
    for name, offset in old.items():
        row_id = offset + turn * increment
        if row_id < below:
            assert server_for_id(row_id, numberings) == name
    for name, offset in new.items():
        row_id = offset + turn * increment * times
        if row_id >= below:
            assert server_for_id(row_id, numberings) == name


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"increment": 0}, "increment is 0; it must be from 1 to 65535."),
        ({"increment": True}, "increment is True"),
        ({"offsets": [1]}, "increment 40: offsets are [1]"),
        ({"offsets": {"w1": 41}}, "increment 40: the offset of w1 is 41, outside 1..40."),
        ({"offsets": {"w1": 1, "w2": 1}}, "increment 40: two servers have the offset 1."),
        ({"former": [{**FORMER, "below": 1}]}, "former 1: increment 20: below is 1; it is an id"),
        ({"former": [{"below": 9}]}, "former 1: increment is None"),
        ({"former": [FORMER, FORMER]}, "below is 1000 twice; an id is given once."),
    ],
)
def test_mistakes_are_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        numberings_of({**NOW, **changed})
    assert said in str(refused.value)
