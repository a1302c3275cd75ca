# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long rows stay on a write server, beside the two periods that it lies between."""

from __future__ import annotations

# For how long rows are updated, where nobody says otherwise.
UPDATED_WITHIN_HOURS = 48
# Of a month, at least.
_DAYS = 28


def days_kept_problems(
    days_kept: int, updated_within_hours: int, months_kept: int | None
) -> list[str]:
    """Say what would be lost if rows stay on a write server for ``days_kept`` days.

    They are updated for ``updated_within_hours``, and read servers keep ``months_kept`` months
    before the current one (None: all).
    """
    if days_kept < 1:
        return [f"days_kept is {days_kept}; it must be at least 1."]
    found = []
    if updated_within_hours < 0:
        found.append(f"updated_within_hours is {updated_within_hours}; it must be at least 0.")
    if updated_within_hours >= 24 * days_kept:
        found.append(
            f"rows are updated for {updated_within_hours} hours and kept for {days_kept} days: an "
            "update of a row that is gone would be lost without an error. Keep them longer, or say "
            "in updated_within_hours for how long rows are updated."
        )
    if months_kept is not None and days_kept >= _DAYS * months_kept:
        found.append(
            f"rows stay here for {days_kept} days, and read servers may drop them after "
            f"{_DAYS * months_kept} (months_kept is {months_kept}): an update would find no row "
            "there and stop the channel. Keep them for fewer days, or for more months."
        )
    return found
