# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs work on several servers: observe, plan, take one step, observe again.

A call is the same whether it begins the work or goes on with it. It ends when a plan has no
steps, or, with ``run_seconds``, between two steps.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, Union

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import login_of
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongOperation,
    LongTaken,
    Noted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Current,
    Desired,
    Params,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import (
    describe,
    make_module,
    told_of,
    warn,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import ServerError
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.journal import (
    JournalTable,
    NoJournal,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.named_lock import lock_name
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import (
    DONE,
    FAILED,
    Entry,
    Journal,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.pin import Pin
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

# The options that the runner adds.
RUN_OPTIONS: dict[str, dict[str, Any]] = {
    "run_seconds": {"type": "float"},
    "replaced_servers": {"type": "list", "elements": "str", "default": []},
}

Table = Union[JournalTable, NoJournal]

GOES_ON = "What is done stays done; once this is put right, the same call goes on from there."

# So many times the same plan may come again although its first step was taken.
_SAME_PLANS = 2
# Plans that alternate are found among so many.
_REMEMBERED = 8


class Stuck(Exception):
    """Steps are taken, and nothing comes nearer."""


@dataclass
class Progress(Generic[Current]):
    """What a call has seen and done so far."""

    current: Current | None = None
    plan: Plan = field(default_factory=Plan)
    taken: list[LongTaken] = field(default_factory=list)
    # The step that is being taken.
    taking: Step | None = None

    @property
    def done(self) -> bool:
        """Whether the last plan had no steps."""
        return not self.plan.steps


def run(operation: LongOperation[Any, Any]) -> None:
    """Run ``operation`` as an Ansible module. Never returns normally: the process ends."""
    run_options = {} if operation.asks_only else RUN_OPTIONS
    module = make_module({**run_options, **operation.options}, operation.constraints)
    fleet = Fleet({})
    progress: Progress[Any] = Progress()
    try:
        desired = _desired(operation, module.params)
        fleet = _opened(operation, desired, module.params)
        _work(operation, desired, fleet, module, progress)
        results = operation.result(
            desired, progress.current, None if module.check_mode else progress.taken
        )
    except Stuck as error:
        _fail(module, error, fleet, progress)
    # The last net: a traceback belongs in the result.
    except Exception as error:
        _fail(module, error, fleet, progress, **told_of(error))
    finally:
        fleet.close()
    warnings = (server.warnings for server in fleet.servers.values())
    warn(module, *warnings, progress.plan.warnings, results.pop("warnings", ()))
    if operation.asks_only:
        module.exit_json(changed=False, **_servers(fleet), **results)
    changes = progress.plan if module.check_mode else _plan_of(progress)
    module.exit_json(
        changed=changes.changed,
        done=progress.done,
        steps=[_told(step) for step in changes.steps] if module.check_mode else _steps(progress),
        steps_left=len(progress.plan.steps),
        diff=changes.diff(),
        **_servers(fleet),
        **results,
    )


def drive(
    operation: LongOperation[Desired, Current],
    desired: Desired,
    fleet: Fleet,
    table: Table,
    progress: Progress[Current],
    run_seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Take steps until a plan has none, or until ``run_seconds`` are over; one at least.

    ``progress`` has what was done when an error ends it, too.
    """
    began = clock()
    plans: deque[Plan] = deque(maxlen=_REMEMBERED)
    while True:
        current = observe(operation, desired, fleet, table.journal, progress)
        plan = progress.plan
        if not plan.steps:
            table.close()
            return
        if progress.taken and run_seconds is not None and clock() - began >= run_seconds:
            return
        step = plan.steps[0]
        if plans.count(plan) >= _SAME_PLANS:
            raise Stuck(
                f"{_sentence(step)}: the step was taken {_SAME_PLANS} times, and the servers look "
                "as if it had not been. Look for what undoes it; if nothing does, it is a defect "
                "to report"
            )
        plans.append(plan)
        progress.taking = step
        _take(operation, fleet, table, progress, step, operation.intent(desired, current, step))
        progress.taking = None


def observe(
    operation: LongOperation[Desired, Current],
    desired: Desired,
    fleet: Fleet,
    journal: Journal,
    progress: Progress[Current],
) -> Current:
    """Look at what is there, and plan."""
    current = operation.current(fleet, journal, desired)
    progress.current = current
    progress.plan = operation.plan(desired, current)
    return current


def refuse_others(
    before: Mapping[str, Pin], now: Mapping[str, Pin], replaced: Collection[str]
) -> None:
    """Refuse servers that are not those on which the work was begun."""
    refuse_if_any(
        [
            f"{name}: since the work was begun there, {differs}. Look which server has what was "
            f"done; if it was replaced on purpose, name it in replaced_servers."
            for name, pin in before.items()
            if name in now and name not in replaced
            for differs in [pin.differs_from(now[name])]
            if differs
        ]
    )


def _desired(operation: LongOperation[Desired, Any], params: Params) -> Desired:
    seconds = params.get("run_seconds")
    problems = []
    if seconds is not None and seconds < 0:
        problems.append(f"run_seconds is {seconds}; it must be at least 0.")
    try:
        desired = operation.desired(params)
    except Refused as refusal:
        raise Refused([*problems, *refusal.reasons]) from None
    refuse_if_any(problems)
    return desired


def _opened(operation: LongOperation[Desired, Any], desired: Desired, params: Params) -> Fleet:
    logins = operation.logins(desired, login_of(params, operation.read_timeout(desired)))
    unknown = sorted({*params.get("replaced_servers", ())} - {*logins})
    if unknown:
        raise Refused(
            [
                f"replaced_servers names {', '.join(unknown)}; this work is on "
                f"{', '.join(sorted(logins))}."
            ]
        )
    # Without the journal's server nothing can be said of what was begun.
    optional = {*operation.may_be_unreachable(desired)} - {operation.journal_on(desired)}
    # To leave the binary log takes a privilege that who only asks need not have.
    return Fleet.open(logins, optional, logins if operation.asks_only else operation.logged)


def _work(
    operation: LongOperation[Desired, Current],
    desired: Desired,
    fleet: Fleet,
    module: AnsibleModule,
    progress: Progress[Current],
) -> None:
    topology, thing = operation.topology(desired), operation.name(desired)
    keeper = operation.journal_on(desired)
    if operation.asks_only:
        observe(operation, desired, fleet, NoJournal.journal, progress)
        return
    if not module.check_mode:
        # The first excludes every other work on the thing. The others are held by a statement of
        # a call that was killed as long as it still runs there.
        locks = {
            name: lock_name(topology, thing, "" if keeper in (None, name) else name)
            for name in fleet.servers
        }
        holder = fleet.take_locks(locks)
        if holder:
            step = _table(operation, desired, fleet).journal.interrupted
            doing = f" ({step.sentence})" if step else ""
            raise Refused(
                [
                    f"{thing} is being worked on by another call: {holder}{doing}. Wait until it "
                    "ends, or end it there."
                ]
            )
    # After the lock: what another call has written until then is part of it.
    table = _table(operation, desired, fleet)
    fleet.pin()
    refuse_others(table.journal.pins, fleet.pins, module.params["replaced_servers"])
    if module.check_mode:
        observe(operation, desired, fleet, table.journal, progress)
    else:
        drive(operation, desired, fleet, table, progress, module.params["run_seconds"])


def _table(operation: LongOperation[Desired, Any], desired: Desired, fleet: Fleet) -> Table:
    keeper = operation.journal_on(desired)
    if keeper is None:
        return NoJournal()
    return JournalTable(
        fleet[keeper], operation.topology(desired), operation.work, operation.name(desired)
    )


def _take(
    operation: LongOperation[Any, Any],
    fleet: Fleet,
    table: Table,
    progress: Progress[Any],
    step: Step,
    intent: Noted,
) -> None:
    began = time.monotonic()
    # One that cannot be reached is an error here, whether or not it may be away.
    fleet[step.server]
    fleet.verify()
    entry = table.begin(step, fleet.pins[step.server], intent or {})
    executed = {name: len(server.executed) for name, server in fleet.servers.items()}
    try:
        noted = operation.perform(fleet, step) or {}
    except Exception as error:
        _note_failure(table, entry, error)
        raise
    statements = [
        statement
        for name, server in fleet.servers.items()
        for statement in server.executed[executed.get(name, 0) :]
    ]
    detail = {**entry.detail, **noted}
    progress.taken.append(LongTaken(step, time.monotonic() - began, statements, detail))
    table.end(entry, DONE, noted, fleet.pins[step.server])


def _note_failure(table: Table, entry: Entry, error: Exception) -> None:
    """Write that a server has refused a step; after any other error its intent stays."""
    if not isinstance(error, ServerError) or not error.is_answer:
        return
    # The error of the step is the one that counts.
    with contextlib.suppress(ServerError):
        table.end(entry, FAILED, {"error": str(error)})


def _sentence(step: Step) -> str:
    return f"{step.action} {step.target} on {step.server}"


def _told(step: Step) -> dict[str, Any]:
    return {"step": step.action, "target": step.target, "server": step.server}


def _steps(progress: Progress[Any]) -> list[dict[str, Any]]:
    return [
        {
            **_told(taken.step),
            "seconds": round(taken.seconds, 3),
            "statements": list(taken.statements),
        }
        for taken in progress.taken
    ]


def _plan_of(progress: Progress[Any]) -> Plan:
    return Plan(tuple(taken.step for taken in progress.taken))


def _servers(fleet: Fleet) -> dict[str, dict[str, Any]]:
    return {
        "servers": {name: describe(server) for name, server in fleet.servers.items()},
        # Not "unreachable", by which ansible would mean the host that the module runs on.
        "unreachable_servers": {name: str(error) for name, error in fleet.unreachable.items()},
    }


def _fail(
    module: AnsibleModule,
    error: Exception,
    fleet: Fleet,
    progress: Progress[Any],
    **details: Any,
) -> NoReturn:
    said, number = str(error).rstrip("."), len(progress.taken)
    if progress.taking:
        # Its outcome may be what could not be written.
        ended = bool(number) and progress.taken[-1].step is progress.taking
        at = number if ended else number + 1
        said = f"step {at}, {_sentence(progress.taking)}: {said}. {GOES_ON}"
    elif number:
        said = f"after {number} {'step' if number == 1 else 'steps'}: {said}. {GOES_ON}"
    else:
        said = str(error)
    module.fail_json(
        msg=said,
        # A step of several statements may have failed at its second one.
        changed=bool(number) or fleet.has_changed,
        done=False,
        steps=_steps(progress),
        **_servers(fleet),
        **details,
    )
    raise AssertionError("fail_json ends the process")
