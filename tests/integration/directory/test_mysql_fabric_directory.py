"""The directory answers applications in plain SQL, and makes bad states impossible."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pymysql
import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.filter.server_for_id import server_for_id
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.sql_tables import (
    PlacementRows,
)
from examples.dbrw import READ, Server, Topology
from examples.directory import Directory
from tests.integration.lines import TestServer, wait_until
from tests.integration.modules import run_module
from tests.support.crash import killed_everywhere
from tests.support.directory import (
    ALL,
    INFO,
    MEMBERS,
    MODULE,
    READER,
    WANTED,
    WRITERS,
    give,
    is_mariadb,
)

PASSWORD = "hushed directory"


def unchanged(result: dict[str, Any]) -> bool:
    """Whether a call succeeded and had nothing to do."""
    assert "failed" not in result, result
    return not result["changed"]


def refused(server: TestServer, sql: str) -> str:
    """Return what the server says to a statement that it refuses."""
    with pytest.raises(pymysql.MySQLError) as error:
        server.rows(sql)
    return str(error.value.args[1])


def version(server: TestServer) -> tuple[int, int]:
    (row,) = server.rows("SELECT epoch, counter FROM fabric.version")
    return row["epoch"], row["counter"]


def test_it_is_made_and_kept_current(member: TestServer) -> None:
    predicted = run_module(MODULE, member, check=True, **WANTED)
    assert predicted["changed"] and predicted["schema_version"] == 0
    assert "server w1" in predicted["diff"]["after"]
    assert not member.rows("SHOW SCHEMAS LIKE 'fabric'")
    first = run_module(MODULE, member, **WANTED)
    assert "failed" not in first and first["schema_version"] == 1, first
    assert set(first["states"].values()) == {"joining"}
    assert unchanged(run_module(MODULE, member, **WANTED))
    announced = run_module(MODULE, member, **WANTED, announce=ALL)
    assert announced["states"]["w1"] == "online" and announced["states"]["f1"] == "joining"
    assert unchanged(run_module(MODULE, member, **WANTED, announce=ALL))
    # What the operator has set is not the inventory's.
    member.rows("UPDATE fabric.servers SET state = 'draining' WHERE name = 'w1'")
    lighter = {**WANTED, "servers": [*MEMBERS, {**WRITERS[0], "weight": 2}, *WRITERS[1:], READER]}
    changed = run_module(MODULE, member, **lighter, announce=ALL, reason="new memory")
    assert changed["changed"] and changed["states"]["w1"] == "draining"
    assert list(changed["diff"]["after"]) == ["server w1"]
    (log,) = member.rows("SELECT * FROM fabric.changes ORDER BY id DESC LIMIT 1")
    assert (log["kind"], log["what"], log["reason"]) == ("update", "servers w1", "new memory")
    assert log["source"] == "mysql_fabric_directory" and "root" in log["user"]
    assert '"weight": 3' in log["before_it"] and '"weight": 2' in log["after_it"]


def test_what_is_done_enters_the_binary_log(member: TestServer) -> None:
    before = member.value("SELECT @@GLOBAL.gtid_binlog_pos") if is_mariadb(member) else ""
    run_module(MODULE, member, **WANTED)
    if before:
        assert member.value("SELECT @@GLOBAL.gtid_binlog_pos") != before
    word = "read_only" if is_mariadb(member) else "super_read_only"
    member.rows(f"SET GLOBAL {word} = 1")
    try:
        closed = run_module(MODULE, member, **WANTED)
        assert "This member does not take writes" in closed["msg"]
    finally:
        member.rows("SET GLOBAL read_only = 0")


def test_what_it_has_is_told(member: TestServer) -> None:
    nothing = run_module(INFO, member)
    assert unchanged(nothing) and nothing["schema_version"] == 0 and nothing["servers"] == []
    run_module(MODULE, member, **WANTED, announce=["w1"])
    member.rows("CALL fabric.register_tenant('Customer 1', 'customer_1', 's1')")
    member.rows(
        "UPDATE fabric.servers SET state = 'maintenance', state_reason = 'new disks' WHERE name = 'w2'"
    )
    member.rows("CALL fabric.mark_down('w3', 'no answer')")
    member.rows("UPDATE fabric.replica_sets SET state = 'full' WHERE name = 's1'")
    told = run_module(INFO, member)
    assert unchanged(told) and told["takes_writes"] and told["tenants"] == 1
    assert (told["version"]["epoch"], told["version"]["counter"]) == version(member)
    assert told["schema_version"] == told["newest_schema_version"] == 1
    servers = {one["name"]: one for one in told["servers"]}
    assert list(servers) == ["f1", "p1", "r1", "w1", "w2", "w3"]
    assert {**servers["w1"], **WRITERS[0]} == servers["w1"] and servers["w1"]["port"] == 3306
    assert servers["w1"]["state"] == "online" and servers["r1"]["state"] == "joining"
    assert (servers["w2"]["state"], servers["w2"]["reason"]) == ("maintenance", "new disks")
    assert servers["w3"]["is_down"] and servers["w3"]["down_reason"] == "no answer"
    assert servers["w3"]["down_since"] and not servers["w1"]["is_down"]
    assert servers["f1"]["replica_set"] == "fabric" and servers["f1"]["id_offset"] is None
    fabric, shard = told["sets"]
    assert fabric["active"] is None and fabric["shard_number"] is None
    assert (shard["active"], shard["shard_number"], shard["state"]) == ("p1", 1, "full")
    assert told["usage_tables"] == ["usage_data.calls"]


def test_a_member_that_is_closed_tells_it_too(made: TestServer) -> None:
    made.rows(f"SET GLOBAL {'read_only' if is_mariadb(made) else 'super_read_only'} = 1")
    try:
        told = run_module(INFO, made)
        assert unchanged(told) and not told["takes_writes"] and len(told["servers"]) == 6
    finally:
        made.rows("SET GLOBAL read_only = 0")


def test_what_a_server_confirms_is_put_right(made: TestServer) -> None:
    made.rows("UPDATE fabric.servers SET id_offset = 7 WHERE name = 'w1'")
    made.rows(
        "UPDATE fabric.servers SET kind = 'read', id_offset = NULL, id_increment = NULL "
        "WHERE name = 'w2'"
    )
    before = version(made)
    refusal = run_module(MODULE, made, **WANTED)
    assert "were 20 and 7, and are 20 and 1" in refusal["msg"] and version(made) == before
    told = {one["name"]: one["written"] for one in run_module(INFO, made)["servers"]}
    assert told["w1"] == [
        {"kind": "write", "replica_set": None, "id_increment": 20, "id_offset": 1}
    ]
    done = run_module(MODULE, made, **WANTED, confirmed=["w1", "w2"])
    assert list(done["diff"]["after"]) == ["server w1", "server w2"], done
    assert unchanged(run_module(MODULE, made, **WANTED))
    assert done["states"]["w1"] == "online"
    # What this module has never written is history.
    other = {**WANTED, "servers": [*MEMBERS, {**WRITERS[0], "id_offset": 9}, *WRITERS[1:], READER]}
    history = run_module(MODULE, made, **other, confirmed=["w1"])
    assert "were 20 and 1, and are 20 and 9" in history["msg"]


def test_a_directory_that_has_changed_since_is_left_alone(made: TestServer) -> None:
    looked = run_module(INFO, made)["version"]
    made.rows("UPDATE fabric.replica_sets SET active = NULL WHERE name = 's1'")
    stale = run_module(MODULE, made, **WANTED, expected_version=looked)
    assert "has changed since it was looked at" in stale["msg"]
    now = run_module(INFO, made)["version"]
    assert run_module(MODULE, made, **WANTED, expected_version=now)["changed"]


@pytest.mark.usefixtures("ahead_of_utc")
def test_times_are_utc_wherever_it_is_made(made: TestServer) -> None:
    made.rows(
        "INSERT INTO fabric.replica_sets (topology, name, durability) VALUES ('main', 'x', '')"
    )
    for table, column in (
        *(("servers", "state_since"), ("replica_sets", "state_since")),
        *(("tenants", "since"), ("versions", "changed_at"), ("changes", "at")),
    ):
        off = made.value(
            f"SELECT MAX(ABS(TIMESTAMPDIFF(MINUTE, {column}, UTC_TIMESTAMP(6)))) FROM fabric.{table}"
        )
        assert off < 60, table


def test_a_newer_directory_is_left_alone(made: TestServer) -> None:
    made.rows("INSERT INTO fabric.schema_versions VALUES (99, UTC_TIMESTAMP())")
    newer = run_module(MODULE, made, **WANTED)
    assert "of version 99, and this collection knows up to 1" in newer["msg"]
    told = run_module(INFO, made)
    assert told["schema_version"] == 99 and told["servers"] == []


def test_the_articles_own_statements(made: TestServer) -> None:
    rows = made.rows("SELECT * FROM fabric.tenant")
    assert rows == [
        {
            **{"id": 1, "tenant_id": "Customer 1", "schema": "customer_1", "machine": "p1"},
            **{"port": 3306, "locked": "no"},
        }
    ]
    before = version(made)
    # A flag alone would keep nobody out.
    lock = "UPDATE fabric.tenant SET `locked` = 'yes' WHERE `tenant_id` = 'Customer 1'"
    assert "playbooks/tenants.yml -e tenant=NAME -e locked=true" in refused(made, lock)
    assert made.value("SELECT locked FROM fabric.tenant WHERE tenant_id = 'Customer 1'") == "no"
    assert version(made) == before
    assert refused(made, "INSERT INTO fabric.tenant VALUES (NULL, 'x', 'x', '', 3306, 'no')")
    assert "there is no shard s9" in refused(made, "CALL fabric.register_tenant('x', 'x', 's9')")
    assert refused(made, "CALL fabric.register_tenant('y', 'customer_1', 's1')")
    made.rows("UPDATE fabric.replica_sets SET state = 'full' WHERE name = 's1'")
    said = refused(made, "CALL fabric.register_tenant('y', 'customer_y', 's1')")
    assert "shard s1 takes no new tenants: it is full" in said


@pytest.mark.lines("every")
def test_the_articles_statements_as_they_are_printed(made: TestServer) -> None:
    made.rows("CALL fabric.register_tenant('Customer 2', 'customer_2', 's1')")
    made.rows("CALL fabric.register_tenant('Customer 3', 'customer_3', 's1')")
    made.rows(f"CREATE USER directory IDENTIFIED BY '{PASSWORD}'")
    give(made, "fabric_directory", "directory")

    def printed() -> Any:
        with made.login("directory", PASSWORD, database="fabric") as session:
            cursor = session.cursor()
            cursor.execute("SELECT * FROM tenant;")
            assert [column[0] for column in cursor.description] == [
                *("id", "tenant_id", "schema", "machine", "port", "locked")
            ]
            return cursor.fetchall()

    first, second, third = (
        (id_, f"Customer {id_}", f"customer_{id_}", "p1", 3306, "no") for id_ in (1, 2, 3)
    )
    assert printed() == (first, second, third)
    with made.admin(database="fabric") as operator:
        cursor = operator.cursor()
        lock = "UPDATE `tenant` SET `locked` = 'yes' WHERE `tenant_id` = 'Customer 3';"
        move = "UPDATE `tenant` SET `machine` = '', `port` = 3306 WHERE `tenant_id` = 'Customer 3';"
        unlock = "UPDATE `tenant` SET `locked` = 'no' WHERE `tenant_id` = 'Customer 3';"
        before = version(made)
        with pytest.raises(pymysql.MySQLError, match=r"use ansible-playbook playbooks/tenants.yml"):
            cursor.execute(lock)
        # So does the command that it names.
        cursor.execute("SET @fabric_source = 'mysql_fabric_tenant'")
        cursor.execute(lock)
        assert printed() == (first, second, (*third[:-1], "yes"))
        assert version(made) == (before[0], before[1] + 1)
        # Where a tenant is follows from its shard.
        for refused_one in (
            move,
            "UPDATE `tenant` SET `locked` = 'no', `port` = 3307 WHERE `tenant_id` = 'Customer 3'",
            "DELETE FROM `tenant` WHERE `tenant_id` = 'Customer 3'",
            "INSERT INTO `tenant` VALUES (NULL, 'Customer 4', 'customer_4', '', 3306, 'no')",
        ):
            with pytest.raises(pymysql.MySQLError):
                cursor.execute(refused_one)
        assert printed() == (first, second, (*third[:-1], "yes"))
        cursor.execute(unlock)
    assert printed() == (first, second, third)
    assert version(made) == (before[0], before[1] + 2)


def test_a_lookup_of_a_tenant_reads_few_rows(made: TestServer) -> None:
    for number in range(500):
        made.rows(f"CALL fabric.register_tenant('Tenant {number}', 'tenant_{number}', 's1')")

    def rows_read() -> int:
        counts = made.rows("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(count["Value"]) for count in counts)

    for sql in (
        "SELECT fabric.shard_for_tenant('Tenant 499')",
        "SELECT * FROM fabric.tenant WHERE tenant_id = 'Tenant 499'",
    ):
        made.rows(sql)
        # The question itself reads some hundreds.
        before, again = rows_read(), rows_read()
        made.rows(sql)
        assert rows_read() - again - (again - before) < 50, sql


def test_servers_are_drawn_by_weight_own_data_centre_first(made: TestServer) -> None:
    def drawn(function: str, times: int = 300) -> Counter[Any]:
        return Counter(made.value(f"SELECT fabric.{function}") for _one in range(times))

    one = drawn("write_server('dc1')")
    assert set(one) == {"w1", "w2"} and 180 < one["w1"] < 270, one
    assert set(drawn("write_server('dc2')", 20)) == {"w3"}
    listed = drawn("write_servers('dc2')", 20)
    assert set(listed) == {"w3,w1,w2", "w3,w2,w1"}, listed
    # Another data centre's where the own one has none.
    assert set(drawn("read_server('dc1')", 5)) == {"r1"}
    made.rows("CALL fabric.mark_down('w1', 'no answer')")
    assert set(drawn("write_server('dc1')", 20)) == {"w2"}
    made.rows("UPDATE fabric.servers SET state = 'maintenance' WHERE name IN ('w2', 'w3')")
    # Better one that may be down than none.
    assert set(drawn("write_server('dc1')", 5)) == {"w1"}
    made.rows("CALL fabric.clear_down('w1')")
    made.rows("UPDATE fabric.servers SET state = 'maintenance' WHERE name = 'w1'")
    made.rows("CALL fabric.mark_down('w1', 'no answer')")
    made.rows("CALL fabric.clear_down('w1')")
    assert made.value("SELECT state FROM fabric.server WHERE name = 'w1'") == "maintenance"
    assert "no write server is online" in refused(made, "SELECT fabric.write_server('dc1')")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("write_server('dc9')", "no server is in data centre dc9"),
        ("write_servers(NULL)", "no server is in data centre NULL"),
        ("server_for_id('usage_data.calls', 43)", "no write server gives the id 43"),
        ("server_for_id('calls', 41)", "there is no usage table calls; name it with its schema"),
        ("server_for_id('usage_data.calls', -1)", "-1 is no id"),
        ("server_for_id('usage_data.calls', '41x')", "41x is no id"),
        ("server_for_id('usage_data.calls', 100000000000000000001)", "is no id"),
        ("server_for_id('usage_data.calls', NULL)", "NULL is no id"),
        ("shard_for_tenant('customer 1')", "there is no tenant customer 1"),
        ("shard_for_tenant('Gr\u00fc\u00dfe')", "there is no tenant Gr\u00fc\u00dfe"),
    ],
)
def test_an_unknown_name_is_an_error(made: TestServer, call: str, said: str) -> None:
    assert said in refused(made, f"SELECT fabric.{call}")
    # Nor is it taken for another one where the session is not strict.
    made.rows("SET SESSION sql_mode = ''")
    try:
        assert said in refused(made, f"SELECT fabric.{call}")
    finally:
        made.close()


def test_a_name_that_is_too_long_is_not_cut(made: TestServer) -> None:
    made.rows("CALL fabric.register_tenant(REPEAT('x', 128), 'x', 's1')")
    made.rows("SET SESSION sql_mode = ''")
    try:
        assert refused(made, "SELECT fabric.shard_for_tenant(REPEAT('x', 129))")
        assert not made.rows("SELECT * FROM fabric.tenant WHERE tenant_id = REPEAT('x', 129)")
        assert refused(made, "CALL fabric.register_tenant(REPEAT('x', 129), 'y', 's1')")
        assert refused(
            made, "SELECT fabric.server_for_id('usage_data.calls', '4100000000000000000001')"
        )
    finally:
        made.close()


def test_ids_and_tenants_are_found(made: TestServer) -> None:
    found = {
        n: made.value(f"SELECT fabric.server_for_id('usage_data.calls', {n})") for n in (1, 22, 40)
    }
    assert found == {1: "w1", 22: "w2", 40: "w3"}
    assert made.value("SELECT fabric.shard_for_tenant('Customer 1')") == "s1"


def test_an_id_is_found_by_the_increment_of_its_time(made: TestServer) -> None:
    """It was 3, then 5, and is 20; w1 and w2 had the offsets of each other at first."""
    numbering = {
        "increment": 20,
        "offsets": {"w1": 1, "w2": 2, "w3": 20},
        "former": [
            {"below": 100, "increment": 3, "offsets": {"w1": 2, "w2": 1}},
            {"below": 1000, "increment": 5, "offsets": {"w1": 1, "w2": 2, "w3": 5}},
        ],
    }
    for one in numbering["former"]:
        made.rows(
            "INSERT INTO fabric.former_ids VALUES ('main', 'usage_data.calls', %s, %s)",
            one["below"],
            one["increment"],
        )
        for server, offset in one["offsets"].items():
            made.rows(
                "INSERT INTO fabric.former_offsets VALUES ('main', %s, %s, %s)",
                *(one["increment"], server, offset),
            )

    def said(row_id: int) -> str:
        try:
            return made.value(f"SELECT fabric.server_for_id('usage_data.calls', {row_id})")
        except pymysql.MySQLError as error:
            return str(error.args[1])

    def expected(row_id: int) -> str:
        try:
            return server_for_id(row_id, numbering)
        except AnsibleFilterError as error:
            return str(error)

    ids = [*range(1, 120), *range(990, 1050), 2**63, 10**19 - 1]
    assert [said(row_id) for row_id in ids] == [expected(row_id) for row_id in ids]
    assert {said(1), said(101), said(2)} == {"w1", "w2"} and said(1) == "w2" and said(1001) == "w1"
    # Of another table they say nothing.
    made.rows("INSERT INTO fabric.usage_tables VALUES ('main', 'usage_data.events')")
    assert made.value("SELECT fabric.server_for_id('usage_data.events', 1)") == "w1"
    # It is a change that clients see, and the log has.
    (log,) = made.rows("SELECT what FROM fabric.changes WHERE what LIKE 'former_ids%%' LIMIT 1")
    assert log["what"] == "former_ids usage_data.calls"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO fabric.former_ids VALUES ('main', 'usage_data.calls', 1, 20)",
        "INSERT INTO fabric.former_ids VALUES ('main', 'usage_data.calls', 100, 0)",
        "INSERT INTO fabric.former_offsets VALUES ('main', 3, 'w1', 4)",
        "INSERT INTO fabric.former_offsets VALUES ('main', 3, 'w9', 1)",
        "INSERT INTO fabric.former_offsets VALUES ('main', 3, 'w1', 1), ('main', 3, 'w2', 1)",
        "UPDATE fabric.servers SET id_offset = 1 WHERE name = 'w2'",
        "UPDATE fabric.servers SET id_offset = 21 WHERE name = 'w2'",
        "UPDATE fabric.servers SET id_offset = 5, id_increment = 20 WHERE name = 'r1'",
        "UPDATE fabric.servers SET replica_set = NULL WHERE name = 'f1'",
        "UPDATE fabric.servers SET replica_set = 's9' WHERE name = 'f1'",
        "UPDATE fabric.servers SET host = 'w1' WHERE name = 'w2'",
        "UPDATE fabric.replica_sets SET active = 'f1' WHERE name = 's1'",
        "UPDATE fabric.replica_sets SET shard_number = 1 WHERE name = 'fabric'",
        "DELETE FROM fabric.replica_sets WHERE name = 's1'",
        "DELETE FROM fabric.servers WHERE name = 'p1'",
        "UPDATE fabric.tenants SET shard = 'w1'",
    ],
)
def test_bad_states_are_impossible(made: TestServer, sql: str) -> None:
    before = version(made)
    assert refused(made, sql)
    assert version(made) == before


def test_who_is_active_in_its_own_set_it_takes_from_the_epochs(made: TestServer) -> None:
    def active() -> dict[str, Any]:
        rows = made.rows("SELECT name, active, host FROM fabric.replica_set")
        return {row["name"]: (row["active"], row["host"]) for row in rows}

    assert active() == {"fabric": ("f1", "f1"), "s1": ("p1", "p1")}
    before = version(made)
    made.rows("INSERT INTO dbrw.epoch VALUES (4, 'gone')")
    # A switch is a version, and the only one that it makes.
    assert version(made) == (4, before[1])
    assert active()["fabric"] == (None, None)


def test_it_says_on_which_shard_a_key_is(made: TestServer) -> None:
    ring = placement_of({"kind": "ring", "shards": {"s1": {"shard_number": 1}}})
    rows = PlacementRows("fabric", "main", "customers")
    for statement in (rows.create(), *rows.add_version(1, ring)):
        made.rows(statement.sql, *statement.args)
    assert "There is no placement customers" in refused(
        made, "SELECT fabric.shard_for_key('customers', 'x')"
    )
    before = version(made)
    hold = rows.hold(1)
    made.rows(hold.sql, *hold.args)
    assert version(made) == (before[0], before[1] + 1)
    assert made.value("SELECT fabric.shard_for_key('customers', 'x')") == "s1"
    # A shard that nobody knows has no keys.
    nobody = placement_of({"kind": "modulo", "shards": {"s9": {"shard_number": 9}}})
    with pytest.raises(pymysql.MySQLError):
        for statement in rows.add_version(2, nobody):
            made.rows(statement.sql, *statement.args)


def test_an_account_that_can_do_nothing_else(made: TestServer) -> None:
    made.rows(f"CREATE USER directory IDENTIFIED BY '{PASSWORD}'")
    give(made, "fabric_directory", "directory")
    session = made.login("directory", PASSWORD)
    with session, session.cursor() as cursor:
        cursor.execute("SELECT fabric.write_server('dc1') AS one, machine FROM fabric.tenant")
        assert cursor.fetchone()
        for sql in (
            "SELECT * FROM fabric.servers",
            "UPDATE fabric.tenant SET locked = 'yes'",
            "CALL fabric.mark_down('w1', '')",
            "CALL fabric.register_tenant('z', 'z', 's1')",
        ):
            with pytest.raises(pymysql.MySQLError):
                cursor.execute(sql)
    made.rows("REVOKE fabric_directory FROM directory")
    give(made, "fabric_supervision", "directory")
    session = made.login("directory", PASSWORD)
    with session, session.cursor() as cursor:
        cursor.execute("CALL fabric.mark_down('w1', 'no answer')")
        with pytest.raises(pymysql.MySQLError):
            cursor.execute("SELECT fabric.write_server('dc1')")
    (row,) = made.rows("SELECT down_by, down_reason FROM fabric.servers WHERE name = 'w1'")
    assert row["down_by"].startswith("directory@") and row["down_reason"] == "no answer"


@pytest.mark.lines("one")
def test_a_client_that_polls_sees_a_change_within_a_second(made: TestServer) -> None:
    made.rows(f"CREATE USER directory IDENTIFIED BY '{PASSWORD}'")
    give(made, "fabric_directory", "directory")
    # The first member of its data centre cannot be reached.
    members = [
        Server(name, READ, "dc1", made.address, port)
        for name, port in (("gone", 1), ("f1", made.port))
    ]
    client = Directory(Topology(members, 1, "directory", PASSWORD), "dc1")
    with client.polled():

        def tenant() -> Any:
            return client.look_up(
                "SELECT machine, locked FROM fabric.tenant WHERE tenant_id = %s", ("Customer 1",)
            ).rows

        def active() -> Any:
            return client.look_up(
                "SELECT active FROM fabric.replica_set WHERE name = 'fabric'"
            ).value

        assert tenant() == (("p1", "no"),) and active() == "f1"
        made.rows("SET @fabric_source = 'mysql_fabric_tenant'")
        made.rows("UPDATE fabric.tenant SET locked = 'yes' WHERE tenant_id = 'Customer 1'")
        wait_until(lambda: tenant() == (("p1", "yes"),), 1, "the change is not seen")
        # What a switch of the set leaves on each member.
        made.rows("INSERT INTO dbrw.epoch VALUES (4, 'p1')")
        wait_until(lambda: active() == "p1", 1, "the switch is not seen")
        with pytest.raises(pymysql.MySQLError, match="there is no tenant Customer 2"):
            client.look_up("SELECT fabric.shard_for_tenant('Customer 2')")
        assert client.age_seconds < 1
    client.close()


@pytest.mark.lines("later")
def test_it_is_killed_everywhere(member: TestServer) -> None:
    def reset() -> None:
        member.rows("DROP SCHEMA IF EXISTS fabric")
        member.rows("DROP USER IF EXISTS fabric_owner@localhost")

    def look() -> list[Any]:
        return [
            member.rows("SELECT name, state FROM fabric.servers ORDER BY name"),
            member.rows("SELECT * FROM fabric.tenant"),
            member.value("SELECT fabric.write_server('dc2')"),
            member.value("SELECT MAX(version) FROM fabric.schema_versions"),
        ]

    options = {**WANTED, "announce": ALL}
    assert killed_everywhere(MODULE, member, options, reset, look, every=7) > 30
