"""What is done with a server's process, and with its unit and file, in order."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers.server_actions import (
    of_process,
    of_unit,
)

PROCESS = [
    # state, restart, initialised, running, outdated -> actions
    ("started", True, False, False, False, ["initialise", "start"]),
    ("started", True, True, False, False, ["start"]),
    ("started", True, True, True, False, []),
    ("started", True, True, True, True, ["stop", "start"]),
    ("started", False, True, True, True, []),
    ("started", False, True, False, False, ["start"]),
    ("stopped", True, True, True, False, ["stop"]),
    ("stopped", True, True, True, True, ["stop"]),
    ("stopped", False, True, True, True, ["stop"]),
    ("stopped", True, True, False, False, []),
    ("stopped", True, False, False, False, []),
]


@pytest.mark.parametrize(
    ("state", "restart", "initialised", "running", "outdated", "expected"), PROCESS
)
def test_what_is_done_with_a_process(
    state: str,
    restart: bool,
    initialised: bool,
    running: bool,
    outdated: bool,
    expected: list[str],
) -> None:
    wanted = state == "started"
    assert of_process(wanted, restart, initialised, running, outdated) == expected


@pytest.mark.parametrize(
    ("state", "restart", "initialised", "running", "outdated"),
    [
        (state, restart, initialised, running, outdated)
        for state in ("started", "stopped")
        for restart, initialised, running, outdated in itertools.product((True, False), repeat=4)
        if (initialised or not running) and (running or not outdated)
    ],
)
def test_one_run_reaches_the_state_and_a_second_does_nothing(
    state: str, restart: bool, initialised: bool, running: bool, outdated: bool
) -> None:
    wanted = state == "started"
    for action in of_process(wanted, restart, initialised, running, outdated):
        if action == "initialise":
            assert not running and not initialised
            initialised = True
        elif action == "stop":
            assert running
            running = outdated = False
        else:
            assert action == "start" and initialised and not running
            running, outdated = True, False
    assert running == wanted
    assert not outdated or not restart
    assert of_process(wanted, restart, initialised, running, outdated) == []


@pytest.mark.parametrize(
    ("write", "enabled", "active", "outdated", "restart", "expected"),
    [
        (True, False, False, False, True, ["write", "enable", "start"]),
        (True, False, False, False, False, ["write", "enable", "start"]),
        (False, True, False, False, True, ["start"]),
        (False, True, True, False, True, []),
        (True, True, True, True, True, ["write", "restart"]),
        # Killed between writing and restarting.
        (False, True, True, True, True, ["restart"]),
        # A text that it may not come up with does not lie where its next start would read it.
        (True, True, True, True, False, []),
        (False, True, True, True, False, []),
        (False, False, True, False, False, ["enable"]),
    ],
)
def test_what_is_done_with_a_unit(
    write: bool, enabled: bool, active: bool, outdated: bool, restart: bool, expected: list[str]
) -> None:
    assert of_unit(write, enabled, active, outdated, restart) == expected


@pytest.mark.parametrize(
    ("write", "enabled", "active", "restart"),
    list(itertools.product((True, False), repeat=4)),
)
def test_a_second_run_does_nothing_with_a_unit(
    write: bool, enabled: bool, active: bool, restart: bool
) -> None:
    outdated = active and write
    for action in of_unit(write, enabled, active, outdated, restart):
        write = write and action != "write"
        enabled = enabled or action == "enable"
        active = active or action == "start"
        outdated = outdated and action != "restart"
    assert enabled and active
    assert outdated == (not restart and write)
    assert of_unit(write, enabled, active, outdated, restart) == []
