# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The passwords that a replica has stored for its channels, where they can be seen.

MySQL has them in a table. MariaDB shows them in no SQL; it keeps each channel's settings in a
file of its data directory, which root and the server's own user can read.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_observation import (
    SELECT_DENIED,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

# The lines of MariaDB's file that are read here. The first one counts the lines, and what
# stands before the port has not changed since the file's first version.
_LINES = {"source_host": 3, "source_user": 4, "password": 5, "source_port": 6}


def stored(server: Server, rows: Sequence[Row]) -> dict[Any, Secret]:
    """Return by channel the passwords that can be seen from here; ``rows`` are the channels'."""
    if server.dialect.shows_channel_passwords:
        return _from_table(server)
    return _from_files(server, rows) if rows else {}


def _from_table(server: Server) -> dict[Any, Secret]:
    try:
        rows = server.rows(
            "SELECT Channel_name AS name, User_password AS password FROM mysql.slave_master_info"
        )
    except ServerError as error:
        if error.number != SELECT_DENIED:
            raise
        # Not every login may read the table.
        return {}
    return {row["name"]: Secret(_text(row["password"])) for row in rows}


def _from_files(server: Server, rows: Sequence[Row]) -> dict[Any, Secret]:
    said = server.row("SELECT @@GLOBAL.datadir AS folder, @@GLOBAL.hostname AS host")
    if said["host"] != socket.gethostname():
        # The module runs elsewhere, where the same folder may be another server's.
        return {}
    found: dict[tuple[str, str, int], list[Secret]] = {}
    try:
        # A file's name is the channel's in an encoding of the server's own. No two channels
        # have one source, so the source tells them apart, too.
        for file in Path(said["folder"]).glob("master*.info"):
            lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
            told = {name: lines[number] for name, number in _LINES.items()}
            source = (told["source_host"], told["source_user"], int(told["source_port"]))
            found.setdefault(source, []).append(Secret(told["password"]))
    except (OSError, IndexError, ValueError):
        # Not for this user to read, elsewhere, or another server's: then nobody knows.
        return {}
    passwords = {}
    for row in rows:
        source = (str(row["source_host"]), str(row["source_user"]), int(row["source_port"] or 0))
        if len(found.get(source, ())) == 1:
            (passwords[row["name"]],) = found[source]
    return passwords


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
