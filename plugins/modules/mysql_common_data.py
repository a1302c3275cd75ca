#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_common_data
short_description: Bring common data to a server from which others replicate
description:
  - Brings the tables of schemas to what the active writer of a replica set has, as this server's own
    transactions, outside the binary log. It is for servers from which others replicate, where a
    channel to the set would lose rows.
  - It reads one consistent snapshot of the active writer, held for the whole call. Rows are compared
    by checksums of ranges of the primary key; only rows that differ are read, written and deleted,
    in transactions of a bounded size. Afterwards all is compared again.
  - Tables that are missing are made as the active writer has them. Nothing is dropped. Views, routines,
    triggers and events are not brought.
  - Values arrive as they are, whatever their type, character set or sql_mode.
version_added: 0.1.0
options:
  target:
    description:
      - Name of the server that the login is for. One call at a time works on it.
    type: str
    required: true
  schemas:
    description: The common schemas. One that the active writer does not have is left out.
    type: list
    elements: str
    required: true
  source_name:
    description:
      - Name of the active writer, as epochs call it. One that takes no writes, or is not the active
        writer in its newest epoch, is refused.
    type: str
    required: true
  source_host:
    description: Its address.
    type: str
    required: true
  source_port:
    description: Its TCP port.
    type: int
    default: 3306
  source_user:
    description:
      - An account there. It needs SELECT on the schemas and on C(dbrw.epoch).
    type: str
    required: true
  source_password:
    description: Its password.
    type: str
  source_ssl:
    description: Whether the connection uses TLS.
    type: bool
    default: true
  source_ssl_ca:
    description: File here with the authorities that the source's certificate is verified with.
    type: path
  logged:
    description:
      - Whether what is done is written into the binary log here. That is for the active writer of a
        replica set, whose other members get it so. On write servers leave it, or read servers
        would get the rows a second time.
    type: bool
    default: false
  chunk_rows:
    description: How many rows are compared by one checksum. Choose fewer where rows are very long.
    type: int
    default: 5000
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.long_work
  - dbrw.sharding.attributes
notes:
  - The login needs all privileges on the schemas, and the right to leave the binary log.
  - Refused, all at once and before anything is touched, are tables without a primary key, of another
    engine than InnoDB, or made otherwise on both sides, tables that only this server has, triggers here,
    and foreign keys that lead out of the schemas or into them.
  - Others see the tables while rows are brought, ranges that are done beside those that are not.
seealso:
  - module: dbrw.sharding.mysql_replication_channel
  - module: dbrw.sharding.mysql_schema_info
"""

EXAMPLES = r"""
- name: Write server | Bring the customers to what the active writer has
  dbrw.sharding.mysql_common_data:
    login_unix_socket: /run/mysqld/mysqld.sock
    target: w1
    schemas: [customers]
    source_name: w2
    source_host: w2.dc1.example.com
    source_user: monitor
    source_password: "{{ monitor_password }}"
    source_ssl: false
"""

RETURN = r"""
tables:
  description:
    - What was done with each table, in check mode what would be.
  returned: success
  type: list
  elements: dict
  contains:
    table:
      description: Its schema and name.
      type: str
    inserted:
      description: Rows that were missing here.
      type: int
    changed:
      description: Rows that were another here.
      type: int
    deleted:
      description: Rows that the active writer does not have.
      type: int
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  sample: [{"step": "copy", "target": "rows", "server": "here", "seconds": 0.05, "statements": []}]
done:
  description: Whether nothing is left to do.
  returned: always
  type: bool
steps_left:
  description: How many steps are left.
  returned: success
  type: int
servers:
  description: Address, flavour and version of this server (C(here)) and the active writer (C(source)).
  returned: always
  type: dict
unreachable_servers:
  description: Is empty; both must be reached.
  returned: always
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
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import common_data
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import run


def main() -> None:
    run(common_data.CommonData())


if __name__ == "__main__":
    main()
