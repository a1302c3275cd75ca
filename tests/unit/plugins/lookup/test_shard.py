"""On which shard a tenant or a key is, for playbooks."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.dbrw.sharding.plugins.doc_fragments.directory import ModuleDocFragment
from ansible_collections.dbrw.sharding.plugins.lookup.shard import LookupModule
from ansible_collections.dbrw.sharding.plugins.plugin_utils.directory import VARIABLES, worked_out
from tests.support.directory_members import Member, let_answer

S1 = {"name": "s1", "host": "10.0.0.9", "port": 3307}
OPTIONS: dict[str, Any] = {
    "members": ["f1", "f2"],
    "user": "directory",
    "password": "hushed",
    "ca_cert": None,
    "check_hostname": True,
    "require_tls": False,
    "timeout_seconds": 5.0,
    "placement": None,
}


class Plugin(LookupModule):
    """The plugin with options that Ansible has read already."""

    def set_options(
        self, task_keys: Any = None, var_options: Any = None, direct: Any = None
    ) -> None:
        self.given = {**OPTIONS, **direct}

    def get_option(self, option: str, hostvars: Any = None) -> Any:
        return self.given[option]


def asked(*terms: Any, **options: Any) -> Any:
    return Plugin(DataLoader(), Templar(DataLoader())).run(list(terms), {}, **options)


def test_shards_of_tenants_and_of_keys(monkeypatch: pytest.MonkeyPatch, told: None) -> None:
    member = Member(places={"Customer 1": "s1", ("customers", "7"): "s1", "b": "s2"})
    let_answer(monkeypatch, {"f1:3306": member, "f2:3306": Member((3, 6))})
    assert asked("Customer 1") == [S1]
    assert asked(7, "7", placement="customers") == [S1, S1]
    with pytest.raises(AnsibleLookupError, match="The directory says: there is no customer 1."):
        asked("customer 1")
    with pytest.raises(AnsibleLookupError, match="shard s2 has no active writer"):
        asked("b")
    with pytest.raises(AnsibleLookupError, match="A key is True"):
        asked(True, placement="customers")
    with pytest.raises(AnsibleLookupError, match="ca_cert is not set"):
        asked("Customer 1", require_tls=True)
    # The newest that was seen is gone.
    let_answer(
        monkeypatch, {"f1:3306": Member((3, 6), places=member.places), "f2:3306": Member((0, 1))}
    )
    with pytest.raises(AnsibleLookupError, match="it is behind"):
        asked("Customer 1")


def test_variables_of_options_are_worked_out() -> None:
    given = {"dbrw_directory_password": "a", "fabric_members": [], "fabric_reason": "b"}
    assert worked_out(given, lambda value: ("worked out", value)) == {
        "dbrw_directory_password": ("worked out", "a"),
        "fabric_members": ("worked out", []),
    }
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert {one["name"] for option in documented.values() for one in option["vars"]} == VARIABLES
