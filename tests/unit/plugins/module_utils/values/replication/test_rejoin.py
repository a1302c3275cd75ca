"""A server whose data is not in one folder is found out before it is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import (
    FOLDERS,
    outside,
)

# As servers of both flavours tell it when all is in one place.
INSIDE: dict[str, str | None] = {
    "log_bin_basename": "{}/binlog",
    "innodb_data_home_dir": "",
    "innodb_log_group_home_dir": "./",
    "innodb_undo_directory": "{}/",
    "innodb_doublewrite_dir": None,
    "innodb_data_file_path": "ibdata1:12M:autoextend",
    "aria_log_dir_path": "{}/",
}


def at(datadir: Path, **changes: str) -> dict[str, str | None]:
    given = {**INSIDE, **changes}
    return {name: value and value.format(datadir) for name, value in given.items()}


@pytest.fixture
def datadir(tmp_path: Path) -> Path:
    (tmp_path / "disk" / "data").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk" / "data")
    return tmp_path / "data"


def test_all_in_one_folder(datadir: Path) -> None:
    assert outside(at(datadir), datadir) == ()
    # By either name of it.
    assert outside(at(datadir.resolve()), datadir) == ()
    assert outside(at(datadir), datadir.resolve()) == ()
    assert outside({}, datadir) == ()


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("folder", ["/fast/disk", "{}/inner", "../redo"])
def test_a_folder_elsewhere(datadir: Path, name: str, folder: str) -> None:
    (said,) = outside(at(datadir, **{name: folder}), datadir)
    assert folder.format(datadir) in said and f"Leave out {name}" in said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("log_bin_basename", "/logs/binlog", "its binary log is in /logs, outside its data dir"),
        ("log_bin_basename", "{}/logs/binlog", "and would outlive it"),
        (
            "innodb_data_file_path",
            "ibdata1:12M;/fast/ibdata2:12M:autoextend",
            "its InnoDB file /fast/ibdata2 is not in its data directory",
        ),
    ],
)
def test_a_file_elsewhere(datadir: Path, name: str, value: str, said: str) -> None:
    (found,) = outside(at(datadir, **{name: value}), datadir)
    assert said in found
