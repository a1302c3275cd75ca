"""What is wrong with an inventory, on paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.topology import (
    MEMBER,
    READ,
    WRITE,
    Member,
    common_schemas,
    problems,
    too_long_for,
    warnings,
)

SECRETS = {
    "application_password": "a",
    "monitor_password": "m",
    "maintenance_password": "d",
}


def writer(number: int, **changes: Any) -> Member:
    given = {
        "address": f"10.0.0.{number}",
        "server_id": number,
        "datacenter": "dc1",
        "offset": number,
        "increment": 20,
        **SECRETS,
        **changes,
    }
    return Member(f"w{number}", WRITE, {k: v for k, v in given.items() if v is not None})


def reader(number: int, **changes: Any) -> Member:
    given = {
        "address": f"10.0.1.{number}",
        "server_id": 100 + number,
        "datacenter": "dc1",
        "replication_password": "r",
        **SECRETS,
        **changes,
    }
    return Member(f"r{number}", READ, {k: v for k, v in given.items() if v is not None})


@given(st.integers(1, 20), st.integers(0, 5))
def test_a_right_topology_has_no_problems(writers: int, readers: int) -> None:
    members = [writer(number) for number in range(1, writers + 1)]
    members += [reader(number) for number in range(1, readers + 1)]
    assert problems(members) == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([writer(1), writer(2, offset=1)], "w1, w2: the same offset 1"),
        ([writer(1), writer(2, increment=10)], "Different increments (10 on w2; 20 on w1)"),
        ([writer(1, offset=21)], "w1: offset 21 is above increment 20"),
        ([writer(1, offset=None)], "w1: dbrw_offset is not set (the first id of the server, diff"),
        ([writer(1, increment=None)], "w1: dbrw_increment is not set"),
        ([writer(1, offset="1")], "w1: dbrw_offset is '1'; it must be a whole number"),
        ([writer(1, offset=True)], "w1: dbrw_offset is True; it must be a whole number"),
        ([writer(1, weight="often")], "w1: dbrw_weight is 'often'; it must be a number"),
        ([writer(1), reader(1, weight=-1)], "r1: dbrw_weight is -1; it must be a number"),
        ([writer(1, weight=float("nan"))], "w1: dbrw_weight is nan; it must be a number"),
        ([writer(1, weight=True)], "w1: dbrw_weight is True; it must be a number"),
        ([writer(1, address=None)], "w1: dbrw_address is not set (where the other servers and"),
        ([writer(1, datacenter=None)], "w1: dbrw_datacenter is not set"),
        ([writer(1, server_id=None)], "w1: dbrw_server_id is not set ("),
        (
            [writer(1, application_password="")],
            "application_password is missing or empty (the account of the app",
        ),
        (
            [writer(1, maintenance_password="")],
            "password is missing or empty (the account of the nightly",
        ),
        ([writer(1, server_id=0)], "w1: dbrw_server_id 0 is outside 1..4294967295"),
        ([writer(1, gtid_domain_id=2**32)], "dbrw_gtid_domain_id 4294967296 is outside 0.."),
        ([writer(1, port=0)], "w1: dbrw_port 0 is outside 1..65535"),
        ([writer(1), reader(1, server_id=1)], "w1, r1: the same dbrw_server_id 1"),
        ([writer(1), writer(2, gtid_domain_id=1)], "w1, w2: the same GTID domain 1"),
        ([writer(1), reader(1, address="10.0.0.1")], "w1, r1: the same address 10.0.0.1:3306"),
        (
            [writer(1, monitor_password="")],
            "dbrw_monitor_password is missing or empty (the account of the monitoring)",
        ),
        (
            [reader(1, replication_password=None)],
            "replication_password is missing or empty (its account on the servers",
        ),
        ([], "No host is in the group write_servers"),
        ([reader(1)], "No host is in the group write_servers"),
        (
            [writer(1), replace(reader(1), name="w1")],
            "w1 is in write_servers and in read_servers",
        ),
    ],
)
def test_each_mistake_is_told(members: list[Member], said: str) -> None:
    found = problems(members)
    assert [text for text in found if said in text], found


INDEX = {"name": "i", "columns": ["a"]}
TABLE = {"schema": "usage_data", "name": "calls", "definition": "x", "time_column": "t"}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([writer(1, address="")], "w1: dbrw_address is '': it must not be empty."),
        ([writer(1, address="a x")], "w1: dbrw_address is 'a x': it is neither an IP address nor"),
        ([writer(1, address="a:13306")], "w1: dbrw_address is 'a:13306': it has a port"),
        ([writer(1, address="a\nb")], "w1: dbrw_address is 'a\\nb': it has a line break"),
        ([writer(1, address="[::1]")], "an IPv6 address stands without brackets"),
        ([writer(1, bind_address="")], "w1: dbrw_bind_address is '': "),
        ([writer(1, datacenter=False)], "w1: dbrw_datacenter is False: it must be text"),
        ([writer(1), reader(1, account_host="10.%,192.%")], "r1: dbrw_account_host is "),
        ([writer(1), reader(1, replication_user="")], "r1: dbrw_replication_user is '': "),
        ([writer(1, autoinc_persist_file="a.cnf")], "w1: dbrw_autoinc_persist_file is 'a.cnf': "),
        ([writer(1), reader(1, replication_filters_file="/a\n")], "dbrw_replication_filters_file"),
        ([writer(1, application_config_file="")], "dbrw_application_config_file is ''"),
        (
            [replace(writer(1), name="w" * 65)],
            f"its name is '{'w' * 65}': it is longer than the 64 characters of a channel's name.",
        ),
        (
            [writer(1), replace(reader(1), name="r" * 117)],
            "it is longer than 128 characters; set dbrw_replication_user to another.",
        ),
        (
            [replace(writer(1), mysqld={"flavour": "mysql"}), replace(reader(1), name="r" * 21)],
            f"its account replication_{'r' * 21} has more than the 32 characters that mysql takes",
        ),
        (
            [replace(writer(1), mysqld={"settings": {"event_scheduler": ["on"]}})],
            "w1: mysqld_settings: event_scheduler is not a single value; ",
        ),
        ([replace(writer(1), mysqld={"datadir": "data"})], "w1: mysqld_datadir is 'data': "),
        (
            [writer(1, application_password=123456)],
            "w1: the secret dbrw_application_password: it must be text; put it in quotes.",
        ),
        (
            [writer(1), reader(1, replication_password="a\n")],
            "r1: the secret dbrw_replication_password: it has a line break",
        ),
        (
            [replace(writer(1), unknown=frozenset({"account_host"}))],
            "w1: dbrw_account_host is null, or refers to something that does not exist",
        ),
        (
            [writer(1, usage_tables=[{**TABLE, "schema": "a\nb"}]), reader(1)],
            "w1: dbrw_usage_tables, number 1: schema is 'a\\nb': it has a line break",
        ),
        (
            [writer(1, usage_tables=[TABLE, {**TABLE, "schema": "a.b"}])],
            "dbrw_usage_tables, number 2: schema is 'a.b': it has a dot, a space, or a backquote",
        ),
        (
            [writer(1, usage_tables=[{**TABLE, "schema": "usage%"}])],
            "it would give the accounts privileges on other schemas",
        ),
        ([writer(1, usage_tables=[{**TABLE, "schema": "*"}])], "number 1: schema is '*': "),
        ([writer(1, usage_tables=[{**TABLE, "name": "t" * 65}])], "name is 'ttt"),
        (
            [writer(1, usage_tables=[{"name": "a"}])],
            "number 1: it has no schema, definition, time_",
        ),
        (
            [writer(1, usage_tables=[{**TABLE, "months_keep": 3}])],
            "number 1: 'months_keep' is not a valid key; did you mean months_kept?",
        ),
        (
            [writer(1, usage_tables=[TABLE, {**TABLE, True: 3}])],
            "number 2: True is not a valid key; valid keys are schema, name, definition, "
            "id_column, ",
        ),
        (
            [writer(1, usage_tables=[{**TABLE, "indexes": [INDEX, {**INDEX, "colums": []}]}])],
            "number 1: indexes, number 2: 'colums' is not a valid key; did you mean columns?",
        ),
        ([writer(1, usage_tables=["a"])], "dbrw_usage_tables, number 1 is not a dictionary"),
        ([writer(1, usage_tables="a")], "dbrw_usage_tables is not a list"),
    ],
)
def test_a_value_that_is_not_what_its_kind_can_be(members: list[Member], said: str) -> None:
    (found,) = problems(members)
    assert said in found


def test_what_all_servers_share_is_told_once() -> None:
    shared = {"usage_tables": [{**TABLE, "name": ""}]}
    (found,) = problems([writer(1, **shared), writer(2, **shared), reader(1, **shared)])
    assert found.startswith("w1, w2, r1: dbrw_usage_tables, number 1: name is ''")


@pytest.mark.parametrize(
    "right",
    [
        {"address": "w1.dc1.example.com", "bind_address": "*", "account_host": "10.%"},
        {"address": "fd00::1", "autoinc_persist_file": "", "tls_ca": "", "datacenter": 1},
        {"usage_tables": [TABLE, {**TABLE, "name": "größe"}], "application_tls_ca": "/a b.pem"},
        {"application_config_file": "../application.json"},
        {"usage_tables": [{**TABLE, "months_kept": None, "indexes": "{{ indexes }}"}]},
        {"usage_tables": [{**TABLE, "days_kept": 7, "months_kept": 1}]},
        {"usage_tables": [{**TABLE, "days_kept": "{{ days }}"}]},
        {"weight": 0.5},
    ],
)
def test_what_is_not_certain_to_be_wrong_passes(right: dict[str, Any]) -> None:
    assert problems([writer(1, **right), reader(1)]) == []


def test_an_address_is_one_in_upper_and_lower_case() -> None:
    (found,) = problems([writer(1, address="DB.example.com"), writer(2, address="db.example.com")])
    assert "the same address db.example.com:3306" in found


@given(st.sampled_from(["application_password", "replication_password"]), st.text())
def test_no_secret_that_is_wrong_is_told(name: str, text: str) -> None:
    found = problems([writer(1), reader(1, **{name: f"S3CRET\n{text}"})])
    assert found and "S3CRET" not in str(found)


def test_a_port_of_its_own_makes_an_address_different() -> None:
    assert problems([writer(1), writer(2, address="10.0.0.1", port=3307)]) == []


def test_read_servers_may_share_a_gtid_domain() -> None:
    readers = [reader(1, gtid_domain_id=9), reader(2, gtid_domain_id=9)]
    assert problems([writer(1), *readers]) == []


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(
        [writer(1, address=None, offset=30), writer(2, server_id=1, monitor_password="")]
    )
    assert len(found) == 5, found


def test_no_secret_is_told() -> None:
    found = problems([writer(1, application_password="xyzzy", offset=None), reader(1, port=-1)])
    assert found and "xyzzy" not in str(found)


@pytest.mark.parametrize(
    ("password", "flavour", "said"),
    [
        ("x" * 32, "mysql", ""),
        ("x" * 33, "mysql", "33 bytes, and channels of mysql keep 32 at most"),
        ("\u00fc" * 17, "mysql", "34 bytes"),
        ("x" * 33, "mariadb", ""),
        # Nobody has said what it is.
        ("x" * 96, None, ""),
        ("x" * 97, None, "97 bytes, and channels of any server keep 96 at most"),
        ("x" * 97, "mariadb", "channels of mariadb keep 96 at most"),
        ("a\nb", None, "it has a line break"),
        ("\U0001f600", None, "a character beyond U+FFFF"),
    ],
)
def test_a_replication_password_that_no_channel_keeps(
    password: str, flavour: str | None, said: str
) -> None:
    read_server = reader(1, replication_password=password)
    members = [writer(1), replace(read_server, mysqld={"flavour": flavour} if flavour else {})]
    found = problems(members)
    assert len(found) == bool(said)
    assert all(said in one and "dbrw_replication_password" in one for one in found)
    assert not any("xxx" in one for one in found)


def test_for_whom_a_replication_password_is_too_long() -> None:
    assert too_long_for([]) == too_long_for([writer(1), reader(1)]) == {}
    long = [writer(1), reader(1), reader(2, replication_password="x" * 33)]
    assert too_long_for(long) == {"mysql": 32}
    assert too_long_for([reader(1, replication_password="x" * 97)]) == {"mysql": 32, "mariadb": 96}


def of_set(number: int, **changes: Any) -> Member:
    given = {
        "address": f"10.0.{number}.21",
        "server_id": 200 + number,
        "datacenter": f"dc{number}",
        "set_offset": number,
        "replication_password": "r",
        "operator_password": "o",
        "agent_password": "a",
        **SECRETS,
        **changes,
    }
    return Member(f"f{number}", MEMBER, {k: v for k, v in given.items() if v is not None})


def of_shard(number: int, name: str = "s1", shard_number: int | None = 1) -> Member:
    described = {"replica_sets": {name: {"shard_number": shard_number}}, "replica_set": name}
    return replace(of_set(number, **described), of_shard=True)


def test_a_mistake_of_a_shard_is_told() -> None:
    assert problems([of_set(1), of_shard(2), of_shard(3, "s2", 2)]) == []
    for members, said in (
        (
            [of_set(1), of_shard(2, "fabric")],
            "f2: shard_servers are members of shards, and dbrw_repl",
        ),
        ([of_shard(2, shard_number=None)], "f2: s1 has no shard_number in dbrw_replica_sets"),
        (
            [of_shard(2), replace(of_shard(3), of_shard=False)],
            "s1: f2 are in shard_servers, and f3 are not",
        ),
        ([of_shard(2), of_shard(3, "s2")], "s1, s2: the same shard_number 1"),
        ([of_set(1), of_shard(1)], "f1 is in fabric_servers and in shard_servers"),
        ([writer(1), replace(of_shard(2), name="w1")], "w1 is in shard_servers and in write_serv"),
    ):
        found = problems(members)
        assert [text for text in found if said in text], found


@pytest.mark.parametrize("members", [[of_set(1)], [of_set(1), of_set(2)], [writer(1), of_set(2)]])
def test_a_right_replica_set_has_no_problems(members: list[Member]) -> None:
    assert problems(members) == []


def sets(**keys: Any) -> dict[str, Any]:
    return {"replica_sets": {"fabric": keys}}


COMMON = {"common_schemas": ["prices"]}


def with_common(**changes: Any) -> list[Member]:
    """Everything that common data needs; changes are the read server's."""
    file = {"replication_filters_file": "/etc/mysql/filters.cnf"}
    return [writer(1), reader(1, **{**COMMON, **file, **changes}), of_set(2, **COMMON)]


def test_common_data_that_is_right_has_no_problems() -> None:
    assert problems(with_common()) == []
    assert common_schemas(with_common()) == ["prices"]
    assert common_schemas([writer(1, **COMMON)]) == []
    asked = [replace(with_common()[0], given={**with_common()[0].given, "common_data": True})]
    assert problems([*asked, *with_common()[1:]]) == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (with_common()[:2], "dbrw_common_schemas has prices, and there is no replica set fabric"),
        (with_common(common_schemas=None), "r1: dbrw_common_schemas is not prices as elsewhere"),
        (with_common(common_schemas="prices"), "dbrw_common_schemas is not a list"),
        (with_common(replication_filters_file=None), "r1: dbrw_replication_filters_file is not"),
        (
            with_common(usage_tables=[{"schema": "Prices", "name": "t"}]),
            "dbrw_common_schemas has prices, where usage tables are",
        ),
        (
            [writer(1, common_data=True), of_set(2)],
            "w1: dbrw_common_data is set, and dbrw_common_schemas has no schemas",
        ),
        ([of_set(1, common_schemas=["mysql"])], "mysql: each server has this for itself"),
        ([of_set(1, common_schemas=["dbrw"])], "dbrw: each server has this for itself"),
        ([of_set(1, common_schemas=["a#"])], "filters of channels name only schemas of letters"),
        ([of_set(1, common_schemas=["a.b"])], "a.b: it has a dot"),
    ],
)
def test_each_mistake_of_common_data_is_told(members: list[Member], said: str) -> None:
    assert any(said in problem for problem in problems(members)), problems(members)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([of_set(1, set_offset=None)], "f1: dbrw_set_offset is not set (the first id"),
        ([of_set(1, set_offset=9)], "f1: dbrw_set_offset 9 is outside 1..8, the increment of fab"),
        ([of_set(1, **sets(increment=4), set_offset=5)], "dbrw_set_offset 5 is outside 1..4"),
        ([of_set(1), of_set(2, set_offset=1)], "f1, f2: the same dbrw_set_offset 1; after a fail"),
        ([of_set(1), of_set(2, gtid_domain_id=201)], "f1, f2: the same GTID domain 201"),
        ([writer(1, gtid_domain_id=201), of_set(1)], "w1, f1: the same GTID domain 201"),
        ([of_set(1), of_set(2, account_host="10.%")], "f1, f2: they have different dbrw_account"),
        ([of_set(1, operator_password=None)], "f1: the secret dbrw_operator_password is missing"),
        ([of_set(1, agent_password="")], "f1: the secret dbrw_agent_password is missing"),
        ([of_set(1, replication_password="")], "f1: the secret dbrw_replication_password is"),
        (
            [of_set(1, **sets(durable="x"))],
            "fabric: 'durable' is not a valid key; did you mean dur",
        ),
        ([of_set(1, **sets(durability="all"))], "durability is 'all': choose one of available"),
        ([of_set(1, **sets(increment=1))], "dbrw_replica_sets: fabric: increment is 1"),
        ([of_set(1, **sets(schemas="a"))], "fabric: schemas is not a list"),
        ([of_set(1, **sets(schemas=["a.b"]))], "fabric: schemas is ['a.b']: a.b: it has a dot"),
        ([of_set(1, replica_sets=[1])], "f1: dbrw_replica_sets is not a dictionary"),
        ([of_set(1, replica_sets={"fabric": 1})], "dbrw_replica_sets: fabric is not a dictionary"),
        ([replace(of_set(1), name="common")], "common: the collection's own channels have such"),
        ([replace(writer(1), name="move_t1")], "move_t1: the collection's own channels have such"),
        ([replace(of_set(1), name="fabric")], "fabric: a replica set has this name, too"),
        ([writer(1), replace(of_set(1), name="w1")], "w1 is in fabric_servers and in write_serv"),
        ([of_set(1, replica_set="move_a")], "dbrw_replica_set is move_a: the collection's own"),
        ([of_set(1, replica_set="")], "f1: dbrw_replica_set is ''"),
    ],
)
def test_each_mistake_of_a_replica_set_is_told(members: list[Member], said: str) -> None:
    found = problems(members)
    assert [text for text in found if said in text], found


def test_a_secret_is_missed_only_where_it_is_needed() -> None:
    without = replace(writer(1), unknown=frozenset({"operator_password"}))
    assert problems([without]) == []
    of_all = replace(writer(1), unknown=frozenset({"weight"}))
    assert len(problems([of_all])) == 1


def test_a_replica_set_that_works_and_should_have_more() -> None:
    (alone,) = warnings([of_set(1), writer(1)])
    assert "fabric: it has one member, f1; nothing takes over" in alone
    (near,) = warnings([of_set(1), of_set(2, datacenter="dc1")])
    assert "fabric: all its members are in data centre dc1" in near
    assert warnings([of_set(1), of_set(2)]) == []
