# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that somebody knows of, and does not want to be told of for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    INFO,
    WARNING,
    Finding,
)

_WORST_FIRST = (CRITICAL, WARNING, INFO)


@dataclass(frozen=True)
class Mute:
    """Hides findings with a code up to a day, that one included.

    ``where`` is the place of one finding; empty: all with this code. One that is worse than
    ``severity`` is not hidden.
    """

    code: str
    until: date
    where: str = ""
    severity: str = WARNING

    def hides(self, finding: Finding, today: date) -> bool:
        """Whether it hides a finding today."""
        return (
            finding.code == self.code
            and self.where in ("", finding.where)
            and today <= self.until
            and _WORST_FIRST.index(finding.severity) >= _WORST_FIRST.index(self.severity)
        )
