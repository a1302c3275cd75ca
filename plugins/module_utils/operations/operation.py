# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module does, without Ansible: the contract between a module's work and its runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Optional, TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

Desired = TypeVar("Desired")
Current = TypeVar("Current")
Params = Mapping[str, Any]
Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Taken:
    """A step that was taken, how long it took, and what ``perform`` returned."""

    step: Step
    seconds: float
    outcome: Any = None


# What was done; None in check mode, where nothing is.
Done = Optional[Sequence[Taken]]


class Operation(Generic[Desired, Current]):
    """What a module does on one server, in the order in which it is called.

    Nothing is kept in the operation: what one method finds out and another needs is in
    ``Desired`` and ``Current``, both frozen. Only ``desired`` sees the module's parameters; it,
    ``current`` and ``plan`` raise ``Refused``, with every reason, before anything is touched.
    """

    # As AnsibleModule takes them: the options besides those of the login, and what is checked
    # between options (mutually_exclusive, required_one_of, ...).
    options: ClassVar[Options] = {}
    constraints: ClassVar[Mapping[str, Any]] = {}
    # Whether what the operation does is written into the binary log. The runner keeps each
    # connection out of it unless an operation says so.
    logged: ClassVar[bool] = False

    # Whether its steps are taken on a closed member of a replica set, too, where MySQL keeps
    # administrators from writing: the runner lifts that for the time. What is done there must stay
    # out of the binary log.
    on_closed_members: ClassVar[bool] = False

    def desired(self, params: Params) -> Desired:
        """Return what is asked for, checked as far as possible without a server."""
        raise NotImplementedError

    def read_timeout(self, desired: Desired) -> float | None:
        """Return the seconds that one answer of the server may take.

        None: no limit, for statements that rewrite tables.
        """
        return 60.0

    def named(self, desired: Desired, ask: Callable[[], Names]) -> Desired:
        """Return ``desired`` with its schemas and tables as this server stores their names.

        ``ask`` asks the server for its rule, which only those need that name any.
        """
        return desired

    def leaves_log(self, desired: Desired) -> bool:
        """Return whether the connection leaves the binary log, which takes a privilege.

        An operation that logs nothing but in some of its steps asks for it only with these.
        """
        return not self.logged

    def current(self, server: Server, desired: Desired) -> Current:
        """Read what is there; changes nothing."""
        raise NotImplementedError

    def plan(self, desired: Desired, current: Current) -> Plan:
        """Compare the two. Pure."""
        raise NotImplementedError

    def statements(self, server: Server, current: Current, step: Step) -> list[Statement]:
        """Return the SQL that takes one step, as check mode shows it."""
        raise NotImplementedError

    def perform(
        self,
        server: Server,
        desired: Desired,
        current: Current,
        step: Step,
        statements: Sequence[Statement],
    ) -> Any:
        """Take one step. What it returns is in ``Taken.outcome``."""
        for statement in statements:
            server.run(statement)

    def completed(
        self, desired: Desired, current: Current, file: ConfigFile, done: Sequence[Taken]
    ) -> ConfigFile:
        """Return a file of a step with what is known only once the steps before it are taken."""
        return file

    def result(
        self, server: Server, desired: Desired, current: Current, plan: Plan, done: Done
    ) -> dict[str, Any]:
        """Return the module's own results; wait or verify first where asked.

        ``warnings`` among them are given to the user as such.
        """
        raise NotImplementedError


class Question(Operation[Desired, Current]):
    """An operation that only asks. It needs no right to leave the binary log."""

    logged = True

    def plan(self, desired: Desired, current: Current) -> Plan:
        """Return a plan without steps."""
        return Plan()
