# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role mysqld: what of them no configuration file could say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import (
    grammar,
    option_file,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.inventory_variables import (
    BY_NAME,
)

JUDGES: dict[str, grammar.Judge] = {
    "service": grammar.text,
    "user": grammar.text,
    "config_file": grammar.file,
    "include_dir": grammar.optional(grammar.path),
    "client_config_file": grammar.optional(grammar.file),
    "datadir": grammar.path,
    "socket": grammar.path,
    "log_error": grammar.path,
    "bind_address": grammar.bind_address,
    **{name: BY_NAME[name].in_range() for name in ("port", "server_id", "gtid_domain_id")},
    # Its seconds are a number of 32 bits.
    "binlog_expire_days": grammar.between(0, (2**32 - 1) // 86400),
}
TLS_FILES = ("ca", "cert", "key")


def problems(given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with variables of the role, named without their prefix mysqld_."""
    found = []
    for name, judge in JUDGES.items():
        if name in given:
            found += grammar.told(f"mysqld_{name}", given[name], judge)
    found += [
        f"mysqld_settings: {problem}."
        for problem in option_file.problems(given.get("settings", {}))
    ]
    return found + _tls_problems(given.get("tls", {}))


def _tls_problems(files: Any) -> list[str]:
    if not isinstance(files, Mapping):
        return [f"mysqld_tls is {files!r}: it must be a dictionary with {', '.join(TLS_FILES)}."]
    unknown = sorted({str(name) for name in files} - set(TLS_FILES))
    found = [f"mysqld_tls has {name!r}: it knows only {', '.join(TLS_FILES)}." for name in unknown]
    for name in TLS_FILES:
        if name in files:
            found += grammar.told(f"mysqld_tls, {name},", files[name], grammar.text)
    return found
