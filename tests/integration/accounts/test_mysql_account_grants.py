"""mysql_account on real servers: exact grants, roles, several hosts."""

from __future__ import annotations

import pymysql
import pytest

from tests.integration.accounts.test_mysql_account import (
    LEAVE_BINARY_LOG,
    NEW_PASSWORD,
    PASSWORD,
    AccountModule,
    account,
    ask_as,
    binary_log,
    can_log_in,
    grants,
    log_in,
    module,
    name,
    outside_binary_log,
)
from tests.integration.lines import TestServer

__all__ = ["module", "name"]


def role_host(server: TestServer) -> str:
    return "%" if server.flavour == "mysql" else ""


def named(server: TestServer, role: str) -> str:
    """Return a role as an account of a statement by hand."""
    return f"'{role}'@'%%'" if server.flavour == "mysql" else f"'{role}'"


def test_exactly_what_is_listed(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    """Other objects, columns, routines and GRANT OPTION go, and nothing that is listed does."""
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY, a INT)")
    outside_binary_log(server, f"CREATE TABLE {schema}.u (id INT PRIMARY KEY)")
    outside_binary_log(server, f"CREATE PROCEDURE {schema}.p() SELECT 1")
    outside_binary_log(server, "CREATE USER %s@'%%' IDENTIFIED BY %s", name, PASSWORD)
    escaped = schema.replace("_", "\\_")
    for held in (
        "PROCESS, RELOAD ON *.*",
        # The wildcard that nobody meant: exactly means without it.
        f"SELECT, DELETE ON `{schema}`.*",
        f"SELECT, UPDATE (a), REFERENCES (id, a) ON {schema}.t",
        f"INSERT ON {schema}.u",
        f"EXECUTE ON PROCEDURE {schema}.p",
        "CREATE ON `tenant%%`.*",
    ):
        outside_binary_log(server, f"GRANT {held} TO %s@'%%' WITH GRANT OPTION", name)
    # A grant outlives its object.
    outside_binary_log(server, f"DROP TABLE {schema}.u")
    outside_binary_log(server, "GRANT PROXY ON root@localhost TO %s@'%%'", name)
    before, log = grants(server, name), binary_log(server)

    wanted = {"*.*": ["PROCESS"], f"{schema}.*": ["SELECT", "INSERT"], f"{schema}.t": ["DELETE"]}
    told = module(name=name, privileges={"*.*": ["PROCESS"]})
    assert not told["changed"] and grants(server, name) == before
    extra = told["accounts"][0]["extra_privileges"]
    assert extra[f"PROCEDURE {schema}.p"] == ["EXECUTE", "GRANT OPTION"]
    assert "UPDATE (a)" in extra[f"{schema}.t"] and extra["*.*"] == ["GRANT OPTION", "RELOAD"]

    exact = {"name": name, "privileges": wanted, "revoke_unlisted": True}
    predicted = module(check=True, **exact)
    assert predicted["changed"] and grants(server, name) == before
    done = module(**exact)
    assert done["statements"] == predicted["statements"] and done["diff"] == predicted["diff"]
    assert done["accounts"][0]["changes"] == ["grant privileges", "revoke privileges"]
    # A reader is never without what is listed: all grants come first.
    verbs = [sql.split()[0] for sql in done["statements"] if not sql.startswith("FLUSH")]
    assert verbs == sorted(verbs)
    left = {line for line in grants(server, name) if "PROXY" not in line}
    assert left == {
        "PROCESS ON *.*",
        f"SELECT, INSERT ON `{escaped}`.*",
        f"DELETE ON `{schema}`.`t`",
    }
    assert "may act as root@localhost (PROXY), which is left as it is" in done["warnings"][0]
    assert done["diff"]["after"][f"{name}@%"]["privileges"] == {
        scope: sorted(words) for scope, words in wanted.items()
    }
    assert binary_log(server) == log
    assert ask_as(server, name, PASSWORD, f"INSERT INTO {schema}.t VALUES (1, 1)") == [[]]
    assert ask_as(server, name, PASSWORD, f"UPDATE {schema}.t SET a = 2") == [1142]
    again = module(**exact)
    assert not again["changed"] and again["accounts"][0]["extra_privileges"] == {}, again

    nothing = module(name=name, privileges={}, revoke_unlisted=True)
    assert nothing["changed"] and grants(server, name)[0] == "USAGE ON *.*"
    assert not module(name=name, privileges={}, revoke_unlisted=True)["changed"]


def test_privileges_on_columns(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    table = f"{schema}.`people, all`"
    outside_binary_log(server, f"CREATE TABLE {table} (Id INT PRIMARY KEY, `a b` INT, c INT)")
    wanted = {table: ["SELECT (id, `a b`)", "INSERT (ID)"]}
    predicted = module(check=True, name=name, password=PASSWORD, privileges=wanted)
    assert account(server, name) is None
    done = module(name=name, password=PASSWORD, privileges=wanted)
    assert done["statements"] == predicted["statements"] and done["diff"] == predicted["diff"]
    asked = [f"SELECT {what} FROM {table}" for what in ("id, `a b`", "c")]
    assert ask_as(server, name, PASSWORD, *asked) == [[], 1143]
    # A column's letters may be written in any way.
    again = {table: ["SELECT (ID)", "select (`A B`)", "INSERT (id)"]}
    for exactly in (False, True):
        told = module(name=name, privileges=again, revoke_unlisted=exactly)
        assert not told["changed"] and told["accounts"][0]["extra_privileges"] == {}, told

    # What is revoked on the whole table goes from its columns, too: they are granted after it.
    for held in ("SELECT", "UPDATE", "UPDATE (c)"):
        outside_binary_log(server, f"GRANT {held} ON {table} TO %s@'%%'", name)
    told = module(name=name, privileges=wanted)
    extra = told["accounts"][0]["extra_privileges"]
    assert not told["changed"] and list(extra.values()) == [["SELECT", "UPDATE", "UPDATE (c)"]]
    exact = {"name": name, "privileges": wanted, "revoke_unlisted": True}
    predicted = module(check=True, **exact)
    done = module(**exact)
    assert done["statements"] == predicted["statements"] and done["diff"] == predicted["diff"]
    assert ask_as(server, name, PASSWORD, *asked) == [[], 1143]
    assert not module(**exact)["changed"]
    fewer = {**exact, "privileges": {table: ["SELECT (Id)"]}}
    assert module(**fewer)["changed"] and not module(**fewer)["changed"]
    assert ask_as(server, name, PASSWORD, *asked, f"SELECT id FROM {table}") == [1143, 1143, []]


def test_grant_option_on_everything_goes_for_every_session(
    server: TestServer, module: AccountModule, name: str
) -> None:
    """MySQL keeps it on dynamic privileges until it reads its tables again."""
    dynamic = LEAVE_BINARY_LOG[server.flavour]
    words = f"PROCESS, {dynamic}"
    other = f"{name}_b"
    for user in (name, other):
        outside_binary_log(server, "CREATE USER %s@'%%' IDENTIFIED BY %s", user, PASSWORD)
    outside_binary_log(server, f"GRANT {words} ON *.* TO %s@'%%' WITH GRANT OPTION", name)
    hand_on = f"GRANT {dynamic} ON *.* TO '{other}'@'%'"
    leave = "SET SESSION sql_log_bin = 0"
    assert ask_as(server, name, PASSWORD, leave, hand_on) == [[], []]
    exact = {"name": name, "privileges": {"*.*": words.split(", ")}, "revoke_unlisted": True}
    done = module(**exact)
    assert done["changed"] and not module(**exact)["changed"], done
    assert ask_as(server, name, PASSWORD, leave, hand_on)[1] in (1045, 1227)
    if server.flavour == "mysql":
        # Left over from a GRANT of a dynamic privilege alone.
        outside_binary_log(server, f"GRANT {dynamic} ON *.* TO %s@'%%' WITH GRANT OPTION", name)
        told = module(name=name, privileges=exact["privileges"])
        assert told["accounts"][0]["extra_privileges"] == {
            "*.*": ["GRANT OPTION (SESSION VARIABLES ADMIN)"]
        }
        assert module(**exact)["changed"] and not module(**exact)["changed"]
        assert ask_as(server, name, PASSWORD, leave, hand_on)[1] == 1227


def test_never_takes_its_own_rights(server: TestServer, module: AccountModule, name: str) -> None:
    root = {"name": "root", "host": "localhost"}
    before = grants(server, "root", "localhost")
    refused = module(
        fails=True, **root, privileges={"*.*": ["SELECT"]}, revoke_unlisted=True, locked=True
    )
    assert len(refused["problems"]) == 2 and refused["statements"] == []
    assert "could not log in again; log in as another account to lock it" in refused["problems"][0]
    assert "would lose" in refused["problems"][1] and "log in as another" in refused["problems"][1]
    assert grants(server, "root", "localhost") == before


@pytest.mark.flavour("mysql")
def test_partial_revokes_are_respected(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    server.rows("SET GLOBAL partial_revokes = ON")
    try:
        module(name=name, password=PASSWORD, privileges={"*.*": ["SELECT", "INSERT"]})
        outside_binary_log(server, "REVOKE SELECT ON mysql.* FROM %s@'%%'", name)
        outside_binary_log(server, f"GRANT SELECT, DELETE ON {schema}.* TO %s@'%%'", name)
        exact = {"name": name, "privileges": {"*.*": ["SELECT"]}, "revoke_unlisted": True}
        done = module(**exact)
        assert "a partial revoke excludes SELECT on mysql.*" in done["warnings"][0]
        # Taking the schema's own privileges makes no partial revoke of them.
        restrictions = "REVOKE SELECT ON `mysql`.* FROM"
        said = [next(iter(row.values())) for row in server.rows("SHOW GRANTS FOR %s@'%%'", name)]
        assert [line.split(" `")[0] for line in said if "REVOKE" in line] == ["REVOKE SELECT ON"]
        assert any(line.startswith(restrictions) for line in said)
        assert grants(server, name)[0] == "SELECT ON *.*"
        assert not module(**exact)["changed"]
        refused = module(fails=True, name=name, privileges={"mysql.*": ["SELECT"]})
        assert "a partial revoke removes SELECT on mysql.*; undo it" in refused["msg"]
    finally:
        outside_binary_log(server, "DROP USER %s@'%%'", name)
        server.rows("SET GLOBAL partial_revokes = OFF")


def test_roles(server: TestServer, module: AccountModule, name: str, schema: str) -> None:
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    reader, writer, host = f"{name}_r", f"{name}_w", role_host(server)
    log = binary_log(server)
    missing = module(fails=True, name=name, password=PASSWORD, roles=[reader])
    assert f"the role {reader}{'@%' if host else ''} does not exist; create it" in missing["msg"]
    assert account(server, name) is None

    # The account stands before its roles, and one role has the other.
    accounts = [
        {"name": name, "password": PASSWORD, "roles": [writer], "default_roles": [writer]},
        {
            "name": writer,
            "kind": "role",
            "privileges": {f"{schema}.*": ["INSERT"]},
            "roles": [reader],
        },
        {
            "name": reader,
            "kind": "role",
            "privileges": {"*.*": ["PROCESS"], f"{schema}.*": ["SELECT"]},
        },
    ]
    predicted = module(check=True, accounts=accounts)
    assert predicted["changed"] and account(server, name) is None
    done = module(accounts=accounts)
    assert done["statements"] == predicted["statements"] and done["diff"] == predicted["diff"]
    assert [one["changes"] for one in done["accounts"]] == [
        ["create account", "grant roles", "set default roles"],
        ["create account", "grant privileges", "grant roles"],
        ["create account", "grant privileges"],
    ]
    again = module(accounts=accounts)
    assert not again["changed"] and not again["warnings"], again
    assert binary_log(server) == log
    work = (f"INSERT INTO {schema}.t VALUES (1)", f"SELECT * FROM {schema}.t")
    assert ask_as(server, name, PASSWORD, *work) == [[], [(1,)]]
    # Nobody logs in as a role.
    with pytest.raises(pymysql.OperationalError) as denied:
        log_in(server, reader, "")
    # MySQL: locked; MariaDB: no such account.
    assert denied.value.args[0] in {"mysql": (3118,), "mariadb": (1045, 1698)}[server.flavour]

    log = binary_log(server)
    # By hand: another role, which is told, and stays until somebody asks.
    for role in (reader, writer):
        outside_binary_log(
            server, f"GRANT {named(server, role)} TO %s@'%%' WITH ADMIN OPTION", name
        )
    told = module(name=name, roles=[writer])
    assert not told["changed"] and told["accounts"][0]["extra_roles"] == [
        reader + ("@%" if host else "")
    ]
    assert "has roles that are not listed; they are left as they are" in told["warnings"][0]
    module(name=name, default_roles=[reader])
    assert ask_as(server, name, PASSWORD, work[0]) == [1142]
    exact = {"name": name, "roles": [writer], "revoke_unlisted": True}
    done = module(**exact)
    assert done["accounts"][0]["changes"] == ["set default roles", "revoke roles"]
    assert f"may grant {writer}" in done["warnings"][0] and reader not in done["warnings"][0]
    assert not module(**exact)["changed"]
    assert ask_as(server, name, PASSWORD, work[1]) == [1142]
    assert ask_as(server, name, PASSWORD, f"SET ROLE '{writer}'", work[1]) == [[], [(1,)]]

    # A role's own privileges, exactly; on MariaDB those on everything are read from SHOW GRANTS.
    narrower = {"name": reader, "kind": "role", "privileges": {f"{schema}.*": ["SELECT"]}}
    told = module(**narrower)
    assert told["accounts"][0]["extra_privileges"] == {"*.*": ["PROCESS"]}
    assert module(**narrower, revoke_unlisted=True)["changed"]
    assert not module(**narrower, revoke_unlisted=True)["changed"]

    two = module(
        fails=server.flavour == "mariadb",
        name=name,
        roles=[reader, writer],
        default_roles=[reader, writer],
    )
    if server.flavour == "mariadb":
        assert "2 default roles, but mariadb allows one" in two["msg"]
    assert (
        "is not one of its roles; list it"
        in module(fails=True, name=name, roles=[], default_roles=["nope"])["msg"]
    )

    # Gone in any order, the account's last role with it.
    gone = [
        {"name": reader, "kind": "role", "state": "absent"},
        {"name": writer, "kind": "role", "state": "absent"},
        {"name": name, "roles": [], "default_roles": [], "revoke_unlisted": True},
    ]
    assert module(accounts=gone)["changed"] and not module(accounts=gone)["changed"]
    assert account(server, reader, host) is None and binary_log(server) == log


def test_roles_and_users_are_not_mixed_up(
    server: TestServer, module: AccountModule, name: str
) -> None:
    role = {"name": f"{name}_r", "kind": "role"}
    module(**role)
    module(name=name, password=PASSWORD)
    if server.flavour == "mysql":
        assert "is a role: locked" in module(fails=True, name=role["name"], locked=False)["msg"]
        assert "is not a role: it can log in" in module(fails=True, name=name, kind="role")["msg"]
        refused = module(fails=True, name=name, kind="role", state="absent")
        assert "is not a role" in refused["msg"] and can_log_in(server, name, PASSWORD)
    else:
        # A name of its own kind: one may be both.
        module(name=role["name"], password=PASSWORD, privileges={"*.*": ["RELOAD"]})
        module(**role, privileges={"*.*": ["PROCESS"]})
        assert grants(server, role["name"]) == ["RELOAD ON *.*"]
        assert not module(**role, privileges={"*.*": ["PROCESS"]})["changed"]
        refused = module(fails=True, **role, host="localhost")
        assert "a role has no host on mariadb; leave it out" in refused["msg"]
        refused = module(fails=True, name=name, roles=[f"{name}_r@localhost"])
        assert f"a role has no host on mariadb; write {name}_r." in refused["msg"]
        module(**role, state="absent")
        assert can_log_in(server, role["name"], PASSWORD)


def test_several_hosts(server: TestServer, module: AccountModule, name: str) -> None:
    hosts = ["localhost", "127.%", "10.1.0.31"]
    wanted = {
        "name": name,
        "hosts": hosts,
        "password": PASSWORD,
        "privileges": {"*.*": ["PROCESS"]},
        "locked": False,
    }
    predicted = module(check=True, **wanted)
    done = module(**wanted)
    assert done["statements"] == predicted["statements"]
    assert [one["host"] for one in done["accounts"]] == hosts
    assert all(grants(server, name, host) == ["PROCESS ON *.*"] for host in hosts)
    assert can_log_in(server, name, PASSWORD) and not module(**wanted)["changed"]

    outside_binary_log(server, "ALTER USER %s@'127.%%' IDENTIFIED BY %s", name, NEW_PASSWORD)
    again = module(**wanted)
    assert [one["changes"] for one in again["accounts"]] == [[], ["alter account"], []]

    module(name=name, hosts=hosts[1:], state="absent")
    assert [account(server, name, host) is None for host in hosts] == [False, True, True]


def test_the_privileges_that_the_documentation_asks_for(
    server: TestServer, module: AccountModule, name: str
) -> None:
    admin, role = f"{name}_a", f"{name}_r"
    asked = {
        "mysql": {
            "*.*": ["CREATE USER", "ROLE_ADMIN", "SESSION_VARIABLES_ADMIN", "RELOAD"],
            "mysql.*": ["SELECT"],
        },
        "mariadb": {"*.*": ["CREATE USER", "BINLOG ADMIN"], "mysql.*": ["SELECT", "UPDATE"]},
    }[server.flavour]
    asked["*.*"].append("GRANT OPTION")
    module(name=admin, host="localhost", password=PASSWORD, privileges=asked)
    login = {"login_user": admin, "login_password": PASSWORD}
    accounts = [
        {"name": role, "kind": "role", "privileges": {"*.*": ["CREATE USER"]}},
        {
            "name": name,
            "password": PASSWORD,
            "roles": [role],
            "default_roles": [role],
            "resource_limits": {"max_user_connections": 3},
            "locked": True,
        },
    ]
    assert module(**login, accounts=accounts)["changed"]
    assert not module(**login, accounts=accounts)["changed"]
    outside_binary_log(server, "GRANT CREATE USER ON *.* TO %s@'%%' WITH GRANT OPTION", name)
    keep = {"name": name, "password": NEW_PASSWORD, "old_password": "keep", "locked": False}
    exact = {"privileges": {}, "roles": [], "revoke_unlisted": True}
    done = module(**login, **keep, **exact)
    assert can_log_in(server, name, PASSWORD) and can_log_in(server, name, NEW_PASSWORD), done
    assert grants(server, name) == ["USAGE ON *.*"]
    assert module(**login, name=name, old_password="discard")["changed"]
