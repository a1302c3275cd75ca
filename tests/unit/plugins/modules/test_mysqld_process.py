"""mysqld_process: its options, its files, and what it does with a server that runs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.config_change import (
    write_file,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.host.servers.process import DIGEST
from ansible_collections.dbrw.sharding.plugins.modules.mysqld_process import (
    LONGEST_SOCKET_PATH,
    problems,
    process_of,
    wanted_files,
)
from tests.support.sleepers import Sleeper, sleeper

__all__ = ["sleeper"]

ROOT = Path(__file__).resolve().parents[4]


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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"socket": "/" + "x" * 107}, "longer than the 107 bytes"),
        ({"defaults_text": None}, "is not there; give its defaults_text"),
        ({"socket": "x"}, "socket is 'x': "),
        ({"socket": "/a\nskip_grant_tables"}, "socket is '/a\\nskip_grant_tables': "),
    ],
)
def test_bad_options_touch_nothing(
    params: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    refused = run_module({**params, **options})
    assert refused["failed"] and said in refused["msg"], refused
    assert not Path(params["datadir"]).parent.exists()


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
