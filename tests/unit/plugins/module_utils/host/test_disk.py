"""How much room a disk has, where that can be told."""

from __future__ import annotations

import socket
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.host.disk import free_bytes


def test_room_on_this_host_alone(tmp_path: Path) -> None:
    here = socket.gethostname()
    assert (free_bytes(here, str(tmp_path)) or 0) > 0
    assert free_bytes(f"not-{here}", str(tmp_path)) is None
    assert free_bytes(here, str(tmp_path / "none")) is None
