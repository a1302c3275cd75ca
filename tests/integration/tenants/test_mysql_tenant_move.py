"""A tenant moves from shard to shard, and nothing of it is lost, doubled or open twice."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from tests.integration.modules import run_module
from tests.integration.tenants.conftest import PASSWORD, Fabric, tenant
from tests.support.crash import killed_everywhere

MOVE = "mysql_tenant_move"
ASK = "SELECT dbrw_tenants.tenant_epoch('Customer 1')"
OBJECTS = (
    "CREATE TABLE customer_1.parent (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) CHARACTER SET latin1)",
    "CREATE TABLE customer_1.child (id BIGINT AUTO_INCREMENT PRIMARY KEY, parent INT, b BLOB, j JSON, "
    "d DOUBLE, twice DOUBLE AS (d / 2) STORED, at TIMESTAMP(6) NULL, "
    "FOREIGN KEY (parent) REFERENCES customer_1.parent (id) ON DELETE CASCADE)",
    "CREATE TABLE customer_1.no_key (a INT, b INT)",
    "INSERT INTO customer_1.parent (name) VALUES ('Zoë'), ('x'), (NULL), ('gone')",
    "DELETE FROM customer_1.parent WHERE name = 'gone'",
    "INSERT INTO customer_1.child (parent, b, j, d, at) VALUES (1, x'00ff0a27', '{\"a\": 1}', 0.1, "
    "'2026-11-27 12:00:00.123456'), (2, NULL, NULL, 1e300, NULL)",
    "INSERT INTO customer_1.no_key VALUES (1, 1), (1, 1)",
    "CREATE SQL SECURITY INVOKER VIEW customer_1.v AS SELECT name FROM customer_1.parent",
    "CREATE VIEW customer_1.w AS SELECT * FROM customer_1.v",
    "CREATE FUNCTION customer_1.f (a INT) RETURNS INT DETERMINISTIC NO SQL RETURN a + 1",
    "CREATE PROCEDURE customer_1.p () SELECT 1",
    "CREATE TRIGGER customer_1.tr BEFORE INSERT ON customer_1.parent FOR EACH ROW "
    "SET NEW.name = CONCAT(NEW.name, '!')",
    "CREATE EVENT customer_1.tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO no_key VALUES (2, 2)",
    "CREATE EVENT customer_1.off ON SCHEDULE EVERY 1 SECOND DISABLE DO INSERT INTO no_key VALUES (3, 3)",
)


@pytest.fixture
def moving(fabric: Fabric) -> Fabric:
    """Customer 1 on s1, with one of everything."""
    fabric.settle(tenant(1, shard="s1"))
    fill(fabric)
    return fabric


def fill(fabric: Fabric) -> None:
    shard = fabric.shards["s1"]
    for server in fabric.shards.values():
        server.rows("SET GLOBAL event_scheduler = ON")
    for sql in OBJECTS:
        shard.rows(sql.replace("%", "%%"))
    if shard.flavour == "mariadb":
        shard.rows("CREATE SEQUENCE customer_1.s START WITH 7")
        shard.rows("SELECT NEXTVAL(customer_1.s)")


# The servers' programs are where they run; the option file is made here.
WRAPPER = """#!/bin/sh -e
file={folder}/copy-$$.cnf
cp "${{1#--defaults-file=}}" "$file"
shift
docker exec -i {container} {program} --defaults-file="$file" "$@" || code=$?
rm "$file"
exit ${{code:-0}}
"""


def programs(fabric: Fabric) -> dict[str, str]:
    """Return how the programs are called that are of the servers' own line."""
    host = fabric.directory.host
    if not host.container:
        return {}
    found = {}
    words = {"mysql": ("mysqldump", "mysql"), "mariadb": ("mariadb-dump", "mariadb")}
    for option, program in zip(("dump", "load"), words[fabric.directory.flavour], strict=True):
        path = host.work_dir / f"{option}-program"
        path.write_text(
            WRAPPER.format(folder=host.work_dir, container=host.container, program=program)
        )
        path.chmod(0o755)
        found[f"{option}_program"] = str(path)
    return found


def options(fabric: Fabric, member: str = "p2", **more: Any) -> dict[str, Any]:
    given = fabric.options()
    del given["tenants"]
    directory = fabric.directory
    return {
        **given,
        "member": member,
        "directory": {"host": directory.address, "port": directory.port},
        "tenant": "Customer 1",
        **programs(fabric),
        **more,
    }


def call(fabric: Fabric, member: str = "p2", check: bool = False, **more: Any) -> dict[str, Any]:
    server = fabric.shards[f"s{member[1:]}"]
    return run_module(MOVE, server, check, **options(fabric, member, **more))


def done(fabric: Fabric, **more: Any) -> dict[str, Any]:
    result = call(fabric, **more)
    assert "failed" not in result, result["msg"]
    again = call(fabric, **more)
    assert "failed" not in again and not again["changed"], (again.get("msg"), again["steps"])
    return result


def refused(fabric: Fabric, **more: Any) -> str:
    result = call(fabric, **more)
    assert result["failed"] and not result["changed"], result
    return str(result["msg"])


def rows(fabric: Fabric, shard: str) -> Any:
    server = fabric.shards[shard]
    return [server.rows(f"SELECT * FROM customer_1.{table}") for table in ("parent", "child", "w")]


def test_everything_of_it_moves(moving: Fabric) -> None:
    source, target = moving.shards["s1"], moving.shards["s2"]
    before = rows(moving, "s1")
    session = source.login("customer_1", "hushed customer_1")
    shown = call(moving, to="s2", check=True)
    assert shown["changed"] and shown["phase"] == "none", shown
    assert not target.rows("SHOW DATABASES LIKE 'customer%'")
    result = done(moving, to="s2")
    assert [one["step"] for one in result["steps"]] == [one["step"] for one in shown["steps"]]
    assert "hushed" not in str(result) and "IDENTIFIED" not in str(result).upper()
    assert (result["phase"], result["shard"], result["epoch"]) == ("moved", "s2", 2)
    assert rows(moving, "s2") == before
    assert [one["shard"] for one in result["earlier_copies"]] == ["s1"]
    # Who asks at the old place is told; the session there has ended.
    with pytest.raises(pymysql.MySQLError), session.cursor() as cursor:
        cursor.execute("SELECT 1")
    with pytest.raises(pymysql.MySQLError, match="moved to s2, epoch 2"):
        source.rows(ASK)
    assert moving.sql("s2", "customer_1", ASK) == 2
    # The directory's view has the new machine.
    (row,) = moving.directory.rows("SELECT machine FROM fabric.tenant")
    assert row["machine"] == target.address
    # Numbers go on, the trigger is there once, and only what ran before runs.
    moving.sql("s2", "customer_1", "INSERT INTO customer_1.parent (name) VALUES ('new')")
    (last,) = target.rows("SELECT id, name FROM customer_1.parent ORDER BY id DESC LIMIT 1")
    assert last["name"] == "new!" and last["id"] > 4
    events = {
        row["n"]: row["s"]
        for row in target.rows(
            "SELECT EVENT_NAME AS n, STATUS AS s FROM information_schema.EVENTS "
            "WHERE EVENT_SCHEMA = 'customer_1'"
        )
    }
    assert events["tick"] == "ENABLED" and events["off"] != "ENABLED"
    if target.flavour == "mariadb":
        assert target.value("SELECT NEXTVAL(customer_1.s)") > 7
    grants = [
        sorted(next(iter(row.values())) for row in server.rows("SHOW GRANTS FOR customer_1"))
        for server in (source, target)
    ]
    assert grants[0] == grants[1]
    assert source.rows("SELECT 1 FROM information_schema.EVENTS WHERE STATUS = 'ENABLED'") == []


def test_the_old_copy_is_kept_and_then_dropped(moving: Fabric) -> None:
    done(moving, to="s2")
    source = moving.shards["s1"]
    assert "an earlier copy is kept on s1" in refused(moving, member="p1", to="s1")
    gone = {**tenant(1), "state": "absent", "delete_data": True}
    assert "an earlier copy is kept on s1" in moving.refused(gone)
    kept = done(moving, verb="complete")
    assert not kept["changed"] and kept["earlier_copies"][0]["due"] is False
    source.rows("UPDATE dbrw_tenants.stamp SET stamped_at = UTC_TIMESTAMP() - INTERVAL 8 DAY")
    assert done(moving, verb="complete")["changed"]
    assert not source.rows("SHOW DATABASES LIKE 'customer%'")
    assert source.value("SELECT COUNT(*) FROM mysql.user WHERE User = 'customer_1'") == 0
    with pytest.raises(pymysql.MySQLError, match="moved to s2, epoch 2"):
        source.rows(ASK)
    # And back, and again.
    for number, shard in ((3, "s1"), (4, "s2")):
        back = done(moving, member=f"p{shard[1:]}", to=shard)
        assert back["epoch"] == number and moving.sql(shard, "customer_1", ASK) == number
        done(moving, verb="complete", keep_days=0)
    assert rows(moving, "s2")[0][0]["name"] == "Zoë"


def test_a_move_is_taken_back(moving: Fabric) -> None:
    source, target = moving.shards["s1"], moving.shards["s2"]
    # The copy differs where somebody writes into it: an account that is in nobody's way.
    target.rows("CREATE SCHEMA customer_1")
    said = refused(moving, to="s2")
    assert "s2 has a schema customer_1, which is not this tenant's" in said
    target.rows("DROP SCHEMA customer_1")
    # What the target's program cannot load: the move stops, closed.
    source.rows("CREATE VIEW customer_1.broken AS SELECT * FROM customer_1.no_key")
    source.rows("RENAME TABLE customer_1.no_key TO customer_1.other")
    stopped = call(moving, to="s2")
    assert stopped["failed"] and stopped["changed"], stopped
    with pytest.raises(pymysql.MySQLError):
        moving.sql("s1", "customer_1", ASK)
    assert "tenant_move.yml" in moving.refused(tenant(1))
    back = done(moving, verb="cancel")
    assert back["phase"] == "none" and moving.sql("s1", "customer_1", ASK) == 1
    assert not target.rows("SHOW DATABASES LIKE 'customer%'")
    assert target.value("SELECT COUNT(*) FROM mysql.user WHERE User = 'customer_1'") == 0
    source.rows("RENAME TABLE customer_1.other TO customer_1.no_key")
    assert done(moving, to="s2")["shard"] == "s2"
    assert not done(moving, verb="cancel")["changed"]


def test_all_that_is_in_the_way_is_said_at_once(moving: Fabric) -> None:
    source, target = moving.shards["s1"], moving.shards["s2"]
    source.rows("CREATE USER stranger")
    source.rows("GRANT INSERT ON customer_1.* TO stranger")
    source.rows("CREATE DEFINER = stranger VIEW customer_1.x AS SELECT 1 AS a")
    target.rows("CREATE USER customer_1")
    said = refused(moving, to="s2")
    for part in (
        "stranger@% on s1 can write into customer_1",
        "run as stranger@%, which s2 does not have",
        "s2 has an account customer_1@% already",
    ):
        assert part in said
    assert "no shard s9" in refused(moving, to="s9")
    assert "to is missing" in refused(moving)
    assert "no tenant Customer 7" in refused(moving, tenant="Customer 7", to="s2")
    moving.directory.rows("UPDATE fabric.replica_sets SET state = 'full' WHERE name = 's2'")
    assert "s2 takes no tenants: it is full" in refused(moving, to="s2")
    assert moving.sql("s1", "customer_1", ASK) == 1


def test_a_locked_tenant_stays_locked(moving: Fabric) -> None:
    moving.settle(tenant(1, locked=True))
    assert done(moving, to="s2")["locked"] is True
    with pytest.raises(pymysql.MySQLError):
        moving.sql("s2", "customer_1", ASK)
    target = moving.shards["s2"]
    assert target.value("SELECT state FROM dbrw_tenants.stamp") == "fenced"
    moving.settle(tenant(1, locked=False))
    assert moving.sql("s2", "customer_1", ASK) == 2
    (row,) = target.rows(
        "SELECT STATUS AS s FROM information_schema.EVENTS WHERE EVENT_NAME = 'tick'"
    )
    assert row["s"] == "ENABLED"


@pytest.mark.lines("later")
def test_it_is_killed_everywhere(fabric: Fabric) -> None:
    def reset() -> None:
        fabric.reset()
        made = fabric.call(tenant(1, shard="s1"))
        assert "failed" not in made, made
        fill(fabric)

    def look() -> Any:
        return (
            fabric.directory.rows("SELECT name, shard, epoch, locked FROM fabric.tenants"),
            [
                server.rows("SELECT tenant, epoch, state, reason, moved_to FROM dbrw_tenants.stamp")
                for server in fabric.shards.values()
            ],
            rows(fabric, "s2")[0],
            fabric.sql("s2", "customer_1", ASK),
            [server.rows("SHOW DATABASES LIKE 'customer%%'") for server in fabric.shards.values()],
        )

    killed_everywhere(
        MOVE,
        fabric.shards["s2"],
        options(fabric, to="s2", operator_password=PASSWORD),
        reset,
        look,
        fabric.directory,
        fabric.shards["s1"],
        after_kill=lambda: never_open_twice(fabric),
        every=5,
    )


def never_open_twice(fabric: Fabric) -> None:
    opened = []
    for shard in fabric.shards:
        try:
            opened.append(fabric.sql(shard, "customer_1", ASK))
        except pymysql.MySQLError:
            continue
    assert len(opened) < 2, opened
