# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of one table on the module's own level, or of several in ``tables``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Params


def is_listed(params: Params) -> bool:
    """Whether the tables are given in ``tables``."""
    return params["tables"] is not None


def each_table(params: Params, options: Iterable[str]) -> list[dict[str, Any]]:
    """Return ``options`` of each table: its own and, where they are not given, the module's."""
    given: list[Mapping[str, Any]] = params["tables"] if is_listed(params) else [{}]
    return [
        {name: params[name] if one.get(name) is None else one[name] for name in options}
        for one in given
    ]


def lacking(table: Mapping[str, Any], *options: str) -> list[str]:
    """Say which options are given neither with a table nor for all of them."""
    return [
        f"tables: {table['name']} has no {option}; give it there, or beside tables for all of them."
        for option in options
        if table[option] is None
    ]
