"""What mysql_topology_info makes of what it is told of servers, accounts and hosts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.checks.topology_info import (
    Desired,
    TopologyInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    DesiredAccount,
    Scope,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    Disk,
    HostFacts,
    WrittenSetting,
)

R1 = {"name": "r1", "kind": "read", "host": "10.1.0.101"}
ACCOUNT = {"server": "r1", "name": "app", "host": "LocalHost", "privileges": {"s.*": ["SELECT"]}}


def desired(**given: Any) -> Desired:
    checked: Any = ArgumentSpecValidator(TopologyInfo.options).validate({"servers": [R1], **given})
    assert not checked.error_messages, checked.error_messages
    return TopologyInfo().desired(checked.validated_parameters)


def test_accounts_by_server() -> None:
    found = desired(accounts=[ACCOUNT, {"server": "r1", "name": "b", "privileges": {}}])
    assert found.checked.accounts == {
        "r1": (
            DesiredAccount(Account("app", "localhost"), privileges={Scope("s"): ("SELECT",)}),
            DesiredAccount(Account("b", "%"), privileges={}),
        )
    }
    assert desired().checked.accounts == {}


def test_hosts_by_server() -> None:
    line = {"group": "mysqld", "name": "skip_name_resolve"}
    found = desired(
        hosts=[
            {
                "name": "r1",
                "disks": [{"folder": "/data", "size_bytes": 10, "free_bytes": 4}],
                "config_file_written": "2026-05-17T12:00:00.5",
                "settings": [{**line, "value": "ON"}],
                "started_with": [line],
            }
        ],
        min_free_percent=30,
    )
    assert found.checked.hosts == {
        "r1": HostFacts(
            (Disk("/data", 10, 4),),
            datetime(2026, 5, 17, 12, 0, 0, 500_000),
            (WrittenSetting("mysqld", "skip_name_resolve", "ON"),),
            (WrittenSetting("mysqld", "skip_name_resolve", None),),
        )
    }
    assert found.checked.limits.free_percent == 30
    unknown = desired(hosts=[{"name": "r1", "unknown": "no answer"}])
    assert unknown.checked.hosts == {"r1": HostFacts(unknown="no answer")}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"accounts": [{**ACCOUNT, "server": "r9"}]},
            "accounts: app@localhost on r9: there is no such server in servers; add r9 there.",
        ),
        (
            {"accounts": [{**ACCOUNT, "privileges": {"s": ["SELECT"]}}]},
            "accounts: app@localhost on r1: 's' is not an object of a grant; write '*.*', "
            "'schema.*' or 'schema.table'.",
        ),
        (
            {"hosts": [{"name": "r9"}]},
            "hosts: r9: there is no such server in servers; add r9 there.",
        ),
        (
            {"hosts": [{"name": "r1", "config_file_written": "today"}]},
            "hosts: r1: config_file_written is today; write it as YYYY-MM-DD HH:MM:SS, in UTC.",
        ),
        ({"min_free_percent": -1}, "min_free_percent is -1; it must be at least 0."),
    ],
)
def test_what_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        desired(**given)
    assert refused.value.problems == [said]
