# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of a table's partitions lie.

Only SHOW CREATE TABLE tells it to a user without the privilege PROCESS.
"""

from __future__ import annotations

import re

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import quote_table

# A partition as SHOW CREATE TABLE describes it, in order, a line each.
_DESCRIBED = re.compile(r"^[ (]PARTITION .* VALUES LESS THAN .*$", re.MULTILINE)
_DIRECTORY = re.compile(r" DATA DIRECTORY = '((?:[^'\\]|\\.|'')*)'")


def data_directories(server: Server, schema: str, table: str, count: int) -> list[str | None]:
    """Return the data directory of each of ``count`` range partitions (None: the server's own).

    Raises ``Refused`` when the server describes another number of them.
    """
    (row,) = server.rows(f"SHOW CREATE TABLE {quote_table(schema, table)}")
    found = directories_of(str(row["Create Table"]))
    if len(found) != count:
        raise Refused(
            [
                f"server {server.address}, table {schema}.{table} has {count} partitions, and SHOW "
                f"CREATE TABLE describes {len(found)}. If another session changes them just now, "
                "run this again; otherwise look for line breaks in names and comments."
            ]
        )
    return found


def directories_of(create_table: str) -> list[str | None]:
    """Return the data directory of each range partition that SHOW CREATE TABLE describes."""
    found = (_DIRECTORY.search(line) for line in _DESCRIBED.findall(create_table))
    return [place[1] if place else None for place in found]
