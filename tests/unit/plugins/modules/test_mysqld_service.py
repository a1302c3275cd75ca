"""What is done with a server's file and its unit, in order."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.dbrw.sharding.plugins.modules.mysqld_service import planned_actions


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
def test_planned_actions(
    write: bool, enabled: bool, active: bool, outdated: bool, restart: bool, expected: list[str]
) -> None:
    assert planned_actions(write, enabled, active, outdated, restart) == expected


@pytest.mark.parametrize(
    ("write", "enabled", "active", "restart"),
    list(itertools.product((True, False), repeat=4)),
)
def test_a_second_run_does_nothing(write: bool, enabled: bool, active: bool, restart: bool) -> None:
    outdated = active and write
    for action in planned_actions(write, enabled, active, outdated, restart):
        write = write and action != "write"
        enabled = enabled or action == "enable"
        active = active or action == "start"
        outdated = outdated and action != "restart"
    assert enabled and active
    assert outdated == (not restart and write)
    assert planned_actions(write, enabled, active, outdated, restart) == []
