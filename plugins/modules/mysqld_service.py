#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysqld_service
short_description: Run a MySQL or MariaDB server under systemd with a configuration file
description:
  - Writes a configuration file that a server reads, enables and starts the server's unit, and
    restarts it when it was started before the file was written.
  - The server itself judges the file before it is put into place. A server that does not start
    with it gets the text back with which it last did, and is started with that; the module fails,
    and names the lines at fault. That text is kept next to the file, under its name and
    C(.last-started).
version_added: 0.1.0
options:
  name:
    description: The systemd unit.
    type: str
    required: true
  config_file:
    description: Configuration file; the server must read it.
    type: path
    required: true
  config_text:
    description: Text of the file.
    type: str
    required: true
  validate_command:
    description:
      - Command that judges a configuration file, which stands for C(%s) in it. No shell reads it.
      - Without it, the file is not judged before it is put into place.
    type: str
  user:
    description: User that the unit runs the server as.
    type: str
    default: mysql
  readable_files:
    description: Files that O(user) must be able to read, such as the key for TLS.
    type: list
    elements: path
    default: []
  log_file:
    description: The server's error log, if it writes one in addition to systemd's journal.
    type: path
  restart:
    description:
      - Whether a running server whose configuration is to change is restarted. If not, its file
        stays as it is, too, and RV(restart_pending) is true.
    type: bool
    default: true
extends_documentation_fragment:
  - dbrw.sharding.attributes
"""

EXAMPLES = r"""
- name: Server | Ensure that it runs with its present configuration
  dbrw.sharding.mysqld_service:
    name: mariadb
    config_file: /etc/mysql/mariadb.conf.d/90-dbrw.cnf
    config_text: "{{ lookup('ansible.builtin.template', 'server.cnf.j2') }}"
"""

RETURN = r"""
running:
  description: Whether the server runs after this run; in check mode, whether it does now.
  returned: success
  type: bool
restart_pending:
  description: Whether the server runs with another text than O(config_text) after this run.
  returned: success
  type: bool
actions:
  description: What was done, or in check mode would be done.
  returned: success
  type: list
  elements: str
  sample: [write /etc/mysql/mariadb.conf.d/90-dbrw.cnf, restart]
"""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.config_change import (
    ConfigChange,
    ServerFailed,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.unit import Unit
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers import server_actions
from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

OPTIONS = {
    "name": {"type": "str", "required": True},
    "config_file": {"type": "path", "required": True},
    "config_text": {"type": "str", "required": True},
    "validate_command": {"type": "str"},
    "user": {"type": "str", "default": "mysql"},
    "readable_files": {"type": "list", "elements": "path", "default": []},
    "log_file": {"type": "path"},
    "restart": {"type": "bool", "default": True},
}


@dataclass(frozen=True)
class Planned:
    """What is there, and what is to be done with it.

    ``current``: it was started after its file was put into place; ``pending``: it goes on with
    another text than its file is to have.
    """

    active: bool
    current: bool
    outdated: bool
    pending: bool
    actions: list


def problems(params, unit, exists, check_mode):
    """Return what is wrong before anything is touched, as sentences."""
    if not exists:
        # Check mode has not installed the unit that it asks for.
        missing = f"There is no unit {unit.name}; install the server, or correct it."
        return [] if check_mode else [missing]
    found = grammar.told("config_file", params["config_file"], grammar.path)
    unreadable = unit.unreadable(params["user"], params["readable_files"])
    if unreadable:
        found.append(
            f"The user {params['user']} cannot read {', '.join(unreadable)}. Put the files there, "
            f"let their group be {params['user']} (chgrp {params['user']}, chmod 640 for the key) "
            "and their folder be passable."
        )
    return found


def plan(params, unit, exists, change):
    differs = change.before != change.wanted
    active = exists and unit.is_active()
    current = active and unit.started_after(change.file)
    outdated = active and (differs or not current)
    actions = server_actions.of_unit(
        differs, exists and unit.is_enabled(), active, outdated, params["restart"]
    )
    pending = outdated and server_actions.RESTART not in actions
    return Planned(active, current, outdated, pending, actions)


def apply(unit, change, planned, done):
    def start():
        change.start(lambda _text: unit.restart(), ran=planned.active)

    take = {
        server_actions.WRITE: change.put,
        server_actions.ENABLE: unit.enable,
        server_actions.START: start,
        server_actions.RESTART: start,
    }
    for action in planned.actions:
        take[action]()
        done.append(action)


def main():
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    params, done, begun = module.params, [], False
    try:
        unit = Unit(params["name"], Path(params["log_file"]) if params["log_file"] else None)
        change = ConfigChange(Path(params["config_file"]), params["config_text"])
        exists = unit.exists()
        refuse_if_any(problems(params, unit, exists, module.check_mode))
        planned = plan(params, unit, exists, change)
        if planned.current and not module.check_mode:
            change.remember(change.before)
        judged = exists and (planned.outdated or not planned.active)
        if judged and params["validate_command"]:
            command = shlex.split(params["validate_command"])
            change.judge(command, module.tmpdir, dict(os.environ))
        if not module.check_mode:
            begun = bool(planned.actions)
            apply(unit, change, planned, done)
    except Refused as refusal:
        module.fail_json(msg=str(refusal), problems=refusal.problems)
    except (ServerFailed, OSError) as error:
        module.fail_json(msg=str(error), changed=begun, actions=done)
    words = {server_actions.WRITE: f"write {change.file}"}
    module.exit_json(
        changed=bool(planned.actions),
        actions=[words.get(action, action) for action in planned.actions],
        running=planned.active or not module.check_mode,
        restart_pending=planned.pending,
        diff={
            "before_header": str(change.file),
            "after_header": str(change.file),
            "before": change.before or "",
            "after": change.wanted
            if server_actions.WRITE in planned.actions
            else change.before or "",
        },
    )


if __name__ == "__main__":
    main()
