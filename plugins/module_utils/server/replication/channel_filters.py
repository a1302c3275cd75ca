# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words in which each flavour keeps channels' filters.

Sources: MySQL Reference Manual, "CHANGE REPLICATION FILTER" and "Replication
Channel Based Filters"; MariaDB Knowledge Base, "Replication Filters".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channel_filters import (
    FiltersFile,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import (
    MARIADB,
    MYSQL,
    Dialect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    DATABASES,
    REWRITE,
    TABLES,
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
    quote_table,
)

# The variables and options of both flavours, and the columns of their status.
WORDS = {
    "do_databases": "replicate_do_db",
    "ignore_databases": "replicate_ignore_db",
    "do_tables": "replicate_do_table",
    "ignore_tables": "replicate_ignore_table",
    "wild_do_tables": "replicate_wild_do_table",
    "wild_ignore_tables": "replicate_wild_ignore_table",
    "rewrite_databases": "replicate_rewrite_db",
}
LINES = {
    MYSQL: "{word} = {channel}:{filter}\n",
    MARIADB: "{channel}.{word} = {filter}\n",
}
# Where a server shows its own filters, if not as variables.
_GLOBAL = {
    MYSQL: "SELECT FILTER_NAME AS name, FILTER_RULE AS rule "
    "FROM performance_schema.replication_applier_global_filters"
}
SELECT_DENIED = 1142
# How the status shows one rewrite.
_REWRITES = {
    MYSQL: re.compile(r"\(([^,()]*),([^()]*)\)"),
    MARIADB: re.compile(r"([^,]*?)->([^,]*)"),
}


def of(dialect: Dialect, row: Row) -> Filters:
    """Return the filters in a row of the channels' status."""
    shown = {str(column).lower(): str(value or "") for column, value in row.items()}
    given: dict[str, Any] = {
        kind: [part for part in shown.get(word, "").split(",") if part]
        for kind, word in WORDS.items()
        if kind != REWRITE
    }
    pairs = _REWRITES[dialect.flavour].findall(shown.get(WORDS[REWRITE], ""))
    given[REWRITE] = [{"from": old, "to": new} for old, new in pairs]
    return Filters.of(given)


def inherited(server: Server) -> Filters:
    """Return the server's own filters, which a channel gets when it is made.

    MySQL's are those of its configuration or of CHANGE REPLICATION FILTER without a
    channel, MariaDB's those of its configuration.
    """
    if server.dialect.flavour not in _GLOBAL:
        return of(server.dialect, server.variables(*WORDS.values()))
    try:
        rows = server.rows(_GLOBAL[server.dialect.flavour])
    except ServerError as error:
        if error.number != SELECT_DENIED:
            raise
        # A login that may not look is not told; then it is as without.
        return Filters()
    return of(server.dialect, {row["name"]: row["rule"] for row in rows})


def file(server: Server, path: ConfigFile) -> FiltersFile:
    """Return the file with the way in which this server writes filters."""
    return FiltersFile(path, LINES[server.flavour], WORDS)


def change(dialect: Dialect, channel: str, filters: Mapping[str, tuple[Any, ...]]) -> Statement:
    """Return the statement that sets kinds of filters; the channel must not apply."""
    return _CHANGES[dialect.flavour](channel, filters)


def _change_on_mysql(channel: str, filters: Mapping[str, tuple[Any, ...]]) -> Statement:
    parts: list[str] = []
    values: list[str] = []
    for kind, wanted in filters.items():
        if kind in DATABASES:
            rules = [quote_identifier(name) for name in wanted]
        elif kind in TABLES:
            rules = [quote_table(*name.split(".", 1)) for name in wanted]
        elif kind == REWRITE:
            rules = [f"({quote_identifier(old)}, {quote_identifier(new)})" for old, new in wanted]
        else:
            rules = ["%s"] * len(wanted)
            values.extend(wanted)
        parts.append(f"{WORDS[kind].upper()} = ({', '.join(rules)})")
    sql = f"CHANGE REPLICATION FILTER {', '.join(parts)} FOR CHANNEL %s"
    return Statement(sql, (*values, channel))


def _change_on_mariadb(channel: str, filters: Mapping[str, tuple[Any, ...]]) -> Statement:
    connection = f"{quote_identifier(channel)}." if channel else ""
    parts = [f"GLOBAL {connection}{WORDS[kind]} = %s" for kind in filters]
    values = [
        ",".join("->".join(one) if kind == REWRITE else one for one in wanted)
        for kind, wanted in filters.items()
    ]
    return Statement(f"SET {', '.join(parts)}", tuple(values))


_CHANGES = {MYSQL: _change_on_mysql, MARIADB: _change_on_mariadb}
