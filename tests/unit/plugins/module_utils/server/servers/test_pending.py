"""Which settings of an option file a server takes at its next start only."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers.pending import (
    read,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    HostFacts,
    Pending,
    WrittenSetting,
)

NOW = datetime(2026, 5, 17, 12)
STARTED = NOW - timedelta(seconds=600)
FACTS = HostFacts(
    changed_at=STARTED + timedelta(seconds=1),
    settings=(
        WrittenSetting("mysqld", "max_connections", "200"),
        WrittenSetting("mysqld-9.7", "table_open_cache", "300"),
        WrittenSetting("mariadb", "gtid_domain_id", "9"),
        WrittenSetting("client", "port", "1"),
    ),
    started_with=(),
)


class Fake:
    """A server that was started ten minutes ago."""

    version = (9, 7, 4)

    def __init__(self, flavour: str) -> None:
        self.flavour = flavour

    def row(self, _sql: str) -> dict[str, Any]:
        return {"Variable_name": "Uptime", "Value": "600"}

    def variables(self, *names: str) -> dict[str, str | None]:
        assert names
        return {name: {"max_connections": "151"}.get(name) for name in names}


@pytest.mark.parametrize(
    ("flavour", "names"),
    [
        ("mysql", ["max_connections", "table_open_cache"]),
        ("mariadb", ["gtid_domain_id", "max_connections", "table_open_cache"]),
    ],
)
def test_what_was_written_since_the_start(flavour: str, names: list[str]) -> None:
    found = read(cast(Server, Fake(flavour)), FACTS, NOW)
    assert [one.name for one in found] == names
    assert Pending("max_connections", "151", "200") in found


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, changed_at=STARTED),
        replace(FACTS, changed_at=None),
        replace(FACTS, started_with=FACTS.settings),
    ],
)
def test_nothing_waits(facts: HostFacts) -> None:
    assert read(cast(Server, Fake("mysql")), facts, NOW) == ()
