"""A copy beside a data directory takes its place, and nothing is deleted before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.rejoin_folder import (
    RejoinFailed,
    RejoinFolder,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import Notes

NOTES = Notes("f1", 201, 7)


@pytest.fixture
def folder(tmp_path: Path) -> RejoinFolder:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "old").touch()
    return RejoinFolder(tmp_path / "data")


def copied(folder: RejoinFolder) -> None:
    folder.copy.mkdir()
    (folder.copy / "new").touch()
    folder.end_copy()


def stands(folder: RejoinFolder) -> tuple[bool, bool, bool]:
    seen = folder.look()
    return seen.has_data, seen.copied, seen.placed


def test_a_copy_takes_the_place_of_the_data(folder: RejoinFolder) -> None:
    folder.note(NOTES)
    assert folder.look().notes == NOTES
    assert folder.folder.stat().st_mode & 0o777 == 0o700
    copied(folder)
    assert stands(folder) == (True, True, False)
    assert folder.put_aside() and not folder.put_aside()
    assert stands(folder) == (False, True, False)
    assert folder.put_in_place() and not folder.put_in_place()
    assert stands(folder) == (True, False, True)
    assert (folder.datadir / "new").exists() and (folder.folder / "before" / "old").exists()
    assert folder.finish(False) and not folder.finish(False)
    assert stands(folder) == (True, False, False)
    assert [path.name for path in folder.datadir.parent.iterdir()] == ["data"]


def test_old_data_can_stay(folder: RejoinFolder) -> None:
    folder.note(NOTES)
    copied(folder)
    folder.put_aside()
    folder.put_in_place()
    folder.finish(True)
    (kept,) = folder.datadir.parent.glob("data.before-*")
    assert (kept / "old").exists()


def test_half_a_copy_is_none(folder: RejoinFolder) -> None:
    folder.note(NOTES)
    folder.copy.mkdir()
    with pytest.raises(RejoinFailed, match="no complete copy"):
        folder.put_aside()
    assert stands(folder) == (True, False, False)
    # The data is lost, and the copy was never complete.
    (folder.datadir / "old").unlink()
    folder.datadir.rmdir()
    with pytest.raises(RejoinFailed, match="no complete copy"):
        folder.put_in_place()


def test_a_copy_without_notes_is_nobodys(folder: RejoinFolder) -> None:
    folder.make()
    copied(folder)
    with pytest.raises(RejoinFailed, match="no complete copy"):
        folder.put_aside()


def test_notes_of_another_copy_remove_it(folder: RejoinFolder) -> None:
    folder.note(NOTES)
    copied(folder)
    folder.note(Notes("f1", 201, 8))
    assert stands(folder) == (True, False, False)


def test_data_that_a_server_works_in_stays(
    folder: RejoinFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.note(NOTES)
    copied(folder)
    monkeypatch.chdir(folder.datadir)
    with pytest.raises(RejoinFailed, match=f"process {os.getpid()} still works in"):
        folder.put_aside()
    assert stands(folder) == (True, True, False)
