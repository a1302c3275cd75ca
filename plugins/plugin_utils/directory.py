# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugins that ask the directory have in common: their options, and what was said."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    PYMYSQL_ERROR,
    Login,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.directory.asking import (
    Asked,
    Question,
    What,
    ask,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.told import (
    NOTHING_SAID,
    Address,
    Version,
    addresses_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    collect,
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

# From which variables options are taken, as the fragment says.
VARIABLES = frozenset(
    {
        "fabric_members",
        "fabric_user",
        "dbrw_directory_password",
        "fabric_ca_cert",
        "fabric_check_hostname",
        "dbrw_require_tls",
        "fabric_timeout_seconds",
    }
)
# The newest version that any of these members has told to this process, or to the one that it is a
# fork of: a lookup does not fall behind the inventory.
_said: dict[frozenset[Address], Version] = {}


def answer(option: Callable[[str], Any], question: Question[What]) -> Asked[What]:
    """Put a question to the members that the options of ``dbrw.sharding.directory`` name.

    Raises ``Refused``.
    """
    members, login, seconds = _judged(option)
    known = frozenset(members)
    asked = ask(members, login, question, seconds, _said.get(known, NOTHING_SAID))
    _said[known] = asked.version
    return asked


def _judged(option: Callable[[str], Any]) -> tuple[list[Address], Login, float]:
    problems: list[Any] = []
    members: list[Address] = []
    with collect(problems, "members"):
        members = addresses_of(option("members") or [])
    seconds = float(option("timeout_seconds"))
    if seconds <= 0 or math.isnan(seconds):
        problems.append(f"timeout_seconds is {seconds}; it must be above 0.")
    ca_cert = option("ca_cert") or None
    if option("require_tls") and not ca_cert:
        problems.append(
            "ca_cert is not set, and without it nobody knows who answers; name the authority that "
            "signed the members' certificates, or set require_tls to false on a network that you "
            "trust."
        )
    # Of an empty text Ansible makes the folder that it stands in.
    if ca_cert and not (Path(ca_cert).is_file() and os.access(ca_cert, os.R_OK)):
        problems.append(
            f"ca_cert: {ca_cert} is no file that can be read here, on the control node."
        )
    password = option("password")
    if not password:
        problems.append(f"password is not set; it is that of the account {option('user')}.")
    if PYMYSQL_ERROR:
        problems.append("PyMySQL is missing here; install it for Ansible's own Python.")
    refuse_if_any(problems)
    login = Login(
        user=str(option("user")),
        password=Secret(str(password)),
        ca_cert=ca_cert,
        check_hostname=bool(option("check_hostname")) if ca_cert else None,
        connect_timeout=seconds,
        read_timeout=seconds,
    )
    return members, login, seconds


def worked_out(variables: Mapping[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the variables that options are taken from, without templates.

    Ansible would take them as they are written; one with a vault's password is a template mostly.
    """
    return {name: template(variables[name]) for name in VARIABLES if name in variables}


def forget() -> None:
    """Forget which versions were told, as a new process does."""
    _said.clear()
