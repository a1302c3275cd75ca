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
    and names the lines at fault. That text is kept beside the file, under its name and
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
    description: Text that the file shall have.
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
    description: The server's error log, if it writes any beside systemd's journal.
    type: path
  restart:
    description:
      - Whether a running server whose configuration is to change is restarted. If not, its file
        stays as it is, too, and RV(restart_pending) tells of it.
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
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbrw.sharding.plugins.module_utils.server.config_change import (
    ConfigChange,
    ServerFailed,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.unit import Unit
from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar

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


def planned_actions(write, enabled, active, outdated, restart):
    """Return what must be done with the file and the unit, in order."""
    actions = []
    if write and (restart or not active):
        actions.append("write")
    if not enabled:
        actions.append("enable")
    if not active:
        actions.append("start")
    elif outdated and restart:
        actions.append("restart")
    return actions


def problems(params, unit):
    """Return what is wrong before anything is touched, as sentences."""
    found = grammar.told("config_file", params["config_file"], grammar.path)
    unreadable = unit.unreadable(params["user"], params["readable_files"])
    if unreadable:
        found.append(
            f"The user {params['user']} cannot read {', '.join(unreadable)}. Put the files there, "
            f"let their group be {params['user']} (chgrp {params['user']}, chmod 640 for the key) "
            "and their folder be passable."
        )
    return found


def apply(module, actions, change, unit, active):
    """Take the actions, or fail and tell which of them were taken."""
    done = []
    try:
        for action in actions:
            if action == "write":
                change.put()
            elif action == "enable":
                unit.enable()
            else:
                change.start(lambda _text: unit.restart(), ran=active)
            done.append(action)
    except (ServerFailed, OSError) as error:
        module.fail_json(msg=str(error), changed=True, actions=done)


def main():
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    params = module.params
    unit = Unit(params["name"], Path(params["log_file"]) if params["log_file"] else None)
    change = ConfigChange(Path(params["config_file"]), params["config_text"])
    write = change.before != change.wanted
    # Check mode has not installed the unit that it asks for.
    exists = unit.exists()
    if not exists and not module.check_mode:
        module.fail_json(msg=f"There is no unit {unit.name}; install the server, or correct it.")
    found = problems(params, unit) if exists else []
    if found:
        module.fail_json(msg=" ".join(found), problems=found)
    active = exists and unit.is_active()
    current = active and unit.started_after(change.file)
    outdated = active and (write or not current)
    actions = planned_actions(
        write, exists and unit.is_enabled(), active, outdated, params["restart"]
    )
    pending = outdated and "restart" not in actions
    if current and not module.check_mode:
        change.remember(change.before)
    try:
        if params["validate_command"] and exists and (outdated or not active):
            command = shlex.split(params["validate_command"])
            change.judge(command, module.tmpdir, dict(os.environ))
    except (ServerFailed, OSError) as error:
        module.fail_json(msg=str(error))
    if not module.check_mode:
        apply(module, actions, change, unit, active)
    words = {"write": f"write {change.file}"}
    module.exit_json(
        changed=bool(actions),
        actions=[words.get(action, action) for action in actions],
        running=active or not module.check_mode,
        restart_pending=pending,
        diff={
            "before_header": str(change.file),
            "after_header": str(change.file),
            "before": change.before or "",
            "after": change.wanted if "write" in actions else change.before or "",
        },
    )


if __name__ == "__main__":
    main()
