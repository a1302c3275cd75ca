"""What this host tells of a server's files and disks."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.facts import read
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import MASK
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    Disk,
    WrittenSetting,
)


def test_an_option_file_and_the_one_that_was_kept(tmp_path: Path) -> None:
    file = tmp_path / "my.cnf"
    file.write_text(
        "[mysqld]\nskip-name-resolve\nwsrep_sst_auth = root:secret\n[client]\nport = 1\n"
    )
    os.utime(file, (1_000_000_000, 1_000_000_000))
    (tmp_path / "my.cnf.last-started").write_text("[mysqld]\nmax_connections = 7\n")
    found = read(file, tmp_path)
    assert found.changed_at == datetime(2001, 9, 9, 1, 46, 40)
    assert found.settings == (
        WrittenSetting("mysqld", "skip-name-resolve", None),
        WrittenSetting("mysqld", "wsrep_sst_auth", MASK),
        WrittenSetting("client", "port", "1"),
    )
    assert found.started_with == (WrittenSetting("mysqld", "max_connections", "7"),)
    assert "secret" not in repr(found)


def test_no_option_file(tmp_path: Path) -> None:
    found = read(tmp_path / "my.cnf", tmp_path)
    assert (found.changed_at, found.settings, found.started_with) == (None, (), None)


@pytest.mark.parametrize(
    ("log_bin", "others"),
    [("", []), ("log-bin = binlog", []), ("log_bin", []), ("log_bin = {logs}/binlog", ["logs"])],
)
def test_each_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_bin: str, others: list[str]
) -> None:
    data, logs = tmp_path / "data", tmp_path / "logs"
    for folder in (data, logs):
        folder.mkdir()
    devices = {data: 1, logs: 2}
    real = Path.stat

    def stat(path: Path, **more: bool) -> object:
        return SimpleNamespace(st_dev=devices[path]) if path in devices else real(path, **more)

    room = SimpleNamespace(f_frsize=10, f_blocks=100, f_bfree=30, f_bavail=20)
    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(os, "statvfs", lambda _folder: room)
    file = tmp_path / "my.cnf"
    file.write_text(f"[mysqld]\n{log_bin.format(logs=logs)}\n")
    # Of 100 blocks 10 are only root's.
    expected = [
        Disk(str(folder), 900, 200) for folder in (data, *(tmp_path / one for one in others))
    ]
    assert list(read(file, data).disks) == expected
    devices[logs] = 1
    assert [disk.folder for disk in read(file, data).disks] == [str(data)]


def test_real_disks(tmp_path: Path) -> None:
    (disk,) = read(tmp_path / "my.cnf", tmp_path).disks
    assert disk.folder == str(tmp_path) and 0 <= disk.free_bytes <= disk.size_bytes


def test_what_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "my.cnf"
    file.write_text("[mysqld]\n[broken\n")
    with pytest.raises(Refused, match=r"my.cnf, line 2: it begins a \[group\] without"):
        read(file, tmp_path)
    file.unlink()
    with pytest.raises(Refused, match="none cannot be looked at: No such file or directory"):
        read(file, tmp_path / "none")
