"""The agent's program in one file, which needs nothing of the collection."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.agent_program import PACKAGE, FilterModule

agent_program = FilterModule().filters()["agent_program"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("agent") / "dbrw_agent"
    file.write_text(agent_program(sys.executable))
    file.chmod(0o755)
    return file


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )


def test_it_runs_by_itself(program: Path) -> None:
    shown = run(program, "--help")
    assert shown.returncode == 0, shown.stderr
    assert "once" in shown.stdout


def test_the_same_collection_gives_the_same_text(program: Path) -> None:
    assert agent_program(sys.executable) == program.read_text()


def test_it_holds_what_it_imports_and_nothing_of_ansible(program: Path) -> None:
    text = program.read_text()
    assert f"'{PACKAGE}.server.replication.replica_set_steps'" in text
    assert "from ansible.module_utils" not in text
    assert f"'{PACKAGE}.run" not in text


def test_what_cannot_be_used_is_told_in_a_sentence(program: Path, tmp_path: Path) -> None:
    config = tmp_path / "agent.json"
    said = run(program, "once", str(config))
    assert (said.returncode, said.stderr) == (
        2,
        f"dbrw_agent: cannot read {config}: No such file or directory\n",
    )
    config.write_text("{}")
    config.chmod(0o644)
    assert "others can read" in run(program, "once", str(config)).stderr
    config.chmod(0o600)
    said = run(program, "once", str(config))
    assert "is no configuration of an agent: set, member, socket" in said.stderr
    assert said.returncode == 2


def test_whether_the_one_that_runs_is_of_these_files(program: Path, tmp_path: Path) -> None:
    config = tmp_path / "agent.json"
    given = {
        **{"set": "fabric", "member": "f1", "members": [{"name": "f1", "host": "127.0.0.1"}]},
        **{"socket": str(tmp_path / "none.sock"), "user": "agent", "password": "hushed"},
        **{"monitor_user": "monitor", "monitor_password": "hushed", "tls": False},
    }
    config.write_text(json.dumps(given))
    config.chmod(0o600)

    def checked() -> str:
        done = run(program, "check", str(config))
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert checked() == "not running\n"
    # It is asked as root, and the agent, which is another user, must be able to make its files.
    assert [file.name for file in tmp_path.iterdir()] == ["agent.json"]
    assert run(program, "start", str(config)).stdout == "started\n"
    try:
        assert checked() == "running\n"
        config.write_text(json.dumps({**given, "connect_timeout": 3}))
        assert checked() == "outdated\n"
    finally:
        assert run(program, "stop", str(config)).stdout == "stopped\n"
    assert checked() == "not running\n"
