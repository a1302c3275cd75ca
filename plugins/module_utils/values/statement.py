# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL statements: what is executed and what is shown are two strings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import MASK, Secret


@dataclass(frozen=True)
class Statement:
    """A statement with %s placeholders and the values bound to them.

    A literal percent sign in ``sql`` is written %%. Values that are
    ``Secret`` are bound like any other and shown as a mask.
    """

    sql: str
    args: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if self.sql.replace("%%", "").count("%s") != len(self.args):
            raise ValueError(f"{self.sql!r} does not take {len(self.args)} values")

    @property
    def executed_args(self) -> tuple[Any, ...]:
        """The values to bind, secrets among them in clear."""
        return tuple(a.reveal() if isinstance(a, Secret) else a for a in self.args)

    @property
    def has_secrets(self) -> bool:
        """Whether a secret is bound to it."""
        return any(isinstance(arg, Secret) for arg in self.args)

    @property
    def shown(self) -> str:
        """The statement as a person may see it."""
        return self.sql % tuple(_shown(arg) for arg in self.args)


def opening_words(sql: str) -> str:
    """Return how somebody else's statement begins: what it does, and no value of it.

    The rest may hold a password, or a customer's data.
    """
    words = []
    for word in sql.split()[:3]:
        if not re.fullmatch(r"[A-Za-z_][\w.`]*|`[\w`.]+", word):
            break
        words.append(word)
    return " ".join(words) or "a statement"


def quote_identifier(name: str) -> str:
    """Return ``name`` as a backquoted identifier for use in a Statement's sql.

    The rule is the servers' own: a backquote inside is doubled. Percent signs
    are doubled too, because a Statement's sql is a template.
    """
    if not name or "\0" in name:
        raise ValueError(f"{name!r} is not an identifier")
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


def quote_table(schema: str, table: str) -> str:
    """Return ``schema.table``, both quoted."""
    return f"{quote_identifier(schema)}.{quote_identifier(table)}"


def shown_identifier(name: str) -> str:
    """Return ``name`` as ``Statement.shown`` has it, for a statement that a person is to run."""
    return Statement(quote_identifier(name)).shown


def shown_table(schema: str, table: str) -> str:
    """Return ``schema.table`` as ``Statement.shown`` has it."""
    return Statement(quote_table(schema, table)).shown


def quote_columns(columns: Sequence[str]) -> str:
    """Return a list of columns as it stands in a key: (`a`, `b`)."""
    return "(" + ", ".join(quote_identifier(column) for column in columns) + ")"


def _shown(value: Any) -> str:
    if isinstance(value, Secret):
        return f"'{MASK}'"
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"
