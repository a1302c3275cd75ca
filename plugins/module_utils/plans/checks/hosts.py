# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with servers by what their hosts tell: full disks, settings that wait for a restart."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    Observed,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import Disk

_GIB = 1024**3


def judge(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Judge the hosts that were asked; one that has not answered is named."""
    for server in checked.servers:
        host = checked.hosts.get(server.name)
        if host is None:
            continue
        if host.unknown:
            yield Finding(
                "check.not_read",
                WARNING,
                server.name,
                f"Its disks and its option file are not known, because its host has not told: "
                f"{host.unknown}",
                "Look whether Ansible reaches the host, and may read there.",
            )
        for disk in host.disks:
            yield from _disk(server.name, disk, checked.limits.free_percent)
        seen = observed.servers.get(server.name)
        for one in seen.pending if seen else ():
            now = "is not shown" if one.running is None else f"is {one.running}"
            then = "does not have it any more" if one.written is None else f"has {one.written}"
            yield Finding(
                "server.pending_restart",
                WARNING,
                f"{server.name}, {one.name}",
                f"It {now}, and the option file, which was changed since the server was started, "
                f"{then}.",
                "Restart the server when it suits, or take the change back: the next start, also one "
                "after a crash, brings it.",
            )


def _disk(server: str, disk: Disk, least: int) -> Iterator[Finding]:
    free = disk.free_percent
    if free < least:
        yield Finding(
            "disk.filling",
            CRITICAL if free < least / 2 else WARNING,
            f"{server}, disk of {disk.folder}",
            f"{free:.0f} % of its {disk.size_bytes / _GIB:.1f} GiB are free.",
            "Make room, or give it a larger one: a server whose disk is full stops writing, and its "
            "channels wait.",
        )
