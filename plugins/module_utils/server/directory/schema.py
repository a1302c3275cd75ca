# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory's schema: its tables, what applications ask, and how it is brought up to date.

Tables have plural names and belong to the collection; views have singular ones and are for
applications. A version is a list of statements that may be run again. What an earlier version made
for applications stays until the version after the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    FABRIC,
    KINDS,
    SHARD_STATES,
    STATES,
    TOPOLOGY,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements import (
    sql_functions,
    sql_tables,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_table,
)

SCHEMA = "fabric"
# Of the replica set that holds the directory: who is its active writer, in which epoch.
_EPOCHS_SCHEMA = "dbrw"
EPOCHS = quote_table(_EPOCHS_SCHEMA, "epoch")
# Nobody logs in as it: views and routines run with its privileges.
OWNER = "fabric_owner"
_DEFINER = f"`{OWNER}`@`localhost`"
# Roles of accounts that may ask, or mark a server as down, and nothing else.
APPLICATIONS, SUPERVISION = "fabric_directory", "fabric_supervision"
# A key is what was written, byte by byte: an argument in another character set or collation would
# find Customer_7 for customer_7, and read the whole table.
_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
NAME = f"VARCHAR(64) {_TEXT}"
# As in the tables of placements.
_TOPOLOGY = "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin"
_KEY = f"VARCHAR(128) {_TEXT}"
# What a routine is asked for, one character longer than what can be there: a session that is not
# strict has the server cut off the rest, and a name would be taken for another, shorter one.
_ASKED_NAME, _ASKED_KEY = f"VARCHAR(65) {_TEXT}", f"VARCHAR(129) {_TEXT}"
# Numbers as text, for such a session makes a number of anything.
_ASKED_ID = f"VARCHAR(21) {_TEXT}"
# What a routine says to who asks for what is not there: SQLSTATE of errors by hand.
_ERROR = "45000"


def named(name: str) -> str:
    """Return something of the schema, with the schema's name."""
    return quote_table(SCHEMA, name)


def _enum(values: Sequence[str]) -> str:
    return f"ENUM({', '.join(f'{value!r}' for value in values)}) {_TEXT}"


# CURRENT_TIMESTAMP would be in the time zone of the session that writes the row.
_SINCE = "DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'UTC'"

TABLES = {
    "versions": f"""
  topology {_TOPOLOGY} NOT NULL PRIMARY KEY,
  counter BIGINT UNSIGNED NOT NULL COMMENT 'grows with each change',
  changed_at DATETIME(6) NOT NULL COMMENT 'UTC'
""",
    "changes": f"""
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  topology {_TOPOLOGY} NOT NULL,
  at DATETIME(6) NOT NULL COMMENT 'UTC',
  kind VARCHAR(16) {_TEXT} NOT NULL COMMENT 'insert, update, delete',
  what VARCHAR(200) {_TEXT} NOT NULL COMMENT 'the table, and the name of the thing',
  before_it TEXT {_TEXT} COMMENT 'JSON',
  after_it TEXT {_TEXT} COMMENT 'JSON',
  user VARCHAR(255) {_TEXT} NOT NULL COMMENT 'with the host that it came from',
  source VARCHAR(64) {_TEXT} NOT NULL COMMENT 'the command; empty: by hand',
  reason VARCHAR(255) {_TEXT} NOT NULL
""",
    "replica_sets": f"""
  topology {_TOPOLOGY} NOT NULL,
  name {NAME} NOT NULL,
  durability VARCHAR(16) {_TEXT} NOT NULL,
  active {NAME} COMMENT 'a copy: the set knows who it is',
  shard_number INT UNSIGNED COMMENT 'never used again for another',
  weight DOUBLE NOT NULL DEFAULT 1,
  capacity_gib INT UNSIGNED,
  state {_enum(SHARD_STATES)} NOT NULL DEFAULT 'open' COMMENT 'of a shard',
  state_reason VARCHAR(255) {_TEXT} NOT NULL DEFAULT '',
  state_by VARCHAR(255) {_TEXT} NOT NULL DEFAULT '',
  state_since {_SINCE},
  PRIMARY KEY (topology, name),
  UNIQUE KEY shard_number (topology, shard_number),
  CONSTRAINT active_member FOREIGN KEY (topology, active, name)
    REFERENCES {SCHEMA}.servers (topology, name, replica_set),
  CHECK (weight >= 0)
""",
    "servers": f"""
  topology {_TOPOLOGY} NOT NULL,
  name {NAME} NOT NULL,
  kind {_enum(KINDS)} NOT NULL,
  datacenter {NAME} NOT NULL,
  host VARCHAR(255) {_TEXT} NOT NULL,
  port SMALLINT UNSIGNED NOT NULL,
  weight DOUBLE NOT NULL DEFAULT 1,
  id_increment INT UNSIGNED COMMENT 'of a write server',
  id_offset INT UNSIGNED COMMENT 'of a write server: id mod increment',
  replica_set {NAME} COMMENT 'of a member',
  state {_enum(STATES)} NOT NULL DEFAULT 'joining' COMMENT 'set by the operator',
  state_reason VARCHAR(255) {_TEXT} NOT NULL DEFAULT '',
  state_by VARCHAR(255) {_TEXT} NOT NULL DEFAULT '',
  state_since {_SINCE},
  state_until DATETIME(6) COMMENT 'UTC',
  is_down BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'set by the supervision',
  down_reason VARCHAR(255) {_TEXT} NOT NULL DEFAULT '',
  down_by VARCHAR(255) {_TEXT} NOT NULL DEFAULT '',
  down_since DATETIME(6) COMMENT 'UTC',
  PRIMARY KEY (topology, name),
  UNIQUE KEY id_offset (topology, id_increment, id_offset),
  UNIQUE KEY address (topology, host, port),
  UNIQUE KEY member (topology, name, replica_set),
  KEY kind (topology, kind, datacenter),
  CONSTRAINT servers_set FOREIGN KEY (topology, replica_set)
    REFERENCES {SCHEMA}.replica_sets (topology, name),
  CHECK (weight >= 0),
  CHECK ((kind = 'write') = (id_offset IS NOT NULL)),
  CHECK ((id_offset IS NULL) = (id_increment IS NULL)),
  CHECK (id_offset BETWEEN 1 AND id_increment),
  CHECK ((kind = 'member') = (replica_set IS NOT NULL))
""",
    "usage_tables": f"""
  topology {_TOPOLOGY} NOT NULL,
  name VARCHAR(129) {_TEXT} NOT NULL COMMENT 'with its schema',
  PRIMARY KEY (topology, name)
""",
    # Where the increment was another one before: which ids are of it, and whose they are.
    "former_ids": f"""
  topology {_TOPOLOGY} NOT NULL,
  usage_table VARCHAR(129) {_TEXT} NOT NULL COMMENT 'with its schema',
  below BIGINT UNSIGNED NOT NULL COMMENT 'the first id that was given otherwise',
  id_increment INT UNSIGNED NOT NULL COMMENT 'by which ids below were given',
  PRIMARY KEY (topology, usage_table, below),
  CHECK (below > 1),
  CHECK (id_increment BETWEEN 1 AND 65535)
""",
    "former_offsets": f"""
  topology {_TOPOLOGY} NOT NULL,
  id_increment INT UNSIGNED NOT NULL COMMENT 'of former_ids',
  server {NAME} NOT NULL,
  id_offset INT UNSIGNED NOT NULL,
  PRIMARY KEY (topology, id_increment, server),
  UNIQUE KEY id_offset (topology, id_increment, id_offset),
  CONSTRAINT former_server FOREIGN KEY (topology, server)
    REFERENCES {SCHEMA}.servers (topology, name),
  CHECK (id_offset BETWEEN 1 AND id_increment)
""",
    # Its keys begin with what applications ask by.
    "tenants": f"""
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  topology {_TOPOLOGY} NOT NULL,
  name {_KEY} NOT NULL,
  schema_name {NAME} NOT NULL,
  shard {NAME} NOT NULL,
  locked ENUM('no', 'yes') {_TEXT} NOT NULL DEFAULT 'no',
  epoch BIGINT UNSIGNED NOT NULL DEFAULT 1 COMMENT 'grows with each move, as on the stamp of its shard',
  drop_after DATETIME(6) COMMENT 'UTC; it is gone, and its schema goes then',
  since {_SINCE},
  UNIQUE KEY name (name, topology),
  UNIQUE KEY schema_name (schema_name, topology),
  KEY shard (topology, shard),
  CONSTRAINT tenants_shard FOREIGN KEY (topology, shard)
    REFERENCES {SCHEMA}.replica_sets (topology, name)
""",
}


@dataclass(frozen=True)
class Watched:
    """A table whose changes are counted and logged.

    ``name`` is the column with the name of a row; ``columns`` are the others that the log shows,
    and ``keys`` those that hold the UTF-8 bytes of keys.
    """

    columns: str = ""
    name: str = "name"
    keys: str = ""

    def shown(self, row: str) -> str:
        """Return a row as the log shows it; its name is in it, so that renaming is seen as well."""
        parts = [f"'{name}', {row}.{name}" for name in (self.name, *self.columns.split())]
        parts += [
            f"'{name}', CONVERT({row}.{name} USING utf8mb4) COLLATE utf8mb4_bin"
            for name in self.keys.split()
        ]
        return f"JSON_OBJECT({', '.join(parts)})"


# The points and slots of a placement's version are part of it from its beginning.
WATCHED = {
    "replica_sets": Watched(
        "durability active shard_number weight capacity_gib state state_reason state_by"
    ),
    "servers": Watched(
        "kind datacenter host port weight id_increment id_offset replica_set state state_reason "
        "state_by state_until is_down down_reason down_by"
    ),
    "usage_tables": Watched(),
    "former_ids": Watched("below id_increment", name="usage_table"),
    "former_offsets": Watched("id_increment id_offset", name="server"),
    "tenants": Watched("schema_name shard locked epoch drop_after"),
    "placement_version": Watched("version kind role slots logical_shards", name="placement"),
    "placement_shard": Watched("version shard_number weight", name="placement"),
    "placement_logical_shard": Watched("version logical_shard shard_number", name="placement"),
    "placement_key": Watched("version shard_number", name="placement", keys="key_text"),
    "placement_pin": Watched(
        "version shard_number logical_shard", name="placement", keys="key_text"
    ),
    "placement_moved": Watched("version", name="placement", keys="key_text"),
}
# What the owner may do beside reading: what its routines write. To have a trigger run asks for a
# privilege of its own.
_OWNER_MAY = {
    "versions": "INSERT, UPDATE",
    "changes": "INSERT",
    "replica_sets": "TRIGGER",
    "servers": "UPDATE, TRIGGER",
    "usage_tables": "TRIGGER",
    "former_ids": "TRIGGER",
    "former_offsets": "TRIGGER",
    "tenants": "INSERT, UPDATE (locked), TRIGGER",
    **{table.name: "TRIGGER" for table in sql_tables.TABLES if table.name in WATCHED},
}

VERSION = 1
VERSIONS = named("schema_versions")


def statements(version: int) -> list[Statement]:
    """Return what brings a directory of the version before to ``version``. It may be run again."""
    return [
        # What is made keeps the mode in which it was.
        sql_functions.SQL_MODE,
        *_UPGRADES[version](),
        Statement(
            f"INSERT IGNORE INTO {VERSIONS} (version, made_at) VALUES (%s, UTC_TIMESTAMP(6))",
            (version,),
        ),
    ]


def _first() -> list[Statement]:
    """Return what makes a directory where there is none."""
    functions = sql_functions.FUNCTIONS
    return [
        *_plain(
            f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            f"CREATE TABLE IF NOT EXISTS {VERSIONS} (version INT UNSIGNED NOT NULL PRIMARY KEY, "
            "made_at DATETIME(6) NOT NULL COMMENT 'UTC') ENGINE=InnoDB",
            # Two tables point to each other.
            "SET SESSION foreign_key_checks = 0",
            *(
                f"CREATE TABLE IF NOT EXISTS {named(name)} ({columns.strip()}) ENGINE=InnoDB "
                f"DEFAULT {_TEXT}"
                for name, columns in TABLES.items()
            ),
            "SET SESSION foreign_key_checks = 1",
        ),
        *(_placement_table(table).create(SCHEMA) for table in sql_tables.TABLES),
        *_plain(
            f"CREATE USER IF NOT EXISTS {_DEFINER} ACCOUNT LOCK",
            *(f"GRANT {may} ON {named(table)} TO {_DEFINER}" for table, may in _OWNER_MAY.items()),
            # It reads both schemas as a whole: where an account with a role asks, MySQL does not find
            # the owner's privileges on single tables in a view's joins and subqueries.
            f"GRANT SELECT, EXECUTE ON {SCHEMA}.* TO {_DEFINER}",
            f"GRANT SELECT ON {_EPOCHS_SCHEMA}.* TO {_DEFINER}",
            *(statement for table in WATCHED for statement in _triggers(table)),
            *_LOCKED_BY_COMMAND,
        ),
        *(function.drop(SCHEMA) for function in functions),
        *(function.create(SCHEMA, TOPOLOGY, (OWNER, "localhost")) for function in functions),
        *_plain(
            *(statement for routine in ROUTINES for statement in routine.statements()),
            *(
                f"CREATE OR REPLACE DEFINER={_DEFINER} SQL SECURITY DEFINER VIEW {named(name)} "
                f"AS {query}"
                for name, query in VIEWS.items()
            ),
            *_roles(),
        ),
    ]


def _plain(*statements: str) -> list[Statement]:
    return [Statement(sql.replace("%", "%%")) for sql in statements]


def _placement_table(table: sql_tables.Table) -> sql_tables.Table:
    """Return a table of placements whose shards are those of the directory."""
    if table.name != "placement_shard":
        return table
    return replace(table, parents={**table.parents, "replica_sets": ("topology", "shard_number")})


def _roles() -> list[str]:
    """Return what gives the roles of applications and of the supervision what they need.

    After the routines: one that is made anew has lost who may run it.
    """
    may = {
        APPLICATIONS: [
            *(f"SELECT ON {named(view)}" for view in VIEWS),
            *(f"EXECUTE ON FUNCTION {named(one.name)}" for one in ROUTINES if one.says),
            *(f"EXECUTE ON FUNCTION {named(one.name)}" for one in sql_functions.FUNCTIONS),
        ],
        SUPERVISION: [
            f"EXECUTE ON PROCEDURE {named(name)}" for name in ("mark_down", "clear_down")
        ],
    }
    return [
        statement
        for role, privileges in may.items()
        for statement in (
            f"CREATE ROLE IF NOT EXISTS {role}",
            *(f"GRANT {privilege} TO {role}" for privilege in privileges),
        )
    ]


_UPGRADES = {1: _first}


def _triggers(table: str) -> list[str]:
    """Return what counts and logs each change of a table's rows, by whomever."""
    return [part for event in ("INSERT", "UPDATE", "DELETE") for part in _trigger(table, event)]


def _trigger(table: str, event: str) -> list[str]:
    name = named(f"{table}_{event.lower()}")
    row = "OLD" if event == "DELETE" else "NEW"
    watched = WATCHED[table]
    before = watched.shown("OLD") if event != "INSERT" else "NULL"
    after = watched.shown("NEW") if event != "DELETE" else "NULL"
    log = f"""
  INSERT INTO {named("versions")} (topology, counter, changed_at)
    VALUES ({row}.topology, 1, UTC_TIMESTAMP(6))
    ON DUPLICATE KEY UPDATE counter = counter + 1, changed_at = UTC_TIMESTAMP(6);
  INSERT INTO {named("changes")}
    (topology, at, kind, what, before_it, after_it, user, source, reason)
    VALUES ({row}.topology, UTC_TIMESTAMP(6), '{event.lower()}', CONCAT('{table} ', {row}.{watched.name}),
      {before}, {after}, USER(), COALESCE(@fabric_source, ''), COALESCE(@fabric_reason, ''));
"""
    if event == "UPDATE":
        log = f"  IF NOT ({before} <=> {after}) THEN{log}  END IF;\n"
    return [
        f"DROP TRIGGER IF EXISTS {name}",
        f"CREATE DEFINER={_DEFINER} TRIGGER {name} AFTER {event} ON {named(table)}\n"
        f"FOR EACH ROW BEGIN\n{log}END",
    ]


# The article locks a tenant by hand. A flag alone would keep nobody out.
_LOCKED_BY_COMMAND = [
    f"DROP TRIGGER IF EXISTS {named('tenants_lock')}",
    f"CREATE DEFINER={_DEFINER} TRIGGER {named('tenants_lock')} BEFORE UPDATE ON {named('tenants')}\n"
    "FOR EACH ROW BEGIN\n"
    "  IF NEW.locked <> OLD.locked AND COALESCE(@fabric_source, '') = '' THEN\n"
    f"    SIGNAL SQLSTATE '{_ERROR}' SET MESSAGE_TEXT = 'sessions would go on; use "
    "ansible-playbook playbooks/tenants.yml -e tenant=NAME -e locked=true (or false)';\n"
    "  END IF;\nEND",
]


@dataclass(frozen=True)
class Routine:
    """A function or a procedure. ``says`` is what a function returns."""

    name: str
    parameters: str
    body: str
    says: str = ""

    def statements(self) -> list[str]:
        """Return what makes it, anew if it is there."""
        kind = "FUNCTION" if self.says else "PROCEDURE"
        returns = f"RETURNS {self.says} READS SQL DATA" if self.says else "MODIFIES SQL DATA"
        return [
            f"DROP {kind} IF EXISTS {named(self.name)}",
            f"CREATE DEFINER={_DEFINER} {kind} {named(self.name)} ({self.parameters})\n"
            f"{returns} SQL SECURITY DEFINER\nBEGIN\n{self.body}END",
        ]


def _refuse_if(condition: str, *said: str) -> str:
    """Return what ends a routine with an error; ``said`` are expressions, for 128 characters."""
    return f"""
  IF {condition} THEN
    SET message = LEFT(CONCAT({", ".join(said)}), 128);
    SIGNAL SQLSTATE '{_ERROR}' SET MESSAGE_TEXT = message;
  END IF;
"""


_MESSAGE = f"  DECLARE message VARCHAR(128) {_TEXT};\n"
# Servers that applications may use: those marked by the supervision only where no other is left,
# those of their own data centre first, and then drawn by weight.
_CHOICE = "state = 'online' AND weight > 0"
_ORDER = "is_down, datacenter <> dc, -LOG(1 - RAND()) / weight"
_UNKNOWN_DATACENTER = _refuse_if(
    f"NOT EXISTS (SELECT 1 FROM {named('servers')} WHERE datacenter = dc)",
    "'no server is in data centre '",
    "COALESCE(dc, 'NULL')",
)


def _one_server(kind: str) -> Routine:
    return Routine(
        f"{kind}_server",
        f"dc {_ASKED_NAME}",
        f"{_MESSAGE}  DECLARE found {NAME};\n{_UNKNOWN_DATACENTER}"
        f"  SET found = (SELECT name FROM {named('servers')} WHERE kind = '{kind}' AND {_CHOICE}\n"
        f"    ORDER BY {_ORDER} LIMIT 1);\n"
        + _refuse_if("found IS NULL", f"'no {kind} server is online'")
        + "  RETURN found;\n",
        NAME,
    )


def _all_servers(kind: str) -> Routine:
    # Not GROUP_CONCAT, which some servers cut off after 1,024 bytes.
    return Routine(
        f"{kind}_servers",
        f"dc {_ASKED_NAME}",
        f"""{_MESSAGE}  DECLARE found {NAME};
  DECLARE listed TEXT {_TEXT} DEFAULT NULL;
  DECLARE ended BOOLEAN DEFAULT FALSE;
  DECLARE one CURSOR FOR SELECT name FROM {named("servers")}
    WHERE kind = '{kind}' AND {_CHOICE} ORDER BY {_ORDER};
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET ended = TRUE;
{_UNKNOWN_DATACENTER}
  OPEN one;
  FETCH one INTO found;
  WHILE NOT ended DO
    SET listed = CONCAT_WS(',', listed, found);
    FETCH one INTO found;
  END WHILE;
  CLOSE one;
{_refuse_if("listed IS NULL", f"'no {kind} server is online'")}
  RETURN listed;
""",
        f"TEXT {_TEXT}",
    )


ROUTINES = (
    _one_server("write"),
    _one_server("read"),
    _all_servers("write"),
    _all_servers("read"),
    Routine(
        "server_for_id",
        f"of_table VARCHAR(130) {_TEXT}, id {_ASKED_ID}",
        f"{_MESSAGE}  DECLARE found {NAME};\n  DECLARE former INT UNSIGNED;\n"
        + _refuse_if(
            f"NOT EXISTS (SELECT 1 FROM {named('usage_tables')} WHERE name = of_table)",
            "'there is no usage table '",
            "COALESCE(of_table, 'NULL')",
            "'; name it with its schema'",
        )
        + _refuse_if(
            "id IS NULL OR id NOT REGEXP '^[1-9][0-9]{0,18}$'",
            "COALESCE(id, 'NULL')",
            "' is no id'",
        )
        + f"""  SET former = (SELECT id_increment FROM {named("former_ids")}
    WHERE usage_table = of_table AND below > CAST(id AS UNSIGNED) ORDER BY below LIMIT 1);
  IF former IS NULL THEN
    SET found = (SELECT name FROM {named("servers")} WHERE kind = 'write'
      AND MOD(CAST(id AS UNSIGNED), id_increment) = MOD(id_offset, id_increment) LIMIT 1);
  ELSE
    SET found = (SELECT server FROM {named("former_offsets")} WHERE id_increment = former
      AND MOD(CAST(id AS UNSIGNED), id_increment) = MOD(id_offset, id_increment) LIMIT 1);
  END IF;
"""
        + _refuse_if("found IS NULL", "'no write server gives the id '", "COALESCE(id, 'NULL')")
        + "  RETURN found;\n",
        NAME,
    ),
    Routine(
        "shard_for_tenant",
        f"tenant {_ASKED_KEY}",
        f"{_MESSAGE}  DECLARE found {NAME};\n"
        # MySQL cuts what it looks for in an index to the length of the index's first column.
        f"  SET found = (SELECT shard FROM {named('tenants')} WHERE name = tenant\n"
        "    AND CHAR_LENGTH(name) = CHAR_LENGTH(tenant) AND drop_after IS NULL);\n"
        + _refuse_if("found IS NULL", "'there is no tenant '", "COALESCE(tenant, 'NULL')")
        + "  RETURN found;\n",
        NAME,
    ),
    Routine(
        "shard_for_key",
        f"placement {_ASKED_NAME}, wanted VARCHAR(256) {_TEXT}",
        f"  DECLARE number INT UNSIGNED DEFAULT {named('shard_number_for_key')}"
        "(placement, wanted);\n"
        f"  RETURN (SELECT name FROM {named('replica_sets')}\n"
        f"    WHERE topology = '{TOPOLOGY}' AND shard_number = number);\n",
        NAME,
    ),
    # Of a member's address, for the view tenant: a view of a join that leaves rows without a
    # partner would not let anybody change its rows.
    Routine(
        "active_host",
        f"in_topology {_TOPOLOGY}, set_name {NAME}",
        f"""  RETURN (SELECT host FROM {named("servers")} JOIN {named("replica_sets")} AS sets
    ON sets.topology = servers.topology AND sets.active = servers.name
    WHERE sets.topology = in_topology AND sets.name = set_name);
""",
        f"VARCHAR(255) {_TEXT}",
    ),
    Routine(
        "active_port",
        f"in_topology {_TOPOLOGY}, set_name {NAME}",
        f"""  RETURN (SELECT port FROM {named("servers")} JOIN {named("replica_sets")} AS sets
    ON sets.topology = servers.topology AND sets.active = servers.name
    WHERE sets.topology = in_topology AND sets.name = set_name);
""",
        "SMALLINT UNSIGNED",
    ),
    Routine(
        "register_tenant",
        f"tenant {_ASKED_KEY}, its_schema {_ASKED_NAME}, on_shard {_ASKED_NAME}",
        f"{_MESSAGE}  DECLARE how {NAME};\n  DECLARE whose {NAME};\n"
        f"  SELECT topology, state INTO whose, how FROM {named('replica_sets')}\n"
        "    WHERE name = on_shard AND shard_number IS NOT NULL;\n"
        + _refuse_if("how IS NULL", "'there is no shard '", "COALESCE(on_shard, 'NULL')")
        + _refuse_if(
            "how <> 'open'", "'shard '", "on_shard", "' takes no new tenants: it is '", "how"
        )
        + f"""  INSERT INTO {named("tenants")} (topology, name, schema_name, shard)
    VALUES (whose, tenant, its_schema, on_shard);
""",
    ),
    Routine(
        "mark_down",
        f"server {_ASKED_NAME}, why VARCHAR(255) {_TEXT}",
        f"{_MESSAGE}"
        + _refuse_if(
            f"NOT EXISTS (SELECT 1 FROM {named('servers')} WHERE name = server)",
            "'there is no server '",
            "COALESCE(server, 'NULL')",
        )
        + f"""  UPDATE {named("servers")} SET is_down = TRUE, down_reason = why, down_by = USER(),
    down_since = COALESCE(down_since, UTC_TIMESTAMP(6)) WHERE name = server;
""",
    ),
    Routine(
        "clear_down",
        f"server {_ASKED_NAME}",
        f"{_MESSAGE}"
        + _refuse_if(
            f"NOT EXISTS (SELECT 1 FROM {named('servers')} WHERE name = server)",
            "'there is no server '",
            "COALESCE(server, 'NULL')",
        )
        + f"""  UPDATE {named("servers")} SET is_down = FALSE, down_reason = '', down_by = '',
    down_since = NULL WHERE name = server;
""",
    ),
)
# What applications see of a server is the worse of what the operator and the supervision say.
VIEWS = {
    "version": f"""
SELECT topology, (SELECT MAX(epoch) FROM {EPOCHS}) AS epoch, counter, changed_at
  FROM {named("versions")}""",
    "server": f"""
SELECT name, kind, datacenter, host, port, weight, id_increment, id_offset, replica_set, state,
    is_down, {_CHOICE} AND NOT is_down AS is_usable
  FROM {named("servers")}""",
    "replica_set": f"""
SELECT sets.name AS name, servers.name AS active, host, port, durability
  FROM {named("replica_sets")} AS sets LEFT JOIN {named("servers")} AS servers
    ON servers.topology = sets.topology AND servers.name = IF(sets.name = '{FABRIC}',
      (SELECT active FROM {EPOCHS} ORDER BY epoch DESC LIMIT 1), sets.active)""",
    "shard": f"""
SELECT sets.name AS name, shard_number, sets.weight AS weight, sets.state AS state,
    sets.active AS active, host, port
  FROM {named("replica_sets")} AS sets LEFT JOIN {named("servers")} AS servers
    ON servers.topology = sets.topology AND servers.name = sets.active
  WHERE shard_number IS NOT NULL""",
    "tenant": f"""
SELECT id, name AS tenant_id, schema_name AS `schema`,
    {named("active_host")}(topology, shard) AS machine,
    {named("active_port")}(topology, shard) AS port, locked
  FROM {named("tenants")}
  WHERE drop_after IS NULL""",
}
