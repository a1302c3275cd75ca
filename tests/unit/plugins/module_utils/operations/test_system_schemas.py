"""No module takes a server's own schema for one of usage data, and none asks a server first."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.ids.autoinc_offset import (
    AutoincOffset,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Operation
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.channel import (
    ReplicationChannel,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.month_partition import (
    MonthPartition,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.month_partition_info import (
    MonthPartitionInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.usage_table import (
    UsageTableOperation,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.usage_table_info import (
    UsageTableInfo,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from tests.support.options import desired

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
    ("operation", "options", "option"),
    [
        (UsageTableOperation, TABLE, "schema"),
        (UsageTableInfo, {"name": "t"}, "schema"),
        (MonthPartition, {"table": "t"}, "schema"),
        (MonthPartition, MONTHS, "archive_schema"),
        (MonthPartitionInfo, {}, "schema"),
        (AutoincOffset, PAIR, "check_schemas"),
        (AutoincOffset, PAIR, "next_id_above"),
        (ReplicationChannel, {"channel": "w1"}, "required_tables"),
    ],
)
def test_a_system_schema_is_refused(
    operation: type[Operation[Any, Any]], options: dict[str, Any], option: str, schema: str
) -> None:
    values: dict[str, Any] = {
        "check_schemas": [schema],
        "next_id_above": {f"{schema}.t": 1},
        "required_tables": [f"{schema}.t"],
    }
    with pytest.raises(Refused) as refused:
        desired(operation(), **{**options, option: values.get(option, schema)})
    said = f"{option}: {schema} is a system schema; name one of your own."
    assert said in str(refused.value)
