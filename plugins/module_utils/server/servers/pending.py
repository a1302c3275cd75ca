# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's option file says, and the server does not run with yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    HostFacts,
    Pending,
    pending,
)

# The groups of an option file that servers read, also with their version behind a hyphen.
_GROUPS = {
    MYSQL: ("mysqld", "server"),
    MARIADB: ("mysqld", "server", "mariadb", "mariadbd", "galera"),
}


def read(server: Server, facts: HostFacts, now: datetime) -> tuple[Pending, ...]:
    """Return what was written since the server was started and would be new after a restart.

    ``now`` is the server's clock, which is its host's.
    """
    row = server.row("SHOW GLOBAL STATUS LIKE 'Uptime'")
    started = now - timedelta(seconds=int(row["Value"]))
    if facts.changed_at is None or facts.changed_at <= started:
        return ()
    version = ".".join(map(str, server.version[:2]))
    plain = _GROUPS[server.flavour]
    changed = facts.changed([*plain, *(f"{group}-{version}" for group in plain)])
    return pending(changed, server.variables(*changed)) if changed else ()
