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
  - What the server knows stays as it is, even where the host's files differ by now.
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

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.servers import time_zones
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(time_zones.TimeZones())


if __name__ == "__main__":
    main()
