"""mysqld_process with this machine's own server; site.yml runs it on every line.

The module starts the server beside itself, and these tests run it as a process of their own
on this machine, where the other lines' programs are not: only containers have them.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lines import LINES, Host, TestServer, host_of, wait_until
from tests.integration.modules import run_module

MODULE = "mysqld_process"
numbers = itertools.count()


@pytest.fixture(scope="module")
def here() -> Iterator[Host]:
    (own,) = [line for line in LINES if line.image is None]
    with host_of(own) as host:
        yield host


@pytest.fixture
def options(here: Host) -> Iterator[dict[str, Any]]:
    """Options for a server that listens on its socket only; stopped afterwards."""
    folder = here.work_dir / f"{next(numbers)}"
    given = {
        "defaults_file": str(folder / "my.cnf"),
        "defaults_text": text_of(folder),
        "datadir": str(folder / "data"),
        "socket": str(folder / "mysqld.sock"),
        "log_file": str(folder / "error.log"),
    }
    yield given
    stopped = play({**given, "state": "stopped"})
    assert "failed" not in stopped, stopped


def text_of(folder: Path, settings: str = "") -> str:
    return (
        f"[mysqld]\nuser = root\ndatadir = {folder}/data\nsocket = {folder}/mysqld.sock\n"
        f"log_error = {folder}/error.log\npid_file = {folder}/data/mysqld.pid\n"
        f"skip_networking = ON\n{settings}"
    )


def play(options: dict[str, Any], check: bool = False) -> dict[str, Any]:
    return run_module(MODULE, None, check=check, **options)


def server_of(here: Host, options: dict[str, Any]) -> TestServer:
    return TestServer(here, "one", Path(options["socket"]).parent, "127.0.0.1")


def test_one_rhythm(here: Host, options: dict[str, Any]) -> None:
    folder = Path(options["datadir"]).parent
    predicted = play(options, check=True)
    assert predicted["changed"] and predicted["pid"] == 0 and not folder.exists()

    client = str(folder / "clients" / "one.cnf")
    options = {**options, "client_defaults_file": client, "include_dir": str(folder / "conf.d")}
    done = play(options)
    assert done["changed"] and done["actions"][-2:] == ["initialise", "start"], done
    server = server_of(here, options)
    assert server.value("SELECT @@socket") == options["socket"]
    assert Path(client).stat().st_mode & 0o777 == 0o600
    assert (folder / "conf.d").is_dir()

    again = play(options)
    assert not again["changed"] and again["pid"] == done["pid"] and not again["actions"]

    outdated = {**options, "defaults_text": text_of(folder, "max_connections = 77\n")}
    predicted = play(outdated, check=True)
    predicted_actions = [f"write {options['defaults_file']}", "stop", "start"]
    assert predicted["actions"] == predicted_actions
    assert predicted["changed"] and not predicted["restart_pending"]
    predicted = play({**outdated, "restart": False}, check=True)
    assert not predicted["changed"] and predicted["restart_pending"]
    assert predicted["pid"] == done["pid"]
    assert Path(options["defaults_file"]).read_text() == options["defaults_text"]
    waiting = play({**outdated, "restart": False})
    assert not waiting["changed"] and waiting["restart_pending"] and waiting["pid"] == done["pid"]
    # A text that it may not come up with does not lie where its next start would read it.
    assert Path(options["defaults_file"]).read_text() == options["defaults_text"]
    restarted = play(outdated)
    assert restarted["actions"] == predicted_actions and not restarted["restart_pending"]
    assert server.value("SELECT @@max_connections") == 77

    stopped = play({**outdated, "state": "stopped"})
    assert stopped["changed"] and stopped["pid"] == 0 and not server.answers()
    assert not play({**outdated, "state": "stopped"})["changed"]


def test_a_killed_server_is_started_again(here: Host, options: dict[str, Any]) -> None:
    pid = play(options)["pid"]
    server = server_of(here, options)
    server.rows("CREATE SCHEMA kept")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.answers(), 10, "it answers after SIGKILL")
    again = play(options)
    assert again["actions"] == ["start"] and again["pid"] not in (0, pid)
    assert server.rows("SHOW SCHEMAS LIKE 'kept'")


def test_an_interrupted_initialisation_is_done_again(here: Host, options: dict[str, Any]) -> None:
    draft = Path(options["datadir"] + ".initialising")
    draft.mkdir(parents=True)
    (draft / "half").write_text("of a data directory")
    assert play(options)["actions"][-2:] == ["initialise", "start"]
    assert not draft.exists() and not (Path(options["datadir"]) / "half").exists()


# Understood by every server, and fatal at the end of its start: it has no zone tables.
LATE = "default_time_zone = Europe/Paris\n"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ("max_connections = 77\nno_such_setting = 1\n", "no_such_setting = 1"),
        ("event_scheduler = True\nmax_connections = 77\n", "event_scheduler = True"),
        # MariaDB says so of InnoDB's settings, and ends as if all were well.
        ("innodb_buffer_pool_size = lots\n", "innodb_buffer_pool_size = lots"),
    ],
)
def test_a_text_that_the_server_does_not_understand_touches_nothing(
    here: Host, options: dict[str, Any], settings: str, named: str
) -> None:
    folder = Path(options["datadir"]).parent
    pid = play(options)["pid"]
    server = server_of(here, options)
    wrong = {**options, "defaults_text": text_of(folder, settings)}
    number = wrong["defaults_text"].splitlines().index(named) + 1
    for check, restart in ((True, True), (False, False), (False, True)):
        failed = play({**wrong, "restart": restart}, check=check)
        assert failed["failed"] and not failed["changed"], failed
        assert f"At fault: line {number}: {named}. It reports: " in failed["msg"], failed
        assert server.pid == str(pid) and server.answers()
        assert Path(options["defaults_file"]).read_text() == options["defaults_text"]
    assert not play(options)["changed"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_server_that_does_not_come_up_with_a_text_gets_the_one_before(
    here: Host, options: dict[str, Any], stopped: bool
) -> None:
    folder = Path(options["datadir"]).parent
    before = {**options, "defaults_text": text_of(folder, "max_connections = 77\n")}
    play(options)
    play(before)
    if stopped:
        play({**before, "state": "stopped"})
    wrong = {**options, "defaults_text": text_of(folder, f"max_connections = 78\n{LATE}")}
    number = len(wrong["defaults_text"].splitlines())
    for _again in range(2):
        failed = play(wrong)
        assert failed["failed"] and failed["changed"], failed
        assert "the server ended with code 1: the end of " in failed["msg"], failed
        assert f"At fault: line {number}: {LATE.strip()}. " in failed["msg"], failed
        assert failed["msg"].endswith("and the server runs again with that."), failed
        assert server_of(here, options).value("SELECT @@max_connections") == 77
    again = play(before)
    assert not again["changed"] and again["pid"], again
    right = {**options, "defaults_text": text_of(folder, "max_connections = 78\n")}
    assert play(right)["actions"][1:] == ["stop", "start"]


def test_an_interrupted_change_is_completed(here: Host, options: dict[str, Any]) -> None:
    play(options)
    right = {
        **options,
        "defaults_text": text_of(Path(options["datadir"]).parent, "max_connections = 77\n"),
    }
    Path(options["defaults_file"]).write_text(right["defaults_text"])
    assert play({**right, "restart": False})["restart_pending"]
    assert play(right)["actions"] == ["stop", "start"]
    assert server_of(here, options).value("SELECT @@max_connections") == 77


def test_an_interrupted_change_has_its_way_back(here: Host, options: dict[str, Any]) -> None:
    """Killed between write and restart, a run leaves a text that the server never came up with."""
    folder = Path(options["datadir"]).parent
    pid = play(options)["pid"]
    wrong = {**options, "defaults_text": text_of(folder, LATE)}
    Path(options["defaults_file"]).write_text(wrong["defaults_text"])
    failed = play(wrong)
    assert failed["msg"].endswith("and the server runs again with that."), failed
    assert Path(options["defaults_file"]).read_text() == options["defaults_text"]
    again = play(options)
    assert not again["changed"] and again["pid"] not in (0, pid), again


def test_a_first_start_that_fails_is_told_and_the_next_is_made(
    here: Host, options: dict[str, Any]
) -> None:
    folder = Path(options["datadir"]).parent
    failed = play({**options, "defaults_text": text_of(folder, LATE)})
    assert failed["failed"] and f": {LATE.strip()}." in failed["msg"], failed
    assert "runs again" not in failed["msg"]
    assert play(options)["actions"] == [f"write {options['defaults_file']}", "start"]


def test_a_server_that_ends_with_its_own_text_tells_why(
    here: Host, options: dict[str, Any]
) -> None:
    play(options)
    play({**options, "state": "stopped"})
    # A file in place of the folder of the system's tables.
    (Path(options["datadir"]) / "ibdata1").write_text("no tablespace")
    failed = play(options)
    assert failed["failed"] and "At fault" not in failed["msg"], failed
    assert re.search(
        r"the server ended with code [1-9]\d*: the end of \S+error.log: ", failed["msg"]
    )


def test_a_server_that_cannot_be_initialised_tells_why(here: Host, options: dict[str, Any]) -> None:
    folder = Path(options["datadir"]).parent
    broken = {**options, "defaults_text": text_of(folder, "innodb_data_home_dir = /nowhere\n")}
    failed = play(broken)
    assert failed["failed"] and "/nowhere" in failed["msg"], failed
    assert re.search(r"(mysqld|mariadb|mysql)\S* failed with code [1-9]\d*: ", failed["msg"])
    assert not Path(options["datadir"]).exists()
    assert play(options)["actions"][-2:] == ["initialise", "start"]
