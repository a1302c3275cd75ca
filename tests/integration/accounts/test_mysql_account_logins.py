"""mysql_account on real servers: changing passwords without a pause, limits, locks."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from tests.integration.accounts.test_mysql_account import (
    NEW_PASSWORD,
    PASSWORD,
    AccountModule,
    account,
    ask_as,
    binary_log,
    can_log_in,
    general_log,
    log_in,
    module,
    name,
    outside_binary_log,
)
from tests.integration.lines import TestServer

__all__ = ["module", "name"]

THIRD_PASSWORD = "the-th1rd'one"
# Of an account that is locked, and of one that has reached a limit.
LOCKED = {"mysql": 3118, "mariadb": 4151}


def stored(server: TestServer, name: str) -> str:
    """Return all that the server keeps of an account's passwords."""
    sql = {
        "mysql": "SELECT CONCAT(authentication_string, IFNULL(User_attributes, '')) AS v "
        "FROM mysql.user WHERE User = %s",
        "mariadb": "SELECT Priv AS v FROM mysql.global_priv WHERE User = %s",
    }[server.flavour]
    return str(server.value(sql, name))


def test_a_password_changes_without_a_pause(
    server: TestServer, module: AccountModule, name: str
) -> None:
    log = binary_log(server)

    def let_in() -> list[bool]:
        passwords = (PASSWORD, NEW_PASSWORD, THIRD_PASSWORD)
        return [can_log_in(server, name, password) for password in passwords]

    module(name=name, password=PASSWORD, old_password="keep")
    assert let_in() == [True, False, False]

    change = {"name": name, "password": NEW_PASSWORD, "old_password": "keep"}
    predicted = module(check=True, **change)
    assert predicted["changed"] and let_in() == [True, False, False]
    done = module(**change)
    assert done["statements"] == predicted["statements"] and done["diff"] == predicted["diff"]
    assert done["diff"]["after"][f"{name}@%"]["old_password"] == "kept"
    assert let_in() == [True, True, False] and not done["warnings"]
    # Neither a second run, nor one that knows nothing of the change, ends the old one.
    before = stored(server, name)
    for again in (change, {"name": name, "password": NEW_PASSWORD, "require_tls": False}):
        assert not module(**again)["changed"]
    assert stored(server, name) == before

    third = module(name=name, password=THIRD_PASSWORD, old_password="keep")
    assert let_in() == [False, True, True]
    assert "the password kept at the previous change is no longer accepted" in third["warnings"][0]

    discard = {"name": name, "old_password": "discard"}
    predicted = module(check=True, **discard)
    assert predicted["changed"] and let_in() == [False, True, True]
    done = module(**discard)
    assert done["statements"] == predicted["statements"]
    assert "old_password" not in done["diff"]["after"][f"{name}@%"]
    assert let_in() == [False, False, True]
    assert not module(**discard)["changed"]

    # Without keep, a change ends all that came before: somebody may know it.
    module(**change)
    assert let_in() == [False, True, True]
    assert module(name=name, password=PASSWORD)["changed"]
    assert let_in() == [True, False, False]
    # And back: the old one becomes the present one.
    module(**change)
    back = {**change, "password": PASSWORD}
    assert module(**back)["changed"] and let_in() == [True, True, False]
    assert not module(**back)["changed"] and binary_log(server) == log


@pytest.mark.flavour("mariadb")
def test_an_old_password_is_kept_beside_a_socket(
    server: TestServer, module: AccountModule, name: str
) -> None:
    outside_binary_log(
        server,
        "CREATE USER %s@'127.%%' IDENTIFIED VIA mysql_native_password USING PASSWORD(%s) "
        "OR unix_socket",
        name,
        PASSWORD,
    )
    local = {"name": name, "host": "127.%"}
    module(**local, password=NEW_PASSWORD, old_password="keep")
    assert can_log_in(server, name, PASSWORD) and can_log_in(server, name, NEW_PASSWORD)
    assert '"unix_socket"' in stored(server, name)
    module(**local, old_password="discard")
    assert not can_log_in(server, name, PASSWORD) and can_log_in(server, name, NEW_PASSWORD)
    assert '"unix_socket"' in stored(server, name)
    assert not module(**local, password=NEW_PASSWORD, old_password="discard")["changed"]


def test_keeps_only_passwords_of_the_servers_own_kind(
    server: TestServer, module: AccountModule, name: str
) -> None:
    method = {
        "mysql": "sha256_password BY 'x'",
        "mariadb": "mysql_old_password USING '5d2e19393cc5ef67'",
    }[server.flavour]
    outside_binary_log(server, f"CREATE USER %s@'%%' IDENTIFIED WITH {method}", name)
    other = method.split()[0]
    before = stored(server, name)
    for check in (True, False):
        refused = module(check=check, fails=True, name=name, password=PASSWORD, old_password="keep")
        assert f"authenticates with {other}, and only a password of" in refused["msg"]
        assert stored(server, name) == before and refused["statements"] == []
    if server.flavour == "mariadb":
        # Who comes in by a socket has no password that could be kept.
        outside_binary_log(server, "ALTER USER %s@'%%' IDENTIFIED WITH unix_socket", name)
        module(name=name, password=PASSWORD, old_password="keep")
        assert can_log_in(server, name, PASSWORD)


def test_kept_passwords_are_in_no_log(server: TestServer, module: AccountModule, name: str) -> None:
    with general_log(server) as logged:
        told = [
            module(name=name, password=PASSWORD),
            module(name=name, password=NEW_PASSWORD, old_password="keep"),
            module(name=name, old_password="discard"),
        ]
    assert sum("ALTER USER" in line and name in line for line in logged) == 2
    assert not any(word in line for line in logged for word in (PASSWORD, NEW_PASSWORD))
    secret = str((account(server, name) or {})["secret"])
    for result in told:
        assert not any(word in str(result) for word in (PASSWORD, NEW_PASSWORD, secret))


def test_a_locked_account(server: TestServer, module: AccountModule, name: str) -> None:
    module(name=name, password=PASSWORD, locked=False)
    lock = {"name": name, "locked": True}
    predicted = module(check=True, **lock)
    assert predicted["changed"] and can_log_in(server, name, PASSWORD)
    with log_in(server, name, PASSWORD) as open_session:
        done = module(**lock)
        assert done["statements"] == [f"ALTER USER '{name}'@'%' ACCOUNT LOCK"]
        assert done["diff"] == predicted["diff"]
        # What is open goes on: the module's documentation says so.
        with open_session.cursor() as cursor:
            cursor.execute("SELECT 1")
    with pytest.raises(pymysql.OperationalError) as refused:
        log_in(server, name, PASSWORD)
    assert refused.value.args[0] == LOCKED[server.flavour]
    assert not module(**lock)["changed"]
    # A new password and other changes leave the lock, and a run without a word does.
    module(name=name, password=NEW_PASSWORD, require_tls=True)
    assert not module(name=name, password=NEW_PASSWORD)["changed"] and not module(**lock)["changed"]
    module(name=name, require_tls=False, locked=False)
    assert can_log_in(server, name, NEW_PASSWORD)
    # Made locked, so that nobody comes in before all is done.
    module(name=f"{name}_b", password=PASSWORD, locked=True)
    with pytest.raises(pymysql.OperationalError):
        log_in(server, f"{name}_b", PASSWORD)
    assert not module(name=f"{name}_b", password=PASSWORD, locked=True)["changed"]


def test_resource_limits(server: TestServer, module: AccountModule, name: str) -> None:
    limits: dict[str, Any] = {
        "max_queries_per_hour": 4294967295,
        "max_updates_per_hour": 2000,
        "max_connections_per_hour": 3000,
        "max_user_connections": 1,
    }
    if server.flavour == "mariadb":
        limits["max_statement_time_seconds"] = 0.25
    wanted = {"name": name, "password": PASSWORD, "resource_limits": limits}
    predicted = module(check=True, **wanted)
    done = module(**wanted)
    assert done["statements"] == predicted["statements"]
    assert done["diff"]["after"][f"{name}@%"]["resource_limits"] == limits
    assert not module(**wanted)["changed"]
    with log_in(server, name, PASSWORD):
        with pytest.raises(pymysql.OperationalError) as refused:
            log_in(server, name, PASSWORD)
        assert refused.value.args[0] == 1226

    # Each by itself; the others stay.
    changed = {"name": name, "resource_limits": {"max_user_connections": 2147483647}}
    assert module(**changed)["changed"] and not module(**changed)["changed"]
    after = {**limits, "max_user_connections": 2147483647}
    assert not module(name=name, resource_limits=after)["changed"]
    if server.flavour == "mariadb":
        assert ask_as(server, name, PASSWORD, "SELECT SLEEP(2)") == [1969]
        most = {"max_statement_time_seconds": 999999}
        assert module(name=name, resource_limits=most)["changed"]
        assert not module(name=name, resource_limits=most)["changed"]
    else:
        refused_limit = module(
            fails=True, name=name, resource_limits={"max_statement_time_seconds": 1}
        )
        assert "mysql has no max_statement_time_seconds; leave it" in refused_limit["msg"]
    none = {"name": name, "resource_limits": dict.fromkeys(limits, 0)}
    lifted = module(**none)
    assert "resource_limits" not in lifted["diff"]["after"][f"{name}@%"]
    assert not module(**none)["changed"]
