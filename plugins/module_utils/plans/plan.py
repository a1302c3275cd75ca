# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would change, as steps that can be read before they are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

State = Optional[Mapping[str, Any]]

# What the server that a module is called for is named among several.
HERE = "here"


@dataclass(frozen=True)
class Step:
    """One change of one thing.

    ``action`` is the verb that the server layer turns into statements,
    ``target`` names the thing as a person would, ``before`` and ``after`` are
    what diff mode shows (None: the thing is not there), and ``value`` is what
    the server layer needs to do it; secrets are only in ``value``. ``server`` names the
    server on which it is done, where work is on several.
    """

    action: str
    target: str
    before: State = None
    after: State = None
    value: Any = field(default=None, repr=False)
    server: str = HERE

    @property
    def where(self) -> str:
        """The thing with its server, unless that is the one that the module is called for."""
        return self.target if self.server == HERE else f"{self.target} on {self.server}"


@dataclass(frozen=True)
class Plan:
    """The steps, in order, from the current state to the desired one.

    ``warnings`` are for the user to read and change nothing.
    """

    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything would change."""
        return bool(self.steps)

    def diff(self) -> dict[str, dict[str, Any]]:
        """Return what is and what would be, of the things that change.

        A thing with several steps shows its first before and its last after; things of the same
        name on two servers are two.
        """
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for step in self.steps:
            if step.before is None and step.after is None:
                continue
            before.setdefault(step.where, _plain(step.before))
            after[step.where] = _plain(step.after)
        return {"before": before, "after": after}


def _plain(state: State) -> Any:
    return None if state is None else dict(state)
