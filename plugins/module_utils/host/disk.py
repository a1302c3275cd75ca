# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much room this host's disks have."""

from __future__ import annotations

import os
import socket


def free_bytes(host: str, folder: str) -> int | None:
    """Return what is left for others than root on the disk of a folder.

    ``host`` is the name by which a server knows its own; None: that is another one than this, or
    the folder cannot be looked at.
    """
    if host != socket.gethostname():
        return None
    try:
        room = os.statvfs(folder)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize
