from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from benchmarks.servers import Played, inventory
from benchmarks.site import EMPTY, OURS, PEER, PINGS, Site, grown, judged, longest, times

ROOT = Path(__file__).resolve().parents[3]
RECAP = "ok: [w1]\nPLAY RECAP\nw1 : ok=1 changed=0"


def site(ours, peer):
    """Return a site of one repetition; the two give the seconds for a number of sources."""
    made = Site(1)
    for size in (4, 8, 16):
        seconds = {OURS: ours(size), PEER: peer(size), EMPTY: 1.0, PINGS: 1.0 + size / 4}
        made.runs[size] = {name: [Played(took, 2 * took, RECAP)] for name, took in seconds.items()}
    return made


def test_a_third_of_the_peers_time_is_the_aim():
    met, _rest = judged(site(lambda size: size, lambda size: 3 * size))
    assert met == "A third of the peer's time at 16 sources: **met**, 0.33 of it."


def test_a_missed_aim_says_by_how_much_and_what_ansible_takes_of_it():
    missed, _rest = judged(site(lambda size: size, lambda size: 2 * size))
    assert "**missed**" in missed
    assert "0.50 of it, 16.0 s of 32.0 s; the aim is 10.7 s, 5.3 s less" in missed
    assert "take 0.16 of the peer's time and 31% of" in missed


@pytest.mark.parametrize(
    ("power", "verdict", "quotient"), [(1, "met", "1.00"), (2, "missed", "2.00")]
)
def test_growth_is_judged(power, verdict, quotient):
    _rest, said = judged(site(lambda size: size**power, lambda size: 1000 * size))
    assert f"**{verdict}**" in said
    assert f"{quotient} times as much" in said


def test_growth_that_cannot_be_told_is_not_called_met():
    _rest, said = judged(site(lambda size: 5.0, lambda size: 1000 * size))
    assert "**not told**" in said


def test_growth_is_told_in_wall_clock_and_processor_time():
    rows = grown(site(lambda size: size, lambda size: 2 * size)).rows
    assert rows[:2] == [
        ["site.yml", "wall clock", "1.0", "1.0", "1.00"],
        ["site.yml", "CPU", "2.0", "2.0", "1.00"],
    ]


def test_a_row_of_times_for_each_size():
    table = times(site(lambda size: size, lambda size: 2 * size))
    assert [row[0] for row in table.rows] == ["4", "8", "16"]
    assert table.rows[0] == ["4", "4.0", "8.0", "0.50", "8.0", "16.0", "0.50"]


def test_the_tasks_that_are_not_named_are_summed():
    made = site(lambda size: size, lambda size: size)
    made.task_seconds.extend([(f"task {number}", 2.0) for number in range(12)])
    rows = longest(made).rows
    assert rows[0] == ["task 0", "2.0"]
    assert rows[10:] == [["2 more", "4.0"]]


def test_the_peer_gives_the_configuration_all_that_the_role_would():
    defaults = yaml.safe_load((ROOT / "roles/mysqld/defaults/main.yml").read_text())
    template = (ROOT / "roles/mysqld/templates/server.cnf.j2").read_text()
    used = {name for name in defaults if re.search(rf"\b{name}\b", template)}
    first, *_rest = yaml.safe_load((ROOT / PEER).read_text())
    groups = (ROOT / "inventories/local/group_vars").glob("*.yml")
    local = {name for file in groups for name in yaml.safe_load(file.read_text())}
    servers = inventory(0, 4)["all"]["children"]
    host = servers["write_servers"]["hosts"]["w1"]
    assert used - set(first["tasks"][0]["vars"]) - local - set(host) == set()
