"""What tests of replication share: accounts, channels by the module and by hand, their status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.conftest import forget_binary_logs, outside_binary_log
from tests.integration.lines import TestServer, wait_until
from tests.integration.modules import run_module

MODULE, INFO = "mysql_replication_channel", "mysql_replication_channel_info"
# The first word stays as it is however a text quotes the password.
USER, SECRET = "replicator", "hushed"
PASSWORD = f'{SECRET} p\'w %s \\ "x"'


def make_account(server: TestServer, name: str = USER, more: str = "") -> None:
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


@contextmanager
def followed(
    replica: TestServer, sources: list[TestServer], schema: str, *tables: str
) -> Iterator[None]:
    """Give sources and a replica with a schema and its tables, all binary logs empty.

    Afterwards there are no channels, no schema and no account, and logs are empty again.
    """
    servers = [*sources, replica]
    forget_binary_logs(*servers)
    for source in sources:
        make_account(source)
    for server in servers:
        outside_binary_log(server, f"CREATE SCHEMA {schema}")
        outside_binary_log(server, *(f"CREATE TABLE {schema}.{table}" for table in tables))
    try:
        yield
    finally:
        seen = run_module(INFO, replica)
        assert "failed" not in seen, seen
        names = [channel["channel"] for channel in seen["channels"]]
        absent = [{"channel": name, "state": "absent"} for name in names]
        removed = run_module(MODULE, replica, channels=absent)
        for server in servers:
            outside_binary_log(server, f"DROP SCHEMA IF EXISTS {schema}")
        for source in sources:
            outside_binary_log(source, f"DROP USER IF EXISTS {USER}")
        forget_binary_logs(*servers)
        assert "failed" not in removed, removed


def ids(server: TestServer, schema: str) -> list[int]:
    """Return the ids of the table ``t``."""
    return [row["id"] for row in server.rows(f"SELECT id FROM {schema}.t ORDER BY id")]


def options(*sources: TestServer) -> dict[str, Any]:
    """Return the module's options for a running channel to each source."""
    return {
        "state": "started",
        "source_user": USER,
        "source_password": PASSWORD,
        "channels": [
            {"channel": source.name, "source_host": source.address, "source_port": source.port}
            for source in sources
        ],
    }


def follow(replica: TestServer, *sources: TestServer, **more: Any) -> dict[str, Any]:
    """Make running channels to the sources, and return the module's result."""
    return run_module(MODULE, replica, **{**options(*sources), **more})


def channels(replica: TestServer, **given: Any) -> dict[str, dict[str, Any]]:
    """Return what the info module tells, by channel."""
    told = run_module(INFO, replica, **given)
    assert not told["changed"]
    return {channel["channel"]: channel for channel in told["channels"]}


def control(replica: TestServer, word: str, channel: str, part: str = "") -> None:
    """Start or stop a channel's threads, by the server's own statement."""
    if replica.flavour == "mysql":
        replica.rows(f"{word} REPLICA {part} FOR CHANNEL %s", channel)
    else:
        replica.rows(f"{word} SLAVE %s {part}", channel)


def remove(replica: TestServer, channel: str) -> None:
    """Remove a stopped channel, by the server's own statement."""
    if replica.flavour == "mysql":
        replica.rows("RESET REPLICA ALL FOR CHANNEL %s", channel)
    else:
        replica.rows("RESET SLAVE %s ALL", channel)


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


def wait_for_error(replica: TestServer, channel: str, thread: str = "SQL") -> dict[str, Any]:
    """Wait until a thread of a channel has stopped, and return the status."""
    stopped: dict[str, Any] = wait_until(
        lambda: (
            (found := status(replica, channel))[f"replica_{thread.lower()}_running"] == "No"
            and found
        ),
        20,
        f"the {thread} thread of {channel} has not stopped",
    )
    return stopped
