"""What applications see of a server is the worse of what the operator and the supervision say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.applications import (
    application_servers,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import STATES

SERVERS: list[dict[str, Any]] = [
    {"name": name, "kind": kind, "weight": weight, "offset": None}
    for name, kind, weight in (("w1", "write", 1), ("w2", "write", 2.5), ("r1", "read", 1))
]


def weights(also_joining: bool = False, **said: tuple[str, bool]) -> dict[str, float]:
    told = [{"name": name, "state": of[0], "is_down": of[1]} for name, of in said.items()]
    given = application_servers(SERVERS, told, also_joining)
    assert [{**one, "weight": 0} for one in given] == [{**one, "weight": 0} for one in SERVERS]
    return {one["name"]: one["weight"] for one in given}


UP = ("online", False)


@pytest.mark.parametrize("state", [state for state in STATES if state != "online"])
@pytest.mark.parametrize("is_down", [False, True])
def test_only_one_that_is_online_is_used(state: str, is_down: bool) -> None:
    assert weights(w1=(state, is_down), w2=UP, r1=UP) == {"w1": 0, "w2": 2.5, "r1": 1}


def test_one_that_is_marked_is_left_alone_while_there_is_another() -> None:
    assert weights(w1=UP, w2=("online", True), r1=("online", True)) == {"w1": 1, "w2": 0, "r1": 1}
    # Another one of weight 0 is none.
    assert (
        application_servers(
            [{**SERVERS[0], "weight": 0}, SERVERS[1]],
            [
                {"name": "w1", "state": "online", "is_down": 0},
                {"name": "w2", "state": "online", "is_down": 1},
            ],
        )[1]["weight"]
        == 2.5
    )
    # Nor is one in maintenance, which the mark of another does not end.
    assert weights(w1=("maintenance", False), w2=("online", True), r1=UP)["w2"] == 2.5


def test_one_that_joins_is_announced_later() -> None:
    assert weights(w1=("joining", False), w2=UP) == {"w1": 0, "w2": 2.5, "r1": 0}
    assert weights(True, w1=("joining", False), w2=("draining", False)) == {
        "w1": 1,
        "w2": 0,
        "r1": 1,
    }


@given(
    st.dictionaries(
        st.sampled_from(["w1", "w2", "r1"]), st.tuples(st.sampled_from(STATES), st.booleans())
    )
)
def test_a_mark_never_leaves_nothing_of_what_the_operator_gives(said: dict[str, Any]) -> None:
    marked = weights(**said)
    unmarked = weights(**{name: (state, False) for name, (state, _down) in said.items()})
    for kind in ("w", "r"):
        of_kind = [name for name in marked if name.startswith(kind)]
        assert any(marked[name] for name in of_kind) == any(unmarked[name] for name in of_kind)
    assert all(marked[name] in (0, unmarked[name]) for name in marked)
