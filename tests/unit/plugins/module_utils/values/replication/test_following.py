"""Which read servers follow which write servers, as channels tell it."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.following import (
    not_followed,
)

NO_ERROR = {"number": 0, "message": "", "time": None}


def channel(name: str, **more: Any) -> dict[str, Any]:
    return {
        "channel": name,
        "running": False,
        "io_running": True,
        "sql_running": True,
        "last_io_error": NO_ERROR,
        "last_sql_error": NO_ERROR,
        "explanation": None,
        **more,
    }


def test_all_follow_all() -> None:
    assert not_followed({}, ["w1"]) == []
    # A channel more is nobody's business here; a name is told in any case.
    followed = [channel("W1", running=True), channel("other")]
    assert not_followed({"r1": followed, "r2": followed}, ["w1"]) == []


def test_each_pair_is_told_with_its_reason() -> None:
    broken = {
        "last_sql_error": {"number": 1146, "message": "Table 'a.b' doesn't exist", "time": None},
        "sql_running": False,
        "explanation": {"meaning": "no table.", "remedies": ["make it.", "filter it."]},
    }
    away = {"last_io_error": {"number": 2003, "message": "refused", "time": None}}
    found = not_followed(
        {
            "r1": [channel("w1", **broken), channel("w2", **away)],
            "r2": [
                channel("w1", io_running=False, sql_running=False),
                channel("w2", io_running=False),
            ],
            "r3": [channel("w2")],
        },
        ["w1", "w2"],
    )
    assert found == [
        "r1 does not follow w1: the channel cannot apply: error 1146: Table 'a.b' doesn't exist. "
        "no table. What can be done: make it. Or: filter it.",
        "r1 does not follow w2: the channel cannot receive: error 2003: refused.",
        "r2 does not follow w1: the channel is stopped, without an error.",
        "r2 does not follow w2: only one of the channel's two threads is running, without an "
        "error.",
        "r3 does not follow w1: it has no channel of this name.",
        "r3 does not follow w2: the channel connects, without an error.",
    ]
