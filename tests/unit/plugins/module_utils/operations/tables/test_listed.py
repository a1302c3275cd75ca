"""Options of several tables in one call."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.listed import (
    each_table,
)


def test_a_tables_own_option_comes_first() -> None:
    tables = [{"schema": None, "name": "a"}, {"schema": "t", "name": "b"}]
    assert each_table({"tables": tables, "schema": "s", "name": None}, ["schema", "name"]) == [
        {"schema": "s", "name": "a"},
        {"schema": "t", "name": "b"},
    ]
