# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of several tables in one call: ``tables`` in place of ``table``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

Table = TypeVar("Table")


def option(of_a_table: Options) -> dict[str, Any]:
    """Return the option ``tables``, a list of tables with the options that each can have."""
    return {
        "type": "list",
        "elements": "dict",
        "options": {"table": {"type": "str", "required": True}, **of_a_table},
    }


def with_defaults(options: Options, defaults: Mapping[str, Any]) -> Options:
    """Return the options as the module itself has them."""
    return {
        name: {**given, "default": defaults[name]} if name in defaults else given
        for name, given in options.items()
    }


def read_each(
    params: Params,
    of_a_table: Options,
    read: Callable[[Params], Table],
    problems: Sequence[str] = (),
) -> tuple[Table, ...]:
    """Return what ``read`` makes of each table's options, those of the module where it has none.

    Raises ``Refused`` with ``problems`` and all that ``read`` refuses. Where they are a list,
    each is said with its table.
    """
    problems = list(problems)
    if params["tables"] is None:
        try:
            made = (read(params),)
        except Refused as refusal:
            raise Refused([*problems, *refusal.problems]) from None
        refuse_if_any(problems)
        return made
    names, found = [], []
    for given in params["tables"]:
        options = {
            name: given[name] if given.get(name) is not None else params[name]
            for name in ("table", *of_a_table)
        }
        schema, table = options["schema"], options["table"]
        if schema is None:
            problems.append(
                f"tables: {table} has no schema; give it one, or one for all of them beside tables."
            )
            continue
        names.append((schema, table))
        try:
            found.append(read(options))
        except Refused as refusal:
            problems += [f"{schema}.{table}: {problem}" for problem in refusal.problems]
    refuse_if_any([*named_twice(names), *problems])
    return tuple(found)


def named_twice(names: Iterable[tuple[str, str]]) -> list[str]:
    """Say which tables, as schema and name, are there more than once."""
    names = list(names)
    return [
        f"tables: {schema}.{table} is named {names.count((schema, table))} times; name it once."
        for schema, table in sorted(set(names))
        if names.count((schema, table)) > 1
    ]
