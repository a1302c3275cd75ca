"""Servers as plain processes: what is done, and whose process is whose."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.config_change import (
    ServerFailed,
    write_file,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.process import DIGEST, Process
from ansible_collections.dbrw.sharding.plugins.modules.mysqld_process import (
    LONGEST_SOCKET_PATH,
    planned_actions,
    problems,
    process_of,
    wanted_files,
)

ROOT = Path(__file__).resolve().parents[4]
Sleeper = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def params(tmp_path: Path) -> dict[str, Any]:
    return {
        "defaults_file": str(tmp_path / "w1" / "my.cnf"),
        "defaults_text": "[mysqld]\n",
        "include_dir": None,
        "client_defaults_file": None,
        "datadir": str(tmp_path / "w1" / "data"),
        "socket": "/run/w1.sock",
        "log_file": str(tmp_path / "w1" / "error.log"),
        "state": "started",
        "restart": True,
        "timeout_seconds": 1,
    }


TABLE = [
    # state, restart, initialised, running, outdated -> actions
    ("started", True, False, False, False, ["initialise", "start"]),
    ("started", True, True, False, False, ["start"]),
    ("started", True, True, True, False, []),
    ("started", True, True, True, True, ["stop", "start"]),
    ("started", False, True, True, True, []),
    ("started", False, True, False, False, ["start"]),
    ("stopped", True, True, True, False, ["stop"]),
    ("stopped", True, True, True, True, ["stop"]),
    ("stopped", False, True, True, True, ["stop"]),
    ("stopped", True, True, False, False, []),
    ("stopped", True, False, False, False, []),
]


@pytest.mark.parametrize(
    ("state", "restart", "initialised", "running", "outdated", "expected"), TABLE
)
def test_planned_actions(
    state: str,
    restart: bool,
    initialised: bool,
    running: bool,
    outdated: bool,
    expected: list[str],
) -> None:
    given = {"state": state, "restart": restart}
    assert planned_actions(given, initialised, running, outdated) == expected


@pytest.mark.parametrize(
    ("state", "restart", "initialised", "running", "outdated"),
    [
        (state, restart, initialised, running, outdated)
        for state in ("started", "stopped")
        for restart, initialised, running, outdated in itertools.product((True, False), repeat=4)
        if (initialised or not running) and (running or not outdated)
    ],
)
def test_one_run_reaches_the_state_and_a_second_does_nothing(
    state: str, restart: bool, initialised: bool, running: bool, outdated: bool
) -> None:
    given = {"state": state, "restart": restart}
    for action in planned_actions(given, initialised, running, outdated):
        if action == "initialise":
            assert not running and not initialised
            initialised = True
        elif action == "stop":
            assert running
            running = outdated = False
        else:
            assert action == "start" and initialised and not running
            running, outdated = True, False
    assert running == (state == "started")
    assert not outdated or not restart
    assert planned_actions(given, initialised, running, outdated) == []


def test_problems_none(params: dict[str, Any]) -> None:
    assert problems(params) == []


@pytest.mark.parametrize("letter", ["s", "ä"])
def test_a_socket_path_that_no_kernel_takes(params: dict[str, Any], letter: str) -> None:
    bytes_each = len(letter.encode())
    fits = "/" + letter * ((LONGEST_SOCKET_PATH - 1) // bytes_each)
    assert problems({**params, "socket": fits}) == []
    (said,) = problems({**params, "socket": fits + letter})
    assert "107 bytes" in said and fits in said


def test_an_option_file_that_is_neither_given_nor_there(params: dict[str, Any]) -> None:
    params["defaults_text"] = None
    both = problems({**params, "socket": "/" + "s" * 200})
    assert len(both) == 2 and "is not there" in both[1]
    assert problems({**params, "state": "stopped"}) == []
    Path(params["defaults_file"]).parent.mkdir()
    Path(params["defaults_file"]).write_text("")
    assert problems(params) == []


def test_wanted_files(params: dict[str, Any]) -> None:
    assert wanted_files(params) == [(Path(params["defaults_file"]), "[mysqld]\n", 0o644)]
    client = {**params, "client_defaults_file": "/srv/demo/clients/w1.cnf"}
    _server, (path, text, mode) = wanted_files(client)
    assert (str(path), mode) == ("/srv/demo/clients/w1.cnf", 0o600)
    assert text.splitlines()[1:] == ["[client]", "user = root", f"socket = {params['socket']}"]
    assert wanted_files({**client, "state": "stopped"}) == []
    assert wanted_files({**params, "defaults_text": None}) == []
    # An empty text is a text.
    assert wanted_files({**params, "defaults_text": ""})[0][1] == ""


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_put_into_place_with_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "new" / "client.cnf"
    for text in ("one\n", "two\n"):
        write_file(path, text, mode)
        assert path.read_text() == text
        assert path.stat().st_mode & 0o777 == mode
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["client.cnf"]


# A process that shows any words as its command line, and only sleeps.
SLEEPER = """
import ctypes, os, sys, time
shown = b"".join(os.fsencode(word) + bytes(1) for word in sys.argv[1:])
with open("/proc/self/cmdline", "rb") as file:
    size = len(file.read())
start = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "program_invocation_name").value
ctypes.memmove(start, shown.ljust(size, bytes(1)), size)
time.sleep(60)
"""


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    """Start processes under any command line; each is ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*words: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", SLEEPER, *words], env={**os.environ, **environment}
        )
        started.append(process)
        shown = b"".join(os.fsencode(word) + b"\0" for word in words)
        end = time.monotonic() + 20
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(shown):
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.01)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def test_a_server_is_known_by_its_option_file(params: dict[str, Any], sleeper: Sleeper) -> None:
    process = process_of(params)
    argument = f"--defaults-file={params['defaults_file']}"
    assert process.pid() == 0
    sleeper("/usr/sbin/mariadbd", f"{argument}.other")
    sleeper("/usr/sbin/mariadbd", "--no-defaults", argument)
    sleeper("/usr/sbin/mariadbd", "--defaults-file", params["defaults_file"])
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
    params: dict[str, Any], sleeper: Sleeper, client: str
) -> None:
    """mariadb-backup takes the server's option file as its first word; a run must not end it."""
    sleeper(client, f"--defaults-file={params['defaults_file']}", "--backup")
    assert process_of(params).pid() == 0


def test_a_server_that_has_ended_and_was_not_reaped_does_not_run(
    params: dict[str, Any], sleeper: Sleeper
) -> None:
    ours = sleeper("mariadbd", f"--defaults-file={params['defaults_file']}")
    process = process_of(params)
    process.stop(process.pid())
    # Not waited for yet: it is a zombie.
    assert Path(f"/proc/{ours.pid}").exists()
    assert process.pid() == 0


def test_a_server_knows_the_text_that_it_was_started_with(
    params: dict[str, Any], sleeper: Sleeper
) -> None:
    process = process_of(params)
    argument = f"--defaults-file={params['defaults_file']}"
    present = sleeper("mariadbd", argument, **{DIGEST: process.digest()})
    assert process.runs_with_present_text(present.pid)
    changed = process_of({**params, "defaults_text": "[mysqld]\nport = 1\n"})
    assert not changed.runs_with_present_text(present.pid)
    by_hand = sleeper("mariadbd", argument)
    assert not process.runs_with_present_text(by_hand.pid)


def test_without_a_text_the_files_own_counts(params: dict[str, Any]) -> None:
    file = Path(params["defaults_file"])
    file.parent.mkdir()
    file.write_text(params["defaults_text"])
    assert process_of({**params, "defaults_text": None}).digest() == process_of(params).digest()
    file.write_text("[mysqld]\nport = 1\n")
    assert process_of({**params, "defaults_text": None}).digest() != process_of(params).digest()


def run_module(params: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Run the module as a process of its own."""
    name = "ansible_collections.dbrw.sharding.plugins.modules.mysqld_process"
    done = subprocess.run(
        [sys.executable, "-m", name],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**params, "_ansible_check_mode": check}}),
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture
def running(params: dict[str, Any], sleeper: Sleeper) -> Iterator[dict[str, Any]]:
    """Options that a server fits that runs already: its process, its files and its folders."""
    with tempfile.TemporaryDirectory() as folder:
        params["socket"] = f"{folder}/s"
        write_file(Path(params["defaults_file"]), params["defaults_text"], 0o644)
        Path(params["datadir"]).mkdir()
        argument = f"--defaults-file={params['defaults_file']}"
        sleeper("mariadbd", argument, **{DIGEST: process_of(params).digest()})
        yield params


@pytest.fixture
def greeting(running: dict[str, Any]) -> Iterator[None]:
    """Greet every client on the server's socket as a server does."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(running["socket"])
        listening.listen()

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with listening.accept()[0] as client:
                        client.sendall(b"\x4a\0\0\0\x0a11.8")

        threading.Thread(target=greet, daemon=True).start()
        yield


@pytest.mark.usefixtures("greeting")
def test_a_server_that_runs_and_answers_is_left_alone(running: dict[str, Any]) -> None:
    for check in (True, False):
        result = run_module(running, check)
        assert not result["changed"] and result["actions"] == [] and "failed" not in result
        assert result["pid"] == process_of(running).pid() != 0
        assert result["restart_pending"] is False


def test_a_server_that_runs_and_does_not_answer_is_waited_for(running: dict[str, Any]) -> None:
    """A run that gave up waiting can be run again, and waits again."""
    result = run_module(running)
    assert result.get("failed"), result
    assert "within 1 s" in result["msg"]


@pytest.mark.usefixtures("greeting")
def test_another_text_without_a_restart_is_told_as_pending(running: dict[str, Any]) -> None:
    """A text that it may not come up with never lies where its next start would read it."""
    started_with = running["defaults_text"]
    running.update(defaults_text="[mysqld]\nport = 1\n", restart=False)
    pid = process_of(running).pid()
    for check in (True, False, False):
        result = run_module(running, check)
        assert (result["changed"], result["restart_pending"]) == (False, True), result
        assert result["pid"] == pid
    assert Path(running["defaults_file"]).read_text() == started_with
    restarted = run_module({**running, "restart": True}, check=True)
    write = f"write {running['defaults_file']}"
    assert restarted["actions"] == [write, "stop", "start"] and restarted["changed"]


@pytest.mark.usefixtures("greeting")
def test_a_folder_that_is_made_is_told(running: dict[str, Any]) -> None:
    running["include_dir"] = str(Path(running["datadir"]).with_name("conf.d"))
    predicted = run_module(running, check=True)
    assert not Path(running["include_dir"]).exists()
    done = run_module(running)
    assert Path(running["include_dir"]).is_dir()
    assert predicted["changed"] and done["changed"]
    assert not run_module(running)["changed"]


def test_stopped_ends_the_server_and_touches_nothing_else(
    running: dict[str, Any], sleeper: Sleeper
) -> None:
    other = sleeper("mariadbd", "--defaults-file=/srv/somebody/my.cnf")
    stopped = {**running, "state": "stopped"}
    predicted = run_module(stopped, check=True)
    assert predicted["actions"] == ["stop"] and process_of(running).pid() != 0
    done = run_module(stopped)
    assert done["actions"] == ["stop"] and done["changed"] and done["pid"] == 0
    assert other.poll() is None
    again = run_module(stopped)
    assert not again["changed"] and again["actions"] == []


def test_bad_options_are_told_before_anything_is_written(params: dict[str, Any]) -> None:
    result = run_module({**params, "socket": "/" + "s" * 200})
    assert result["failed"] and "107 bytes" in result["msg"]
    assert not Path(params["defaults_file"]).parent.exists()


def test_a_host_without_a_server_is_told(
    params: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders that servers live in are looked through whatever PATH says: none of them here."""
    monkeypatch.setattr(f"{Process.__module__}._search_path", lambda: str(tmp_path))
    with pytest.raises(ServerFailed, match="no mysqld on this host: install a server, on Debian"):
        process_of(params).initialise()
    # One that has the server, and not what makes its data directory.
    (tmp_path / "mariadbd").touch(mode=0o755)
    wanted = "no mariadb-install-db or mysql_install_db on this host: install a server"
    with pytest.raises(ServerFailed, match=wanted):
        process_of(params).initialise()
