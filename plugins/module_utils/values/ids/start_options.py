# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server would be started with: the options of its files and of its command line."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import (
    HIGHEST,
    LOWEST,
    Autoinc,
)

# What a server's process is called, with MariaDB's own name for it.
MARIADBD, MYSQLD = "mariadbd", "mysqld"
PROGRAMS = (MARIADBD, MYSQLD)

INCREMENT, OFFSET = "auto-increment-increment", "auto-increment-offset"
LOAD = "persisted-globals-load"
INIT_FILE = "init-file"
SKIP_START = "skip-slave-start"
# Servers take the beginning of an option's name for it as long as no other begins so.
_SHORTEST = {
    INCREMENT: "auto-increment-i",
    OFFSET: "auto-increment-o",
    LOAD: "persisted",
    INIT_FILE: "init-f",
}
# Before any option's name: the largest value that it can be given.
_MAXIMUM = "maximum-"
_UNITS = "kmgtpe"


@dataclass(frozen=True)
class StartOption:
    """An option as it is written; ``value`` is None where none is given."""

    name: str
    value: str | None
    where: str

    def means(self, option: str) -> bool:
        """Tell whether it is this option, by whichever of its names."""
        return option.startswith(self.plain_name) and self.plain_name.startswith(_SHORTEST[option])

    @property
    def plain_name(self) -> str:
        """The option's name without what says how much it is meant."""
        return re.sub("^((loose|skip|disable|enable)-)*", "", self.name.replace("_", "-"))

    @property
    def is_on(self) -> bool:
        """What it says as a switch."""
        off = re.search("^(loose-)*(skip|disable)-", self.name.replace("_", "-"))
        return not off and (self.value or "1").lower() not in ("0", "off", "false")

    @property
    def number(self) -> int:
        """What it says as a part of the pair: servers take the nearest number that can be."""
        found = re.fullmatch(rf"\s*(\d+)([{_UNITS}]?)\s*", (self.value or "").lower())
        if not found:
            return LOWEST
        unit: int = 1024 ** (_UNITS.index(found[2]) + 1) if found[2] else 1
        return max(LOWEST, min(HIGHEST, int(found[1]) * unit))


@dataclass(frozen=True)
class StartOptions:
    """What a server reads at its next start.

    ``options`` in the order in which the last one counts, ``files`` those that are read,
    ``passed_over`` says which are not, and why. ``no_defaults``: it reads no file
    at all. ``sets_pair``: what sets the pair after the options have. ``lacks_stored``: the
    file in which it stores variables itself is gone. ``unknown``: why nothing of this is
    known; empty otherwise. Then ``proven`` is whether its last start has loaded what it
    stores itself; None: nothing tells.
    """

    options: tuple[StartOption, ...] = ()
    files: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    no_defaults: bool = False
    sets_pair: str = ""
    lacks_stored: bool = False
    unknown: str = ""
    proven: bool | None = None

    def last(self, option: str) -> StartOption | None:
        """Return the line that counts for an option; None: nothing sets it."""
        return next((one for one in reversed(self.options) if one.means(option)), None)

    @property
    def skips_start(self) -> str:
        """What leaves its channels stopped after a start; empty: nothing."""
        found = ""
        for one in self.options:
            name = re.sub("^(loose-)*", "", one.name.replace("_", "-"))
            if SKIP_START.startswith(name) and name.startswith("skip-slave-s"):
                off = (one.value or "1").lower() in ("0", "off", "false")
                found = "" if off else f"{one.name} is in {one.where}"
        return found

    @property
    def pair(self) -> Autoinc:
        """The pair that the options give it."""
        found = (self.last(INCREMENT), self.last(OFFSET))
        return Autoinc(*(one.number if one else LOWEST for one in found))

    def limits_of(self, pair: Autoinc) -> list[str]:
        """Say which options keep the server from taking the pair, also at run time."""
        return [
            f"{one.where} has {one.name} = {one.value}"
            for one in self.options
            for option, wanted in ((INCREMENT, pair.increment), (OFFSET, pair.offset))
            if one.plain_name.startswith(_MAXIMUM)
            and replace(one, name=one.plain_name[len(_MAXIMUM) :]).means(option)
            and one.number < wanted
        ]

    @property
    def forgets_stored(self) -> str:
        """What keeps it from loading the variables that it stores itself; empty: nothing."""
        if self.no_defaults:
            return "--no-defaults on its command line"
        load = self.last(LOAD)
        return (
            f"{load.name} = {load.value or ''} in {load.where}" if load and not load.is_on else ""
        )
