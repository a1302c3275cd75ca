"""What a host tells of its server, and what of it the next start would bring."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    Disk,
    HostFacts,
    Pending,
    WrittenSetting,
    pending,
)


def lines(*written: tuple[str, str | None], group: str = "mysqld") -> tuple[WrittenSetting, ...]:
    return tuple(WrittenSetting(group, name, value) for name, value in written)


def test_how_much_is_free() -> None:
    assert Disk("/data", 200, 50).free_percent == 25.0
    assert Disk("/data", 0, 0).free_percent == 0.0


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        (lines(("a", "1")), lines(("a", "1")), {}),
        (lines(("a", "1")), lines(("a", "2")), {"a": "2"}),
        (lines(), lines(("a", "2")), {"a": "2"}),
        # Nobody has kept what it came up with.
        (None, lines(("a", "2")), {"a": "2"}),
        (lines(("a", "1")), lines(), {"a": None}),
        # One name, however it is written, and the last line counts.
        (lines(("loose-max-a", "1")), lines(("max_a", "1")), {}),
        (lines(("a", "1")), lines(("a", "2"), ("A", "1")), {}),
        (lines(("a", "1")), (*lines(("a", "1")), *lines(("a", "3"), group="mariadb")), {"a": "3"}),
        (lines(("a", "1")), (*lines(("a", "1")), *lines(("a", "3"), group="client")), {}),
        (lines(("skip_a", None)), lines(("skip_a", "1")), {}),
    ],
)
def test_what_has_changed(
    before: tuple[WrittenSetting, ...] | None,
    now: tuple[WrittenSetting, ...],
    changed: dict[str, str | None],
) -> None:
    assert HostFacts(settings=now, started_with=before).changed(["mysqld", "mariadb"]) == changed


@pytest.mark.parametrize(
    ("written", "running"),
    [
        ("ON", "1"),
        ("on", "ON"),
        ("False", "OFF"),
        ("16M", "16777216"),
        ("1g", "1073741824"),
        ("0.5", "0.500000"),
        ("row", "ROW"),
        (" 5", "5"),
    ],
)
def test_what_a_server_writes_otherwise_is_the_same(written: str, running: str) -> None:
    assert pending({"a": written}, {"a": running}) == ()


@pytest.mark.parametrize(
    ("written", "running"),
    [("ON", "OFF"), ("16M", "16"), ("2", "1"), ("ROW", "MIXED"), ("x", None), (None, "1")],
)
def test_what_waits_for_a_start(written: str | None, running: str | None) -> None:
    assert pending({"b": "1", "a": written}, {"b": "1", "a": running}) == (
        Pending("a", running, written),
    )
