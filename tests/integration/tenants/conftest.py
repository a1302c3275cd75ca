"""A directory on w1, and two shards of one member each, w2 and w3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pymysql
import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    epoch_statements,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Epoch,
)
from tests.integration.lines import TestServer, Topology
from tests.integration.modules import run_module
from tests.support.directory import as_active_writer

TENANT = "mysql_fabric_tenant"
PASSWORD = "hushed operator"
SCHEMAS = ("customer_1", "customer_2", "customer_3")


@dataclass
class Fabric:
    """The directory's server, and those of the shards by their names."""

    directory: TestServer
    shards: dict[str, TestServer]

    def options(self, *tenants: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "tenants": list(tenants),
            "shards": [
                {
                    "name": name,
                    "members": [{"name": f"p{name[1:]}", "host": one.address, "port": one.port}],
                }
                for name, one in self.shards.items()
            ],
            "operator_password": PASSWORD,
            "operator_tls": False,
            **more,
        }

    def call(self, *tenants: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        return run_module(TENANT, self.directory, check, **self.options(*tenants, **more))

    def settle(self, *tenants: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Call the module, which must succeed, and have nothing left to do."""
        done = self.call(*tenants, **more)
        assert "failed" not in done, done["msg"]
        again = self.call(*tenants, **more)
        assert "failed" not in again and not again["changed"], (again.get("msg"), again["steps"])
        return done

    def refused(self, *tenants: dict[str, Any], **more: Any) -> str:
        result = self.call(*tenants, **more)
        assert result["failed"] and not result["changed"], result
        return str(result["msg"])

    def sql(self, shard: str, account: str, statement: str) -> Any:
        """Return the one value that a tenant's account is answered."""
        with (
            self.shards[shard].login(account, f"hushed {account}") as session,
            session.cursor() as cursor,
        ):
            cursor.execute(statement)
            row = cursor.fetchone()
            return row and next(iter(row.values() if isinstance(row, dict) else row))

    def reset(self) -> None:
        """Make the directory anew, without tenants, and shards that have never had any."""
        as_active_writer(self.directory)
        _give_operator(self.directory)
        for name, server in self.shards.items():
            _as_shard(server, f"p{name[1:]}")
        made = run_module(
            "mysql_fabric_directory",
            self.directory,
            sets=[
                {"name": "fabric"},
                *(
                    {"name": name, "shard_number": number, "active": f"p{name[1:]}"}
                    for number, name in enumerate(self.shards, 1)
                ),
            ],
            servers=[
                {
                    "name": f"p{name[1:]}",
                    "kind": "member",
                    "replica_set": name,
                    "datacenter": "dc1",
                    "host": server.address,
                    "port": server.port,
                }
                for name, server in self.shards.items()
            ],
        )
        assert "failed" not in made, made


def _as_shard(server: TestServer, name: str) -> None:
    _clean(server)
    for statement in epoch_statements(Epoch(1, name), True):
        server.rows(statement.sql, *statement.args)
    _give_operator(server)


def _give_operator(server: TestServer) -> None:
    server.rows("DROP USER IF EXISTS operator")
    server.rows(f"CREATE USER operator IDENTIFIED BY '{PASSWORD}'")
    server.rows("GRANT ALL ON *.* TO operator WITH GRANT OPTION")


def _clean(server: TestServer) -> None:
    server.close()
    for row in server.rows("SELECT ID AS id, USER AS name FROM information_schema.PROCESSLIST"):
        if row["name"] in (*SCHEMAS, "stranger", "operator"):
            with suppress(pymysql.MySQLError):
                server.rows(f"KILL {row['id']}")
    server.rows("SET GLOBAL read_only = 0")
    for schema in (*SCHEMAS, "dbrw", "dbrw_tenants", "fabric"):
        server.rows(f"DROP SCHEMA IF EXISTS {schema}")
    for user in (*SCHEMAS, "stranger", "operator", "dbrw_tenants_owner@localhost"):
        server.rows(f"DROP USER IF EXISTS {user}")


@pytest.fixture
def fabric(bare: Topology) -> Iterator[Fabric]:
    made = Fabric(bare.server("w1"), {"s1": bare.server("w2"), "s2": bare.server("w3")})
    made.reset()
    yield made
    as_active_writer(made.directory)
    made.directory.rows("DROP SCHEMA dbrw")
    for server in (made.directory, *made.shards.values()):
        _clean(server)
        server.close()


def tenant(number: int, **more: Any) -> dict[str, Any]:
    """Return a customer as the module takes it."""
    schema = f"customer_{number}"
    account = {"name": schema, "password": f"hushed {schema}", "require_tls": False}
    return {"name": f"Customer {number}", "schema": schema, "accounts": [account], **more}
