# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a channel applies of what it receives, and what it leaves out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names

DATABASES = ("do_databases", "ignore_databases")
TABLES = ("do_tables", "ignore_tables")
WILD_TABLES = ("wild_do_tables", "wild_ignore_tables")
REWRITE = "rewrite_databases"
KINDS = (*DATABASES, *TABLES, *WILD_TABLES, REWRITE)
_DO_TABLES = (TABLES[0], WILD_TABLES[0])

# Servers split filters at commas, dots, spaces and arrows, and their configuration
# files end them at a #; none of them has a way to quote these (measured).
_NAME = r"""[^\s,.'"`\\#()<>\x00-\x1f]+"""
_WILD_NAME = rf"(?:{_NAME}|\\[_%])+"
_SHAPES = {
    **dict.fromkeys(DATABASES, re.compile(_NAME)),
    **dict.fromkeys(TABLES, re.compile(rf"{_NAME}\.{_NAME}")),
    **dict.fromkeys(WILD_TABLES, re.compile(rf"{_WILD_NAME}\.{_WILD_NAME}")),
}
_WRITTEN = {
    **dict.fromkeys(DATABASES, "a database's name"),
    **dict.fromkeys(TABLES, "database.table"),
    **dict.fromkeys(WILD_TABLES, "database.table with the wildcards % and _"),
}
# A channel's name stands in front of a filter in a configuration file.
_CHANNEL = re.compile(r"[A-Za-z0-9_$-]+")


@dataclass(frozen=True)
class Filters:
    """The filters of one channel, each kind sorted and without doubles.

    A rewrite is a pair: the name at the source, the name here. Servers keep
    tables in no order, so the order of filters says nothing.
    """

    do_databases: tuple[str, ...] = ()
    ignore_databases: tuple[str, ...] = ()
    do_tables: tuple[str, ...] = ()
    ignore_tables: tuple[str, ...] = ()
    wild_do_tables: tuple[str, ...] = ()
    wild_ignore_tables: tuple[str, ...] = ()
    rewrite_databases: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Filters:
        """Make filters of a list for each kind, rewrites as ``from`` and ``to``."""
        lists: dict[str, Any] = {
            name: tuple(sorted(set(given.get(name) or ()))) for name in _SHAPES
        }
        pairs = {(one["from"], one["to"]) for one in given.get(REWRITE) or ()}
        return cls(**lists, rewrite_databases=tuple(sorted(pairs)))

    def told(self) -> dict[str, list[Any]]:
        """Return every kind as the module's option takes it."""
        lists: dict[str, list[Any]] = {name: list(getattr(self, name)) for name in _SHAPES}
        lists[REWRITE] = [{"from": old, "to": new} for old, new in self.rewrite_databases]
        return lists

    def named(self, names: Names) -> Filters:
        """Return the filters in the names that a server has for schemas and tables.

        Where a server stores names in lower case, MariaDB compares the database of a
        row with a filter letter by letter, and leaves out all rows of one that is
        written otherwise; MySQL shows some filters otherwise than they were given
        (measured).
        """
        lists: dict[str, Any] = {
            kind: tuple(sorted({names.stored(one) for one in getattr(self, kind)}))
            for kind in _SHAPES
        }
        pairs = {(names.stored(old), names.stored(new)) for old, new in self.rewrite_databases}
        return Filters(**lists, rewrite_databases=tuple(sorted(pairs)))

    def differing_from(self, current: Filters | None) -> dict[str, tuple[Any, ...]]:
        """Return the kinds to set, with what they shall be.

        Without a channel yet (None) that is each kind: MariaDB keeps the filters of
        a channel that somebody removed, and shows them when it is there again.
        """
        return {
            kind: getattr(self, kind)
            for kind in KINDS
            if current is None or getattr(self, kind) != getattr(current, kind)
        }

    def kind_against(self, table: str) -> str:
        """Return the kind that keeps rows of ``table`` (database.table) out; empty if none does.

        The servers' own order: a row's database must pass first, and keep its name. Then
        the first kind that names its table decides. In tables MariaDB does not tell upper
        case from lower and MySQL does (measured): where they differ, it is kept out.
        """
        database = table.partition(".")[0]
        if dict(self.rewrite_databases).get(database, database) != database:
            return REWRITE
        if self.do_databases:
            if database not in self.do_databases:
                return "do_databases"
        elif database in self.ignore_databases:
            return "ignore_databases"
        for kind in (*TABLES, *WILD_TABLES):
            if any(_matches(kind, one, table) for one in getattr(self, kind)):
                return "" if kind in _DO_TABLES else kind
        return next((kind for kind in _DO_TABLES if getattr(self, kind)), "")

    def problems(self, channel: str) -> list[str]:
        """Say which filters no server could be told as they are."""
        found = [
            f"channel {channel}: filters: {kind} has {text!r}, which is not {_WRITTEN[kind]}, or "
            "has a character that servers cannot store in a filter (space, comma, quote, "
            "backquote, backslash, #, bracket); leave it out or filter by another name."
            for kind, shape in _SHAPES.items()
            for text in getattr(self, kind)
            if not shape.fullmatch(text)
        ]
        name = _SHAPES[DATABASES[0]]
        sources = [pair[0] for pair in self.rewrite_databases]
        for pair in self.rewrite_databases:
            if not all(name.fullmatch(text) for text in pair):
                found.append(
                    f"channel {channel}: filters: {REWRITE} has {pair[0]!r} to {pair[1]!r}; both "
                    "must be names of databases without a space, comma, dot, quote, backquote, "
                    "backslash, # or bracket."
                )
        found.extend(
            f"channel {channel}: filters: {REWRITE} sends {old!r} to several names; keep one."
            for old in sorted(set(sources))
            if sources.count(old) > 1
        )
        if self != Filters() and not _CHANNEL.fullmatch(channel):
            found.append(
                f"channel {channel}: filters need a channel whose name has only letters, digits, "
                "_, $ and -, because the name stands in the server's configuration file."
            )
        return found


def _matches(kind: str, one: str, table: str) -> bool:
    if kind not in _DO_TABLES:
        one, table = one.lower(), table.lower()
    if kind in TABLES:
        return one == table
    pattern = "".join(
        {"%": ".*", "_": "."}.get(part) or re.escape(part[-1]) for part in re.findall(r"\\.|.", one)
    )
    return bool(re.fullmatch(pattern, table))
