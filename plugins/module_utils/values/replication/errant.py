# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions that only one member of a set has, read as rows from its binary log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    GtidPosition,
    GtidSet,
    missing,
)

# A line of mariadb-binlog or mysqlbinlog that begins an event.
_EVENT = re.compile(r"#(\d\d)(\d\d)(\d\d) +(\d?\d:\d\d:\d\d) server id \d+ ")
# The event at the beginning of a log without which none of the others can be decoded.
_FORMAT = re.compile(r"\t(Start|Format_desc): ")
_MARIADB_GTID = re.compile(r"\tGTID (\d+-\d+-\d+)\b")
_MYSQL_GTID = re.compile(r"SET @@SESSION\.GTID_NEXT= ?'([^']+)'")
_ROW = re.compile(r"### (INSERT INTO|UPDATE|DELETE FROM) `(.*)`\.`(.*)`$")
_COLUMN = re.compile(r"###   @(\d+)=(.*)$")
_IMAGES = ("### SET", "### WHERE")
_VERBS = {"INSERT INTO": "insert", "UPDATE": "update", "DELETE FROM": "delete"}
_END = "/*!*/;"
# What is not a statement of a user's.
_CONTROL = re.compile(
    r"(SET |BEGIN\b|START TRANSACTION|COMMIT|ROLLBACK|use |DELIMITER |BINLOG |XA |/\*|$)", re.I
)


@dataclass(frozen=True)
class Errant:
    """The transactions that a member has executed and the right one has not."""

    executed: str
    right: str

    @property
    def gtids(self) -> str:
        """Their GTIDs; on MariaDB the last one of each domain."""
        return missing(self.executed, self.right)

    @cached_property
    def _set(self) -> GtidSet:
        return GtidSet.parse(self.gtids)

    @cached_property
    def _ahead(self) -> dict[int, tuple[int, int]]:
        return GtidPosition.parse(self.gtids).domains

    @cached_property
    def _known(self) -> dict[int, tuple[int, int]]:
        return GtidPosition.parse(self.right).domains

    def has(self, gtid: str) -> bool:
        """Whether a transaction is one of them."""
        if ":" in gtid:
            return ":" in self.gtids and self._set.contains(GtidSet.parse(gtid))
        found = GtidPosition.parse(gtid).domains.items()
        return any(
            domain in self._ahead and self._is_ahead(domain, server, number)
            for domain, (server, number) in found
        )

    def _is_ahead(self, domain: int, server: int, number: int) -> bool:
        known_server, known = self._known.get(domain, (server, 0))
        return number > known or (number == known and server != known_server)

    def begun_before(self, start: str) -> bool:
        """Whether some of them are in logs before the one that begins after ``start``."""
        if ":" in start:
            left = self._set.minus(GtidSet.parse(start))
            return left.count < self._set.count
        return any(self.has(gtid) for gtid in start.split(",") if gtid)


@dataclass(frozen=True)
class Change:
    """A row that was changed, or a statement (DDL), in one transaction.

    Values are texts as the server's program shows them, by the number of their column; bytes that
    are no UTF-8 are surrogates. ``at`` is UTC if the program was told so.
    """

    gtid: str
    at: str
    verb: str
    schema: str = ""
    table: str = ""
    before: Mapping[int, str] = field(default_factory=dict)
    after: Mapping[int, str] = field(default_factory=dict)
    statement: str = ""

    def told(self, columns: Sequence[str]) -> dict[str, Any]:
        """Return it as a part of a module's result; ``columns`` are the names of its table's."""
        told: dict[str, Any] = {"transaction": self.gtid, "at": self.at, "change": self.verb}
        if self.statement:
            return {**told, "statement": _readable(self.statement)}
        return {
            **told,
            "table": f"{self.schema}.{self.table}",
            "before": _named(self.before, columns),
            "after": _named(self.after, columns),
        }


def read(lines: Iterable[str], errant: Errant) -> Iterator[str | Change]:
    """Return what a program shows of these transactions: each line, and each change that they make.

    Before them is what a log begins with, its format.
    """
    reader = _Reader(errant)
    for line in lines:
        yield from reader.take(line.rstrip("\n"))
    yield from reader.end_of_row()


class _Reader:
    """Where a program's output has been read to."""

    def __init__(self, errant: Errant) -> None:
        self.errant = errant
        self.at = self.gtid = ""
        self.wanted = self.is_format = False
        # The row that is being read: what is done to it, and its images.
        self.row: tuple[str, str, str] | None = None
        self.images: list[dict[int, str]] = []
        self.statement: list[str] = []

    def take(self, line: str) -> Iterator[str | Change]:
        event = _EVENT.match(line)
        if event:
            year, month, day, clock = event.groups()
            self.at = f"20{year}-{month}-{day} {clock:0>8}"
            self.is_format = bool(_FORMAT.search(line))
            if self.is_format:
                yield from self.end_of_row()
                self.wanted = False
        found = _MARIADB_GTID.search(line) if event else _MYSQL_GTID.match(line)
        if found:
            yield from self.end_of_row()
            self.gtid, self.statement = found.group(1), []
            # MySQL's program ends with AUTOMATIC.
            self.wanted = (
                self.gtid[:1].isalnum() and "-" in self.gtid and self.errant.has(self.gtid)
            )
        if self.is_format:
            yield line
        if not self.wanted:
            return
        yield from self._take_row(line)
        yield line
        if not found and not line.startswith("#"):
            yield from self._take_statement(line)

    def end_of_row(self) -> Iterator[Change]:
        """Return the row that was being read, if any."""
        if self.row is None:
            return
        verb, schema, table = self.row
        before = self.images[0] if self.images and verb != "insert" else {}
        after = self.images[-1] if self.images and verb != "delete" else {}
        self.row, self.images = None, []
        yield Change(self.gtid, self.at, verb, schema, table, before, after)

    def _take_row(self, line: str) -> Iterator[Change]:
        column = _COLUMN.match(line)
        if line in _IMAGES:
            self.images.append({})
        elif column and self.images:
            self.images[-1][int(column.group(1))] = column.group(2)
        else:
            yield from self.end_of_row()
        begun = _ROW.match(line)
        if begun:
            self.row = (_VERBS[begun.group(1)], begun.group(2), begun.group(3))

    def _take_statement(self, line: str) -> Iterator[Change]:
        if not line.endswith(_END):
            self.statement.append(line)
            return
        text = "\n".join([*self.statement, line[: -len(_END)]]).strip()
        self.statement = []
        if not _CONTROL.match(text):
            yield Change(self.gtid, self.at, "statement", statement=text)


def _named(image: Mapping[int, str], columns: Sequence[str]) -> dict[str, str]:
    return {
        columns[number - 1] if number <= len(columns) else f"@{number}": _readable(value)
        for number, value in image.items()
    }


def _readable(text: str) -> str:
    """Return a text that any program can show: bytes that are no UTF-8 as \\xff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
