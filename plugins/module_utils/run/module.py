# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows both Ansible and the server.

A module declares its options and gives a ``Task``; ``run`` logs in, reads the
present state, plans, and applies the plan, or in check mode only tells it.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.dbrw.sharding.plugins.module_utils.host.files import read_file
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import (
    LOGIN_OPTIONS,
    login_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    PYMYSQL_ERROR,
    Server,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.statement import Statement
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

Desired = TypeVar("Desired")
Current = TypeVar("Current")

__all__ = ["login_of", "read_file", "run"]


class Task(Protocol, Generic[Desired, Current]):
    """What a module does, in the order in which it is called.

    Only ``desired`` sees Ansible's parameters; it and ``plan`` raise
    ``Refused`` before anything is touched. A task may also have
    ``execute(server, statement)``, which then runs each statement in place of
    ``server.run``: with retries, or with a clock; ``completed(file)``, which adds to
    a configuration file what is only known once earlier steps are taken; and
    ``named(desired, names)``, which returns ``desired`` with its schemas and tables
    as this server has them.
    """

    # Seconds that one answer of the server may take; None: no limit, for
    # statements that rewrite tables.
    read_timeout: float | None

    def desired(self, params: dict[str, Any]) -> Desired:
        """Return what is asked for, checked as far as possible without a server."""

    def current(self, server: Server, desired: Desired) -> Current:
        """Read what is there."""

    def plan(self, desired: Desired, current: Current) -> Plan:
        """Compare the two (pure)."""

    def statements(self, step: Step, server: Server) -> list[Statement]:
        """Return the SQL that takes one step."""

    def finish(
        self, server: Server, desired: Desired, current: Current, plan: Plan, applied: bool
    ) -> dict[str, Any]:
        """Return the module's own results; wait or verify first where asked.

        ``warnings`` among them are given to the user as such.
        """


def run(task: Task[Any, Any], options: dict[str, dict[str, Any]], **constraints: Any) -> None:
    """Run ``task`` as an Ansible module with ``options`` and the login options.

    ``constraints`` (mutually_exclusive, required_one_of, ...) are passed on to
    AnsibleModule. Never returns normally: the module's process ends.
    """
    module = AnsibleModule(
        argument_spec={**LOGIN_OPTIONS, **options}, supports_check_mode=True, **constraints
    )
    if PYMYSQL_ERROR:
        module.fail_json(msg=missing_required_lib("PyMySQL"), exception=PYMYSQL_ERROR)
    server: Server | None = None
    steps_done: list[Step] = []
    plan = Plan()
    try:
        desired = task.desired(module.params)
        server = connect(login_of(module.params, task.read_timeout))
        if hasattr(task, "named"):
            desired = task.named(desired, server.names)
        current = task.current(server, desired)
        plan = task.plan(desired, current)
        statements = _apply(module, task, plan, server, steps_done)
        results = task.finish(server, desired, current, plan, applied=not module.check_mode)
    except Refused as refusal:
        _fail(module, refusal, server, steps_done, problems=refusal.problems)
    except ServerError as error:
        _fail(module, error, server, steps_done, error_number=error.number, **error.details)
    # The last net: a traceback belongs in the result.
    except Exception as error:
        _fail(module, error, server, steps_done, exception=traceback.format_exc())
    finally:
        if server:
            server.close()
    for warning in (*server.warnings, *plan.warnings, *results.pop("warnings", ())):
        module.warn(warning)
    module.exit_json(
        changed=plan.changed,
        statements=statements,
        server=describe(server),
        diff=plan.diff(),
        **results,
    )


def describe(server: Server) -> dict[str, str]:
    """Return what every module tells of the server that it talked to."""
    return {
        "address": server.address,
        "flavour": server.flavour,
        "version": server.version_text,
    }


def _apply(
    module: AnsibleModule, task: Task[Any, Any], plan: Plan, server: Server, done: list[Step]
) -> list[str]:
    """Take the plan's steps; in check mode return what they would run."""
    shown: list[str] = []
    execute = getattr(task, "execute", Server.run)
    completed = getattr(task, "completed", lambda file: file)
    for step in plan.steps:
        if isinstance(step.value, ConfigFile):
            if not module.check_mode:
                _write_file(module, completed(step.value))
                done.append(step)
            continue
        statements = task.statements(step, server)
        shown.extend(statement.shown for statement in statements)
        if module.check_mode:
            continue
        for statement in statements:
            execute(server, statement)
            if step not in done:
                done.append(step)
    return shown


def _write_file(module: AnsibleModule, wanted: ConfigFile) -> None:
    """Put the text into place in one rename, so that no reader sees half of it.

    The server's own user can read a new file; one that exists keeps its mode.
    """
    handle, name = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(wanted.text or "")
    # atomic_move gives a new file what the umask leaves. A server passes over an option file that
    # it cannot read, without an error.
    umask = os.umask(0o022)
    try:
        module.atomic_move(name, wanted.path)
    finally:
        os.umask(umask)


def _fail(
    module: AnsibleModule,
    error: Exception,
    server: Server | None,
    steps_done: list[Step],
    **details: Any,
) -> NoReturn:
    if server:
        details["server"] = describe(server)
        details["statements"] = server.executed
    module.fail_json(msg=str(error), changed=bool(steps_done), **details)
    raise AssertionError("fail_json ends the process")
