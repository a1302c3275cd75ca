# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's host tells of it: its disks, and its option file beside the one it came up with."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import option_name

# What an option without a value is, and what servers call on and off.
_ON = "1"
_SWITCHES = {"on": _ON, "true": _ON, "off": "0", "false": "0"}
_UNITS = {unit: 1024**power for power, unit in enumerate("kmgtpe", 1)}


@dataclass(frozen=True)
class Disk:
    """The disk that a folder of a server is on; ``free_bytes`` are those that not only root has."""

    folder: str
    size_bytes: int
    free_bytes: int

    @property
    def free_percent(self) -> float:
        """How much of it is free."""
        return self.free_bytes / self.size_bytes * 100 if self.size_bytes else 0.0


@dataclass(frozen=True)
class WrittenSetting:
    """A setting as an option file has it; ``value`` None: without a value."""

    group: str
    name: str
    value: str | None


@dataclass(frozen=True)
class HostFacts:
    """What a host tells of its server.

    ``started_with`` is what the option file had when the server last came up, as far as somebody
    has kept it; None: nobody has. ``changed_at`` is when the file was written, in UTC; None: there
    is none. ``unknown`` is the reason why nothing is known of the host.
    """

    disks: tuple[Disk, ...] = ()
    changed_at: datetime | None = None
    settings: tuple[WrittenSetting, ...] = ()
    started_with: tuple[WrittenSetting, ...] | None = None
    unknown: str = ""

    def changed(self, groups: Collection[str]) -> dict[str, str | None]:
        """Return what the file says otherwise than when the server came up, by name.

        ``groups`` are those that the server reads. None stands for a setting that is gone.
        """
        present, before = (_last(those, groups) for those in (self.settings, self.started_with))
        names = dict.fromkeys([*present, *before])
        return {name: present.get(name) for name in names if present.get(name) != before.get(name)}


@dataclass(frozen=True)
class Pending:
    """A setting that the next start brings: the running value, and the one in the option file.

    ``running`` None: the server does not show it. ``written`` None: the file has it no longer.
    """

    name: str
    running: str | None
    written: str | None


def pending(
    changed: Mapping[str, str | None], running: Mapping[str, str | None]
) -> tuple[Pending, ...]:
    """Return those of the changed settings that the server does not have already."""
    return tuple(
        Pending(name, running.get(name), written)
        for name, written in sorted(changed.items())
        if not _same(written, running.get(name))
    )


def _last(those: Sequence[WrittenSetting] | None, groups: Collection[str]) -> dict[str, str | None]:
    """Return what counts of each setting: the last line, whatever group it is in."""
    return {
        option_name(one.name): _ON if one.value is None else one.value
        for one in those or ()
        if one.group in groups
    }


def _same(written: str | None, running: str | None) -> bool:
    return written is not None and running is not None and _plain(written) == _plain(running)


def _plain(value: str) -> str | float:
    """Return a value as it can be compared: files have units and words, servers numbers."""
    text = _SWITCHES.get(value.strip().lower(), value.strip().lower())
    with_unit = re.fullmatch(r"([0-9]+)([kmgtpe])", text)
    if with_unit:
        return float(int(with_unit[1]) * _UNITS[with_unit[2]])
    return float(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else text
