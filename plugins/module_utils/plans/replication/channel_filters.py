# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file in which channels' filters outlive a restart.

One file holds the filters of all channels, each in a block of its own: a call
that names some channels changes their blocks and no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    Channel,
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    KINDS,
    REWRITE,
    Filters,
)

PERSIST_FILTERS = "persist filters"
HEADER = (
    "# Written by dbrw.sharding.mysql_replication_channel: what channels apply after the next\n"
    "# start. Change it in the inventory, never here.\n"
    "[mysqld]\n"
)
_BLOCK = "# channel "


@dataclass(frozen=True)
class FiltersFile:
    """The file as it is, and how this server writes one filter in it.

    ``line`` has {word}, {channel} and {filter}; ``words`` names each kind.
    """

    file: ConfigFile
    line: str
    words: Mapping[str, str]

    def block(self, name: str, filters: Filters) -> str:
        """Return a channel's block; none without filters."""
        lines = [
            self.line.format(word=self.words[kind], channel=name, filter=_written(kind, one))
            for kind in KINDS
            for one in getattr(filters, kind)
        ]
        return "".join([f"{_BLOCK}{name}\n", *lines]) if lines else ""


def file_steps(
    desired: Sequence[Channel], present: Mapping[str, ChannelStatus], filters_file: FiltersFile
) -> list[Step]:
    """Return the step that writes the file, unless it is right.

    Raises ``Refused`` when the file was not written by this module.
    """
    file = filters_file.file
    blocks = _blocks(file)
    for channel in desired:
        if channel.state == ABSENT:
            blocks.pop(channel.key, None)
        elif channel.filters is not None:
            status = present.get(channel.key)
            # In this file most servers do tell upper case from lower in a channel's name.
            blocks[channel.key] = filters_file.block(
                status.name if status else channel.name, channel.filters
            )
    text = HEADER + "".join(blocks[key] for key in sorted(blocks))
    if text == file.text or (file.text is None and text == HEADER):
        return []
    before = None if file.text is None else {"text": file.text}
    return [Step(PERSIST_FILTERS, file.path, before, {"text": text}, ConfigFile(file.path, text))]


def _blocks(file: ConfigFile) -> dict[str, str]:
    """Return the text of each channel's block by the channel's key."""
    if file.text is None:
        return {}
    refuse_if_any(file.problems("filters_file", HEADER))
    blocks: dict[str, str] = {}
    key = ""
    for line in file.text[len(HEADER) :].splitlines(keepends=True):
        if line.startswith(_BLOCK):
            key = line[len(_BLOCK) :].strip().lower()
        blocks[key] = blocks.get(key, "") + line
    return blocks


def _written(kind: str, one: str | tuple[str, str]) -> str:
    text = "->".join(one) if kind == REWRITE else str(one)
    # Option files read a backslash and the letter behind it as one character.
    return text.replace("\\", "\\\\")
