"""mysql_replication_channel that is killed at any of its statements, and run again (rule 12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.crash import killed_everywhere
from tests.support.replication import MODULE, channels, control, followed, options, remove

SCHEMA = "killed"
FILTERS = {"ignore_tables": [f"{SCHEMA}.ignored"], "wild_ignore_tables": [f"{SCHEMA}.old%"]}


@pytest.fixture
def sources(bare: Topology) -> Iterator[list[TestServer]]:
    """Two sources of r1, with a table."""
    found = [bare.server("w1"), bare.server("w2")]
    with followed(bare.server("r1"), found, SCHEMA, "t (id INT PRIMARY KEY)"):
        yield found


def reach(replica: TestServer, more: Callable[[], Any] = lambda: None) -> Callable[[], Any]:
    """Return what asks for the replica's channels, and for more."""

    def look() -> Any:
        return more(), {
            name: (channel["settings"], channel["filters"], channel["running"])
            for name, channel in channels(replica).items()
        }

    return look


def test_new_and_changed(bare: Topology, sources: list[TestServer]) -> None:
    replica, arguments = bare.server("r1"), options(*sources)
    arguments["channels"][0]["connect_retry_seconds"] = 3

    def reset() -> None:
        for name in channels(replica):
            control(replica, "STOP", name)
            remove(replica, name)
        # One is there and runs, with a setting that is changed.
        run_module(MODULE, replica, **options(sources[0]))

    assert killed_everywhere(MODULE, replica, arguments, reset, reach(replica)) > 5
    for number, source in enumerate(sources):
        source.rows(f"INSERT INTO {SCHEMA}.t VALUES ({number})")
    wait_until(
        lambda: len(replica.rows(f"SELECT id FROM {SCHEMA}.t")) == 2, 20, "not every row came"
    )


@pytest.mark.parametrize("case", ["filtered", "removed"])
def test_filters(bare: Topology, sources: list[TestServer], case: str) -> None:
    replica = bare.server("r1")
    file = replica.work_dir / "conf.d" / "filters.cnf"
    more = {"filters_file": str(file)}
    absent = {"channels": [{"channel": one.name, "state": "absent"} for one in sources], **more}
    plain, filtered = ({**options(*sources), **more} for _number in range(2))
    filtered["channels"][0]["filters"] = FILTERS
    before, arguments = {"filtered": (plain, filtered), "removed": (filtered, absent)}[case]

    def reset() -> None:
        for wanted in (absent, before):
            assert "failed" not in run_module(MODULE, replica, **wanted)

    look = reach(replica, lambda: file.read_text() if file.exists() else None)
    try:
        assert killed_everywhere(MODULE, replica, arguments, reset, look) >= 4
    finally:
        run_module(MODULE, replica, **absent)
        file.unlink(missing_ok=True)
