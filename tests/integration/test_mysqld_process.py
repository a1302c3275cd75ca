"""mysqld_process with this machine's own server; site.yml runs it on every line.

The module starts the server beside itself, and these tests run it as a process of their own
on this machine, where the other lines' programs are not: only containers have them.
"""

from __future__ import annotations

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


@pytest.fixture(scope="module")
def here() -> Iterator[Host]:
    (own,) = [line for line in LINES if line.image is None]
    with host_of(own) as host:
        yield host


@pytest.fixture
def options(here: Host, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Options for a server that listens on its socket only; stopped afterwards."""
    folder = here.work_dir / request.node.name[:20]
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
    assert predicted["actions"] == [f"write {options['defaults_file']}", "stop", "start"]
    assert predicted["changed"] and not predicted["restart_pending"]
    predicted = play({**outdated, "restart": False}, check=True)
    assert predicted["changed"] and predicted["restart_pending"]
    assert predicted["pid"] == done["pid"]
    assert Path(options["defaults_file"]).read_text() == options["defaults_text"]
    waiting = play({**outdated, "restart": False})
    assert waiting["changed"] and waiting["restart_pending"] and waiting["pid"] == done["pid"]
    # The file is right already; that the server runs with the old one is not forgotten.
    restarted = play(outdated)
    assert restarted["actions"] == ["stop", "start"] and not restarted["restart_pending"]
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


def test_a_server_that_does_not_start_tells_why(here: Host, options: dict[str, Any]) -> None:
    folder = Path(options["datadir"]).parent
    play(options)
    play({**options, "state": "stopped"})
    failed = play({**options, "defaults_text": text_of(folder, "no_such_setting = 1\n")})
    assert failed["failed"] and "no_such_setting" in failed["msg"], failed
    assert re.search(
        r"the server ended with code [1-9]\d*: the end of \S+error.log says: ", failed["msg"]
    )
    assert play(options)["actions"][-1] == "start"


def test_a_server_that_cannot_be_initialised_tells_why(here: Host, options: dict[str, Any]) -> None:
    folder = Path(options["datadir"]).parent
    broken = {**options, "defaults_text": text_of(folder, "no_such_setting = 1\n")}
    failed = play(broken)
    assert failed["failed"] and "no_such_setting" in failed["msg"], failed
    assert re.search(r"(mysqld|mariadb|mysql)\S* failed with code [1-9]\d*: ", failed["msg"])
    assert not Path(options["datadir"]).exists()
    assert play(options)["actions"][-2:] == ["initialise", "start"]


def test_bad_options_touch_nothing(here: Host, options: dict[str, Any]) -> None:
    long = {**options, "socket": "/" + "x" * 107}
    refused = play(long)
    assert refused["failed"] and "longer than the 107 bytes" in refused["msg"]
    nothing = {**options, "defaults_text": None}
    refused = play(nothing)
    assert refused["failed"] and "is not there; give its defaults_text" in refused["msg"]
    assert not Path(options["datadir"]).parent.exists()
