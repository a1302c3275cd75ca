"""Which member's answer counts, and what playbooks get of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.told import (
    NOTHING_SAID,
    Address,
    Told,
    ToldServer,
    addresses_of,
    newest,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

VERSIONS = st.tuples(st.integers(0, 4), st.integers(0, 9))


def test_addresses_are_read() -> None:
    given_ = ["f1", "10.0.0.1:3307", "::1", "[fe80::2]:3307", " f1:3306 ", "[::1]"]
    assert addresses_of(given_) == [
        Address("f1"),
        Address("10.0.0.1", 3307),
        Address("::1"),
        Address("fe80::2", 3307),
    ]
    assert [str(one) for one in addresses_of(given_)][1:3] == ["10.0.0.1:3307", "[::1]:3306"]


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "f1:",
        "f1:0",
        "f1:65536",
        "f1:x",
        "a b",
        "u@f1",
        "[f1",
        "f1/x",
        "::1]:3306",
        "f1:1:2",
        "[f1]:3306",
    ],
)
def test_what_is_no_address_is_told(wrong: str) -> None:
    with pytest.raises(Refused, match="is no address; give it as host or host:port") as refused:
        addresses_of([wrong, "f1", "also wrong"])
    assert len(refused.value.problems) == 2


def test_there_must_be_a_member() -> None:
    with pytest.raises(Refused, match="members is empty"):
        addresses_of([])


@given(st.dictionaries(st.text(), VERSIONS, min_size=1), VERSIONS)
def test_the_newest_counts_and_never_an_older_one(
    versions: dict[str, tuple[int, int]], said: tuple[int, int]
) -> None:
    told = {name: Told(version, name) for name, version in versions.items()}
    if max(versions.values()) < said:
        with pytest.raises(Refused, match="it is behind"):
            newest(told, said)
        return
    best = newest(told, said)
    assert best is told[str(best.answer)] and best.version == max(versions.values()) >= said


def test_the_epoch_goes_before_the_counter() -> None:
    told = {"f1": Told((3, 900), "old"), "f2": Told((4, 2), "new"), "f3": Told((4, 2), "new")}
    assert newest(told, (3, 900)) is told["f2"]
    assert newest({"f1": told["f1"]}, NOTHING_SAID).answer == "old"
    with pytest.raises(Refused) as refused:
        newest({"f1": told["f1"]}, (4, 1))
    assert "f1 has version 3.900" in str(refused.value) and "4.1 has been seen" in str(
        refused.value
    )


def test_who_cannot_answer_has_said_its_version() -> None:
    told: dict[str, Told[str]] = {
        "f1": Told((4, 2), trouble="denied"),
        "f2": Told((4, 1), "old"),
    }
    with pytest.raises(Refused, match="f2 has version 4.1 .* f1: denied"):
        newest(told, NOTHING_SAID)
    assert newest({**told, "f2": Told((4, 2), "new")}, NOTHING_SAID).answer == "new"
    with pytest.raises(Refused, match="No member of the directory could answer. f1: denied"):
        newest({"f1": told["f1"]}, NOTHING_SAID)


def test_a_servers_groups_and_what_is_told_of_it() -> None:
    w1 = ToldServer("w1", "write", "dc1", "h", 3306, 2.0, 20, 1, None, "online", False, True)
    assert w1.groups == ["dc_dc1", "kind_write", "state_online"]
    f1 = ToldServer(
        *("f1", "member", "dc2", "h", 1, 1.0, None, None, "fabric", "draining", True, False, True)
    )
    assert f1.groups == ["dc_dc2", "kind_member", "state_draining", "set_fabric"]
    assert "name" not in f1.told() and f1.told()["is_active"] and f1.told()["port"] == 1
