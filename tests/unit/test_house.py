"""The laws of plugins/module_utils: who may import whom, and where the flavours' words stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2] / "plugins/module_utils"
PACKAGE = "ansible_collections.dbrw.sharding.plugins.module_utils."
# Each floor with those from which it may import besides itself.
FLOORS = {
    "values": (),
    "plans": ("values",),
    "server": ("values", "plans"),
    "host": ("values", "plans"),
    "operations": ("values", "plans", "server", "host"),
    "run": ("values", "plans", "server", "host", "operations"),
}
# The one floor on which each of these is known.
OUTSIDE = {"ansible": "run", "pymysql": "server"}
DIALECT = "server/dialect.py"


def files() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(HOUSE.rglob("*.py")):
        yield path.relative_to(HOUSE).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    """Return the names of modules that a file imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_forbidden(floor: str, name: str) -> bool:
    if name.startswith(PACKAGE):
        return name[len(PACKAGE) :].partition(".")[0] not in (floor, *FLOORS[floor])
    return OUTSIDE.get(name.partition(".")[0], floor) != floor


def test_a_floor_imports_only_from_those_above_it() -> None:
    found = {
        (file, name.replace(PACKAGE, "").partition(".")[0])
        for file, tree in files()
        for name in imported(tree)
        if is_forbidden(file.partition("/")[0], name)
    }
    assert found == set()


def names_a_flavour(node: ast.expr) -> bool:
    return any(
        (isinstance(part, ast.Name) and part.id in ("MYSQL", "MARIADB"))
        or (isinstance(part, ast.Attribute) and part.attr in ("MYSQL", "MARIADB"))
        or (isinstance(part, ast.Constant) and part.value in ("mysql", "mariadb"))
        for part in ast.walk(node)
    )


def test_nothing_is_compared_with_a_flavour() -> None:
    """What differs by flavour is a table by flavour, at the head of a subject's server file."""
    places = [
        f"{file}:{node.lineno}"
        for file, tree in files()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and file != DIALECT
        if any(map(names_a_flavour, (node.left, *node.comparators)))
    ]
    assert places == []
