"""Rows go from every write server to every read server, with ids of their own."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pymysql
import pytest
from lab.servers import TABLE, Server, application, read_servers, wait_until, write_servers

from examples.dbrw import WRITE, Client

EACH = 50
SECONDS = 10
INSERT = (
    f"INSERT INTO {TABLE} (request_id, started_at, seconds, caller) "
    "VALUES (%s, UTC_TIMESTAMP(), %s, %s)"
)
UPDATE = f"UPDATE {TABLE} SET seconds = 7 WHERE id = %s"
SELECT = f"SELECT id, request_id, seconds, caller FROM {TABLE} WHERE caller = %s ORDER BY id"


def test_every_row_arrives_once_and_so_does_its_update() -> None:
    run, topology = uuid.uuid4().hex[:16], application()
    client = Client(topology, "dc1")
    for server in topology.of_kind(WRITE):
        for number in range(EACH):
            client.on(server, INSERT, (uuid.uuid4().bytes, number, run))
        ((last,),), _count = client.on(server, "SELECT LAST_INSERT_ID()")
        assert topology.server_of(last) is server
        # Within the write server's hours, an UPDATE goes to the server that made the id.
        assert (
            client.update(last, f"UPDATE {TABLE} SET seconds = 7 WHERE id = %s", (last,)) is server
        )
    client.close()

    written: list[dict[str, Any]] = []
    for writer in write_servers():
        rows = writer.rows(SELECT, run, user="application")
        assert {row["id"] % topology.increment for row in rows} == {writer.offset}
        written += rows
    written.sort(key=lambda row: row["id"])
    assert len(written) == len({row["id"] for row in written}) == 4 * EACH

    for reader in read_servers():
        wait_until(partial(has, reader, run, written), SECONDS, f"{reader.name} lacks rows")


def has(server: Server, run: str, rows: list[dict[str, Any]]) -> bool:
    return server.rows(SELECT, run, user="application") == rows


@pytest.mark.parametrize("reader", read_servers(), ids=lambda reader: reader.name)
def test_no_id_twice(reader: Any) -> None:
    twice = f"SELECT id FROM {TABLE} GROUP BY id HAVING COUNT(*) > 1"
    assert reader.rows(twice, user="application") == []


@pytest.mark.parametrize("writer", write_servers(), ids=lambda writer: writer.name)
def test_an_application_cannot_delete(writer: Any) -> None:
    with pytest.raises(pymysql.OperationalError) as refused:
        writer.rows(f"DELETE FROM {TABLE}", user="application")
    assert refused.value.args[0] == 1142
