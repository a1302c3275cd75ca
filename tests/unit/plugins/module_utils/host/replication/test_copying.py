"""A copy goes from host to host whole or not at all, and only between hosts that know each other."""

from __future__ import annotations

import socket
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication import copying
from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.copying import (
    Donor,
    Meeting,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.rejoin_folder import (
    RejoinFailed,
    RejoinFolder,
)

DONOR = Donor("root", "", "/run/s.sock", "")
# In place of the real programs: what they read and write is what counts here.
BACKUP = "#!/bin/sh\nhead -c 3000000 /dev/zero\n"
UNPACK = '#!/bin/sh\ncat > "${2#--directory=}/all"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RejoinFolder:
    programs(tmp_path, BACKUP, UNPACK)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(copying, "_COME_SECONDS", 3.0)
    (tmp_path / "data").mkdir()
    made = RejoinFolder(tmp_path / "data")
    made.make()
    return made


def programs(folder: Path, backup: str, unpack: str) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    for name, text in (("mariadb-backup", backup), ("mbstream", unpack)):
        file = folder / "bin" / name
        file.write_text(text)
        file.chmod(0o755)


def meeting(word: str = "known") -> Meeting:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return Meeting("127.0.0.1", free.getsockname()[1], word, {})


def both(
    folder: RejoinFolder, target: Meeting, donor: Meeting, tmp_path: Path
) -> tuple[Future[int], Future[int]]:
    with ThreadPoolExecutor(2) as pool:
        return (
            pool.submit(copying.receive, target, folder),
            pool.submit(copying.send, donor, DONOR, str(tmp_path)),
        )


def test_all_of_it_arrives(folder: RejoinFolder, tmp_path: Path) -> None:
    where = meeting()
    received, sent = both(folder, where, where, tmp_path)
    assert (received.result(), sent.result()) == (3_000_000, 3_000_000)
    assert (folder.copy / "all").stat().st_size == 3_000_000


def test_a_backup_that_fails_is_no_copy(folder: RejoinFolder, tmp_path: Path) -> None:
    programs(tmp_path, BACKUP + "echo no disk >&2\nexit 3\n", UNPACK)
    where = meeting()
    received, sent = both(folder, where, where, tmp_path)
    with pytest.raises(RejoinFailed, match="failed with code 3: no disk"):
        sent.result()
    with pytest.raises(RejoinFailed, match="the donor has broken off after 3000000 bytes"):
        received.result()


def test_what_cannot_be_unpacked_is_told_on_both_sides(
    folder: RejoinFolder, tmp_path: Path
) -> None:
    programs(tmp_path, BACKUP, "#!/bin/sh\ncat >/dev/null\necho torn >&2\nexit 1\n")
    where = meeting()
    received, sent = both(folder, where, where, tmp_path)
    with pytest.raises(RejoinFailed, match="failed with code 1: torn"):
        received.result()
    with pytest.raises(RejoinFailed, match="the target could not unpack what it got"):
        sent.result()


def test_who_does_not_know_the_word_is_sent_away(folder: RejoinFolder, tmp_path: Path) -> None:
    where = meeting()
    stranger = Meeting(where.address, where.port, "other", {})
    received, sent = both(folder, where, stranger, tmp_path)
    with pytest.raises(RejoinFailed, match=r"did not come .* 127.0.0.1 came with another word"):
        received.result()
    with pytest.raises(RejoinFailed, match="broken off|could not unpack"):
        sent.result()
    assert list(folder.copy.iterdir()) == []


def test_nobody_comes(folder: RejoinFolder, tmp_path: Path) -> None:
    where = meeting()
    with pytest.raises(RejoinFailed, match="the donor did not come to 127.0.0.1"):
        copying.receive(where, folder)
    with pytest.raises(RejoinFailed, match="cannot reach the target at 127.0.0.1"):
        copying.send(where, DONOR, str(tmp_path))


def test_a_program_that_is_missing(
    folder: RejoinFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin" / "mbstream").unlink()
    monkeypatch.setattr(copying.shutil, "which", lambda *_words, **_path: None)
    with pytest.raises(RejoinFailed, match="no mbstream on this host.*mariadb-backup"):
        copying.receive(meeting(), folder)


@pytest.mark.parametrize("name", ["mariadb_backup_binlog_info", "xtrabackup_binlog_info"])
def test_the_position_of_a_backup(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("binlog.000002\t582\t99-201-50,201-201-5\n")
    assert copying.position_of(tmp_path) == "99-201-50,201-201-5"


def test_a_backup_without_a_position(tmp_path: Path) -> None:
    (tmp_path / "xtrabackup_binlog_info").write_text("binlog.000002\t582\n")
    with pytest.raises(RejoinFailed, match="does not tell its GTID position"):
        copying.position_of(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", ""),
        ("innodb-log-group-home-dir   /fast", "its InnoDB log is in /fast"),
        ("log-bin   /logs/binlog", "its binary log is in /logs"),
    ],
)
def test_a_server_with_data_elsewhere_is_refused_by_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    told = [
        f"aria-log-dir-path   {tmp_path}/data/",
        "innodb-data-home-dir   (No default value)",
        line,
    ]
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "mariadbd"
    program.write_text(
        "#!/bin/sh\ntest \"$*\" = '--defaults-file=/my.cnf --verbose --help' || exit 9\n"
        + "".join(f"echo '{one}'\n" for one in told)
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    if not said:
        copying.refuse_other_folders("/my.cnf", tmp_path / "data")
        return
    with pytest.raises(RejoinFailed, match=said):
        copying.refuse_other_folders("/my.cnf", tmp_path / "data")
