"""GTID sets and positions, against sets of single transactions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    GtidPosition,
    GtidSet,
    applied_part,
    is_applied,
    missing_by_server,
    written_under,
)

A, B = "3b3a6275-e573-11f1-bce1-02fc00000001", "aaaaaaaa-0000-0000-0000-000000000000"

transactions = st.sets(
    st.tuples(st.sampled_from([A, B, f"{A}:tag", f"{B}:_t2"]), st.integers(1, 30)), max_size=40
)


def text(given: set[tuple[str, int]]) -> str:
    return ",".join(f"{source}:{number}" for source, number in given)


def single(gtids: GtidSet) -> set[tuple[str, int]]:
    return {
        (source, number)
        for source, intervals in gtids.intervals.items()
        for first, last in intervals
        for number in range(first, last + 1)
    }


@given(transactions)
def test_a_set_is_what_was_written_and_reads_its_own_text(given: set[tuple[str, int]]) -> None:
    made = GtidSet.parse(text(given))
    assert single(made) == given
    assert GtidSet.parse(str(made)) == made
    assert str(GtidSet.parse(str(made).upper())) == str(made)


@given(transactions, transactions)
def test_union_and_contains(one: set[tuple[str, int]], other: set[tuple[str, int]]) -> None:
    first, second = GtidSet.parse(text(one)), GtidSet.parse(text(other))
    assert single(first.union(second)) == one | other
    assert first.contains(second) == (other <= one)
    assert single(first.only([A])) == {single for single in one if single[0] == A}


def test_the_servers_own_text() -> None:
    said = f"{A}:1-5:7:9-9:tag:1-3,\n{B}:1"
    assert str(GtidSet.parse(said)) == f"{A}:1-5:7:9,{A}:tag:1-3,{B}:1"
    assert str(GtidSet.parse("")) == "" and GtidSet.parse(" , ") == GtidSet()


@pytest.mark.parametrize(
    "said", ["x", A, f"{A}:", f"{A}:0", f"{A}:5-3", f"{A}:1-x", f"{A}:1-2-3", "1-1-5", f"{A} 1"]
)
def test_what_is_no_set(said: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        GtidSet.parse(said)


positions = st.dictionaries(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 2**32 - 1), st.integers(1, 2**64 - 1)),
    max_size=6,
)


@given(positions)
def test_a_position_reads_its_own_text(domains: dict[int, tuple[int, int]]) -> None:
    made = GtidPosition(domains)
    assert GtidPosition.parse(str(made)) == made
    assert GtidPosition.parse(f" {str(made).replace(',', ' ,')} ") == made


def test_a_servers_own_domains_are_those_that_it_wrote_last() -> None:
    found = GtidPosition.parse("1-1-5,2-2-9,7-1-1")
    assert found.domains_of(1) == {1, 7} and found.domains_of(None) == set()
    assert str(found.only([2])) == "2-2-9"


@pytest.mark.parametrize("said", ["1-1", "1-1-x", f"{A}:1", "1-1-1-1", "-1-1-1"])
def test_what_is_no_position(said: str) -> None:
    with pytest.raises(ValueError, match="is not a GTID of MariaDB"):
        GtidPosition.parse(said)


def test_a_domain_has_one_position() -> None:
    with pytest.raises(ValueError, match="domain 1 is named twice"):
        GtidPosition.parse("1-1-1,1-1-2")


@given(transactions, transactions)
def test_what_is_applied_of_a_set(
    wanted: set[tuple[str, int]], applied: set[tuple[str, int]]
) -> None:
    assert is_applied(text(wanted), text(applied)) == (wanted <= applied)
    sources = {source for source, _number in wanted}
    part = applied_part(text(wanted), text(applied))
    assert single(GtidSet.parse(part)) == {one for one in applied if one[0] in sources}


@pytest.mark.parametrize(
    ("wanted", "applied", "is_there", "part"),
    [
        ("", "", True, ""),
        ("", "1-1-5", True, ""),
        ("1-1-5", "", False, ""),
        ("1-1-5", "1-1-5,2-2-9", True, "1-1-5"),
        # The number counts, whoever wrote it.
        ("1-1-5", "1-7-6", True, "1-7-6"),
        ("1-1-5,2-2-9", "1-1-5,2-2-8", False, "1-1-5,2-2-8"),
    ],
)
def test_what_is_applied_of_a_position(
    wanted: str, applied: str, is_there: bool, part: str
) -> None:
    assert is_applied(wanted, applied) is is_there
    assert applied_part(wanted, applied) == part


@pytest.mark.parametrize(
    ("mine", "theirs", "lacks"),
    [
        ("1-1-10,1-2-11,1-3-12", "1-1-10,1-2-9,1-3-12", "1-2-11"),
        ("1-1-10,1-2-9", "1-1-10,1-2-9,1-3-12", ""),
        # The other log began with a copy, and does not know the pair.
        ("1-1-10,1-2-9", "1-3-12", ""),
        ("", "1-1-1", ""),
    ],
)
def test_what_a_log_has_of_a_server_and_another_has_not(mine: str, theirs: str, lacks: str) -> None:
    assert missing_by_server(mine, theirs) == lacks


def test_what_one_server_has_written() -> None:
    assert written_under("2", "1-1-10,2-9-4") == "2-9-4"
    assert written_under("3", "1-1-10,2-9-4") == ""
    one, other = "a" * 8 + "-0000-0000-0000-" + "0" * 12, "b" * 8 + "-0000-0000-0000-" + "0" * 12
    assert written_under(one, f"{one}:1-5,{one}:x:1,{other}:1") == f"{one}:1-5,{one}:x:1"
    assert written_under(one, "") == ""
