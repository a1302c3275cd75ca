# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as people and servers write them."""

from __future__ import annotations

from datetime import datetime

# Where epochs count from, in UTC.
EPOCH = datetime(1970, 1, 1)


def parse_moment(text: str) -> datetime:
    """Return the moment that 'YYYY-MM-DD' or 'YYYY-MM-DD HH:MM:SS' names.

    A T may stand between date and time, and the seconds may have a fraction of
    up to six digits. Raises ValueError; a time zone is not understood.
    """
    whole, dot, fraction = text.strip().partition(".")
    # Before Python 3.11 fromisoformat takes fractions of three or six digits only.
    moment = datetime.fromisoformat(whole + (dot and f".{fraction:0<6}"))
    if moment.tzinfo:
        raise ValueError(f"{text!r} carries a time zone; write it in UTC without one")
    return moment
