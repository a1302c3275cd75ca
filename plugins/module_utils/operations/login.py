# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how to log in, the same for every module."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Params
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Login
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

LOGIN_OPTIONS: dict[str, dict[str, Any]] = {
    "login_host": {"type": "str"},
    "login_port": {"type": "int"},
    "login_user": {"type": "str"},
    "login_password": {"type": "str", "no_log": True},
    "login_unix_socket": {"type": "str"},
    "config_file": {"type": "path", "default": "~/.my.cnf"},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca"]},
    "client_cert": {"type": "path", "aliases": ["ssl_cert"]},
    "client_key": {"type": "path", "aliases": ["ssl_key"]},
    "check_hostname": {"type": "bool"},
    "connect_timeout": {"type": "int", "default": 10},
}


def login_of(params: Params, read_timeout: float | None) -> Login:
    """Return the login that options named as ``LOGIN_OPTIONS`` describe; ``read_timeout`` in s."""
    password = params["login_password"]
    return Login(
        host=params["login_host"],
        port=params["login_port"],
        user=params["login_user"],
        password=None if password is None else Secret(password),
        unix_socket=params["login_unix_socket"],
        config_file=params["config_file"],
        ca_cert=params["ca_cert"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        check_hostname=params["check_hostname"],
        connect_timeout=params["connect_timeout"],
        read_timeout=read_timeout,
    )


def timeout_problems(seconds: float) -> list[str]:
    """Say whether ``read_timeout_seconds`` is none."""
    if seconds >= 1:
        return []
    return [f"read_timeout_seconds is {seconds}; it must be at least 1."]
