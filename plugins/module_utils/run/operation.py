# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows both Ansible and the server.

``run`` logs in, reads the present state, plans, and takes the plan's steps, or in check mode
only reports them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import (
    LOGIN_OPTIONS,
    login_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Operation,
    Options,
    Taken,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import lifted
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    PYMYSQL_ERROR,
    Server,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def run(operation: Operation[Any, Any]) -> None:
    """Run ``operation`` as an Ansible module. Never returns normally: the process ends."""
    module = make_module(operation.options, operation.constraints)
    server: Server | None = None
    taken: list[Taken] = []
    plan = Plan()
    try:
        desired = operation.desired(module.params)
        server = connect(login_of(module.params, operation.read_timeout(desired)))
        if operation.leaves_log(desired):
            server.leave_binary_log()
        desired = operation.named(desired, lambda: server.names)
        current = operation.current(server, desired)
        plan = operation.plan(desired, current)
        lifting = operation.on_closed_members and plan.changed and not module.check_mode
        with lifted(server) if lifting else contextlib.nullcontext():
            statements = _take(module, operation, server, desired, current, plan, taken)
        done = None if module.check_mode else taken
        results = operation.result(server, desired, current, plan, done)
    # The last net: a traceback belongs in the result.
    except Exception as error:
        _fail(module, error, server, taken, **told_of(error))
    finally:
        if server:
            server.close()
    warn(module, server.warnings, plan.warnings, results.pop("warnings", ()))
    module.exit_json(
        changed=plan.changed,
        statements=statements,
        server=describe(server),
        diff=plan.diff(),
        **results,
    )


def make_module(options: Options, constraints: Mapping[str, Any]) -> AnsibleModule:
    """Return the module with ``options`` beside those of the login; ends without PyMySQL."""
    module = AnsibleModule(
        argument_spec={**LOGIN_OPTIONS, **options}, supports_check_mode=True, **constraints
    )
    if PYMYSQL_ERROR:
        module.fail_json(msg=missing_required_lib("PyMySQL"), exception=PYMYSQL_ERROR)
    return module


def told_of(error: Exception) -> dict[str, Any]:
    """Return what a failed module says of an error that is being handled, beside its message."""
    if isinstance(error, Refused):
        return error.told()
    if isinstance(error, ServerError):
        return {"error_number": error.number, **error.details}
    return {"exception": traceback.format_exc()}


def warn(module: AnsibleModule, *warnings: Iterable[str]) -> None:
    """Give the user every warning."""
    for warning in chain(*warnings):
        module.warn(warning)


def describe(server: Server) -> dict[str, str]:
    """Return what every module reports of the server that it was connected to."""
    return {
        "address": server.address,
        "flavour": server.flavour,
        "version": server.version_text,
    }


def _take(
    module: AnsibleModule,
    operation: Operation[Any, Any],
    server: Server,
    desired: Any,
    current: Any,
    plan: Plan,
    taken: list[Taken],
) -> list[str]:
    """Take the plan's steps; in check mode only return the statements that they would run."""
    shown: list[str] = []
    for step in plan.steps:
        began = time.monotonic()
        outcome = None
        if isinstance(step.value, ConfigFile):
            if not module.check_mode:
                file = operation.completed(desired, current, step.value, taken)
                _write_file(module, file)
        else:
            statements = operation.statements(server, current, step)
            shown.extend(statement.shown for statement in statements)
            if not module.check_mode:
                outcome = operation.perform(server, desired, current, step, statements)
        if not module.check_mode:
            taken.append(Taken(step, time.monotonic() - began, outcome))
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
    taken: list[Taken],
    **details: Any,
) -> NoReturn:
    changed = bool(taken)
    if server:
        details["server"] = describe(server)
        details["statements"] = server.executed
        # A step of several statements may have failed at its second one.
        changed = changed or server.has_changed
    module.fail_json(msg=str(error), changed=changed, **details)
    raise AssertionError("fail_json ends the process")
