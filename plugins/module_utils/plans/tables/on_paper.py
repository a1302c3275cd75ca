# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules would refuse of an inventory only when their servers' turn has come.

The values are of the right types already: values/servers/value_types.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.id_columns import (
    floor_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import gtid_seed
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.month_archive import (
    pattern_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.days_kept import (
    UPDATED_WITHIN_HOURS,
    days_kept_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Reason
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import (
    named_twice,
    system_schema_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    collect,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.value_types import (
    is_template,
    is_true,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.create_table import (
    definition_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    months_of,
    now_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    READ,
    Index,
    UsageTable,
)


def problems_of_tables(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with usage tables as they are described."""
    known = [one for one in tables if not _has_template(one)]
    found: list[Reason] = [
        *named_twice("dbrw_usage_tables", (f"{one['schema']}.{one['name']}" for one in known))
    ]
    for table in known:
        with collect(found, f"dbrw_usage_tables, {table['schema']}.{table['name']}"):
            _judge_table(table)
    return list(map(str, found))


def problems_of_server(given: Mapping[str, Any], sources: Sequence[str]) -> list[str]:
    """Return what is wrong with a server's other values; ``sources`` are its channels' names."""
    found: list[Reason] = [
        *gtid_seed.problems_of(given.get("replication_gtid_seed") or ()),
        *floor_problems(given.get("next_id_above") or {}),
    ]
    filters = given.get("replication_filters")
    if filters and not _has_template(filters):
        # Those of one channel are those of all.
        said = (Filters.of(filters).problems(source) for source in sources)
        found += next((problems for problems in said if problems), [])
    with collect(found):
        now_of(given)
    return [f"dbrw_{one}" if str(one).startswith(_OPTIONS) else str(one) for one in found]


# Options of modules whose variables have the same name.
_OPTIONS = ("next_id_above:", "now:")


def _judge_table(given: Mapping[str, Any]) -> None:
    """Raise ``Refused`` with what is wrong with one table."""
    table = UsageTable(
        given["schema"],
        given["name"],
        given["definition"],
        READ,
        given.get("id_column") or "id",
        given["time_column"],
        tuple(
            Index.parse(index["name"], index["columns"], is_true(index.get("unique")))
            for index in given.get("indexes") or ()
        ),
    )
    problems: list[Reason] = [
        *table.problems(),
        *system_schema_problems("archive_schema", given.get("archive_schema") or ""),
    ]
    if given.get("archive_table"):
        problems += pattern_problems(given["archive_table"])
    problems += _retention_problems({name: _number(value) for name, value in given.items()})
    with collect(problems):
        months_of({name: _number(value) for name, value in given.items() if name in _MONTHS})
    with collect(problems):
        definition_of(table)
    refuse_if_any(problems)


def _retention_problems(table: Mapping[str, Any]) -> list[str]:
    """Say why rows cannot leave the write servers when the table's description says."""
    hours = table.get("updated_within_hours")
    if table.get("days_kept") is None:
        return []
    return days_kept_problems(
        table["days_kept"],
        UPDATED_WITHIN_HOURS if hours is None else hours,
        table.get("months_kept"),
    )


# What months_of takes that modules take from an inventory.
_MONTHS = (
    *("months_ahead", "months_kept", "first_month", "max_drops", "past", "cold_after_months"),
    *("cold_data_directory", "max_moves"),
)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _has_template(value: Any) -> bool:
    """Whether some part of a value is worked out later."""
    if isinstance(value, Mapping):
        return any(map(_has_template, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_template, value))
    return is_template(value)
