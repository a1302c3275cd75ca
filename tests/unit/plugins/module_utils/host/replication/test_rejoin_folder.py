"""A copy beside a data directory takes its place, and nothing is deleted before."""

from __future__ import annotations

import os
import pwd
import shutil
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


def disk_of(folder: RejoinFolder) -> int:
    room = os.statvfs(folder.datadir.parent)
    return room.f_bavail * room.f_frsize


def test_a_copy_of_a_killed_run_takes_no_room(
    folder: RejoinFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.note(NOTES)
    (folder.copy / "shop").mkdir(parents=True)
    (folder.copy / "shop" / "t.ibd").write_bytes(os.urandom(3 << 20))
    os.sync()
    room = os.statvfs(folder.datadir.parent)
    monkeypatch.setattr(os, "statvfs", lambda _path: room)
    with_copy = folder.look().free
    assert with_copy - disk_of(folder) >= 3 << 20
    folder.begin_copy()
    assert folder.look().free == disk_of(folder)


def owners(monkeypatch: pytest.MonkeyPatch) -> dict[Path, tuple[int, int]]:
    """Let nothing change hands, and return to whom each path was given."""
    given: dict[Path, tuple[int, int]] = {}
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def chown(path: Path, user: int, group: int, *, follow_symlinks: bool = True) -> None:
        assert not follow_symlinks
        given[path] = (user, group)

    monkeypatch.setattr(os, "chown", chown)
    return given


def test_the_data_keeps_its_mode(folder: RejoinFolder) -> None:
    folder.datadir.chmod(0o751)
    folder.note(NOTES)
    copied(folder)
    folder.copy.chmod(0o700)
    folder.put_aside()
    folder.put_in_place()
    assert folder.datadir.stat().st_mode & 0o7777 == 0o751


@pytest.mark.parametrize("is_empty", [False, True])
def test_lost_data_belongs_to_the_servers_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_empty: bool
) -> None:
    user = pwd.getpwnam("daemon")
    if is_empty:
        # A disk's folder that root has made again.
        (tmp_path / "data").mkdir()
    given = owners(monkeypatch)
    folder = RejoinFolder(tmp_path / "data", "daemon")
    folder.note(NOTES)
    copied(folder)
    assert folder.put_aside() is is_empty
    given.clear()
    assert folder.owner == (user.pw_uid, user.pw_gid)
    folder.put_in_place()
    assert given == {folder.copy: (user.pw_uid, user.pw_gid)}
    with pytest.raises(RejoinFailed, match="no user nobody-knows on this host"):
        RejoinFolder(tmp_path / "lost", "nobody-knows").make()


def test_data_that_was_put_aside_tells_whose_it_is(
    folder: RejoinFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = folder.owner
    folder.note(NOTES)
    copied(folder)
    folder.put_aside()
    folder.user = "daemon"
    given = owners(monkeypatch)
    folder.put_in_place()
    assert given == {folder.copy: before}


def test_behind_a_link_the_data_itself_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk" / "data").mkdir(parents=True)
    (tmp_path / "disk" / "data" / "old").touch()
    link = tmp_path / "mysql"
    link.symlink_to(tmp_path / "disk" / "data")
    folder = RejoinFolder(link)
    folder.note(NOTES)
    copied(folder)
    assert (tmp_path / "disk" / "data.rejoin").is_dir()
    assert folder.put_aside() and folder.put_in_place()
    assert link.is_symlink() and (link / "new").exists()
    assert folder.finish(True) and not (tmp_path / "disk" / "data.rejoin").exists()
    # A link that leads nowhere, since the disk is new.
    shutil.rmtree(tmp_path / "disk" / "data")
    assert stands(RejoinFolder(link)) == (False, False, False)
    assert RejoinFolder(link).datadir == tmp_path / "disk" / "data"
