#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_server_info
short_description: Tell what a server is, and whether it can serve as a write or a read server
description:
  - Returns a server's flavour, version, settings and schemas.
  - Judges its settings. With some of a server's defaults rows are lost or channels stop, and no
    error tells so at the time.
version_added: 0.1.0
options:
  serves_as:
    description: What the server's settings are judged for; without it they are not.
    type: str
    choices: [write_server, read_server]
  require_tls:
    description:
      - Whether accounts of the server demand TLS, so that it needs a certificate to serve as
        O(serves_as). MariaDB before 11.4 has none by itself.
    type: bool
    default: false
  check_schemas:
    description:
      - The schemas of the usage tables, whose rows the binary log of a write server must not leave
        out (C(binlog_do_db), C(binlog_ignore_db)); none for all but the server's own.
      - Which schemas a log leaves out is told to the privilege C(REPLICATION CLIENT), on MariaDB
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
  description: What every module of the collection tells of the server that it talked to.
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
      description: Its version as it tells it.
      type: str
variables:
  description: The global variables that were judged, null for those that the server lacks.
  returned: success
  type: dict
identity:
  description:
    - What the server is told by among others; no two servers of a topology may have one
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
problems:
  description: What must be put right before the server can serve; empty if it can.
  returned: success
  type: list
  elements: str
risks:
  description:
    - What should be put right, because it costs rows in a rare case, or leaves channels stopped
      after a restart; also warnings. On MySQL sessions of a write server, too, whose rows are
      logged otherwise than its settings say, or not at all.
    - MariaDB does not tell C(skip_slave_start), nor what its sessions have set.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import settings
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import schemas
from ansible_collections.dbrw.sharding.plugins.module_utils.values.server_settings import (
    READ_SERVER,
    WRITE_SERVER,
    Verdict,
)

OPTIONS = {
    "serves_as": {"type": "str", "choices": [WRITE_SERVER, READ_SERVER]},
    "require_tls": {"type": "bool", "default": False},
    "check_schemas": {"type": "list", "elements": "str", "default": []},
}


class ServerInfo:
    read_timeout = 30.0

    def desired(self, params):
        self.require_tls = params["require_tls"]
        self.schemas = params["check_schemas"]
        return params["serves_as"]

    def current(self, server, desired):
        return {
            "variables": settings.read(server),
            "schemas": schemas(server),
            "identity": settings.identity_of(server),
        }

    def plan(self, desired, current):
        return Plan()

    def statements(self, step, server):
        return []

    def finish(self, server, desired, current, plan, applied):
        verdict = Verdict((), ())
        if desired:
            verdict = settings.verdict(
                server, desired, current["variables"], self.require_tls, self.schemas
            )
        return {
            **current,
            "problems": list(verdict.problems),
            "risks": list(verdict.risks),
            "warnings": verdict.risks,
        }


def main():
    run(ServerInfo(), OPTIONS)


if __name__ == "__main__":
    main()
