"""Every module, role, playbook and plugin has a test that would notice its absence."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
FILTERS = sorted(path.stem for path in (ROOT / "plugins/filter").glob("*.py"))
# What asks servers from the control node.
ASKING = sorted(
    (kind, path.stem)
    for kind in ("inventory", "lookup")
    for path in (ROOT / "plugins" / kind).glob("*.py")
)
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml"))


SCENARIOS = sorted(path.parent for path in (ROOT / "molecule").glob("*/molecule.yml"))


@cache
def words_of(folder: str) -> frozenset[str]:
    """Return every string that the tests of a folder, and what tests share, have in their code."""
    return frozenset(
        node.value
        for path in (*(ROOT / folder).rglob("test_*.py"), *(ROOT / "tests/support").glob("*.py"))
        # It has to name everything, and plays no more than the examples.
        if path.name != "test_examples.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def run_by(playbook: str) -> tuple[set[str], set[str]]:
    """Return the playbooks and the roles that a playbook runs, itself included."""
    playbooks, roles = {playbook}, set()
    for play in yaml.safe_load((ROOT / "playbooks" / playbook).read_text()):
        if "ansible.builtin.import_playbook" in play:
            more = run_by(play["ansible.builtin.import_playbook"])
            playbooks |= more[0]
            roles |= more[1]
        for role in play.get("roles", []):
            roles.add(role["role"].rpartition(".")[2])
    return playbooks, roles


def run_in_tests() -> tuple[set[str], set[str]]:
    """Return the playbooks and roles that integration tests run on real servers."""
    words = words_of("tests/integration")
    playbooks: set[str] = set()
    roles: set[str] = set()
    for playbook in PLAYBOOKS:
        if playbook in words:
            more = run_by(playbook)
            playbooks |= more[0]
            roles |= more[1]
    return playbooks, roles


def test_there_is_something_to_look_for() -> None:
    assert len(MODULES) > 5 and len(ROLES) > 2 and len(PLAYBOOKS) > 5 and FILTERS
    assert {kind for kind, _name in ASKING} == {"inventory", "lookup"}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_tests_on_real_servers(module: str) -> None:
    assert list((ROOT / "tests/integration").rglob(f"test_{module.removesuffix('_info')}*.py"))
    assert module in words_of("tests/integration")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_run_on_real_servers(role: str) -> None:
    assert role in run_in_tests()[1]


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_is_run_on_real_servers(playbook: str) -> None:
    assert playbook in run_in_tests()[0] or playbook in words_of("tests/integration")


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_has_a_test(name: str) -> None:
    assert (ROOT / "tests/unit/plugins/filter" / f"test_{name}.py").is_file()


@pytest.mark.parametrize(("kind", "name"), ASKING)
def test_a_plugin_that_asks_servers_has_tests_with_and_without_them(kind: str, name: str) -> None:
    assert (ROOT / "tests/unit/plugins" / kind / f"test_{name}.py").is_file()
    words = words_of("tests/integration")
    assert any(f"dbrw.sharding.{name}" in word for word in words)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda folder: folder.name)
def test_a_scenario_has_what_its_steps_name(scenario: Path) -> None:
    """Molecule passes over a folder of checks that is not there, with a warning."""
    base = yaml.safe_load((ROOT / ".config/molecule/config.yml").read_text())
    own = yaml.safe_load((scenario / "molecule.yml").read_text())
    folders = {own.get("verifier", base["verifier"]).get("directory")}
    for step in own["scenario"].get("test_sequence", base["scenario"]["test_sequence"]):
        verb, _space, named = step.partition(" ")
        if verb == "verify" and named:
            folders.add(named)
        elif named:
            assert (scenario / named).is_file(), step
    for folder in folders:
        assert list((scenario / folder).glob("test_*.py")), folder
