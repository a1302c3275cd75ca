"""What sets increment and offset itself, told from a server's variables."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids.autoinc import (
    CONTROLS,
    controlled_by,
)

NOTHING: dict[str, str | None] = dict.fromkeys(CONTROLS)
# As MariaDB 11.8 with galera-4 26.4.23 says of itself.
GALERA = {
    **NOTHING,
    "wsrep_on": "ON",
    "wsrep_auto_increment_control": "ON",
    "wsrep_provider": "/usr/lib/galera/libgalera_smm.so",
}
MULTI_PRIMARY = {**NOTHING, "group_replication_single_primary_mode": "OFF"}
SINGLE_PRIMARY = {**NOTHING, "group_replication_single_primary_mode": "ON"}


@pytest.mark.parametrize(
    ("variables", "states", "said"),
    [
        (NOTHING, [], None),
        (GALERA, [], "Galera (wsrep_auto_increment_control)"),
        ({**GALERA, "wsrep_on": "OFF"}, [], None),
        ({**GALERA, "wsrep_auto_increment_control": "OFF"}, [], None),
        ({**GALERA, "wsrep_provider": "none"}, [], None),
        ({**GALERA, "wsrep_provider": ""}, [], None),
        ({**GALERA, "wsrep_provider": None}, [], None),
        (MULTI_PRIMARY, ["ONLINE"], "Group Replication in multi-primary mode"),
        (MULTI_PRIMARY, ["RECOVERING"], "Group Replication in multi-primary mode"),
        (MULTI_PRIMARY, ["OFFLINE"], None),
        (MULTI_PRIMARY, [], None),
        (SINGLE_PRIMARY, ["ONLINE"], None),
        ({**NOTHING, "init_connect": ""}, [], None),
        ({**NOTHING, "init_connect": "SET NAMES utf8mb4"}, [], None),
        ({**NOTHING, "init_connect": "SET AUTO_INCREMENT_OFFSET=2"}, [], "init_connect"),
    ],
)
def test_who_sets_the_pair(
    variables: dict[str, str | None], states: list[str], said: str | None
) -> None:
    assert controlled_by(variables, states) == said
