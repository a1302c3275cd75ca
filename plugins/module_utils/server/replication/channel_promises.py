# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a channel is promised, and whether this server can keep it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    PROMISES,
    Channel,
)

SELECT_DENIED = 1142
_ACCOUNT = re.compile(r"'(.*)'@'(.*)'")


def problems(server: Server, desired: Sequence[Channel]) -> list[str]:
    """Say what is asked for that this server has no word for, no room, or no account."""
    found: list[str] = []
    for channel in desired:
        if channel.state == ABSENT:
            continue
        given = channel.settings.given()
        found.extend(channel.too_long(server.dialect.flavour))
        found.extend(
            f"channel {channel.name}: {name} is asked for, and server {server.address} "
            f"({server.version_text}) does not have this setting; leave it out "
            "for this server."
            for name in PROMISES
            if given.get(name) and name not in server.dialect.channel_options
        )
        user = given.get("privilege_checks_user")
        told = "privilege_checks_user" in server.dialect.channel_options
        if user and told and not _exists(server, user):
            found.append(
                f"channel {channel.name}: privilege_checks_user {user} is not an account of server "
                f"{server.address}; create it first, with REPLICATION_APPLIER and what the rows "
                f"need."
            )
    return found


def user_and_host(account: str) -> tuple[str, str]:
    """Return both parts of ``user@host``; the last @ is the one between them."""
    user, _rest, host = account.rpartition("@")
    return user, host


def applier_settings(server: Server) -> dict[Any, dict[str, Any]]:
    """Return by channel what only MySQL has and SHOW REPLICA STATUS leaves out."""
    if "require_row_format" not in server.dialect.channel_options:
        return {}
    try:
        rows = server.rows(
            "SELECT CHANNEL_NAME AS name, REQUIRE_ROW_FORMAT AS required, "
            "PRIVILEGE_CHECKS_USER AS account "
            "FROM performance_schema.replication_applier_configuration"
        )
    except ServerError as error:
        if error.number != SELECT_DENIED:
            raise
        # A monitor may ask for the status and not for this; then it is not shown.
        return {}
    return {
        row["name"]: {
            "require_row_format": row["required"],
            "privilege_checks_user": _plain(str(row["account"] or "")),
        }
        for row in rows
    }


def _plain(account: str) -> str:
    """Return an account that is shown as 'user'@'host', each a string of SQL."""
    return re.sub(r"\\(.)", r"\1", _ACCOUNT.sub(r"\1@\2", account))


def _exists(server: Server, account: str) -> bool:
    try:
        return bool(
            server.rows(
                "SELECT 1 AS there FROM mysql.user WHERE User = %s AND Host = %s",
                *user_and_host(account),
            )
        )
    except ServerError as error:
        if error.number != SELECT_DENIED:
            raise
        # The server refuses it itself (3926) when this login may not look.
        return True
