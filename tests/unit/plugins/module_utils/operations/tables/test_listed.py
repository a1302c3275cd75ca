"""Options of several tables in one call."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.listed import (
    each_table,
    option,
    read_each,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

OF_A_TABLE = {"schema": {"type": "str"}, "at": {"type": "str"}}


def test_a_tables_own_option_comes_first() -> None:
    tables = [{"schema": None, "name": "a"}, {"schema": "t", "name": "b"}]
    assert each_table({"tables": tables, "schema": "s", "name": None}, ["schema", "name"]) == [
        {"schema": "s", "name": "a"},
        {"schema": "t", "name": "b"},
    ]


def test_a_table_of_a_list_has_a_name_and_what_is_required() -> None:
    assert option(OF_A_TABLE, key="name", required=("at",))["options"] == {
        "name": {"type": "str", "required": True},
        "schema": {"type": "str"},
        "at": {"type": "str", "required": True},
    }
    assert set(option(OF_A_TABLE)["options"]) == {"table", "schema", "at"}


def test_what_tables_lack_is_said_with_all_else() -> None:
    params = {"tables": [{"name": "a"}, {"name": "b", "at": "t"}], "schema": "s", "at": None}

    def read(given: object) -> object:
        raise Refused([f"wrong: {given}."])

    with pytest.raises(Refused) as refused:
        read_each(params, OF_A_TABLE, read, ["now."], key="name", needed=("schema", "at"))
    assert refused.value.problems == [
        "now.",
        "tables: a has no at; give it there, or once for all tables at the module's own level.",
        "s.b: wrong: {'name': 'b', 'schema': 's', 'at': 't'}.",
    ]
    one = {"tables": None, "schema": "s", "name": "a", "at": "t"}
    assert read_each(one, OF_A_TABLE, dict, key="name") == (
        {"name": "a", "schema": "s", "at": "t"},
    )
