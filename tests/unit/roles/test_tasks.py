"""How roles are cut: main.yml says what comes when, and preflight.yml touches nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())
IMPORT, INCLUDE = "ansible.builtin.import_tasks", "ansible.builtin.include_tasks"
COMMAND, SERVICE = "ansible.builtin.command", "ansible.builtin.systemd_service"
CHANNEL = "dbrw.sharding.mysql_replication_channel"


def tasks(role: str, file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROLES / role / "tasks" / file).read_text())
    return found


@pytest.mark.parametrize("role", NAMES)
def test_main_is_a_table_of_contents(role: str) -> None:
    for task in tasks(role, "main.yml"):
        assert set(task) - {"name", "when"} in ({IMPORT}, {INCLUDE}), task["name"]
    # An include is one more task for each host, so it is only for what a variable names.
    assert all("{{" in task[INCLUDE] for task in tasks(role, "main.yml") if INCLUDE in task)


@pytest.mark.parametrize("role", [name for name in NAMES if name != "write_server"])
def test_preflight_comes_first_and_touches_nothing(role: str) -> None:
    assert tasks(role, "main.yml")[0][IMPORT] == "preflight.yml"
    for task in tasks(role, "preflight.yml"):
        only_asks = "ansible.builtin.assert" in task or any(
            key.startswith("dbrw.sharding.") and key.endswith("_info") for key in task
        )
        assert only_asks or task["check_mode"] is True, task["name"]


def test_channels_are_judged_by_the_options_that_they_are_made_with() -> None:
    (judged,) = [task for task in tasks("read_server", "preflight.yml") if CHANNEL in task]
    (made,) = [task for task in tasks("read_server", "channels.yml") if CHANNEL in task]
    assert judged[CHANNEL] == made[CHANNEL]


def test_an_agent_is_started_anew_unless_it_runs_with_what_is_there() -> None:
    """What was changed in this run is not enough: one before may have been interrupted."""
    (asked,) = [task for task in tasks("agent", "systemd.yml") if COMMAND in task]
    (unit,) = [task for task in tasks("agent", "systemd.yml") if SERVICE in task]
    assert "check" in asked[COMMAND]["argv"]
    assert f"{asked['register']}.stdout | default('') == 'running'" in unit[SERVICE]["state"]
    # In check mode the processes of both supervisors are asked, and none is started.
    (started,) = [task for task in tasks("agent", "process.yml") if COMMAND in task]
    assert "{{ 'check' if ansible_check_mode else 'start' }}" in started[COMMAND]["argv"]
    assert asked["check_mode"] is started["check_mode"] is False
