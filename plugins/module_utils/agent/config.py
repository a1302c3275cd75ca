# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent is told: which server is its own, and how it and the other members are reached."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Login
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Member,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

# An answer that is later than this is none: a server that hangs must not keep the set closed.
_ANSWER_SECONDS = 10.0
_TEXTS = ("set", "member", "socket", "user", "password", "monitor_user", "monitor_password")


class NotUsable(Exception):
    """A configuration that cannot be used; the message tells no password."""


@dataclass(frozen=True)
class Config:
    """The set, this server's name in it, and the logins by the members' names."""

    set_name: str
    member: str
    members: tuple[Member, ...]
    logins: Mapping[str, Login]
    state_file: Path


def read_config(path: Path) -> Config:
    """Read a configuration, a JSON file that only its owner reads. Raises ``NotUsable``."""
    try:
        if path.stat().st_mode & 0o077:
            raise NotUsable(f"others can read {path}, which has passwords in it: chmod 0600 {path}")
        given = json.loads(path.read_text(encoding="utf-8"))
        return _config(path, given)
    except OSError as error:
        raise NotUsable(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        said = error if isinstance(error, ValueError) else f"{type(error).__name__} {error}"
        raise NotUsable(f"{path} is no configuration of an agent: {said}") from None


def _config(path: Path, given: dict[str, Any]) -> Config:
    missing = [name for name in (*_TEXTS, "members") if not given.get(name)]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    members = tuple(
        Member(str(one["name"]), str(one["host"]), int(one.get("port", 3306)))
        for one in given["members"]
    )
    member = str(given["member"])
    if member not in [one.name for one in members]:
        raise ValueError(f"member is {member}, which is none of members")
    seconds = float(given.get("connect_timeout", 2))
    own = Login(
        unix_socket=given["socket"],
        user=given["user"],
        password=Secret(given["password"]),
        connect_timeout=seconds,
        read_timeout=_ANSWER_SECONDS,
    )
    ca_cert = given.get("ca_cert") or None
    if ca_cert and not os.access(ca_cert, os.R_OK):
        # It would ask nobody, and not see that another has taken over.
        raise ValueError(f"its ca_cert {ca_cert} cannot be read by this user")

    def other(one: Member) -> Login:
        return Login(
            host=one.host,
            port=one.port,
            user=given["monitor_user"],
            password=Secret(given["monitor_password"]),
            ca_cert=ca_cert,
            check_hostname=bool(ca_cert) or None,
            unverified_tls=bool(given.get("tls", True)) and not ca_cert,
            connect_timeout=seconds,
            read_timeout=_ANSWER_SECONDS,
        )

    return Config(
        str(given["set"]),
        member,
        members,
        {one.name: own if one.name == member else other(one) for one in members},
        Path(given.get("state_file") or f"{path}.state"),
    )
