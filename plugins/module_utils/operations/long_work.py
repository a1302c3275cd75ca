# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on several servers that takes long: the contract between it and its runner."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Optional

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Current,
    Desired,
    Options,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import HERE, Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Login
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import Journal

# What is noted of a step; it is written as JSON, and holds no secrets.
Noted = Optional[Mapping[str, Any]]


@dataclass(frozen=True)
class LongTaken:
    """A step that was taken, how long it took, and the statements that it ran."""

    step: Step
    seconds: float
    statements: Sequence[str] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


# What was done; None in check mode, where nothing is.
LongDone = Optional[Sequence[LongTaken]]


class LongOperation(Generic[Desired, Current]):
    """Work on several servers, in the order in which its methods are called.

    The runner calls ``current`` and ``plan``, takes the first step of the plan, and begins again
    until a plan has no steps. So a call that was killed, stopped or ran out of time needs no
    treatment of its own: the next one finds another state, and plans from there.

    Nothing is kept in the operation; ``Desired`` and ``Current`` are frozen. ``desired``,
    ``current`` and ``plan`` raise ``Refused`` with every reason.
    """

    # The kind of work, as the journal has it. Two kinds on one thing exclude each other.
    work: ClassVar[str]
    # Whether it only asks: its plans have no steps, and it takes no lock, so that it can be called
    # beside a work.
    asks_only: ClassVar[bool] = False
    # As AnsibleModule takes them: the options besides those of the login and of the runner.
    options: ClassVar[Options] = {}
    constraints: ClassVar[Mapping[str, Any]] = {}
    # The names of the servers on which what is done is written into the binary log. The runner
    # keeps the connections to all others out of it. The journal goes with its connection.
    logged: ClassVar[Collection[str]] = ()

    def desired(self, params: Params) -> Desired:
        """Return what is asked for, checked as far as possible without a server."""
        raise NotImplementedError

    def read_timeout(self, desired: Desired) -> float | None:
        """Return the seconds that one answer of the server called for may take (None: no limit).

        The logins that ``logins`` makes itself have limits of their own.
        """
        return 60.0

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        """Return the servers by the names that steps call them; ``here`` is the module's login."""
        return {HERE: here}

    def may_be_unreachable(self, desired: Desired) -> Collection[str]:
        """Return the names of servers whose absence is a fact to plan with, and no failure."""
        return ()

    def topology(self, desired: Desired) -> str:
        """Return the topology that the thing belongs to, where one server has several."""
        return ""

    def name(self, desired: Desired) -> str:
        """Return the name of the thing worked on: one call at a time works on it."""
        raise NotImplementedError

    def journal_on(self, desired: Desired) -> str | None:
        """Return the name of the server that keeps the journal and the lock.

        None: all that there is to know can be seen on the servers, and each has the same lock.
        """
        return HERE

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> Current:
        """Read what is there; changes nothing.

        What can be seen is asked of the servers. The journal has what cannot be seen; where
        both disagree, ``plan`` refuses and shows both.
        """
        raise NotImplementedError

    def plan(self, desired: Desired, current: Current) -> Plan:
        """Return all steps from here to what is desired; each names its server. Pure."""
        raise NotImplementedError

    def intent(self, desired: Desired, current: Current, step: Step) -> Noted:
        """Return what the journal is to have before a step is taken, such as a start position."""
        return None

    def perform(self, fleet: Fleet, step: Step) -> Noted:
        """Take one step. What it returns is noted in the journal with its outcome.

        Raises ``ServerError``. One with the number of a server's answer means that the step was
        refused; after any other nobody knows how it ended.
        """
        raise NotImplementedError

    def result(self, desired: Desired, current: Current, done: LongDone) -> dict[str, Any]:
        """Return the module's own results from what was seen last. Pure."""
        return {}
