# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables whose rows are brought from one server to another exactly as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# How values of a type are read, so that they can be written again as they are: whole numbers,
# numbers behind words (ENUM, SET) or bits, what has an exact text, and bytes. Those that may be
# long are never part of a longer text, which a server would cut to nothing.
WHOLE, BEHIND, DECIMAL, FLOATING = "whole", "behind", "decimal", "floating"
TEXT, BYTES, LONG, SHAPE, JSON = "text", "bytes", "long", "shape", "json"
_TYPES = {
    WHOLE: "tinyint smallint mediumint int bigint",
    BEHIND: "bit enum set year",
    DECIMAL: "decimal",
    FLOATING: "float double",
    TEXT: "date time datetime timestamp uuid inet4 inet6",
    BYTES: "char varchar binary varbinary",
    LONG: "tinytext text mediumtext longtext tinyblob blob mediumblob longblob",
    SHAPE: (
        "geometry point linestring polygon multipoint multilinestring multipolygon "
        "geometrycollection geomcollection vector"
    ),
    JSON: "json",
}
KINDS: Mapping[str, str] = {word: kind for kind, words in _TYPES.items() for word in words.split()}


@dataclass(frozen=True)
class CopiedColumn:
    """A column; ``type`` is the name of its type alone."""

    name: str
    type: str
    generated: bool = False
    character_set: str | None = None
    collation: str | None = None
    precision: int | None = None
    scale: int | None = None

    @property
    def kind(self) -> str:
        """How its values are read."""
        return KINDS[self.type]


@dataclass(frozen=True)
class CopiedTable:
    """A table as one server has it.

    ``definition`` is the statement that would make it. ``referenced`` are the tables that its foreign
    keys name, and ``referencing`` those whose foreign keys name it, as (schema, table).
    """

    schema: str
    name: str
    definition: str
    columns: Sequence[CopiedColumn] = ()
    key: Sequence[str] = ()
    engine: str = "InnoDB"
    type: str = "BASE TABLE"
    triggers: Sequence[str] = ()
    referenced: Sequence[tuple[str, str]] = ()
    referencing: Sequence[tuple[str, str]] = ()

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def written(self) -> list[CopiedColumn]:
        """The columns that are written; the others are made of them."""
        return [column for column in self.columns if not column.generated]

    @property
    def key_columns(self) -> list[CopiedColumn]:
        """The columns of the primary key, in its order."""
        by_name = {column.name: column for column in self.columns}
        return [by_name[name] for name in self.key]


@dataclass(frozen=True)
class CopiedSchema:
    """A schema, with what a server makes tables with where nothing is said."""

    name: str
    character_set: str
    collation: str
    tables: Mapping[str, CopiedTable]


@dataclass(frozen=True)
class RowCounts:
    """How many rows each side has, and how many would have to be changed here."""

    there: int = 0
    here: int = 0
    missing: int = 0
    different: int = 0
    extra: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.there + other.there,
            self.here + other.here,
            self.missing + other.missing,
            self.different + other.different,
            self.extra + other.extra,
        )

    @property
    def differ(self) -> bool:
        """Whether anything would have to be changed."""
        return bool(self.missing or self.different or self.extra)

    def told(self) -> dict[str, Any]:
        """Return what would be done, as a module's result."""
        return {"inserted": self.missing, "changed": self.different, "deleted": self.extra}
