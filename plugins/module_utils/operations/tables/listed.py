# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of one table at the module's own level, or of several in ``tables``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import named_twice
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    collect,
    refuse_if_any,
)

Table = TypeVar("Table")


def option(
    of_a_table: Options, key: str = "table", required: Collection[str] = ()
) -> dict[str, Any]:
    """Return the option ``tables``, a list of tables with the options that each can have.

    ``key`` is the option with a table's name, ``required`` others that each table must have.
    """
    options = {
        name: {**given, "required": True} if name in required else given
        for name, given in of_a_table.items()
    }
    return {
        "type": "list",
        "elements": "dict",
        "options": {key: {"type": "str", "required": True}, **options},
    }


def with_defaults(options: Options, defaults: Mapping[str, Any]) -> Options:
    """Return the options as the module itself has them."""
    return {
        name: {**given, "default": defaults[name]} if name in defaults else given
        for name, given in options.items()
    }


def is_listed(params: Params) -> bool:
    """Whether the tables are given in ``tables``."""
    return params["tables"] is not None


def each_table(params: Params, options: Iterable[str]) -> list[dict[str, Any]]:
    """Return ``options`` of each table: its own and, where they are not given, the module's."""
    given: list[Mapping[str, Any]] = params["tables"] if is_listed(params) else [{}]
    names = list(options)
    return [
        {name: params[name] if one.get(name) is None else one[name] for name in names}
        for one in given
    ]


def lacking(table: Mapping[str, Any], name: str, *options: str) -> list[str]:
    """Say which options are given neither with a table, called ``name``, nor for all of them."""
    return [
        f"tables: {name} has no {option}; give it there, or once for all tables at the module's "
        f"own level."
        for option in options
        if table[option] is None
    ]


def read_each(
    params: Params,
    of_a_table: Options,
    read: Callable[[Params], Table],
    problems: Sequence[Reason] = (),
    key: str = "table",
    needed: Sequence[str] = ("schema",),
) -> tuple[Table, ...]:
    """Return what ``read`` makes of each table's options.

    ``key`` is the option with a table's name; ``needed`` are those that a table in a list must
    have from somewhere. Raises ``Refused`` with ``problems`` and all that ``read`` refuses. Where they are a list,
    each is said with its table.
    """
    reasons = list(problems)
    listed, found, names = is_listed(params), [], []
    for given in each_table(params, (key, *of_a_table)):
        lacks = lacking(given, given[key], *needed) if listed else []
        reasons += lacks
        if lacks:
            continue
        name = f"{given['schema']}.{given[key]}"
        names.append(name)
        with collect(reasons, name if listed else ""):
            found.append(read(given))
    refuse_if_any([*named_twice("tables", names), *reasons])
    return tuple(found)
