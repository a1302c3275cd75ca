"""A set that others have made is adopted by the name of its active writer, judged beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.adoption_problems import adoption_problems


def said(name: str, state: str, status: str = "not_adopted", epoch: int = 0) -> dict[str, Any]:
    members = [{"name": name, "state": state}]
    return {"status": status, "epoch": {"epoch": epoch} if epoch else None, "members": members}


F1, F2 = said("f1", "open"), said("f2", "closed")
NEW = [said(name, "closed", "not_born") for name in ("f1", "f2")]


@pytest.mark.parametrize(
    ("asked", "adopt", "problems"),
    [
        ([F1, F2], "f1", []),
        ([F1, F2], "", ["f1: it has rows", "f2: it has rows"]),
        ([F1, said("f2", "closed", "not_born")], "", ["f1: it has rows, or takes writes"]),
        (
            [F1, F2],
            "f2",
            ["f2: adopt names it as the active writer, and it is closed", "f1: it takes w"],
        ),
        ([F1, said("f2", "lifted")], "f2", ["f2: adopt names it", "f1: it takes writes, too"]),
        ([F1, said("f2", "open")], "f1", ["f2: it takes writes, too. Close it"]),
        ([F1, F2], "f9", ["adopt names f9, which is no member of fabric (f1, f2)."]),
        (
            [said("f1", "unreachable"), F2],
            "f1",
            ["f1: adopt names it as the active writer, and it do"],
        ),
        # --limit has left it out; the module judges it.
        ([F2], "f1", []),
        # It is born, and not adopted.
        (NEW, "", []),
        (NEW, "f1", []),
        (NEW, "f9", ["adopt names f9"]),
        # It has an active writer already.
        ([said("f1", "active", "well", 3), said("f2", "closed", "without_writer", 3)], "f2", []),
        ([said("f1", "closed", "without_writer", 3), F2], "", []),
    ],
)
def test_what_is_refused(asked: list[dict[str, Any]], adopt: str, problems: list[str]) -> None:
    found = adoption_problems(asked, "fabric", ["f1", "f2"], adopt)
    assert len(found) == len(problems), found
    for text, problem in zip(found, problems):
        assert text.startswith(problem)
