"""What the inventory gets of the directory, beside what other sources say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.dbrw.sharding.plugins.doc_fragments.directory import ModuleDocFragment
from ansible_collections.dbrw.sharding.plugins.inventory.fabric import (
    DOCUMENTATION,
    EXAMPLES,
    InventoryModule,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    ServerError,
)
from tests.support.directory_members import SERVERS, Member, let_answer

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core 2.18, which trusts all that is not marked.

    def trust_as_template(value: str) -> str:
        return value


HUSHED = "hushed password"
OPTIONS: dict[str, Any] = {
    "members": ["f1", "f2:3307"],
    "user": "directory",
    "password": HUSHED,
    "ca_cert": None,
    "check_hostname": True,
    "require_tls": False,
    "timeout_seconds": 5,
    **{"strict": True, "compose": {}, "groups": {}, "keyed_groups": []},
}


class Plugin(InventoryModule):
    """The plugin with options that Ansible has read already."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.given = {**OPTIONS, **options}
        self.warned: list[str] = []
        self.display = self

    def warning(self, said: str) -> None:
        self.warned.append(said)

    def _read_config_data(self, path: str) -> None:
        assert path.endswith("fabric.yml")

    def get_option(self, option: str, hostvars: Any = None) -> Any:
        return self.given[option]


def parsed(plugin: Plugin, inventory: InventoryData | None = None) -> InventoryData:
    inventory = inventory or InventoryData()
    plugin.parse(inventory, DataLoader(), "/x/fabric.yml")
    return inventory


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch, told: None) -> list[Login]:
    return let_answer(monkeypatch, {"f1:3306": Member(), "f2:3307": Member()})


def hosts(inventory: InventoryData, group: str) -> list[str]:
    return [host.name for host in inventory.groups[group].get_hosts()]


def test_servers_are_in_groups_with_what_is_told_of_them(logins: list[Login]) -> None:
    inventory = parsed(Plugin())
    assert {name: hosts(inventory, name) for name in inventory.groups if "_" in name} == {
        "dc_dc_1": ["f1", "w1"],
        "dc_dc2": ["f2", "w2"],
        "kind_member": ["f1", "f2"],
        "kind_write": ["w1", "w2"],
        "state_joining": ["f1", "f2"],
        "state_online": ["w1"],
        "state_draining": ["w2"],
        "set_fabric": ["f1", "f2"],
        "set_s1": [],
    }
    assert inventory.hosts["w1"].vars["fabric_server"] == {
        **{"kind": "write", "datacenter": "dc-1", "host": "10.0.0.3", "port": 3306},
        **{"weight": 1.0, "id_increment": 20, "id_offset": 1, "replica_set": None},
        **{"state": "online", "is_down": False, "is_usable": True, "is_active": False},
    }
    assert inventory.hosts["f1"].vars["fabric_server"]["is_active"]
    assert inventory.groups["set_fabric"].vars["fabric_replica_set"] == {
        **{"name": "fabric", "active": "f1", "host": "10.0.0.1", "port": 3306},
        "durability": "available",
    }
    assert inventory.groups["all"].vars["fabric_version"] == {"epoch": 3, "counter": 7}
    (login, _other) = logins
    assert login.user == "directory" and login.ca_cert is None
    everything = [*inventory.groups.values(), *inventory.hosts.values()]
    assert HUSHED not in str([one.get_vars() for one in everything])


def test_what_other_sources_say_stays(logins: list[Login]) -> None:
    inventory = InventoryData()
    inventory.add_group("write_servers")
    inventory.add_host("w1", "write_servers")
    inventory.set_variable("w1", "ansible_host", "w1.example.com")
    inventory.set_variable("w1", "dbrw_weight", 3)
    parsed(Plugin(), inventory)
    w1 = inventory.hosts["w1"]
    assert (w1.vars["ansible_host"], w1.vars["dbrw_weight"]) == ("w1.example.com", 3)
    assert {"write_servers", "state_online"} <= {group.name for group in w1.groups}
    assert "ansible_host" not in inventory.hosts["w2"].vars


def test_hosts_get_what_is_composed(logins: list[Login]) -> None:
    # As what Ansible reads from the source's file.
    groups = {"usable": trust_as_template("fabric_server.is_usable")}
    keyed = [{"key": trust_as_template("fabric_server.datacenter"), "prefix": "in"}]
    compose = {"ansible_host": trust_as_template("fabric_server.host")}
    inventory = parsed(Plugin(compose=compose, groups=groups, keyed_groups=keyed))
    assert hosts(inventory, "usable") == ["w1"]
    assert hosts(inventory, "in_dc_1") == ["f1", "w1"]
    assert inventory.hosts["w2"].vars["ansible_host"] == "10.0.0.4"


def test_text_of_the_directory_is_no_template(monkeypatch: pytest.MonkeyPatch, told: None) -> None:
    evil = trust_as_template("{{ 6 * 7 }}")
    member = Member(servers=[{**SERVERS[2], "host": evil}])
    let_answer(monkeypatch, {"f1:3306": member})
    inventory = parsed(Plugin(members=["f1"]))
    variables = inventory.hosts["w1"].vars
    templar = Templar(loader=DataLoader(), variables=variables)
    assert templar.template(variables["fabric_server"])["host"] == evil


def test_the_next_member_is_asked(monkeypatch: pytest.MonkeyPatch, told: None) -> None:
    away = Member(error=ServerError("f1:3306", "cannot log in: refused", 2003))
    members = {"f1:3306": away, "f2:3307": Member()}
    let_answer(monkeypatch, members)
    plugin = Plugin()
    assert hosts(parsed(plugin), "state_online") == ["w1"]
    assert plugin.warned == [
        "dbrw.sharding.fabric: a member did not answer. f1:3306: error 2003: cannot log in: refused"
    ]
    # One that is behind has nothing to say later in this run, as after a refresh.
    members["f2:3307"] = Member((3, 6))
    inventory = InventoryData()
    with pytest.raises(AnsibleParserError, match="it is behind"):
        parsed(Plugin(), inventory)
    assert not inventory.hosts
    # Others may be another directory's.
    let_answer(monkeypatch, {"f1:3306": Member((1, 1))})
    assert parsed(Plugin(members=["f1"])).groups["all"].vars["fabric_version"]["epoch"] == 1


def test_mistakes_are_told_together(told: None, tmp_path: Path) -> None:
    wrong = {"members": ["f1:x"], "password": "", "require_tls": True, "timeout_seconds": 0}
    with pytest.raises(AnsibleParserError) as said:
        parsed(Plugin(**wrong))
    for part in (
        "'f1:x' is no address",
        "ca_cert is not set, and without it nobody knows who answers",
        "password is not set; it is that of the account directory",
        "timeout_seconds is 0.0",
    ):
        assert part in str(said.value)
    with pytest.raises(AnsibleParserError, match="nowhere.pem is no file that can be read here"):
        parsed(Plugin(ca_cert=str(tmp_path / "nowhere.pem")))


def test_with_an_authority_the_certificate_is_verified(logins: list[Login], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    parsed(Plugin(ca_cert=str(tmp_path / "ca.pem"), require_tls=True))
    assert {(one.ca_cert, one.check_hostname) for one in logins} == {
        (str(tmp_path / "ca.pem"), True)
    }
    assert HUSHED not in repr(logins)


def test_its_sources_have_a_name(tmp_path: Path) -> None:
    plugin = Plugin()
    for name, right in {"fabric.yml": True, "my.fabric.yaml": True, "hosts.yml": False}.items():
        (tmp_path / name).touch()
        assert plugin.verify_file(str(tmp_path / name)) is right


def test_its_examples_use_only_options_that_it_has() -> None:
    documentation = yaml.safe_load(DOCUMENTATION)
    options = {*OPTIONS, *documentation["options"]}
    for example in yaml.safe_load_all(EXAMPLES):
        assert example["plugin"] == documentation["options"]["plugin"]["choices"][0]
        assert set(example) <= options
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert set(documented) == set(OPTIONS) - {"strict", "compose", "groups", "keyed_groups"}
    assert all(option["description"] and option["type"] for option in documented.values())
