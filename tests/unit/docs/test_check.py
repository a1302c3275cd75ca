"""docs/check.md names every finding that the check makes itself."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.values.codes import CODES

ROOT = Path(__file__).resolve().parents[3]


def test_every_code_is_explained() -> None:
    code = "".join(
        path.read_text() for path in (ROOT / "plugins/module_utils/plans/checks").glob("*.py")
    )
    made = set(re.findall(r'Finding\(\s*"([a-z_.]+)"', code))
    page = (ROOT / "docs/check.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z_.]+)` \|", page, re.MULTILINE))
    assert len(made) > 20
    assert made - explained == set()
    assert explained - set(CODES) == set()
