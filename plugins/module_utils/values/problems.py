# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in what was asked for, found before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Refused(Exception):
    """What was asked for is wrong or would do harm; nothing has been touched.

    Every problem that was found is told at once, each as a sentence that says
    what was found, where, and what to do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(self.problems))


def refuse_if_any(problems: Sequence[str]) -> None:
    """Raise ``Refused`` with all ``problems``, unless there are none."""
    if problems:
        raise Refused(problems)


@contextmanager
def collect(problems: list[str], where: str = "") -> Iterator[None]:
    """Add to ``problems`` what is refused inside, so that others can be found, too.

    ``where`` is said with each problem that does not name it by itself.
    """
    try:
        yield
    except Refused as refusal:
        problems.extend(
            problem if where in problem else f"{where}: {problem}" for problem in refusal.problems
        )
