# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar months."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

_TEXT = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, order=True)
class Month:
    """A month of a year, from 0001-01 to 9999-12; earlier months are smaller.

    ``month + n`` is n months later, ``a - b`` the number of months from b to a.
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1 <= self.year <= 9999 and 1 <= self.month <= 12):
            raise ValueError(f"there is no month {self.month} in a year {self.year}")

    @classmethod
    def of(cls, day: date) -> Month:
        """Return the month that a date or a datetime is in."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Month:
        """Return the month that 'YYYY-MM' names; raises ValueError."""
        found = _TEXT.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is not a month; write it as YYYY-MM, for example 2013-01")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def starting_from(cls, moment: datetime) -> Month:
        """Return the first month that starts at ``moment`` or later."""
        month = cls.of(moment)
        return month if month.start == moment else month + 1

    @property
    def start(self) -> datetime:
        """The month's first moment."""
        return datetime(self.year, self.month, 1)

    @property
    def end(self) -> datetime:
        """The first moment that is no more in the month."""
        return (self + 1).start

    def __add__(self, months: int) -> Month:
        years, month = divmod(self._number + months, 12)
        return Month(years, month + 1)

    def __sub__(self, other: Month) -> int:
        return self._number - other._number

    def to(self, last: Month) -> Iterator[Month]:
        """Yield the months from this one to ``last``, both included."""
        for number in range(last - self + 1):
            yield self + number

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def _number(self) -> int:
        return self.year * 12 + self.month - 1
