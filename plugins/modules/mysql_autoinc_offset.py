#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_autoinc_offset
short_description: Set a write server's auto-increment increment and offset
description:
  - Sets C(auto_increment_increment) and C(auto_increment_offset) of a MySQL or MariaDB server as
    one unit, at run time and for the server's next start.
  - Pairs that a server would silently ignore, and pairs that would number the same rows as another
    write server, are refused before any SQL is sent. So is a server whose pair Galera or Group
    Replication (in multi-primary mode) sets.
  - The pair of a server that has one may only be multiplied, so that the server stays among its own
    ids. From V(1) and V(1), which a new server has, every pair can be set.
  - The setting counts for sessions that are opened afterwards. Sessions that are open already keep
    the pair that they have; see O(stale_sessions).
  - Any session may set a pair of its own, and no privilege prevents it. The module therefore also
    looks at the newest ids; see O(check_ids). It can judge the server's settings too; see
    O(check_settings).
version_added: 0.1.0
options:
  increment:
    description:
      - How far apart the ids of one server are, 1 to 65535.
      - The same on every write server, and at least the largest number of write servers that
        there will ever be.
    type: int
    required: true
  offset:
    description: The server's first id, 1 to O(increment), different on every write server.
    type: int
    required: true
  peers:
    description: The other write servers, to be checked against.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the server in error messages.
        type: str
        required: true
      increment:
        description: Its increment.
        type: int
        required: true
      offset:
        description: Its offset.
        type: int
        required: true
  persist_file:
    description:
      - Configuration file that makes the pair outlive a restart of MariaDB, for example
        V(/etc/mysql/mariadb.conf.d/95-autoinc.cnf). The server's own configuration must include it.
      - The file is this module's alone; one that somebody else has written is refused.
      - A file with which the server would come up with another pair all the same is refused. The
        server does not include it, cannot read it, or ignores it because everybody can write to it,
        or a later file or the command line overrules it.
      - Required on MariaDB. Not used on MySQL, which stores the pair itself (C(SET PERSIST)). A
        MySQL server that would not load what it stores is refused.
      - For that the module reads the command line and the option files of the server's process, on
        the host where it runs, as root or as the server's user. Where it cannot, a warning says so.
    type: path
  force:
    description:
      - Whether to set a pair whose ids did not belong to this server until now.
      - Only when no other server has given such ids, or will.
    type: bool
    default: false
  stale_sessions:
    description:
      - What to do about sessions that were opened before the change and still number rows with the
        old values.
      - V(report) names them in a warning and in RV(stale_sessions).
      - V(wait) waits until they are gone, and fails when some are left in the end.
      - V(end) ends them and waits until they are gone. Their open transactions are rolled back.
      - MySQL knows the values of each session. MariaDB does not; there these are all sessions that
        were open at the change, whatever they have set since. The number of the newest of them is
        noted in O(persist_file), so that a later run finds them too. The login user needs
        C(PROCESS) there. With C(performance_schema) switched off, MySQL is asked in the same way,
        but only by the run that makes the change.
      - Replication, its sources' threads, the event scheduler and the module's own session are
        never among them.
    type: str
    choices: [report, wait, end]
    default: report
  stale_sessions_timeout_seconds:
    description: How long O(stale_sessions=wait) and O(stale_sessions=end) wait altogether.
    type: int
    default: 30
  check_ids:
    description:
      - Whether to look at the ids of each C(AUTO_INCREMENT) column, and to fail when
        O(fail_when_used_percent) of its type's range is used. Nothing is changed then.
      - Ids that are not of the offset's residue are reported in a warning. Read servers
        then have two rows with one id.
    type: bool
    default: true
  check_schemas:
    description:
      - The schemas to check; empty for all but the server's own. With O(check_settings) the binary
        log must not leave out their rows (C(binlog_do_db), C(binlog_ignore_db)).
    type: list
    elements: str
    default: []
  require_schemas:
    description:
      - Whether a schema of O(check_schemas) that does not exist fails the run. With V(false) it
        counts as one without ids, for a schema that a later task makes.
    type: bool
    default: true
  ids_checked_per_table:
    description:
      - How many of a table's newest ids are checked. They are read from the end of an index, so a
        table of any size costs the same.
    type: int
    default: 100000
  earlier_increment:
    description:
      - The increment before it was multiplied. Ids of the offset's residue modulo it are
        the server's own too.
      - Give it as long as such ids are among the newest.
    type: int
  fail_on_foreign_ids:
    description: Whether ids that are not of the offset's residue fail the run.
    type: bool
    default: false
  fail_when_used_percent:
    description: How much of a type's range may be used, 1 to 100.
    type: int
    default: 90
  check_settings:
    description:
      - Whether to refuse a server whose settings would lose rows or stop channels, with the
        RV(dbrw.sharding.mysql_server_info#module:problems) that M(dbrw.sharding.mysql_server_info)
        returns for a write server. Its RV(dbrw.sharding.mysql_server_info#module:risks) become
        warnings of a run that is not refused.
    type: bool
    default: false
  require_tls:
    description:
      - Whether accounts of the server demand TLS, so that it needs a certificate to pass. Looked at
        with O(check_settings) only.
    type: bool
    default: false
  next_id_above:
    description:
      - Tables as C(schema.table), each with an id that every next id must be above.
      - For a write server that comes back empty, which would begin at its offset again, the highest
        id that any read server has. The next id is of the server's own residue.
      - A counter that is above already is left alone, and none is ever lowered.
      - The change does not enter the binary log. To keep it out, the login user needs
        C(BINLOG ADMIN) (MariaDB) or C(SESSION_VARIABLES_ADMIN) (MySQL).
      - A table of O(usage_tables) need not be there. It is left to a call after it was made.
    type: dict
    default: {}
  usage_tables:
    description: The tables that are looked up on O(read_servers).
    type: list
    elements: dict
    default: []
    suboptions:
      schema:
        description: The table's schema.
        type: str
        required: true
      name:
        description: The table's name.
        type: str
        required: true
      id_column:
        description: The column that write servers number. The primary key begins with it.
        type: str
        default: id
  read_servers:
    description:
      - The read servers to ask whether they have ids of O(usage_tables) that this server would
        give again. Then the run is refused, and the error has the value that O(next_id_above)
        needs.
      - This happens when a write server comes back empty or from a backup, when a table was
        truncated, and when the offset belonged to another server before.
      - All are queried at the same time. One that does not answer within O(connect_timeout),
        refuses the login, or takes longer than a second for a table is named in a warning; one that
        does not have the table has no ids of it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the server in messages.
        type: str
        required: true
      host:
        description: Where it is reached.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 3306
  read_server_user:
    description:
      - The account that logs in to O(read_servers). C(SELECT) on O(usage_tables) is enough for it.
    type: str
  read_server_password:
    description: Its password.
    type: str
  read_server_ssl:
    description: Whether it logs in over TLS.
    type: bool
    default: false
  read_server_ssl_ca:
    description: File with the authority that read servers' certificates are verified with.
    type: path
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
seealso:
  - module: dbrw.sharding.mysql_server_info
  - module: dbrw.sharding.mysql_usage_table
"""

EXAMPLES = r"""
- name: Write server | Ensure its ids are 2, 22, 42, and so on
  dbrw.sharding.mysql_autoinc_offset:
    login_unix_socket: /run/mysqld/mysqld.sock
    increment: 20
    offset: 2
    peers:
      - {name: w1, increment: 20, offset: 1}
      - {name: w3, increment: 20, offset: 3}
    persist_file: /etc/mysql/mariadb.conf.d/95-autoinc.cnf
    check_settings: true

- name: Write server | Multiply its increment, and end the sessions that still have the old one
  dbrw.sharding.mysql_autoinc_offset:
    login_unix_socket: /run/mysqld/mysqld.sock
    increment: 40
    offset: 2
    persist_file: /etc/mysql/mariadb.conf.d/95-autoinc.cnf
    stale_sessions: end

- name: Write server | Look for ids of other servers, and for columns that are nearly full
  dbrw.sharding.mysql_autoinc_offset:
    login_unix_socket: /run/mysqld/mysqld.sock
    increment: 40
    offset: 2
    persist_file: /etc/mysql/mariadb.conf.d/95-autoinc.cnf
    check_schemas: [usage_data]
    earlier_increment: 20
    fail_on_foreign_ids: true
    fail_when_used_percent: 80
  check_mode: true

- name: Write server | Ensure that it numbers on above what the read servers have
  dbrw.sharding.mysql_autoinc_offset:
    login_unix_socket: /run/mysqld/mysqld.sock
    increment: 40
    offset: 2
    persist_file: /etc/mysql/mariadb.conf.d/95-autoinc.cnf
    next_id_above:
      usage_data.calls: 123456

- name: Write server | Refuse it if it would give ids that read servers have
  dbrw.sharding.mysql_autoinc_offset:
    login_unix_socket: /run/mysqld/mysqld.sock
    increment: 40
    offset: 2
    persist_file: /etc/mysql/mariadb.conf.d/95-autoinc.cnf
    usage_tables:
      - {schema: usage_data, name: calls}
    read_servers:
      - {name: r1, host: r1.dc1.example.com}
      - {name: r2, host: r2.dc2.example.com}
    read_server_user: monitor
    read_server_password: "{{ monitor_password }}"
    read_server_ssl: true
    read_server_ssl_ca: /etc/mysql/tls/ca.pem
"""

RETURN = r"""
autoinc:
  description: The pair that new sessions have after the run, and what follows from it.
  returned: success
  type: dict
  contains:
    increment:
      description: The increment.
      type: int
    offset:
      description: The offset.
      type: int
    residue:
      description: What C(id mod increment) gives for every id of this server.
      type: int
  sample: {increment: 20, offset: 2, residue: 2}
identity:
  description: What distinguishes the server from others, as M(dbrw.sharding.mysql_server_info)
    returns it.
  returned: success
  type: dict
  contains:
    server_id:
      description: Its number.
      type: int
    server_uuid:
      description: MySQL's name of it, from C(auto.cnf); null on MariaDB.
      type: str
    gtid_domains:
      description: On MariaDB its GTID domain, and others in which its sessions have written.
      type: list
      elements: int
  sample: {server_id: 1, server_uuid: null, gtid_domains: [1]}
stale_sessions:
  description:
    - Sessions that may still number with other values, after the run; in check mode those that it
      would find (O(stale_sessions=report) and O(stale_sessions=wait)).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The connection's number.
      type: int
    user:
      description: Who has logged in.
      type: str
    host:
      description: From where.
      type: str
    seconds:
      description: How long the session has been doing what it does, mostly nothing.
      type: int
  sample: [{id: 4711, user: application, host: 10.1.0.7, seconds: 12}]
ended_sessions:
  description: Sessions that were ended, in the same shape.
  returned: success
  type: list
  elements: dict
  sample: []
time_zones:
  description:
    - The server's clock, and the time zones that it knows by name, as
      M(dbrw.sharding.mysql_server_info) returns them.
  returned: with O(check_settings)
  type: dict
id_columns:
  description: The C(AUTO_INCREMENT) columns, with what their ids say.
  returned: success
  type: list
  elements: dict
  contains:
    schema:
      description: The schema.
      type: str
    table:
      description: The table.
      type: str
    column:
      description: The column.
      type: str
    type:
      description: Its type, as the server writes it.
      type: str
    highest_id:
      description: The highest id of a row; none in an empty table.
      type: int
    next_id:
      description: The id that a session with the pair gets next, after the run.
      type: int
    used_percent:
      description: How much of the type's range is used, deleted rows included.
      type: float
    ids_left:
      description: How many ids this server can still give.
      type: int
    ids_checked:
      description: How many of the newest ids were looked at.
      type: int
    foreign_ids:
      description: How many of these are not of the offset's residue.
      type: int
    foreign_sample:
      description: The newest of them, five at most.
      type: list
      elements: int
  sample:
    - schema: usage_data
      table: calls
      column: id
      type: bigint(20)
      highest_id: 62
      next_id: 82
      used_percent: 0.0
      ids_left: 461168601842738787
      ids_checked: 4
      foreign_ids: 0
      foreign_sample: []
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.ids import autoinc_offset
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(autoinc_offset.AutoincOffset())


if __name__ == "__main__":
    main()
