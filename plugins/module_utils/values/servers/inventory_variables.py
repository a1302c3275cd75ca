# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every variable that an inventory may set, and every key of those that have some: a row each.

What judges an inventory and the tables of docs/inventory.md are made of it, and tests hold
that playbooks and roles agree with it. A new variable is a new row.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import Scope
from ansible_collections.dbrw.sharding.plugins.module_utils.values.days_kept import (
    UPDATED_WITHIN_HOURS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import SYSTEM_SCHEMAS

WRITE, READ, MEMBER = "write", "read", "member"
# The kinds of servers, as sentences call them.
KINDS = {WRITE: "write servers", READ: "read servers", MEMBER: "members of replica sets"}
EVERY_KIND = tuple(KINDS)
# Those that hold usage data.
USAGE = (WRITE, READ)
PREFIX = "dbrw_"
# What an acknowledgement of a replica set promises: see mysql_replica_set.
DURABILITIES = ("available", "strict", "asynchronous")
# What happens to months that are not kept: see mysql_month_partition.
PAST = ("drop", "archive", "keep")


@dataclass(frozen=True)
class Variable:
    """A variable, or a key of one.

    ``name`` is without the prefix dbrw_, ``type`` and ``elements`` are Ansible's words.
    ``meaning`` is one line of Markdown. ``kinds`` are the servers that read it; elsewhere it
    does nothing. One that is ``required`` is so on all of them; ``why`` is the reason that an
    error gives.
    """

    name: str
    type: str
    meaning: str
    judge: grammar.Judge | None = None
    # The lowest and the highest of a number, where it does not depend on other servers.
    range: tuple[float, float] | None = None
    kinds: tuple[str, ...] = EVERY_KIND
    required: bool = False
    why: str = ""
    # What counts without it, if that is the same on every server. Where it is not, or where it
    # does not say what it means, default_in_words tells it.
    default: Any = None
    default_in_words: str = ""
    secret: bool = False
    # Whether servers may share it, and the documentation tells it with what all have.
    shared: bool = False
    # Whether it is read before a server is touched. What is not may be made of variables of
    # roles, which are not there yet.
    on_paper: bool = True
    elements: str = ""
    keys: tuple[Variable, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as an inventory has it."""
        return f"{PREFIX}{self.name}"

    @property
    def is_whole_number(self) -> bool:
        """Whether it is a number without fractions."""
        return self.type == "int"

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return self.type in ("int", "float")

    def in_range(self) -> grammar.Judge:
        """Return a judge of a number's range."""
        return grammar.between(*self.range or (-math.inf, math.inf))


def _datacenter(value: Any) -> str | None:
    # A number is a name, too.
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return grammar.text(str(value) if is_number else value)


def _granted_schema(value: Any) -> str | None:
    """Judge a schema's name, also as an object of the accounts' privileges."""
    wrong = grammar.identifier(value)
    if wrong:
        return wrong
    try:
        scope = Scope.parse(f"{value}.*")
    except ValueError:
        return "it has a dot, a space, or a backquote, which the accounts' privileges cannot name"
    if not scope.is_schema or scope.has_wildcard:
        return "as a pattern it would give the accounts privileges on other schemas; rename it"
    return None


def _durability(value: Any) -> str | None:
    return None if value in DURABILITIES else f"choose one of {', '.join(DURABILITIES)}"


def _schemas(value: Any) -> str | None:
    """Judge the schemas of a set, which accounts get privileges on."""
    if not isinstance(value, (list, tuple)):
        return "it must be a list of names"
    wrong = [f"{one}: {told}" for one in value for told in [_granted_schema(one)] if told]
    return "; ".join(wrong) or None


def _common_schemas(value: Any) -> str | None:
    """Judge the schemas of common data, which filters of a channel name, too."""
    wrong = _schemas(value)
    if wrong:
        return wrong
    reserved = {*SYSTEM_SCHEMAS, OWN_SCHEMA}
    own = [one for one in value if str(one).lower() in reserved]
    if own:
        return f"{', '.join(own)}: each server has this for itself; choose another"
    unnameable = [one for one in value if not _IN_FILTERS.fullmatch(str(one))]
    if unnameable:
        return (
            f"{', '.join(map(str, unnameable))}: filters of channels name only schemas of letters, "
            "digits, $, - and _; rename it"
        )
    return None


# What filters of channels can be told of on both flavours.
_IN_FILTERS = re.compile(r"[\w$-]+")
# The collection's own schema.
OWN_SCHEMA = "dbrw"


def _past(value: Any) -> str | None:
    return None if value in PAST else f"choose one of {', '.join(PAST)}"


_SET_KEYS = (
    Variable(
        "durability",
        "str",
        "what an acknowledgement promises: `available` (on two members, unless none answers within "
        "2 s), `strict` (on two members, or none is given) or `asynchronous` (on the active writer)",
        judge=_durability,
        kinds=(MEMBER,),
        default="available",
    ),
    Variable(
        "increment",
        "int",
        "how far apart the ids of one member are, at least the largest number of members ever",
        judge=grammar.between(2, 65535),
        kinds=(MEMBER,),
        default=8,
    ),
    Variable(
        "schemas",
        "list",
        "the schemas that the accounts `application` and `monitor` may use; the application makes them",
        judge=_schemas,
        kinds=(MEMBER,),
        default=[],
        elements="str",
    ),
    Variable(
        "shard_number",
        "int",
        "makes the set a shard, which tenants and keys can be on; never changed, and never given to another",
        judge=grammar.between(1, 2**32 - 1),
        kinds=(MEMBER,),
        default_in_words="it is no shard",
    ),
    Variable(
        "weight",
        "float",
        "how much a shard takes, compared with the others; 0: no new tenants",
        judge=grammar.between(0, math.inf),
        kinds=(MEMBER,),
        default_in_words="1 in a new directory, else what it has",
    ),
    Variable(
        "capacity_gib",
        "int",
        "from how many GiB on a shard takes no new tenants",
        judge=grammar.between(1, 2**32 - 1),
        kinds=(MEMBER,),
        default_in_words="not limited",
    ),
)

_INDEX_KEYS = (
    Variable("name", "str", "the index's name", judge=grammar.identifier, required=True),
    Variable(
        "columns",
        "list",
        "its columns, in order, each with a length (`url(100)`) or an order (`created DESC`) if "
        "needed",
        required=True,
        elements="str",
    ),
    Variable(
        "unique",
        "bool",
        "rows must differ in these columns, of which the time column must be one",
        default=False,
    ),
)

_TABLE_KEYS = (
    Variable(
        "schema",
        "str",
        "where the table is; the schema is created if it is missing",
        judge=_granted_schema,
        required=True,
    ),
    Variable("name", "str", "the table's name", judge=grammar.identifier, required=True),
    Variable(
        "definition",
        "str",
        "the table in its write shape, one `CREATE TABLE` with the primary key (id) and nothing else",
        required=True,
    ),
    Variable(
        "id_column",
        "str",
        "the column that write servers number, `BIGINT` or `INT`",
        judge=grammar.identifier,
        default="id",
    ),
    Variable(
        "time_column",
        "str",
        "the column that says to which month a row belongs: `DATE`, `DATETIME` or `TIMESTAMP`, "
        "`NOT NULL`",
        judge=grammar.identifier,
        required=True,
    ),
    Variable(
        "indexes",
        "list",
        "the read servers' indexes, see below",
        default=[],
        elements="dict",
        keys=_INDEX_KEYS,
    ),
    Variable(
        "days_kept",
        "int",
        "how many whole days rows stay on write servers, which `retention_purge.yml` purges",
        kinds=(WRITE,),
        default_in_words="they are not purged",
    ),
    Variable(
        "updated_within_hours",
        "int",
        "for how long rows are updated; shorter than they stay on write servers",
        kinds=(WRITE,),
        default=UPDATED_WITHIN_HOURS,
    ),
    Variable(
        "time_zone",
        "str",
        "the time zone of a time column without one, by name or as `+01:00`",
        judge=grammar.text,
        kinds=(WRITE,),
        default="UTC",
    ),
    Variable(
        "first_month",
        "str",
        "the first month with a partition of its own (`YYYY-MM`)",
        kinds=(READ,),
        default_in_words="the current month for a new table",
    ),
    Variable(
        "months_ahead",
        "int",
        "how many months after the current one exist",
        kinds=(READ,),
        default=3,
    ),
    Variable(
        "months_kept",
        "int",
        "how many months before the current one are kept",
        default_in_words="all of them",
    ),
    Variable(
        "max_drops",
        "int",
        "how many months one run may drop or archive; if there are more, it does none and fails",
        kinds=(READ,),
        default=1,
    ),
    Variable(
        "past",
        "str",
        "what happens to months that are not kept: `drop`, `archive` (into a separate table) or "
        "`keep`",
        judge=_past,
        kinds=(READ,),
        default="drop",
    ),
    Variable(
        "archive_schema",
        "str",
        "the schema of such tables, which must exist",
        judge=grammar.identifier,
        kinds=(READ,),
        default_in_words="that of the table",
    ),
    Variable(
        "archive_table",
        "str",
        "the name of such a table, in which `{table}`, `{month}` and `{partition}` stand for theirs",
        judge=grammar.identifier,
        kinds=(READ,),
        default="{table}_{month}",
    ),
    Variable(
        "cold_after_months",
        "int",
        "months that end so many before the current one are moved into another directory",
        kinds=(READ,),
        default_in_words="none are moved",
    ),
    Variable(
        "cold_data_directory",
        "str",
        "that directory, an absolute path on the server",
        judge=grammar.path,
        kinds=(READ,),
        default_in_words="required with `cold_after_months`",
    ),
    Variable(
        "max_moves", "int", "how many months one run may move there", kinds=(READ,), default=1
    ),
    Variable(
        "split_tail_with_rows",
        "bool",
        "a last partition that takes everything (`MAXVALUE`) may be split while it holds rows, "
        "which are written again",
        kinds=(READ,),
        default=False,
    ),
)

_FILTER_KEYS = (
    *(
        Variable(name, "list", meaning, kinds=(READ,), default_in_words="not given", elements="str")
        for name, meaning in (
            ("do_databases", "rows of these schemas, and of no others, are applied"),
            ("ignore_databases", "rows of these schemas are left out"),
            ("do_tables", "rows of these tables (`schema.table`), and of no others, are applied"),
            ("ignore_tables", "rows of these tables are left out"),
            ("wild_do_tables", "as `do_tables`, with the wildcards `%` and `_`"),
            ("wild_ignore_tables", "as `ignore_tables`, with the wildcards `%` and `_`"),
        )
    ),
    Variable(
        "rewrite_databases",
        "list",
        "rows of the schema `from` are applied to the schema `to`",
        kinds=(READ,),
        default_in_words="not given",
        elements="dict",
        keys=(
            Variable("from", "str", "the schema on the write server", kinds=(READ,), required=True),
            Variable("to", "str", "the schema on the read server", kinds=(READ,), required=True),
        ),
    ),
)

# Mistakes are told in the order of these rows.
VARIABLES = (
    Variable(
        "address",
        "str",
        "where the other servers and the applications reach it",
        judge=grammar.address,
        required=True,
        why="where the other servers and applications reach it",
    ),
    Variable(
        "bind_address",
        "str",
        "group `mysqld`: the address that it listens on",
        judge=grammar.bind_address,
        default_in_words="`dbrw_address`",
    ),
    Variable(
        "copy_port",
        "int",
        "the TCP port that a rebuilt member of a replica set receives its copy on (MariaDB)",
        range=(1, 65535),
        kinds=(MEMBER,),
        default=4444,
    ),
    Variable(
        "server_id",
        "int",
        "its number in replication, 1 to 4294967295, different on every server",
        range=(1, 2**32 - 1),
        required=True,
        why="the number that names it in replication",
    ),
    Variable(
        "datacenter",
        "str",
        "applications try the servers of their own data centre first",
        judge=_datacenter,
        required=True,
        why="applications try the servers of their own data centre first",
    ),
    Variable(
        # With the increment, and beside its peers: values/ids/autoinc.py.
        "offset",
        "int",
        "the first id, 1 to the increment, different on each",
        kinds=(WRITE,),
        required=True,
        why="the first id of the server, different on each",
    ),
    Variable(
        "increment",
        "int",
        "how far apart the ids of one server are, at least the largest number of write servers ever",
        kinds=(WRITE,),
        required=True,
        why="the same on every write server",
        shared=True,
    ),
    Variable("port", "int", "its TCP port", range=(1, 65535), default=3306),
    Variable(
        "replica_set",
        "str",
        "their replica set; its name becomes the name of channels",
        judge=grammar.channel_name,
        kinds=(MEMBER,),
        default="fabric",
    ),
    Variable(
        # With the increment, and beside its peers: values/servers/topology.py.
        "set_offset",
        "int",
        "the first id, 1 to the `increment` of the set, different on each member",
        kinds=(MEMBER,),
        required=True,
        why="the first id of the member, different on each",
    ),
    Variable(
        "replica_sets",
        "dict",
        "what belongs to a replica set, by its name, see below",
        kinds=(MEMBER,),
        default={},
        shared=True,
        elements="dict",
        keys=_SET_KEYS,
    ),
    Variable(
        "tenants",
        "list",
        "tenants that `tenants.yml` makes, see [tenants](tenants.md)",
        kinds=(MEMBER,),
        default=[],
        shared=True,
        # The module judges it: it holds passwords, and may be long.
        on_paper=False,
        elements="dict",
    ),
    Variable(
        "gtid_domain_id",
        "int",
        "MariaDB's GTID domain, 0 to 4294967295, different on every write server and member",
        range=(0, 2**32 - 1),
        default_in_words="`dbrw_server_id`",
    ),
    Variable(
        "weight",
        "float",
        "how often applications choose it, compared with the others; 0: not at all",
        range=(0, math.inf),
        kinds=USAGE,
        default=1,
    ),
    Variable(
        "account_host",
        "str",
        "hosts from which the accounts on this server may log in; on a read server also those from "
        "which its replication account may log in on write servers",
        judge=grammar.account_host,
        default="%",
    ),
    Variable(
        "replication_user",
        "str",
        "their account on the servers that they follow",
        judge=grammar.account_name,
        kinds=(READ, MEMBER),
        default_in_words="`replication_` and the inventory name",
    ),
    Variable(
        "usage_tables",
        "list",
        "the usage tables, see below",
        kinds=USAGE,
        default=[],
        shared=True,
        elements="dict",
        keys=_TABLE_KEYS,
    ),
    Variable(
        "common_schemas",
        "list",
        "schemas of the replica set `fabric` that read servers get, too, see [common "
        "data](common-data.md)",
        judge=_common_schemas,
        kinds=(READ, MEMBER),
        default=[],
        shared=True,
        elements="str",
    ),
    Variable(
        "common_data",
        "bool",
        "the schemas of `dbrw_common_schemas` are brought here, too, see [common data](common-data.md)",
        kinds=(WRITE,),
        default=False,
    ),
    Variable(
        "application_password",
        "str",
        "account `application`: SELECT, INSERT, UPDATE on write servers, SELECT on read servers; "
        "SELECT, INSERT, UPDATE, DELETE in replica sets",
        judge=grammar.secret,
        required=True,
        why="the account of the application",
        secret=True,
        shared=True,
    ),
    Variable(
        "monitor_password",
        "str",
        "account `monitor`: PROCESS, REPLICATION CLIENT, SELECT on the schemas of usage tables, on `dbrw` and "
        "on the account tables; write servers ask read servers as it",
        judge=grammar.secret,
        required=True,
        why="the account of the monitoring",
        secret=True,
        shared=True,
    ),
    Variable(
        "operator_password",
        "str",
        "account `operator`, by which members are closed, opened and re-pointed; it is as strong as "
        "`root`",
        judge=grammar.secret,
        kinds=(MEMBER,),
        required=True,
        why="the account that switches the active writer",
        secret=True,
        shared=True,
    ),
    Variable(
        "agent_password",
        "str",
        "account `agent`, by which the agent beside a member opens it, or lets it follow, after a "
        "restart",
        judge=grammar.secret,
        kinds=(MEMBER,),
        required=True,
        why="the account of the agent",
        secret=True,
        shared=True,
    ),
    Variable(
        "directory_password",
        "str",
        "account `directory`, by which applications ask the [directory](directory.md); without it "
        "there is none",
        judge=grammar.optional(grammar.secret),
        kinds=(MEMBER,),
        default="",
        secret=True,
        shared=True,
    ),
    Variable(
        "supervision_password",
        "str",
        "account `supervision`, by which the supervision marks servers as down in the "
        "[directory](directory.md); without it there is none",
        judge=grammar.optional(grammar.secret),
        kinds=(MEMBER,),
        default="",
        secret=True,
        shared=True,
    ),
    Variable(
        "maintenance_password",
        "str",
        "account `maintenance`: may delete rows on write servers and change months on read servers, "
        "outside the binary log",
        judge=grammar.secret,
        kinds=USAGE,
        required=True,
        why="the account of the nightly maintenance",
        secret=True,
        shared=True,
    ),
    Variable(
        "replication_password",
        "str",
        "its password, at most 32 bytes on MySQL and 96 on MariaDB",
        judge=grammar.secret,
        kinds=(READ, MEMBER),
        required=True,
        why="its account on the servers that it follows",
        secret=True,
    ),
    Variable(
        "autoinc_persist_file",
        "str",
        "on MariaDB the file that keeps increment and offset over a restart; the server's "
        "configuration must include it, after all others that set the pair",
        judge=grammar.optional(grammar.file),
        kinds=(WRITE,),
        default="",
        default_in_words="required on MariaDB",
    ),
    Variable(
        "replication_filters",
        "dict",
        "what they take of what write servers send, see "
        "[below](#write-servers-that-hold-other-schemas-too)",
        kinds=(READ,),
        default={},
        default_in_words="everything",
        keys=_FILTER_KEYS,
    ),
    Variable(
        "replication_filters_file",
        "str",
        "the file that keeps the filters over a restart; the server's configuration must include it",
        judge=grammar.optional(grammar.file),
        kinds=(READ,),
        default="",
        default_in_words="required with filters",
    ),
    Variable(
        "replication_gtid_seed",
        "list",
        "what their data contains already, or where to begin with write servers whose first binary "
        "logs are gone; see [gtid_seed](modules.md#mysql_replication_channel)",
        kinds=(READ,),
        default=[],
        default_in_words="empty: from the beginning",
        elements="str",
    ),
    Variable(
        "next_id_above",
        "dict",
        "ids by table (`schema.table`) that every next id must be above, where one came back empty "
        "or from a backup; "
        "[the error names them](operations.md#a-write-server-that-has-lost-its-disk)",
        kinds=(WRITE,),
        default={},
    ),
    Variable(
        "heartbeat",
        "bool",
        "an event writes a row each second, by which [the check](check.md#heartbeats) sees that rows "
        "arrive on read servers",
        kinds=(WRITE,),
        default_in_words="true in the group `mysqld`, otherwise false",
    ),
    Variable(
        "login",
        "dict",
        "how the modules log in: their `login_*` options",
        default={},
        on_paper=False,
    ),
    Variable(
        "require_tls",
        "bool",
        "accounts can log in over TLS only, and channels use TLS",
        default=True,
        shared=True,
    ),
    Variable(
        "tls_ca",
        "str",
        "file on all servers with the authority that signed the servers' certificates; given this, "
        "channels verify them, write servers the read servers that they ask, and members of replica "
        "sets and their agents each other",
        judge=grammar.optional(grammar.text),
        default="",
        shared=True,
    ),
    Variable(
        "application_tls_ca",
        "str",
        "file on the applications' hosts with the authority that signed the servers' certificates; "
        "it is named in the applications' file (key `tls_ca`), so that they verify with it",
        judge=grammar.optional(grammar.text),
        default="",
        shared=True,
    ),
    Variable(
        "application_config_file",
        "str",
        "file on the control node with the servers and the application's account; mode 0600",
        judge=grammar.text,
        default_in_words="not written",
        shared=True,
    ),
    Variable(
        "now",
        "str",
        "what time it is (`YYYY-MM-DD`), for demonstrations",
        judge=grammar.optional(grammar.text),
        kinds=(READ,),
        default="",
        default_in_words="the server's clock",
        shared=True,
    ),
)
BY_NAME = {variable.name: variable for variable in VARIABLES}
