"""Which ids of a class are looked for among very many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import (
    ids_above,
    ids_below,
)

pairs = st.integers(1, 65535).flatmap(
    lambda increment: st.builds(Autoinc, st.just(increment), st.integers(1, increment))
)


@given(pairs, st.integers(0, 2**63), st.integers(0, 2**64))
def test_they_are_few_and_of_the_class(pair: Autoinc, next_id: int, highest: int) -> None:
    above, below = ids_above(pair, next_id, highest), ids_below(pair, next_id)
    assert len(above) <= 300 and len(below) <= 300
    assert all(pair.owns(one) and next_id <= one <= highest for one in above)
    assert all(pair.owns(one) and pair.offset <= one < next_id for one in below)
    first = pair.next_id(next_id)
    assert (first in above) == (first <= highest)
    assert (first - pair.increment in below) == (first > pair.offset)


@given(pairs, st.integers(0, 10**12), st.integers(0, 10**9), st.integers(1, 10**9))
def test_who_has_rows_up_to_the_newest_is_found(
    pair: Autoinc, next_id: int, gap: int, number: int
) -> None:
    """However far above they begin: the newest of all are the server's own."""
    first = pair.next_id(next_id) + gap * pair.increment
    last = first + (number - 1) * pair.increment
    found = [one for one in ids_above(pair, next_id, last) if one >= first]
    assert last in found


@given(pairs, st.integers(0, 10**12), st.integers(0, 10**7), st.integers(0, 10**12))
def test_who_has_half_as_many_rows_as_lie_before_them_is_found(
    pair: Autoinc, next_id: int, gap: int, beyond: int
) -> None:
    """Whatever others have beyond them; two rows at least."""
    begin = pair.next_id(next_id)
    last = gap + gap // 2 + 2
    highest = begin + last * pair.increment + beyond
    places = [(one - begin) // pair.increment for one in ids_above(pair, next_id, highest)]
    assert any(gap <= place <= last for place in places)


def test_little_is_looked_at_whole() -> None:
    pair = Autoinc(20, 2)
    assert ids_above(pair, 1, 90) == (2, 22, 42, 62, 82)
    assert ids_above(pair, 3, 21) == ()
    assert ids_below(pair, 90) == (82, 62, 42, 22, 2)
    assert ids_below(pair, 2) == ()
    assert ids_above(Autoinc(20, 20), 20, 60) == (20, 40, 60)
