# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading which GTIDs a replica has applied, and adding to them."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

# MariaDB in strict mode: the server has logged statements of its own, in a domain that the
# position lacks.
MISSING_DOMAIN = 1948

_KNOWN = {
    MYSQL: "SELECT @@GLOBAL.gtid_executed AS gtids",
    MARIADB: "SELECT @@GLOBAL.gtid_slave_pos AS gtids",
}
_ADD = {
    # A set that begins with + is added to what is there.
    MYSQL: "SET GLOBAL gtid_purged = CONCAT('+', %s)",
    # The server adds to what is there when this runs, not to what was read before:
    # a channel may have gone on until it was stopped.
    MARIADB: "SET GLOBAL gtid_slave_pos = CONCAT_WS(',', NULLIF(@@GLOBAL.gtid_slave_pos, ''), %s)",
}


def known(server: Server) -> str:
    """Return what has been applied: a set on MySQL, a position on MariaDB."""
    return str(server.row(_KNOWN[server.dialect.flavour])["gtids"] or "").replace("\n", "")


def statement(step: Step, server: Server) -> Statement:
    """Return the SQL of a seed step."""
    return Statement(_ADD[server.dialect.flavour], (step.value,))
