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
    privileges and roles, their limits, whether they are locked and whether they must use TLS.
  - Nothing of it enters the binary log. An account that travelled through replication would stop
    every channel of a server that has it already.
  - A password never leaves the module. The server gets its hash, as C(caching_sha2_password) on
    MySQL and C(mysql_native_password) on MariaDB, and the hash that it has is compared with the
    password, so that a second run changes nothing.
  - Mistakes in any of the accounts are reported, for all of them, before any is changed. Roles are
    created first, and what is absent is dropped last.
version_added: 0.1.0
options:
  name:
    description:
      - User name of the account.
      - This or O(accounts) is required.
    type: str
  host: &host
    description: Hosts that the account may log in from, as the server writes them. V(%) by default.
    type: str
  hosts: &hosts
    description:
      - Several hosts in place of one; the same account, with the same of everything, for each of
        them. To a server these are accounts of their own.
      - A host that is taken out of the list keeps its account, until it is named with
        O(state=absent); a warning names it.
      - Excludes O(host).
    type: list
    elements: str
  kind: &kind
    description:
      - V(user), the default, for an account that can log in.
      - V(role) for a set of privileges that accounts get through O(roles). A role cannot log
        in, so it takes only O(privileges) and O(roles).
      - On MySQL a role is an account with a host, by default V(%). On MariaDB it has no host.
    type: str
    choices: [user, role]
  password: &password
    description:
      - Its password, up to 256 bytes on MySQL, where more than 213 can log in over TLS only.
      - Required for an account that does not exist.
      - An account that authenticates in another way is changed to use this password. On MariaDB,
        other methods, such as C(unix_socket), are kept.
    type: str
  update_password: &update_password
    description:
      - V(always), the default, compares the password of an existing account and sets it when it
        differs.
      - V(on_create) leaves an existing account's password alone.
    type: str
    choices: [always, on_create]
  old_password: &old_password
    description:
      - What becomes of the previous password, so that an application can change over without a
        pause.
      - V(keep) keeps the previous password valid as well as the new one. Change
        O(password) with it on every server, then the applications, then run with V(discard).
      - V(discard) makes the previous password invalid. A run without the option leaves it valid.
      - A password that is changed without V(keep) is the only one afterwards, also when another was
        kept.
      - A server keeps one previous password. A second change with V(keep) makes the oldest of the
        three invalid, with a warning.
      - MySQL calls these dual passwords. MariaDB has no such feature, but tries several
        authentication methods of one account in order, so the previous password becomes a second
        method of the same kind.
      - Refused for an account that does not authenticate with the server's own kind of password.
        Make a second account for the application there, and drop the first one afterwards.
    type: str
    choices: [keep, discard]
  privileges: &privileges
    description:
      - Privileges that the account has at least, a list for each object.
      - An object is V(*.*), V(schema.*) or V(schema.table). In a schema V(%) stands for any
        characters (V(tenant_%.*)), and V(_) for itself. A name with a dot or a space in it stands
        in backquotes.
      - On a table, V(SELECT (id, name\)) is for these columns only; so are V(INSERT), V(UPDATE) and
        V(REFERENCES).
      - MySQL's words are understood on MariaDB too. There V(REPLICATION CLIENT) also gives
        C(SLAVE MONITOR), and V(SESSION_VARIABLES_ADMIN), which lets a session leave the binary log,
        gives C(BINLOG ADMIN). V(REPLICA) may be written for C(SLAVE).
      - What MariaDB has of its own and MySQL has in one, V(READ ONLY ADMIN), by which C(read_only) is
        set, and V(REPLICATION SOURCE ADMIN), gives C(SYSTEM_VARIABLES_ADMIN) there.
      - The tables of accounts V(mysql.global_grants) and V(mysql.role_edges) are
        C(mysql.global_priv) and C(mysql.roles_mapping) on MariaDB.
      - Privileges that are not listed are reported in a warning and in
        RV(accounts[].extra_privileges), and left alone, unless O(revoke_unlisted) is true.
      - Without this option privileges are left alone altogether.
    type: dict
  roles: &roles
    description:
      - Roles that the account has at least, as V(name) or, on MySQL, V(name@host).
      - They must exist, or be made in the same run with O(kind=role).
      - A role counts in a session once it is set there; O(default_roles) are set at login.
      - Roles that are not listed are reported in a warning and in RV(accounts[].extra_roles), and
        left alone, unless O(revoke_unlisted) is true.
    type: list
    elements: str
  default_roles: &default_roles
    description:
      - Roles that are active from login on, exactly these; an empty list for none. MariaDB has one
        at most.
      - Without this option they are left alone.
    type: list
    elements: str
  revoke_unlisted: &revoke_unlisted
    description:
      - Whether O(privileges) and O(roles), where they are given, are all that the account has. What
        is not listed is revoked, on every object, after what is missing has been granted. C(GRANT
        OPTION) and privileges on columns and routines count too.
      - Left alone, with a warning, are C(PROXY), C(WITH ADMIN OPTION) on a role that is listed, and
        MySQL's partial revokes.
      - Refused where it would take anything from the account that the run is logged in as.
    type: bool
  require_tls: &require_tls
    description:
      - Whether the account can log in over TLS only.
      - Without it an existing account is left as it is, and a new one need not use TLS.
    type: bool
  resource_limits: &resource_limits
    description: Limits of the account; V(0) means no limit. Those that are not named are left
      alone.
    type: dict
    suboptions:
      max_queries_per_hour:
        description: Statements an hour.
        type: int
      max_updates_per_hour:
        description: Statements an hour that change something.
        type: int
      max_connections_per_hour:
        description: Logins an hour.
        type: int
      max_user_connections:
        description: Sessions at one time. Those that are open stay.
        type: int
      max_statement_time_seconds:
        description: How long one statement may take. MariaDB only.
        type: float
  locked: &locked
    description:
      - Whether the account is locked. Nobody can log in to it then, but sessions that are open
        go on; end them with C(KILL).
      - Without it an existing account is left as it is.
    type: bool
  state: &state
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
        description: User name of the account.
        type: str
        required: true
      host: *host
      hosts: *hosts
      kind: *kind
      password: *password
      update_password: *update_password
      old_password: *old_password
      privileges: *privileges
      roles: *roles
      default_roles: *default_roles
      revoke_unlisted: *revoke_unlisted
      require_tls: *require_tls
      resource_limits: *resource_limits
      locked: *locked
      state: *state
  binary_log:
    description:
      - Whether what is done enters the binary log, and so reaches every server that replicates from
        this one.
      - Only for the active writer of a replica set, whose members have the same accounts. Between
        servers of different kinds an account must never travel through a channel.
      - Without it the module works on a closed member of a set, too, where it lifts
        C(super_read_only) for the time.
    type: bool
    default: false
notes:
  - The login account needs C(CREATE USER), the privileges that it gives with C(GRANT OPTION), and
    SELECT on the schema C(mysql); to stay out of the binary log C(SESSION_VARIABLES_ADMIN) on MySQL
    and C(BINLOG ADMIN) on MariaDB.
  - For roles it also needs C(ROLE_ADMIN) on MySQL. On MariaDB it needs each role C(WITH ADMIN
    OPTION), which whoever makes a role has, and UPDATE on the schema C(mysql) for
    O(default_roles).
  - MySQL needs C(RELOAD), too, to take C(GRANT OPTION) on V(*.*) from an account. It takes it from
    dynamic privileges in its tables only, so the module lets it read them again.
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

- name: Write server | Ensure that reporting has these privileges and no others, from two hosts
  dbrw.sharding.mysql_account:
    login_unix_socket: /run/mysqld/mysqld.sock
    accounts:
      - name: reader
        kind: role
        privileges: {"usage_data.*": [SELECT]}
        revoke_unlisted: true
      - name: reporting
        hosts: [10.1.0.31, 10.2.0.31]
        password: "{{ reporting_password }}"
        roles: [reader]
        default_roles: [reader]
        privileges: {}
        revoke_unlisted: true
        resource_limits: {max_user_connections: 20}

- name: Write server | Ensure that the application's new password is accepted as well as the old
  dbrw.sharding.mysql_account:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: application
    host: 10.%
    password: "{{ application_new_password }}"
    old_password: keep

- name: Write server | Ensure that the old one is no longer accepted, once all applications changed
  dbrw.sharding.mysql_account:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: application
    host: 10.%
    old_password: discard

- name: Write server | Ensure that nobody logs in as reporting from the second data centre for now
  dbrw.sharding.mysql_account:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: reporting
    host: 10.2.0.31
    locked: true

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
      description: Hosts that it may log in from; empty for a role on MariaDB.
      type: str
    state:
      description: Whether it exists after the run.
      type: str
    changes:
      description: What was done, or in check mode would be done, to it.
      type: list
      elements: str
    extra_privileges:
      description:
        - Privileges that it has and that O(privileges) does not list, by object; empty where they
          are revoked.
      type: dict
    extra_roles:
      description: Roles that it has and that O(roles) does not list; empty where they are revoked.
      type: list
      elements: str
  sample:
    - name: application
      host: 10.%
      state: present
      changes: [create account, grant privileges]
      extra_privileges: {}
      extra_roles: []
    - name: monitor
      host: localhost
      state: present
      changes: []
      extra_privileges: {"usage_data.*": [SELECT]}
      extra_roles: []
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.accounts import account
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(account.Accounts())


if __name__ == "__main__":
    main()
