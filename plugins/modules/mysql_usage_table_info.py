#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_usage_table_info
short_description: Tell which differences between two servers' tables would stop a channel
description:
  - Compares a table of this server, the replica, with the real table of each of its sources, and
    says what a replication channel would make of every difference.
  - A difference stops the channel, changes values without a word, or does neither. What is told is
    the worst that can come of it, as measured on MariaDB 10.11, MariaDB 11.8 and MySQL 9.7 with row
    events.
  - Columns are compared by position, as a channel does. Their types, time precision, character
    sets, generated columns and C(NULL) count, and of the replica unique keys, foreign keys and
    checks. Indexes that are not unique and partitions are the replica's own affair. The collation
    of a text counts where it is in the source's primary key, because it decides what is a
    duplicate.
  - Needs no description of the table, and changes nothing.
version_added: 0.1.0
options:
  schema:
    description: The table's schema, on every server.
    type: str
    required: true
  name:
    description: The table's name, on every server.
    type: str
    required: true
  compare_with:
    description:
      - The sources. The module logs in there from the host that it runs on.
      - The options for TLS and O(connect_timeout) count for them, too.
    type: list
    elements: dict
    default: []
    suboptions:
      server:
        description:
          - What the result calls the server.
          - Without it, its address.
        type: str
      login_host:
        description:
          - Host of the source.
          - Not used when O(compare_with[].login_unix_socket) is given.
        type: str
      login_port:
        description: TCP port of the source.
        type: int
        default: 3306
      login_unix_socket:
        description: Path of the source's socket, if it is on the same host.
        type: str
      login_user:
        description:
          - User to log in as on the source.
          - Without it, O(login_user).
        type: str
      login_password:
        description:
          - Password to log in with on the source.
          - Without it and without O(compare_with[].login_user), O(login_password).
        type: str
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
notes:
  - The login users need C(SELECT) on the table. A table that a user may not see is not there for
    the module.
  - The verdict holds for appliers that convert no types, which is the servers' default
    (C(slave_type_conversions), C(replica_type_conversions)). With conversions, a difference that
    stops a channel may change values instead.
seealso:
  - module: dbrw.sharding.mysql_usage_table
"""

EXAMPLES = r"""
- name: Read server | Compare the table of calls with the write servers'
  dbrw.sharding.mysql_usage_table_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    schema: usage_data
    name: calls
    # One account on all of them, with SELECT on the table.
    login_user: checker
    login_password: "{{ checker_password }}"
    compare_with:
      - {server: w1, login_host: w1.dc1.example.com}
      - {server: w2, login_host: w2.dc1.example.com}
      - {server: w3, login_host: w3.dc2.example.com}
  register: calls

- name: Read server | Ensure that every row will arrive as it is
  ansible.builtin.assert:
    that: calls.ok
    fail_msg: "{{ calls.problems }}"
"""

RETURN = r"""
ok:
  description: Whether no difference stops a channel or changes values.
  returned: success
  type: bool
problems:
  description: The differences that do, as sentences.
  returned: success
  type: list
  elements: str
table:
  description: The table of this server; none if it is not there.
  returned: success
  type: dict
  contains:
    columns:
      description: Its columns in order.
      type: list
      elements: dict
      contains:
        name:
          description: The column's name.
          type: str
        type:
          description: Its type as the server writes it.
          type: str
        character_set:
          description: Its character set; none for numbers, times and bytes.
          type: str
        collation:
          description: Its collation; none for numbers, times and bytes.
          type: str
    primary_key:
      description: The columns of its primary key.
      type: list
      elements: str
    indexes:
      description: Its other indexes.
      type: list
      elements: str
    partitioned:
      description: Whether it has partitions.
      type: bool
  sample:
    columns: [{name: id, type: bigint, character_set: null, collation: null}]
    primary_key: [id, started]
    indexes: [KEY started (started)]
    partitioned: true
type_conversions:
  description: Which types this server's appliers convert; the verdict is for none.
  returned: success
  type: str
  sample: ""
servers:
  description: The sources, in the order of O(compare_with).
  returned: success
  type: list
  elements: dict
  contains:
    server:
      description: The server's name, or its address.
      type: str
    ok:
      description: Whether none of its differences stops a channel or changes values.
      type: bool
    differences:
      description: How the tables differ.
      type: list
      elements: dict
      contains:
        column:
          description: The column, by its name on the source if it is there; none for the table.
          type: str
        what:
          description: What differs.
          type: str
        source:
          description: What the source has.
          type: str
        here:
          description: What this server has.
          type: str
        effect:
          description: V(stops) the channel, V(changes) values without a word, or V(none).
          type: str
        why:
          description: How it comes about.
          type: str
  sample:
    - server: w1
      ok: false
      differences:
        - column: caller
          what: type
          source: varchar(20) CHARACTER SET utf8mb4
          here: varchar(10) CHARACTER SET utf8mb4
          effect: stops
          why: the first row stops the channel, which does not convert
"""

from dataclasses import asdict, dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.table_comparison import (
    compare,
    name_difference,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import login_of, run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import usage_table as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    Names,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.usage_table import TableShape

OPTIONS = {
    "schema": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "compare_with": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "server": {"type": "str"},
            "login_host": {"type": "str"},
            "login_port": {"type": "int", "default": 3306},
            "login_unix_socket": {"type": "str"},
            "login_user": {"type": "str"},
            "login_password": {"type": "str", "no_log": True},
        },
    },
}
READ_TIMEOUT = 60.0


@dataclass(frozen=True)
class Desired:
    schema: str
    name: str
    # By what the result calls them.
    sources: dict[str, Login]


@dataclass(frozen=True)
class Source:
    shape: TableShape | None
    logs_generated: bool
    names: Names


@dataclass(frozen=True)
class Current:
    here: TableShape | None
    type_conversions: str
    sources: dict[str, Source]


class UsageTableInfo:
    read_timeout = READ_TIMEOUT

    def desired(self, params):
        problems = system_schema_problems("schema", params["schema"])
        sources = {}
        for number, one in enumerate(params["compare_with"], 1):
            if not (one["login_host"] or one["login_unix_socket"]):
                problems.append(
                    f"compare_with: number {number} has neither login_host nor login_unix_socket; "
                    "give one, so that it can be reached."
                )
                continue
            login = source_login(one, params)
            name = one["server"] or login.address
            if name in sources:
                problems.append(f"compare_with: {name} is there twice; name each server once.")
            sources[name] = login
        refuse_if_any(problems)
        return Desired(params["schema"], params["name"], sources)

    def current(self, server, desired):
        here = server_side.read_table(server, *named(desired, server))
        sources, problems = {}, []
        for name, login in desired.sources.items():
            try:
                sources[name] = read_source(server, login, desired)
            except (ServerError, Refused) as error:
                problems.append(f"{name}: {error}")
        refuse_if_any(problems)
        return Current(here, server_side.type_conversions(server), sources)

    def plan(self, desired, current):
        return Plan()

    def statements(self, step, server):
        return []

    def finish(self, server, desired, current, plan, applied):
        enforces_checks = server.dialect.applier_enforces_checks
        servers, problems = [], []
        for name, source in current.sources.items():
            found = compare(source.shape, current.here, enforces_checks, source.logs_generated)
            table = f"{desired.schema}.{desired.name}"
            name_differs = name_difference(table, source.names, server.names)
            found += [name_differs] if name_differs else []
            harmful = [difference for difference in found if not difference.harmless]
            servers.append(
                {
                    "server": name,
                    "ok": not harmful,
                    "differences": [asdict(difference) for difference in found],
                }
            )
            problems += [f"{name}, {table}, {difference}." for difference in harmful]
        warnings = []
        if current.type_conversions:
            warnings.append(
                f"server {server.address} converts types ({current.type_conversions}): a "
                "difference of types may change values where it is said to stop a channel."
            )
        return {
            "ok": not problems,
            "problems": problems,
            "table": told(current.here),
            "type_conversions": current.type_conversions,
            "servers": servers,
            "warnings": warnings,
        }


def source_login(one, params):
    """Make a login of a source's own options and, where they are not given, the module's."""
    merged = {**params, **one, "login_host": one["login_host"] or "localhost"}
    if one["login_user"] is None:
        # A password goes with its user, and to no one else.
        merged["login_user"] = params["login_user"]
        merged["login_password"] = one["login_password"] or params["login_password"]
    return login_of(merged, READ_TIMEOUT)


def named(desired, server):
    """Return schema and table as one of the servers has them."""
    return server.names.stored(desired.schema), server.names.stored(desired.name)


def read_source(server, login, desired):
    source = connect(login)
    try:
        if source.flavour != server.flavour:
            raise Refused(
                [
                    f"server {source.address} is {source.flavour}, and {server.address} is "
                    f"{server.flavour}; only servers of one flavour can be compared."
                ]
            )
        shape = server_side.read_table(source, *named(desired, source))
        return Source(shape, source.logs_generated, source.names)
    finally:
        source.close()


def told(shape):
    if shape is None:
        return None
    return {
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "character_set": column.character_set,
                "collation": column.collation,
            }
            for column in shape.columns
        ],
        "primary_key": list(shape.primary_key),
        "indexes": [str(index) for index in shape.indexes],
        "partitioned": shape.partitioned,
    }


def main():
    run(UsageTableInfo(), OPTIONS)


if __name__ == "__main__":
    main()
