# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged in by an account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import (
    Done,
    Params,
    Question,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server


@dataclass(frozen=True)
class Session:
    """A session: the server's number of it, from where, what it does, and for how many seconds."""

    id: int
    host: str
    command: str
    seconds: int


class AccountSessionsInfo(Question[str, Sequence[Session]]):
    """The sessions of one account, whatever host they come from."""

    options = {"name": {"type": "str", "required": True}}

    def desired(self, params: Params) -> str:
        return str(params["name"])

    def current(self, server: Server, desired: str) -> Sequence[Session]:
        rows = server.rows(
            "SELECT ID AS id, HOST AS host, COMMAND AS command, TIME AS seconds "
            "FROM information_schema.PROCESSLIST WHERE USER = %s AND ID <> CONNECTION_ID() ORDER BY ID",
            desired,
        )
        return [
            Session(int(row["id"]), str(row["host"]), str(row["command"]), int(row["seconds"] or 0))
            for row in rows
        ]

    def result(
        self, server: Server, desired: str, current: Sequence[Session], plan: Plan, done: Done
    ) -> dict[str, Any]:
        return {"sessions": [asdict(one) for one in current]}
