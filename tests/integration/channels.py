"""Channels made and looked at by hand, in each flavour's own words."""

from __future__ import annotations

from typing import Any

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer

PASSWORD = "p'w \\ 1"


def make_account(server: TestServer, name: str, more: str = "") -> None:
    """Make an account that may replicate, outside the binary log."""
    quoted = PASSWORD.replace("\\", "\\\\").replace("'", "''")
    outside_binary_log(
        server,
        f"DROP USER IF EXISTS {name}",
        f"CREATE USER {name} IDENTIFIED BY '{quoted}' {more}",
        f"GRANT REPLICATION SLAVE ON *.* TO {name}",
    )


def make_by_hand(replica: TestServer, name: str, source: TestServer, user: str) -> None:
    """Make a channel as another tool would, without what its server does by default."""
    told = (source.address, source.port, user, PASSWORD)
    if replica.flavour == "mysql":
        replica.rows(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_USER = %s, "
            f"SOURCE_PASSWORD = %s, SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1 "
            f"FOR CHANNEL '{name}'",
            *told,
        )
    else:
        replica.rows(
            f"CHANGE MASTER '{name}' TO MASTER_HOST = %s, MASTER_PORT = %s, MASTER_USER = %s, "
            "MASTER_PASSWORD = %s, MASTER_USE_GTID = slave_pos, "
            "MASTER_SSL_VERIFY_SERVER_CERT = 0",
            *told,
        )


def by_hand(replica: TestServer, verb: str, name: str) -> None:
    """START, STOP or remove a channel."""
    words = (
        {"START": "START REPLICA", "STOP": "STOP REPLICA", "REMOVE": "RESET REPLICA ALL"}
        if replica.flavour == "mysql"
        else {"START": "START SLAVE", "STOP": "STOP SLAVE", "REMOVE": "RESET SLAVE"}
    )[verb]
    if replica.flavour == "mysql":
        replica.rows(f"{words} FOR CHANNEL '{name}'")
    else:
        replica.rows(f"{words} '{name}'{' ALL' if verb == 'REMOVE' else ''}")


def status(replica: TestServer, name: str) -> dict[str, Any]:
    """Return a channel's status with names in small letters, `source_` for both flavours."""
    show = "SHOW REPLICA STATUS" if replica.flavour == "mysql" else "SHOW ALL SLAVES STATUS"
    for row in replica.rows(show):
        told = {
            column.lower().replace("master", "source").replace("slave", "replica"): value
            for column, value in row.items()
        }
        if (told.get("channel_name") or told.get("connection_name")) == name:
            return told
    raise AssertionError(f"{replica.name} has no channel {name}")


def threads(replica: TestServer) -> set[int]:
    """Return the connection numbers of the replica's own threads: a stop changes them."""
    rows = replica.rows("SELECT id FROM information_schema.processlist WHERE user = 'system user'")
    return {row["id"] for row in rows}
