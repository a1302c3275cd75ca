"""site.yml with servers whose clocks or time zones do not fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import Host, Topology, running_topology
from tests.integration.servers.test_mysql_time_zones import names

pytestmark = pytest.mark.lines("later")

USAGE = {
    "dbrw_usage_tables": [
        {
            "schema": "usage_data",
            "name": "calls",
            "definition": "CREATE TABLE calls (id BIGINT AUTO_INCREMENT PRIMARY KEY, "
            "at TIMESTAMP NOT NULL)",
            "time_column": "at",
            "first_month": "2013-12",
        }
    ]
}


@pytest.fixture(scope="module")
def three(host: Host) -> Iterator[Topology]:
    with running_topology(host, "zones", "w1", "w2", "r1") as topology:
        topology.playbook("servers.yml")
        yield topology


def schemas(topology: Topology, name: str) -> set[str]:
    return {row["Database"] for row in topology.server(name).rows("SHOW DATABASES")}


def forget_tokyo(topology: Topology, name: str) -> None:
    outside_binary_log(
        topology.server(name), "DELETE FROM mysql.time_zone_name WHERE Name = 'Asia/Tokyo'"
    )


def site(topology: Topology, **more: Any) -> Any:
    return topology.try_playbook("site.yml", **USAGE, **more)


def test_servers_that_do_not_fit_are_refused_before_a_read_server_is_touched(
    three: Topology,
) -> None:
    three.server("w2").rows("SET GLOBAL time_zone = 'Europe/Paris'")
    played = site(three)
    assert played.code != 0
    assert "clocks differ: w1 (SYSTEM (UTC)) and w2 (Europe/Paris)" in played.output
    assert "usage_data" not in schemas(three, "r1")
    assert not (three.folder / "application.json").exists()
    three.server("w2").rows("SET GLOBAL time_zone = '+00:00'")
    # The read server lacks what its host does not have: nothing loads it.
    forget_tokyo(three, "r1")
    played = site(three, mysqld_time_zones=False)
    assert "w1 knows the time zone (Asia/Tokyo), and this server does not: " in " ".join(
        played.output.split()
    )
    assert ("usage_data" in schemas(three, "r1")) is (three.server("r1").flavour == "mariadb")
    assert (played.code == 0) is (three.server("r1").flavour == "mariadb")
    forget_tokyo(three, "r1")
    played = site(three)
    assert played.code == 0, played.output
    assert "Asia/Tokyo" in names(three.server("r1"))
    assert (three.folder / "application.json").exists()


def test_a_second_run_changes_nothing(three: Topology) -> None:
    for arguments in ((), ("--check",)):
        played = three.playbook("site.yml", *arguments, **USAGE)
        assert set(played.changed.values()) == {0}, played.output
        for warning in ("does not know", "clocks differ", "daylight saving time"):
            assert warning not in played.output, played.output
