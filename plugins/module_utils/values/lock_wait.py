# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a statement may wait for a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LockWait:
    """How long an ALTER may queue for a table, with everyone else behind it, and how often."""

    timeout_seconds: int = 5
    retries: int = 3

    def problems(self) -> list[str]:
        """Say what is wrong with the numbers by themselves."""
        found = []
        if self.timeout_seconds < 1:
            found.append(
                f"lock_wait_timeout_seconds is {self.timeout_seconds}; it must be at least 1."
            )
        if self.retries < 0:
            found.append(f"lock_wait_retries is {self.retries}; it must be at least 0.")
        return found
