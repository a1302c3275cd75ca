#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_server_info
short_description: Return what a server is, and whether it can serve as a write or a read server
description:
  - Returns a server's flavour, version, settings and schemas.
  - Judges its settings. With some of a server's defaults rows are lost or channels stop, without
    an error at the time.
  - Of a MySQL write server the newest 250 binary logs are looked at too. Transactions without a
    GTID at the beginning of one, as there are after V(gtid_mode) was not V(ON) for a while, are a
    problem, because read servers pass over them without an error.
version_added: 0.1.0
options:
  serves_as:
    description: What the server's settings are judged for; without it they are not.
    type: str
    choices: [write_server, read_server, replica_set_member]
  require_tls:
    description:
      - Whether accounts of the server demand TLS, so that it needs a certificate to serve as
        O(serves_as). MariaDB before 11.4 does not make one by itself.
    type: bool
    default: false
  source_time_zones:
    description:
      - What the write servers say of their time zones, each as RV(time_zones) of this module or
        of M(dbrw.sharding.mysql_autoinc_offset), with the write server's C(name).
      - With O(serves_as=read_server) they are compared. It is a problem if a write server knows
        a time zone by a name that this server does not know, because on MySQL the first
        transaction with it stops the channel (on MariaDB it is a risk), and if the write
        servers' clocks differ.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The write server.
        type: str
        required: true
      time_zone:
        description: Its C(time_zone).
        type: str
        required: true
      year:
        description: The first of the two years that its RV(time_zones.utc_offsets) are of.
        type: int
        required: true
      utc_offsets:
        description: How far its clock is ahead of UTC.
        type: list
        elements: dict
        required: true
        suboptions:
          day:
            description: From which day on.
            type: str
            required: true
          seconds:
            description: How many seconds.
            type: int
            required: true
      names:
        description: The names that it knows; without it, they are not compared.
        type: list
        elements: str
  usage_tables:
    description:
      - Usage tables, each with C(schema), C(name) and C(definition) (C(CREATE TABLE)); all else is
        passed over.
      - Write servers whose clocks differ are a problem only if one of these tables has a
        C(TIMESTAMP) column or one that the server's clock fills. Otherwise they are a risk.
    type: list
    elements: dict
    default: []
  check_schemas:
    description:
      - The schemas of the usage tables, whose rows the binary log of a write server must not leave
        out (C(binlog_do_db), C(binlog_ignore_db)); none for all but the server's own.
      - To see which schemas a log leaves out takes the privilege C(REPLICATION CLIENT), on MariaDB
        C(BINLOG MONITOR).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
seealso:
  - module: dbrw.sharding.mysql_autoinc_offset
"""

EXAMPLES = r"""
- name: Read server | Ask what the server is
  dbrw.sharding.mysql_server_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    serves_as: read_server
  register: asked

- name: Read server | Ensure that its settings lose nothing
  ansible.builtin.assert:
    that: asked.problems | length == 0
    fail_msg: "{{ asked.problems }}"
"""

RETURN = r"""
server:
  description: What every module of the collection returns about the server that it talked to.
  returned: success
  type: dict
  contains:
    address:
      description: Its socket, or its host and port.
      type: str
    flavour:
      description: V(mysql) or V(mariadb).
      type: str
    version:
      description: Its version as it reports it.
      type: str
variables:
  description: The global variables that were judged, null for those that the server lacks.
  returned: success
  type: dict
identity:
  description:
    - What distinguishes the server from others; no two servers of a topology may have one
      RV(identity.server_id) or RV(identity.server_uuid), and no two write servers a domain.
    - The filter P(dbrw.sharding.shared_identities#filter) compares them.
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
schemas:
  description: The schemas that the login user sees, without those of the server itself.
  returned: success
  type: list
  elements: str
time_zones:
  description: The server's clock, and the time zones that it knows by name.
  returned: success
  type: dict
  contains:
    time_zone:
      description: The global C(time_zone); for C(SYSTEM) with that of the host.
      type: str
    year:
      description: The present year, in UTC.
      type: int
    utc_offsets:
      description: How far the clock is ahead of UTC in RV(time_zones.year) and the year after it.
      type: list
      elements: dict
      contains:
        day:
          description: The day in UTC from whose beginning on it is so.
          type: str
        seconds:
          description: Seconds ahead of UTC; negative for behind.
          type: int
    names:
      description: The names; null if the login may not read C(mysql.time_zone_name).
      type: list
      elements: str
  sample:
    time_zone: SYSTEM (CET)
    year: 2026
    utc_offsets:
      - {day: "2026-01-01", seconds: 3600}
      - {day: "2026-03-30", seconds: 7200}
      - {day: "2026-10-26", seconds: 3600}
      - {day: "2027-03-29", seconds: 7200}
      - {day: "2027-11-01", seconds: 3600}
    names: [Europe/Paris, UTC]
problems:
  description: What must be corrected before the server can serve; empty if it can.
  returned: success
  type: list
  elements: str
risks:
  description:
    - What should be corrected, because it costs rows in a rare case, or leaves channels stopped
      after a restart; also warnings. On MySQL sessions of a write server, too, whose rows are
      logged otherwise than its settings say, or not at all.
    - MariaDB does not show what its sessions have set. It shows C(skip_slave_start) nowhere, so
      that is read in the server's option files and command line, where the module runs on its host.
  returned: success
  type: list
  elements: str
findings:
  description: Each of RV(problems) and RV(risks) in parts, for programs.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A code, such as V(settings.log_bin), that stays when the sentence changes.
      type: str
    severity:
      description: V(critical) for a problem, V(warning) for a risk.
      type: str
    where:
      description: The channel or the other server that it is about; empty for this server.
      type: str
    text:
      description: What was found.
      type: str
    todo:
      description: What to do.
      type: str
  sample:
    - code: settings.sync_binlog
      severity: warning
      where: ""
      text: >-
        sync_binlog is 0 and must be 1, or else after a power failure read servers may have rows
        that the write server has lost
      todo: set it in the server's configuration.
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.servers import server_info
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(server_info.ServerInfo())


if __name__ == "__main__":
    main()
