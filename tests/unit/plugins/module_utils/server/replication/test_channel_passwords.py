"""Passwords that MariaDB has stored for its channels, read from the files that it writes."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import DIALECTS
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_passwords import (
    stored,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

# As 10.11 and 11.8 write it, for the channel "Wä-1.x" in a file named master-w@0k@002d1@002ex.info.
WRITTEN = (
    "33\n\n4\nh1.example\n\u00fcser \np \u00e4\\'\" x \n3306\n60\n1\n\n\n\n\n\n1\n5.000\n\n0\n\n0"
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\nusing_gtid=2\ndo_domain_ids=0\nignore_domain_ids=0\nEND_MARKER\n"
)
ROW = {
    "name": "W\u00e4-1.x",
    "source_host": "h1.example",
    "source_user": "\u00fcser ",
    "source_port": 3306,
}


class Replica:
    """A MariaDB server of this host, or of another one."""

    dialect = DIALECTS["mariadb"]

    def __init__(self, folder: Path, host: str | None = None) -> None:
        self.said = {"folder": f"{folder}/", "host": host or socket.gethostname()}

    def row(self, _sql: str) -> dict[str, str]:
        return self.said


def found(folder: Path, *rows: dict[str, Any], host: str | None = None) -> dict[Any, Secret]:
    return stored(cast(Server, Replica(folder, host)), rows)


def test_a_channel_is_known_by_its_source_whatever_its_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "master-w@0k@002d1@002ex.info").write_text(WRITTEN)
    (tmp_path / "master.info").write_text(WRITTEN.replace("h1.", "h2.").replace("p \u00e4", "q"))
    (tmp_path / "multi-master.info").write_text("W\u00e4-1.x\n")
    other = {**ROW, "name": "", "source_host": "h2.example"}
    away = {**ROW, "name": "w9", "source_port": 3307}
    passwords = found(tmp_path, ROW, other, away)
    assert passwords == {ROW["name"]: Secret("p \u00e4\\'\" x "), "": Secret("q\\'\" x ")}


def test_where_nobody_can_tell_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "master-w1.info").write_text(WRITTEN)
    assert found(tmp_path, ROW) and not found(tmp_path)
    # Another host may have such a folder, too, and another server's files in it.
    assert found(tmp_path, ROW, host="another") == {}
    assert found(tmp_path / "nowhere", ROW) == {}
    # A second file of the same source, such as one of a copy.
    (tmp_path / "master-old.info").write_text(WRITTEN)
    assert found(tmp_path, ROW) == {}


@pytest.mark.parametrize("text", ["", "33\n\n4\n", WRITTEN.replace("3306", "port")])
def test_a_file_of_another_shape_tells_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "master-w1.info").write_text(text)
    assert found(tmp_path, ROW) == {}
