# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what accounts hold from the tables in which servers keep it, and nothing else of them.

An account may be let see these tables alone. information_schema and SHOW GRANTS show others'
privileges only to who may read the whole schema mysql, where MySQL has passwords of channels, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts import accounts
from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts.mariadb_roles import (
    stored_words,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Row, Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    GRANT_OPTION,
    Account,
    Scope,
    canonical,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.held import (
    HeldAccounts,
)

# MySQL's columns of mysql.user with a privilege each, without what all of them end in.
_COLUMNS = {
    "Select": "SELECT",
    "Insert": "INSERT",
    "Update": "UPDATE",
    "Delete": "DELETE",
    "Create": "CREATE",
    "Drop": "DROP",
    "Reload": "RELOAD",
    "Shutdown": "SHUTDOWN",
    "Process": "PROCESS",
    "File": "FILE",
    "Grant": GRANT_OPTION,
    "References": "REFERENCES",
    "Index": "INDEX",
    "Alter": "ALTER",
    "Show_db": "SHOW DATABASES",
    "Super": "SUPER",
    "Create_tmp_table": "CREATE TEMPORARY TABLES",
    "Lock_tables": "LOCK TABLES",
    "Execute": "EXECUTE",
    "Repl_slave": "REPLICATION SLAVE",
    "Repl_client": "REPLICATION CLIENT",
    "Create_view": "CREATE VIEW",
    "Show_view": "SHOW VIEW",
    "Create_routine": "CREATE ROUTINE",
    "Alter_routine": "ALTER ROUTINE",
    "Create_user": "CREATE USER",
    "Event": "EVENT",
    "Trigger": "TRIGGER",
    "Create_tablespace": "CREATE TABLESPACE",
    "Create_role": "CREATE ROLE",
    "Drop_role": "DROP ROLE",
}
# MariaDB's bits of "access" in mysql.global_priv, from the lowest (privilege.h).
_BITS = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "RELOAD", "SHUTDOWN"),
    *("PROCESS", "FILE", GRANT_OPTION, "REFERENCES", "INDEX", "ALTER", "SHOW DATABASES"),
    *("SUPER", "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "REPLICATION SLAVE"),
    *("BINLOG MONITOR", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE"),
    *("CREATE USER", "EVENT", "TRIGGER", "CREATE TABLESPACE", "DELETE HISTORY", "SET USER"),
    *("FEDERATED ADMIN", "CONNECTION ADMIN", "READ ONLY ADMIN", "REPLICATION SLAVE ADMIN"),
    *("REPLICATION MASTER ADMIN", "BINLOG ADMIN", "BINLOG REPLAY", "SLAVE MONITOR"),
    "SHOW CREATE ROUTINE",
)
_ON_SCHEMAS = "SELECT * FROM mysql.db WHERE User IN ({names})"
# Each alone: the names of routines compare otherwise than those of tables.
_ON_TABLES = (
    "SELECT User, Host, Db, Table_name AS name, NULL AS part, '' AS routine, Table_priv AS words "
    "FROM mysql.tables_priv WHERE User IN ({names})",
    "SELECT User, Host, Db, Table_name AS name, Column_name AS part, '' AS routine, "
    "Column_priv AS words FROM mysql.columns_priv WHERE User IN ({names})",
    "SELECT User, Host, Db, Routine_name AS name, NULL AS part, Routine_type AS routine, "
    "Proc_priv AS words FROM mysql.procs_priv WHERE User IN ({names})",
)
_ROLES = {
    MYSQL: (
        "SELECT TO_USER AS User, TO_HOST AS Host, FROM_USER AS role FROM mysql.role_edges "
        "WHERE TO_USER IN ({names}) ORDER BY FROM_USER"
    ),
    MARIADB: (
        "SELECT User, Host, Role AS role FROM mysql.roles_mapping "
        "WHERE User IN ({names}) AND Host <> '' ORDER BY Role"
    ),
}


def read(server: Server, names: Iterable[str]) -> HeldAccounts:
    """Return what the accounts with these names hold, from whatever hosts they may come."""
    wanted = list(dict.fromkeys(names))
    held: dict[Account, dict[Scope, set[str]]] = {}
    for account, words in _ON_EVERYTHING[server.flavour](server, wanted):
        # The comparison in a query may ignore case, and account names do not.
        if account.name in wanted:
            held.setdefault(account, {}).setdefault(Scope(), set()).update(words)
    for account, scope, words in chain(_schemas(server, wanted), _tables(server, wanted)):
        if account in held:
            held[account].setdefault(scope, set()).update(words)
    roles: dict[Account, tuple[str, ...]] = {}
    for row in _rows(server, _ROLES[server.flavour], wanted):
        account = _account(row)
        roles[account] = (*roles.get(account, ()), str(row["role"]))
    return HeldAccounts(
        accounts.vocabulary(server),
        accounts.login(server),
        {
            account: {scope: frozenset(words) for scope, words in scopes.items()}
            for account, scopes in held.items()
        },
        roles,
        accounts.schema_patterns(server),
        server.names,
    )


def _rows(server: Server, sql: str, names: Sequence[str]) -> list[Row]:
    return server.rows(sql.format(names=", ".join(["%s"] * len(names))), *names)


def _account(row: Row) -> Account:
    return Account(row["User"], row["Host"])


def _mysql(server: Server, names: Sequence[str]) -> Iterator[tuple[Account, set[str]]]:
    columns = ", ".join(f"{column}_priv" for column in _COLUMNS)
    sql = f"SELECT User, Host, {columns} FROM mysql.user WHERE User IN ({{names}})"
    for row in _rows(server, sql, names):
        yield (
            _account(row),
            {word for column, word in _COLUMNS.items() if row[f"{column}_priv"] == "Y"},
        )
    sql = (
        "SELECT USER AS User, HOST AS Host, PRIV AS word, WITH_GRANT_OPTION AS grantable "
        "FROM mysql.global_grants WHERE USER IN ({names})"
    )
    for row in _rows(server, sql, names):
        word = canonical(row["word"])
        handed_on = {f"{GRANT_OPTION} ({word})"} if row["grantable"] == "Y" else set()
        yield _account(row), {word} | handed_on


def _mariadb(server: Server, names: Sequence[str]) -> Iterator[tuple[Account, set[str]]]:
    # A role has no host.
    sql = (
        "SELECT User, Host, JSON_VALUE(Priv, '$.access') AS access FROM mysql.global_priv "
        "WHERE User IN ({names}) AND Host <> ''"
    )
    for row in _rows(server, sql, names):
        bits = int(row["access"] or 0)
        yield _account(row), {word for place, word in enumerate(_BITS) if bits >> place & 1}


_ON_EVERYTHING: dict[str, Callable[[Server, Sequence[str]], Iterator[tuple[Account, set[str]]]]] = {
    MYSQL: _mysql,
    MARIADB: _mariadb,
}


def _schemas(server: Server, names: Sequence[str]) -> Iterator[tuple[Account, Scope, set[str]]]:
    for row in _rows(server, _ON_SCHEMAS, names):
        given = (column.rsplit("_priv", 1)[0] for column, value in row.items() if value == "Y")
        yield _account(row), Scope(row["Db"]), stored_words(",".join(given))


def _tables(server: Server, names: Sequence[str]) -> Iterator[tuple[Account, Scope, set[str]]]:
    for sql in _ON_TABLES:
        for row in _rows(server, sql, names):
            words = stored_words(row["words"])
            if row["part"] is not None:
                words = {f"{word} ({row['part']})" for word in words}
            yield _account(row), Scope(row["Db"], row["name"], str(row["routine"])), words
