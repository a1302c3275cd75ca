"""What roles take from the filter server_accounts, and what they hand to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.server_accounts import FilterModule
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    ACCOUNTS,
    COMMON_DATA,
)

ROOT = Path(__file__).resolve().parents[4]


def test_it_hands_over_what_it_is_given() -> None:
    accounts = FilterModule().filters()["server_accounts"]
    replica = {"name": "replication_r1", "password": "secret"}
    given = {
        "require_tls": True,
        "application_password": "",
        "monitor_password": "",
        "maintenance_password": "",
        "replicas": [replica],
    }
    expected = {**replica, "privileges": {"*.*": ["REPLICATION SLAVE"]}, "require_tls": True}
    assert accounts(given, "write_server", ["usage_data"]) == [expected]


@pytest.mark.parametrize("role", ["write_server", "read_server"])
def test_a_role_hands_over_its_own_variables_for_every_account(role: str) -> None:
    text = (ROOT / "roles" / role / "vars/main.yml").read_text()
    text = text.partition(f"__{role}_accounts:")[2].partition("server_accounts(")[0]
    given = dict(re.findall(r"'(\w+)': (\w+)", text))
    assert given == {name: f"{role}_{name}" for name in given}
    needed = {"account_host", "require_tls"}
    for account in ACCOUNTS:
        if account.server == role:
            own = {account.password, f"{account.name}_user"}
            needed |= {account.listed} if account.listed else own
            if any(one.on == COMMON_DATA for one in account.privileges):
                needed.add("common_schemas")
    assert set(given) == needed
