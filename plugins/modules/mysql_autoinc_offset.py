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
    write server, are refused before any SQL is sent.
  - The setting counts for sessions that are opened afterwards. Sessions that are open already keep
    the pair that they have.
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
        description: What an error message calls the server.
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
      - Required on MariaDB. Not used on MySQL, which stores the pair itself (C(SET PERSIST)).
    type: path
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
seealso:
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
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.plans import autoinc as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import read_file, run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import autoinc as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.values.autoinc import (
    Autoinc,
    NamedAutoinc,
    problems_between,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

PAIR = {
    "increment": {"type": "int", "required": True},
    "offset": {"type": "int", "required": True},
}
OPTIONS = {
    **PAIR,
    "peers": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, **PAIR},
    },
    "persist_file": {"type": "path"},
}


class AutoincOffset:
    read_timeout = 60.0

    def desired(self, params):
        pair = Autoinc(params["increment"], params["offset"])
        peers = [
            NamedAutoinc(peer["name"], Autoinc(peer["increment"], peer["offset"]))
            for peer in params["peers"]
        ]
        everyone = [NamedAutoinc("this server", pair), *peers]
        problems = [text for one in everyone for text in one.pair.problems(one.name)]
        refuse_if_any(problems or problems_between(everyone))
        self.persist_file = params["persist_file"]
        return pair

    def current(self, server, desired):
        if not server.dialect.has_persist and not self.persist_file:
            raise Refused(
                [
                    f"server {server.address} is MariaDB, which cannot store variables itself: "
                    "name a configuration file in persist_file, or a restart would bring back "
                    "other ids."
                ]
            )
        return server_side.read(server, read_file(self.persist_file) if self.persist_file else None)

    def plan(self, desired, current):
        return planning.plan(desired, current)

    def statements(self, step, server):
        return server_side.statements(step.value, server)

    def finish(self, server, desired, current, plan, applied):
        return {
            "autoinc": {
                "increment": desired.increment,
                "offset": desired.offset,
                "residue": desired.residue,
            }
        }


def main():
    run(AutoincOffset(), OPTIONS)


if __name__ == "__main__":
    main()
