# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in what was asked for, found before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Finding, Reason


class Refused(Exception):
    """What was asked for is wrong or would do harm; nothing has been touched.

    Every problem that was found is told at once, each as a sentence that says
    what was found, where, and what to do. ``reasons`` are the problems as they were
    given, ``problems`` all of them as sentences, ``findings`` those that are findings.
    """

    def __init__(self, reasons: Sequence[Reason]) -> None:
        self.reasons = list(reasons)
        self.problems = [str(reason) for reason in reasons]
        self.findings = [reason for reason in reasons if isinstance(reason, Finding)]
        super().__init__(" ".join(self.problems))

    def told(self) -> dict[str, Any]:
        """Return it as a part of a failed module's result."""
        return {
            "problems": self.problems,
            "findings": [finding.told() for finding in self.findings],
        }


def refuse_if_any(reasons: Sequence[Reason]) -> None:
    """Raise ``Refused`` with all ``reasons``, unless there are none."""
    if reasons:
        raise Refused(reasons)


@contextmanager
def collect(reasons: list[Reason], where: str = "") -> Iterator[None]:
    """Add to ``reasons`` what is refused inside, so that others can be found, too.

    ``where`` is said with each one that does not name it by itself.
    """
    try:
        yield
    except Refused as refusal:
        reasons.extend(_at(where, reason) for reason in refusal.reasons)


def _at(where: str, reason: Reason) -> Reason:
    if isinstance(reason, Finding):
        return reason.at(where)
    return reason if where in reason else f"{where}: {reason}"
