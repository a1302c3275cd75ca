"""One call finds each defect that is planted, under its code and no other; a healthy topology has none."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    ACCOUNTS,
    READ_SERVER,
    SET_MEMBER,
    WRITE_SERVER,
    server_accounts,
)
from tests.integration.conftest import outside_binary_log, setting
from tests.integration.lines import Host, TestServer, Topology, running_topology, wait_until
from tests.integration.modules import run_module
from tests.support.replica_sets import pair_of
from tests.support.replica_sets import start as start_server

pytestmark = pytest.mark.lines("one")

MODULE, CHECK = "mysql_topology_info", "check.yml"
NAMES = ("w1", "w3", "r1", "r2", "f1", "f2")
TABLE = "usage_data.flights"
INSERT = (
    f"INSERT INTO {TABLE} (id, request_id, scheduled_at, carrier, flight, origin, dest, distance) "
    "VALUES (%s, 1, %s, 'UA', 1, 'EWR', 'IAH', 1400)"
)
DAY = "2013-12-05 10:00:00"


@pytest.fixture(scope="module")
def site(host: Host) -> Iterator[Topology]:
    """Two data centres: a write server, a read server and a member in each, with some rows."""
    with running_topology(host, "check", *NAMES) as topology:
        topology.playbook("site.yml")
        for name in ("w1", "w3"):
            for _number in range(3):
                topology.server(name).rows(INSERT, None, DAY)
        wait_until(lambda: codes(topology) == [], 30, "it is not healthy")
        yield topology


def servers(site: Topology) -> list[dict[str, Any]]:
    kinds = {"w": "write", "r": "read", "f": "member"}
    found = []
    for name in NAMES:
        server = site.server(name)
        told: dict[str, Any] = {
            "name": name,
            "kind": kinds[name[0]],
            "datacenter": f"dc{server.address.split('.')[1]}",
            "host": server.address,
            "port": server.port,
        }
        if name[0] == "w":
            told.update(id_increment=20, id_offset=int(name[1:]))
        if name[0] == "f":
            told["replica_set"] = "fabric"
        found.append(told)
    return found


def accounts() -> list[dict[str, Any]]:
    """Return what site.yml has made, by the table that it makes it of."""
    given: dict[str, Any] = {"account_host": "%", "require_tls": False}
    for one in ACCOUNTS:
        given[f"{one.name}_user"], given[one.password] = one.name, "there is one"
    kinds = {"w": WRITE_SERVER, "r": READ_SERVER, "f": SET_MEMBER}
    followers = {"w": ("r1", "r2"), "r": (), "f": ("f1", "f2")}
    found = []
    for name in NAMES:
        kind = name[0]
        replicas = [{"name": f"replication_{one}", "host": "%"} for one in followers[kind]]
        schemas = ["customers" if kind == "f" else "usage_data"]
        for one in server_accounts(kinds[kind], {**given, "replicas": replicas}, schemas):
            told = {key: one[key] for key in ("name", "host", "privileges")}
            found.append({"server": name, **told})
    return found


def check(site: Topology, **more: Any) -> dict[str, Any]:
    given = {
        "login_user": "monitor",
        "login_password": (site.folder / "secrets/monitor").read_text().strip(),
        "connect_timeout": 10,
        "servers": servers(site),
        "sets": [{"name": "fabric"}],
        "usage_tables": [{"schema": "usage_data", "name": "flights", "months_ahead": 3}],
        "accounts": accounts(),
        "heartbeats": ["w1", "w3"],
        "require_tls": False,
        "now": "2013-12-31",
        **more,
    }
    told = run_module(MODULE, None, **given)
    assert "failed" not in told, told
    assert told["changed"] is False
    return told


def codes(site: Topology, **more: Any) -> list[str]:
    return [one["code"] for one in check(site, **more)["findings"]]


def the_one(site: Topology, code: str, where: str, severity: str = "critical", **more: Any) -> str:
    """Return the text of the only finding, which has this code."""
    findings = check(site, **more)["findings"]
    told = [(one["code"], one["where"], one["severity"]) for one in findings]
    assert told == [(code, where, severity)], findings
    return str(findings[0]["text"])


@contextmanager
def mended(site: Topology) -> Iterator[None]:
    """The topology is healthy again after a test."""
    yield
    wait_until(lambda: codes(site) == [], 30, "it was not mended")


def words(server: TestServer, verb: str, channel: str) -> str:
    """Return the statement of a server's flavour."""
    if server.flavour == "mysql":
        more = " ALL" if verb == "RESET" else ""
        return f"{verb} REPLICA{more} FOR CHANNEL '{channel}'"
    return f"{verb} SLAVE '{channel}'{' ALL' if verb == 'RESET' else ''}"


def caught_up(site: Topology) -> None:
    """Wait until both read servers have the write servers' rows."""
    wanted = {
        row["id"]
        for name in ("w1", "w3")
        for row in site.server(name).rows(f"SELECT id FROM {TABLE}")
    }
    for name in ("r1", "r2"):
        wait_until(
            lambda name=name: (
                wanted <= {row["id"] for row in site.server(name).rows(f"SELECT id FROM {TABLE}")}
            ),
            20,
            f"{name} lacks rows",
        )


def test_nothing_is_wrong_with_a_healthy_topology_under_load(site: Topology) -> None:
    done = threading.Event()
    failed: list[Exception] = []

    def write(name: str) -> None:
        with site.server(name).admin() as connection, connection.cursor() as cursor:
            while not done.wait(0.002):
                try:
                    cursor.execute(INSERT, (None, DAY))
                except Exception as error:
                    failed.append(error)
                    return

    threads = [threading.Thread(target=write, args=(name,)) for name in ("w1", "w3")]
    for thread in threads:
        thread.start()
    try:
        for _number in range(5):
            told = check(site)
            assert told["findings"] == [] and told["worst"] == ""
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert told["report"].splitlines()[0] == "Nothing is wrong; 6 of 6 servers answer"
    caught_up(site)
    assert check(site)["report"] == check(site)["report"]


def test_the_observation_has_one_shape(site: Topology) -> None:
    seen = {one["name"]: one for one in check(site)["observation"]["servers"]}
    assert (seen["w3"]["increment"], seen["w3"]["offset"]) == (20, 3)
    assert seen["w1"]["ids"][0]["table"] == TABLE and seen["w1"]["takes_writes"]
    channels = {one["channel"]: one["running"] for one in seen["r1"]["channels"]}
    assert channels == {"w1": True, "w3": True}
    assert seen["r2"]["tables"][0]["months"][-1] == "p2014m03"
    assert set(seen["r2"]["heartbeat_seconds"]) == {"w1", "w3"}
    assert set(seen["w1"]["heartbeat_seconds"]) == {"w1"}
    (one,) = check(site)["observation"]["sets"]
    assert (
        one["status"] == "well"
        and check(site)["observation"]["directory"]["states"]["w1"] == "online"
    )
    assert all(one["not_read"] == {} for one in seen.values())


def test_a_topology_without_a_fabric(site: Topology) -> None:
    usage = [one for one in servers(site) if one["kind"] != "member"]
    of_usage = [one for one in accounts() if one["server"][0] != "f"]
    told = check(site, servers=usage, sets=[], accounts=of_usage)
    assert told["findings"] == [] and told["observation"]["directory"] is None
    assert codes(site, servers=usage, sets=[], usage_tables=[], accounts=[]) == []


def test_what_is_asked_for_is_judged_first(site: Topology) -> None:
    told = run_module(
        MODULE,
        None,
        servers=[
            {"name": "w1", "kind": "write", "host": "127.0.0.1"},
            {"name": "f1", "kind": "member", "host": "127.0.0.1", "replica_set": "x"},
            {"name": "f1", "kind": "read", "host": "127.0.0.1"},
        ],
        heartbeats=["f1"],
        max_lag_seconds=0,
        accounts=[
            {"server": "w9", "name": "a", "privileges": {}},
            {"server": "w1", "name": "a", "privileges": {"x": ["SELECT"]}},
        ],
        mutes=[{"code": "channel.laging", "until": "tomorrow"}],
    )
    assert told["failed"]
    assert told["problems"] == [
        "servers has f1 twice; name each once.",
        "servers: w1: a write server needs id_increment and id_offset.",
        "servers: f1: its replica_set is x, which is not in sets; add it there.",
        "heartbeats has f1, which is no write server of servers; name write servers there.",
        "max_lag_seconds is 0; it must be at least 1.",
        "accounts: a@% on w9: there is no such server in servers; add w9 there.",
        "accounts: a@% on w1: 'x' is not an object of a grant; write '*.*', 'schema.*' or "
        "'schema.table'.",
        "mutes: there is no code channel.laging; did you mean channel.lagging?",
        "mutes: until is tomorrow; write a date as YYYY-MM-DD.",
    ]


def test_a_stopped_channel(site: Topology) -> None:
    r1 = site.server("r1")
    with mended(site):
        r1.rows(words(r1, "STOP", "w1"))
        text = the_one(site, "channel.stopped", "r1, channel w1")
        assert text.startswith("It is stopped, without an error")
        hidden = check(site, mutes=[{"code": "channel.stopped", "until": "2099-01-01"}])
        # It is worse than a mute hides by itself.
        assert hidden["worst"] == "critical"
        mute = {"code": "channel.stopped", "until": "2099-01-01", "severity": "critical"}
        hidden = check(site, mutes=[mute])
        assert hidden["worst"] == "" and hidden["findings"][0]["muted_until"] == "2099-01-01"
        assert check(site, mutes=[{**mute, "until": "2020-01-01"}])["worst"] == "critical"
        assert check(site, mutes=[{**mute, "where": "r2, channel w1"}])["worst"] == "critical"
        assert check(site, mutes=[{**mute, "where": "r1, channel w1"}])["worst"] == ""
        r1.rows(words(r1, "START", "w1"))


def test_a_channel_that_is_missing_or_of_nobody(site: Topology) -> None:
    r1 = site.server("r1")
    with mended(site):
        r1.rows(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = 1 FOR CHANNEL 'w9'"
            if r1.flavour == "mysql"
            else "CHANGE MASTER 'w9' TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1"
        )
        the_one(site, "channel.not_in_inventory", "r1, channel w9", "warning")
        r1.rows(words(r1, "RESET", "w9"))
        r1.rows(words(r1, "STOP", "w3"))
        r1.rows(words(r1, "RESET", "w3"))
        assert "no rows of w3" in the_one(site, "channel.missing", "r1")
        site.playbook("read_servers.yml")


def test_a_channel_that_follows_another_server(site: Topology) -> None:
    r2 = site.server("r2")
    with mended(site):
        r2.rows(words(r2, "STOP", "w3"))
        change = {
            "mysql": "CHANGE REPLICATION SOURCE TO SOURCE_PORT = {} FOR CHANNEL 'w3'",
            "mariadb": "CHANGE MASTER 'w3' TO MASTER_PORT = {}",
        }[r2.flavour]
        r2.rows(change.format(1))
        the_one(site, "channel.other_source", "r2, channel w3")
        r2.rows(change.format(r2.port))
        r2.rows(words(r2, "START", "w3"))


def test_a_channel_that_is_late(site: Topology) -> None:
    r1, w1 = site.server("r1"), site.server("w1")
    with mended(site):
        with r1.admin() as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            # Its channels wait for what others may read.
            cursor.execute(f"SELECT id FROM {TABLE} WHERE id > 1 FOR UPDATE")
            w1.rows(INSERT, None, DAY)
            wait_until(lambda: codes(site, max_lag_seconds=1), 20, "it is not late")
            (late,) = check(site, max_lag_seconds=1)["findings"]
            assert (late["code"], late["where"]) == ("channel.lagging", "r1, channel w1")
            cursor.execute("ROLLBACK")
        caught_up(site)


def test_a_table_that_others_hold(site: Topology) -> None:
    """A month that is being changed makes no server unreachable."""
    r2 = site.server("r2")
    with mended(site), r2.admin() as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {TABLE} WRITE")
        assert "ids of usage_data.flights" in the_one(site, "check.not_read", "r2", "warning")
        cursor.execute("UNLOCK TABLES")


def test_a_channel_that_will_miss_binary_logs(site: Topology) -> None:
    r1, w1 = site.server("r1"), site.server("w1")
    with mended(site):
        with (
            setting(w1, "binlog_expire_logs_seconds", 4),
            r1.admin() as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("BEGIN")
            cursor.execute(f"SELECT id FROM {TABLE} WHERE id > 1 FOR UPDATE")
            w1.rows(INSERT, None, DAY)
            allowed = {"min_binary_log_seconds": 0}
            wait_until(lambda: codes(site, **allowed), 20, "it is not late")
            text = the_one(site, "channel.logs_expire", "r1, channel w1", **allowed)
            assert "which removes binary logs after 4 s" in text
            cursor.execute("ROLLBACK")
        caught_up(site)


@pytest.mark.flavour("mariadb")
def test_a_channel_that_leaves_its_source_out(site: Topology) -> None:
    """MySQL refuses it where transactions have GTIDs (3139)."""
    r1 = site.server("r1")
    stop, start = words(r1, "STOP", "w1"), words(r1, "START", "w1")
    with mended(site):
        for sql in (stop, "CHANGE MASTER 'w1' TO IGNORE_SERVER_IDS = (1)", start):
            r1.rows(sql)
        wait_until(lambda: len(codes(site)) == 1, 10, "the channel does not run")
        text = the_one(site, "channel.skips_source", "r1, channel w1")
        assert "IGNORE_SERVER_IDS = (1)" in text
        for sql in (stop, "CHANGE MASTER 'w1' TO IGNORE_SERVER_IDS = ()", start):
            r1.rows(sql)


def test_a_channel_with_an_error_is_explained(site: Topology) -> None:
    r1, w1 = site.server("r1"), site.server("w1")
    with mended(site):
        last = w1.value(f"SELECT MAX(id) FROM {TABLE}")
        outside_binary_log(r1, INSERT.replace("%s", str(last + 20), 1).replace("%s", f"'{DAY}'"))
        w1.rows(INSERT, None, DAY)
        wait_until(lambda: codes(site), 20, "the channel goes on")
        text = the_one(site, "channel.row_exists", "r1, channel w1")
        assert "exists on this server already" in text
        outside_binary_log(r1, f"DELETE FROM {TABLE} WHERE id = {last + 20}")
        r1.rows(words(r1, "START", "w1"))
        caught_up(site)


def test_a_setting_that_loses_rows(site: Topology) -> None:
    r1 = site.server("r1")
    name = "replica_exec_mode" if r1.flavour == "mysql" else "slave_exec_mode"
    stop, start = (
        ("STOP REPLICA", "START REPLICA")
        if r1.flavour == "mysql"
        else ("STOP ALL SLAVES", "START ALL SLAVES")
    )
    with mended(site):
        r1.rows(stop)
        with setting(r1, name, "IDEMPOTENT"):
            r1.rows(start)
            wait_until(lambda: len(codes(site)) == 1, 10, "its channels do not run")
            the_one(site, "settings.replica_exec_mode", "r1")
            r1.rows(stop)
        r1.rows(start)


def test_ids_of_another_offset(site: Topology) -> None:
    with mended(site), setting(site.server("w1"), "auto_increment_offset", 5):
        assert "offset 5 of 20" in the_one(site, "ids.pair_differs", "w1")


def test_servers_that_cannot_be_told_apart(site: Topology) -> None:
    with mended(site), setting(site.server("r2"), "server_id", 101):
        text = the_one(site, "server.identity_shared", "r1, r2")
        assert "the same server_id, 101" in text


def test_clocks_in_other_time_zones(site: Topology) -> None:
    with mended(site), setting(site.server("w3"), "time_zone", "+02:00"):
        the_one(site, "time_zones.clocks_differ", "", "warning")


def test_clocks_that_are_put_back(site: Topology) -> None:
    with (
        mended(site),
        setting(site.server("w1"), "time_zone", "Europe/Paris"),
        setting(site.server("w3"), "time_zone", "Europe/Paris"),
    ):
        told = check(site)["findings"]
        assert [(one["code"], one["where"], one["severity"]) for one in told] == [
            ("time_zones.clock_put_back", name, "warning") for name in ("w1", "w3")
        ]


def test_filters_that_leave_out_rows(site: Topology) -> None:
    r1 = site.server("r1")
    stop, start = words(r1, "STOP", "w1"), words(r1, "START", "w1")
    change, back = (
        (
            f"CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE = ({TABLE}) FOR CHANNEL 'w1'",
            "CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE = () FOR CHANNEL 'w1'",
        )
        if r1.flavour == "mysql"
        else (
            f"SET GLOBAL w1.replicate_ignore_table = '{TABLE}'",
            "SET GLOBAL w1.replicate_ignore_table = ''",
        )
    )
    with mended(site):
        for sql in (stop, change, start):
            r1.rows(sql)
        wait_until(lambda: len(codes(site)) == 1, 10, "the channel does not run")
        the_one(site, "channel.filters_rows", "r1, channel w1")
        for sql in (stop, back, start):
            r1.rows(sql)


@contextmanager
def without_heartbeats(reader: TestServer, channel: str) -> Iterator[None]:
    """Let a channel drop the rows of heartbeats for a while; it reports that all is well."""
    change = {
        "mysql": f"CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE = ({{}}) FOR CHANNEL '{channel}'",
        "mariadb": f"SET GLOBAL {channel}.replicate_ignore_table = '{{}}'",
    }[reader.flavour]

    def ignore(table: str) -> None:
        reader.rows(words(reader, "STOP", channel))
        reader.rows(change.format(table))
        reader.rows(words(reader, "START", channel))

    ignore("dbrw.heartbeat")
    yield
    ignore("")


def test_a_channel_that_is_silent(site: Topology) -> None:
    r1 = site.server("r1")
    with mended(site), without_heartbeats(r1, "w3"):
        wait_until(lambda: codes(site, max_silent_seconds=2), 30, "nobody notices")
        text = the_one(site, "channel.silent", "r1, channel w3", "warning", max_silent_seconds=2)
        assert "reports to be 0 s behind its source" in text
        # Ten times as long as is allowed is no pause any more.
        wait_until(lambda: worst(site, max_silent_seconds=2) == "critical", 40, "no worse")


def worst(site: Topology, **more: Any) -> str:
    return str(check(site, **more)["worst"])


def test_a_write_server_without_heartbeats(site: Topology) -> None:
    w1 = site.server("w1")
    with mended(site):
        outside_binary_log(w1, "ALTER EVENT dbrw.heartbeat DISABLE")
        wait_until(lambda: codes(site, max_silent_seconds=2), 30, "nobody notices")
        # Not told again for each channel through which none comes.
        text = the_one(site, "heartbeat.missing", "w1", "warning", max_silent_seconds=2)
        assert "wrote the last one" in text
        assert run_module("mysql_heartbeat", w1, event=True)["changed"]


def test_a_write_server_that_is_closed(site: Topology) -> None:
    with mended(site), setting(site.server("w3"), "read_only", 1):
        the_one(site, "server.closed", "w3")


def test_binary_logs_that_go_too_early(site: Topology) -> None:
    with mended(site), setting(site.server("w3"), "binlog_expire_logs_seconds", 3600):
        the_one(site, "binary_log.expires_early", "w3", "warning")


def test_a_clock_that_differs(site: Topology) -> None:
    # Sessions without an administrator's rights are told another time, at which they stand still.
    ahead = "SET timestamp = UNIX_TIMESTAMP(SYSDATE(6)) + 1000"
    with mended(site), setting(site.server("r2"), "init_connect", ahead):
        text = the_one(site, "server.clock_differs", "r2", "warning")
        assert re.search(r"(9\d\d|1000) s ahead of", text)


def test_ids_that_were_given_by_hand(site: Topology) -> None:
    w1 = site.server("w1")
    with mended(site):
        w1.rows(INSERT, 9_000_002, DAY)
        caught_up(site)
        the_one(site, "ids.of_other_servers", f"w1, {TABLE}")
        w1.rows(f"DELETE FROM {TABLE} WHERE id = 9000002")


def test_ids_that_nobody_gives(site: Topology) -> None:
    r2 = site.server("r2")
    with mended(site):
        outside_binary_log(r2, INSERT.replace("%s", "9000007", 1).replace("%s", f"'{DAY}'"))
        the_one(site, "ids.of_no_server", f"r2, {TABLE}", "warning")
        outside_binary_log(r2, f"DELETE FROM {TABLE} WHERE id = 9000007")


def test_ids_that_are_there_twice(site: Topology) -> None:
    r1 = site.server("r1")
    with mended(site):
        caught_up(site)
        one = r1.value(f"SELECT MAX(id) FROM {TABLE}")
        outside_binary_log(r1, INSERT.replace("%s", str(one), 1).replace("%s", "'2013-11-01'"))
        assert str(one) in the_one(site, "ids.twice", f"r1, {TABLE}")
        outside_binary_log(r1, f"DELETE FROM {TABLE} WHERE id = {one} AND scheduled_at < '{DAY}'")


def test_ids_that_would_be_given_again(site: Topology) -> None:
    w1 = site.server("w1")
    with mended(site):
        caught_up(site)
        last = w1.value(f"SELECT MAX(id) FROM {TABLE}")
        outside_binary_log(w1, f"TRUNCATE TABLE {TABLE}")
        text = the_one(site, "ids.given_again", f"w1, {TABLE}")
        assert "r1" in text and "r2" in text
        outside_binary_log(w1, f"ALTER TABLE {TABLE} AUTO_INCREMENT = {last + 1}")


def test_a_range_that_is_used_up(site: Topology) -> None:
    w3 = site.server("w3")
    with mended(site):
        outside_binary_log(
            w3,
            "CREATE TABLE usage_data.small (id TINYINT UNSIGNED AUTO_INCREMENT PRIMARY KEY)",
            "INSERT INTO usage_data.small VALUES (243)",
        )
        the_one(site, "ids.range_used", "w3, usage_data.small")
        outside_binary_log(w3, "DROP TABLE usage_data.small")


def test_ids_that_no_index_finds(site: Topology) -> None:
    w3 = site.server("w3")
    with mended(site):
        outside_binary_log(
            w3,
            "CREATE TABLE usage_data.odd (a INT NOT NULL, id BIGINT NOT NULL AUTO_INCREMENT, "
            "PRIMARY KEY (a, id)) ENGINE = MyISAM",
        )
        the_one(site, "ids.not_checked", "w3, usage_data.odd", "warning")
        outside_binary_log(w3, "DROP TABLE usage_data.odd")


def test_tables_that_differ(site: Topology) -> None:
    r1, r2, w3 = site.server("r1"), site.server("r2"), site.server("w3")
    with mended(site):
        outside_binary_log(r2, f"ALTER TABLE {TABLE} DROP KEY carrier")
        text = the_one(site, "tables.readers_differ", f"r2, {TABLE}", "warning")
        assert "it lacks KEY carrier" in text
        outside_binary_log(r2, f"ALTER TABLE {TABLE} ADD KEY carrier (carrier, scheduled_at)")
        outside_binary_log(r1, f"ALTER TABLE {TABLE} MODIFY flight INT UNSIGNED NOT NULL")
        text = the_one(site, "tables.differ", f"r1, {TABLE}")
        # Once for all write servers.
        assert "w1, w3" in text and "flight" in text
        outside_binary_log(r1, f"ALTER TABLE {TABLE} MODIFY flight SMALLINT UNSIGNED NOT NULL")
        outside_binary_log(w3, f"RENAME TABLE {TABLE} TO usage_data.gone")
        the_one(site, "tables.missing", f"w3, {TABLE}")
        outside_binary_log(w3, f"RENAME TABLE usage_data.gone TO {TABLE}")


def test_months_that_are_missing(site: Topology) -> None:
    r1 = site.server("r1")
    with mended(site):
        outside_binary_log(r1, f"ALTER TABLE {TABLE} DROP PARTITION p2014m03")
        text = the_one(site, "months.missing", f"r1, {TABLE}", "warning")
        assert text.startswith("1 of the 4 months from 2013-12 on have no partition, from 2014-03")
        outside_binary_log(r1, f"ALTER TABLE {TABLE} DROP PARTITION p2014m01, p2014m02")
        the_one(site, "months.missing", f"r1, {TABLE}")
        outside_binary_log(
            r1, f"ALTER TABLE {TABLE} ADD PARTITION (PARTITION tail VALUES LESS THAN (MAXVALUE))"
        )
        the_one(site, "months.missing", f"r1, {TABLE}", "warning")
        last = r1.value(f"SELECT MAX(id) FROM {TABLE}")
        move = f"UPDATE {TABLE} SET scheduled_at = '{{}}' WHERE id = {last}"
        outside_binary_log(r1, move.format("2014-01-05"))
        the_one(site, "months.tail_holds_rows", f"r1, {TABLE}")
        outside_binary_log(
            r1,
            move.format(DAY),
            f"ALTER TABLE {TABLE} DROP PARTITION tail",
            f"ALTER TABLE {TABLE} ADD PARTITION (PARTITION p2014m01 VALUES LESS THAN ('2014-02-01'), "
            "PARTITION p2014m02 VALUES LESS THAN ('2014-03-01'), "
            "PARTITION p2014m03 VALUES LESS THAN ('2014-04-01'))",
        )


def test_a_table_without_months(site: Topology) -> None:
    r2 = site.server("r2")
    made = str(r2.rows(f"SHOW CREATE TABLE {TABLE}")[0]["Create Table"])
    # MySQL has it in a comment that only newer versions read.
    divided = made[made.index("PARTITION BY") :].removesuffix("*/")
    with mended(site):
        outside_binary_log(r2, f"ALTER TABLE {TABLE} REMOVE PARTITIONING")
        the_one(site, "months.not_partitioned", f"r2, {TABLE}")
        outside_binary_log(r2, f"ALTER TABLE {TABLE} {divided}")


def hosts(site: Topology, *names: str) -> list[dict[str, Any]]:
    """Return what the hosts of servers tell, as the playbook hands it on."""
    found = []
    for name in names:
        folder = site.server(name).work_dir
        given = {"config_file": str(folder / "my.cnf"), "datadir": str(folder / "data")}
        found.append({"name": name, **run_module("mysqld_host_info", None, **given)["host"]})
    return found


def test_disks_that_fill(site: Topology) -> None:
    told = hosts(site, "w1")
    (disk,) = told[0]["disks"]
    where, percent = f"w1, disk of {disk['folder']}", disk["free_bytes"] / disk["size_bytes"] * 100
    assert codes(site, hosts=told, min_free_percent=0) == []
    text = the_one(
        site, "disk.filling", where, "warning", hosts=told, min_free_percent=int(percent) + 1
    )
    assert text.startswith(f"{percent:.0f} % of its ")
    the_one(site, "disk.filling", where, hosts=told, min_free_percent=int(percent) * 2 + 3)
    (seen,) = [
        one["disks"] for one in check(site, hosts=told)["observation"]["servers"] if one["disks"]
    ]
    assert seen == [disk]


def test_settings_that_wait_for_a_restart(site: Topology) -> None:
    w1 = site.server("w1")
    file = w1.work_dir / "my.cnf"
    text, allowed = file.read_text(), {"min_free_percent": 0}
    assert codes(site, hosts=hosts(site, *NAMES), **allowed) == []
    running = w1.value("SELECT @@GLOBAL.max_connections")
    with mended(site):
        try:
            # With a unit, and with the other hyphen.
            more = f"[mysqld]\nmax-connections = {running + 7}\nmax_allowed_packet = 16M\n"
            file.write_text(f"{more}{text}")
            with setting(w1, "max_allowed_packet", 16 << 20):
                told = hosts(site, *NAMES)
                where = "w1, max_connections"
                said = the_one(
                    site, "server.pending_restart", where, "warning", hosts=told, **allowed
                )
                assert said.startswith(f"It is {running}, ") and said.endswith(
                    f"has {running + 7}."
                )
                with setting(w1, "max_connections", running + 7):
                    assert codes(site, hosts=told, **allowed) == []
        finally:
            file.write_text(text)
        # It is newer than the server's start, and as it was then.
        assert codes(site, hosts=hosts(site, *NAMES), **allowed) == []


def test_the_playbook_asks_the_hosts(site: Topology) -> None:
    written = site.folder / "hosts.json"
    files = {name: site.server(name).work_dir / "my.cnf" for name in ("w3", "r1")}
    texts = {name: file.read_text() for name, file in files.items()}
    with mended(site):
        try:
            files["w3"].write_text(f"[mysqld]\nmax_connections = 321\n{texts['w3']}")
            files["r1"].write_text(f"[broken\n{texts['r1']}")
            site.playbook(CHECK, hosts="true", fail_on="never", check_json=str(written))
        finally:
            for name, file in files.items():
                file.write_text(texts[name])
        told = json.loads(written.read_text())
        # How full this machine's disk is, is not known here.
        found = {
            (one["code"], one["where"]): one["text"]
            for one in told["findings"]
            if one["code"] != "disk.filling"
        }
        assert set(found) == {
            ("server.pending_restart", "w3, max_connections"),
            ("check.not_read", "r1"),
        }
        assert (
            "line 1: it begins a [group] without the closing bracket"
            in (found["check.not_read", "r1"])
        )
        disks = {one["name"]: one["disks"] for one in told["observation"]["servers"]}
        assert disks["r1"] == [] and len(disks["w1"]) == 1


def test_what_may_not_be_read_is_named(site: Topology) -> None:
    r2 = site.server("r2")
    with mended(site):
        outside_binary_log(r2, r"REVOKE SELECT ON `usage\_data`.* FROM monitor@'%'")
        text = the_one(site, "check.not_read", "r2", "warning")
        assert TABLE in text
        outside_binary_log(r2, r"GRANT SELECT ON `usage\_data`.* TO monitor@'%'")
        outside_binary_log(r2, "REVOKE SELECT ON mysql.db FROM monitor@'%'")
        assert "its accounts" in the_one(site, "check.not_read", "r2", "warning")
        outside_binary_log(r2, "GRANT SELECT ON mysql.db TO monitor@'%'")
        outside_binary_log(r2, "REVOKE SELECT ON dbrw.* FROM monitor@'%'")
        text = the_one(site, "check.not_read", "r2", "warning")
        assert "its heartbeats (error 1142" in text
        outside_binary_log(r2, "GRANT SELECT ON dbrw.* TO monitor@'%'")


def test_an_account_that_is_missing(site: Topology) -> None:
    r1 = site.server("r1")
    with mended(site):
        outside_binary_log(r1, "RENAME USER maintenance@'%' TO maintenance@'gone.invalid'")
        text = the_one(site, "account.missing", "r1, account maintenance@%")
        assert text.endswith("There is maintenance@gone.invalid, from elsewhere.")
        outside_binary_log(r1, "RENAME USER maintenance@'gone.invalid' TO maintenance@'%'")


def test_an_account_that_lacks_what_it_needs(site: Topology) -> None:
    w3, active = site.server("w3"), pair_of(site)[0]
    with mended(site):
        outside_binary_log(w3, r"REVOKE INSERT ON `usage\_data`.* FROM application@'%'")
        text = the_one(site, "account.privilege_missing", "w3, account application@%")
        assert text == "It lacks what it needs: INSERT on usage_data.*."
        outside_binary_log(w3, r"GRANT INSERT ON `usage\_data`.* TO application@'%'")
        # Of ALL PRIVILEGES each counts.
        outside_binary_log(active, "REVOKE RELOAD ON *.* FROM operator@'%'")
        text = the_one(site, "account.privilege_missing", f"{active.name}, account operator@%")
        assert text == "It lacks what it needs: RELOAD on *.*."
        outside_binary_log(active, "GRANT RELOAD ON *.* TO operator@'%'")


def test_an_account_that_may_too_much(site: Topology) -> None:
    w1 = site.server("w1")
    where = "w1, account application@%"
    more = (
        "RELOAD ON *.*",
        "EXECUTE ON PROCEDURE usage_data.p",
        "SELECT (User) ON mysql.user",
        r"DELETE ON `usage\_data`.*",
    )
    with mended(site):
        outside_binary_log(w1, "CREATE PROCEDURE usage_data.p() SELECT 1")
        outside_binary_log(w1, *(f"GRANT {one} TO application@'%'" for one in more))
        assert the_one(site, "account.excess", where, "warning") == (
            "It may do more than it is for: RELOAD on *.*; EXECUTE on PROCEDURE usage_data.p; "
            "SELECT (User) on mysql.user; DELETE on usage_data.*."
        )
        outside_binary_log(w1, *(f"REVOKE {one} FROM application@'%'" for one in more))
        outside_binary_log(w1, "DROP PROCEDURE usage_data.p", "CREATE ROLE strong")
        outside_binary_log(w1, "GRANT strong TO application@'%'")
        text = the_one(site, "account.excess", where, "warning")
        assert text == "It may do more than it is for: the role strong."
        outside_binary_log(w1, "DROP ROLE strong")
        # One of the same name, from elsewhere, lets whoever comes from there do more.
        outside_binary_log(w1, "CREATE USER application@localhost")
        assert codes(site) == []
        outside_binary_log(w1, "GRANT UPDATE ON *.* TO application@localhost")
        text = the_one(site, "account.excess", "w1, account application@localhost", "warning")
        assert text == "It may do more than it is for: UPDATE on *.*."
        outside_binary_log(w1, "DROP USER application@localhost")


def test_each_privilege_of_a_server_is_known(site: Topology) -> None:
    """The account tables have them as columns, bits and words of their own."""
    w3 = site.server("w3")
    words = [row["Privilege"].upper() for row in w3.rows("SHOW PRIVILEGES")]
    words = [word for word in words if word not in ("USAGE", "PROXY")]
    assert len(words) > 35
    named = {f"each_{number}": word for number, word in enumerate(words)}

    def of(given: dict[str, str]) -> list[dict[str, Any]]:
        return [
            {"server": "w3", "name": name, "host": "localhost", "privileges": {"*.*": [word]}}
            for name, word in given.items()
        ]

    with mended(site):
        for name, word in named.items():
            outside_binary_log(
                w3, f"CREATE USER {name}@localhost", f"GRANT {word} ON *.* TO {name}@localhost"
            )
        assert check(site, accounts=of(named))["findings"] == []
        # Each is told from the others.
        others = dict(zip(named, [*words[1:], words[0]], strict=True))
        told = check(site, accounts=of(others))["findings"]
        assert len(told) == 2 * len(words)
        outside_binary_log(w3, *(f"DROP USER {name}@localhost" for name in named))


def test_a_directory_that_differs(site: Topology) -> None:
    active = pair_of(site)[0]
    with mended(site):
        active.rows("UPDATE fabric.servers SET weight = 7 WHERE name = 'w1'")
        the_one(site, "directory.server_differs", "w1", "warning")
        active.rows("UPDATE fabric.servers SET weight = 1 WHERE name = 'w1'")


def test_a_replica_set_without_a_writer(site: Topology) -> None:
    active = pair_of(site)[0]
    with mended(site):
        active.rows("SET GLOBAL read_only = 1")
        found = codes(site)
        assert "replica_set.no_writer" in found, found
        assert all(one.startswith("replica_set.") for one in found), found
        active.rows("SET GLOBAL read_only = 0")


@pytest.mark.flavour("mysql")
def test_tls_that_is_missing_and_certificates_that_expire(site: Topology) -> None:
    told = check(site, require_tls=True, min_certificate_days=100_000)["findings"]
    expiring = [one["where"] for one in told if one["code"] == "server.certificate_expires"]
    open_ = [one["where"] for one in told if one["code"] == "channel.without_tls"]
    assert expiring == sorted(NAMES)
    assert open_ == [
        f"{reader}, channel {writer}" for reader in ("r1", "r2") for writer in ("w1", "w3")
    ]
    assert len(told) == len(expiring) + len(open_)


@pytest.mark.flavour("mariadb")
@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("10.6.1", [("server.version_unsupported", "w3", "critical")]),
        ("12.99.1", [("server.versions_mixed", name, "warning") for name in ("r1", "r2")]),
    ],
)
def test_versions(site: Topology, version: str, expected: list[tuple[str, str, str]]) -> None:
    """MariaDB may call itself otherwise than it is."""
    w3 = site.server("w3")
    file = w3.work_dir / "conf.d/version.cnf"
    with mended(site):
        for text in (f"[mariadb]\nversion = {version}-MariaDB\n", ""):
            w3.kill()
            file.write_text(text)
            start_server(w3)
            right = expected if text else []
            wait_until(lambda right=right: len(codes(site)) == len(right), 20, "it is not alone")
            told = check(site)["findings"]
            assert [(one["code"], one["where"], one["severity"]) for one in told] == right
        file.unlink()


def test_a_server_that_is_down_is_told_once(site: Topology) -> None:
    w3 = site.server("w3")
    with mended(site):
        w3.kill()
        wait_until(lambda: "server.unreachable" in codes(site), 20, "it answers")
        the_one(site, "server.unreachable", "w3")
        start_server(w3)


def test_the_playbook_fails_from_the_severity_that_is_asked_for(site: Topology) -> None:
    r1 = site.server("r1")
    file = site.folder / "check.json"
    healthy = site.playbook(CHECK, check_json=str(file))
    assert "Nothing is wrong; 6 of 6 servers answer" in healthy.output
    assert healthy.changed == {"f1": 1}
    written = json.loads(file.read_text())
    assert written["findings"] == [] and len(written["observation"]["servers"]) == 6
    refused = site.try_playbook(CHECK, "--limit", "w1", fail_on="bad", mute="channel.stopped")
    assert refused.code == 2 and "Nothing has been asked." in refused.output
    for word in ("fail_on is bad", "mute needs until", "--limit leaves out"):
        assert word in refused.output
    with mended(site):
        outside_binary_log(r1, f"ALTER TABLE {TABLE} DROP KEY carrier")
        warned = site.try_playbook(CHECK, fail_on="warning")
        assert warned.code == 2 and "1 warning; 6 of 6 servers answer" in warned.output
        known = {"mute": "tables.readers_differ", "until": "2099-01-01"}
        site.playbook(CHECK, fail_on="warning", **known)
        r1.rows(words(r1, "STOP", "w3"))
        failed = site.try_playbook(CHECK)
        assert failed.code == 2 and "CRITICAL  r1, channel w3  channel.stopped" in failed.output
        outside_binary_log(r1, f"ALTER TABLE {TABLE} ADD KEY carrier (carrier, scheduled_at)")
        r1.rows(words(r1, "START", "w3"))
