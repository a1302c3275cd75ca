"""What tests of replication share: sources with an account, and a replica without channels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.conftest import forget_binary_logs, outside_binary_log
from tests.integration.lines import TestServer, run_module, wait_until

MODULE, INFO = "mysql_replication_channel", "mysql_replication_channel_info"
USER, PASSWORD = "replicator", "secret of the channels"


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
        outside_binary_log(
            source,
            f"DROP USER IF EXISTS {USER}",
            f"CREATE USER {USER} IDENTIFIED BY '{PASSWORD}'",
            f"GRANT REPLICATION SLAVE ON *.* TO {USER}",
        )
    for server in servers:
        outside_binary_log(server, f"CREATE SCHEMA {schema}")
        outside_binary_log(server, *(f"CREATE TABLE {schema}.{table}" for table in tables))
    try:
        yield
    finally:
        names = [channel["channel"] for channel in run_module(INFO, replica)["channels"]]
        absent = [{"channel": name, "state": "absent"} for name in names]
        removed = run_module(MODULE, replica, channels=absent)
        for server in servers:
            outside_binary_log(server, f"DROP SCHEMA IF EXISTS {schema}")
        for source in sources:
            outside_binary_log(source, f"DROP USER IF EXISTS {USER}")
        forget_binary_logs(*servers)
        assert "failed" not in removed, removed


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


def status(replica: TestServer, channel: str) -> dict[str, Any]:
    """Return the server's own status of a channel, MySQL's in MariaDB's words."""
    if replica.flavour == "mariadb":
        rows = replica.rows("SHOW ALL SLAVES STATUS")
        return next(row for row in rows if row["Connection_name"] == channel)
    rows = replica.rows("SHOW REPLICA STATUS")
    found = next(row for row in rows if row["Channel_Name"] == channel)
    words = (("Replica_", "Slave_"), ("Source", "Master"))
    for new, old in words:
        found = {name.replace(new, old): value for name, value in found.items()}
    return found


def wait_for_error(replica: TestServer, channel: str, thread: str = "SQL") -> dict[str, Any]:
    """Wait until a thread of a channel has stopped, and return the status."""
    stopped: dict[str, Any] = wait_until(
        lambda: (found := status(replica, channel))[f"Slave_{thread}_Running"] == "No" and found,
        20,
        f"the {thread} thread of {channel} has not stopped",
    )
    return stopped
