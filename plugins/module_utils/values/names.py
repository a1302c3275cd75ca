# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How servers compare the names of schemas and tables, and which schemas are their own.

Columns, indexes and partitions have no case on any server; users always have one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Every server has these, and nobody's rows are in them.
SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys")


@dataclass(frozen=True)
class Names:
    """A server's rule for the names of schemas and tables.

    ``ignores_case``: it does not tell upper case from lower in them, and stores
    them, in its grants too, in lower case (lower_case_table_names other than 0).
    Source: MySQL Reference Manual, "Identifier Case Sensitivity".
    """

    ignores_case: bool = False

    def stored(self, name: str) -> str:
        """Return a name, or names with dots and wildcards between them, as the server has it."""
        return name.lower() if self.ignores_case else name


def is_system_schema(name: str) -> bool:
    """Tell whether a schema is the server's own, however it is spelled.

    Where servers tell upper case from lower, ``MySQL`` would be another schema: one
    that the next server, or a person, takes for the server's own.
    """
    return name.lower() in SYSTEM_SCHEMAS


def system_schema_problems(option: str, *names: str) -> list[str]:
    """Say which of ``names`` in an option are schemas that no usage table may be in."""
    return [
        f"{option}: {name} is a system schema; name one of your own."
        for name in names
        if is_system_schema(name)
    ]


def named_twice(option: str, names: Iterable[str]) -> list[str]:
    """Say which of ``names`` in an option are there more than once."""
    named = list(names)
    return [
        f"{option}: {name} is named {named.count(name)} times; name it once."
        for name in dict.fromkeys(named)
        if named.count(name) > 1
    ]
