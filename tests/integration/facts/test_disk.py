"""What a replica does, and what is told of it, while the disk of its relay logs is full.

Both flavours look for room once a minute and then go on by themselves, without an error. A
restart once there is room is how the tests, and those in a hurry, need not wait for that.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from tests.integration.lines import SMALL_DISK, TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    INFO,
    MODULE,
    channels,
    follow,
    followed,
    options,
)

pytestmark = pytest.mark.lines("later")

TABLE = "t (id INT PRIMARY KEY, content LONGBLOB)"
MIB = 1 << 20
SETTINGS = {"innodb_buffer_pool_size": "96M"}


@pytest.fixture
def cramped(bare: Topology) -> Iterator[TestServer]:
    """A replica whose relay logs have a small disk of their own."""
    replica = bare.server("r2")
    with bare.host.small_disk() as disk:
        settings = {**SETTINGS, "relay_log": f"{disk}/relay"}
        bare.playbook("servers.yml", "--limit", "r2", mysqld_settings=settings)
        try:
            yield replica
        finally:
            replica.close()
            # A thread that waits for room does not end when its server is asked to.
            replica.kill()


def is_full(replica: TestServer) -> bool:
    """Whether a thread of the replica waits for room."""
    return "Disk is full writing" in replica.error_log()


def test_a_full_disk_costs_a_timeout_and_no_row(
    bare: Topology, server: TestServer, cramped: TestServer
) -> None:
    schema = f"test_{secrets.token_hex(4)}"
    ids = f"SELECT id FROM {schema}.t ORDER BY id"
    filler = bare.host.work_dir / "small" / "filler"
    with followed(cramped, [server], schema, TABLE):
        made = follow(cramped, server, wait=True)
        assert "failed" not in made, made
        cramped.host.run("sh", "-c", f"head -c {SMALL_DISK - 2 * MIB} /dev/zero > {filler}")
        for number in range(4):
            server.rows(f"INSERT INTO {schema}.t VALUES ({number}, REPEAT('x', {MIB}))")
        try:
            wait_until(lambda: is_full(cramped), 20, "the disk of the relay logs is not full")
            told = timely(INFO, cramped)
            waited = timely(MODULE, cramped, wait=True, wait_timeout_seconds=2, **options(server))
            if cramped.flavour == "mysql":
                # It answers, and tells of nothing wrong, but for one word.
                (channel,) = told["channels"]
                assert channel["running"] and not channel["last_io_error"]["number"], told
                assert channel["io_state"] == "Waiting for disk space", told
                assert waited["failed"] and "channel w1 has not applied" in waited["msg"], waited
                full = "the disk of this server's relay logs is full"
                assert channel["explanation"]["meaning"].startswith(full), told
                # A run that does not wait warns, too.
                warned = run_module(MODULE, cramped, **options(server))
                for words in (waited["msg"], *warned["warnings"]):
                    assert f"reports no error (receiving runs, applying runs). {full}" in words
                assert not warned["changed"] and len(warned["warnings"]) == 1, warned
            else:
                for one in (told, waited):
                    assert one["failed"] and "its disk is full" in one["msg"], one
                    assert "SHOW ALL SLAVES STATUS" in one["msg"], one
                with (
                    cramped.admin(read_timeout=1) as session,
                    session.cursor() as cursor,
                    pytest.raises(pymysql.OperationalError, match="2013"),
                ):
                    cursor.execute("SHOW ALL SLAVES STATUS")
            # All else is answered, and the last rows are not there.
            assert len(cramped.rows(ids)) < 4
        finally:
            cramped.host.run("rm", str(filler))
        cramped.kill()
        settings = {**SETTINGS, "relay_log": str(filler.with_name("relay"))}
        bare.playbook("servers.yml", "--limit", "r2", mysqld_settings=settings)
        wait_until(lambda: len(cramped.rows(ids)) == 4, 20, "rows are missing")
        (again,) = channels(cramped).values()
        assert again["running"] and not again["last_io_error"]["number"], again
        sizes = cramped.rows(f"SELECT id, LENGTH(content) AS size FROM {schema}.t ORDER BY id")
        assert sizes == [{"id": number, "size": MIB} for number in range(4)]


def timely(name: str, replica: TestServer, **given: Any) -> dict[str, Any]:
    """Run a module that waits 3 s for each answer, and return what it told in time."""
    began = time.monotonic()
    told = run_module(name, replica, read_timeout_seconds=3, **given)
    # Far less than the minute until the server looks for room.
    assert time.monotonic() - began < 20, told
    return told
