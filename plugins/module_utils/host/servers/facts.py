# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host tells of its server: disks, and the option file. Nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.config_change import KEPT
from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import (
    NotUnderstood,
    Option,
    entries,
    option_name,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import MASK
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.config_lines import (
    is_secret,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    Disk,
    HostFacts,
    WrittenSetting,
)


def read(config_file: Path, datadir: Path) -> HostFacts:
    """Return the disks of data and binary logs, and the option file as it is and as it was.

    Of the files that it includes nothing is looked at. Raises ``Refused`` for a file that is not
    understood, and for a folder that is not there.
    """
    settings = _settings(config_file)
    return HostFacts(
        _disks([datadir, _binary_logs(settings or (), datadir)]),
        _written_at(config_file) if settings is not None else None,
        settings or (),
        _settings(config_file.with_name(config_file.name + KEPT)),
    )


def _settings(file: Path) -> tuple[WrittenSetting, ...] | None:
    """Return what a file says, without secrets; None: there is none."""
    if not file.is_file():
        return None
    found = []
    try:
        for entry in entries(file.read_bytes()):
            if isinstance(entry, Option):
                name, group = _text(entry.name), _text(entry.group)
                value = None if entry.value is None else _text(entry.value)
                secret = value is not None and is_secret(name)
                found.append(WrittenSetting(group, name, MASK if secret else value))
    except NotUnderstood as error:
        raise Refused(
            [f"{file}, line {error.line}: {error}; correct it, or name another config_file."]
        ) from None
    return tuple(found)


def _text(written: bytes) -> str:
    return written.decode(errors="replace")


def _written_at(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).replace(tzinfo=None)


def _binary_logs(settings: Sequence[WrittenSetting], datadir: Path) -> Path:
    """Return the folder of the binary logs; a name without a folder is in the data directory."""
    named = [one.value for one in settings if option_name(one.name) == "log_bin" and one.value]
    return (datadir / named[-1]).parent if named else datadir


def _disks(folders: Sequence[Path]) -> tuple[Disk, ...]:
    found: dict[int, Disk] = {}
    for folder in dict.fromkeys(folders):
        try:
            room, device = os.statvfs(folder), folder.stat().st_dev
        except OSError as error:
            raise Refused(
                [f"The folder {folder} cannot be looked at: {error.strerror}; correct its name."]
            ) from None
        if device in found:
            continue
        free = room.f_bavail * room.f_frsize
        # As df counts: what only root may use is neither.
        used = (room.f_blocks - room.f_bfree) * room.f_frsize
        found[device] = Disk(str(folder), used + free, free)
    return tuple(found.values())
