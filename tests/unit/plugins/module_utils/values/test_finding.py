"""A finding is one sentence for people, and its parts for programs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.codes import CODES
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    INFO,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    collect,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    RULES,
    SESSION_RULES,
    SET_RULES,
)

ROOT = Path(__file__).resolve().parents[5]
FULL = Finding("ids.range_used", CRITICAL, "s.t", "81 % is used.", "Change the column.")


@pytest.mark.parametrize(
    ("where", "text", "todo", "sentence"),
    [
        ("", "x is 1 and must be 2", "set it.", "x is 1 and must be 2; set it."),
        ("s.t", "81 % is used.", "Change it.", "s.t: 81 % is used. Change it."),
        ("", "It is off:", "restart it.", "It is off: restart it."),
        ("w1", "w1 lacks one.", "Load it.", "w1 lacks one. Load it."),
        ("w1", "nobody can help.", "", "w1: nobody can help."),
    ],
)
def test_the_sentence(where: str, text: str, todo: str, sentence: str) -> None:
    assert str(Finding("ids.range_used", WARNING, where, text, todo)) == sentence


def test_the_parts_in_a_result() -> None:
    assert FULL.told() == {
        "code": "ids.range_used",
        "severity": "critical",
        "where": "s.t",
        "text": "81 % is used.",
        "todo": "Change the column.",
    }
    assert Finding("a.b", INFO, "", "It is off:", "restart it.").told()["text"] == "It is off"


def test_the_place_that_something_was_found_in() -> None:
    placed = FULL.at("w1")
    assert (placed.where, str(placed)) == ("w1", f"w1: {FULL}")
    assert FULL.at("s.t") == FULL.at("") == FULL


def test_a_refusal_keeps_findings_beside_its_sentences() -> None:
    with pytest.raises(Refused) as refused:
        refuse_if_any(["a sentence.", FULL])
    assert refused.value.problems == ["a sentence.", str(FULL)]
    assert refused.value.findings == [FULL]
    assert str(refused.value) == f"a sentence. {FULL}"
    assert refused.value.told() == {
        "problems": ["a sentence.", str(FULL)],
        "findings": [FULL.told()],
    }


def test_what_is_collected_stays_a_finding() -> None:
    reasons: list[str | Finding] = []
    with collect(reasons, "w1"):
        raise Refused([FULL, "w1 is away.", "no room."])
    assert reasons == [FULL.at("w1"), "w1 is away.", "w1: no room."]


CALLS = ("Finding", "_finding", "_Kind")


def codes_in_use() -> Iterator[str]:
    """Return the first argument of every finding, and of every kind of a channel's errors."""
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
                code = node.args[0]
                # What one of these functions makes of its own argument.
                if isinstance(code, ast.Name):
                    continue
                if isinstance(code, ast.JoinedStr):
                    yield from of_a_rule(code)
                elif ast.unparse(code) != "self.code":
                    yield str(ast.literal_eval(code))


def of_a_rule(code: ast.JoinedStr) -> Iterator[str]:
    rules = {
        "f'settings.{rule.name}'": (*RULES, *SET_RULES),
        "f'sessions.{rule.name}'": SESSION_RULES,
    }
    for rule in rules[ast.unparse(code)]:
        yield f"{ast.unparse(code)[2:].partition('.')[0]}.{rule.name}"


def test_every_code_is_listed_once_and_used() -> None:
    assert len(set(CODES)) == len(CODES)
    assert list(CODES) == sorted(CODES)
    assert set(CODES) == set(codes_in_use())


def test_a_code_is_two_words() -> None:
    assert [code for code in CODES if not re.fullmatch(r"[a-z_]+\.[a-z_]+", code)] == []
