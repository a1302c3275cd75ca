#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_time_zones
short_description: Load the time zones that a host knows into its server
description:
  - A server that was just installed knows no time zone by its name, such as C(Europe/Paris). This
    loads those that the host's files describe and the server lacks. It reads the files itself and
    needs none of the server's programs.
  - On MySQL, a transaction of a session that has a time zone by its name stops the channel of
    every replica that does not know the name (error 1298). So load them into replicas, too; a
    server that is C(read_only) takes them from an administrator.
  - What the server knows stays as it is, also where the host's files tell it otherwise by now.
  - Nothing of this enters the binary log.
version_added: 0.1.0
options:
  zoneinfo:
    description:
      - Folder of the time zone files on the host that the module runs on, which is the server's. On
        Debian and Ubuntu the package C(tzdata) has them, and C(tzdata-legacy) old names such as
        C(US/Pacific).
      - Files below C(right), C(localtime) and C(posixrules) are left out; they name no zones.
    type: path
    default: /usr/share/zoneinfo
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
seealso:
  - module: dbrw.sharding.mysql_server_info
"""

EXAMPLES = r"""
- name: Server | Ensure that it knows the time zones of its host
  dbrw.sharding.mysql_time_zones:
    login_user: root
    login_unix_socket: /run/mysqld/mysqld.sock
"""

RETURN = r"""
loaded:
  description: The names that were loaded, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [Europe/Paris, US/Pacific]
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.plans import time_zones as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import (
    time_zones as server_side,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

OPTIONS = {"zoneinfo": {"type": "path", "default": "/usr/share/zoneinfo"}}


class TimeZones:
    read_timeout = 60.0

    def desired(self, params):
        return params["zoneinfo"]

    def current(self, server, desired):
        server.leave_binary_log()
        names = server_side.names(server)
        if not server_side.has_zones(desired):
            raise Refused(
                [
                    f"zoneinfo: there are no time zone files in {desired}. Install them (on Debian "
                    "and Ubuntu the package tzdata), or correct the path."
                ]
            )
        files = server_side.files(desired, names)
        return files, len(names), server_side.last_id(server) if files else 0

    def plan(self, desired, current):
        return planning.plan(desired, *current)

    def statements(self, step, server):
        return server_side.statements(step)

    def finish(self, server, desired, current, plan, applied):
        return {"loaded": sorted(current[0])}


def main():
    run(TimeZones(), OPTIONS)


if __name__ == "__main__":
    main()
