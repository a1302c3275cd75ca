# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the increment and offset that a server has to those that it shall have."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile

SET = "set auto-increment"
PERSIST_IN_FILE = "persist auto-increment"


@dataclass(frozen=True)
class CurrentAutoinc:
    """What a server has: at run time, and after its next start.

    A server that can store variables itself (``has_persist``: MySQL) has
    ``stored`` or nothing yet; any other has a configuration ``file``.
    """

    running: Autoinc
    has_persist: bool
    stored: Autoinc | None = None
    file: ConfigFile | None = None


def file_text(pair: Autoinc) -> str:
    """Return the configuration file that makes the pair outlive a restart."""
    return (
        "# Written by dbrw.sharding.mysql_autoinc_offset. Rows of two servers with one offset\n"
        "# collide on the read servers: change it in the inventory, never here.\n"
        "[mysqld]\n"
        f"auto_increment_increment = {pair.increment}\n"
        f"auto_increment_offset = {pair.offset}\n"
    )


def plan(desired: Autoinc, current: CurrentAutoinc) -> Plan:
    """Return the steps to ``desired``, at run time and for the next start."""
    steps = []
    if current.file and current.file.text != file_text(desired):
        wanted = ConfigFile(current.file.path, file_text(desired))
        steps.append(
            Step(
                PERSIST_IN_FILE,
                current.file.path,
                None if current.file.text is None else {"text": current.file.text},
                {"text": wanted.text},
                wanted,
            )
        )
    stale_at_start = current.has_persist and current.stored != desired
    if current.running != desired or stale_at_start:
        steps.append(Step(SET, "server", _shown(current), _wanted(desired, current), desired))
    return Plan(tuple(steps))


def _shown(current: CurrentAutoinc) -> dict[str, object]:
    shown = _as_dict(current.running)
    if current.has_persist:
        shown["persisted"] = _as_dict(current.stored) if current.stored else None
    return shown


def _wanted(desired: Autoinc, current: CurrentAutoinc) -> dict[str, object]:
    wanted = _as_dict(desired)
    if current.has_persist:
        wanted["persisted"] = _as_dict(desired)
    return wanted


def _as_dict(pair: Autoinc) -> dict[str, object]:
    return {"increment": pair.increment, "offset": pair.offset}
