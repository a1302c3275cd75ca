"""retention_purge.yml removes from write servers what every read server has; maintenance.yml does it daily."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from tests.integration.conftest import logged_beside_heartbeats
from tests.integration.lines import ROOT, Host, Played, Topology, running_topology, wait_until
from tests.support.replication import control

pytestmark = pytest.mark.lines("one")

PURGE, MAINTENANCE = "retention_purge.yml", "maintenance.yml"
(TABLE,) = yaml.safe_load((ROOT / "inventories/local/group_vars/all.yml").read_text())[
    "dbrw_usage_tables"
]
RULE: dict[str, Any] = {"dbrw_usage_tables": [{**TABLE, "days_kept": 7}]}
NAME = "usage_data.flights"
OLD, YOUNG = "2013-12-01 10:00:00", "2013-12-30 10:00:00"


@pytest.fixture(scope="module")
def site(host: Host) -> Iterator[Topology]:
    with running_topology(host, "purge", "w1", "w2", "r1", "r2") as topology:
        topology.playbook("site.yml")
        for name in ("w1", "w2"):
            values = ", ".join(
                f"({number}, '{at}', 'UA', 1, 'EWR', 'IAH', 9)"
                for number, at in enumerate((OLD, YOUNG, OLD))
            )
            topology.server(name).rows(
                f"INSERT INTO {NAME} (request_id, scheduled_at, carrier, flight, origin, dest, "
                f"distance) VALUES {values}"
            )
        for name in ("r1", "r2"):
            wait_until(partial(has_all, topology, name), 30, f"the rows do not arrive at {name}")
        yield topology


def rows(site: Topology, name: str) -> int:
    return int(site.server(name).value(f"SELECT COUNT(*) FROM {NAME}"))


def has_all(site: Topology, name: str) -> bool:
    return rows(site, name) == 6


def ends(site: Topology, name: str) -> str:
    """Return where the months of a read server's table end."""
    return str(
        site.server(name).value(
            "SELECT MAX(PARTITION_DESCRIPTION) FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = "
            "'usage_data' AND TABLE_NAME = 'flights' AND PARTITION_DESCRIPTION <> 'MAXVALUE'"
        )
    ).strip("'")[:10]


def said(played: Played) -> str:
    return " ".join(played.output.split())


def test_nothing_goes_without_a_rule(site: Topology) -> None:
    assert "no table of dbrw_usage_tables has days_kept" in said(site.playbook(PURGE))
    assert rows(site, "w1") == 3


def test_a_limit_that_leaves_out_a_reader(site: Topology) -> None:
    played = site.try_playbook(PURGE, "--limit", "w1", **RULE)
    assert played.code == 2, played.output
    assert "Nothing has been touched." in said(played) and "--limit leaves out r1, r2" in said(
        played
    )
    played = site.try_playbook(PURGE, "--limit", "r1", **RULE)
    assert played.code == 2 and "No write server is part of this run" in said(played)
    assert rows(site, "w1") == 3


def test_a_stopped_reader_blocks_the_write_server_that_it_does_not_follow(site: Topology) -> None:
    reader = site.server("r1")
    control(reader, "STOP", "w1")
    played = site.try_playbook(PURGE, **RULE)
    assert played.code == 2, played.output
    text = said(played)
    assert "retention.reader_stopped" in text and "its channel from w1 does not run" in text
    assert "Its disk has" in text
    # The other one is purged all the same.
    assert (rows(site, "w1"), rows(site, "w2"), rows(site, "r1")) == (3, 1, 6)
    control(reader, "START", "w1")


def test_what_the_reader_has_goes_as_an_account_that_may_do_no_more(site: Topology) -> None:
    writer = site.server("w1")
    before = logged_beside_heartbeats(writer)
    # Root cannot be of any use to it.
    login = {"login_user": "root", "login_unix_socket": os.devnull}
    shown = site.playbook(PURGE, "--check", dbrw_login=login, **RULE)
    assert shown.changed["w1"] == 1 and rows(site, "w1") == 3
    assert "usage_data.flights: 2 rows (" in said(shown) and ") would go; 0 old rows" in said(shown)
    played = site.playbook(PURGE, dbrw_login=login, **RULE)
    assert (played.changed["w1"], played.changed["w2"]) == (1, 0)
    assert (rows(site, "w1"), rows(site, "r1")) == (1, 6) and logged_beside_heartbeats(
        writer
    ) == before
    again = site.playbook(PURGE, **RULE)
    assert set(again.changed.values()) == {0}
    # Of what is not its own it sees nothing.
    (grants,) = [
        [next(iter(row.values())) for row in writer.rows("SHOW GRANTS FOR maintenance@'%'")]
    ]
    assert not [one for one in grants if "ALL PRIVILEGES" in one or "SUPER" in one]


def test_what_is_done_every_day(site: Topology) -> None:
    # The rows of December are old by then, and nothing has been done for weeks.
    variables = {**RULE, "dbrw_now": "2014-02-10"}
    shown = site.playbook(MAINTENANCE, "--check", **variables)
    assert min(shown.changed[name] for name in ("r1", "r2", "w1", "w2")) == 1
    assert ends(site, "r1") == "2014-04-01" and rows(site, "w1") == 1
    site.playbook(MAINTENANCE, **variables)
    assert (ends(site, "r1"), ends(site, "r2")) == ("2014-06-01", "2014-06-01")
    assert (rows(site, "w1"), rows(site, "w2"), rows(site, "r1")) == (0, 0, 6)
    assert set(site.playbook(MAINTENANCE, **variables).changed.values()) == {0}


def test_months_are_made_whatever_fails(site: Topology) -> None:
    # Whatever has been purged until now, w1 has a row that is old.
    site.server("w1").rows(
        f"INSERT INTO {NAME} (request_id, scheduled_at, carrier, flight, origin, dest, distance) "
        f"VALUES (9, '{OLD}', 'UA', 1, 'EWR', 'IAH', 9)"
    )
    wait_until(lambda: rows(site, "r1") == 7, 30, "the row does not arrive at r1")
    site.server("r2").kill()
    # More months are too old than one run may drop, and there is no such table as the second.
    definition = TABLE["definition"].replace("TABLE flights", "TABLE missing")
    tables = [
        {**TABLE, "days_kept": 7, "months_kept": 2},
        {**TABLE, "name": "missing", "definition": definition},
    ]
    played = site.try_playbook(MAINTENANCE, dbrw_usage_tables=tables, dbrw_now="2014-03-10")
    assert played.code == 2, played.output
    assert ends(site, "r1") == "2014-07-01" and rows(site, "r1") == 7
    # Nothing can be purged, which ends the run; what has failed before is named before.
    report = said(played).split("Report what has failed so far")[1].split("PLAY [Purge")[0]
    named = dict(re.findall(r"ok: \[(\w+)\] => (.*?)(?=ok: \[|$)", report))
    for one in (
        "months ahead of usage_data.missing: ",
        "retention of usage_data.flights: ",
    ):
        assert one in named["r1"], report
    assert "months ahead of usage_data.flights: " in named["r2"], report
    assert "months ahead of usage_data.flights: " not in named["r1"], report
    assert "r2: it cannot be told what it has of w1" in said(played)
    refused = site.try_playbook(MAINTENANCE, "--limit", "w1,r1")
    assert refused.code == 2 and "--limit leaves out r2" in said(refused)
