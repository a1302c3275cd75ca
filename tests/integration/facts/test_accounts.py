"""What servers do with accounts and the modules rely on: a new version is caught changing it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymysql
import pytest

from tests.integration.accounts.test_mysql_account import (
    LEAVE_BINARY_LOG,
    NEW_PASSWORD,
    PASSWORD,
    AccountModule,
    ask_as,
    binary_log,
    can_log_in,
    module,
    name,
    outside_binary_log,
)
from tests.integration.lines import TestServer

pytestmark = pytest.mark.lines("later")

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["module", "name"]

# Privileges that let an account write on a server that is read_only.
PASSES_READ_ONLY = {"mysql": ("SUPER", "CONNECTION_ADMIN"), "mariadb": ("READ ONLY ADMIN",)}


@contextmanager
def set_globally(server: TestServer, variable: str, value: str) -> Iterator[None]:
    before = server.value(f"SELECT @@GLOBAL.{variable} AS v")
    server.rows(f"SET GLOBAL {variable} = {value}")
    try:
        yield
    finally:
        server.rows(f"SET GLOBAL {variable} = %s", before)


def test_a_purge_outside_the_binary_log_needs_these_privileges_alone(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    outside_binary_log(server, f"INSERT INTO {schema}.t VALUES (1), (2)")
    enough = {
        "*.*": [LEAVE_BINARY_LOG[server.flavour]],
        f"{schema}.*": ["SELECT", "DELETE"],
    }
    module(name=name, password=PASSWORD, privileges=enough, revoke_unlisted=True)
    log = binary_log(server)
    purge = ("SET SESSION sql_log_bin = 0", f"DELETE FROM {schema}.t WHERE id = 1")
    assert ask_as(server, name, PASSWORD, *purge) == [[], []]
    assert binary_log(server) == log
    assert server.value(f"SELECT COUNT(*) AS n FROM {schema}.t") == 1
    # Without SELECT a DELETE with a WHERE fails; without the first one it would be logged.
    less = {**enough, f"{schema}.*": ["DELETE"]}
    module(name=name, privileges=less, revoke_unlisted=True)
    assert ask_as(server, name, PASSWORD, *purge) in ([[], 1142], [[], 1143])
    module(name=name, privileges={f"{schema}.*": ["SELECT", "DELETE"]}, revoke_unlisted=True)
    assert ask_as(server, name, PASSWORD, purge[0]) == [1227]


def test_read_only_fences_an_account_without_these_privileges(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    """MariaDB's SUPER no longer passes it; MySQL's super_read_only fences all."""
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY AUTO_INCREMENT)")
    work = {f"{schema}.*": ["INSERT"]}
    powers = ("SUPER", *(one for one in PASSES_READ_ONLY[server.flavour] if one != "SUPER"))
    users = {None: name, **{power: f"{name}_{i}" for i, power in enumerate(powers)}}
    module(
        accounts=[
            {
                "name": user,
                "password": PASSWORD,
                "privileges": {**work, **({"*.*": [power]} if power else {})},
            }
            for power, user in users.items()
        ]
    )

    def write(user: str) -> Any:
        return ask_as(server, user, PASSWORD, f"INSERT INTO {schema}.t VALUES ()")[0]

    with set_globally(server, "read_only", "ON"):
        for power, user in users.items():
            passes = power in PASSES_READ_ONLY[server.flavour]
            assert write(user) == ([] if passes else 1290), power
    if server.flavour == "mysql":
        with set_globally(server, "read_only", "ON"), set_globally(server, "super_read_only", "ON"):
            assert {write(user) for user in users.values()} == {1290}
    assert all(write(user) == [] for user in users.values())


@pytest.mark.flavour("mysql")
def test_mysql_wants_its_public_key_for_a_first_login_without_tls(
    server: TestServer, module: AccountModule, name: str
) -> None:
    outside_binary_log(server, "CREATE USER %s@'%%' IDENTIFIED BY %s", name, PASSWORD)

    def client(option: str = "") -> str:
        """Log in as PyMySQL never does, which asks for the key by itself."""
        login = f"-h {server.address} -P {server.port} -u {name} --ssl-mode=DISABLED {option}"
        ask = f"MYSQL_PWD='{PASSWORD}' mysql --no-defaults {login} -e 'SELECT 41 + 1' 2>&1; true"
        return server.host.run("sh", "-c", ask).stdout

    assert "ERROR 2061" in client()
    assert "42" in client("--get-server-public-key")
    # The server now remembers the password, until it starts again or the password changes.
    assert "42" in client()
    # So the module's account is no other than the server's own in this, too.
    module(name=name, password=NEW_PASSWORD)
    module(name=name, password=PASSWORD)
    assert "ERROR 2061" in client()


def test_mysql_has_no_native_passwords_any_more(server: TestServer, name: str) -> None:
    create = f"CREATE USER '{name}'@'%%' IDENTIFIED WITH mysql_native_password"
    if server.flavour == "mariadb":
        outside_binary_log(server, create)
    else:
        with pytest.raises(pymysql.OperationalError) as refused:
            outside_binary_log(server, create)
        assert refused.value.args[0] == 1524


@pytest.mark.flavour("mysql")
def test_grant_option_on_dynamic_privileges_stays_until_the_tables_are_read(
    server: TestServer, name: str
) -> None:
    """Why the module flushes privileges; it can go once this fails."""
    outside_binary_log(server, "CREATE USER %s@'%%' IDENTIFIED BY %s", name, PASSWORD)
    outside_binary_log(server, "GRANT BINLOG_ADMIN ON *.* TO %s@'%%' WITH GRANT OPTION", name)
    outside_binary_log(server, "REVOKE GRANT OPTION ON *.* FROM %s@'%%'", name)
    sql = "SELECT WITH_GRANT_OPTION AS v FROM mysql.global_grants WHERE USER = %s"
    assert server.value(sql, name) == "N"
    (line,) = server.rows("SHOW GRANTS FOR %s@'%%'", name)[1:]
    assert str(next(iter(line.values()))).endswith("WITH GRANT OPTION")


@pytest.mark.flavour("mariadb")
def test_mariadb_mixes_the_privileges_of_a_roles_roles_into_its_own(
    server: TestServer, name: str, schema: str
) -> None:
    """Why the module reads a role from the grant tables."""
    outer, inner = f"{name}_o", f"{name}_i"
    for role in (outer, inner):
        outside_binary_log(server, "CREATE ROLE %s", role)
    outside_binary_log(server, f"GRANT SELECT ON {schema}.* TO %s", inner)
    outside_binary_log(server, "GRANT PROCESS ON *.* TO %s", inner)
    outside_binary_log(server, "GRANT %s TO %s", inner, outer)
    asked = "SELECT PRIVILEGE_TYPE AS v FROM information_schema.{} WHERE GRANTEE = %s"
    grantee = f"'{outer}'@''"
    assert server.rows(asked.format("SCHEMA_PRIVILEGES"), grantee) == [{"v": "SELECT"}]
    # Nor is what a role has on everything there at all.
    assert server.rows(asked.format("USER_PRIVILEGES"), f"'{inner}'@''") == []


def test_two_passwords_outlive_a_read_of_the_tables(
    server: TestServer, module: AccountModule, name: str
) -> None:
    module(name=name, password=PASSWORD)
    module(name=name, password=NEW_PASSWORD, old_password="keep")
    outside_binary_log(server, "FLUSH PRIVILEGES")
    assert can_log_in(server, name, PASSWORD) and can_log_in(server, name, NEW_PASSWORD)
