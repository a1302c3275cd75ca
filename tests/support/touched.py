"""Which integration tests a change is likely to break, the likeliest first, for make quick.

    python -m tests.support.touched       of what git has not committed, or of the last commit

Prints a file of tests a line, and on standard error what no file of tests is about.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = Path("tests/integration")


def changed_files(root: Path) -> list[Path]:
    """Return what differs from the last commit, or else what the last commit changed."""
    words = ("git", "-C", str(root))
    for command in (
        ("status", "--porcelain", "--no-renames", "--untracked-files=all"),
        ("show", "--name-only", "--no-renames", "--format=", "HEAD"),
    ):
        done = subprocess.run((*words, *command), capture_output=True, text=True, check=True)
        names = [line[3:] if command[0] == "status" else line for line in done.stdout.splitlines()]
        if names:
            return [Path(name.strip('"')) for name in names]
    return []


def rooms_of(file: Path, root: Path) -> set[str]:
    """Return the subjects that a file of the collection belongs to, as its path says.

    A module's path says nothing: it is of the room that its operation is in.
    """
    rooms = {folder.name for folder in (root / TESTS).iterdir() if folder.is_dir()}
    if file.parts[:2] == ("plugins", "modules") and (root / file).is_file():
        return rooms & set(re.findall(r"operations\.(\w+)", (root / file).read_text()))
    return rooms & set(file.parts[:-1]) if file.parts[0] in ("plugins", "tests") else set()


def touched(changed: Iterable[Path], root: Path) -> tuple[list[Path], list[Path]]:
    """Return the files of tests that a change touches, and changed code that is of no subject.

    First the tests that have changed themselves, then those whose name has the changed file's,
    then the others of its subject.
    """
    changed = sorted(changed)
    tests: list[Path] = []
    near: list[Path] = []
    far: list[Path] = []
    shared = []
    for file in changed:
        if file.is_relative_to(TESTS) and file.name.startswith("test_"):
            tests += [file] if (root / file).is_file() else []
            continue
        rooms = rooms_of(file, root)
        if not rooms:
            shared += [file] if file.parts[0] in ("plugins", "roles", "playbooks") else []
            continue
        for room in sorted(rooms):
            found = sorted(one.relative_to(root) for one in (root / TESTS / room).glob("test_*.py"))
            near += [one for one in found if file.stem.removeprefix("test_") in one.stem]
            far += found
    return list(dict.fromkeys([*tests, *near, *far])), shared


def main() -> None:
    found, shared = touched(changed_files(ROOT), ROOT)
    for file in shared:
        print(f"{file} is of no single subject; make test has what it touches.", file=sys.stderr)
    for file in found:
        print(file)


if __name__ == "__main__":
    main()
