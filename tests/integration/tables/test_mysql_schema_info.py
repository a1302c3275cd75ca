"""What schemas are made of, told alike by servers that are made alike."""

from __future__ import annotations

from typing import Any

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer, Topology
from tests.integration.modules import run_module

MODULE = "mysql_schema_info"
SCHEMA = "test_schema_info"
OBJECTS = (
    "CREATE TABLE {0}.t (id INT AUTO_INCREMENT PRIMARY KEY, tag VARCHAR(9) NOT NULL, KEY (tag))",
    "CREATE VIEW {0}.v AS SELECT tag FROM {0}.t",
    "CREATE FUNCTION {0}.f (a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 1",
    "CREATE PROCEDURE {0}.p () SELECT 1",
    "CREATE TRIGGER {0}.tr BEFORE INSERT ON {0}.t FOR EACH ROW SET NEW.tag = LOWER(NEW.tag)",
    "CREATE EVENT {0}.e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DISABLE DO SELECT 1",
)
KINDS = {"table t", "view v", "function f", "procedure p", "trigger tr", "event e"}


def asked(server: TestServer, *names: str) -> list[dict[str, Any]]:
    told = run_module(MODULE, server, schemas=list(names))
    assert not told["changed"], told
    return list(told["schemas"])


def test_what_is_refused(server: TestServer) -> None:
    refused = run_module(MODULE, server, schemas=["mysql", "a", "a"])
    assert refused["failed"] and "mysql is a system schema" in refused["msg"]
    assert "a is named 2 times" in refused["msg"]


def test_two_servers_that_are_made_alike_tell_the_same(bare: Topology) -> None:
    servers = [bare.server("w1"), bare.server("r1")]
    (none,) = asked(servers[0], SCHEMA)
    assert none == {"schema": SCHEMA, "fingerprint": None, "objects": None}
    try:
        for server in servers:
            outside_binary_log(
                server, f"CREATE SCHEMA {SCHEMA}", *(sql.format(SCHEMA) for sql in OBJECTS)
            )
        outside_binary_log(servers[0], f"INSERT INTO {SCHEMA}.t (tag) VALUES ('A'), ('B')")
        outside_binary_log(servers[1], f"ALTER EVENT {SCHEMA}.e ENABLE")
        (one,), (other,) = (asked(server, SCHEMA) for server in servers)
        assert one == other and one["objects"].keys() == KINDS
        outside_binary_log(servers[1], f"ALTER TABLE {SCHEMA}.t MODIFY tag VARCHAR(10) NOT NULL")
        (other,) = asked(servers[1], SCHEMA)
        assert one["fingerprint"] != other["fingerprint"]
        differing = {kind for kind in KINDS if one["objects"][kind] != other["objects"][kind]}
        assert differing == {"table t"}
    finally:
        for server in servers:
            outside_binary_log(server, f"DROP SCHEMA IF EXISTS {SCHEMA}")
