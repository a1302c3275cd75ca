"""Which accounts the roles make on which servers, and what each may do there."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    ACCOUNTS,
    READ_SERVER,
    SET_MEMBER,
    WRITE_SERVER,
    server_accounts,
)

R1 = {"name": "replication_r1", "host": "10.1.0.101", "password": "of r1"}
R2 = {"name": "replication_r2", "password": "of r2"}
GIVEN: dict[str, Any] = {
    "account_host": "10.%",
    "require_tls": True,
    "application_user": "application",
    "application_password": "of application",
    "monitor_user": "watch",
    "monitor_password": "of watch",
    "maintenance_user": "maintenance",
    "maintenance_password": "of maintenance",
    "replicas": [R1, R2],
}
SEES_ACCOUNTS = {
    f"mysql.{table}": ["SELECT"]
    for table in (
        *("user", "global_grants", "db", "tables_priv", "columns_priv", "procs_priv"),
        "role_edges",
    )
}
NO_PASSWORDS = {
    **GIVEN,
    "application_password": "",
    "monitor_password": "",
    "maintenance_password": "",
}


def account(name: str, privileges: dict[str, list[str]], require_tls: bool = True) -> Any:
    return {
        "name": name,
        "host": "10.%",
        "password": f"of {name}",
        "privileges": privileges,
        "require_tls": require_tls,
    }


def test_accounts_of_a_write_server() -> None:
    replication = {"privileges": {"*.*": ["REPLICATION SLAVE"]}, "require_tls": True}
    assert server_accounts(WRITE_SERVER, GIVEN, ["usage_data", "billing"]) == [
        account(
            "application",
            {
                "usage_data.*": ["SELECT", "INSERT", "UPDATE"],
                "billing.*": ["SELECT", "INSERT", "UPDATE"],
            },
        ),
        account(
            "watch",
            {
                "*.*": ["PROCESS", "REPLICATION CLIENT"],
                **SEES_ACCOUNTS,
                "usage_data.*": ["SELECT"],
                "billing.*": ["SELECT"],
                "dbrw.*": ["SELECT"],
            },
        ),
        account(
            "maintenance",
            {
                "*.*": ["REPLICATION CLIENT", "SESSION_VARIABLES_ADMIN"],
                "usage_data.*": ["SELECT", "DELETE", "TRIGGER"],
                "billing.*": ["SELECT", "DELETE", "TRIGGER"],
                "dbrw.*": ["CREATE"],
                "dbrw.purge": ["CREATE", "SELECT", "INSERT", "UPDATE"],
            },
        ),
        {**R1, **replication},
        # Without a host it has the module's default.
        {**R2, **replication},
    ]


def test_accounts_of_a_read_server() -> None:
    given = {**GIVEN, "require_tls": False}
    assert server_accounts(READ_SERVER, given, ["usage_data"]) == [
        account("application", {"usage_data.*": ["SELECT"]}, require_tls=False),
        account(
            "watch",
            {
                "*.*": ["PROCESS", "REPLICATION CLIENT"],
                **SEES_ACCOUNTS,
                "usage_data.*": ["SELECT"],
                "dbrw.*": ["SELECT"],
            },
            require_tls=False,
        ),
        account(
            "maintenance",
            {
                "*.*": ["REPLICATION CLIENT", "SESSION_VARIABLES_ADMIN"],
                "usage_data.*": ["SELECT", "ALTER", "CREATE", "INSERT", "DROP"],
            },
            require_tls=False,
        ),
    ]


def test_accounts_of_a_member_of_a_replica_set() -> None:
    given = {**GIVEN, "operator_user": "operator", "operator_password": "of operator"}
    given.update(agent_user="agent", agent_password="of agent")
    given["replicas"] = [{"name": "replication_f1", "host": "10.%", "password": "of f1"}]
    assert server_accounts(SET_MEMBER, given, ["customers"]) == [
        account("application", {"customers.*": ["SELECT", "INSERT", "UPDATE", "DELETE"]}),
        account(
            "watch",
            {
                "*.*": ["PROCESS", "REPLICATION CLIENT"],
                **SEES_ACCOUNTS,
                "dbrw.*": ["SELECT"],
                "fabric.*": ["SELECT"],
                "customers.*": ["SELECT"],
            },
        ),
        {
            "name": "agent",
            # Over the socket, where nothing is encrypted.
            "host": "localhost",
            "password": "of agent",
            "require_tls": False,
            "privileges": {
                "*.*": [
                    *("PROCESS", "REPLICA MONITOR", "REPLICATION_SLAVE_ADMIN"),
                    *("REPLICATION SOURCE ADMIN", "READ_ONLY ADMIN", "CONNECTION_ADMIN"),
                    *("SYSTEM_USER", "XA_RECOVER_ADMIN", "SESSION_VARIABLES_ADMIN"),
                    *("EVENT", "SET_ANY_DEFINER"),
                ],
                "dbrw.*": ["SELECT"],
            },
        },
        account("operator", {"*.*": ["ALL PRIVILEGES", "GRANT OPTION"]}),
        {
            **{"name": "replication_f1", "host": "10.%", "password": "of f1"},
            **{"privileges": {"*.*": ["REPLICATION SLAVE"]}, "require_tls": True},
        },
    ]


def test_without_usage_tables_only_the_servers_privileges_are_left() -> None:
    privileges = {one["name"]: one["privileges"] for one in server_accounts(READ_SERVER, GIVEN, [])}
    assert privileges == {
        "application": {},
        "watch": {
            "*.*": ["PROCESS", "REPLICATION CLIENT"],
            **SEES_ACCOUNTS,
            "dbrw.*": ["SELECT"],
        },
        "maintenance": {"*.*": ["REPLICATION CLIENT", "SESSION_VARIABLES_ADMIN"]},
    }


def test_without_a_password_there_is_no_account() -> None:
    assert server_accounts(READ_SERVER, NO_PASSWORDS, ["usage_data"]) == []
    names = [one["name"] for one in server_accounts(WRITE_SERVER, NO_PASSWORDS, ["usage_data"])]
    assert names == ["replication_r1", "replication_r2"]
    assert server_accounts(WRITE_SERVER, {**NO_PASSWORDS, "replicas": []}, ["usage_data"]) == []


def test_every_privilege_has_a_reason_and_no_account_a_privilege_twice() -> None:
    for one in ACCOUNTS:
        assert all(privilege.reason for privilege in one.privileges)
        given = [(privilege.word, privilege.on) for privilege in one.privileges]
        assert len(given) == len(set(given))
    kinds = [(one.name, one.server, one.listed) for one in ACCOUNTS]
    assert len(kinds) == len(set(kinds))


def test_common_data_is_read_on_read_servers_and_fetched_from_members() -> None:
    given = {**GIVEN, "common_schemas": ["prices"], "operator_password": "", "readers": [R1]}
    given["agent_password"] = ""
    on_reader = {one["name"]: one["privileges"] for one in server_accounts(READ_SERVER, given, [])}
    assert on_reader["application"] == {"prices.*": ["SELECT"]}
    assert on_reader["watch"]["prices.*"] == ["SELECT"]
    assert "prices.*" not in on_reader["maintenance"]
    writing = {**given, "replicas": []}
    on_writer = {
        one["name"]: one["privileges"] for one in server_accounts(WRITE_SERVER, writing, [])
    }
    assert on_writer["application"] == {"prices.*": ["SELECT"]}
    assert on_writer["watch"]["prices.*"] == ["SELECT"]
    assert "prices.*" not in on_writer["maintenance"]
    on_member = server_accounts(SET_MEMBER, {**given, "replicas": []}, [])
    assert [one for one in on_member if one["name"] == R1["name"]] == [
        {**R1, "privileges": {"*.*": ["REPLICATION SLAVE"]}, "require_tls": True}
    ]
