"""What playbooks take from the filter topology."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from jinja2 import StrictUndefined

from ansible_collections.dbrw.sharding.plugins.filter.topology import topology

COMMON = {
    "dbrw_datacenter": "dc1",
    "dbrw_increment": 20,
    "dbrw_application_password": "a",
    "dbrw_monitor_password": "m",
    "dbrw_maintenance_password": "d",
    "dbrw_replication_password": "secret",
}
HOSTVARS: dict[str, dict[str, Any]] = {
    "w1": {**COMMON, "dbrw_address": "10.0.0.1", "dbrw_server_id": 1, "dbrw_offset": 1},
    "w2": {
        **COMMON,
        "dbrw_address": "10.0.0.2",
        "dbrw_server_id": 2,
        "dbrw_offset": 2,
        "dbrw_port": 3307,
        "dbrw_weight": 3,
    },
    "r1": {**COMMON, "dbrw_address": "10.0.0.9", "dbrw_server_id": 9},
}
GROUPS = {"write_servers": ["w1", "w2"], "read_servers": ["r1"], "all": ["w1", "w2", "r1"]}


def test_what_others_need_to_know() -> None:
    told = topology(GROUPS, HOSTVARS)
    assert told["problems"] == []
    w2 = told["write_servers"][1]
    assert w2["autoinc"] == {"name": "w2", "increment": 20, "offset": 2}
    assert w2["source"] == {"name": "w2", "host": "10.0.0.2", "port": 3307}
    assert w2["application"] == {
        "name": "w2",
        "kind": "write",
        "datacenter": "dc1",
        "host": "10.0.0.2",
        "port": 3307,
        "weight": 3,
        "offset": 2,
    }
    (r1,) = told["read_servers"]
    assert r1["replication_account"] == {
        "name": "replication_r1",
        "host": "%",
        "password": "secret",
    }
    assert r1["server"].keys() == {"name", "host", "port"} and r1["server"]["name"] == "r1"
    assert "password" not in r1["application"]


def test_the_directory_alone_is_no_inventory() -> None:
    told = {"fabric_server": {"kind": "write", "state": "online"}}
    alone = dict.fromkeys(HOSTVARS, told)
    by_kind = {"all": ["w1", "w2", "r1"], "kind_write": ["w1", "w2"], "kind_read": ["r1"]}
    (problem,) = topology(by_kind, alone)["problems"]
    assert problem.startswith("All servers come from the directory")
    assert "-i inventory/hosts.yml -i inventory/fabric.yml" in problem
    # Nor does it become one by groups that have the right names, and files of variables for them.
    grouped = {name: {**COMMON, **told, "dbrw_address": "h"} for name in HOSTVARS}
    assert topology(GROUPS, grouped)["problems"] == [problem]
    # Beside the files it changes nothing, also where it knows more servers than they.
    beside = {name: {**given, **told} for name, given in HOSTVARS.items()} | {"w9": told}
    more = {**GROUPS, **by_kind, "all": [*HOSTVARS, "w9"]}
    assert topology(more, beside) == topology(GROUPS, HOSTVARS)
    assert "No host is in the group write_servers" in topology({"all": []}, {})["problems"][0]
    # A mistake in the files is that mistake.
    unset = {**beside, "w1": {**told, "dbrw_server_id": None}}
    assert (
        problem
        not in topology({**more, "write_servers": ["w1"], "read_servers": []}, unset)["problems"]
    )


def test_a_password_that_a_flavours_channels_do_not_keep() -> None:
    long = {**HOSTVARS, "r1": {**HOSTVARS["r1"], "dbrw_replication_password": "x" * 33}}
    told = topology(GROUPS, long)
    assert (told["problems"], told["replication_too_long_for"]) == ([], {"mysql": 32})
    mysql = {**long, "r1": {**long["r1"], "mysqld_flavour": "mysql"}}
    (problem,) = topology({**GROUPS, "mysqld": ["r1"]}, mysql)["problems"]
    assert "r1: dbrw_replication_password has 33 bytes" in problem


def test_numbers_that_are_text() -> None:
    """As ``--extra-vars`` sets them, and as templates were before ansible-core 2.19."""
    texts = {name: {k: str(v) for k, v in given.items()} for name, given in HOSTVARS.items()}
    assert topology(GROUPS, texts) == topology(GROUPS, HOSTVARS)
    texts["w1"]["dbrw_weight"] = "0.5"
    assert topology(GROUPS, texts)["write_servers"][0]["application"]["weight"] == 0.5


def test_a_text_that_is_no_number_is_told() -> None:
    wrong = {**HOSTVARS, "w1": {**HOSTVARS["w1"], "dbrw_offset": "1_0"}}
    assert topology(GROUPS, wrong)["problems"] == [
        "w1: dbrw_offset is '1_0'; it must be a whole number."
    ]


class Unsafe(str):
    """Text that ansible-core 2.18 takes for no template, whatever is in it."""

    __UNSAFE__ = True


@pytest.mark.parametrize(
    ("version", "value"),
    [
        ("2.18.0", "{{ nowhere }}"),
        ("2.18.0", "{% if nowhere %}a{% endif %}"),
        ("2.19.0", StrictUndefined("nowhere")),
    ],
)
def test_a_secret_that_cannot_be_worked_out_is_told_as_missing(
    version: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{topology.__module__}.ansible_version", version)
    broken = {**HOSTVARS, "w1": {**HOSTVARS["w1"], "dbrw_monitor_password": value}}
    (problem,) = topology(GROUPS, broken)["problems"]
    assert "w1: the secret dbrw_monitor_password is missing" in problem


@pytest.mark.parametrize(("version", "value"), [("2.18.0", Unsafe("{{")), ("2.19.0", "{{")])
def test_a_secret_that_only_looks_like_a_template(
    version: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{topology.__module__}.ansible_version", version)
    secret = {**HOSTVARS, "w1": {**HOSTVARS["w1"], "dbrw_monitor_password": value}}
    assert topology(GROUPS, secret)["problems"] == []


@pytest.mark.parametrize(("version", "value"), [("2.18.0", "{{ nowhere }}"), ("2.19.0", None)])
def test_an_optional_variable_without_a_value_is_told(
    version: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its default would not be taken: it is defined."""
    monkeypatch.setattr(f"{topology.__module__}.ansible_version", version)
    broken = {**HOSTVARS, "w1": {**HOSTVARS["w1"], "dbrw_bind_address": value}}
    assert topology(GROUPS, broken)["problems"] == [
        "w1: dbrw_bind_address is null, or refers to something that does not exist; correct it, "
        "or leave it out."
    ]


class Encrypted(Sequence[str]):
    """What ansible-core 2.18 makes of a !vault in a file: no str, and text all the same."""

    __ENCRYPTED__ = True

    def __str__(self) -> str:
        return "decrypted"

    def __getitem__(self, _place: Any) -> Any:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


def test_a_secret_from_a_vault_is_text() -> None:
    secret = {**HOSTVARS, "r1": {**HOSTVARS["r1"], "dbrw_replication_password": Encrypted()}}
    told = topology(GROUPS, secret)
    assert told["problems"] == []
    assert told["read_servers"][0]["replication_account"]["password"] == "decrypted"


def test_variables_of_the_role_mysqld_are_judged_where_it_is_used() -> None:
    wrong = {"mysqld_settings": {"a b": 1}, "mysqld_datadir": "data"}
    broken = {**HOSTVARS, "w1": {**HOSTVARS["w1"], **wrong}}
    assert topology(GROUPS, broken)["problems"] == []
    found = topology({**GROUPS, "mysqld": ["w1"]}, broken)["problems"]
    assert [one[:20] for one in found] == ["w1: mysqld_datadir i", "w1: mysqld_settings:"]


def test_usage_tables_are_judged() -> None:
    broken = {**HOSTVARS, "r1": {**HOSTVARS["r1"], "dbrw_usage_tables": [{"schema": "a.b"}]}}
    found = topology(GROUPS, broken)["problems"]
    assert len(found) == 2 and all("r1: dbrw_usage_tables, number 1: " in one for one in found)


def test_an_inventory_without_the_groups_is_told() -> None:
    (problem,) = topology({"all": []}, {})["problems"]
    assert "No host is in the group write_servers" in problem


OF_MEMBER = {
    **{name: value for name, value in COMMON.items() if name != "dbrw_increment"},
    "dbrw_operator_password": "o",
    "dbrw_agent_password": "a",
    "dbrw_replica_sets": {"fabric": {"durability": "strict", "schemas": ["customers"]}},
}
MEMBERS: dict[str, dict[str, Any]] = {
    "f1": {
        **OF_MEMBER,
        **{"dbrw_address": "10.0.0.21", "dbrw_server_id": 21, "dbrw_set_offset": 1},
    },
    "f2": {
        **OF_MEMBER,
        **{"dbrw_address": "10.0.1.21", "dbrw_server_id": 22, "dbrw_set_offset": 2},
        "dbrw_datacenter": "dc2",
    },
}


def test_a_replica_set() -> None:
    told = topology({"fabric_servers": ["f1", "f2"]}, MEMBERS)
    assert told["problems"] == told["warnings"] == []
    assert told["replica_sets"].keys() == {"fabric"}
    fabric = told["replica_sets"]["fabric"]
    members, addresses = fabric.pop("members"), fabric.pop("addresses")
    # For those who must not see a password.
    assert addresses[1] == {"name": "f2", "host": "10.0.1.21", "port": 3306}
    assert fabric == {
        **{"name": "fabric", "durability": "strict", "increment": 8, "schemas": ["customers"]},
        "shard_number": None,
    }
    assert members[1] == {
        **{"name": "f2", "host": "10.0.1.21", "port": 3306},
        **{"replication_user": "replication_f2", "replication_password": "secret"},
    }
    assert topology(GROUPS, HOSTVARS)["replica_sets"] == {}


def test_common_schemas_are_among_those_of_the_fabric() -> None:
    common = {"dbrw_common_schemas": ["prices", "customers"]}
    hosts = {name: {**given, **common} for name, given in MEMBERS.items()}
    hosts["f2"]["dbrw_replica_set"] = "other"
    told = topology({"fabric_servers": ["f1", "f2"]}, hosts)
    assert told["common_schemas"] == ["prices", "customers"]
    assert told["replica_sets"]["fabric"]["schemas"] == ["customers", "prices"]
    assert told["replica_sets"]["other"]["schemas"] == []


def test_what_a_check_gets() -> None:
    calls = {"name": "calls", "schema": "usage_data", "definition": "CREATE TABLE calls ..."}
    hosts = {name: {**host, "dbrw_usage_tables": [calls]} for name, host in HOSTVARS.items()}
    ahead = {**calls, "months_ahead": 6, "id_column": "number"}
    # Read servers have the months.
    hosts["r1"]["dbrw_usage_tables"] = [ahead, {"name": "half"}]
    told = topology(GROUPS, hosts)["usage_tables"]
    expected = {"schema": "usage_data", "name": "calls", "id_column": "number", "months_ahead": 6}
    assert told == [expected]
    assert (
        topology({"write_servers": ["w1"]}, {"w1": {"dbrw_usage_tables": "x"}})["usage_tables"]
        == []
    )


def test_who_writes_heartbeats() -> None:
    """By itself those that the collection installs; of others those that are asked."""
    assert topology(GROUPS, HOSTVARS)["heartbeats"] == []
    w1, w2 = {"name": "w1", "server_id": 1}, {"name": "w2", "server_id": 2}
    installed = {**GROUPS, "mysqld": ["w1", "r1"]}
    assert topology(installed, HOSTVARS)["heartbeats"] == [w1]
    asked = {**HOSTVARS, "w2": {**HOSTVARS["w2"], "dbrw_heartbeat": True}}
    assert topology(installed, asked)["heartbeats"] == [w1, w2]
    asked["w1"] = {**HOSTVARS["w1"], "dbrw_heartbeat": False}
    assert topology(installed, asked)["heartbeats"] == [w2]
    # Without its number, which is told as a mistake, its row has no name.
    unnumbered = {**HOSTVARS, "w1": {**HOSTVARS["w1"], "dbrw_server_id": "x"}}
    assert topology(installed, unnumbered)["heartbeats"] == []


def test_what_the_directory_gets() -> None:
    member = {"dbrw_address": "10.0.0.21", "dbrw_server_id": 21, "dbrw_set_offset": 1}
    tables = {"dbrw_usage_tables": [{"name": "calls", "schema": "usage_data"}, {"name": "half"}]}
    hostvars = {name: {**host, **tables} for name, host in HOSTVARS.items()}
    groups = {**GROUPS, "fabric_servers": ["f1"]}
    told = topology(groups, {**hostvars, "f1": {**COMMON, **member}})["directory"]
    by_name = {one["name"]: one for one in told["servers"]}
    assert list(by_name) == ["w1", "w2", "r1", "f1"]
    assert by_name["w2"] == {
        **{"name": "w2", "kind": "write", "datacenter": "dc1", "host": "10.0.0.2", "port": 3307},
        **{"weight": 3, "id_increment": 20, "id_offset": 2},
    }
    assert by_name["f1"]["replica_set"] == "fabric" and by_name["f1"]["kind"] == "member"
    assert "id_offset" not in by_name["r1"]
    assert told["sets"] == [{"name": "fabric", "durability": "available"}]
    assert told["usage_tables"] == ["usage_data.calls"]
    # An inventory that is wrong otherwise is judged elsewhere.
    assert topology({"write_servers": ["w1"]}, {"w1": {"dbrw_usage_tables": "x"}})["directory"]


def test_the_accounts_that_belong_on_each_server() -> None:
    calls = {
        **{"name": "calls", "schema": "usage_data", "time_column": "started_at"},
        "definition": "CREATE TABLE calls (id BIGINT NOT NULL AUTO_INCREMENT, "
        "started_at DATETIME NOT NULL, PRIMARY KEY (id))",
    }
    common = {"dbrw_common_schemas": ["prices"]}
    tables = {"dbrw_usage_tables": [calls]}
    hosts = {name: {**host, **tables} for name, host in HOSTVARS.items()}
    hosts["w2"].update(dbrw_common_data=True, write_server_application_user="app")
    hosts["r1"].update(
        **common, dbrw_account_host="10.%", dbrw_replication_filters_file="/etc/mysql/f.cnf"
    )
    hosts |= {name: {**host, **common} for name, host in MEMBERS.items()}
    groups = {**GROUPS, "fabric_servers": ["f1", "f2"]}
    told = topology(groups, hosts)
    assert told["problems"] == []
    names: dict[str, list[str]] = {}
    by_name = {}
    for one in told["accounts"]:
        assert one.keys() == {"server", "name", "host", "privileges"}
        names.setdefault(one["server"], []).append(f"{one['name']}@{one['host']}")
        by_name[one["server"], one["name"]] = one["privileges"]
    usual = [f"{name}@%" for name in ("application", "monitor", "maintenance")]
    of_member = ["application@%", "monitor@%", "agent@localhost", "operator@%"]
    followers = ["replication_f1@%", "replication_f2@%", "replication_r1@10.%"]
    assert names == {
        "w1": [*usual, "replication_r1@10.%"],
        "w2": ["app@%", *usual[1:], "replication_r1@10.%"],
        "r1": [f"{name}@10.%" for name in ("application", "monitor", "maintenance")],
        "f1": [*of_member, *followers],
        "f2": [*of_member, *followers],
    }
    assert by_name["w1", "application"] == {"usage_data.*": ["SELECT", "INSERT", "UPDATE"]}
    assert (
        by_name["w2", "app"]["prices.*"] == by_name["r1", "application"]["prices.*"] == ["SELECT"]
    )
    assert by_name["f1", "application"].keys() == {"customers.*", "prices.*"}
    # Of an inventory that is wrong nothing is known.
    assert topology({"write_servers": ["w1"]}, {"w1": {"dbrw_usage_tables": "x"}})["accounts"] == []
