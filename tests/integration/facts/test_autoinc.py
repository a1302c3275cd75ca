"""Facts about auto-increment that the design answers to, on each line of servers.

A server version that changes one of them is caught here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.integration.lines import TestServer

pytestmark = pytest.mark.lines("later")


@contextmanager
def session(server: TestServer, pair: tuple[int, int] | None = None) -> Iterator[Any]:
    """Give a cursor of a new session, outside the binary log, with a pair of its own if given."""
    with (
        closing(server.admin(init_command="SET SESSION sql_log_bin = 0")) as connection,
        connection.cursor() as cursor,
    ):
        if pair:
            cursor.execute(
                "SET SESSION auto_increment_increment = %s, SESSION auto_increment_offset = %s",
                pair,
            )
        yield cursor


def insert(cursor: Any, table: str, count: int = 1) -> list[int]:
    numbered = []
    for _number in range(count):
        cursor.execute(f"INSERT INTO {table} (b) VALUES (1)")
        numbered.append(int(cursor.lastrowid))
    return numbered


@pytest.fixture
def table(server: TestServer, schema: str) -> str:
    with session(server) as cursor:
        cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT AUTO_INCREMENT PRIMARY KEY, b INT)")
    return f"{schema}.t"


@pytest.fixture
def default_pair(server: TestServer) -> Iterator[None]:
    """Put the server's pair back to the default afterwards."""
    yield
    server.rows("SET GLOBAL auto_increment_increment = 1, GLOBAL auto_increment_offset = 1")


def set_global(server: TestServer, increment: int, offset: int) -> None:
    server.rows(
        "SET GLOBAL auto_increment_increment = %s, GLOBAL auto_increment_offset = %s",
        increment,
        offset,
    )


def test_an_offset_above_the_increment_is_ignored(server: TestServer, table: str) -> None:
    with session(server, (3, 5)) as cursor:
        assert insert(cursor, table, 4) == [1, 5, 8, 11]
        cursor.execute(f"TRUNCATE {table}")
        # Ids of two residues, in one statement.
        cursor.execute(f"INSERT INTO {table} (b) VALUES (1), (1), (1), (1)")
        cursor.execute(f"SELECT id FROM {table} ORDER BY id")
        assert [row[0] for row in cursor.fetchall()] == [1, 4, 5, 8]


@pytest.mark.usefixtures("default_pair")
@pytest.mark.parametrize(("asked", "kept"), [(0, 1), (-1, 1), (70000, 65535), (65536, 65535)])
@pytest.mark.parametrize("variable", ["auto_increment_increment", "auto_increment_offset"])
def test_a_value_outside_the_range_becomes_the_nearest(
    server: TestServer, variable: str, asked: int, kept: int
) -> None:
    server.rows(f"SET GLOBAL {variable} = {asked}")
    assert server.value(f"SELECT @@GLOBAL.{variable}") == kept


@pytest.mark.usefixtures("default_pair")
def test_set_global_does_not_reach_open_sessions(server: TestServer, table: str) -> None:
    set_global(server, 3, 1)
    with session(server) as pooled:
        assert insert(pooled, table, 2) == [1, 4]
        set_global(server, 6, 1)
        with session(server) as young:
            assert insert(young, table, 2) == [7, 13]
        # 22 is 4 modulo 6: an id of the server that has the new offset 4.
        assert insert(pooled, table, 2) == [19, 22]
        # A pool that resets its connections gets the new values.
        pooled.connection._execute_command(0x1F, "")
        pooled.connection._read_ok_packet()
        pooled.execute("SET SESSION sql_log_bin = 0")
        assert insert(pooled, table, 2) == [25, 31]


@pytest.mark.usefixtures("default_pair")
def test_any_account_may_number_as_it_likes(server: TestServer, schema: str, table: str) -> None:
    set_global(server, 20, 2)
    with session(server) as cursor:
        cursor.execute("CREATE USER numbers@'%' IDENTIFIED BY 'numbers'")
        cursor.execute(f"GRANT INSERT ON {schema}.* TO numbers@'%'")
    try:
        with closing(server.login("numbers", "numbers")) as connection:
            cursor = connection.cursor()
            assert insert(cursor, table) == [2]
            if server.flavour == "mysql":
                cursor.execute(
                    "INSERT /*+ SET_VAR(auto_increment_increment=1) "
                    f"SET_VAR(auto_increment_offset=1) */ INTO {table} (b) VALUES (1)"
                )
                # The counter is at 22 already, and the id after that is anyone's.
                assert cursor.lastrowid == 22
                cursor.execute(
                    "INSERT /*+ SET_VAR(auto_increment_increment=1) "
                    f"SET_VAR(auto_increment_offset=1) */ INTO {table} (b) VALUES (1)"
                )
                assert cursor.lastrowid == 23
            cursor.execute("SET SESSION auto_increment_increment = 1")
            numbered = insert(cursor, table, 3)
            assert numbered[-1] % 20 != 2 and numbered[-1] - numbered[0] == 2
    finally:
        with session(server) as cursor:
            cursor.execute("DROP USER numbers@'%'")


def test_what_becomes_of_the_counter(server: TestServer, table: str) -> None:
    with session(server, (20, 2)) as cursor:
        assert insert(cursor, table, 2) == [2, 22]
        cursor.execute(f"DELETE FROM {table}")
        assert insert(cursor, table) == [42]
        # A counter below the rows' ids is not taken, nor is one for an id to be given twice.
        cursor.execute(f"ALTER TABLE {table} AUTO_INCREMENT = 3")
        assert insert(cursor, table) == [62]
        cursor.execute(f"DELETE FROM {table}")
        # On an empty table it is: what has been purged is forgotten.
        cursor.execute(f"ALTER TABLE {table} AUTO_INCREMENT = 3")
        assert insert(cursor, table) == [22]
        cursor.execute(f"TRUNCATE {table}")
        assert insert(cursor, table) == [2]
        # Rebuilt, it starts again at its offset.
        cursor.execute(f"CREATE TABLE {table}2 LIKE {table}")
        assert insert(cursor, f"{table}2") == [2]


def numbers(server: TestServer, schema: str, increment: int, offset: int, start: int) -> set[int]:
    name = f"{schema}.n{increment}_{offset}_{start}"
    with session(server, (increment, offset)) as cursor:
        cursor.execute(f"CREATE TABLE {name} (id INT AUTO_INCREMENT PRIMARY KEY, b INT)")
        cursor.execute(f"ALTER TABLE {name} AUTO_INCREMENT = {start}")
        return set(insert(cursor, name, 8))


def test_growing_collides_and_multiplying_does_not(server: TestServer, schema: str) -> None:
    old = {offset: numbers(server, schema, 3, offset, 1) for offset in (1, 2, 3)}
    for increment in (4, 5):
        # Server 1 has grown first; the others number on as they did.
        grown = numbers(server, schema, increment, 1, 5)
        assert grown & (old[2] | old[3]), increment
    multiplied = {offset: numbers(server, schema, 6, offset, 5) for offset in (1, 2, 3)}
    for one, numbered in multiplied.items():
        for other in {1, 2, 3} - {one}:
            assert not numbered & (old[other] | multiplied[other])


@pytest.mark.usefixtures("default_pair")
def test_mysqls_view_of_a_counter_is_a_day_old(server: TestServer, schema: str) -> None:
    variable = "information_schema_stats_expiry"
    known = server.rows(f"SHOW GLOBAL VARIABLES LIKE '{variable}'")
    assert bool(known) == (server.flavour == "mysql")
    if not known:
        return
    ask = "SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
    with session(server) as cursor:
        cursor.execute(f"CREATE TABLE {schema}.old (id INT AUTO_INCREMENT PRIMARY KEY, b INT)")
        insert(cursor, f"{schema}.old")
        cursor.execute(ask, (schema,))
        seen = cursor.fetchall()
        insert(cursor, f"{schema}.old", 5)
        cursor.execute(ask, (schema,))
        assert cursor.fetchall() == seen
        cursor.execute(f"SET SESSION {variable} = 0")
        cursor.execute(ask, (schema,))
        assert cursor.fetchall() == ((7,),)


def test_connections_is_the_number_of_the_newest(server: TestServer) -> None:
    # MariaDB's only way to tell sessions of before a change from those after it.
    with closing(server.admin()) as one, closing(server.admin()) as two:
        assert two.thread_id() == one.thread_id() + 1
        (status,) = server.rows("SHOW GLOBAL STATUS LIKE 'Connections'")
        assert int(status["Value"]) == max(two.thread_id(), server._connection.thread_id())


def test_the_counter_survives_a_crash(server: TestServer, table: str, bare: Any) -> None:
    with session(server, (20, 2)) as cursor:
        assert insert(cursor, table, 3) == [2, 22, 42]
        cursor.execute(f"DELETE FROM {table}")
    server.kill()
    bare.playbook("servers.yml", "--limit", server.name)
    with session(server, (20, 2)) as cursor:
        assert insert(cursor, table) == [62]
