"""No module takes a server's own schema for one of usage data, and none asks a server first."""

from __future__ import annotations

from typing import Any

import pytest

NOWHERE = {"login_unix_socket": "/nowhere"}
TABLE = {
    "name": "t",
    "definition": "CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME NOT NULL)",
    "time_column": "at",
    "shape": "write",
}
MONTHS = {"schema": "usage_data", "table": "t"}
PAIR = {"increment": 20, "offset": 1}


@pytest.mark.parametrize("schema", ["mysql", "MySQL", "sys", "information_schema"])
@pytest.mark.parametrize(
    ("module", "options", "option"),
    [
        ("mysql_usage_table", TABLE, "schema"),
        ("mysql_usage_table_info", {"name": "t"}, "schema"),
        ("mysql_month_partition", {"table": "t"}, "schema"),
        ("mysql_month_partition", MONTHS, "archive_schema"),
        ("mysql_month_partition_info", {}, "schema"),
        ("mysql_autoinc_offset", PAIR, "check_schemas"),
        ("mysql_autoinc_offset", PAIR, "next_id_above"),
        ("mysql_replication_channel", {"channel": "w1"}, "required_tables"),
    ],
)
def test_a_system_schema_is_refused(
    run_module: Any, module: str, options: dict[str, Any], option: str, schema: str
) -> None:
    values: dict[str, Any] = {
        "check_schemas": [schema],
        "next_id_above": {f"{schema}.t": 1},
        "required_tables": [f"{schema}.t"],
    }
    given = {**NOWHERE, **options, option: values.get(option, schema)}
    result = run_module(module, None, **given)
    said = f"{option}: {schema} is a schema of the server itself; name one of your own."
    assert result["failed"] and said in result["msg"], result
