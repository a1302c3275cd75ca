"""The page of the directory: every finding has a line, with its severity."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/directory.md").read_text(encoding="utf-8")
CODE = (ROOT / "plugins/module_utils/plans/directory/reconcile.py").read_text(encoding="utf-8")


def test_every_finding_is_explained_with_its_severity() -> None:
    rows = dict(re.findall(r"^\| `(directory\.\w+)` \| (\w+) \|", PAGE, re.MULTILINE))
    found = re.findall(r'"(directory\.\w+)",\s+(CRITICAL|WARNING),', CODE)
    severities: dict[str, set[str]] = {}
    for code, severity in found:
        severities.setdefault(code, set()).add(severity.lower())
    # One that can be both is told with the worse.
    assert rows == {code: min(words) for code, words in severities.items()}
    assert set(re.findall(r'"(directory\.\w+)"', CODE)) == set(severities)


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGE)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_the_playbooks_that_it_names_are_there() -> None:
    names = set(re.findall(r"playbooks/(\w+\.yml)", PAGE))
    assert [name for name in names if not (ROOT / "playbooks" / name).is_file()] == []
