"""docs/placements.md: its placements can be used, its figures are true, and its links lead to files."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.change import (
    change_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import KINDS
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.sql_functions import (
    FUNCTIONS,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "placements.md").read_text(encoding="utf-8")
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_there_is_a_placement_of_each_kind() -> None:
    placements = [placement_of(block) for block in BLOCKS if "kind" in block]
    assert {one.rule.kind for one in placements} == set(KINDS)
    (mapped,) = [one for one in placements if one.rule.kind == "pre_sharded"]
    assert mapped.place("customer_1").logical_shard == 1024
    (ids,) = [one for one in placements if one.rule.kind == "id_bits"]
    assert ids.place(241294492511762325).shard == 3429


def test_the_report_is_what_the_change_gives() -> None:
    (change,) = [block for block in BLOCKS if "placement_before" in block]
    keys = [f"customer_{number}" for number in range(62_000)]
    found = change_of(
        placement_of(change["placement_before"]), placement_of(change["placement_after"]), keys
    )
    (report,) = re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    assert report.splitlines() == found.report()


def test_the_options_are_those_of_the_playbook() -> None:
    playbook = (DOCS.parent / "playbooks" / "placement_plan.yml").read_text(encoding="utf-8")
    options = re.findall(r"^\| `-e (\w+)=", PAGE, re.MULTILINE)
    assert options and [option for option in options if option not in playbook] == []


def test_the_functions_are_there() -> None:
    named = set(re.findall(r"fabric\.(\w+)\(", PAGE))
    assert named and named <= {function.name for function in FUNCTIONS}


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGE)
    assert links and [link for link in links if not (DOCS / link).exists()] == []
