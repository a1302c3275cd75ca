# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a write server keeps the rows of its usage tables, and what is beyond that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ansible_collections.dbrw.sharding.plugins.module_utils.values.days_kept import (
    days_kept_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    system_schema_problems,
)

TIME_TYPES = ("date", "datetime", "timestamp")
_MIB, _TEN_YEARS = 1 << 20, 3650
ID_TYPES = ("tinyint", "smallint", "mediumint", "int", "bigint")


@dataclass(frozen=True)
class Retention:
    """The rule of one table: rows stay for ``days_kept`` whole days and go after that.

    A row is updated within ``updated_within_hours`` of its time. ``months_kept`` is how many months
    before the current one the read servers keep (None: all). ``time_zone`` is that of a time column
    without one.
    """

    schema: str
    name: str
    id_column: str
    time_column: str
    days_kept: int
    updated_within_hours: int = 48
    months_kept: int | None = None
    time_zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def named(self, names: Names) -> Retention:
        """Return the rule under the names that a server has for its table."""
        return replace(self, schema=names.stored(self.schema), name=names.stored(self.name))

    def problems(self) -> list[str]:
        """Say what is wrong with the rule by itself."""
        found = system_schema_problems("schema", self.schema)
        if self.id_column.lower() == self.time_column.lower():
            found.append(f"id_column and time_column are both {self.id_column}; name two columns.")
        return found + days_kept_problems(
            self.days_kept, self.updated_within_hours, self.months_kept
        )


@dataclass(frozen=True)
class OldRows:
    """The rows of one table that are older than its rule says.

    ``cut``: rows before that moment, as the time column tells it, are old. ``first`` and ``last``
    are the lowest and the highest id among them; others may stand between. ``bytes`` is about how
    much they are, ``table_bytes`` how much the whole table is.
    """

    retention: Retention
    cut: datetime
    rows: int = 0
    bytes: int = 0
    first: int | None = None
    last: int | None = None
    oldest: datetime | None = None
    oldest_kept: datetime | None = None
    table_bytes: int = 0

    def __str__(self) -> str:
        return str(self.retention)

    @property
    def bytes_a_day(self) -> float:
        """About how much is written into the table a day, by the age of its oldest row."""
        times = [one for one in (self.oldest, self.oldest_kept) if one is not None]
        if not times:
            return 0.0
        age = self.cut + timedelta(days=self.retention.days_kept) - min(times)
        return self.table_bytes / max(1.0, age / timedelta(days=1))


@dataclass(frozen=True)
class Outlook:
    """What comes of it when a write server is not purged.

    ``free`` are the bytes left on its disk (None: not known), ``bytes_a_day`` what is written a day.
    """

    free: int | None
    bytes_a_day: float

    def __str__(self) -> str:
        if self.free is None:
            return "How long its disk lasts cannot be told from here."
        room = f"{self.free / _MIB:,.0f} MiB"
        if not self.bytes_a_day:
            return f"Its disk has {room} left."
        days = self.free / self.bytes_a_day
        rate = f"{self.bytes_a_day / _MIB:,.1f} MiB a day"
        lasts = f"some {days:,.0f} days" if days < _TEN_YEARS else "more than ten years"
        return f"Its disk has {room} left, {lasts} at the present rate of {rate}."


@dataclass(frozen=True)
class Chunk:
    """A range of ids, the first one not included, and how many old rows it has."""

    after: int
    until: int
    rows: int


@dataclass(frozen=True)
class Purged:
    """What was done with one table. ``held`` are old rows that others had locked or changed."""

    rows: int = 0
    held: int = 0
    seconds: float = 0.0
    paused_seconds: float = 0.0


@dataclass(frozen=True)
class ReaderStanding:
    """What one read server says of its channel from a write server.

    ``unknown`` is why it could not be asked, ``stopped`` what its channel reports, ``left_out`` the
    tables whose rows a filter keeps out; each is empty where there is nothing to say.
    """

    name: str
    unknown: str = ""
    stopped: str = ""
    left_out: Sequence[str] = ()


@dataclass(frozen=True)
class Replica:
    """A session of a write server that reads its binary log."""

    user: str
    host: str
