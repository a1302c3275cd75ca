# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usage tables: one description, two shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    system_schema_problems,
)

WRITE, READ = "write", "read"

# A column of an index as a person writes it: its name, in backquotes if need be, a
# prefix of so many characters, and the order.
_PART = re.compile(
    r"\s*(?:`((?:[^`]|``)+)`|(.+?))\s*(?:\(\s*(\d+)\s*\))?(?:\s*(?<=[\s)`])(ASC|DESC))?\s*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Column:
    """A column as the server writes it.

    ``definition`` is everything after the name, ready for CREATE TABLE.
    ``attributes`` is what of it is neither type, nor character set, nor
    comment, nor the numbering: the rest that two columns can differ in.
    ``octets`` is how many bytes a text may have, ``generated`` the expression
    that computes the column; both are only known of a table that was read to be
    compared with another server's. ``collation_asked``: whether the definition names
    the collation; if not, it is what this server takes without being asked.
    """

    name: str
    type: str
    definition: str
    attributes: str = ""
    collation: str | None = None
    nullable: bool = True
    numbered: bool = False
    octets: int | None = None
    generated: str | None = None
    collation_asked: bool = True

    @property
    def character_set(self) -> str | None:
        """The first word of every collation is its character set."""
        return self.collation.split("_", 1)[0] if self.collation else None

    @property
    def base_type(self) -> str:
        """The type without length and sign: 'bigint' of 'bigint(20) unsigned'."""
        return self.type.split("(", 1)[0].split(" ", 1)[0].lower()


@dataclass(frozen=True)
class Index:
    """A secondary index; ``kind`` is KEY, UNIQUE KEY, FULLTEXT KEY or SPATIAL KEY.

    ``columns`` are names, or the server's text of an expression. ``extras`` is what
    stands after each of them, ``(100)`` for a prefix of that many characters (of
    bytes in a column without a character set), `` DESC``, or both; none at all if
    there is nothing after any. ``hashed``: the server keeps hashes of the values.
    """

    name: str
    columns: tuple[str, ...]
    kind: str = "KEY"
    extras: tuple[str, ...] = ()
    hashed: bool = False

    @classmethod
    def of(cls, name: str, parts: Sequence[tuple[str, str]], kind: str) -> Index:
        """Make an index of columns, each with what stands after it."""
        extras = tuple(extra for _column, extra in parts)
        columns = tuple(column for column, _extra in parts)
        return cls(name, columns, kind, extras if any(extras) else ())

    @classmethod
    def parse(cls, name: str, columns: Sequence[str], unique: bool) -> Index:
        """Make an index of columns as a person writes them: ``url(100)``, ``created DESC``."""
        parts = []
        for text in columns:
            found = _PART.fullmatch(text)
            column, extra = text, ""
            if found:
                column = found[1].replace("``", "`") if found[1] else found[2]
                extra = f"({int(found[3])})" if found[3] else ""
                extra += " DESC" if (found[4] or "").upper() == "DESC" else ""
            parts.append((column, extra))
        return cls.of(name, parts, "UNIQUE KEY" if unique else "KEY")

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Each column with what stands after it."""
        return tuple(zip(self.columns, self.extras or ("",) * len(self.columns)))

    @property
    def whole_columns(self) -> tuple[str, ...]:
        """The columns of which the index has all, not a prefix."""
        return tuple(column for column, extra in self.parts if "(" not in extra)

    @property
    def unique(self) -> bool:
        """Whether two rows must differ in the index's columns."""
        return self.kind == "UNIQUE KEY"

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({', '.join(map(''.join, self.parts))})"


@dataclass(frozen=True)
class Check:
    """A CHECK constraint of a table.

    ``compared`` is the expression without what a server adds to it of the session
    that made it: MySQL writes the session's character set in front of texts.
    """

    name: str
    expression: str
    compared: str = field(default="", compare=False)

    @property
    def rule(self) -> str:
        """What two checks differ in."""
        return self.compared or self.expression


@dataclass(frozen=True)
class TableShape:
    """A table's definition in parts, as the server itself writes them.

    ``options`` are table options as name and value, such as ('ENGINE', 'InnoDB').
    ``foreign_keys`` and ``unknown`` are the texts of parts that no usage table has.
    ``options_asked`` are the names of the options that a person named.
    """

    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    foreign_keys: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    partitioned: bool = False
    options_asked: frozenset[str] = frozenset()

    def column(self, name: str) -> Column | None:
        """Return a column by its name, which has no case."""
        for column in self.columns:
            if column.name.lower() == name.lower():
                return column
        return None

    def option(self, name: str) -> str | None:
        """Return the value of a table option."""
        return dict(self.options).get(name)


@dataclass(frozen=True)
class UsageTable:
    """What is asked for: the write shape as a statement, and what the read shape adds."""

    schema: str
    name: str
    definition: str
    shape: str
    id_column: str
    time_column: str
    indexes: tuple[Index, ...] = ()
    create_schema: bool = True
    add_indexes: bool = False

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def named(self, names: Names) -> UsageTable:
        """Return the table under the names that a server has for it."""
        return replace(self, schema=names.stored(self.schema), name=names.stored(self.name))

    def problems(self) -> list[str]:
        """Say what is wrong with the description by itself."""
        found = system_schema_problems("schema", self.schema)
        names: list[str] = []
        for index in self.indexes:
            if index.name.lower() in names:
                found.append(f"indexes: {index.name} is listed twice; give each its own name.")
            names.append(index.name.lower())
            if index.name.lower() == "primary":
                found.append("indexes: PRIMARY is the primary key's name; choose another.")
            if not index.columns:
                found.append(f"indexes: {index.name} has no columns; name at least one.")
            columns = _lower(index.columns)
            if len(set(columns)) < len(columns):
                found.append(f"indexes: {index.name} names a column twice.")
            if any(extra.startswith("(0)") for extra in index.extras):
                found.append(f"indexes: {index.name} has a prefix of 0; give it 1 at least.")
            if index.unique and self.time_column.lower() not in columns:
                found.append(
                    f"indexes: {index.name} is unique and lacks {self.time_column}; a table with a "
                    f"partition a month can only keep rows unique together with {self.time_column} "
                    "(error 1503). Add the column, or make the index not unique."
                )
        if self.id_column.lower() == self.time_column.lower():
            found.append(f"id_column and time_column are both {self.id_column}; name two columns.")
        return found


def _lower(names: Sequence[str]) -> list[str]:
    return [name.lower() for name in names]
