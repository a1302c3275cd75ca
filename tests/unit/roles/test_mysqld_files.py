"""The programs of the role mysqld, with the folders of a server replaced by a test's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles/mysqld/files"
STAND_IN = (FILES / "mysqld_without_shutdown.sh").read_text()
BEGUN = "x initializing of server in progress y\n"
SHUT = "x Received SHUTDOWN from user root y\n"
UNUSABLE = "x [ERROR] [MY-013236] [Server] y\n"
READY = "x ready for connections. y\n"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for folder in ("var/lib/mysql", "var/log/mysql", "run"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("ibdata1", ".hidden"):
        (tmp_path / "var/lib/mysql" / name).touch()
    return tmp_path


def put_aside(host: Path) -> str:
    program = (FILES / "put_data_directory_aside.sh").read_text()
    for folder in ("/var/", "/run/"):
        program = program.replace(f" {folder}", f" {host}{folder}")
        program = program.replace(f"={folder}", f"={host}{folder}")
    done = subprocess.run(
        ["/bin/sh", "-c", program], input=STAND_IN, capture_output=True, text=True, check=True
    )
    return done.stdout


def data(host: Path) -> set[str]:
    return {path.name for path in (host / "var/lib/mysql").iterdir()}


def test_a_directory_that_was_shut_down_before_it_had_finished_is_put_aside(host: Path) -> None:
    (host / "var/log/mysql/error.log").write_text(BEGUN + SHUT + UNUSABLE)
    config = Path(put_aside(host).removesuffix("\n"))
    (aside,) = (host / "var/lib").glob("mysql-unfinished.*")
    assert {path.name for path in aside.iterdir()} == {"ibdata1", ".hidden"}
    assert data(host) == set()
    assert config.read_text().startswith(f'DPkg::Path "{config.parent}:/usr/sbin:')
    assert (config.parent / "mysqld").read_text() == STAND_IN
    assert os.access(config.parent / "mysqld", os.X_OK)


@pytest.mark.parametrize(
    "log",
    [
        None,
        "",
        BEGUN + SHUT,
        BEGUN + UNUSABLE,
        BEGUN + SHUT + UNUSABLE + BEGUN,
        BEGUN + SHUT + UNUSABLE + READY,
    ],
)
def test_another_failure_leaves_everything_as_it_is(host: Path, log: str | None) -> None:
    if log is not None:
        (host / "var/log/mysql/error.log").write_text(log)
    assert put_aside(host) == ""
    assert data(host) == {"ibdata1", ".hidden"}
    assert list((host / "run").iterdir()) == []


@pytest.mark.parametrize("initializes", [True, False])
def test_the_stand_in_takes_the_shutdown_away_and_itself(tmp_path: Path, initializes: bool) -> None:
    statements, first = tmp_path / "init.sql", tmp_path / "first"
    statements.write_text("CREATE USER a;\nSHUTDOWN;\n")
    first.mkdir()
    (first / "mysqld").write_text(STAND_IN.replace("/usr/sbin/mysqld", "echo"))
    (first / "mysqld").chmod(0o755)
    words = ["--initialize-insecure"] if initializes else ["--version"]
    words.append(f"--init-file={statements}")
    done = subprocess.run([first / "mysqld", *words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == words
    assert first.exists() is not initializes
    assert ("SHUTDOWN" in statements.read_text()) is not initializes
