"""How the tables of accounts are read: columns, bits and words of each flavour."""

from __future__ import annotations

from typing import Any, cast

from ansible_collections.dbrw.sharding.plugins.module_utils.server.accounts.held import read
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names

APP, OTHER = Account("app", "%"), Account("app", "localhost")
OF_APP = {"User": "app", "Host": "%"}
STRANGER = {"User": "App", "Host": "%"}
COMMON = {
    "SHOW PRIVILEGES": [{"Privilege": "Select"}, {"Privilege": "BINLOG_ADMIN"}],
    "CURRENT_USER": [{"me": "monitor@10.%"}],
    "FROM mysql.db ": [
        {**OF_APP, "Db": "s", "Select_priv": "Y", "Insert_priv": "N", "Create_tmp_table_priv": "Y"},
        {"User": "app", "Host": "gone", "Db": "s", "Select_priv": "Y"},
    ],
    "FROM mysql.tables_priv ": [
        {**OF_APP, "Db": "s", "name": "t", "part": None, "routine": "", "words": "Select,Grant"}
    ],
    "FROM mysql.columns_priv ": [
        {**OF_APP, "Db": "s", "name": "t", "part": "id", "routine": "", "words": "Update"}
    ],
    "FROM mysql.procs_priv ": [
        {**OF_APP, "Db": "s", "name": "f", "part": None, "routine": "FUNCTION", "words": "Execute"}
    ],
}
ON_OBJECTS = {
    Scope("s"): {"SELECT", "CREATE TEMPORARY TABLES"},
    Scope("s", "t"): {"SELECT", "GRANT OPTION", "UPDATE (id)"},
    Scope("s", "f", "FUNCTION"): {"EXECUTE"},
}


class Columns(dict[str, str]):
    """A row in which every other privilege is N."""

    def __missing__(self, name: str) -> str:
        return "N"


class Fake:
    """A server that answers by what a statement contains."""

    def __init__(self, flavour: str, answers: dict[str, list[Any]]) -> None:
        self.flavour, self.answers = flavour, {**COMMON, **answers}
        self.names = Names()

    def rows(self, sql: str, *args: Any) -> list[Any]:
        assert sql.count("%s") == len(args)
        assert not args or args == ("app",)
        return next(rows for part, rows in self.answers.items() if part in sql)

    def row(self, sql: str) -> Any:
        return self.rows(sql)[0]

    def variables(self, *names: str) -> dict[str, str | None]:
        return dict.fromkeys(names, "ON")


def test_mysql() -> None:
    given = {"Select_priv": "Y", "Repl_slave_priv": "Y", "Grant_priv": "Y"}
    found = read(
        cast(
            Server,
            Fake(
                "mysql",
                {
                    "FROM mysql.user ": [
                        Columns({**OF_APP, **given}),
                        Columns({**STRANGER, "Super_priv": "Y"}),
                    ],
                    "FROM mysql.global_grants ": [
                        {**OF_APP, "word": "BINLOG_ADMIN", "grantable": "Y"},
                        {**OF_APP, "word": "SYSTEM_USER", "grantable": "N"},
                    ],
                    "FROM mysql.role_edges ": [
                        {**OF_APP, "role": "admin"},
                        {**OF_APP, "role": "dba"},
                    ],
                },
            ),
        ),
        ["app", "app"],
    )
    everywhere = {"SELECT", "REPLICATION SLAVE", "GRANT OPTION", "BINLOG ADMIN", "SYSTEM USER"}
    everywhere.add("GRANT OPTION (BINLOG ADMIN)")
    assert found.privileges == {APP: {Scope(): everywhere, **ON_OBJECTS}}
    assert found.roles == {APP: ("admin", "dba")}
    assert found.login == Account("monitor", "10.%") and not found.schema_patterns
    assert found.vocabulary.spelling == {"SELECT": "SELECT", "BINLOG ADMIN": "BINLOG_ADMIN"}


def test_mariadb() -> None:
    bits = (1 << 0) + (1 << 10) + (1 << 33)
    users = [
        {**OF_APP, "access": str(bits)},
        {"User": "app", "Host": "localhost", "access": None},
    ]
    found = read(
        cast(
            Server,
            Fake("mariadb", {"FROM mysql.global_priv ": users, "FROM mysql.roles_mapping ": []}),
        ),
        ["app"],
    )
    everywhere = {"SELECT", "GRANT OPTION", "READ ONLY ADMIN"}
    assert found.privileges == {APP: {Scope(): everywhere, **ON_OBJECTS}, OTHER: {Scope(): set()}}
    assert found.roles == {}
