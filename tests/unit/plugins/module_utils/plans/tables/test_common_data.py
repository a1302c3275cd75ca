"""Whom a read server follows for common data, and what keeps it from doing so."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.common_data import (
    active,
    judge,
)

UUIDS = [f"0000000{n}-0000-0000-0000-000000000000" for n in (1, 2)]
PRICES = [{"schema": "prices", "objects": {"table t": "a", "view v": "b"}}]
NOTHING = [{"schema": "prices", "objects": None}]


def member(
    name: str, state: str = "active", epoch: int = 1, of: str = "", position: str = "1-1-9"
) -> dict[str, Any]:
    return {
        "epoch": {"epoch": epoch, "active": of or name} if epoch else None,
        "members": [{"name": name, "state": state, "position": position}],
        "schemas": PRICES if state == "active" else (),
    }


def channel(**more: Any) -> dict[str, Any]:
    return {
        **{"channel": "Common", "sql_running": True, "gtid_applied": "1-1-9,7-7-7"},
        **{"gtid_received": "1-1-9", "filters": {"do_databases": ["prices"]}, **more},
    }


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"f1": member("f1"), "f2": member("f2", "closed", of="f1")}, "f1"),
        # It was fenced, or has not been opened yet.
        ({"f1": member("f1", "closed")}, ""),
        # One that has returned with an older epoch.
        ({"f1": member("f1"), "f2": member("f2", epoch=1001)}, "f2"),
        ({"f1": member("f1"), "f2": member("f2", "closed", epoch=1001)}, ""),
        ({"f1": member("f1", epoch=0)}, ""),
        ({}, ""),
    ],
)
def test_the_active_writer_of_the_newest_epoch(members: dict[str, Any], found: str) -> None:
    assert active(members) == found
    judged = judge(members, [channel()], PRICES)
    assert judged.source == found
    assert bool(judged.problems) is not bool(found)


@pytest.mark.parametrize(
    ("position", "has", "more"),
    [
        ("1-1-9", {"gtid_applied": "1-1-9"}, ""),
        # Of other sources it says nothing.
        ("1-1-9", {"gtid_applied": "1-1-8,3-3-3", "gtid_received": ""}, ""),
        ("1-1-9,2-2-1", {"gtid_applied": "1-1-10"}, "1-1-10"),
        ("1-1-9", {"gtid_applied": "1-1-9", "gtid_received": "1-1-11"}, "1-1-11"),
        (f"{UUIDS[0]}:1-9", {"gtid_applied": f"{UUIDS[0]}:1-5,{UUIDS[1]}:1-7"}, ""),
        (f"{UUIDS[0]}:1-9", {"gtid_applied": f"{UUIDS[0]}:3-10"}, f"{UUIDS[0]}:10"),
    ],
)
def test_what_a_failover_has_lost_is_found(position: str, has: dict[str, str], more: str) -> None:
    at = channel(**{"gtid_received": "", **has})
    judged = judge({"f1": member("f1", position=position)}, [at], PRICES)
    assert judged.source == "f1"
    said = f"transactions of the set that its active writer f1 has not ({more})"
    assert [said in problem for problem in judged.problems] == ([True] if more else [])


def test_differences_keep_a_channel_from_starting() -> None:
    members = {"f1": member("f1")}
    other = [{"schema": "prices", "objects": {"table t": "c", "table own": "d"}}]
    stopped = channel(sql_running=False)
    (problem,) = judge(members, [stopped], other).problems
    for said in (
        "table prices.own is not on f1",
        "table prices.t is made otherwise than on f1",
        "view prices.v is not here",
    ):
        assert said in problem
    assert "schema prices is not here" in judge(members, [stopped], NOTHING).problems[0]
    # An empty server takes all from the beginning; one that has something does not.
    assert judge(members, [], NOTHING).problems == ()
    assert judge(members, [], other).problems
    # One that runs may be about to apply the difference.
    running = judge(members, [channel()], other)
    assert running.problems == () and len(running.differences) == 3


def test_a_schema_that_the_channel_has_left_out_is_not_let_in_without_a_copy() -> None:
    at = channel(filters={"do_databases": ["customers"]})
    (problem,) = judge({"f1": member("f1")}, [at], PRICES).problems
    assert "the channel common leaves out prices, and has passed rows of it" in problem
    unfiltered = channel(filters={"do_databases": []})
    assert judge({"f1": member("f1")}, [unfiltered], PRICES).problems == ()
