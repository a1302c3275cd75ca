"""A directory that tests fill: what is in it, and who may ask it."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.sql_tables import (
    PlacementRows,
)
from tests.integration.lines import TestServer
from tests.integration.modules import run_module

MODULE, INFO = "mysql_fabric_directory", "mysql_fabric_directory_info"
FABRIC = {"name": "fabric"}
SHARD = {"name": "s1", "shard_number": 1, "active": "p1"}
MEMBERS = [
    {"name": "f1", "kind": "member", "replica_set": "fabric", "datacenter": "dc1", "host": "f1"},
    {"name": "p1", "kind": "member", "replica_set": "s1", "datacenter": "dc1", "host": "p1"},
]
WRITERS = [
    {
        **{"name": name, "kind": "write", "datacenter": datacenter, "host": name, "weight": weight},
        **{"id_increment": 20, "id_offset": offset},
    }
    for name, datacenter, weight, offset in (
        ("w1", "dc1", 3, 1),
        ("w2", "dc1", 1, 2),
        ("w3", "dc2", 1, 20),
    )
]
READER = {"name": "r1", "kind": "read", "datacenter": "dc2", "host": "r1"}
WANTED = {
    "sets": [FABRIC, SHARD],
    "servers": [*MEMBERS, *WRITERS, READER],
    "usage_tables": ["usage_data.calls"],
}
ALL = ["w1", "w2", "w3", "r1"]
# Of the account that asks over TLS.
TLS_PASSWORD = 'hushed %s "directory\'s"'


def clean(server: TestServer) -> None:
    for sql in (
        "DROP SCHEMA IF EXISTS fabric",
        "DROP SCHEMA IF EXISTS dbrw",
        "DROP USER IF EXISTS fabric_owner@localhost",
        "DROP USER IF EXISTS directory",
        "DROP ROLE IF EXISTS fabric_directory",
        "DROP ROLE IF EXISTS fabric_supervision",
    ):
        server.rows(sql)


def as_active_writer(server: TestServer) -> None:
    """Leave a server as the active writer of a set: it knows its epoch, and has no directory."""
    clean(server)
    server.rows("CREATE SCHEMA dbrw")
    server.rows(
        "CREATE TABLE dbrw.epoch (epoch BIGINT UNSIGNED PRIMARY KEY, active VARCHAR(64) NOT NULL)"
    )
    server.rows("INSERT INTO dbrw.epoch VALUES (3, 'f1')")


def fill(server: TestServer) -> None:
    """Make a directory with a tenant and a placement, and the account."""
    as_active_writer(server)
    made = run_module(MODULE, server, **WANTED, announce=ALL)
    assert "failed" not in made, made
    server.rows("CALL fabric.register_tenant('Customer 1', 'customer_1', 's1')")
    ring = placement_of({"kind": "ring", "shards": {"s1": {"shard_number": 1}}})
    rows = PlacementRows("fabric", "main", "customers")
    for statement in (rows.create(), *rows.add_version(1, ring), rows.hold(1)):
        server.rows(statement.sql, *statement.args)
    server.rows("CREATE USER directory IDENTIFIED BY %s REQUIRE SSL", TLS_PASSWORD)
    give(server, "fabric_directory", "directory")


def addresses(*servers: TestServer) -> list[str]:
    return [f"{one.address}:{one.port}" for one in servers]


def give(server: TestServer, role: str, user: str) -> None:
    """Let a user have a role whenever it logs in."""
    server.rows(f"GRANT {role} TO {user}")
    word = "SET DEFAULT ROLE {} FOR {}" if is_mariadb(server) else "SET DEFAULT ROLE {} TO {}"
    server.rows(word.format(role, user))


def is_mariadb(server: TestServer) -> bool:
    return server.flavour == "mariadb"
