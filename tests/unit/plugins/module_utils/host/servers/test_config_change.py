"""Configuration files as they are put into place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.config_change import (
    write_file,
)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_put_into_place_with_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "new" / "client.cnf"
    for text in ("one\n", "two\n"):
        write_file(path, text, mode)
        assert path.read_text() == text
        assert path.stat().st_mode & 0o777 == mode
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["client.cnf"]
