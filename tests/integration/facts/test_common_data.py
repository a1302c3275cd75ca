"""Why common data reaches servers from which others replicate by no channel.

A is the set's writer, B follows it by a channel that is filtered to the common schema, and C
follows B. Each test is a fact that something was decided by: see docs/common-data.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import is_applied
from tests.integration.conftest import forget_binary_logs, outside_binary_log, restart
from tests.integration.lines import TestServer, Topology, wait_until
from tests.support.replication import (
    channels,
    control,
    make_account,
    make_by_hand,
    remove,
    status,
    wait_for_error,
)

pytestmark = pytest.mark.lines("later")

USER = "follower"
POSITION = {"mysql": "gtid_executed", "mariadb": "gtid_binlog_pos"}
SCHEMAS = ("common_data", "other_data")
FILTERS = {
    "mysql": (
        "CHANGE REPLICATION FILTER REPLICATE_DO_DB = (common_data), "
        "REPLICATE_WILD_DO_TABLE = ('common_data.%') FOR CHANNEL 'common'",
    ),
    "mariadb": (
        "SET GLOBAL common.replicate_do_db = 'common_data'",
        "SET GLOBAL common.replicate_wild_do_table = 'common_data.%'",
    ),
}


@pytest.fixture(params=["logs_what_comes", "logs_its_own"])
def three(bare: Topology, request: pytest.FixtureRequest) -> Iterator[list[TestServer]]:
    """A, B with the filtered channel, and C; each has both tables. B logs what comes, or not."""
    servers = [bare.server(name) for name in ("w1", "w2", "r1")]
    middle = servers[1]
    file = middle.work_dir / "conf.d" / "facts.cnf"
    updates = "ON" if request.param == "logs_what_comes" else "OFF"
    file.write_text(f"[mysqld]\nlog_slave_updates={updates}\n")
    restart(bare, middle)
    forget_binary_logs(*servers)
    for server in servers:
        for schema in SCHEMAS:
            outside_binary_log(
                server,
                f"CREATE SCHEMA {schema}",
                f"CREATE TABLE {schema}.t (id INT PRIMARY KEY)",
            )
    for server in servers[:2]:
        make_account(server, USER)
    yield servers
    for server in servers[1:]:
        for name in channels(server):
            control(server, "STOP", name)
            remove(server, name)
    file.unlink()
    restart(bare, middle)
    for server in servers:
        outside_binary_log(server, *(f"DROP SCHEMA {schema}" for schema in SCHEMAS))
    for server in servers[:2]:
        outside_binary_log(server, f"DROP USER {USER}")
    forget_binary_logs(*servers)


def rows(server: TestServer, schema: str) -> int:
    return int(server.value(f"SELECT COUNT(*) FROM {schema}.t"))


def begin(replica: TestServer, name: str, source: TestServer) -> None:
    make_by_hand(replica, name, source, USER)
    control(replica, "START", name)


def test_a_channel_to_a_server_with_replicas_loses_rows_behind_it(
    three: list[TestServer], request: pytest.FixtureRequest
) -> None:
    a, b, c = three
    logs = "logs_what_comes" in request.node.name
    for number in range(2):
        for schema in reversed(SCHEMAS):
            a.rows(f"INSERT INTO {schema}.t VALUES ({number})")
    make_by_hand(b, "common", a, USER)
    for statement in FILTERS[b.flavour]:
        b.rows(statement)
    control(b, "START", "common")
    wait_until(lambda: rows(b, "common_data") == 2, 20, "the common rows have not come")
    assert rows(b, "other_data") == 0
    begin(c, "b", b)
    if not logs and b.flavour == "mysql":
        # What B has applied and not logged counts as purged there: C is turned away, for good.
        assert wait_for_error(c, "b", "IO")["last_io_errno"] == 13114
        assert rows(c, "common_data") == 0
    else:
        b.rows("INSERT INTO common_data.t VALUES (100)")
        wait_until(lambda: rows(c, "common_data") >= 1, 20, "B's own row has not come")
        # Without a word B's replicas lack them, or have them by way of B.
        assert rows(c, "common_data") == (3 if logs else 1)
    # C follows A itself, for all that it lacks.
    begin(c, "a", a)
    a.rows("INSERT INTO other_data.t VALUES (1000)")
    written = str(a.value(f"SELECT @@GLOBAL.{POSITION[a.flavour]}"))
    wait_until(
        lambda: is_applied(written, channels(c)["a"]["gtid_applied"]),
        20,
        "C does not count as applied what A has written",
    )
    told = status(c, "a")
    assert told["replica_sql_running"] == "Yes" and not told["last_sql_errno"]
    if logs:
        # A's earlier rows are lost at C in silence. On MySQL so is whatever comes to C by way of B
        # first, where B has logged it as a transaction without rows.
        assert rows(c, "other_data") <= 1
    else:
        assert rows(c, "other_data") == 3
