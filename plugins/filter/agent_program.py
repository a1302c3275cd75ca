# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: agent_program
short_description: The program dbrw_agent, in one file
version_added: 0.1.0
description:
  - Packs what the agent needs of this collection into one Python program, which needs PyMySQL and
    nothing else on its host. The same collection gives the same text.
options:
  _input:
    description:
      - The Python that runs it, for its first line.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Agent | Ensure its program
  ansible.builtin.copy:
    content: "{{ '/usr/bin/python3' | dbrw.sharding.agent_program }}"
    dest: /usr/local/lib/dbrw/dbrw_agent
    mode: "0755"
"""

RETURN = r"""
_value:
  description: The program.
  type: str
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "ansible_collections.dbrw.sharding.plugins.module_utils"
PROGRAM = f"{PACKAGE}.agent.program"
HOUSE = Path(__file__).resolve().parents[1] / "module_utils"

_LOADER = '''

class Packed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds the modules in this file."""

    def find_spec(self, name, path, target=None):
        if name in SOURCES:
            is_package = self.is_package(name)
            return importlib.util.spec_from_loader(name, self, is_package=is_package)
        return None

    def is_package(self, name):
        return any(other.startswith(name + ".") for other in SOURCES)

    def get_source(self, name):
        return SOURCES[name]


sys.meta_path.insert(0, Packed())

if __name__ == "__main__":
    from %(program)s import main

    sys.exit(main(sys.argv[1:]))
'''


def agent_program(python: str) -> str:
    sources: dict[str, str] = {}
    _take(PROGRAM, sources)
    lines = [
        f"#!{python}",
        "# The agent of the collection dbrw.sharding, made from its modules; changes here are lost.",
        "# GNU General Public License v3.0 or later",
        "import importlib.abc",
        "import importlib.util",
        "import sys",
        "",
        "SOURCES = {",
        *(f"    {name!r}: {source!r}," for name, source in sorted(sources.items())),
        "}",
    ]
    return "\n".join(lines) + _LOADER % {"program": PROGRAM}


def _take(name: str, sources: dict[str, str]) -> None:
    """Take a module, the packages around it, and what it imports of the collection."""
    if name in sources:
        return
    package, _dot, _name = name.rpartition(".")
    while package and package not in sources:
        sources[package] = ""
        package = package.rpartition(".")[0]
    source = _file(name).read_text(encoding="utf-8")
    sources[name] = source
    for imported in _imported(ast.parse(source)):
        if imported.startswith(f"{PACKAGE}.") and _file(imported).is_file():
            _take(imported, sources)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Return the names of modules that are imported, and of what may be one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(name: str) -> Path:
    parts = name[len(PACKAGE) + 1 :].split(".")
    return HOUSE.joinpath(*parts).with_suffix(".py")


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"agent_program": agent_program}
