"""mysql_account on real servers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
import pytest

from tests.integration.lines import TestServer

MODULE = "mysql_account"
PASSWORD = "n0t-in-any-l0g"
NEW_PASSWORD = "an0ther-0ne"
# A privilege that only one of the flavours has in these words.
LEAVE_BINARY_LOG = {"mysql": "SESSION_VARIABLES_ADMIN", "mariadb": "BINLOG ADMIN"}
PASSWORD_PLUGIN = {"mysql": "caching_sha2_password", "mariadb": "mysql_native_password"}

AccountModule = Callable[..., dict[str, Any]]


@pytest.fixture
def name(server: TestServer) -> Iterator[str]:
    """A name that no account has; accounts whose names begin with it are dropped afterwards."""
    made = f"acct_{secrets.token_hex(4)}"
    yield made
    rows = server.rows(
        "SELECT User AS user, Host AS host FROM mysql.user WHERE User LIKE %s", made + "%"
    )
    for row in rows:
        if row["host"]:
            outside_binary_log(server, "DROP USER %s@%s", row["user"], row["host"])
        else:
            outside_binary_log(server, "DROP ROLE %s", row["user"])


@pytest.fixture
def module(server: TestServer, run_module: Any) -> AccountModule:
    def call(check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = run_module(MODULE, server, check=check, **options)
        assert result.get("failed", False) == fails, result
        # ansible-core 2.19 wraps a warning; a person sees its text.
        result["warnings"] = [
            one if isinstance(one, str) else one["event"]["msg"]
            for one in result.get("warnings", [])
        ]
        return result

    return call


def outside_binary_log(server: TestServer, sql: str, *args: Any) -> None:
    """Run a statement as root; a percent sign in ``sql`` is doubled."""
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        cursor.execute(sql, args)


def log_in(server: TestServer, name: str, password: str, **options: Any) -> Any:
    """Log in over TCP, without TLS where the password allows.

    MySQL then wants the whole password, encrypted with its RSA key: 213 bytes at most.
    """
    return pymysql.connect(
        host=server.address,
        port=server.port,
        user=name,
        # PyMySQL would send a string as Latin-1.
        password=password.encode(),
        ssl_disabled=len(password.encode()) <= 213,
        autocommit=True,
        **options,
    )


def can_log_in(server: TestServer, name: str, password: str) -> bool:
    try:
        log_in(server, name, password).close()
    except pymysql.OperationalError as error:
        # 1698: by MariaDB, where the last of several methods is no password.
        assert error.args[0] in (1045, 1698), error
        return False
    return True


def ask_as(server: TestServer, name: str, password: str, *statements: str) -> list[Any]:
    """Run statements as an account; for each return its rows or its error's number."""
    answers: list[Any] = []
    with log_in(server, name, password) as connection, connection.cursor() as cursor:
        for sql in statements:
            try:
                cursor.execute(sql)
                answers.append(list(cursor.fetchall()))
            except pymysql.MySQLError as error:
                answers.append(error.args[0])
    return answers


def grants(server: TestServer, name: str, host: str = "%") -> list[str]:
    """Return what the server says itself, without what it says of passwords."""
    lines = [next(iter(row.values())) for row in server.rows("SHOW GRANTS FOR %s@%s", name, host)]
    return [line.split(" TO ")[0].removeprefix("GRANT ") for line in lines]


def account(server: TestServer, name: str, host: str = "%") -> dict[str, Any] | None:
    rows = server.rows(
        "SELECT plugin, authentication_string AS secret, ssl_type AS tls "
        "FROM mysql.user WHERE User = %s AND Host = %s",
        name,
        host,
    )
    return rows[0] if rows else None


def binary_log(server: TestServer) -> tuple[Any, ...]:
    """Return where the binary log ends."""
    show, gtids = (
        ("SHOW BINARY LOG STATUS", "@@GLOBAL.gtid_executed")
        if server.flavour == "mysql"
        else ("SHOW MASTER STATUS", "@@GLOBAL.gtid_binlog_pos")
    )
    (status,) = server.rows(show)
    return status["File"], status["Position"], server.value(f"SELECT {gtids} AS gtids")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "does not exist, and accounts are not created without a password"),
        ({"privileges": {"*.*": ["SELEKT"]}}, "; did you mean SELECT?"),
        ({"privileges": {"*.*": ["PROXY"]}}, "'PROXY' is not a privilege of this "),
        ({"privileges": {"s.*": ["PROCESS"]}}, "PROCESS cannot be granted on s.*, only on *.*."),
        ({"privileges": {"s.t": ["EVENT"]}}, "EVENT cannot be granted on s.t, only on *.* or a"),
        ({"privileges": {"s.t": ["GRANT OPTION"]}}, "GRANT OPTION alone on s.t"),
        ({"name": "x" * 129}, "the name has 129 characters, and "),
    ],
)
def test_touches_nothing_when_one_account_is_wrong(
    server: TestServer, module: AccountModule, name: str, options: dict[str, Any], said: str
) -> None:
    good = {"name": name, "password": PASSWORD}
    bad = {"name": f"{name}_b", **options}
    for check in (True, False):
        result = module(check=check, fails=True, accounts=[good, bad])
        assert not result["changed"] and result["statements"] == []
        assert said in result["msg"]
        assert account(server, name) is None


@pytest.mark.parametrize("network", ["127.0.0.0/255.0.0.0", "127.0.0.0/8", "127.%"])
def test_a_network_lets_its_clients_in_or_is_refused(
    server: TestServer, module: AccountModule, name: str, network: str
) -> None:
    refused = server.flavour == "mariadb" and network.endswith("/8")
    result = module(fails=refused, name=name, host=network, password=PASSWORD)
    if refused:
        assert "write the whole mask" in result["msg"], result
        assert account(server, name, network) is None
    else:
        log_in(server, name, PASSWORD).close()


def test_one_rhythm(server: TestServer, module: AccountModule, name: str, schema: str) -> None:
    before = binary_log(server)
    wanted = {
        "name": name,
        "password": PASSWORD,
        "privileges": {"*.*": ["REPLICATION SLAVE"], f"{schema}.*": ["select", "INSERT"]},
    }
    predicted = module(check=True, **wanted)
    assert predicted["changed"] and account(server, name) is None

    done = module(**wanted)
    assert done["changed"] and not done["warnings"], done
    assert done["statements"] == predicted["statements"]
    assert done["diff"] == predicted["diff"]
    assert done["diff"]["before"] == {f"{name}@%": None}
    assert done["diff"]["after"][f"{name}@%"]["password"] == "set"
    escaped = schema.replace("_", "\\_")
    assert grants(server, name) == ["REPLICATION SLAVE ON *.*", f"SELECT, INSERT ON `{escaped}`.*"]
    assert can_log_in(server, name, PASSWORD) and not can_log_in(server, name, NEW_PASSWORD)
    assert done["accounts"] == predicted["accounts"]
    assert done["accounts"][0]["changes"] == ["create account", "grant privileges"]

    again = module(**wanted)
    assert not again["changed"] and again["statements"] == [], again
    assert again["accounts"][0]["changes"] == []
    assert again["accounts"][0]["extra_privileges"] == {} and not again["warnings"]

    changed = {**wanted, "password": NEW_PASSWORD, "privileges": {f"{schema}.*": ["DELETE"]}}
    predicted = module(check=True, **changed)
    assert predicted["changed"] and can_log_in(server, name, PASSWORD)
    done = module(**changed)
    assert done["changed"] and done["diff"] == predicted["diff"]
    assert done["diff"]["before"][f"{name}@%"]["password"] == "different"
    assert can_log_in(server, name, NEW_PASSWORD) and not can_log_in(server, name, PASSWORD)
    extra = {"*.*": ["REPLICATION SLAVE"], f"{schema}.*": ["INSERT", "SELECT"]}
    assert done["accounts"][0]["extra_privileges"] == extra
    assert "REPLICATION SLAVE on *.*" in done["warnings"][0]
    assert grants(server, name)[1] == f"SELECT, INSERT, DELETE ON `{escaped}`.*"
    assert not module(**changed)["changed"]
    assert not module(**{**wanted, "update_password": "on_create"})["changed"]

    gone = {"name": name, "state": "absent"}
    predicted = module(check=True, **gone)
    assert predicted["changed"] and account(server, name) is not None
    done = module(**gone)
    assert done["statements"] == [f"DROP USER '{name}'@'%'"]
    assert account(server, name) is None and done["diff"]["after"] == {f"{name}@%": None}
    assert not module(**gone)["changed"]

    assert binary_log(server) == before


@pytest.mark.parametrize(
    "password",
    [
        "p'w",
        'p"w`;-- %s %% {x}',
        "back\\slash\\",
        "pässwörd ☃ 🔑",
        " spaces ",
        "x" * 213,
        "0123456789abcdef" * 16,
    ],
    ids=["quote", "template", "backslash", "unicode", "spaces", "213 bytes", "256 bytes"],
)
def test_any_password(server: TestServer, module: AccountModule, name: str, password: str) -> None:
    created = module(name=name, password=password)
    assert created["changed"] and can_log_in(server, name, password), created
    assert not can_log_in(server, name, password + "x")
    assert not module(name=name, password=password)["changed"]
    # The collection's own login sends it as it was set.
    said = module(check=True, fails=True, name=name, login_user=name, login_password=password)[
        "msg"
    ]
    assert "cannot log in" not in said and "out of the binary log" in said


def test_password_too_long_for_mysql(server: TestServer, module: AccountModule, name: str) -> None:
    result = module(fails=server.flavour == "mysql", name=name, password="é" * 129)
    if server.flavour == "mysql":
        assert "the password is longer than 256 bytes" in result["msg"]
        assert account(server, name) is None
    else:
        assert can_log_in(server, name, "é" * 129)


@contextmanager
def general_log(server: TestServer) -> Iterator[list[str]]:
    """Give a list that holds, afterwards, all that the server has logged meanwhile."""
    before = server.rows("SELECT @@GLOBAL.log_output AS o, @@GLOBAL.general_log AS g")[0]
    outside_binary_log(server, "TRUNCATE mysql.general_log")
    server.rows("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON")
    logged: list[str] = []
    try:
        yield logged
    finally:
        server.rows("SET GLOBAL log_output = %s, GLOBAL general_log = %s", before["o"], before["g"])
    rows = server.rows("SELECT CONVERT(argument USING utf8mb4) AS argument FROM mysql.general_log")
    logged += [str(row["argument"]) for row in rows]


def test_the_password_is_in_no_log(server: TestServer, module: AccountModule, name: str) -> None:
    with general_log(server) as logged:
        told = [
            module(name=name, password=PASSWORD),
            module(name=name, password=NEW_PASSWORD),
            module(fails=True, name=name, password=PASSWORD, privileges={"nowhere.t": ["SELECT"]}),
        ]
    # MySQL writes the hash as <secret>, MariaDB as it is.
    assert any("CREATE USER" in line and name in line for line in logged)
    assert any("ALTER USER" in line and name in line for line in logged)
    assert not any(word in line for line in logged for word in (PASSWORD, NEW_PASSWORD))
    # The last one fails in the server, after the password has been set.
    assert told[2]["error_number"] == 1146, told[2]
    assert told[2]["changed"] and can_log_in(server, name, PASSWORD)
    for result in told:
        secret = str((account(server, name) or {})["secret"])
        assert PASSWORD not in str(result) and NEW_PASSWORD not in str(result)
        assert secret not in str(result)


def test_knows_the_servers_own_hash(server: TestServer, module: AccountModule, name: str) -> None:
    outside_binary_log(server, "CREATE USER %s@'%%' IDENTIFIED BY %s", name, PASSWORD)
    for check in (True, False):
        result = module(check=check, name=name, password=PASSWORD)
        assert not result["changed"], result
    assert module(check=True, name=name, password=NEW_PASSWORD)["changed"]


@pytest.mark.flavour("mysql")
@pytest.mark.parametrize("storage_format", ["CRYPT5", "PBKDF2_SHA512"])
def test_keeps_to_the_servers_storage_format(
    server: TestServer, module: AccountModule, name: str, storage_format: str
) -> None:
    variables = ("caching_sha2_password_storage_format", "caching_sha2_password_digest_rounds")
    enforce = "caching_sha2_password_enforce_storage_format"
    names = (*variables, enforce)
    before = {name: server.value(f"SELECT @@GLOBAL.{name} AS v") for name in names}
    server.rows(f"SET GLOBAL {variables[0]} = %s, GLOBAL {variables[1]} = 7777", storage_format)
    server.rows(f"SET GLOBAL {enforce} = ON")
    try:
        module(name=name, password=PASSWORD)
        letter = {"CRYPT5": "A", "PBKDF2_SHA512": "B"}[storage_format]
        made = account(server, name)
        assert made is not None and made["secret"].startswith(f"${letter}$007$")
        # Enforced: an account in the other format could do nothing but change its password.
        assert ask_as(server, name, PASSWORD, "SELECT 1") == [[(1,)]]
        assert not module(name=name, password=PASSWORD)["changed"]
        # What the server makes itself of 7777 rounds lets nobody in.
        server.rows(f"SET GLOBAL {variables[1]} = 7000")
        outside_binary_log(server, "ALTER USER %s@'%%' IDENTIFIED BY %s", name, NEW_PASSWORD)
        assert not module(name=name, password=NEW_PASSWORD)["changed"]
    finally:
        # Not to DEFAULT: with digest_rounds = DEFAULT MySQL 9.7 makes no password any more (1396).
        for variable, value in before.items():
            server.rows(f"SET GLOBAL {variable} = %s", value)


def test_other_plugins_are_changed_to_the_password(
    server: TestServer, module: AccountModule, name: str
) -> None:
    other = {"mysql": "sha256_password", "mariadb": "unix_socket"}[server.flavour]
    outside_binary_log(server, f"CREATE USER %s@'%%' IDENTIFIED WITH {other}", name)
    assert not module(name=name, password=PASSWORD, update_password="on_create")["changed"]
    assert not module(name=name)["changed"]
    result = module(name=name, password=PASSWORD)
    assert result["diff"]["before"][f"{name}@%"]["authentication"] == other
    plugin = PASSWORD_PLUGIN[server.flavour]
    assert result["diff"]["after"][f"{name}@%"]["authentication"] == plugin
    made = account(server, name)
    assert made is not None and made["plugin"] == plugin and can_log_in(server, name, PASSWORD)


@pytest.mark.flavour("mariadb")
def test_a_socket_login_besides_the_password_is_kept(
    server: TestServer, module: AccountModule, name: str
) -> None:
    # As Debian makes root: a password for it must not end the login over the socket.
    outside_binary_log(
        server,
        "CREATE USER %s@localhost IDENTIFIED VIA mysql_native_password USING 'invalid' "
        "OR unix_socket",
        name,
    )
    result = module(name=name, host="localhost", password=PASSWORD)
    assert result["changed"], result
    (row,) = server.rows("SHOW CREATE USER %s@localhost", name)
    said = str(next(iter(row.values())))
    assert " OR unix_socket" in said and "invalid" not in said
    assert not module(name=name, host="localhost", password=PASSWORD)["changed"]


def test_tls(server: TestServer, module: AccountModule, name: str) -> None:
    def tls() -> str:
        return str((account(server, name) or {})["tls"])

    module(name=name, password=PASSWORD, require_tls=True)
    assert tls() == "ANY" and not can_log_in(server, name, PASSWORD)
    assert not module(name=name, password=PASSWORD, require_tls=True)["changed"]
    assert not module(name=name, password=PASSWORD)["changed"]
    result = module(name=name, require_tls=False)
    assert result["statements"] == [f"ALTER USER '{name}'@'%' REQUIRE NONE"]
    assert tls() == "" and can_log_in(server, name, PASSWORD)
    outside_binary_log(server, "ALTER USER %s@'%%' REQUIRE X509", name)
    assert not module(name=name, require_tls=True)["changed"] and tls() == "X509"


@pytest.mark.parametrize("level", ["*.*", "{}.*", "{}.t"])
def test_all_privileges(
    server: TestServer, module: AccountModule, name: str, schema: str, level: str
) -> None:
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    wanted = {level.format(schema): ["ALL", "GRANT OPTION"]}
    assert module(name=name, password=PASSWORD, privileges=wanted)["changed"]
    again = module(name=name, password=PASSWORD, privileges=wanted)
    assert not again["changed"] and not again["warnings"], again
    # What the server calls all is what the module calls all.
    outside_binary_log(server, "CREATE USER %s@'%%' IDENTIFIED BY %s", f"{name}_b", PASSWORD)
    target = level.format(schema.replace("_", "\\_") if level == "{}.*" else schema)
    quoted = target if target == "*.*" else f"`{target.split('.')[0]}`.{target.split('.')[1]}"
    outside_binary_log(server, f"GRANT ALL ON {quoted} TO %s@'%%' WITH GRANT OPTION", f"{name}_b")
    assert grants(server, name) == grants(server, f"{name}_b")
    by_hand = module(name=f"{name}_b", privileges=wanted)
    assert not by_hand["changed"] and not by_hand["warnings"], by_hand


def test_every_privilege_of_the_server_is_understood(
    server: TestServer, module: AccountModule, name: str
) -> None:
    every = [row["Privilege"] for row in server.rows("SHOW PRIVILEGES")]
    wanted = {"*.*": [word for word in every if word not in ("Usage", "Proxy")]}
    assert module(name=name, password=PASSWORD, privileges=wanted)["changed"]
    again = module(name=name, password=PASSWORD, privileges=wanted)
    assert not again["changed"] and not again["warnings"], again


def test_the_accounts_of_the_topology(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    """The words of the module's examples let each account do its work, and not more."""
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    passwords = {role: f"{PASSWORD}-{role}" for role in ("replication", "app", "monitor", "maint")}
    privileges = {
        "replication": {"*.*": ["REPLICATION SLAVE"]},
        "app": {f"{schema}.*": ["SELECT", "INSERT", "UPDATE"]},
        "monitor": {"*.*": ["PROCESS", "REPLICATION CLIENT"]},
        "maint": {
            "*.*": ["REPLICATION CLIENT", "SESSION_VARIABLES_ADMIN"],
            f"{schema}.*": ["SELECT", "DELETE"],
        },
    }
    accounts = [
        {"name": f"{name}_{role}", "password": passwords[role], "privileges": privileges[role]}
        for role in passwords
    ]
    before = binary_log(server)
    done = module(accounts=accounts)
    assert done["changed"] and [one["name"] for one in done["accounts"]] == [
        f"{name}_{role}" for role in passwords
    ]
    again = module(accounts=accounts)
    assert not again["changed"] and not again["warnings"], again

    def answers(role: str, *statements: str) -> list[Any]:
        return ask_as(server, f"{name}_{role}", passwords[role], *statements)

    status, logs = (
        ("SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS")
        if server.flavour == "mysql"
        else ("SHOW ALL SLAVES STATUS", "SHOW MASTER STATUS")
    )
    purge = ("SET SESSION sql_log_bin = 0", f"DELETE FROM {schema}.t")
    assert answers("maint", status, logs, *purge, f"INSERT INTO {schema}.t VALUES (1)")[2:] == [
        [],
        [],
        1142,
    ]
    assert binary_log(server) == before
    assert answers("monitor", status, f"SELECT * FROM {schema}.t") == [[], 1142]
    assert answers("app", f"INSERT INTO {schema}.t VALUES (1)", *purge) == [[], 1227, 1142]
    assert answers("replication", status, f"SELECT * FROM {schema}.t") == [1227, 1142]


def test_a_grant_made_by_hand_keeps_counting(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    """Servers apply the most specific schema pattern alone: a second spelling would shadow it."""
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    by_hand = f"{name}_h"
    for user in (name, by_hand):
        outside_binary_log(server, "CREATE USER %s@'%%' IDENTIFIED BY %s", user, PASSWORD)
        outside_binary_log(server, f"GRANT SELECT, DELETE ON {schema}.* TO %s@'%%'", user)
    delete = f"DELETE FROM {schema}.t"
    escaped = schema.replace("_", "\\_")
    outside_binary_log(server, f"GRANT SELECT ON `{escaped}`.* TO %s@'%%'", by_hand)
    assert ask_as(server, by_hand, PASSWORD, delete) == [1142]

    wanted = {f"{schema}.*": ["SELECT", "INSERT"]}
    done = module(name=name, privileges=wanted)
    assert done["statements"] == [f"GRANT INSERT ON `{schema}`.* TO '{name}'@'%'"]
    assert done["accounts"][0]["extra_privileges"] == {f"{schema}.*": ["DELETE"]}
    assert ask_as(server, name, PASSWORD, delete) == [[]]
    assert not module(name=name, privileges=wanted)["changed"]


def test_tells_what_a_narrower_grant_takes_away(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    outside_binary_log(server, "CREATE USER %s@'%%' IDENTIFIED BY %s", name, PASSWORD)
    outside_binary_log(server, f"GRANT SELECT, DELETE ON `{schema[:-1]}%%`.* TO %s@'%%'", name)
    delete = f"DELETE FROM {schema}.t"
    assert ask_as(server, name, PASSWORD, delete) == [[]]
    for check in (True, False):
        done = module(check=check, name=name, privileges={f"{schema}.*": ["SELECT"]})
        assert done["changed"] and "the account no longer has DELETE there" in done["warnings"][0]
    assert ask_as(server, name, PASSWORD, delete) == [1142]


def test_an_account_from_hosts_that_are_no_longer_named_is_told_of(
    server: TestServer, module: AccountModule, name: str
) -> None:
    module(name=name, password=PASSWORD)
    assert not module(name=name, host="%", password=PASSWORD).get("warnings")
    for check in (True, False):
        (warning,) = module(check=check, name=name, host="127.%", password=PASSWORD)["warnings"]
        assert f"{name}: there is also {name}@%, which is left" in warning, warning
    both = [
        {"name": name, "host": "127.%", "password": PASSWORD},
        {"name": name, "host": "%", "state": "absent"},
    ]
    assert not module(accounts=both).get("warnings")
    assert not module(name=name, host="127.%", password=PASSWORD).get("warnings")


def test_an_underscore_is_itself_and_percent_a_wildcard(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    module(name=name, password=PASSWORD, privileges={f"{schema[:-1]}_.*": ["SELECT"]})
    module(name=f"{name}_b", password=PASSWORD, privileges={f"{schema[:8]}%.*": ["SELECT"]})
    select = f"SELECT * FROM {schema}.t"
    assert ask_as(server, name, PASSWORD, select) == [1142]
    assert ask_as(server, f"{name}_b", PASSWORD, select) == [[]]
    assert not module(name=f"{name}_b", privileges={f"{schema[:8]}%.*": ["SELECT"]})["changed"]


@pytest.mark.flavour("mysql")
def test_partial_revokes(server: TestServer, module: AccountModule, name: str, schema: str) -> None:
    """With it on, a schema in a grant is a plain name, its backslash too."""
    outside_binary_log(server, f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)")
    server.rows("SET GLOBAL partial_revokes = ON")
    try:
        wanted = {f"{schema}.*": ["SELECT"]}
        module(name=name, password=PASSWORD, privileges=wanted)
        assert ask_as(server, name, PASSWORD, f"SELECT * FROM {schema}.t") == [[]]
        assert not module(name=name, privileges=wanted)["changed"]
        result = module(fails=True, name=name, privileges={"tenant_%.*": ["SELECT"]})
        assert "tenant_%.* is not a pattern on this server" in result["msg"]
    finally:
        server.rows("SET GLOBAL partial_revokes = OFF")


def test_tables_columns_and_odd_names(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    outside_binary_log(server, f"CREATE TABLE {schema}.`t %%.``x` (a INT PRIMARY KEY)")
    odd = f"{name} o'd`d%"
    wanted = {f"{schema}.`t %.``x`": ["SELECT"]}
    assert module(name=odd, password=PASSWORD, privileges=wanted)["changed"]
    assert not module(name=odd, password=PASSWORD, privileges=wanted)["changed"]
    assert ask_as(server, odd, PASSWORD, f"SELECT * FROM {schema}.`t %.``x`") == [[]]
    outside_binary_log(
        server, f"GRANT UPDATE (a) ON {schema}.`t %%.``x` TO %s@'%%' WITH GRANT OPTION", odd
    )
    result = module(name=odd, privileges=wanted)
    assert not result["changed"]
    extra = {f"{schema}.t %.`x": ["GRANT OPTION", "UPDATE (A)"]}
    told = result["accounts"][0]["extra_privileges"]
    assert {key: [w.upper() for w in words] for key, words in told.items()} == extra


def test_names_differ_by_case_and_hosts_do_not(
    server: TestServer, module: AccountModule, name: str
) -> None:
    outside_binary_log(server, "CREATE USER %s@localhost IDENTIFIED BY 'x'", name.upper())
    outside_binary_log(server, "GRANT PROCESS ON *.* TO %s@localhost", name.upper())
    wanted = {"name": name, "host": "LocalHost", "password": PASSWORD, "privileges": {}}
    done = module(**wanted)
    assert done["changed"] and account(server, name, "localhost") is not None
    again = module(**wanted)
    assert not again["changed"] and again["accounts"][0]["extra_privileges"] == {}
    module(name=name.upper(), host="localhost", state="absent")
    assert account(server, name, "localhost") is not None


def test_never_drops_its_own_login(server: TestServer, module: AccountModule) -> None:
    result = module(fails=True, name="root", host="localhost", state="absent")
    assert "root@localhost is the account that this run is logged in as" in result["msg"]
    assert account(server, "root", "localhost") is not None


def test_the_privileges_that_the_documentation_asks_for(
    server: TestServer, module: AccountModule, name: str, schema: str
) -> None:
    outside_binary_log(server, "CREATE USER %s@localhost IDENTIFIED BY %s", name, PASSWORD)
    outside_binary_log(server, "GRANT CREATE USER ON *.* TO %s@localhost", name)
    outside_binary_log(server, "GRANT SELECT ON mysql.* TO %s@localhost", name)
    escaped = schema.replace("_", "\\_")
    outside_binary_log(
        server, f"GRANT SELECT, INSERT ON `{escaped}`.* TO %s@localhost WITH GRANT OPTION", name
    )
    wanted = {
        "login_user": name,
        "login_password": PASSWORD,
        "name": f"{name}_b",
        "password": NEW_PASSWORD,
        "privileges": {f"{schema}.*": ["SELECT", "INSERT"]},
    }
    for check in (True, False):
        refused = module(check=check, fails=True, **wanted)
        assert "SESSION_VARIABLES_ADMIN (MySQL)" in refused["msg"], refused
        assert refused["statements"] == [] and account(server, f"{name}_b") is None
    leave = LEAVE_BINARY_LOG[server.flavour]
    outside_binary_log(server, f"GRANT {leave} ON *.* TO %s@localhost", name)
    done = module(**wanted)
    assert done["changed"] and can_log_in(server, f"{name}_b", NEW_PASSWORD), done
    assert not module(**wanted)["changed"]
    assert module(**{**wanted, "password": PASSWORD})["changed"]
