#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysqld_host_info
short_description: Ask a host how full a server's disks are, and what its option file says
description:
  - Looks at the disks of a server's data and of its binary logs, at its option file, and at the text
    that M(dbrw.sharding.mysqld_service) and M(dbrw.sharding.mysqld_process) keep next to it, with
    which the server last came up.
  - It asks no server, so that it also answers for one that does not run.
    M(dbrw.sharding.mysql_topology_info) compares what it returns with what the server runs with.
  - Files that the option file includes are not looked at. Values of secrets are not returned.
version_added: 0.1.0
options:
  config_file:
    description: The server's option file; it may be missing.
    type: path
    required: true
  datadir:
    description: Its data directory.
    type: path
    required: true
extends_documentation_fragment:
  - dbrw.sharding.attributes.info
seealso:
  - module: dbrw.sharding.mysql_topology_info
"""

EXAMPLES = r"""
- name: Server | Ask its host for disks and option file
  dbrw.sharding.mysqld_host_info:
    config_file: /srv/demo/w2/my.cnf
    datadir: /srv/demo/w2/data
  register: server
"""

RETURN = r"""
host:
  description: What M(dbrw.sharding.mysql_topology_info) takes of a host in its option C(hosts).
  returned: success
  type: dict
  contains:
    disks:
      description: Each disk once, with its C(folder), C(size_bytes) and C(free_bytes).
      type: list
      elements: dict
    config_file_written:
      description: When the option file was written, in UTC; null where there is none.
      type: str
      sample: "2026-11-05T09:30:00"
    settings:
      description: The lines of the option file, each with C(group), C(name) and C(value).
      type: list
      elements: dict
    started_with:
      description: The lines with which the server last came up; null where nobody has kept them.
      type: list
      elements: dict
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers import facts
from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

OPTIONS = {
    "config_file": {"type": "path", "required": True},
    "datadir": {"type": "path", "required": True},
}


def told(found):
    """Return what the host tells as a module's result."""
    before = found.started_with
    return {
        "disks": [asdict(disk) for disk in found.disks],
        "config_file_written": found.changed_at and found.changed_at.isoformat(),
        "settings": [asdict(one) for one in found.settings],
        "started_with": None if before is None else [asdict(one) for one in before],
    }


def main():
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    params = module.params
    try:
        refuse_if_any(
            [
                problem
                for name in OPTIONS
                for problem in grammar.told(name, params[name], grammar.path)
            ]
        )
        found = facts.read(Path(params["config_file"]), Path(params["datadir"]))
    except Refused as refusal:
        module.fail_json(msg=str(refusal), problems=refusal.problems)
    except OSError as error:
        module.fail_json(msg=str(error), problems=[str(error)])
    module.exit_json(changed=False, host=told(found))


if __name__ == "__main__":
    main()
