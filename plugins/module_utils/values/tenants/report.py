# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants as a table to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TITLES = ("tenant", "shard", "schema", "state", "tables", "MiB")
_MIB = 1024**2


def report(tenants: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line a tenant, as mysql_fabric_tenant tells them, under a line with titles."""
    rows = [_TITLES, *(_row(one) for one in tenants)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    numbers = len(_TITLES) - 2
    return [
        "  ".join(
            cell.rjust(width) if column >= numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    state = "locked" if one["locked"] else "open"
    if one["state"] == "absent":
        state = f"gone, dropped after {one['drop_after']} UTC" if one["drop_after"] else "absent"
    size = f"{one['bytes'] / _MIB:.1f}"
    return (one["name"], one["shard"] or "", one["schema"], state, str(one["tables"]), size)
