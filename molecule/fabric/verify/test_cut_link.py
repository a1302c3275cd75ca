"""After the link was cut: what was acknowledged is there once, and the lonely side acknowledged nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fabric.members import FOLDER, rows, value


def acknowledged(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(FOLDER / f"{name}.jsonl").read_text().splitlines()]


def test_everything_that_was_acknowledged_is_on_both_once() -> None:
    wanted = [one["tag"] for name in ("f1", "f2") for one in acknowledged(name)]
    assert len(wanted) > 50
    for member in ("f1", "f2"):
        tags = [row["tag"] for row in rows(member, "SELECT tag FROM customers.t")]
        assert len(tags) == len(set(tags))
        assert set(wanted) <= set(tags), sorted(set(wanted) - set(tags))[:5]


def test_the_lonely_side_acknowledged_nothing() -> None:
    cut = float((FOLDER / "cut").read_text())
    late = [one for one in acknowledged("f1") if one["at"] > cut]
    assert late == []
    assert [one for one in acknowledged("f2") if one["at"] > cut]


def test_f2_is_the_active_writer_and_strict_again() -> None:
    assert (value("f1", "@@GLOBAL.read_only"), value("f2", "@@GLOBAL.read_only")) == (1, 0)
    for member in ("f1", "f2"):
        (epoch,) = rows(member, "SELECT * FROM dbrw.epoch ORDER BY epoch DESC LIMIT 1")
        assert (epoch["active"], epoch["durability"]) == ("f2", "strict")


def test_the_read_server_follows_it() -> None:
    wanted = {row["tag"] for row in rows("f2", "SELECT tag FROM customers.t")}
    assert {row["tag"] for row in rows("r1", "SELECT tag FROM customers.t")} == wanted
