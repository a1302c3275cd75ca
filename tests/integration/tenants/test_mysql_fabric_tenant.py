"""Tenants come, are kept out, let in again, and go, on real servers."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from tests.integration.lines import wait_until
from tests.integration.tenants.conftest import Fabric, tenant
from tests.support.crash import killed_everywhere

TENANT = "mysql_fabric_tenant"
ASK = "SELECT dbrw_tenants.tenant_epoch('Customer 1')"
TABLE = "CREATE TABLE customer_1.invoice (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(20))"
# What is told of an account that is locked.
LOCKED = (3118, 4151)


def steps(result: dict[str, Any]) -> list[str]:
    return [step["step"] for step in result["steps"]]


def fails(fabric: Fabric, account: str, sql: str) -> tuple[int, str]:
    with pytest.raises(pymysql.MySQLError) as caught:
        fabric.sql("s1", account, sql)
    number, said = caught.value.args
    return int(number), str(said)


def test_a_tenant_comes(fabric: Fabric) -> None:
    wanted = tenant(1, shard="s1")
    shown = fabric.call(wanted, check=True)
    assert shown["changed"] and shown["tenants"][0]["shard"] == "s1", shown
    assert fabric.directory.rows("SELECT * FROM fabric.tenants") == []
    assert not fabric.shards["s1"].rows("SHOW DATABASES LIKE 'customer%'")
    done = fabric.settle(wanted)
    assert steps(done) == steps(shown)
    assert (
        fabric.sql(
            "s1",
            "customer_1",
            "SELECT GROUP_CONCAT(privilege_type) FROM information_schema.user_privileges",
        )
        == "USAGE"
    )
    (told,) = fabric.call(wanted)["tenants"]
    assert (told["state"], told["stamp"], told["epoch"], told["locked"]) == (
        "present",
        "here",
        1,
        False,
    )
    # The article's SELECT, and then what a client asks when it has logged in there.
    (row,) = fabric.directory.rows("SELECT * FROM fabric.tenant WHERE tenant_id = 'Customer 1'")
    assert (row["schema"], row["machine"]) == ("customer_1", fabric.shards["s1"].address)
    assert fabric.sql("s1", "customer_1", ASK) == 1
    fabric.sql("s1", "customer_1", TABLE)
    # Its rights end at its schema.
    for statement in (
        "SELECT * FROM dbrw_tenants.stamp",
        "CREATE SCHEMA customer_2",
        "CREATE TABLE customerX1.t (id INT)",
    ):
        assert fails(fabric, "customer_1", statement)[0] in (1044, 1142), statement
    number, said = fails(fabric, "customer_1", "SELECT dbrw_tenants.tenant_epoch('Customer 9')")
    assert number == 1644 and said == "there is no tenant Customer 9 here"
    said = str(done)
    assert "hushed" not in said


def test_a_shard_is_chosen(fabric: Fabric) -> None:
    done = fabric.settle(tenant(1), tenant(2), tenant(3))
    assert [one["shard"] for one in done["tenants"]] == ["s1", "s2", "s1"], done
    assert "the least of 2" in done["tenants"][0]["chosen"]
    fabric.directory.rows("UPDATE fabric.replica_sets SET state = 'full' WHERE name = 's1'")
    assert fabric.settle(tenant(1))["tenants"][0]["shard"] == "s1"
    fabric.settle({**tenant(2), "state": "absent"})
    assert fabric.settle(tenant(2))["tenants"][0]["shard"] == "s2"
    said = fabric.refused(tenant(1, shard="s2"), tenant(3, schema="other", accounts=[]))
    assert "it is on s1, and shard says s2" in said and "its schema is customer_3" in said


def test_a_locked_tenant_is_kept_out(fabric: Fabric) -> None:
    fabric.settle(tenant(1, shard="s1"))
    shard = fabric.shards["s1"]
    shard.rows(TABLE)
    shard.rows("SET GLOBAL event_scheduler = ON")
    shard.rows(
        "CREATE EVENT customer_1.tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO invoice () VALUES ()"
    )
    # As a switch of the shard notes it.
    shard.rows(
        "CREATE TABLE dbrw.event (event_schema VARCHAR(64), event_name VARCHAR(64), "
        "PRIMARY KEY (event_schema, event_name))"
    )
    shard.rows("INSERT INTO dbrw.event VALUES ('customer_1', 'tick')")
    number_of_rows = "SELECT COUNT(*) FROM customer_1.invoice"
    wait_until(lambda: shard.value(number_of_rows), 5, "the event does not run")
    session = shard.login("customer_1", "hushed customer_1")
    with session.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("INSERT INTO customer_1.invoice (text) VALUES ('open')")
        # The directory alone would keep nobody out.
        with pytest.raises(pymysql.MySQLError, match="tenants.yml -e tenant=NAME"):
            fabric.directory.rows("UPDATE fabric.tenant SET locked = 'yes'")
        done = fabric.settle(tenant(1, locked=True), reason="bill of October")
        assert steps(done) == [
            "stamp",
            "lock account",
            "turn off events",
            "end sessions",
            "write down the lock",
        ]
        with pytest.raises(pymysql.MySQLError):
            cursor.execute("COMMIT")
    assert fails(fabric, "customer_1", ASK)[0] in LOCKED
    before = shard.value(number_of_rows)
    (row,) = fabric.directory.rows("SELECT locked FROM fabric.tenant")
    (log,) = fabric.directory.rows(
        "SELECT source, reason FROM fabric.changes WHERE what = 'tenants Customer 1' "
        "ORDER BY id DESC LIMIT 1"
    )
    assert (row["locked"], log["source"], log["reason"]) == ("yes", TENANT, "bill of October")
    # It stays as it is where nothing is said of it.
    fabric.settle(tenant(1))
    assert shard.value("SELECT COUNT(*) FROM customer_1.invoice WHERE text = 'open'") == 0
    # Longer than the event's second.
    shard.rows("SELECT SLEEP(1.5)")
    assert shard.value(number_of_rows) == before
    assert shard.value("SELECT COUNT(*) FROM dbrw.event WHERE event_schema = 'customer_1'") == 0
    opened = fabric.settle(tenant(1, locked=False))
    assert steps(opened) == ["turn on events", "unlock account", "stamp", "write down the lock"]
    assert fabric.sql("s1", "customer_1", ASK) == 1
    wait_until(lambda: shard.value(number_of_rows) > before, 5, "the event does not run again")
    assert shard.value("SELECT COUNT(*) FROM dbrw.event WHERE event_schema = 'customer_1'") == 1


def test_who_else_can_write_is_named(fabric: Fabric) -> None:
    fabric.settle(tenant(1, shard="s1"), tenant(2, shard="s1"))
    shard = fabric.shards["s1"]
    shard.rows("CREATE USER stranger")
    for grant, revoke in (
        ("GRANT INSERT ON *.* TO stranger", "REVOKE INSERT ON *.* FROM stranger"),
        ("GRANT DROP ON `customer%`.* TO stranger", "REVOKE DROP ON `customer%`.* FROM stranger"),
    ):
        shard.rows(grant)
        said = fabric.refused(tenant(1, locked=True))
        assert "stranger@% on s1 can write into customer_1" in said
        shard.rows(revoke)
    shard.rows("GRANT INSERT ON customer_1.* TO customer_2")
    assert "customer_2@% on s1 can write" in fabric.refused(tenant(1, locked=True))
    # And it can have no such right as its own.
    assert "end at its schema" in fabric.refused(tenant(2))
    shard.rows("REVOKE INSERT ON customer_1.* FROM customer_2")
    shard.rows("CREATE ROLE customer_3")
    shard.rows("GRANT INSERT ON customer_1.* TO customer_3")
    shard.rows("GRANT customer_3 TO stranger")
    assert "stranger@% on s1 can write" in fabric.refused(tenant(1, locked=True))
    fabric.settle(tenant(1, locked=True), operators=["root", "mysql", "stranger"])
    shard.rows("DROP ROLE customer_3")


def test_a_tenant_goes(fabric: Fabric) -> None:
    gone = {**tenant(1), "state": "absent"}
    assert not fabric.call(gone)["changed"]
    fabric.settle(tenant(1, shard="s1"))
    shard, directory = fabric.shards["s1"], fabric.directory
    shard.rows(TABLE)
    assert "customer_1 on s1 has 1 tables" in fabric.refused(gone)
    kept = fabric.settle({**gone, "delete_data": True})
    assert steps(kept)[-1] == "write down when the schema goes"
    assert directory.rows("SELECT * FROM fabric.tenant") == []
    with pytest.raises(pymysql.MySQLError, match="there is no tenant Customer 1"):
        directory.rows("SELECT fabric.shard_for_tenant('Customer 1')")
    assert fails(fabric, "customer_1", ASK)[0] in LOCKED
    assert "is that of Customer 1" in fabric.refused(tenant(2, schema="customer_1", accounts=[]))
    # It comes back, with all that it had.
    fabric.settle(tenant(1))
    assert fabric.sql("s1", "customer_1", "SELECT COUNT(*) FROM customer_1.invoice") == 0
    fabric.settle({**gone, "delete_data": True})
    directory.rows("UPDATE fabric.tenants SET drop_after = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
    dropped = fabric.settle(gone)
    assert steps(dropped) == [
        "drop account",
        "drop schema",
        "remove stamp",
        "take tenant out of the directory",
    ]
    assert not shard.rows("SHOW DATABASES LIKE 'customer%'")
    assert shard.value("SELECT COUNT(*) FROM mysql.user WHERE User = 'customer_1'") == 0
    fabric.settle(tenant(1, shard="s2"))
    fabric.settle({**gone, "delete_data": True, "keep_days": 0})
    assert directory.rows("SELECT * FROM fabric.tenants") == []


def test_what_is_there_already_is_taken_over_or_left(fabric: Fabric) -> None:
    shard = fabric.shards["s1"]
    shard.rows("CREATE SCHEMA customer_1")
    shard.rows(TABLE)
    assert "nobody has said whose it is" in fabric.refused(tenant(1, shard="s1"))
    fabric.directory.rows("CALL fabric.register_tenant('Customer 1', 'customer_1', 's1')")
    fabric.settle(tenant(1))
    assert fabric.sql("s1", "customer_1", "SELECT COUNT(*) FROM customer_1.invoice") == 0
    # Its account is nobody else's.
    account = [{"name": "customer_1", "password": "x", "require_tls": False}]
    assert "is an account of Customer 1" in fabric.refused(tenant(2, shard="s1", accounts=account))


def test_a_shard_without_a_clear_writer_is_left_alone(fabric: Fabric) -> None:
    shard = fabric.shards["s1"]
    shard.rows("SET GLOBAL read_only = 1")
    assert "no member of s1 takes writes" in fabric.refused(tenant(1, shard="s1"))
    # Another one is chosen.
    assert fabric.settle(tenant(2))["tenants"][0]["shard"] == "s2"
    shard.rows("SET GLOBAL read_only = 0")
    shard.rows("UPDATE dbrw.epoch SET active = 'p9'")
    assert "the newest epoch names p9" in fabric.refused(tenant(1, shard="s1"))
    assert "no shard s9" in fabric.refused(tenant(1, shard="s9"))


@pytest.mark.lines("later")
@pytest.mark.parametrize("kind", ["new", "locked", "absent"])
def test_it_is_killed_everywhere(fabric: Fabric, kind: str) -> None:
    wanted = {
        "new": tenant(1, shard="s1"),
        "locked": tenant(1, locked=True),
        "absent": {**tenant(1), "state": "absent", "delete_data": True, "keep_days": 0},
    }[kind]

    def reset() -> None:
        fabric.reset()
        if kind != "new":
            made = fabric.call(tenant(1, shard="s1"))
            assert "failed" not in made, made
            fabric.shards["s1"].rows(TABLE)
            fabric.shards["s1"].rows(
                "CREATE EVENT customer_1.tick ON SCHEDULE EVERY 1 HOUR DO SELECT 1"
            )

    def look() -> Any:
        shard = fabric.shards["s1"]
        return (
            fabric.directory.rows("SELECT name, shard, locked, drop_after FROM fabric.tenants"),
            shard.rows("SELECT tenant, epoch, state, reason FROM dbrw_tenants.stamp"),
            shard.rows("SELECT user, host, tenant FROM dbrw_tenants.account"),
            shard.rows("SELECT * FROM dbrw_tenants.event"),
            shard.rows("SHOW DATABASES LIKE 'customer%'"),
            shard.rows(
                "SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'customer_1'"
            ),
            _can_log_in(fabric),
        )

    killed_everywhere(
        TENANT,
        fabric.directory,
        fabric.options(wanted),
        reset,
        look,
        *fabric.shards.values(),
        # All of them take half an hour.
        every=5,
    )


def _can_log_in(fabric: Fabric) -> Any:
    try:
        return fabric.sql("s1", "customer_1", ASK)
    except pymysql.MySQLError as error:
        return error.args[0]
