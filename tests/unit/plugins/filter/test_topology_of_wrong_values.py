"""A wrong value at each place of an inventory: told by name, and never a traceback."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.topology import topology
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.inventory_variables import (
    MEMBER,
    READ,
    VARIABLES,
    WRITE,
    Variable,
)

TABLE = {
    "schema": "usage_data",
    "name": "calls",
    "definition": "CREATE TABLE calls (id BIGINT NOT NULL AUTO_INCREMENT, t DATETIME NOT NULL, PRIMARY KEY (id))",
    "time_column": "t",
    "id_column": "id",
    "indexes": [{"name": "t", "columns": ["t"], "unique": False}],
    "months_ahead": 3,
    "months_kept": 24,
    "days_kept": 7,
    "updated_within_hours": 48,
    "time_zone": "UTC",
    "max_drops": 1,
    "past": "archive",
    "archive_schema": "old",
    "archive_table": "{table}_{month}",
    "cold_after_months": 3,
    "cold_data_directory": "/slow",
    "max_moves": 1,
    "split_tail_with_rows": False,
    "first_month": "2026-01",
}
PASSWORDS = [
    *("application", "monitor", "maintenance", "operator", "agent"),
    *("directory", "supervision", "replication"),
]
ALL: dict[str, Any] = {
    **{f"dbrw_{name}_password": f"{name} secret" for name in PASSWORDS},
    "dbrw_datacenter": "dc1",
    "dbrw_increment": 20,
    "dbrw_account_host": "10.%",
    "dbrw_tls_ca": "/etc/ca.pem",
    "dbrw_require_tls": True,
    "dbrw_common_schemas": ["customers"],
    "dbrw_replica_sets": {
        "fabric": {"durability": "strict", "schemas": ["customers"], "increment": 8}
    },
    "dbrw_usage_tables": [TABLE],
}
HOSTS: dict[str, dict[str, Any]] = {
    "w1": {
        **ALL,
        "dbrw_address": "10.0.0.1",
        "dbrw_server_id": 1,
        "dbrw_offset": 1,
        "dbrw_next_id_above": {"usage_data.calls": 7},
    },
    "r1": {
        **ALL,
        "dbrw_address": "10.0.0.9",
        "dbrw_server_id": 9,
        "dbrw_weight": 3,
        "dbrw_replication_filters": {
            "do_databases": ["usage_data"],
            "rewrite_databases": [{"from": "a", "to": "b"}],
        },
        "dbrw_replication_filters_file": "/etc/filters.cnf",
        "dbrw_replication_gtid_seed": ["1-1-5"],
        "dbrw_now": "2026-11-27",
    },
    "f1": {**ALL, "dbrw_address": "10.0.0.21", "dbrw_server_id": 21, "dbrw_set_offset": 1},
    "f2": {
        **ALL,
        "dbrw_datacenter": "dc2",
        "dbrw_address": "f2.example",
        "dbrw_server_id": 22,
        "dbrw_set_offset": 2,
    },
}
KINDS = {"w1": WRITE, "r1": READ, "f1": MEMBER}
GROUPS = {"write_servers": ["w1"], "read_servers": ["r1"], "fabric_servers": ["f1", "f2"]}
HOSTILE = [
    *(None, True, 0, -1, 1.5, math.inf, math.nan, 10**30),
    *("", " ", "x", "'; DROP TABLE x", "a`b", "a\nb", "\U0001f600", "a" * 300, b"x"),
    *([], ["x"], [None], [1], [[]], [{}], {}, {"x": 1}, {1: 2}),
]
# What no value of a type can be.
NEVER = {
    "int": (True, -1.5, math.nan, "x", ["x"], {"x": 1}),
    "float": (True, math.nan, math.inf, "x", ["x"], {"x": 1}),
    "bool": ("perhaps", 7, ["x"], {"x": 1}),
    "str": (True, 7, ["x"], {"x": "y"}),
    "list": (True, 7, "x", {"x": 1}),
    "dict": (True, 7, "x", ["x"]),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = put(changed[path[0]], path[1:], new)
    return changed


def judged(host: str, name: str, path: tuple[Any, ...], new: Any) -> list[str]:
    """Return the problems of the inventory with one value replaced; without any it is usable."""
    changed = {**HOSTS[host], name: put(HOSTS[host].get(name), path, new)}
    found = topology({**GROUPS, "all": [*HOSTS]}, {**HOSTS, host: changed})
    assert all(isinstance(problem, str) for problem in found["problems"])
    if not found["problems"]:
        # It goes on into files and options of modules.
        json.dumps(found, allow_nan=False)
    return list(found["problems"])


def test_the_inventory_is_right_without_one() -> None:
    assert judged("w1", "dbrw_address", (), "10.0.0.1") == []


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_no_value_ends_in_a_traceback(variable: Variable) -> None:
    host = next(host for host, kind in KINDS.items() if kind in variable.kinds)
    for path in places(HOSTS[host].get(variable.full_name)):
        for value in HOSTILE:
            judged(host, variable.full_name, path, value)


def keys_of(
    variable: Variable, value: Any, path: tuple[Any, ...] = ()
) -> Iterator[tuple[Variable, tuple[Any, ...]]]:
    """Yield a variable and its keys, each with where it is in ``value``."""
    yield variable, path
    if not variable.keys:
        return
    within = enumerate(value) if isinstance(value, list) else value.items()
    nested = [one for one in within if isinstance(one[1], dict)] or []
    if variable.type == "dict" and variable.elements != "dict":
        nested = [((), value)]
    for place, one in nested:
        below = path if place == () else (*path, place)
        for key in variable.keys:
            if key.name in one:
                yield from keys_of(key, one[key.name], (*below, key.name))


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_value_of_a_wrong_type_is_told_by_its_name(variable: Variable) -> None:
    if not variable.on_paper:
        return
    for host, kind in KINDS.items():
        if kind not in variable.kinds:
            continue
        for key, path in keys_of(variable, HOSTS[host].get(variable.full_name)):
            for value in NEVER[key.type]:
                # A name may be a number: data centres are numbered in places.
                if key.name == "datacenter" and value == 7:
                    continue
                said = judged(host, variable.full_name, path, value)
                named = [problem for problem in said if key.name in problem]
                assert named, (host, variable.full_name, path, value, said)
                if key.secret and isinstance(value, (int, list)):
                    assert not any(repr(value) in problem for problem in said)


def test_a_key_that_nothing_reads_is_told_with_the_nearest() -> None:
    found = judged("r1", "dbrw_usage_tables", (0, "indexes", 0), {"name": "t", "colums": ["t"]})
    assert any("did you mean columns?" in problem for problem in found)
    (found,) = judged("r1", "dbrw_replication_filters", (), {"do_database": ["usage_data"]})
    assert found.startswith("r1: dbrw_replication_filters: 'do_database' is not a valid key")


@pytest.mark.parametrize(
    ("host", "name", "path", "value", "said"),
    [
        ("w1", "dbrw_usage_tables", (0, "definition"), "CREATE VIEW x", "calls: definition: "),
        ("w1", "dbrw_usage_tables", (0, "name"), "sms", "definition: it names table calls, but"),
        ("r1", "dbrw_usage_tables", (0, "months_ahead"), 0, "months_ahead 0 would leave rows"),
        ("r1", "dbrw_usage_tables", (0, "first_month"), "2026-13", "first_month: "),
        ("r1", "dbrw_usage_tables", (0, "archive_table"), "x", "archive_table x gives every"),
        ("r1", "dbrw_usage_tables", (0, "indexes", 0, "unique"), "perhaps", "true or false"),
        ("r1", "dbrw_usage_tables", (0, "past"), "purge", "past is 'purge': choose one of drop"),
        ("w1", "dbrw_usage_tables", (0, "days_kept"), 2, "updated for 48 hours and kept for 2"),
        ("w1", "dbrw_usage_tables", (0, "days_kept"), 700, "may drop them after 672"),
        ("w1", "dbrw_usage_tables", (0, "updated_within_hours"), "168", "updated for 168 hours"),
        ("r1", "dbrw_now", (), "tomorrow", "r1: dbrw_now: "),
        ("r1", "dbrw_replication_gtid_seed", (), ["x"], "gtid_seed: "),
        ("r1", "dbrw_replication_filters", ("do_databases", 0), "a b", "do_databases has 'a b'"),
        ("w1", "dbrw_next_id_above", (), {"calls": 1}, "calls is not a table; write schema."),
        ("w1", "dbrw_next_id_above", (), {"a.b": "x"}, "dbrw_next_id_above: a.b: 'x' is not"),
    ],
)
def test_what_modules_would_refuse_is_told_before_any_server_is_touched(
    host: str, name: str, path: tuple[Any, ...], value: Any, said: str
) -> None:
    found = judged(host, name, path, value)
    assert any(said in problem for problem in found), found


def test_two_descriptions_of_one_table_are_told() -> None:
    found = judged("w1", "dbrw_usage_tables", (), [TABLE, TABLE])
    assert any("usage_data.calls" in problem for problem in found), found


def test_a_hundred_hosts_are_judged_within_a_second() -> None:
    hosts = {
        f"w{number}": {
            **HOSTS["w1"],
            "dbrw_server_id": number,
            "dbrw_offset": number,
            "dbrw_increment": 100,
            "dbrw_address": f"10.0.1.{number}",
        }
        for number in range(1, 101)
    }
    began = time.process_time()
    found = topology({"write_servers": [*hosts], "all": [*hosts]}, hosts)
    assert time.process_time() - began < 1
    assert len(found["write_servers"]) == 100
