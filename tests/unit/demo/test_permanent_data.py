"""The part of the demo that is about permanent data: what it says of a run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from demo import fabric, local_servers, permanent_data
from demo.permanent_data import Part, Run, Stopped
from demo.report import Report
from demo.writers import Acknowledgement, Member, Writers

F1, F2 = Member("f1", "127.1.0.201", 13306, "dc1"), Member("f2", "127.2.0.201", 13306, "dc2")


def text_of(*shown: Any) -> str:
    """Return what a console shows, as plain text."""
    console = Console(file=io.StringIO(), width=140, highlight=False)
    for one in shown:
        console.print(one)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_members_are_those_of_the_inventory() -> None:
    assert local_servers.members(7) == [
        Member("f1", "127.1.7.201", 13306, "dc1"),
        Member("f2", "127.2.7.201", 13306, "dc2"),
    ]


def test_a_table_of_the_parts() -> None:
    parts = [
        Part("as ever", "f1", 1.0, 0.012, 1234, 0),
        Part("killed f1, failed over", "f2", 5.0, 3.41, 900, 2, 4.2, 3.3),
    ]
    text = text_of(permanent_data.table_of(parts))
    assert "12 ms" in text
    assert "3.4 s" in text
    assert "4.2 s" in text
    assert "1,234" in text


def make_run(monkeypatch: pytest.MonkeyPatch, active: Member | None) -> Run:
    writers = Writers([F1, F2], "application", "", "t", clients=1)
    monkeypatch.setattr(writers, "active", lambda: active)
    return Run(Path("/nowhere"), 0, writers, Report())


def test_no_writer_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Stopped, match="make status"):
        make_run(monkeypatch, None).active()


def test_a_row_that_a_member_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(monkeypatch, F1)
    run.book.acknowledged(0, Acknowledgement("1-0-1", "f1", 0.9, 1.0))
    monkeypatch.setattr(permanent_data, "PATIENCE_SECONDS", 0)
    has = {"f1": {"1-0-1"}, "f2": set()}
    monkeypatch.setattr(run.writers, "requests_on", lambda member: has[member.name])
    assert permanent_data.problems(run) == [
        "f2 lacks 1 of 1 acknowledged orders, for example 1-0-1."
    ]


def test_a_command_that_fails_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_words: object) -> str:
        raise RuntimeError("fatal: f2")

    monkeypatch.setattr(local_servers, "play", fails)
    with pytest.raises(Stopped, match="fatal: f2"):
        make_run(monkeypatch, F1).play("replica_set_switch.yml")()


def member(name: str, **other: Any) -> dict[str, Any]:
    """Return what the module says of a member that follows."""
    return {
        **{"name": name, "state": "closed", "source": "f1", "running": True, "epoch": 3},
        **{"seconds_behind_source": 0, "position": "201-201-9", **other},
    }


SAID = {
    "epoch": {
        **{"epoch": 3, "durability": "available", "active": "f1", "at": "2026-11-21 10:00:00"},
        "reason": "failover",
    },
    "members": [member("f1", state="active"), member("f2", running=False)],
    "diagnosis": [
        {
            **{"code": "replica_set.member_stopped", "severity": "warning", "where": "f2"},
            **{"text": "It has stopped.", "todo": "site.yml starts it."},
        }
    ],
}


def test_status_shows_the_set() -> None:
    text = text_of(fabric.table(SAID, [F1, F2]))
    assert "active writer" in text
    assert "f1, stopped" in text
    assert "epoch 3 (available): f1 since 2026-11-21 10:00:00: failover" in text


def test_status_shows_what_is_wrong_and_what_to_do() -> None:
    assert text_of(*fabric.findings(SAID)) == ("warning: f2: It has stopped. site.yml starts it.\n")
    assert "fabric cannot be asked: nobody answers" in text_of(
        *fabric.findings({"problem": "nobody answers"})
    )
