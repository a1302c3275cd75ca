"""How roles are cut: main.yml says what comes when, and preflight.yml touches nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())
IMPORT, INCLUDE = "ansible.builtin.import_tasks", "ansible.builtin.include_tasks"
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
