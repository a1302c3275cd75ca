"""What mysql_heartbeat refuses before a server is asked, and what it tells."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.heartbeat import (
    Heartbeat,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.heartbeat import (
    EACH_SECOND,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.heartbeat import (
    Heartbeats,
)

PARAMS: dict[str, Any] = {"state": "present", "server_ids": [], "event": False}
NOWHERE = cast(Server, None)


def result(scheduler: str, **params: Any) -> dict[str, Any]:
    operation = Heartbeat()
    desired = operation.desired({**PARAMS, **params})
    return operation.result(NOWHERE, desired, Heartbeats(7, scheduler), Plan(), None)


def test_numbers_that_no_server_has_are_told_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        Heartbeat().desired({**PARAMS, "server_ids": [0, 1, 2**32]})
    assert refusal.value.problems == [
        "server_ids has 0; a server_id is 1 to 4294967295.",
        "server_ids has 4294967296; a server_id is 1 to 4294967295.",
    ]


def test_what_is_told_of_a_server() -> None:
    assert result("ON", event=True) == {"server_ids": [7], "writes": True}
    assert result("OFF", event=True)["writes"] is False
    assert result("ON", server_ids=[2, 1]) == {"server_ids": [1, 2], "writes": False}
    assert result("ON", event=True, state="absent") == {"server_ids": [], "writes": False}


def test_an_event_writes_only_what_is_there() -> None:
    """A row that it added would be updated later where nobody has it, and stop a channel."""
    assert " UPDATE `dbrw`.`heartbeat` SET ts " in EACH_SECOND.body
    assert "INSERT" not in EACH_SECOND.body and "REPLACE INTO" not in EACH_SECOND.body
