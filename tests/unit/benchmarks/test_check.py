"""The topologies that are checked, and what is made of the times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.checks.topology_info import (
    TopologyInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Options
from benchmarks import check
from benchmarks.check import NAMES, SIZES, Checks, judged, options, table
from benchmarks.servers import Failed, Servers, kinds, whole_inventory
from demo.report import Report


def checks(last: float = 4.0) -> Checks:
    return Checks(
        seconds={6: [0.9, 1.0, 1.1], 24: [2.0], 96: [last]},
        findings={6: 0, 24: 0, 96: 1234},
        real={6: 6, 24: 24, 96: 24},
    )


def test_the_aims():
    assert judged(checks())[0].endswith("takes less than 5 s: **met**, 1.0 (0.900–1.1) s.")
    assert "96 servers (24, each under 4 names) takes less than 5 s: **met**" in judged(checks())[2]
    assert ["**missed**" in said for said in judged(checks(5.0))] == [False, False, True]


def test_the_table():
    assert table(checks()).rows == [
        ["6", "6", "3, 1, 2", "1.0 (0.900–1.1)", "0"],
        ["24", "24", "16, 6, 2", "2.0", "0"],
        ["96", "24", "16, 6, 2", "4.0", "1,234"],
    ]


@pytest.mark.parametrize("size", SIZES)
def test_a_topology_has_servers_of_all_kinds(size):
    children = whole_inventory(7, size)["all"]["children"]
    groups = ("write_servers", "read_servers", "fabric_servers")
    assert set(children["mysqld"]["children"]) == set(groups)
    hosts = [host for group in groups for host in children[group]["hosts"].values()]
    numbers = [len(children[group]["hosts"]) for group in groups]
    assert numbers == [*kinds(size), 2]
    assert sum(numbers) == size
    assert len({host["dbrw_address"] for host in hosts}) == size
    assert len({host["dbrw_server_id"] for host in hosts}) == size
    assert {host["mysqld_settings"]["innodb_buffer_pool_size"] for host in hosts} == {"16M"}


def test_each_server_is_asked_under_several_names():
    given = options(7, 24, NAMES)
    asked = given["servers"]
    assert len({server["name"] for server in asked}) == len(asked) == 24 * NAMES
    assert len({server["host"] for server in asked}) == 24
    assert {one["name"] for one in given["sets"]} == {"fabric", "fabric_2", "fabric_3", "fabric_4"}


def defaults(spec: Options) -> dict[str, Any]:
    return {name: one.get("default") for name, one in spec.items()}


@pytest.mark.parametrize("times", [1, NAMES])
def test_the_module_takes_what_it_is_given(times):
    given = options(7, 6, times)
    spec = TopologyInfo.options
    filled = {
        **defaults(spec),
        **given,
        **{
            name: [{**defaults(spec[name]["options"]), **one} for one in given[name]]
            for name in ("servers", "sets", "usage_tables")
        },
    }
    assert set(given) <= {*spec, "connect_timeout"}
    checked = TopologyInfo().desired(filled).checked
    assert [len(one.members) for one in checked.sets] == [2] * times
    assert len(checked.servers) == 6 * times


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Servers:
    """Servers that are built by nothing."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "monitor").write_text("hushed\n")
    monkeypatch.setattr(Servers, "play_whole", lambda *_given: None)
    monkeypatch.setattr(check, "HEALTHY_SECONDS", 0.0)
    return Servers(tmp_path, 7, 16)


def answers(monkeypatch: pytest.MonkeyPatch, say: Callable[[int], dict[str, Any]]) -> None:
    """Let the module answer by the number of servers that it is to ask."""

    def called(_module: str, given: dict[str, Any], _limit: float) -> tuple[float, dict[str, Any]]:
        asked = len(given["servers"])
        said = {"findings": [], "unreachable_servers": {}, "report": "a report", **say(asked)}
        return asked / 10, said

    monkeypatch.setattr(check, "called", called)


def test_the_largest_topology_is_asked_under_several_names_too(servers, monkeypatch):
    answers(monkeypatch, lambda asked: {"findings": [{}] * 3} if asked == 96 else {})
    found = check.measure(servers, [24, 6], 2, Report())
    assert found.seconds == {6: [0.6, 0.6], 24: [2.4, 2.4], 96: [9.6, 9.6]}
    assert (found.real, found.findings) == ({6: 6, 24: 24, 96: 24}, {6: 0, 24: 0, 96: 3})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"findings": [{}]}, "6 servers is not healthy:\na report"),
        ({"unreachable_servers": {"w1": "no answer"}}, "not every server has answered: .*w1"),
    ],
)
def test_a_topology_that_is_not_healthy_is_not_measured(servers, monkeypatch, said, told):
    answers(monkeypatch, lambda _asked: said)
    with pytest.raises(Failed, match=told):
        check.measure(servers, [6], 1, Report())
