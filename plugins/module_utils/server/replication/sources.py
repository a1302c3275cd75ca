# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sources of channels say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.sources import Source
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import (
    Answers,
    ask_servers,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channels import (
    source_login,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers import settings as judged
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.identity import VARIABLES


def describe(server: Server) -> Source:
    """Return what matters of a server for those that follow it."""
    variables = {**judged.read(server), **server.variables(*VARIABLES)}
    said = server.row(server.dialect.source_position)
    position, uuid = (str(said[name] or "") for name in ("position", "uuid"))
    return Source(server.dialect.flavour, variables, position.replace("\n", ""), uuid)


def describe_each(
    sources: Mapping[str, tuple[Settings, Secret]], seconds: float
) -> Answers[Source]:
    """Log in to the sources of channels, by name, each with its channel's account; describe them."""
    logins = {
        name: partial(source_login, settings, password, seconds)
        for name, (settings, password) in sources.items()
    }
    return ask_servers(logins, lambda _name, source: describe(source), seconds)
