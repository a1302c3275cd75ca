"""What the roles are for: usage data goes to the read server, and it alone."""

from __future__ import annotations

import uuid

import pytest
from existing.looks import ask, sql
from lab.servers import TABLE, Server, read_servers, wait_until, write_servers

INSERT = f"INSERT INTO {TABLE} (request_id, started_at, caller) VALUES (%s, UTC_TIMESTAMP(), %s)"
SELECT = f"SELECT id, request_id, seconds, caller FROM {TABLE} WHERE caller = %s ORDER BY id"

(READER,) = read_servers()


def test_usage_data_arrives_while_the_shop_writes() -> None:
    run, written = uuid.uuid4().hex[:16], []
    for writer in write_servers():
        for _number in range(10):
            writer.rows(INSERT, uuid.uuid4().bytes, run, user="application")
        rows = writer.rows(SELECT, run, user="application")
        assert {row["id"] % 20 for row in rows} == {writer.offset}
        written += rows
    written.sort(key=lambda row: row["id"])
    assert len(written) == 20
    wait_until(
        lambda: READER.rows(SELECT, run, user="application") == written, 10, "rows are missing"
    )


def test_nothing_of_the_shop_arrives() -> None:
    for writer in write_servers():
        # What the shop has written until now has been received and judged.
        ((position,),) = sql(writer.name, "SELECT @@gtid_binlog_pos")
        ((done,),) = sql(READER.name, f"SELECT MASTER_GTID_WAIT('{position}', 10)")
        assert done == "0"
    assert READER.running_channels() == {"db1", "db2"}
    assert sql("db3", "SHOW DATABASES LIKE 'shop'") == []


@pytest.mark.parametrize("writer", write_servers(), ids=lambda writer: writer.name)
def test_a_restart_by_its_owner_keeps_the_ids(writer: Server) -> None:
    options = ask(writer.name, "mariadbd --defaults-file=/etc/shopdb/server.cnf --print-defaults")
    wanted = {"--auto_increment_increment=20", f"--auto_increment_offset={writer.offset}"}
    assert wanted <= set(options.split())


def test_a_restart_by_its_owner_keeps_the_filters() -> None:
    options = ask("db3", "mariadbd --defaults-file=/etc/shopdb/server.cnf --print-defaults")
    wanted = {"--db1.replicate_do_db=usage_data", "--db2.replicate_do_db=usage_data"}
    assert wanted <= set(options.split())
