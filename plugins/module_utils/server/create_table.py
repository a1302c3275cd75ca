# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of CREATE TABLE: taking it apart and putting it together.

The server parses SQL, not this file: what is taken apart here is either a
server's own SHOW CREATE TABLE or, of a statement that a person wrote, only its
head and its tail. Both presuppose that double quotes stand for strings and that
backslashes escape (no ANSI_QUOTES, no NO_BACKSLASH_ESCAPES).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.server.statement import (
    Statement,
    quote_columns,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.usage_table import (
    Check,
    Column,
    Index,
    TableShape,
)

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>/\*(?!M?!).*?\*/ | --(?=\s|$)[^\n]* | \#[^\n]*)
    | (?P<executed>/\*M?!.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*")
    | (?P<name>`(?:[^`]|``)*`)
    | (?P<word>\d+\.\d+(?![\w$]) | [\w$]+)
    | (?P<mark>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_EXECUTED = re.compile(r"/\*M?!(\d*)(.*)\*/", re.DOTALL)

# Words that cannot stand among the table options of a plain CREATE TABLE.
_OTHER_THAN_OPTIONS = {
    *("AS", "EXCEPT", "IGNORE", "INTERSECT", "REPLACE", "SELECT", "START", "TABLE", "UNION"),
    *("VALUES", "WITH"),
}
_CHARACTER_SET = {"CHARSET", "CHARACTER", "COLLATE"}


@dataclass(frozen=True)
class Token:
    """A piece of SQL: its kind, as named in the pattern above, and its text."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The text of a bare word in capitals, else nothing."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """The identifier that a word or a quoted name stands for."""
        return self.text[1:-1].replace("``", "`") if self.kind == "name" else self.text


def tokens(sql: str) -> Iterator[Token]:
    """Yield the pieces of ``sql``; joined, they are ``sql`` again."""
    for found in _TOKEN.finditer(sql):
        yield Token(str(found.lastgroup), found[0])


def _text(parts: Sequence[Token]) -> str:
    return "".join(part.text for part in parts).strip()


def _significant(parts: Sequence[Token]) -> list[Token]:
    """Leave out space and comments; what a comment executes counts as written plainly."""
    found: list[Token] = []
    for part in parts:
        if part.kind == "executed":
            inner = _EXECUTED.fullmatch(part.text)
            found.extend(_significant(list(tokens(inner[2]))) if inner else [])
        elif part.kind not in ("space", "comment"):
            found.append(part)
    return found


class NotACreateTable(Exception):
    """A text is not one plain CREATE TABLE with columns; the message says what it is."""


@dataclass(frozen=True)
class Written:
    """A CREATE TABLE that a person wrote: the names in its head, and the rest as it stands."""

    schema: str | None
    table: str
    body: str
    tail: str

    def temporary(self, schema: str) -> Statement:
        """Return the statement that makes a temporary table of it in another schema."""
        sql = f"{self.body}{self.tail}".replace("%", "%%")
        return Statement(f"CREATE TEMPORARY TABLE {quote_table(schema, self.table)} {sql}")


def written(sql: str) -> Written:
    """Take a person's CREATE TABLE apart; raises ``NotACreateTable``.

    A table without a character set gets utf8mb4, whatever its schema's default:
    the same description must give the same table on every server.
    """
    parts = list(tokens(sql))
    at = 0
    head: list[Token] = []
    while at < len(parts) and parts[at].text != "(":
        if parts[at].kind not in ("space", "comment"):
            head.append(parts[at])
        at += 1
    schema, table = _head(head)
    end = _closing(parts, at)
    tail = parts[end + 1 :]
    tail = _without_end(tail)
    _check_tail(_significant(tail))
    words = {token.word for token in _significant(tail)}
    # On a line of its own: the last line may be a comment.
    charset = "" if words & _CHARACTER_SET else "\nDEFAULT CHARACTER SET utf8mb4"
    body = "".join(part.text for part in parts[at : end + 1])
    return Written(schema, table, body, "".join(part.text for part in tail).rstrip() + charset)


def _head(head: list[Token]) -> tuple[str | None, str]:
    words = [token.word for token in head]
    if words[:1] != ["CREATE"]:
        raise NotACreateTable("it does not begin with CREATE TABLE")
    if words[1:2] != ["TABLE"]:
        raise NotACreateTable(
            f"it begins with {_joined(head[:2])}; write CREATE TABLE, the module sees to the rest"
        )
    rest = head[2:]
    if words[2:5] == ["IF", "NOT", "EXISTS"]:
        rest = head[5:]
    named = [token for token in rest if token.kind in ("name", "word")]
    shape = [token.text if token.kind == "mark" else "name" for token in rest]
    if shape == ["name"]:
        return None, named[0].name
    if shape == ["name", ".", "name"]:
        return named[0].name, named[1].name
    raise NotACreateTable(f"after CREATE TABLE stands no table's name but {_joined(rest)!r}")


def _joined(parts: Sequence[Token]) -> str:
    return " ".join(part.text for part in parts)


def _closing(parts: Sequence[Token], opening: int) -> int:
    depth = 0
    for at in range(opening, len(parts)):
        if parts[at].kind == "mark":
            depth += {"(": 1, ")": -1}.get(parts[at].text, 0)
            if not depth:
                return at
    raise NotACreateTable("it has no list of columns in parentheses that are closed again")


def _without_end(tail: list[Token]) -> list[Token]:
    """Take the semicolon at the end away; anything after it is a second statement."""
    for at, token in enumerate(tail):
        if token.text == ";" and token.kind == "mark":
            if _significant(tail[at + 1 :]):
                raise NotACreateTable("there is more than one statement; give one CREATE TABLE")
            return tail[:at]
    return tail


def _check_tail(tail: Sequence[Token]) -> None:
    for token in tail:
        if token.word == "PARTITION":
            raise NotACreateTable(
                "it has partitions; leave them out, read servers get one for each month"
            )
        if token.word in _OTHER_THAN_OPTIONS or token.text in ("(", ")"):
            raise NotACreateTable(
                f"after its columns stands {token.text}; only table options may follow"
            )


def shape_of(shown: str, details: dict[str, tuple[str, str | None, bool]]) -> TableShape:
    """Take a server's SHOW CREATE TABLE apart.

    ``details`` gives type, collation and whether NULL is allowed, by column's name.
    """
    parts = list(tokens(shown))
    opening = next(at for at, part in enumerate(parts) if part.text == "(")
    closing = _closing(parts, opening)
    columns, indexes, checks, foreign_keys, unknown = [], [], [], [], []
    primary_key: tuple[str, ...] = ()
    for part in _items(parts[opening + 1 : closing]):
        significant = _significant(part)
        words = [token.word for token in significant]
        if significant[0].kind == "name":
            columns.append(_column(part, details[significant[0].name]))
        elif words[0] == "PRIMARY":
            primary_key = _index_columns(significant)
        elif words[0] == "KEY" or words[1:2] == ["KEY"]:
            name = next(token.name for token in significant if token.kind == "name")
            kind = "KEY" if words[0] == "KEY" else f"{words[0]} KEY"
            indexes.append(Index(name, _index_columns(significant), kind))
        elif words[0] == "CONSTRAINT" and words[2:3] == ["CHECK"]:
            after = next(at for at, token in enumerate(part) if token.word == "CHECK") + 1
            checks.append(Check(significant[1].name, _text(part[after:])))
        elif "FOREIGN" in words:
            foreign_keys.append(_text(part))
        else:
            unknown.append(_text(part))
    options, partitioned = _options(parts[closing + 1 :])
    return TableShape(
        tuple(columns),
        primary_key,
        tuple(indexes),
        tuple(checks),
        options,
        tuple(foreign_keys),
        tuple(unknown),
        partitioned,
    )


def _items(parts: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield what stands between the commas that are in no parentheses."""
    item: list[Token] = []
    depth = 0
    for part in parts:
        if part.kind == "mark":
            depth += {"(": 1, ")": -1}.get(part.text, 0)
            if part.text == "," and not depth:
                yield item
                item = []
                continue
        item.append(part)
    yield item


def _column(part: Sequence[Token], details: tuple[str, str | None, bool]) -> Column:
    type_, collation, nullable = details
    named = next(at for at, token in enumerate(part) if token.kind == "name")
    definition = list(part[named + 1 :])
    words = [token.word for token in _significant(definition)]
    name = part[named].name
    return Column(
        name,
        type_,
        _text(definition),
        _attributes(definition, type_),
        collation,
        nullable,
        "AUTO_INCREMENT" in words,
    )


def _attributes(definition: Sequence[Token], type_: str) -> str:
    """Return a column's definition without type, character set, comment and numbering."""
    plain = _significant(definition)
    skipped = len(_significant(list(tokens(type_))))
    found = []
    at = skipped
    while at < len(plain):
        word = plain[at].word
        if word == "CHARACTER":
            at += 3
        elif word in ("COLLATE", "COMMENT"):
            at += 2
        elif word == "AUTO_INCREMENT":
            at += 1
        else:
            found.append(plain[at].text)
            at += 1
    return " ".join(found)


def _index_columns(significant: Sequence[Token]) -> tuple[str, ...]:
    opening = next(at for at, token in enumerate(significant) if token.text == "(")
    inner = significant[opening + 1 : _closing(significant, opening)]
    columns = []
    for item in _items(inner):
        plain = len(item) == 1 and item[0].kind == "name"
        columns.append(item[0].name if plain else " ".join(token.text for token in item))
    return tuple(columns)


def _options(tail: Sequence[Token]) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Return the table options, and whether partitions follow them."""
    plain = _significant(tail)
    words = [token.word for token in plain]
    partitioned = "PARTITION" in words
    if partitioned:
        plain = plain[: words.index("PARTITION")]
    options = []
    at = 0
    while at < len(plain):
        if plain[at].word == "TABLESPACE" and plain[at + 1].text != "=":
            options.append(("TABLESPACE", plain[at + 1].text))
            at += 2
            continue
        # MariaDB's own options may have quoted names; a few have no value.
        name = []
        while at < len(plain) and plain[at].text != "=":
            name.append(plain[at].text)
            at += 1
        value = plain[at + 1].text if at + 1 < len(plain) else ""
        options.append((" ".join(name).removeprefix("DEFAULT "), value))
        at += 2
    return tuple(options), partitioned


def create_statement(
    schema: str, table: str, shape: TableShape, partition_clause: tuple[str, Sequence[object]]
) -> Statement:
    """Put a CREATE TABLE together from a server's own pieces.

    ``partition_clause`` is the text after the options, with its values.
    """
    lines = [
        f"{quote_identifier(column.name)} {_escaped(column.definition)}" for column in shape.columns
    ]
    lines.append(f"PRIMARY KEY {quote_columns(shape.primary_key)}")
    lines += [index_clause(index) for index in shape.indexes]
    lines += [
        f"CONSTRAINT {quote_identifier(check.name)} CHECK {_escaped(check.expression)}"
        for check in shape.checks
    ]
    options = " ".join(
        _escaped(f"{name}={value}" if value else name) for name, value in shape.options
    )
    inner = ",\n  ".join(lines)
    clause, args = partition_clause
    return Statement(
        f"CREATE TABLE {quote_table(schema, table)} (\n  {inner}\n) {options}{clause}", tuple(args)
    )


def index_clause(index: Index) -> str:
    """Return an index as it stands in CREATE TABLE and after ADD in ALTER TABLE."""
    return f"{index.kind} {quote_identifier(index.name)} {quote_columns(index.columns)}"


def _escaped(sql: str) -> str:
    return sql.replace("%", "%%")
