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
    # The agent runs on hosts without Ansible.
    "agent": ("values", "plans", "server", "host"),
    "run": ("values", "plans", "server", "host", "operations"),
}
# The rooms of each floor, the subjects: a room imports only from those of a lower number, and from
# what stands beside the rooms, which belongs to all.
ROOMS = {"ids": 0, "accounts": 0, "placements": 0, "servers": 1, "replication": 2, "tables": 3}
ROOMS.update({"directory": 4, "tenants": 5, "checks": 6})
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


def room(path: str) -> str:
    """Return the room in a path below module_utils, or nothing."""
    parts = path.replace(".", "/").split("/")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else ""


def test_a_room_imports_only_from_those_before_it() -> None:
    found = [
        f"{file} imports {name[len(PACKAGE) :]}"
        for file, tree in files()
        for name in imported(tree)
        if name.startswith(PACKAGE)
        for own, other in [(room(file), room(name[len(PACKAGE) :]))]
        if other and own != other and not (own and ROOMS[other] < ROOMS[own])
        # What a module does may take several subjects.
        if not file.startswith(("operations/", "run/", "agent/"))
    ]
    assert found == []


def test_every_folder_of_a_floor_is_a_room() -> None:
    folders = {path.name for floor in FLOORS for path in (HOUSE / floor).iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} <= set(ROOMS)


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
