#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_account_sessions_info
short_description: Return who is logged in by an account
description:
  - Returns the sessions of one account, for example to wait until applications have left a server.
version_added: 0.1.0
options:
  name:
    description: Name of the account, from whatever host.
    type: str
    required: true
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
notes:
  - The login needs C(PROCESS); without it only its own account's sessions are seen.
seealso:
  - module: dbrw.sharding.mysql_fabric_server_state
"""

EXAMPLES = r"""
- name: Wait until the applications have left
  dbrw.sharding.mysql_account_sessions_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: application
  register: account
  until: account.sessions | length == 0
  retries: 60
  delay: 5
"""

RETURN = r"""
sessions:
  description: The sessions, in the order in which they began.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The server's number of it.
      type: int
    host:
      description: From where, mostly with a port.
      type: str
    command:
      description: What it does, as the server calls it.
      type: str
    seconds:
      description: For how long.
      type: int
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.accounts import (
    account_sessions_info,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(account_sessions_info.AccountSessionsInfo())


if __name__ == "__main__":
    main()
