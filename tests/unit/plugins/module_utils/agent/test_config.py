"""The agent's configuration, and the lock that it shares with the module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.agent.config import (
    NotUsable,
    read_config,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.agent.program import StateFile
from ansible_collections.dbrw.sharding.plugins.module_utils.agent.turns import set_lock
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.replica_set import (
    ReplicaSet,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.agent import (
    STAY,
    Decision,
    Seen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.named_lock import lock_name

GIVEN: dict[str, Any] = {
    "set": "fabric",
    "member": "f1",
    "members": [{"name": "f1", "host": "10.0.0.1"}, {"name": "f2", "host": "10.0.0.2", "port": 1}],
    "socket": "/run/mysqld.sock",
    "user": "agent",
    "password": "hushed",
    "monitor_user": "monitor",
    "monitor_password": "hushed too",
}


def written(folder: Path, **changes: Any) -> Path:
    file = folder / "agent.json"
    file.write_text(json.dumps({**GIVEN, **changes}))
    file.chmod(0o600)
    return file


def test_its_own_server_is_reached_by_socket_and_the_others_as_monitor(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    config = read_config(written(tmp_path, ca_cert=str(authority)))
    own, other = config.logins["f1"], config.logins["f2"]
    assert (own.unix_socket, own.host, own.user) == ("/run/mysqld.sock", None, "agent")
    assert (other.unix_socket, other.host, other.port, other.user) == (
        None,
        "10.0.0.2",
        1,
        "monitor",
    )
    assert (other.ca_cert, other.check_hostname, other.unverified_tls) == (
        str(authority),
        True,
        False,
    )
    assert config.state_file == tmp_path / "agent.json.state"
    authority.unlink()
    with pytest.raises(NotUsable, match="ca.pem cannot be read by this user"):
        read_config(written(tmp_path, ca_cert=str(authority)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"member": "f9"}, "member is f9, which is none of members"),
        ({"password": ""}, "password missing"),
        ({"members": [{"name": "f1"}]}, "KeyError 'host'"),
        ({"members": 3}, "is no configuration"),
    ],
)
def test_a_wrong_configuration_is_told_without_its_passwords(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotUsable) as caught:
        read_config(written(tmp_path, **changes))
    assert said in str(caught.value)
    assert "hushed" not in str(caught.value)


def test_the_lock_is_the_one_that_the_module_takes() -> None:
    members = [{**one, "port": 1, "datacenter": ""} for one in GIVEN["members"]]
    for one in members:
        one.update(replication_user="r", replication_password="p")
    params = {option: how.get("default") for option, how in ReplicaSet.options.items()}
    params.update(name="fabric", member="f1", members=members)
    operation = ReplicaSet()
    desired = operation.desired(params)
    assert operation.journal_on(desired) is None
    assert set_lock("fabric") == lock_name(operation.topology(desired), operation.name(desired), "")


def test_what_was_seen_outlives_the_agent(tmp_path: Path, capsys: Any) -> None:
    config = read_config(written(tmp_path))
    state = StateFile(config)
    assert state.seen() is None
    seen = Seen(5.0, 7, in_service=True)
    for _same in range(2):
        state.keep(Decision(STAY, "f2 does not answer"), seen)
    assert StateFile(config).seen() == seen
    # A line for what has changed, and no more.
    assert capsys.readouterr().out.count("f1: stay closed: f2 does not answer") == 1
    assert json.loads(config.state_file.read_text())["reason"] == "f2 does not answer"
    config.state_file.write_text("{")
    assert StateFile(config).seen() is None
