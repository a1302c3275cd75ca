# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's clock."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import parse_moment


def utc_now(server: Server) -> datetime:
    """Return the server's clock in UTC, without a time zone."""
    now = server.row("SELECT UTC_TIMESTAMP() AS now")["now"]
    return now if isinstance(now, datetime) else parse_moment(str(now))
