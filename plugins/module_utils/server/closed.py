# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are closed: only replication writes there, and, with effort, an administrator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

# MySQL: super_read_only brings read_only with it, and read_only = 0 takes both away. MariaDB has
# nothing that keeps administrators from writing.
CLOSE = {
    MARIADB: Statement("SET GLOBAL read_only = 1"),
    MYSQL: Statement("SET GLOBAL super_read_only = 1"),
}
OPEN = Statement("SET GLOBAL read_only = 0")
# Whether administrators can write on a server that is closed so.
ADMINISTRATORS_WRITE = {MARIADB: True, MYSQL: False}
_LIFTED = "SET GLOBAL super_read_only = 0"


def closed_and_lifted(server: Server) -> tuple[bool, bool]:
    """Tell whether applications cannot write, and whether administrators can all the same."""
    said = server.variables("read_only", "super_read_only")
    closed = said["read_only"] in ("ON", "1")
    return closed, closed and said["super_read_only"] == "OFF"


@contextmanager
def lifted(server: Server) -> Iterator[None]:
    """Let an administrator write on a closed server; it is as before on every way out.

    It stays closed to applications meanwhile. A server that is open, or lets administrators write
    anyhow, stays as it is.
    """
    closed = server.variables("super_read_only")["super_read_only"] == "ON"
    if closed:
        server.rows(_LIFTED)
    try:
        yield
    finally:
        # One that was opened meanwhile is the active writer now.
        if closed and closed_and_lifted(server)[1]:
            server.rows(CLOSE[server.flavour].sql)
