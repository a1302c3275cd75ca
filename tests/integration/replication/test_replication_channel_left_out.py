"""Channels, made by hand, that leave out rows in other ways than by filters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import restart
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    MODULE,
    PASSWORD,
    channels,
    control,
    follow,
    status,
)


@pytest.fixture
def schema(replica: TestServer, source: TestServer, schema: str) -> str:
    """With a row, which the replica has."""
    source.rows(f"INSERT INTO {schema}.t VALUES (1)")
    assert "failed" not in follow(replica, source, wait=True)
    return schema


def is_there(replica: TestServer, schema: str, number: int) -> bool:
    return bool(replica.value(f"SELECT COUNT(*) FROM {schema}.t WHERE id = %s", number))


@pytest.mark.flavour("mariadb")
@pytest.mark.parametrize(
    ("option", "field", "shown"),
    [
        ("IGNORE_DOMAIN_IDS = (1, 7)", "ignore_domain_ids", [1, 7]),
        ("DO_DOMAIN_IDS = (7)", "do_domain_ids", [7]),
        ("IGNORE_SERVER_IDS = (1)", "ignore_server_ids", [1]),
    ],
)
def test_what_a_source_has_written_is_left_out(
    replica: TestServer,
    source: TestServer,
    schema: str,
    option: str,
    field: str,
    shown: list[int],
) -> None:
    control(replica, "STOP", "w1")
    replica.rows(f"CHANGE MASTER 'w1' TO {option}")
    control(replica, "START", "w1")
    source.rows(f"INSERT INTO {schema}.t VALUES (2)")
    position = source.value("SELECT @@gtid_binlog_pos")
    # The server counts the row as applied, and it will not come.
    wait_until(
        lambda: position in replica.value("SELECT @@gtid_slave_pos").split(","), 20, "not passed"
    )
    assert not is_there(replica, schema, 2)
    assert channels(replica)["w1"][field] == shown
    table = [f"{schema}.t"]
    given: list[dict[str, Any]] = [
        {"state": "started"},
        {"state": "present", "required_tables": table},
        {"state": "stopped", "required_tables": table},
        {"state": "present", "wait": True, "source_password": PASSWORD},
    ]
    for one in given:
        for check in (True, False):
            refused = run_module(MODULE, replica, check=check, channel="w1", **one)
            assert refused.get("failed") and not refused["changed"], refused
            assert (
                f"channel w1 skips what its source has written itself ({option})"
                in (refused["msg"])
            ), refused
    # What is said is what helps: the lists are emptied by hand, and rows come again.
    control(replica, "STOP", "w1")
    replica.rows(f"CHANGE MASTER 'w1' TO {option.split(' = ', maxsplit=1)[0]} = ()")
    source.rows(f"INSERT INTO {schema}.t VALUES (3)")
    assert "failed" not in follow(replica, source, wait=True)
    assert is_there(replica, schema, 3) and not is_there(replica, schema, 2)


@pytest.mark.flavour("mariadb")
def test_what_others_have_written_may_be_left_out(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    """A channel that was made by hand is taken as it is where it fits."""
    control(replica, "STOP", "w1")
    replica.rows("CHANGE MASTER 'w1' TO IGNORE_DOMAIN_IDS = (7), IGNORE_SERVER_IDS = (8)")
    control(replica, "START", "w1")
    source.rows(f"INSERT INTO {schema}.t VALUES (2)")
    made = follow(replica, source, wait=True, required_tables=[f"{schema}.t"])
    assert "failed" not in made and is_there(replica, schema, 2), made
    assert channels(replica)["w1"]["ignore_domain_ids"] == [7]


@pytest.mark.flavour("mysql")
def test_mysql_takes_no_ids_to_leave_out_and_no_counter_with_gtids(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    control(replica, "STOP", "w1")
    with pytest.raises(Exception, match="3139"):
        replica.rows("CHANGE REPLICATION SOURCE TO IGNORE_SERVER_IDS = (1) FOR CHANNEL 'w1'")
    replica.rows("SET GLOBAL sql_replica_skip_counter = 1")
    source.rows(f"INSERT INTO {schema}.t VALUES (2)")
    assert "failed" not in follow(replica, source, wait=True)
    assert is_there(replica, schema, 2)


@pytest.mark.flavour("mariadb")
def test_a_transaction_that_is_about_to_be_skipped(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    control(replica, "STOP", "w1")
    with replica.admin() as session, session.cursor() as cursor:
        cursor.execute("SET default_master_connection = 'w1'")
        cursor.execute("SET GLOBAL sql_slave_skip_counter = 1")
        assert channels(replica)["w1"]["skip_counter"] == 1
        refused = follow(replica, source)
        assert refused.get("failed") and not refused["changed"], refused
        assert "channel w1 would skip the next 1 transaction(s)" in refused["msg"], refused
        cursor.execute("SET GLOBAL sql_slave_skip_counter = 0")
    source.rows(f"INSERT INTO {schema}.t VALUES (2)")
    assert "failed" not in follow(replica, source, wait=True)
    assert is_there(replica, schema, 2)


def test_a_channel_that_stops_by_itself_is_started_anew(
    replica: TestServer, source: TestServer, schema: str
) -> None:
    control(replica, "STOP", "w1")
    if replica.flavour == "mysql":
        uuid = source.value("SELECT @@server_uuid")
        replica.rows(f"START REPLICA UNTIL SQL_AFTER_GTIDS = '{uuid}:1-900' FOR CHANNEL 'w1'")
    else:
        replica.rows("START SLAVE 'w1' UNTIL master_gtid_pos = '1-1-900'")
    wait_until(lambda: channels(replica)["w1"]["running"], 20, "w1 does not run")
    assert channels(replica)["w1"]["until"] in ("Gtid", "SQL_AFTER_GTIDS")
    predicted = follow(replica, source, check=True)
    assert predicted["changed"] and predicted["diff"]["before"]["channel w1"]["until"], predicted
    assert status(replica, "w1")["until_condition"] != "None"
    made = follow(replica, source)
    assert made["changed"] and made["statements"] == predicted["statements"], made
    assert channels(replica)["w1"]["until"] is None and channels(replica)["w1"]["running"]
    assert not follow(replica, source)["changed"]


def test_the_servers_own_filters_are_judged_for_a_new_channel(
    replica: TestServer, source: TestServer, schema: str, bare: Topology
) -> None:
    config = replica.work_dir / "conf.d" / "own_filters.cnf"
    removed = run_module(MODULE, replica, channel="w1", state="absent")
    assert removed["changed"], removed
    required = {"required_tables": [f"{schema}.t"]}
    try:
        config.write_text(f"[mysqld]\nreplicate_ignore_db = {schema}\n")
        restart(bare, replica)
        for check in (True, False):
            refused = follow(replica, source, check=check, **required)
            assert refused.get("failed") and not refused["changed"], refused
            said = f"filters of w1: ignore_databases excludes {schema}.t"
            assert said in refused["msg"], refused
        assert channels(replica) == {}
        # It is what a new channel gets.
        made = follow(replica, source)
        assert made["channels"][0]["filters"]["ignore_databases"] == [schema], made
        assert run_module(MODULE, replica, channel="w1", state="absent")["changed"]
    finally:
        config.unlink()
        restart(bare, replica)
    made = follow(replica, source, **required)
    assert "failed" not in made, made
