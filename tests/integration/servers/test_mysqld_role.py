"""What the role mysqld writes into a server's configuration, and what becomes of mistakes in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.lines import Host, TestServer, Topology, running_topology

# Understood by every server, and fatal at the end of its start: it has no such zone.
LATE = {"default_time_zone": "Mars/Olympus"}
# What stands in a log by itself.
NO_TRANSACTION = {
    *("Format_desc", "Previous_gtids", "Gtid_list", "Binlog_checkpoint", "Rotate", "Stop"),
}


@pytest.fixture(scope="module")
def topology(host: Host) -> Iterator[Topology]:
    with running_topology(host, "role", "w1", "w2") as made:
        made.playbook("servers.yml")
        yield made


@pytest.fixture
def w1(topology: Topology) -> TestServer:
    return topology.server("w1")


def pids(topology: Topology) -> list[str]:
    return [topology.server(name).pid for name in ("w1", "w2")]


def config_of(server: TestServer) -> str:
    return (server.work_dir / "my.cnf").read_text()


def test_the_binary_log_of_a_new_server_is_empty(topology: Topology) -> None:
    """What makes a server is its own, and must not travel through its replicas' channels."""
    for name in ("w1", "w2"):
        server = topology.server(name)
        mysql = server.flavour == "mysql"
        assert server.value(f"SELECT @@{'gtid_executed' if mysql else 'gtid_binlog_pos'}") == ""
        # Of each log, the one in which a MySQL server was initialised too.
        for log in server.rows("SHOW BINARY LOGS"):
            events = server.rows("SHOW BINLOG EVENTS IN %s", log["Log_name"])
            assert {row["Event_type"] for row in events} <= NO_TRANSACTION, events
        # All the same, the server's user logs in over the socket alone.
        assert server.value("SELECT CURRENT_USER()") == "root@localhost"


def test_a_value_is_what_was_meant(topology: Topology, w1: TestServer) -> None:
    topology.playbook(
        "servers.yml",
        "--limit",
        "w1",
        mysqld_settings={
            "innodb_buffer_pool_size": "96M",
            # YAML's on, and what --extra-vars and older templates make of it.
            "event_scheduler": True,
            "log_queries_not_using_indexes": False,
            "low_priority_updates": "True",
            "long_query_time": 2.5,
            "max_connections": 77.0,
            "sql_mode": "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION",
            "init_connect": "SET @a = 'b # c', @d = \"\\\\e\"",
            "loose_no_such_setting": None,
        },
    )
    assert w1.value("SELECT @@event_scheduler") == "ON"
    assert w1.value("SELECT @@log_queries_not_using_indexes") == 0
    assert w1.value("SELECT @@low_priority_updates") == 1
    assert w1.value("SELECT @@long_query_time") == 2.5
    assert w1.value("SELECT @@max_connections") == 77
    assert w1.value("SELECT @@GLOBAL.init_connect") == "SET @a = 'b # c', @d = \"\\\\e\""


@pytest.mark.lines("later")
def test_a_setting_that_servers_do_not_understand_stops_none(topology: Topology) -> None:
    """All of them judge it before the first is restarted."""
    topology.playbook("servers.yml")
    before, texts = pids(topology), [config_of(topology.server(name)) for name in ("w1", "w2")]
    for wrong, arguments in (
        ({"no_such_setting": 1}, ()),
        ({"event_scheduler": "yes and no"}, ()),
        ({"no_such_setting": 1}, ("--check",)),
    ):
        played = topology.try_playbook("servers.yml", *arguments, mysqld_settings=wrong)
        assert played.code != 0
        (name,) = wrong
        for host in ("w1", "w2"):
            assert f"fatal: [{host}]: FAILED!" in played.output, played.output
        assert f": {name} = {wrong[name]}." in " ".join(played.output.split()), played.output
    assert pids(topology) == before
    assert [config_of(topology.server(name)) for name in ("w1", "w2")] == texts
    again = topology.playbook("servers.yml")
    assert set(again.changed.values()) == {0}, again.output


def test_a_server_that_does_not_come_up_runs_again_as_before(topology: Topology) -> None:
    topology.playbook("servers.yml")
    w1, w2 = topology.server("w1"), topology.server("w2")
    before, texts = pids(topology), [config_of(w1), config_of(w2)]
    played = topology.try_playbook("servers.yml", mysqld_settings=LATE)
    output = " ".join(played.output.split())
    assert played.code != 0 and "and the server runs again with that." in output, played.output
    assert ": default_time_zone = Mars/Olympus." in output, played.output
    # The one that was tried runs again, and the next one was not tried, whichever that is.
    assert w1.answers() and w2.answers()
    assert [old == new for old, new in zip(before, pids(topology))].count(True) == 1
    assert [config_of(w1), config_of(w2)] == texts
    again = topology.playbook("servers.yml")
    assert set(again.changed.values()) == {0}, again.output


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mysqld_settings": {"event_scheduler": ["on"]}}, "event_scheduler is not a single value"),
        ({"mysqld_settings": {"a": "b\nskip_grant_tables"}}, "a has a line break"),
        ({"mysqld_settings": {"a\nb": 1}}, "is not the name of a setting"),
        ({"mysqld_datadir": "data"}, "mysqld_datadir is"),
        ({"dbrw_bind_address": "127.0.0.1\nskip_grant_tables"}, "mysqld_bind_address is"),
        ({"dbrw_port": 70000}, "mysqld_port is 70000"),
    ],
)
def test_the_role_alone_refuses_what_no_file_can_say(
    topology: Topology, wrong: dict[str, Any], said: str
) -> None:
    """Without inventory_validate.yml, which would say the same."""
    before = pids(topology)
    played = topology.try_playbook("servers.yml", **wrong)
    assert played.code != 0 and said in " ".join(played.output.split()), played.output
    assert "Ensure its configuration" not in played.output
    assert pids(topology) == before


@pytest.mark.parametrize("address", ["", "a x", "a:13306", "127.0.0.1\nskip_grant_tables", "[::1]"])
def test_an_address_that_is_none_touches_nothing(topology: Topology, address: str) -> None:
    before, text = pids(topology), config_of(topology.server("w1"))
    played = topology.try_playbook("site.yml", dbrw_address=address)
    assert played.code != 0 and "dbrw_address is" in played.output, played.output
    assert "nothing has been touched" in played.output
    assert pids(topology) == before and config_of(topology.server("w1")) == text
