# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a server as a whole, in order: as a plain process, or as a systemd unit."""

from __future__ import annotations

INITIALISE, START, STOP = "initialise", "start", "stop"
WRITE, ENABLE, RESTART = "write", "enable", "restart"


def of_process(
    wanted: bool, may_restart: bool, initialised: bool, running: bool, outdated: bool
) -> list[str]:
    """Return what is done with a process that is ``wanted`` to run.

    ``outdated``: it runs with another text than its option file is to have.
    """
    if not wanted:
        return [STOP] if running else []
    actions = [] if initialised else [INITIALISE]
    restart = outdated and may_restart
    if restart:
        actions.append(STOP)
    if not running or restart:
        actions.append(START)
    return actions


def of_unit(
    differs: bool, enabled: bool, active: bool, outdated: bool, may_restart: bool
) -> list[str]:
    """Return what is done with a unit that is to run, and with its file if the text ``differs``.

    A text that it may not come up with does not lie where its next start would read it.
    """
    actions = []
    if differs and (may_restart or not active):
        actions.append(WRITE)
    if not enabled:
        actions.append(ENABLE)
    if not active:
        actions.append(START)
    elif outdated and may_restart:
        actions.append(RESTART)
    return actions
