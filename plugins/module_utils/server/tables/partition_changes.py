# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing a table's partitions."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.months import (
    ADD,
    DROP,
    SPLIT,
    Change,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition_text import (
    partition_definitions,
)

# Where the words of ALTER TABLE ... PARTITION differ: MySQL can be told to fail
# rather than to block writers, and only before the clause that it is meant for
# (REORGANIZE needs LOCK=SHARED); MariaDB takes neither word there.
_ONLINE = {
    MYSQL: {
        ADD: "ALGORITHM=INPLACE, LOCK=NONE, ",
        SPLIT: "ALGORITHM=INPLACE, LOCK=SHARED, ",
        DROP: "ALGORITHM=INPLACE, LOCK=NONE, ",
    },
    MARIADB: {ADD: "", SPLIT: "", DROP: ""},
}


def statement(step: Step, server: Server) -> Statement:
    """Return the one ALTER TABLE of a step of ``plans.months``."""
    change: Change = step.value
    online = _ONLINE[server.flavour][step.action]
    head = f"ALTER TABLE {quote_table(change.table.schema, change.table.name)} {online}"
    old = ", ".join(quote_identifier(partition.name) for partition in change.old)
    if step.action == DROP:
        return Statement(f"{head}DROP PARTITION {old}")
    definitions, args = partition_definitions(change.table.scheme, change.new)
    new = ", ".join(definitions)
    if step.action == SPLIT:
        return Statement(f"{head}REORGANIZE PARTITION {old} INTO ({new})", args)
    return Statement(f"{head}ADD PARTITION ({new})", args)
