#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_retention_purge
short_description: Purge old rows from a write server once every read server has them
description:
  - Removes rows of usage tables that are older than a number of days, in chunks in the order of the
    primary key, outside the binary log, so that read servers keep them.
  - Nothing goes before every read server has applied it. The rows are looked for first; then the
    position of this server is taken, which covers them, and every read server is waited for. A read
    server that cannot be asked, or whose channel does not run, stops the purge, and so does anybody
    else who reads the binary log.
  - What has come among the rows since they were looked for stays, and so does what others have locked.
  - A run that was killed, or stopped by O(max_rows) or O(max_seconds), needs no care; the next one goes
    on.
  - Between two chunks it pauses for as long as needed to keep commits of others fast, which it
    measures with a row of its own in the schema C(dbrw).
version_added: 0.1.0
options:
  server:
    description: Name of this write server; read servers have a channel of that name.
    type: str
    required: true
  server_host:
    description: Address at which O(read_server_user) reaches this server.
    type: str
    required: true
  server_port:
    description: TCP port of that.
    type: int
    default: 3306
  tables:
    description: The tables, each with its rule. A table without a rule is not purged; leave it out.
    type: list
    elements: dict
    required: true
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
        description: The first column of the primary key, a whole number.
        type: str
        default: id
      time_column:
        description: The column with a row's time, C(DATE), C(DATETIME) or C(TIMESTAMP). It needs no index.
        type: str
        required: true
      days_kept:
        description:
          - Rows stay for so many whole days. Older than that is what lies before the begin of the day
            that many days ago.
        type: int
        required: true
      updated_within_hours:
        description:
          - For how long rows are updated. It must be shorter than they are kept, because an update finds
            nothing once they are gone.
        type: int
        default: 48
      months_kept:
        description:
          - How many months before the current one the read servers keep. Rows here must go earlier.
            Without it they keep all.
        type: int
      time_zone:
        description:
          - The time zone of a time column without one, by name or as C(+01:00).
        type: str
        default: UTC
  read_servers:
    description: All read servers, whether they are part of this run or not.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The read server's name.
        type: str
        required: true
      host:
        description: Its address.
        type: str
        required: true
      port:
        description: Its TCP port.
        type: int
        default: 3306
      replication_user:
        description: The account by which it reads this server's binary log.
        type: str
        required: true
  read_server_user:
    description:
      - An account on them and on this server, as which all are asked. It needs C(REPLICATION CLIENT);
        with O(verify) also C(SELECT), and on this server C(PROCESS), to see who reads its binary log.
    type: str
    required: true
  read_server_password:
    description: Its password.
    type: str
  read_server_ssl:
    description: Whether these connections use TLS.
    type: bool
    default: true
  read_server_ssl_ca:
    description: File here with the authorities that their certificates are verified with.
    type: path
  read_server_timeout_seconds:
    description: How long read servers are waited for that have not applied everything yet.
    type: float
    default: 60
  now:
    description:
      - The time that ages are counted from, in UTC, as C(YYYY-MM-DD) or C(YYYY-MM-DD HH:MM:SS). Without it
        the server's clock counts.
    type: str
  max_rows:
    description: So many rows go in one call, and at most one chunk more.
    type: int
  max_seconds:
    description: No chunk is begun after so many seconds.
    type: float
  chunk_rows:
    description: How many rows one transaction looks at.
    type: int
    default: 1000
  max_p99_growth_percent:
    description:
      - How much longer than before the slowest of a hundred commits may take, in percent. Beyond that
        the purge pauses.
    type: float
    default: 100
  verify:
    description:
      - Whether rows are compared with every read server by checksum before they go. The first chunk
        that differs fails the call.
    type: bool
    default: false
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
notes:
  - The login needs C(SELECT) and C(DELETE) on the tables, C(TRIGGER) on them to see their triggers,
    C(CREATE) on the schema C(dbrw), C(INSERT), C(UPDATE) and C(SELECT) on its table C(purge), and the
    right to leave the binary log. The account C(maintenance) of the role C(write_server) has that.
  - A server does not know how much room its disk has. Run the module on the server's own host, so that a
    refusal can tell how long that lasts.
seealso:
  - module: dbrw.sharding.mysql_month_partition
"""

EXAMPLES = r"""
- name: Write server | Purge what the read servers have
  dbrw.sharding.mysql_retention_purge:
    login_unix_socket: /run/mysqld/mysqld.sock
    server: w1
    tables:
      - {schema: usage_data, name: flights, time_column: scheduled_at, days_kept: 7}
    read_servers:
      - {name: r1, host: r1.dc1.example.com, replication_user: replication_r1}
      - {name: r2, host: r2.dc2.example.com, replication_user: replication_r2}
    server_host: w1.dc1.example.com
    read_server_user: monitor
    read_server_password: "{{ monitor_password }}"
    max_seconds: 3600
"""

RETURN = r"""
tables:
  description: What was done with each table, in check mode what would be.
  returned: success
  type: list
  elements: dict
  contains:
    schema:
      description: Its schema.
      type: str
    table:
      description: Its name.
      type: str
    older_than:
      description: Rows before this moment are old, as the time column tells it.
      type: str
    rows:
      description: Rows that went.
      type: int
    bytes:
      description: About how much they were, without indexes.
      type: int
    rows_left:
      description: Old rows that are still there.
      type: int
    held:
      description: Those of them that others had locked, or added rows among.
      type: int
    seconds:
      description: How long it took, pauses included.
      type: float
    paused_seconds:
      description: How much of that were pauses.
      type: float
    rows_per_second:
      description: The rate.
      type: int
    oldest_left:
      description: The time of the oldest row that is left.
      type: str
position:
  description: What every read server had applied before a row went.
  returned: success
  type: str
statements:
  description: What was run, or in check mode would be; of many chunks the first one.
  returned: always
  type: list
  elements: str
server:
  description: Address, flavour and version of the server.
  returned: success
  type: dict
problems:
  description: Why it was refused.
  returned: when it was refused
  type: list
  elements: str
findings:
  description: Those of the problems that are findings.
  returned: when it was refused
  type: list
  elements: dict
purged:
  description: What was done of a table before an error, by the table's name.
  returned: when a table was not finished because of an error
  type: dict
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import retention_purge
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main() -> None:
    run(retention_purge.RetentionPurge())


if __name__ == "__main__":
    main()
