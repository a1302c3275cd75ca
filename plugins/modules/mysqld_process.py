#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysqld_process
short_description: Run a MySQL or MariaDB server as a plain process
description:
  - Writes a server's option file, initialises its data directory, starts it, waits until it
    answers, and stops it again; without systemd, for demonstrations and tests on one machine.
  - A server is recognised by the option file on its command line. A server that was started in any
    other way is never touched.
  - After initialisation the operating system's user that runs the server logs in over the unix
    domain socket as C(root), without a password, and nobody else logs in at all.
version_added: 0.1.0
options:
  defaults_file:
    description:
      - Option file that the server is started with, as its only argument.
      - Its folder is made if it is missing.
    type: path
    required: true
  defaults_text:
    description:
      - Text of the option file; without it, the file must exist.
      - When the text has changed since the server was started, the server is restarted; see
        O(restart). Before that, the server itself judges the text, and a text that it does not
        understand is not put into place.
      - A server that ends with the text instead of starting gets the text back with which it last
        came up, and is started with that. The module fails then, and names the lines at fault. That
        text is kept next to the file, under its name and C(.last-started).
    type: str
  include_dir:
    description: Folder that the option file includes; made if it is missing.
    type: path
  client_defaults_file:
    description:
      - Option file to write, readable by its owner only, with which a client logs in as C(root)
        over the socket.
    type: path
  datadir:
    description:
      - Data directory; the option file must name the same one. Initialised when it does not exist.
      - Temporary files go to a folder next to it whose name ends in C(.tmp).
    type: path
    required: true
  socket:
    description: Unix domain socket that the server answers on; the option file must name it too.
    type: path
    required: true
  log_file:
    description: File that the server's output goes to; the option file's C(log_error).
    type: path
    required: true
  state:
    description: Whether the server must run.
    type: str
    choices: [started, stopped]
    default: started
  restart:
    description:
      - Whether a running server whose option file is to change is restarted. If not, its file stays
        as it is, too, and RV(restart_pending) is true.
    type: bool
    default: true
  timeout_seconds:
    description: How long the server may take to start or to stop.
    type: int
    default: 60
extends_documentation_fragment:
  - dbrw.sharding.attributes
"""

EXAMPLES = r"""
- name: Server | Ensure that it runs with its present configuration
  dbrw.sharding.mysqld_process:
    defaults_file: /srv/demo/w1/my.cnf
    defaults_text: "{{ lookup('ansible.builtin.template', 'my.cnf.j2') }}"
    datadir: /srv/demo/w1/data
    socket: /srv/demo/w1/mysqld.sock
    log_file: /srv/demo/w1/error.log

- name: Server | Ensure that it is stopped
  dbrw.sharding.mysqld_process:
    defaults_file: /srv/demo/w1/my.cnf
    datadir: /srv/demo/w1/data
    socket: /srv/demo/w1/mysqld.sock
    log_file: /srv/demo/w1/error.log
    state: stopped
"""

RETURN = r"""
pid:
  description: Process id of the server; 0 when it does not run.
  returned: success
  type: int
  sample: 4711
restart_pending:
  description: Whether the server runs with another text than O(defaults_text) after this run.
  returned: success
  type: bool
actions:
  description: What was done, or in check mode would be done.
  returned: success
  type: list
  elements: str
  sample: [write /srv/demo/w1/my.cnf, initialise, start]
"""

import os
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.config_change import (
    ServerFailed,
    text_of,
    write_file,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.process import Process
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers import server_actions
from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import line_of
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

OPTIONS = {
    "defaults_file": {"type": "path", "required": True},
    "defaults_text": {"type": "str"},
    "include_dir": {"type": "path"},
    "client_defaults_file": {"type": "path"},
    "datadir": {"type": "path", "required": True},
    "socket": {"type": "path", "required": True},
    "log_file": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
    "restart": {"type": "bool", "default": True},
    "timeout_seconds": {"type": "int", "default": 60},
}

PATHS = [name for name, option in OPTIONS.items() if option["type"] == "path"]
# The path of a unix domain socket ends with a zero byte in 108 bytes (sun_path).
LONGEST_SOCKET_PATH = 107


def process_of(params):
    """Return the server that the options name."""
    return Process(
        Path(params["defaults_file"]),
        params["defaults_text"],
        Path(params["datadir"]),
        params["socket"],
        Path(params["log_file"]),
        params["timeout_seconds"],
    )


def wanted_files(params):
    """Return the files to write: path, text and mode of each."""
    files = []
    if params["state"] == "started" and params["defaults_text"] is not None:
        files.append((Path(params["defaults_file"]), params["defaults_text"], 0o644))
    if params["state"] == "started" and params["client_defaults_file"]:
        path = Path(params["client_defaults_file"])
        text = (
            f"# mariadb --defaults-file={path}\n"
            f"[client]\nuser = root\n{line_of('socket', params['socket'])}\n"
        )
        files.append((path, text, 0o600))
    return files


def problems(params):
    """Return what is wrong with the options, as sentences."""
    found = []
    for option in PATHS:
        if params[option]:
            found += grammar.told(option, params[option], grammar.path)
    if len(os.fsencode(params["socket"])) > LONGEST_SOCKET_PATH:
        found.append(
            f"socket: {params['socket']} is longer than the {LONGEST_SOCKET_PATH} bytes that a "
            "unix domain socket's path may have; use a folder nearer to the root."
        )
    no_text = params["defaults_text"] is None and not Path(params["defaults_file"]).is_file()
    if params["state"] == "started" and no_text:
        found.append(
            f"defaults_file: {params['defaults_file']} is not there; give its defaults_text."
        )
    return found


@dataclass(frozen=True)
class Planned:
    """What is there, and what is to be done with it.

    ``pending``: the server goes on with another text than its option file is to have.
    """

    pid: int
    pending: bool
    folders: list
    files: list
    actions: list


def plan(params, process):
    pid = process.pid()
    wanted = params["state"] == "started"
    outdated = bool(pid) and not process.runs_with_present_text(pid)
    actions = server_actions.of_process(
        wanted, params["restart"], process.datadir.is_dir(), bool(pid), outdated
    )
    pending = outdated and server_actions.STOP not in actions
    files = [
        (path, text, mode)
        for path, text, mode in wanted_files(params)
        if text_of(path) != text and not (pending and path == process.defaults_file)
    ]
    folder = Path(params["include_dir"]) if wanted and params["include_dir"] else None
    folders = [folder] if folder and not folder.is_dir() else []
    return Planned(pid, pending, folders, files, actions)


def prepare(process, planned, done):
    """Make what the server's own judgement may miss, and keep the text that it runs with."""
    for folder in planned.folders:
        folder.mkdir(mode=0o700, parents=True)
        done.append(f"make {folder}")
    if server_actions.START in planned.actions:
        process.defaults_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if planned.pid:
        process.remember(planned.pid)


def apply(params, process, planned, done):
    for path, text, mode in planned.files:
        write_file(path, text, mode)
        done.append(f"write {path}")
    take = {
        server_actions.INITIALISE: process.initialise,
        server_actions.STOP: lambda: process.stop(planned.pid),
        server_actions.START: process.start,
    }
    for action in planned.actions:
        take[action]()
        done.append(action)
    if params["state"] == "started" and not planned.actions:
        process.wait_for_greeting()


def main():
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    params, done = module.params, []
    try:
        refuse_if_any(problems(params))
        process = process_of(params)
        planned = plan(params, process)
        before = {str(path): text_of(path) for path, _text, _mode in planned.files}
        if not module.check_mode:
            prepare(process, planned, done)
        # Check mode has made no folders, which the server would miss.
        there = process.defaults_file.parent.is_dir() and not planned.folders
        judged = server_actions.START in planned.actions or planned.pending
        if judged and (there or not module.check_mode):
            process.judge(module.tmpdir)
        if not module.check_mode:
            apply(params, process, planned, done)
    except Refused as refusal:
        module.fail_json(msg=str(refusal), problems=refusal.problems)
    except (ServerFailed, OSError) as error:
        module.fail_json(msg=str(error), changed=bool(done), actions=done)
    running = {True: "running", False: "stopped"}
    module.exit_json(
        changed=bool(planned.folders or planned.files or planned.actions),
        actions=[f"make {folder}" for folder in planned.folders]
        + [f"write {path}" for path, _text, _mode in planned.files]
        + planned.actions,
        pid=process.pid(),
        restart_pending=planned.pending,
        diff={
            "before": {**before, "server": running[bool(planned.pid)]},
            "after": {
                **{str(path): text for path, text, _mode in planned.files},
                "server": running[params["state"] == "started"],
            },
        },
    )


if __name__ == "__main__":
    main()
