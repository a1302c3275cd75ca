"""The hosts that scenarios begin with: what the role would install is what they have already."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
IMAGES = ROOT / "molecule/images"
SCENARIOS = sorted(path.parent for path in (ROOT / "molecule").glob("*/molecule.yml"))


def variables(scenario: Path) -> dict[str, Any]:
    base = yaml.safe_load((ROOT / ".config/molecule/config.yml").read_text())
    own = yaml.safe_load((scenario / "molecule.yml").read_text())
    return {**base["provisioner"]["env"], **own["provisioner"].get("env", {})}


def dockerfile(image: str) -> str:
    folder = image.removeprefix("dbrw-sharding/").replace(":", "-")
    return (IMAGES / folder / "Dockerfile").read_text()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda folder: folder.name)
def test_a_host_has_the_packages_of_the_role(scenario: Path) -> None:
    given = variables(scenario)
    role = yaml.safe_load((ROOT / "roles/mysqld/vars/main.yml").read_text())
    text = dockerfile(given["LAB_IMAGE"]).replace("\\\n", " ")
    (installed,) = re.findall(r" install +([a-z0-9 -]+);", text)
    assert installed.split() == role["__mysqld_packages"][given["LAB_FLAVOUR"]]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda folder: folder.name)
def test_a_bare_host_is_the_same_without_them(scenario: Path) -> None:
    given = variables(scenario)
    if given["LAB_BARE_HOSTS"]:
        assert f"\nFROM {given['LAB_BARE_IMAGE']}\n" in dockerfile(given["LAB_IMAGE"])
