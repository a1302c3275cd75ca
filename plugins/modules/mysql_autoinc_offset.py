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
      - Ids that are not of the offset's residue are told in a warning. They end up as second rows
        with the same id on the read servers.
    type: bool
    default: true
  check_schemas:
    description:
      - The schemas to look at; none for all but the server's own. With O(check_settings) the binary
        log must not leave out their rows (C(binlog_do_db), C(binlog_ignore_db)).
    type: list
    elements: str
    default: []
  require_schemas:
    description:
      - Whether a schema of O(check_schemas) that is not there fails the run. With V(false) it
        counts as one without ids, for a schema that a later task makes.
    type: bool
    default: true
  ids_checked_per_table:
    description:
      - How many of a table's newest ids are looked at. They are read from the end of an index, so a
        table of any size costs the same.
    type: int
    default: 100000
  earlier_increment:
    description:
      - The increment from before it was multiplied. Ids of the offset's residue modulo it are
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
        tells of a write server. Its RV(dbrw.sharding.mysql_server_info#module:risks) are warnings
        of a run that is not refused.
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
      - A counter that is above already is left alone, and none is ever lowered. The change does not
        enter the binary log.
      - A table of O(usage_tables) need not be there. It is left to a call after it was made.
    type: dict
    default: {}
  usage_tables:
    description: The tables of which O(read_servers) are asked.
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
        give again. Then the run is refused, and the value that O(next_id_above) needs is told.
      - That is so of a write server that comes back empty or from a backup, of one that was
        truncated, and of an offset that was another server's.
      - All are asked at once. One that does not answer within O(connect_timeout), lets nobody in or
        cannot tell within a second a table is named in a warning; one that lacks the table has no
        ids of it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What a message calls the server.
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

- name: Write server | Look for foreign ids, and for columns that run full
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
  description: What the server is told by among others, as M(dbrw.sharding.mysql_server_info) tells.
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

from dataclasses import asdict, replace
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.plans import autoinc as planning
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import (
    reader_ids as reader_ids_plans,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans import (
    time_zones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.id_columns import (
    RAISE,
    floor_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.module import read_file, run
from ansible_collections.dbrw.sharding.plugins.module_utils.server import (
    anonymous_transactions,
    id_columns,
    reader_ids,
    settings,
    stale_sessions,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server import autoinc as server_side
from ansible_collections.dbrw.sharding.plugins.module_utils.server import (
    time_zones as zones_of_servers,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.autoinc import (
    Autoinc,
    NamedAutoinc,
    problems_between,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel import Settings
from ansible_collections.dbrw.sharding.plugins.module_utils.values.id_column import IdLimits
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.reader_ids import UsageTable
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.server_settings import (
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.session import (
    END,
    NEVER,
    REPORT,
    WAIT,
    StalePolicy,
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
    "force": {"type": "bool", "default": False},
    "stale_sessions": {"type": "str", "choices": [REPORT, WAIT, END], "default": REPORT},
    "stale_sessions_timeout_seconds": {"type": "int", "default": 30},
    "check_ids": {"type": "bool", "default": True},
    "check_schemas": {"type": "list", "elements": "str", "default": []},
    "require_schemas": {"type": "bool", "default": True},
    "ids_checked_per_table": {"type": "int", "default": 100000},
    "earlier_increment": {"type": "int"},
    "fail_on_foreign_ids": {"type": "bool", "default": False},
    "fail_when_used_percent": {"type": "int", "default": 90},
    "check_settings": {"type": "bool", "default": False},
    "require_tls": {"type": "bool", "default": False},
    "next_id_above": {"type": "dict", "default": {}},
    "usage_tables": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "schema": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "id_column": {"type": "str", "default": "id"},
        },
    },
    "read_servers": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "default": 3306},
        },
    },
    "read_server_user": {"type": "str"},
    "read_server_password": {"type": "str", "no_log": True},
    "read_server_ssl": {"type": "bool", "default": False},
    "read_server_ssl_ca": {"type": "path"},
}


class AutoincOffset:
    read_timeout = 60.0

    def __init__(self):
        self.watch = None
        self.ended = {}
        self.risks = ()
        self.time_zones = {}

    def desired(self, params):
        pair = Autoinc(params["increment"], params["offset"])
        peers = [
            NamedAutoinc(peer["name"], Autoinc(peer["increment"], peer["offset"]))
            for peer in params["peers"]
        ]
        everyone = [NamedAutoinc("this server", pair), *peers]
        stale = StalePolicy(params["stale_sessions"], params["stale_sessions_timeout_seconds"])
        limits = IdLimits(
            params["check_ids"],
            tuple(params["check_schemas"]),
            params["ids_checked_per_table"],
            params["fail_when_used_percent"],
            params["fail_on_foreign_ids"],
            schemas_must_exist=params["require_schemas"],
        )
        problems = [text for one in everyone for text in one.pair.problems(one.name)]
        problems = problems or problems_between(everyone)
        earlier = params["earlier_increment"]
        if earlier is not None and (earlier < 1 or pair.increment % earlier):
            problems.append(
                f"earlier_increment {earlier} does not divide increment {pair.increment}; an "
                "increment can only have been multiplied."
            )
        floors = {name: as_number(floor) for name, floor in params["next_id_above"].items()}
        if params["read_servers"] and not (
            params["read_server_user"] and params["read_server_password"]
        ):
            problems.append(
                "read_servers cannot be asked without read_server_user and read_server_password; "
                "give both."
            )
        problems += system_schema_problems("check_schemas", *limits.schemas)
        floored = {name.partition(".")[0]: None for name in floors}
        problems += system_schema_problems("next_id_above", *floored)
        named = {table["schema"]: None for table in params["usage_tables"]}
        problems += system_schema_problems("usage_tables", *named)
        refuse_if_any([*problems, *stale.problems(), *limits.problems(), *floor_problems(floors)])
        self.persist_file = params["persist_file"]
        self.check_settings, self.require_tls = params["check_settings"], params["require_tls"]
        self.readers = readers_of(params)
        tables = [UsageTable(**table) for table in params["usage_tables"]]
        return planning.DesiredAutoinc(
            pair, stale, limits, floors, earlier, params["force"], tuple(tables)
        )

    def named(self, desired, names):
        schemas = tuple(names.stored(name) for name in desired.limits.schemas)
        floors = {names.stored(name): floor for name, floor in desired.next_id_above.items()}
        tables = tuple(
            replace(table, schema=names.stored(table.schema), name=names.stored(table.name))
            for table in desired.usage_tables
        )
        return replace(
            desired,
            limits=replace(desired.limits, schemas=schemas),
            next_id_above=floors,
            usage_tables=tables,
        )

    def current(self, server, desired):
        if self.check_settings:
            verdict = settings.verdict(
                server,
                WRITE_SERVER,
                settings.read(server),
                self.require_tls,
                desired.limits.schemas,
            )
            refuse_if_any([*verdict.problems, *anonymous_transactions.problems(server)])
            zones = zones_of_servers.read(server)
            self.time_zones = {"time_zones": zones.told()}
            self.risks = (*verdict.risks, *time_zones.clock_risks(zones.clock))
        self.identity = settings.identity_of(server)
        file = wanted = None
        if not server.dialect.has_persist:
            self.require_file(server)
            file = read_file(self.persist_file)
            wanted = replace(file, text=planning.file_text(desired.pair))
        current = server_side.read(server, file, wanted)
        self.watch = stale_sessions.Watch(
            server, desired.pair, self.moment(server, desired, current)
        )
        tables = {*desired.next_id_above, *(table.table_name for table in desired.usage_tables)}
        judge_of_ids = planning.judged_by(desired, current)
        columns = id_columns.read(server, desired.limits, judge_of_ids, tables)
        on_readers = self.ask_readers(desired, columns)
        if any(one.id is not None for one in on_readers):
            # What this server has numbered, and they have got, while they were asked.
            columns = id_columns.read_again(server, columns)
            if reader_ids_plans.taken(on_readers, planning.next_ids(desired, columns)):
                on_readers = reader_ids.with_highest(
                    self.readers, desired.pair, desired.usage_tables, on_readers
                )
        return replace(current, sessions=self.watch.stale(), columns=columns, on_readers=on_readers)

    def ask_readers(self, desired, columns):
        """Return what read servers have that this server, as it is, would give again."""
        if not (self.readers.settings and desired.usage_tables):
            return ()
        next_ids = planning.next_ids(desired, columns)
        return reader_ids.find(self.readers, desired.pair, desired.usage_tables, next_ids)

    def require_file(self, server):
        if not self.persist_file:
            raise Refused(
                [
                    f"server {server.address} is MariaDB, which cannot store variables itself: "
                    "name a configuration file in persist_file, or a restart would bring back "
                    "other ids."
                ]
            )
        folder = Path(self.persist_file).parent
        if not folder.is_dir():
            raise Refused(
                [f"persist_file: there is no folder {folder}. Create it, or correct the path."]
            )

    def moment(self, server, desired, current):
        """Return when the pair was set: now, unless the file knows better."""
        if planning.is_set(desired.pair, current):
            return planning.mark_in(current.file) or NEVER
        return stale_sessions.mark(server)

    def plan(self, desired, current):
        return planning.plan(desired, current)

    def statements(self, step, server):
        self.step = step
        if step.action == planning.END_SESSION:
            return [stale_sessions.end_statement(step.value)]
        if step.action == RAISE:
            server.leave_binary_log()
            return [id_columns.statement(step)]
        return server_side.statements(step.value, server)

    def execute(self, server, statement):
        if self.step.action == planning.END_SESSION:
            stale_sessions.run_end(server, statement)
            self.ended[self.step.value.id] = self.step.value
            return
        server.run(statement)
        if self.step.action == planning.SET:
            # Whoever connects from now on has the new pair.
            self.watch.moment = stale_sessions.mark(server)

    def completed(self, file):
        return planning.marked(file, self.watch.moment)

    def finish(self, server, desired, current, plan, applied):
        pair, action = desired.pair, desired.stale.action
        stale = current.sessions
        ended = [step.value for step in plan.steps if step.action == planning.END_SESSION]
        if applied:
            if action != REPORT and (plan.changed or stale):
                self.watch.settle(desired.stale, self.ended)
            stale, ended = self.watch.stale(), self.ended.values()
        elif action == END:
            stale = ()
        late = [one for one in stale if one not in current.sessions]
        return {
            "autoinc": {
                "increment": pair.increment,
                "offset": pair.offset,
                "residue": pair.residue,
            },
            "identity": self.identity,
            "stale_sessions": [asdict(session) for session in stale],
            "ended_sessions": [asdict(session) for session in ended],
            "id_columns": [told(column, pair, plan) for column in current.columns],
            **self.time_zones,
            "warnings": [*self.risks, *([planning.stale_warning(late)] if late else [])],
        }


def readers_of(params):
    """Return how the read servers are reached."""
    ca = params["read_server_ssl_ca"]
    return reader_ids.Readers(
        {
            reader["name"]: Settings(
                source_host=reader["host"],
                source_port=reader["port"],
                source_user=params["read_server_user"],
                source_ssl=params["read_server_ssl"],
                source_ssl_ca=ca,
                source_ssl_verify_server_cert=bool(ca),
            )
            for reader in params["read_servers"]
        },
        Secret(params["read_server_password"] or ""),
        params["connect_timeout"],
    )


def as_number(value):
    """Return a value of a dictionary, which Ansible leaves as text, as a number if it is one."""
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value


def told(column, pair, plan):
    """Return what a user is told of a column; ``next_id`` is that after the run."""
    raised = {step.target: step.value[1] for step in plan.steps if step.action == RAISE}
    column = replace(column, counter=raised.get(column.table_name, column.counter))
    return {
        "schema": column.schema,
        "table": column.table,
        "column": column.column,
        "type": column.type,
        "highest_id": column.highest,
        "next_id": column.next_id(pair),
        "used_percent": column.used_percent,
        "ids_left": column.left(pair),
        "ids_checked": column.checked,
        "foreign_ids": column.foreign,
        "foreign_sample": list(column.sample),
    }


def main():
    run(AutoincOffset(), OPTIONS)


if __name__ == "__main__":
    main()
