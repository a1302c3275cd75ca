"""Whose process is whose, and with which text it was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.config_change import (
    ServerFailed,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.process import (
    DIGEST,
    Process,
)
from tests.support.sleepers import Sleeper, sleeper

__all__ = ["sleeper"]

TEXT = "[mysqld]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The option file of a server that has none yet."""
    return tmp_path / "w1" / "my.cnf"


def process_of(file: Path, text: str | None = TEXT) -> Process:
    folder = file.parent
    return Process(file, text, folder / "data", "/run/w1.sock", folder / "error.log", 1)


def test_a_server_is_known_by_its_option_file(file: Path, sleeper: Sleeper) -> None:
    process = process_of(file)
    argument = f"--defaults-file={file}"
    assert process.pid() == 0
    sleeper("/usr/sbin/mariadbd", f"{argument}.other")
    sleeper("/usr/sbin/mariadbd", "--no-defaults", argument)
    sleeper("/usr/sbin/mariadbd", "--defaults-file", str(file))
    sleeper("/usr/sbin/mariadbd", argument[:-1])
    sleeper(argument)
    assert process.pid() == 0
    ours = sleeper("/usr/sbin/mariadbd", argument)
    assert process.pid() == ours.pid
    ours.kill()
    ours.wait()
    assert process.pid() == 0
    next_one = sleeper("mysqld", argument)
    assert process.pid() == next_one.pid


@pytest.mark.parametrize(
    "client", ["mariadb", "mysql", "mariadb-backup", "mysqldump", "my_print_defaults", "vim"]
)
def test_a_client_with_the_servers_option_file_is_not_the_server(
    file: Path, sleeper: Sleeper, client: str
) -> None:
    """mariadb-backup takes the server's option file as its first word; a run must not end it."""
    sleeper(client, f"--defaults-file={file}", "--backup")
    assert process_of(file).pid() == 0


def test_a_server_that_has_ended_and_was_not_reaped_does_not_run(
    file: Path, sleeper: Sleeper
) -> None:
    ours = sleeper("mariadbd", f"--defaults-file={file}")
    process = process_of(file)
    process.stop(process.pid())
    # Not waited for yet: it is a zombie.
    assert Path(f"/proc/{ours.pid}").exists()
    assert process.pid() == 0


def test_a_server_knows_the_text_that_it_was_started_with(file: Path, sleeper: Sleeper) -> None:
    process = process_of(file)
    argument = f"--defaults-file={file}"
    present = sleeper("mariadbd", argument, **{DIGEST: process.digest()})
    assert process.runs_with_present_text(present.pid)
    changed = process_of(file, "[mysqld]\nport = 1\n")
    assert not changed.runs_with_present_text(present.pid)
    by_hand = sleeper("mariadbd", argument)
    assert not process.runs_with_present_text(by_hand.pid)


def test_without_a_text_the_files_own_counts(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(TEXT)
    assert process_of(file, None).digest() == process_of(file).digest()
    file.write_text("[mysqld]\nport = 1\n")
    assert process_of(file, None).digest() != process_of(file).digest()


def test_a_host_without_a_server_is_told(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders that servers live in are looked through whatever PATH says: none of them here."""
    monkeypatch.setattr(f"{Process.__module__}._search_path", lambda: str(tmp_path))
    with pytest.raises(
        ServerFailed, match="mysqld not found on this host: install a server, on Debian"
    ):
        process_of(file).initialise()
    # One that has the server, and not what makes its data directory.
    (tmp_path / "mariadbd").touch(mode=0o755)
    wanted = "mariadb-install-db or mysql_install_db not found on this host: install a server"
    with pytest.raises(ServerFailed, match=wanted):
        process_of(file).initialise()
