"""The pages of replica sets: every finding has a line, with its severity, and every link a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
DIAGNOSIS = ROOT / "plugins/module_utils/plans/replication/replica_set_diagnosis.py"
PAGES = sorted(DOCS.glob("replica-set*.md"))


def findings_of_code() -> dict[str, str]:
    """Return the severities by code, as they stand in the diagnosis."""
    text = DIAGNOSIS.read_text(encoding="utf-8")
    found = re.findall(r'"(replica_set\.\w+)",\s+((?:CRITICAL|WARNING|INFO)[^,]*),', text)
    # What depends on the durability is written with both.
    return {
        code: "warning, critical in `strict`" if " if " in severity else severity.lower()
        for code, severity in found
    }


def test_every_finding_is_explained_with_its_severity() -> None:
    page = (DOCS / "replica-sets.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(replica_set\.\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert rows == findings_of_code()


def test_no_finding_is_overlooked() -> None:
    text = DIAGNOSIS.read_text(encoding="utf-8")
    assert set(re.findall(r"replica_set\.\w+(?=\",\n)", text)) == set(findings_of_code())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (DOCS / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_options_that_it_names_are_those_of_the_playbook(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"playbooks/(replica_set_\w+\.yml)", text))
    assert named
    assert [name for name in named if not (ROOT / "playbooks" / name).is_file()] == []
    own = ROOT / "playbooks" / f"{page.stem.replace('-', '_')}.yml"
    # What it is all about has a playbook that takes none.
    if own.name != "replica_sets.yml":
        options = re.findall(r"^\| `-e (\w+)=", text, re.MULTILINE)
        assert [option for option in options if option not in own.read_text("utf-8")] == []
