"""What is asked for of a replica set is judged before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.replica_set_problems import (
    replica_set_problems,
)


def sets(*names: str) -> dict[str, dict[str, Any]]:
    return {"fabric": {"members": [{"name": name} for name in names]}}


PAIR, THREE = sets("f1", "f2"), sets("f1", "f2", "f3")
ALL = ["f1", "f2", "f3", "w1"]


@pytest.mark.parametrize(
    ("verb", "given", "request_", "hosts"),
    [
        ("switch", PAIR, {"max_pause_seconds": "0.5", "max_lag_seconds": 5}, ALL),
        ("switch", PAIR, {"to": "f1"}, ALL),
        ("switch", THREE, {"to": "f3"}, ALL),
        ("failover", PAIR, {"allow_loss": "true", "alone": False, "confirm_fenced": "f1"}, ALL),
        ("failover", THREE, {}, ALL),
        # A host that is dead may be left out.
        ("failover", PAIR, {"to": "f2"}, ["f2"]),
        ("rejoin", PAIR, {"server": "f1", "errant": "discard", "keep_old": "true"}, ALL),
        ("rejoin", THREE, {"server": "f1", "donor": "f3", "catch_up_seconds": "60"}, ALL),
        ("rejoin", THREE, {"server": "f1", "errant": "discard_unseen"}, ALL),
    ],
)
def test_what_can_be_tried(
    verb: str, given: dict[str, Any], request_: dict[str, Any], hosts: list[str]
) -> None:
    assert replica_set_problems(given, verb, {"replica_set": "fabric", **request_}, hosts) == []


@pytest.mark.parametrize(
    ("verb", "request_", "hosts", "said"),
    [
        (
            "failover",
            {"to": "f2"},
            ["f2", "r1"],
            "--limit leaves out r2, which would have to be asked",
        ),
        (
            "failover",
            {"to": "f2"},
            ["f2"],
            "leaves out r1, r2, which would have to be asked whether",
        ),
        ("switch", {}, ["f1", "f2", "r2"], "--limit leaves out r1, which would go on following"),
        # Nobody is to be asked about a writer that is off.
        ("failover", {"to": "f2", "confirm_fenced": "f1"}, ["f2"], ""),
        ("switch", {}, ["f1", "f2", "r1", "r2"], ""),
        ("rejoin", {"server": "f1"}, ["f1", "f2"], ""),
    ],
)
def test_read_servers_with_common_data_are_not_left_out(
    verb: str, request_: dict[str, Any], hosts: list[str], said: str
) -> None:
    request = {"replica_set": "fabric", **request_}
    problems = replica_set_problems(PAIR, verb, request, hosts, ["r1", "r2"])
    assert [said in problem for problem in problems] == ([True] if said else [])
    # Of another set they have nothing.
    other = {"replica_set": "s1", **request_}
    assert replica_set_problems({"s1": PAIR["fabric"]}, verb, other, hosts, ["r1", "r2"]) == []


@pytest.mark.parametrize(
    ("verb", "given", "request_", "hosts", "said"),
    [
        ("switch", {}, {}, ALL, "has no replica set; put servers into"),
        ("switch", PAIR, {"replica_set": ""}, ALL, "Give -e replica_set=fabric"),
        ("switch", PAIR, {"replica_set": "s1"}, ALL, "no replica set s1 in the inventory"),
        ("switch", PAIR, {"to": "w1"}, ALL, "to is w1, which is no member of fabric"),
        ("failover", PAIR, {"confirm_fenced": "f9"}, ALL, "confirm_fenced is f9, which is no"),
        ("switch", sets("f1"), {}, ALL, "one member, f1; there is none that could"),
        ("switch", THREE, {}, ALL, "more than two members, f1, f2, f3; name the one: -e to=f2"),
        ("switch", PAIR, {"to": "f2"}, ["f2"], "--limit leaves out f1"),
        ("failover", PAIR, {}, ["f2"], "leaves out f1, which this works on; run it without, or na"),
        ("failover", PAIR, {"to": "f2"}, ["f1"], "--limit leaves out f2"),
        ("switch", PAIR, {"max_pause_seconds": 0}, ALL, "max_pause_seconds is 0; it must be a num"),
        ("switch", PAIR, {"max_lag_seconds": "few"}, ALL, "max_lag_seconds is few"),
        ("failover", PAIR, {"allow_loss": "f1"}, ALL, "allow_loss is f1; it must be true or false"),
        ("rejoin", PAIR, {}, ALL, "No server is named; give one of f1, f2: -e server=f1"),
        ("rejoin", PAIR, {"server": "w1"}, ALL, "server is w1, which is no member of fabric"),
        ("rejoin", PAIR, {"server": "f1", "donor": "f1"}, ALL, "donor is f1, the server itself"),
        ("rejoin", PAIR, {"server": "f1", "errant": "merge"}, ALL, "errant is merge; it must be"),
        ("rejoin", PAIR, {"server": "f1", "catch_up_seconds": "x"}, ALL, "catch_up_seconds is x"),
        ("rejoin", PAIR, {"server": "f1", "keep_old": "x"}, ALL, "keep_old is x; it must be true"),
        ("rejoin", PAIR, {"server": "f1"}, ["f1"], "--limit leaves out f2"),
        ("rejoin", sets("f1"), {"server": "f1"}, ALL, "It has one member, f1"),
    ],
)
def test_what_is_refused(
    verb: str, given: dict[str, Any], request_: dict[str, Any], hosts: list[str], said: str
) -> None:
    request = {"replica_set": "fabric", **request_}
    (problem,) = replica_set_problems(given, verb, request, hosts)
    assert said in problem


@pytest.mark.parametrize(
    ("given", "request_", "said"),
    [
        (PAIR, {"adopt": "", "replica_set_restart": ""}, []),
        (PAIR, {"adopt": "f2", "replica_set_restart": "switch"}, []),
        (THREE, {"replica_set_restart": "active"}, []),
        (
            PAIR,
            {"adopt": "w1"},
            ["adopt is w1, which is no member of a replica set; members are f1, "],
        ),
        ({}, {"adopt": "f1"}, ["members are none."]),
        (
            PAIR,
            {"replica_set_restart": "true"},
            ["replica_set_restart is true; it must be switch or"],
        ),
        (PAIR, {"adopt": "f9", "replica_set_restart": "f1"}, ["adopt is f9", "restart is f1"]),
    ],
)
def test_what_site_is_given(
    given: dict[str, Any], request_: dict[str, Any], said: list[str]
) -> None:
    problems = replica_set_problems(given, "site", request_, ["f1"])
    assert len(problems) == len(said)
    for text, problem in zip(said, problems):
        assert text in problem
