#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_account
short_description: Manage accounts and their privileges on MySQL and MariaDB
description:
  - Creates, changes and drops accounts of a MySQL or MariaDB server, with their passwords, their
    privileges and whether they must use TLS.
  - Nothing of it enters the binary log. An account that travelled through replication would stop
    every channel of a server that has it already.
  - A password never leaves the module. The server gets its hash, as C(caching_sha2_password) on
    MySQL and C(mysql_native_password) on MariaDB, and the hash that it has is compared with the
    password, so that a second run changes nothing.
  - What is wrong in any of the accounts is told, for all of them, before any is touched.
version_added: 0.1.0
options:
  name:
    description:
      - User name of the account.
      - This or O(accounts) is required.
    type: str
  host:
    description: Hosts that the account may log in from, as the server writes them. V(%) by default.
    type: str
  password:
    description:
      - Its password, up to 256 bytes on MySQL, where more than 213 can log in over TLS only.
      - Required for an account that does not exist.
      - An account that authenticates in another way is changed to this password. On MariaDB, other
        ways besides a password, such as C(unix_socket), are kept.
    type: str
  update_password:
    description:
      - V(always), the default, compares the password of an existing account and sets it when it
        differs.
      - V(on_create) leaves an existing account's password alone.
    type: str
    choices: [always, on_create]
  privileges:
    description:
      - Privileges that the account has at least, a list for each object.
      - An object is V(*.*), V(schema.*) or V(schema.table). In a schema V(%) stands for any
        characters (V(tenant_%.*)), and V(_) for itself. A name with a dot or a space in it stands
        in backquotes.
      - MySQL's words are understood on MariaDB too. There V(REPLICATION CLIENT) also gives
        C(SLAVE MONITOR), and V(SESSION_VARIABLES_ADMIN), which lets a session leave the binary log,
        gives C(BINLOG ADMIN). V(REPLICA) may be written for C(SLAVE).
      - Privileges that are not listed are told in a warning and in RV(accounts[].extra_privileges),
        and left alone.
      - Without this option privileges are left alone altogether.
    type: dict
  require_tls:
    description:
      - Whether the account can log in over TLS only.
      - Without it an existing account is left as it is, and a new one need not use TLS.
    type: bool
  state:
    description:
      - V(present), the default, for an account that exists as described.
      - V(absent) for one that does not exist. Sessions that it has open stay open.
    type: str
    choices: [present, absent]
  accounts:
    description:
      - Several accounts, each with the options above, through one connection.
      - Excludes all of them at the top level.
    type: list
    elements: dict
    suboptions:
      name:
        description: See O(name).
        type: str
        required: true
      host:
        description: See O(host).
        type: str
      password:
        description: See O(password).
        type: str
      update_password:
        description: See O(update_password).
        type: str
        choices: [always, on_create]
      privileges:
        description: See O(privileges).
        type: dict
      require_tls:
        description: See O(require_tls).
        type: bool
      state:
        description: See O(state).
        type: str
        choices: [present, absent]
notes:
  - The login account needs C(CREATE USER), the privileges that it gives with C(GRANT OPTION), and
    SELECT on the schema C(mysql); to stay out of the binary log C(SESSION_VARIABLES_ADMIN) on MySQL
    and C(BINLOG ADMIN) on MariaDB.
  - A password policy of the server (C(validate_password), C(simple_password_check)) cannot judge a
    hash. MariaDB with such a plugin refuses hashes unless C(strict_password_validation) is off.
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
seealso:
  - module: dbrw.sharding.mysql_replication_channel
"""

EXAMPLES = r"""
- name: Write server | Ensure the accounts that the topology needs
  dbrw.sharding.mysql_account:
    login_unix_socket: /run/mysqld/mysqld.sock
    accounts:
      # One for each read server: one that leaves takes its account with it.
      - name: replication_r1
        host: 10.1.0.21
        password: "{{ replication_passwords.r1 }}"
        require_tls: true
        privileges: {"*.*": [REPLICATION SLAVE]}
      - name: replication_r2
        host: 10.2.0.21
        password: "{{ replication_passwords.r2 }}"
        require_tls: true
        privileges: {"*.*": [REPLICATION SLAVE]}
      - name: application
        host: 10.%
        password: "{{ application_password }}"
        privileges: {"usage_data.*": [SELECT, INSERT, UPDATE]}
      - name: monitor
        host: localhost
        password: "{{ monitor_password }}"
        privileges: {"*.*": [PROCESS, REPLICATION CLIENT]}
      # Purges rows outside the binary log.
      - name: maintenance
        host: localhost
        password: "{{ maintenance_password }}"
        privileges:
          "*.*": [REPLICATION CLIENT, SESSION_VARIABLES_ADMIN]
          "usage_data.*": [SELECT, DELETE]

- name: Write server | Ensure that r2, which has been retired, cannot log in any more
  dbrw.sharding.mysql_account:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: replication_r2
    host: 10.2.0.21
    state: absent
"""

RETURN = r"""
accounts:
  description: The accounts that were asked for, in that order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: User name.
      type: str
    host:
      description: Hosts that it may log in from.
      type: str
    state:
      description: Whether it exists after the run.
      type: str
    changes:
      description: What was done, or in check mode would be done, to it.
      type: list
      elements: str
    extra_privileges:
      description: Privileges that it has and that O(privileges) does not list, by object.
      type: dict
  sample:
    - name: application
      host: 10.%
      state: present
      changes: [create account, grant privileges]
      extra_privileges: {}
    - name: monitor
      host: localhost
      state: present
      changes: []
      extra_privileges: {"usage_data.*": [SELECT]}
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.plans import accounts as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import accounts as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.values.account import (
    desired_accounts,
)

# No defaults here: a top-level state that only seemed to apply to a list of
# accounts could not be told from one that nobody gave.
ACCOUNT = {
    "name": {"type": "str"},
    "host": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "update_password": {"type": "str", "choices": ["always", "on_create"], "no_log": False},
    "privileges": {"type": "dict"},
    "require_tls": {"type": "bool"},
    "state": {"type": "str", "choices": ["present", "absent"]},
}
OPTIONS = {
    **ACCOUNT,
    "accounts": {
        "type": "list",
        "elements": "dict",
        "options": {**ACCOUNT, "name": {"type": "str", "required": True}},
    },
}


class Accounts:
    read_timeout = 60.0

    def desired(self, params):
        if params["accounts"] is not None:
            return desired_accounts(params["accounts"])
        return desired_accounts([{option: params[option] for option in ACCOUNT}])

    def current(self, server, desired):
        server.leave_binary_log()
        return server_side.read(server, desired)

    def plan(self, desired, current):
        return planning.plan(desired, current)

    def statements(self, step, server):
        return server_side.statements(step, server)

    def finish(self, server, desired, current, plan, applied):
        return {"accounts": [planning.result(one, current, plan) for one in desired]}


def main():
    run(
        Accounts(),
        OPTIONS,
        mutually_exclusive=[("accounts", option) for option in ACCOUNT],
        required_one_of=[("name", "accounts")],
    )


if __name__ == "__main__":
    main()
