"""make quick runs the tests that a change is about."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.touched import changed_files, touched


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "tests/integration/conftest.py",
        "tests/integration/ids/test_autoinc_offset.py",
        "tests/integration/ids/test_sessions.py",
        "tests/integration/tables/test_usage_table.py",
        "plugins/module_utils/plans/ids/autoinc.py",
        "plugins/module_utils/server/connection.py",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    module = tmp_path / "plugins/modules/mysql_usage_table.py"
    module.parent.mkdir()
    module.write_text("from x.module_utils.operations.tables import usage_table\n")
    return tmp_path


def names(root: Path, *changed: str) -> tuple[list[str], list[str]]:
    tests, shared = touched([Path(one) for one in changed], root)
    return [one.name for one in tests], [one.name for one in shared]


def test_the_nearest_come_first(root: Path) -> None:
    assert names(root, "plugins/module_utils/plans/ids/autoinc.py") == (
        ["test_autoinc_offset.py", "test_sessions.py"],
        [],
    )
    assert names(
        root, "plugins/module_utils/plans/ids/autoinc.py", "tests/integration/ids/test_sessions.py"
    ) == (["test_sessions.py", "test_autoinc_offset.py"], [])


def test_a_module_is_of_its_operations_subject(root: Path) -> None:
    assert names(root, "plugins/modules/mysql_usage_table.py") == (["test_usage_table.py"], [])


def test_what_all_share_is_reported(root: Path) -> None:
    changed = ("plugins/module_utils/server/connection.py", "roles/mysqld/x.yml", "docs/ids/a.md")
    assert names(root, *changed) == ([], ["connection.py", "x.yml"])


def test_tests_that_are_gone(root: Path) -> None:
    assert names(root, "tests/integration/ids/test_gone.py") == ([], [])


def test_what_git_says(root: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(("git", "-C", str(root), *who, *words), check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    assert Path("plugins/module_utils/server/connection.py") in changed_files(root)
    (root / "new file.py").touch()
    (root / "plugins/module_utils/server/connection.py").write_text("#\n")
    assert sorted(changed_files(root)) == [
        Path("new file.py"),
        Path("plugins/module_utils/server/connection.py"),
    ]
