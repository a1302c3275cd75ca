"""What mysql_time_zones plans and tells of a host's zone files."""

from __future__ import annotations

import struct
from typing import cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.servers.time_zones import (
    Current,
    TimeZones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from tests.support.options import desired

UTC = b"TZif\0" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + bytes(6) + b"UTC\0"


def test_the_folder_is_debians_unless_another_is_named() -> None:
    assert desired(TimeZones()) == "/usr/share/zoneinfo"
    assert desired(TimeZones(), zoneinfo="/z") == "/z"


def test_what_the_server_lacks_is_loaded_outside_the_binary_log() -> None:
    operation = TimeZones()
    found = Current({"Zulu": UTC, "UTC": UTC}, known=3, last_id=7)
    plan = operation.plan("/z", found)
    (step,) = plan.steps
    assert step.after == {"names": 5} and step.value.names == {"UTC": 8, "Zulu": 8}
    server = cast(Server, None)
    assert operation.result(server, "/z", found, plan, None) == {"loaded": ["UTC", "Zulu"]}
    assert not operation.logged


def test_a_server_that_knows_all_is_left_alone() -> None:
    assert not TimeZones().plan("/z", Current({}, known=3, last_id=0)).changed


def test_a_torn_file_is_named() -> None:
    with pytest.raises(Refused, match="/z/Torn: "):
        TimeZones().plan("/z", Current({"Torn": b"TZif2"}, known=0, last_id=0))
