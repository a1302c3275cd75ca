"""A replica set as lines to read."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.filter.replica_set_report import replica_set_report

EPOCH = {
    **{"epoch": 2, "active": "f2", "durability": "available", "reason": "new memory"},
    **{"by": "", "at": "2026-11-27 02:25:09"},
}
FOUND = {"severity": "warning", "where": "f1", "text": "It lags.", "todo": "Wait."}


def member(name: str, **changes: Any) -> dict[str, Any]:
    return {
        **{"name": name, "state": "closed", "source": "f2", "running": True, "epoch": 2},
        **{"seconds_behind_source": 0, "version": "10.11.18-MariaDB-log", **changes},
    }


def test_a_set_that_was_switched() -> None:
    result = {
        **{"epoch": EPOCH, "active": "f2", "pause_seconds": 0.0412, "diagnosis": [FOUND]},
        "members": [member("f1"), member("f2", state="active", source="f1", running=False)],
    }
    assert replica_set_report(result) == [
        "f2 is the active writer, in epoch 2 (available) since 2026-11-27 02:25:09: new memory",
        "No member took writes for 0.041 s.",
        "",
        "member  state   follows  lag  epoch  version",
        "f1      closed  f2       0 s  2      10.11.18",
        "f2      active                2      10.11.18",
        "",
        "warning: f1: It lags. Wait.",
    ]


def test_a_set_without_a_writer() -> None:
    away = {"state": "unreachable", "source": None, "epoch": None, "version": None}
    lines = replica_set_report(
        {
            **{"epoch": EPOCH, "active": None, "diagnosis": []},
            "members": [
                member("f1", running=False, seconds_behind_source=None),
                member("f2", **away, seconds_behind_source=None),
            ],
        }
    )
    assert lines[0] == "There is no active writer; in epoch 2 it was f2."
    assert lines[-2:] == [
        "f1      closed       f2 (stopped)       2      10.11.18",
        "f2      unreachable",
    ]


def test_a_set_that_was_never_born() -> None:
    result = {"epoch": None, "active": None, "members": [], "diagnosis": []}
    assert replica_set_report(result)[0] == "No member has ever been the active writer."
