# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the managed host."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile


def read_file(path: str) -> ConfigFile:
    """Return a file as it is; its text is None where there is none."""
    file = Path(path)
    return ConfigFile(path, file.read_text(encoding="utf-8") if file.is_file() else None)
