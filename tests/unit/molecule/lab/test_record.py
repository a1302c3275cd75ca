"""A record is read while applications write it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    # What molecule tells a scenario's programs.
    monkeypatch.setenv("MOLECULE_EPHEMERAL_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("MOLECULE_SCENARIO_NAME", "none")
    monkeypatch.setenv("LAB_FLAVOUR", "mariadb")
    return importlib.import_module("lab.record")


def test_a_line_that_is_still_being_written_is_left_for_later(record: Any, tmp_path: Path) -> None:
    line = json.dumps({"at": 2.0, "event": "insert", "request": "ab"}) + "\n"
    file = tmp_path / "dc1.jsonl"
    for written in range(len(line) + 1):
        file.write_text('{"at": 1.0, "event": "start"}\n' + line[:written])
        events = [one["event"] for one in record.Run(tmp_path).applications["dc1"]]
        assert events == ["start", "insert"][: 2 if written == len(line) else 1]


def test_an_application_that_has_written_nothing_has_no_events(record: Any, tmp_path: Path) -> None:
    (tmp_path / "dc2.jsonl").touch()
    assert record.Run(tmp_path).applications == {"dc2": []}
